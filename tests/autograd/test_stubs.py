"""The stub of `autograd` and those of `gradloom`: equal to what declarations and sources give, and true of the modules."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import os
import sys
from pathlib import Path

import pytest

import autograd as ag
from autograd.ops import NAMESPACE, OPS

pytestmark = pytest.mark.once
ROOT = Path(ag.__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def made():
    spec = importlib.util.spec_from_file_location("make_stubs", ROOT / "docs" / "make_stubs.py")
    script = importlib.util.module_from_spec(spec)
    sys.modules["make_stubs"] = script
    spec.loader.exec_module(script)
    return script


@pytest.fixture(scope="module")
def functions():
    """The functions of the stub by name; of overloads the last."""
    tree = ast.parse((ROOT / "autograd" / "__init__.pyi").read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_stubs_are_what_the_declarations_give(made):
    wanted = made.stubs()
    if os.environ.get("GRADLOOM_RENEW") == "1":
        for path, text in wanted.items():
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text, encoding="utf-8")
    for path, text in wanted.items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, path
    there = {p.relative_to(ROOT).as_posix() for p in (ROOT / "gradloom").rglob("*.pyi")}
    assert there == {path for path in wanted if path.startswith("gradloom")}


def test_every_public_name_is_declared_and_nothing_else(functions):
    text = (ROOT / "autograd" / "__init__.pyi").read_text(encoding="utf-8")
    exported = {
        alias.asname
        for node in ast.parse(text).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    } - {None}
    assert {*functions, *exported} - {"_op"} == set(ag.__all__)


def test_functions_take_what_their_stub_says(functions):
    """Names, kinds and defaults of all parameters, as the interpreter knows them."""
    for name, node in functions.items():
        member = getattr(ag, name, None)
        if name == "_op" or isinstance(member, type):
            continue
        own = inspect.signature(
            getattr(NAMESPACE, name) if getattr(member, "op", None) else inspect.unwrap(member)
        )
        named = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        assert named == [
            p.name for p in own.parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ], name
        if name == "windows_add":
            continue  # one setting without a default stands last: in a stub all are given by name
        keywords = [p.name for p in own.parameters.values() if p.kind is p.KEYWORD_ONLY]
        assert [a.arg for a in node.args.kwonlyargs] == keywords, name
        given = [
            p
            for p in own.parameters.values()
            if p.default is not p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
        ]
        overloaded = any("overload" in ast.unparse(d) for d in node.decorator_list)
        if not overloaded:
            assert len(node.args.defaults) == len(given), name
            for parameter, default in zip(given, node.args.defaults, strict=True):
                if isinstance(parameter.default, (int, float, str, type(None))):
                    assert ast.literal_eval(default) == parameter.default, (name, parameter)


def test_the_types_of_settings_are_those_of_declarations(functions):
    """Each setting of each op has a type, except those that only rules give."""
    untyped = {}
    for name, op in OPS.items():
        node = functions[name]
        every = {a.arg: ast.unparse(a.annotation) for a in (*node.args.args, *node.args.kwonlyargs)}
        loose = [setting for setting in op.static if every.get(setting) == "Any"]
        if loose:
            untyped[name] = loose
        assert ast.unparse(node.returns) in ("Tensor", "list[Tensor]"), name
    assert untyped == {"getitem": ["key"], "index_add": ["key", "shape"], "masked_scale": ["scale"]}


def test_every_module_that_a_stub_stands_for_exists(made):
    for path in made.stubs():
        name = path.removesuffix(".pyi").removesuffix("/__init__").replace("/", ".")
        module = importlib.import_module(name)
        assert module is importlib.import_module(name.removeprefix("gradloom.")), path
