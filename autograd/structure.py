"""Nested lists, tuples and dicts of tensors as flat lists, and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def flatten(tree: Any) -> list[Any]:
    """The leaves of `tree` in order; dicts by sorted key."""
    if isinstance(tree, (list, tuple)):
        return [leaf for branch in tree for leaf in flatten(branch)]
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in flatten(tree[key])]
    return [] if tree is None else [tree]


def unflatten(tree: Any, leaves: Iterator[Any]) -> Any:
    """`tree` with its leaves replaced by the next ones."""
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(unflatten(branch, leaves) for branch in tree))
    if isinstance(tree, (list, tuple)):
        return type(tree)(unflatten(branch, leaves) for branch in tree)
    if isinstance(tree, dict):
        new = {key: unflatten(tree[key], leaves) for key in sorted(tree)}
        return {key: new[key] for key in tree}
    return None if tree is None else next(leaves)
