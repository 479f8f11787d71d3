"""Lists, tuples and dicts of tensors, which stand where one tensor would: several inputs, several outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import autograd as ag
from autograd import Tensor
from autograd.structure import flatten, keys_of, unflatten

Shape = tuple[int | None, ...]


def mapped(tree: Any, change: Callable[[Any], Any]) -> Any:
    """`tree` with each leaf changed; a tensor is its own leaf, None stays."""
    return change(tree) if isinstance(tree, Tensor) else unflatten(tree, map(change, flatten(tree)))


def first(tree: Any) -> Any:
    """The first tensor, which counts the rows for all."""
    return tree if isinstance(tree, Tensor) else flatten(tree)[0]


def rows_in(tree: Any) -> int:
    """How many rows the tensors have."""
    rows: int = first(tree).shape[0]
    return rows


def picked(tree: Any, rows: Any) -> Any:
    """Some rows of all tensors: a slice, or a tensor of positions."""
    return tree[rows] if isinstance(tree, Tensor) else mapped(tree, lambda leaf: leaf[rows])


def shapes_of(tree: Any) -> Any:
    """The shapes of the tensors, in their structure, with None for the number of rows."""
    return mapped(tree, lambda leaf: (None, *leaf.shape[1:]))


def is_shape(value: Any) -> bool:
    """Whether it is the shape of one tensor, and no structure of shapes."""
    return isinstance(value, tuple) and all(size is None or isinstance(size, int) for size in value)


def sole(tree: Any) -> Any:
    """The only tensor, or shape, in a structure of one, as losses and metrics see it; else all of it."""
    if isinstance(tree, Tensor) or tree is None or is_shape(tree) or len(tree) != 1:
        return tree
    return next(iter(tree.values())) if isinstance(tree, Mapping) else tree[0]


def holds_arrays(value: Any) -> bool:
    """Whether it is a dict, or a list or tuple of arrays: a structure, and no rows of numbers in lists."""
    if isinstance(value, Mapping):
        return True
    return (
        isinstance(value, (list, tuple))
        and bool(value)
        and all(getattr(item, "ndim", 0) or holds_arrays(item) for item in value)
    )


def parts_of(tree: Any) -> list[tuple[Any, Any]]:
    """(key, part) of each part of a flat structure: dicts by sorted key, lists by number.

    >>> parts_of({"b": 1, "a": 2})
    [('a', 2), ('b', 1)]
    """
    if isinstance(tree, Mapping):
        return [(key, tree[key]) for key in keys_of(dict(tree))]
    return list(enumerate(tree))


def shapes_without_rows(shapes: Any) -> Any:
    """Shapes without their first size, in their structure."""
    if is_shape(shapes):
        return shapes[1:]
    if isinstance(shapes, Mapping):
        return {key: shapes_without_rows(shape) for key, shape in shapes.items()}
    return type(shapes)([shapes_without_rows(shape) for shape in shapes])


def argument_of(x: Any) -> Any:
    """An argument of a layer as a tensor; a structure that holds tensors, arrays or placeholders as it is,
    with those in it as tensors; lists of numbers are one tensor.
    """
    if hasattr(x, "record"):
        return x
    if isinstance(x, Mapping):
        return {key: argument_of(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)) and any(map(_is_array, x)):
        return type(x)([argument_of(value) for value in x])
    return x if isinstance(x, Tensor) else ag.tensor(x)


def _is_array(value: Any) -> bool:
    return isinstance(value, Mapping) or hasattr(value, "record") or bool(getattr(value, "ndim", 0))
