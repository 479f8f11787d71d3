"""Nested lists, tuples and dicts of tensors as flat lists, and back."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any


def keys_of(tree: dict[Any, Any]) -> list[Any]:
    """The keys in a fixed order: sorted, and by type first where they cannot be compared."""
    try:
        return sorted(tree)
    except TypeError:
        return sorted(tree, key=lambda key: (type(key).__name__, repr(key)))


def flatten(tree: Any) -> list[Any]:
    """The leaves of `tree` in order; dicts by sorted key.

    >>> flatten({"b": [1, 2], "a": (3,), "c": None})
    [3, 1, 2]
    """
    if isinstance(tree, (list, tuple)):
        return [leaf for branch in tree for leaf in flatten(branch)]
    if isinstance(tree, dict):
        return [leaf for key in keys_of(tree) for leaf in flatten(tree[key])]
    return [] if tree is None else [tree]


def unflatten(tree: Any, leaves: Iterator[Any]) -> Any:
    """`tree` with its leaves replaced by the next ones."""
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(unflatten(branch, leaves) for branch in tree))
    if isinstance(tree, (list, tuple)):
        return type(tree)(unflatten(branch, leaves) for branch in tree)
    if isinstance(tree, dict):
        new = {key: unflatten(tree[key], leaves) for key in keys_of(tree)}
        # an ordered or a default dict stays one
        result = {} if type(tree) is dict else copy.copy(tree)
        result.update((key, new[key]) for key in tree)
        return result
    return None if tree is None else next(leaves)
