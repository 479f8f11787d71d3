"""What is known of primitives stands in their table: nobody keeps a list of names."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from backends.primitives import PRIMITIVES

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = [
    path
    for package in ("backends", "autograd")
    for path in sorted((ROOT / package).rglob("*.py"))
    if path != ROOT / "backends" / "primitives.py"
]


TRANSLATIONS = ROOT / "backends" / "to_onnx"
"""Here a table from primitives to their form in another vocabulary is what the code is for; `test_onnx_ops` tries every op."""


def lists_of_names(source, tables=True):
    """The literal sets, tuples, lists and (as `tables`) dicts of a source that hold primitives alone, two or more."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Set(elts=elements) | ast.Tuple(elts=elements) | ast.List(elts=elements):
                names = elements
            case ast.Dict(keys=keys) if tables:
                names = keys
            case _:
                continue
        texts = [n.value for n in names if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        if len(texts) == len(names) >= 2 and set(texts) <= PRIMITIVES.keys():
            yield node.lineno, texts


def test_there_are_no_lists_of_primitives():
    found = [
        f"{p.relative_to(ROOT)}:{line} {names}"
        for p in FILES
        for line, names in lists_of_names(p.read_text("utf-8"), TRANSLATIONS not in p.parents)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('_LOGIC = frozenset(("logical_and", "logical_or"))', ["logical_and", "logical_or"]),
        ('if name in {"sum", "max"}:\n    pass', ["sum", "max"]),
        ('_TEXT = {"add": 1, "multiply": 2}', ["add", "multiply"]),
    ],
)
def test_a_list_is_found(source, names):
    assert [texts for _, texts in lists_of_names(source)] == [names]


@pytest.mark.parametrize("source", ['x = ("sum",)', 'x = ("sum", "mean")', "x = (1, 2)", "x = ()"])
def test_other_literals_are_not(source):
    assert list(lists_of_names(source)) == []


def test_facts_fit_each_other():
    for row in PRIMITIVES.values():
        assert (row.gathers is not None) == (row.kind == "reduction")
        if row.gathers is not None:
            joins = PRIMITIVES[row.gathers.by]
            assert (joins.arity, joins.kind, joins.commutes or joins.family == "logic") == (
                2,
                "elementwise",
                True,
            )
            assert joins.prefers == {float("-inf"): ">", float("inf"): "<"}.get(row.gathers.start)
        assert set(row.mistaken_for) <= PRIMITIVES.keys() - {row.name}
        assert row.view is None or row.kind == "shape"
