"""What `fit`, `evaluate` and `predict` are given as x and y, as tensors in the structure that a model takes.

A model made of placeholders says itself what it takes. One with a `call` of its own is given a dict, or a
list or tuple of arrays, as it is; lists of numbers are rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .data import features, targets
from .errors import ArgumentError
from .structured import holds_arrays, is_shape, mapped, sole
from .summary import layer_names

if TYPE_CHECKING:
    from .model import Model


def inputs_of(model: Model, x: Any, what: str = "x") -> Any:
    """`x` as the tensors that `model` takes.

    Raises:
        ArgumentError: other names or another number than the model has inputs.
        DataError: no numbers.
    """
    if model.graph is not None:
        return model.graph.arranged(
            x, what, lambda part, symbol, name: features(part, symbol.dtype, name, symbol.sample)
        )
    if model.takes_structures and holds_arrays(x):
        if isinstance(x, Mapping):
            return {key: features(part, model.dtype, f"{what}[{key!r}]") for key, part in x.items()}
        return type(x)([features(part, model.dtype, f"{what}[{i}]") for i, part in enumerate(x)])
    return features(x, model.dtype_of_x, what, model.sample_shape)


def targets_of(model: Model, y: Any, inputs: Any, what: str = "y") -> Any:
    """`y` as tensors: one, or a list or dict of them where the model has several outputs."""
    if model.takes_structures and model.graph is None and not model.built and holds_arrays(y):
        model.ensure_built(inputs)
    shape = sole(model.graph.shapes() if model.graph is not None else model.output_shape)
    if shape is None or is_shape(shape):
        if isinstance(y, Mapping) and list(y) == only_output(model):
            (y,) = y.values()
        elif (
            isinstance(y, (list, tuple))
            and len(y) == 1
            and hasattr(y[0], "ndim")
            and y[0].ndim
            and y[0].shape[0] > 1
        ):
            y = y[0]
        return targets(y, what)
    if isinstance(y, Mapping):
        return {key: targets(part, f"{what}[{key!r}]") for key, part in y.items()}
    if isinstance(y, (list, tuple)):
        return [targets(part, f"{what}[{i}]") for i, part in enumerate(y)]
    raise ArgumentError(f"{what}: the model has several outputs; give a list or a dict of targets")


def only_output(model: Model) -> list[str] | None:
    """The name of the only output, in a list; None where it has none."""
    if model.graph is not None:
        return model.graph.output_names()
    layers = [] if model.takes_structures else list(model.layers)
    return layer_names(layers)[-1:] or None


def detached(tree: Any) -> Any:
    """The same values without graph."""
    return mapped(tree, lambda leaf: leaf.detach())
