"""The tree of modules and tensors below an object: found by looking at attributes, and looked up once.

A walk is used again until an attribute that holds modules or tensors is set anywhere, or a list or dict that
the walk passed holds something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autograd import Tensor

from .parameter import Buffer, Parameter

changes = [0]
"""How often an attribute was set, of any node, on which a computation may depend: while it stands still,
what was traced of a module holds."""
settled = [0]
"""The same without the modes of training and evaluation."""
_structure = [0]
"""How often one was set that holds modules, tensors or containers of them."""
_UNSET = object()
ADDED = "_added_weights"
"""The attribute in which `add_weight` keeps what it made."""


class Node:
    """An object whose attributes, and the lists, tuples and dicts among them, hold nodes and tensors."""

    # beside the attributes, so that neither a copy nor a file holds what was looked up
    __slots__ = ("__dict__", "__weakref__", "_calls", "_chain", "_owner", "_tree")

    _tree: Tree
    _calls: list[Any]
    _chain: Any
    _owner: Any
    not_settings: frozenset[str] = frozenset()
    """Attributes on which no computation depends."""
    training: bool = False

    def __setattr__(self, name: str, value: Any) -> None:
        before = vars(self).get(name, _UNSET)
        if before is not value:
            object.__setattr__(self, name, value)
            self._changed(name, before, value)

    def __delattr__(self, name: str) -> None:
        before = vars(self).get(name)
        object.__delattr__(self, name)
        self._changed(name, before, None)

    def _changed(self, name: str, before: Any, now: Any) -> None:
        if name not in self.not_settings:
            changes[0] += 1
            if name != "training":
                settled[0] += 1
        if _may_hold(self, name, before) or _may_hold(self, name, now):
            _structure[0] += 1

    def __getstate__(self) -> dict[str, Any]:
        return vars(self)

    def tree(self) -> Tree:
        """What is below this object now."""
        known = getattr(self, "_tree", None)
        if known is None or not known.holds():
            known = Tree(self)
            object.__setattr__(self, "_tree", known)
        return known

    def children(self) -> Iterator[tuple[str, Any]]:
        """The tensors and modules that the attributes hold, with their names there ("layers.0")."""
        for name, value in _holders(self):
            yield from _spread(name, value)


class Tree:
    """What is below `root`, without it: each module and tensor once, with its path.

    Args:
        root: where the walk begins.
    """

    def __init__(self, root: Node) -> None:
        self.count = _structure[0]
        self.modules: list[tuple[str, Node]] = []
        self.tensors: list[tuple[str, Tensor]] = []
        self.metrics: tuple[int, list[Any]] | None = None
        """The metrics below, with the number of changes until they were looked up."""
        self.keys: dict[tuple[bool, ...], tuple[int, Any]] = {}
        """By modes of the modules, what a trace depends on; with the number of changes until then."""
        self.lists: list[Content] = []
        self.dicts: list[Content] = []
        self._walk("", root, {id(root)})

    def holds(self) -> bool:
        """Whether nothing was set since, in an attribute or a container."""
        if self.count != _structure[0]:
            return False
        for held, ids, _ in self.lists:
            if [*map(id, held)] != ids:
                return False
        return not self.dicts or all(_items(held)[0] == ids for held, ids, _ in self.dicts)

    def _walk(self, path: str, node: Node, seen: set[int]) -> None:
        below = []
        for name, value in _holders(node):
            for where, child in _spread(name, value, self):
                if id(child) not in seen:
                    below.append((f"{path}.{where}" if path else where, child))
        for where, child in below:
            if isinstance(child, (Parameter, Buffer)) and id(child) not in seen:
                seen.add(id(child))
                self.tensors.append((where, child))
        for where, child in below:
            if isinstance(child, Node) and id(child) not in seen:
                seen.add(id(child))
                self.modules.append((where, child))
                self._walk(where, child, seen)


def changed() -> None:
    """Attributes were set past `__setattr__`."""
    for count in (changes, settled, _structure):
        count[0] += 1


_CONTAINERS = (list, tuple, dict)


def _may_hold(node: Node, name: str, value: Any) -> bool:
    """Whether there may be nodes or tensors in an attribute; lists of other
    things, such as metrics, are no settings.
    """
    return isinstance(value, (Tensor, Node)) or (
        isinstance(value, _CONTAINERS) and name not in node.not_settings
    )


def _holders(node: Node) -> list[tuple[str, Any]]:
    found = [(name, value) for name, value in vars(node).items() if _may_hold(node, name, value)]
    # last: a weight is called as the attribute is to which its layer assigned it
    return sorted(found, key=lambda item: item[0] == ADDED) if ADDED in vars(node) else found


Content = tuple[Any, list[int], list[Any]]
"""A list or dict, the ids of the objects in it, and these objects, so that no other gets their ids."""


def _items(held: dict[Any, Any]) -> tuple[list[int], list[Any]]:
    items = [*held, *held.values()]
    return [*map(id, items)], items


def _spread(name: str, value: Any, tree: Tree | None = None) -> Iterator[tuple[str, Any]]:
    """A tensor or module by itself; those in a list, tuple or dict, which `tree`
    remembers, with their position in the name.
    """
    if isinstance(value, (Tensor, Node)):
        yield name, value
    elif isinstance(value, dict):
        if tree is not None:
            tree.dicts.append((value, *_items(value)))
        for key, item in list(value.items()):
            yield from _spread(f"{name}.{key}", item, tree)
    elif isinstance(value, (list, tuple)):
        if tree is not None and isinstance(value, list):
            tree.lists.append((value, [*map(id, value)], value[:]))
        for number, item in enumerate(list(value)):
            yield from _spread(f"{name}.{number}", item, tree)
