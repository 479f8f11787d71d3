"""Weights in HDF5 as Keras arranges them, found for the layers of a model.

`.weights.h5`: `layers/<class in snake case>[_number]/vars/<i>`, and deeper for layers in layers. The old
`.h5`: `layer_names`, and `weight_names` of each, in the order of the layers. Both count a layer's trained
weights before the others, as `weights` does here.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from ..errors import FileError
from ..module import Module
from ..parameter import Variable
from ..summary import sublayers

Found = list[tuple[Variable, Any]]
_NOT_WEIGHTS = ("seed_generator",)
DEEPEST = 32


def keras_snake_case(name: str) -> str:
    """Keras's own: Conv2D -> conv2d, ReLU -> re_lu."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


class KerasWeights:
    """The arrays in an open HDF5 file."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def sizes(self) -> dict[str, Any]:
        """By path, how many numbers are really stored: a dataset may claim more than the file holds."""
        found: dict[str, Any] = {}
        for path, item in _walk(self._file, ""):
            stored = item.id.get_storage_size() // max(item.dtype.itemsize, 1)
            found[path] = SimpleNamespace(size=min(math.prod(item.shape), stored))
        return found

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
        groups = [(name, _needed(root, name)) for name in _texts(root.attrs["layer_names"])]
        named = [(name, group, _texts(group.attrs.get("weight_names", ()))) for name, group in groups]
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
        inner = sublayers(module)
        listed = getattr(module, "layers", None)
        if isinstance(listed, list) and _child(group, "layers") is not None:
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
    listed: Any = None
    if isinstance(description, dict) and isinstance(description.get("config"), dict):
        listed = [d for d in description["config"].get("layers", []) if d.get("class_name") != "InputLayer"]
    if listed is None or len(listed) != len(layers):
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
        yield weight, array[()]


def _vars(group: Any) -> list[Any]:
    """The arrays of `vars`, in the order of their numbers."""
    held = _child(group, "vars")
    names = [] if held is None else list(held)
    if not all(name.isdecimal() for name in names):
        raise FileError(f"vars holds {names[:4]}, not numbers")
    return [_array(_child(held, name)) for name in sorted(names, key=int)]


def _texts(names: Any) -> list[str]:
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _needed(group: Any, path: str) -> Any:
    """What is under `path`, through groups alone."""
    for name in path.split("/"):
        below = _child(group, name)
        if below is None:
            raise FileError(f"there is no {path!r} among the weights")
        group = below
    return _array(group) if hasattr(group, "dtype") else group


def _child(group: Any, name: str) -> Any:
    """A group or array that is really there: no link to other places or files is followed."""
    if not hasattr(group, "keys") or name not in group:
        return None
    link = group.get(name, getlink=True)
    if type(link).__name__ != "HardLink":
        raise FileError(f"{name!r} is a link, and links are not followed")
    return group[name]


def _array(item: Any) -> Any:
    if getattr(item, "is_virtual", False) or getattr(item, "external", None):
        raise FileError("an array that lies in another file")
    if not hasattr(item, "dtype") or item.dtype.kind not in "fiub":
        raise FileError("an array that holds no numbers")
    return item


def _walk(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """All arrays below."""
    if path.count("/") > DEEPEST:
        raise FileError("groups in groups in groups")
    if hasattr(group, "dtype"):
        yield path, _array(group)
        return
    for name in group:
        yield from _walk(_child(group, name), f"{path}/{name}")
