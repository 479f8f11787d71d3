"""Writes what type checkers and editors read of names that are made when the packages are imported:
`autograd/__init__.pyi`, and the stubs of the alias package `gradloom`: `python docs/make_stubs.py`.

Nothing is written by hand. The arguments of an op are those of its declaration: its arrays, and its settings, whose
types are those of its normaliser, which is given what users write, or of the default. Every other function is copied
from its source without its body. `tests/autograd/test_stubs.py` holds the files equal to what this script makes.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import autograd as ag
import nn
from autograd.op import Op
from autograd.ops import OPS

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 110
_BUILTINS = vars(importlib.import_module("builtins"))
_SWITCH = ag.no_grad.__mro__[1]
"""The base of the classes that are used as functions."""
_HEAD = '''"""Reverse-mode automatic differentiation over pluggable array backends.

Written by `python docs/make_stubs.py` from the declarations of ops and the sources; do not edit it.
"""
'''
_OP = """
_P = ParamSpec("_P")

def _op(rule: Callable[_P, Tensor]) -> Function[_P]: ..."""
_SWITCHES = '''
@overload
def {name}() -> _Switch: ...
@overload
def {name}(function: Callable[P, R]) -> Callable[P, R]:
    """{doc}"""
'''
_ALIASES = {
    "autograd": ("errors", "random", "testing", "typing"),
    "backends": ("errors", "philox"),
    "nn": tuple(nn._MODULES.split()),
}
"""The modules that have a stub under `gradloom`, besides the packages themselves."""
_ALIAS_HEAD = '"""Written by `python docs/make_stubs.py`; do not edit it."""\n\n'


class Parameter(NamedTuple):
    """One parameter of a function, as text; `mark` is what stands before its name: "", "*" or "**"."""

    name: str
    annotation: str = ""
    default: str = ""
    mark: str = ""

    def __str__(self) -> str:
        if not self.annotation:
            return f"{self.mark}{self.name}" + (f"={self.default}" if self.default else "")
        return f"{self.mark}{self.name}: {self.annotation}" + (f" = {self.default}" if self.default else "")


class Source:
    """The text of a module: the declarations in it, and where the names that they use come from."""

    def __init__(self, name: str) -> None:
        module = importlib.import_module(name)
        self.tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        self.origins: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                start = importlib.util.resolve_name(
                    "." * node.level + (node.module or ""), module.__package__
                )
                for alias in node.names:
                    self.origins[alias.asname or alias.name] = start
            elif isinstance(node, ast.Import):
                self.origins |= {alias.asname or alias.name: "" for alias in node.names}
        for node in self.tree.body:
            self.origins |= dict.fromkeys(_given_by(node), name)

    def functions(self, name: str) -> list[ast.FunctionDef]:
        """The overloads of a function, or the function itself."""
        found = [n for n in self.tree.body if isinstance(n, ast.FunctionDef) and n.name == name]
        return [n for n in found if "overload" in map(ast.unparse, n.decorator_list)] or found


def _given_by(node: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


source = cache(Source)


class Stub:
    """A stub as it is written: what it imports, and what it declares."""

    def __init__(self) -> None:
        self.imported: dict[str, set[str]] = {}
        self.parts: list[str] = []

    def uses(self, text: str, origins: dict[str, str]) -> str:
        """`text`, an annotation or a default; the names in it are imported."""
        for node in ast.walk(ast.parse(text or "None", mode="eval")):
            if isinstance(node, ast.Name) and node.id not in _BUILTINS:
                self.imports(origins[node.id], node.id)
        return text

    def imports(self, module: str, name: str, exported: bool = False) -> None:
        """`exported` names are part of what the stub has; others serve annotations."""
        self.imported.setdefault(module, set()).add(f"{name} as {name}" if exported else name)

    def op(self, op: Op) -> None:
        """The function of an op."""
        optional = dict(annotation="ArrayLike | None", default="None")
        arrays = [
            Parameter(n, **(optional if n in op.optional else {"annotation": "ArrayLike"})) for n in op.arrays
        ]
        variadic = [Parameter(op.variadic, "ArrayLike", mark="*")] if op.variadic else []
        settings = [self._setting(op, name, default) for name, default in op.static.items()]
        if [s.default == "" for s in settings] != sorted((s.default == "" for s in settings), reverse=True):
            settings.insert(0, Parameter("*"))  # one without a default behind one with it: by name alone
        self.parts.append(
            "@_op\n" + _function(op.name, [*arrays, *variadic, *settings], "Tensor", _doc(op.forward))
        )

    def _setting(self, op: Op, name: str, default: Any) -> Parameter:
        text = "" if default is inspect.Parameter.empty else repr(default).replace("'", '"')
        said = getattr(op.normalise, "__annotations__", {}).get(name)
        if said is not None:
            return Parameter(name, self.uses(said, source(op.normalise.__module__).origins), text)
        kind = {bool: "bool", int: "float", float: "float", str: "str"}.get(type(default), "Any")
        return Parameter(name, kind, text)

    def function(self, public: str, function: Any) -> None:
        """A function as its source declares it, under the name `public`."""
        where = source(inspect.unwrap(function).__module__)
        declared = where.functions(inspect.unwrap(function).__name__)
        for number, node in enumerate(declared, 1):
            decorators = [self.uses(ast.unparse(d), where.origins) for d in node.decorator_list]
            parameters = [
                p._replace(
                    annotation=self.uses(p.annotation, where.origins),
                    default=self.uses(p.default, where.origins),
                )
                for p in parameters_of(node.args)
            ]
            returns = self.uses(ast.unparse(node.returns) if node.returns else "Any", where.origins)
            doc = _doc(function) if number == len(declared) else ""
            text = _function(public, parameters, returns, doc)
            self.parts.append("".join(f"@{d}\n" for d in decorators) + text)

    def text(self) -> str:
        """The imports and the declarations."""
        lines = [f"import {name}" for name in sorted(self.imported.pop("", ()))]
        for module in sorted(
            self.imported, key=lambda name: (name.split(".")[0] in ("autograd", "backends"), name)
        ):
            names = self.imported[module]
            for name in sorted(n for n in names if f"{n} as {n}" not in names):
                lines.append(f"from {module} import {name}")
        spaced = [f"{part}\n" if part.endswith('"""') else part for part in self.parts]
        return "\n".join([*lines, *spaced]).rstrip("\n")


def parameters_of(arguments: ast.arguments) -> Iterator[Parameter]:
    """The parameters of a function in order, with the marks that stand alone."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [*[None] * (len(plain) - len(arguments.defaults)), *arguments.defaults]
    for number, (argument, default) in enumerate(zip(plain, defaults, strict=True), 1):
        yield _parameter(argument, default)
        if number == len(arguments.posonlyargs):
            yield Parameter("/")
    if arguments.vararg is not None:
        yield _parameter(arguments.vararg, None, "*")
    elif arguments.kwonlyargs:
        yield Parameter("*")
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(argument, default)
    if arguments.kwarg is not None:
        yield _parameter(arguments.kwarg, None, "**")


def _parameter(argument: ast.arg, default: ast.expr | None, mark: str = "") -> Parameter:
    annotation = "" if argument.annotation is None else _quoted(argument.annotation)
    return Parameter(argument.arg, annotation, "" if default is None else _quoted(default), mark)


def _quoted(node: ast.expr) -> str:
    return ast.unparse(node).replace("'", '"')


def _doc(function: Any) -> str:
    """The first paragraph of what is said of it."""
    return (inspect.getdoc(function) or "").partition("\n\n")[0]


def _function(name: str, parameters: list[Parameter], returns: str, doc: str) -> str:
    line = f"def {name}({', '.join(map(str, parameters))}) -> {returns}:"
    if len(f"{line} ...") > WIDTH:
        line = f"def {name}(\n" + "".join(f"    {p},\n" for p in parameters) + f") -> {returns}:"
    if not doc:
        return f"{line} ..."
    rows = [f"    {row}" for row in doc.replace("\\", "\\\\").splitlines()]
    rows[0] = f'    """{rows[0].strip()}'
    if len(rows) > 1 or doc.endswith('"'):
        rows.append("    ")
    return "\n".join([line, *rows]) + '"""'


def autograd_stub() -> str:
    """The text of `autograd/__init__.pyi`."""
    stub = Stub()
    for module, names in {
        "collections.abc": ("Callable",),
        "typing": ("Any", "ParamSpec", "overload"),
        "autograd.call": ("Function",),
        "autograd.mode": ("P", "R", "_Switch"),
        "autograd.typing": ("ArrayLike",),
    }.items():
        for name in names:
            stub.imports(module, name)
    stub.parts.append("\n__version__: str\n" + _OP)
    for name in sorted(ag.__all__):
        _declare(stub, name, getattr(ag, name))
    return _HEAD + "\n" + stub.text() + "\n"


def _declare(stub: Stub, name: str, member: Any) -> None:
    if isinstance(member, ModuleType):
        stub.imports(".", name, exported=True)
    elif isinstance(member, type) and issubclass(member, _SWITCH):
        stub.parts.append(_SWITCHES.format(name=name, doc=_doc(member).replace("\n", "\n    ")).strip())
    elif isinstance(member, type):
        stub.imports(member.__module__, name, exported=True)
    elif getattr(member, "op", None) is OPS.get(name, 0):
        stub.op(OPS[name])
    else:
        stub.function(name, member)


def alias_stubs() -> dict[str, str]:
    """The stubs of `gradloom`, by path."""
    packages = "".join(f"import {name} as {name}\n" for name in _ALIASES)
    doc = inspect.getdoc(importlib.import_module("gradloom")) or ""
    found = {"gradloom/__init__.pyi": f'"""{doc}\n"""\n\n{packages}\n__version__: str\n'}
    for package, modules in _ALIASES.items():
        for name in (package, *(f"{package}.{module}" for module in modules)):
            found |= _alias(name)
    return found


def _alias(name: str) -> dict[str, str]:
    """The stub of one module, and of the public modules that it names itself."""
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", ()) if "." in name else ()
    public = [n for n in exported if isinstance(getattr(module, n), ModuleType)]
    # a folder for each, beside which pyright looks for no source
    found = {f"gradloom/{name.replace('.', '/')}/__init__.pyi": f"{_ALIAS_HEAD}from {name} import *\n"}
    for child in sorted(public):
        found |= _alias(f"{name}.{child}")
    return found


def stubs() -> dict[str, str]:
    """Every stub that is written here, by its path from the root of the checkout."""
    return {"autograd/__init__.pyi": autograd_stub(), **alias_stubs()}


if __name__ == "__main__":
    for path, text in stubs().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
        print(f"wrote {path}")
