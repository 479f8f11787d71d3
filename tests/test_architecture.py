"""The direction of imports and the other rules of the house, read off the source."""

from __future__ import annotations

import ast
import functools
import inspect
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import autograd as ag
from autograd.op import Op
from autograd.ops import NAMESPACE, OPS

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("backends", "autograd", "nn", "gradloom")
ARRAY_LIBRARIES = {"numpy", "numba", "cupy", "torch", "jax", "scipy"}
OPTIONAL = {
    "tqdm", "matplotlib", "IPython", "numba", "llvmlite", "platformdirs", "cupy",
    "scipy_openblas32", "torch", "jax", "mygrad", "tensorboardX", "pygraphviz", "optuna", "sqlalchemy", "PIL",
    "h5py", "onnx",
}  # fmt: skip
NN_MAY_IMPORT_NUMPY = (
    "nn/columns.py", "nn/data.py", "nn/frames.py", "nn/images.py", "nn/seed.py", "nn/sequences.py", "nn/table_columns.py",
    "nn/datasets/cached.py", "nn/datasets/files.py", "nn/datasets/made.py", "nn/datasets/sequences.py",
    "nn/datasets/shipped.py",
    "nn/sklearn/classifier.py", "nn/sklearn/labels.py", "nn/sklearn/network.py", "nn/sklearn/regressor.py",
    "nn/sklearn/rows.py", "nn/sklearn/wrappers.py", "nn/sklearn/wrapping.py",
)  # fmt: skip
"""Where arrays and tables of the user enter, where datasets are arrays, where scikit-learn gives and takes arrays, and where NumPy's own generator is seeded; the rest of nn sees tensors alone."""
DEFERRED = {
    ("backends/suggest.py", "difflib"),
    ("autograd/svg.py", "subprocess"),
    ("autograd/jit.py", "autograd.jitted"),
    ("nn/checkpoint/container.py", "json"),
    ("nn/checkpoint/container.py", "hashlib"),
    ("nn/checkpoint/container.py", "safetensors.numpy"),
    ("nn/checkpoint/hdf5_child.py", "safetensors.numpy"),
    ("nn/storable.py", "nn.checkpoint.onnx_file"),
    ("nn/callbacks/files.py", "csv"),
    ("backends/numba/backend.py", "backends.numba.kernels"),
    ("backends/numba/backend.py", "backends.native.cache"),
    ("backends/numba/backend.py", "backends.native"),
    ("backends/numba/backend.py", "backends.processor"),
    ("backends/numpy/backend.py", "backends.numpy.planned"),
    ("backends/cupy/backend.py", "backends.cupy.executable"),
    ("backends/cupy/backend.py", "backends.cupy.memory"),
    ("backends/registry.py", "backends.cupy"),
    ("autograd/testing/plugin.py", "autograd.testing.gradcheck"),
}
"""What is imported late: only an error message, a file, a picture or a kernel needs it; pytest loads the plugin at each start."""
TENSOR_INTERNALS = {"_node", "_data", "_backend", "_xp"}


class Module(NamedTuple):
    name: str
    path: Path
    tree: ast.Module

    @property
    def where(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")


class Import(NamedTuple):
    module: str
    names: tuple[str, ...]
    line: int
    in_function: bool
    for_types: bool


def _modules() -> dict[str, Module]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")))
    return found


MODULES = _modules()


def _is_type_checking(node: ast.AST) -> bool:
    if not isinstance(node, ast.If):
        return False
    names = {getattr(part, "id", getattr(part, "attr", None)) for part in ast.walk(node.test)}
    return "TYPE_CHECKING" in names


@functools.cache
def imports(module: Module) -> tuple[Import, ...]:
    """Every import of a module, with relative ones made absolute; read once, for all the rules about them."""

    def walk(node: ast.AST, in_function: bool, for_types: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, (), child.lineno, in_function, for_types)
            elif isinstance(child, ast.ImportFrom):
                names = tuple(alias.name for alias in child.names)
                yield Import(_absolute(module, child), names, child.lineno, in_function, for_types)
            else:
                function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(child, in_function or function, for_types or _is_type_checking(child))

    return tuple(walk(module.tree, False, False))


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    if module.path.name != "__init__.py":
        parts = parts[:-1]
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, node.module] if node.module else parts)


def top(name: str) -> str:
    return name.split(".")[0]


def each_import(*packages: str) -> Iterator[tuple[Module, Import]]:
    for module in MODULES.values():
        if top(module.name) in packages:
            for entry in imports(module):
                yield module, entry


def test_backends_know_nothing_above_them():
    wrong = [f"{m.where}:{i.line}" for m, i in each_import("backends") if top(i.module) in ("autograd", "nn")]
    assert not wrong


def test_autograd_does_not_know_nn():
    assert not [f"{m.where}:{i.line}" for m, i in each_import("autograd") if top(i.module) == "nn"]


def test_autograd_sees_no_array_library():
    wrong = [
        f"{m.where}:{i.line}"
        for m, i in each_import("autograd")
        if top(i.module) in ARRAY_LIBRARIES and not m.name.startswith("autograd.testing")
    ]
    assert not wrong


def test_nn_does_not_reach_around_autograd():
    """No backends, and NumPy only where data enters or leaves."""
    for module, entry in each_import("nn"):
        place = f"{module.where}:{entry.line} imports {entry.module}"
        assert top(entry.module) != "backends", place
        assert top(entry.module) not in ARRAY_LIBRARIES - {"numpy"} or entry.in_function, place
        if top(entry.module) == "numpy":
            assert module.where in NN_MAY_IMPORT_NUMPY, place


def test_the_list_of_exceptions_is_not_longer_than_needed():
    used = {m.where for m, i in each_import("nn") if top(i.module) == "numpy"}
    assert set(NN_MAY_IMPORT_NUMPY) == used


def test_nn_uses_only_public_names_of_autograd():
    for module, entry in each_import("nn"):
        if top(entry.module) != "autograd":
            continue
        place = f"{module.where}:{entry.line} imports {entry.names} from {entry.module}"
        assert not any(part.startswith("_") for part in (*entry.module.split("."), *entry.names)), place
        if entry.module == "autograd":
            assert set(entry.names) <= {*ag.__all__, "testing"}, place
        else:
            assert entry.module in (
                "autograd.application",
                "autograd.deferred",
                "autograd.errors",
                "autograd.exporting",
                "autograd.keys",
                "autograd.mode",
                "autograd.notebook",
                "autograd.random",
                "autograd.rowwise",
                "autograd.structure",
                "autograd.svg",
                "autograd.tracing",
                "autograd.typing",
            ), place


def test_nn_does_not_touch_the_inside_of_tensors():
    for module in MODULES.values():
        if top(module.name) != "nn":
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute):
                place = f"{module.where}:{node.lineno} {node.attr}"
                assert node.attr not in TENSOR_INTERNALS, place
                private = node.attr.startswith("_") and not node.attr.endswith("__")
                of_package = isinstance(node.value, ast.Name) and node.value.id in ("ag", "autograd")  # fmt: skip
                assert not (of_package and private), place


def test_functions_import_only_optional_libraries():
    wrong = [
        f"{m.where}:{i.line} {i.module}"
        for m, i in each_import(*PACKAGES)
        if i.in_function and top(i.module) not in OPTIONAL and (m.where, i.module) not in DEFERRED
    ]
    assert not wrong


def test_optional_libraries_are_imported_nowhere_else():
    wrong = [
        f"{m.where}:{i.line} {i.module}"
        for m, i in each_import(*PACKAGES)
        if top(i.module) in OPTIONAL and not (i.in_function or i.for_types)
    ]
    assert not wrong


def test_scikit_learn_is_imported_by_the_package_for_it_alone():
    """Its classes are bases there, so it is imported with the module; nothing else imports that module."""
    for module, entry in each_import(*PACKAGES):
        place = f"{module.where}:{entry.line} imports {entry.module}"
        inside = module.name.startswith("nn.sklearn")
        assert top(entry.module) != "sklearn" or inside, place
        assert not entry.module.startswith("nn.sklearn") or inside, place


def test_no_star_imports():
    assert not [f"{m.where}:{i.line}" for m, i in each_import(*PACKAGES) if "*" in i.names]


def _edges() -> dict[str, set[str]]:
    edges: dict[str, set[str]] = {name: set() for name in MODULES}
    for module, entry in each_import(*PACKAGES):
        if entry.for_types or entry.in_function:
            continue
        targets = {f"{entry.module}.{name}" for name in entry.names} & MODULES.keys()
        others = [n for n in entry.names if f"{entry.module}.{n}" not in MODULES]
        if (others or not entry.names) and entry.module in MODULES:
            targets.add(entry.module)
        edges[module.name] |= targets - {module.name}
    return edges


def test_no_import_cycles():
    edges = _edges()
    assert sum(map(len, edges.values())) > 50
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for target in sorted(edges[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in edges:
        visit(name, ())


def test_importing_is_cheap():
    """The optional and the heavy libraries stay out until they are asked for."""
    heavy = [
        "numba",
        "cupy",
        "matplotlib",
        "pygraphviz",
        "pandas",
        "torch",
        "jax",
        "mygrad",
        "scipy",
        "tqdm",
        "safetensors",
        "onnx",
        "sklearn",
        "IPython",
        "optuna",
        "hypothesis",
        "pytest",
    ]
    code = f"import sys, autograd, nn; print(*(name for name in {heavy} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("module", MODULES.values(), ids=lambda m: m.name)
def test_files_are_short_and_say_what_they_decide(module):
    lines = module.path.read_text(encoding="utf-8").count("\n")
    assert lines <= 400, f"{module.where} has {lines} lines"
    wide = [n for n, line in enumerate(module.text.split("\n"), 1) if len(line) > 110]
    assert not wide, f"{module.where}: lines {wide} have more than 110 columns"
    assert ast.get_docstring(module.tree), f"{module.where} has no docstring"


LITERALS = (ast.Dict, ast.List, ast.Tuple, ast.Set)


def is_table(node):
    """Whether a statement gives a name to a literal of several rows."""
    value = getattr(node, "value", None)
    while isinstance(value, ast.BinOp):
        value = value.left
    if isinstance(value, ast.Call) and len(value.args) == 1:
        value = value.args[0]
    return isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(value, LITERALS)


@pytest.mark.parametrize("module", MODULES.values(), ids=lambda m: m.name)
def test_tables_alone_are_laid_out_by_hand(module):
    marked = {n for n, line in enumerate(module.text.split("\n"), 1) if "fmt: skip" in line}
    tables = {n.end_lineno for n in ast.walk(module.tree) if isinstance(n, ast.stmt) and is_table(n)}
    assert marked <= tables, module.where
    assert "fmt: off" not in module.text, module.where


def test_functions_fit_a_screen():
    for module in MODULES.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef):
                body = node.body
                if ast.get_docstring(node):
                    body = body[1:]
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                assert length <= 60, f"{module.where}:{node.lineno} {node.name} has {length} lines"


def test_every_op_is_public_by_being_declared():
    assert set(OPS) <= set(ag.__all__)
    for name, op in OPS.items():
        # public: functions that take a key, an equation, a count for each element
        if name not in ("getitem", "einsum", "repeat"):
            assert getattr(ag, name).op is op


def test_public_names_are_there_and_nothing_else():
    for name in ag.__all__:
        assert hasattr(ag, name), name
    assert len(set(ag.__all__)) == len(ag.__all__)
    for name, member in vars(ag).items():
        if isinstance(getattr(member, "op", None), Op):
            assert name in ag.__all__, name


def test_every_op_function_is_what_its_declaration_says():
    for name, op in OPS.items():
        function = getattr(NAMESPACE, name)
        assert function.op is op
        assert name == op.name == function.__name__
        parameters = list(inspect.signature(function).parameters)
        assert parameters == [*op.arrays, *([op.variadic] if op.variadic else []), *op.static], name


def test_every_op_is_documented():
    for name, op in OPS.items():
        text = inspect.getdoc(op.forward)
        assert text, name
        assert text.partition("\n\n")[0].endswith((".", ":")), name


def _plain_functions() -> Iterator[tuple[str, object]]:
    for name in ag.__all__:
        member = getattr(ag, name)
        is_op = isinstance(getattr(member, "op", None), Op)
        if inspect.isfunction(member) and not is_op:
            yield name, member


def test_public_functions_have_examples():
    """Ops are one-line formulas with names from NumPy; every other function shows a use, which runs as a doctest."""
    functions = dict(_plain_functions())
    assert len(functions) > 10
    missing = [name for name, f in functions.items() if ">>>" not in (inspect.getdoc(f) or "")]
    assert not missing


def test_every_error_is_documented():
    for name in ag.__all__:
        member = getattr(ag, name)
        if inspect.isclass(member) and issubclass(member, Exception):
            assert member.__doc__, name
            assert issubclass(member, ag.GradloomError), name


def test_tensor_methods_are_ops_with_the_same_arguments():
    """What a method does by name, the function does too."""
    for name, op in OPS.items():
        method = inspect.getattr_static(ag.Tensor, name, None)
        if method is None or not inspect.isfunction(method):
            continue
        parameters = list(inspect.signature(method).parameters)
        if name in ("reshape", "transpose", "permute_dims", "where"):
            continue
        if len(op.arrays) == 2 and not op.static:
            assert len(parameters) == 2, name  # the other operand, whatever its name
        else:
            assert parameters[1:] == [*op.arrays[1:], *op.static], name


def test_the_packages_are_typed_and_listed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = set(project["tool"]["setuptools"]["packages"])
    folders = {m.name for m in MODULES.values() if m.path.name == "__init__.py"}
    assert listed == folders
    for package in PACKAGES:
        assert (ROOT / package / "py.typed").exists()
        assert "py.typed" in project["tool"]["setuptools"]["package-data"][package]


def test_another_distribution_of_the_same_name_is_reported(tmp_path):
    """The package index has another `autograd`; side by side they would break each other without a word."""
    (tmp_path / "autograd-1.8.0.dist-info").mkdir()
    code = f"import sys; sys.path.append({str(tmp_path)!r}); import autograd"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "the distribution 'autograd'" in done.stderr
    assert "separate environments" in done.stderr


def test_nn_says_so_when_autograd_is_the_other_distribution(tmp_path):
    other = tmp_path / "autograd"
    other.mkdir()
    (other / "__init__.py").write_text("")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", "import nn"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert f"'autograd' is another distribution here ({other}" in done.stderr
