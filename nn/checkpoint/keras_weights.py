"""Weights in HDF5 as Keras arranges them, found for the layers of a model.

`.weights.h5`: `layers/<class in snake case>[_number]/vars/<i>`, and deeper for layers in layers. The old
`.h5`: `layer_names`, and `weight_names` of each, in the order of the layers. Both count a layer's trained
weights before the others, as `weights` does here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import FileError
from ..graph.symbols import InputLayer
from ..module import Module
from ..parameter import Variable
from ..summary import sublayers
from ..weights import given_name

Found = list[tuple[Variable, Any]]
_NOT_WEIGHTS = ("seed_generator",)
DEEPEST = 32


def keras_snake_case(name: str) -> str:
    """Keras's own: Conv2D -> conv2d, ReLU -> re_lu."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


class Group(dict[str, Any]):
    """A group of an HDF5 file: groups and arrays by name, and some of its attributes."""

    def __init__(self, attrs: dict[str, Any]) -> None:
        super().__init__()
        self.attrs = attrs


def tree_of(arrays: dict[str, Any], groups: Sequence[tuple[str, dict[str, Any]]]) -> Group:
    """The groups, each after the one that it is in, with the arrays in them."""
    found: dict[str, Group] = {}
    for path, attrs in groups:
        found[path] = Group(attrs)
        around, _, name = path.rpartition("/")
        if path:
            found[around][name] = found[path]
    for path, array in arrays.items():
        around, _, name = path.rpartition("/")
        found[around][name] = array
    return found[""]


class KerasWeights:
    """The arrays in an HDF5 file."""

    def __init__(self, file: Group) -> None:
        self._file = file

    def sizes(self) -> dict[str, Any]:
        """The arrays by path."""
        return dict(_walk(self._file, ""))

    def of(self, model: Module, description: Any) -> Found:
        """Each weight of a built model with its array, of its shape.

        Raises:
            FileError: the file has other layers, or arrays of other shapes.
        """
        root = _child(self._file, "model_weights") or self._file
        if "layer_names" in root.attrs:
            return list(self._by_names(root, model))
        found = list(self._by_place(root, model, description, ""))
        places = [path for path, _ in _walk(root, "") if not path.startswith("/optimizer/")]
        there = [path for path in places if not any(f"/{name}/" in path for name in _NOT_WEIGHTS)]
        if len(found) != len(there):
            raise FileError(
                f"it has {len(there)} arrays of weights, and the model takes {len(found)} of them"
            )
        return found

    def _by_names(self, root: Any, model: Module) -> Iterator[tuple[Variable, Any]]:
        """The old form: layers that have weights, one after the other."""
        groups = [(name, _needed(root, name)) for name in root.attrs["layer_names"]]
        named = [(name, group, group.attrs.get("weight_names", ())) for name, group in groups]
        stored = [entry for entry in named if entry[2]]
        layers = [layer for layer in sublayers(model) if layer.weights]
        if len(stored) != len(layers):
            raise FileError(f"weights of {len(stored)} layers, the model has {len(layers)} with weights")
        for (name, group, weights), layer in zip(stored, layers, strict=True):
            own = [*layer.trainable_weights, *layer.non_trainable_weights]
            yield from _paired(name, own, [_needed(group, path) for path in weights])

    def _by_place(
        self, group: Any, module: Module, description: Any, path: str
    ) -> Iterator[tuple[Variable, Any]]:
        if path.count("/") > DEEPEST:
            raise FileError(f"{path}: layers in layers in layers")
        inner = [layer for layer in sublayers(module) if not isinstance(layer, InputLayer)]
        listed = getattr(module, "layers", None)
        if isinstance(listed, (list, tuple)) and _child(group, "layers") is not None:
            taken = Counter[str]()
            names = _class_names(inner, description)
            for layer, (kind, below) in zip(inner, names, strict=True):
                name = f"{kind}_{taken[kind]}" if taken[kind] else kind
                taken[kind] += 1
                held = _child(_needed(group, "layers"), name)
                if held is None:
                    if layer.weights:
                        raise FileError(f"there are no weights of {path}layers/{name}")
                    continue
                yield from self._by_place(held, layer, below, f"{path}layers/{name}/")
            return
        yield from self._of_layer(group, module, path)

    def _of_layer(self, group: Any, layer: Module, path: str) -> Iterator[tuple[Variable, Any]]:
        """The weights of a layer itself and of those that are its attributes under Keras's names."""
        own = [value for _, value in layer.children() if isinstance(value, Variable)]
        rest = [weight for weight in layer.weights if any(weight is each for each in own)]
        deeper: list[Any] = []
        for name in group:
            below = _child(group, name)
            if name in _NOT_WEIGHTS or name == "vars" or below is None or not list(_walk(below, "")):
                continue
            inner = getattr(layer, name, None)
            if isinstance(inner, Module):
                yield from self._of_layer(below, inner, f"{path}{name}/")
            else:
                deeper.append(below)
        arrays = _vars(group)
        if len(deeper) == 1 and not arrays:
            arrays = _vars(deeper[0]) or [item for _, item in _walk(deeper[0], "")]
        elif deeper:
            raise FileError(f"{path}: it has weights in {len(deeper)} groups that are not known here")
        yield from _paired(path.rstrip("/"), rest, arrays)


def _class_names(layers: Sequence[Module], description: Any) -> list[tuple[str, Any]]:
    """By layer, the name of its class in the file, and what the file says of it."""
    listed: Any = []
    if isinstance(description, dict) and isinstance(description.get("config"), dict):
        listed = [d for d in description["config"].get("layers", []) if d.get("class_name") != "InputLayer"]
    by_name = {d["config"].get("name"): d for d in listed if isinstance(d.get("config"), dict)}
    names = [given_name(layer) for layer in layers]
    if set(names) <= by_name.keys():
        # a graph lists its layers in another order than a model has them, and all by name
        listed = [by_name[name] for name in names]
    if len(listed) != len(layers):
        return [(keras_snake_case(type(layer).__name__), None) for layer in layers]
    return [(keras_snake_case(d["class_name"].rpartition(">")[2]), d) for d in listed]


def _paired(where: str, weights: Sequence[Variable], arrays: Sequence[Any]) -> Iterator[tuple[Variable, Any]]:
    if len(weights) != len(arrays):
        raise FileError(f"{where}: {len(arrays)} arrays, the layer here has {len(weights)}")
    for weight, array in zip(weights, arrays, strict=True):
        if tuple(array.shape) != weight.shape:
            raise FileError(f"{where}/{weight.name} has shape {tuple(array.shape)}, expected {weight.shape}")
        if array.dtype.kind != weight.dtype.kind:
            raise FileError(f"{where}/{weight.name} has dtype {array.dtype}, expected {weight.dtype}")
        yield weight, array


def _vars(group: Any) -> list[Any]:
    """The arrays of `vars`, in the order of their numbers."""
    held = _child(group, "vars")
    names = [] if held is None else list(held)
    if not all(name.isdecimal() for name in names):
        raise FileError(f"vars holds {names[:4]}, not numbers")
    return [_child(held, name) for name in sorted(names, key=int)]


def _needed(group: Any, path: str) -> Any:
    """What is under `path`, through groups alone."""
    for name in path.split("/"):
        below = _child(group, name)
        if below is None:
            raise FileError(f"there is no {path!r} among the weights")
        group = below
    return group


def _child(group: Any, name: str) -> Any:
    return group.get(name) if isinstance(group, Group) else None


def _walk(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """All arrays below."""
    if not isinstance(group, Group):
        yield path, group
        return
    for name, item in group.items():
        yield from _walk(item, f"{path}/{name}")
