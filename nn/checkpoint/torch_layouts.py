"""How PyTorch lays out the weights of each layer, and those whose inputs or outputs are images in one row."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..errors import ArgumentError
from ..layers import (
    BatchNormalization,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Embedding,
    GroupNormalization,
    LayerNormalization,
)
from ..model import Model
from ..module import Module
from ..parameter import Buffer, Parameter, RandomWord, Variable

_SCALED = {"weight": "gamma", "bias": "beta"}
NAMES: dict[tuple[type, ...], dict[str, str]] = {
    (Dense, Conv1D, Conv2D, Conv1DTranspose, Conv2DTranspose, DepthwiseConv1D, DepthwiseConv2D): {
        "weight": "kernel",
        "bias": "bias",
    },
    (BatchNormalization,): {**_SCALED, "running_mean": "moving_mean", "running_var": "moving_variance"},
    (LayerNormalization, GroupNormalization): _SCALED,
    (Embedding,): {"weight": "embeddings"},
}
"""By the classes of layers, PyTorch's names of weights and ours."""
NORMALIZATIONS = (BatchNormalization, LayerNormalization, GroupNormalization)
_DEPTHWISE = (DepthwiseConv1D, DepthwiseConv2D)
Sizes = tuple[int, ...]


class Piece(NamedTuple):
    """A weight: its array, as of shape `split` with its axes in another `order`, is PyTorch's of `shape`."""

    name: str
    variable: Variable
    split: Sizes
    order: Sizes
    shape: Sizes

    def as_torch(self) -> Any:
        """The values as PyTorch has them."""
        return self.variable.numpy().reshape(self.split).transpose(self.order).reshape(self.shape).copy()

    def from_torch(self, array: Any) -> Any:
        """An array of PyTorch as the variable has it."""
        ordered = array.reshape([self.split[axis] for axis in self.order])
        back = [self.order.index(axis) for axis in range(len(self.order))]
        return ordered.transpose(back).reshape(self.variable.shape)


def layers_with_weights(model: Model) -> list[Module]:
    """Layers that have weights themselves, in order."""
    return [module for _, module in model.named_modules() if own_weights(module)]


def own_weights(module: Module) -> list[Variable]:
    """Its weights, without those of modules inside."""
    found = (v for _, v in module.children() if isinstance(v, (Parameter, Buffer)))
    return [variable for variable in found if not isinstance(variable, RandomWord)]


def pieces_of(
    what: str, name: str, layer: Module, flattened: Sizes | None, reshaped: Sizes | None = None
) -> list[Piece]:
    """The weights of a layer; `flattened` are the sizes, channels last, that its inputs were made of,
    `reshaped` those that its outputs are made into.

    Raises:
        ArgumentError: PyTorch has no layer like it, or the sizes are not those of the layer.
    """
    table = next((names for kinds, names in NAMES.items() if isinstance(layer, kinds)), {})
    pairs = {theirs: getattr(layer, ours, None) for theirs, ours in table.items()}
    held = {theirs: variable for theirs, variable in pairs.items() if variable is not None}
    if {id(variable) for variable in held.values()} != {id(variable) for variable in own_weights(layer)}:
        known = ", ".join(kind.__name__ for kinds in NAMES for kind in kinds)
        raise ArgumentError(
            f"{what}: {name} is a {type(layer).__name__}, whose weights have no layout of PyTorch here; "
            f"those of {known} have"
        )
    pieces = [_piece(layer, theirs, variable) for theirs, variable in held.items()]
    if flattened is None and reshaped is None:
        return pieces
    if isinstance(layer, Dense):
        # the bias is in the order of the units, whatever that of the inputs is
        return [_of_dense(what, name, piece, flattened, reshaped) for piece in pieces]
    if not isinstance(layer, NORMALIZATIONS):
        raise ArgumentError(
            f"{what}: {name} is a {type(layer).__name__}; flattened and reshaped are for Dense and "
            "normalisations"
        )
    if isinstance(layer, GroupNormalization) and layer.groups not in (1, -1):
        raise ArgumentError(
            f"{what}: {name} normalises groups of neighbours in a row made of images, or made images; these "
            "are other groups in PyTorch, and no order of weights makes the two equal"
        )
    said = "reshaped" if flattened is None else "flattened"
    return [_of_features(what, name, piece, said, flattened or reshaped or ()) for piece in pieces]


def _piece(layer: Module, name: str, variable: Variable) -> Piece:
    shape = variable.shape
    order = tuple(range(len(shape)))
    if name == "weight" and hasattr(layer, "kernel"):
        # units, or filters, and channels before the places of a window
        order = (order[-1], order[-2], *order[:-2])
    if name == "weight" and isinstance(layer, _DEPTHWISE):
        *window, channels, multiplier = shape
        order = (len(window), len(window) + 1, *range(len(window)))
        return Piece(name, variable, shape, order, (channels * multiplier, 1, *window))
    return Piece(name, variable, shape, order, tuple(shape[axis] for axis in order))


def _channels_first(count: int, start: int = 0) -> Sizes:
    """The axes from `start` on, the last one first."""
    return (start + count - 1, *range(start, start + count - 1))


def _of_dense(what: str, name: str, piece: Piece, ins: Sizes | None, outs: Sizes | None) -> Piece:
    """A weight of a layer whose inputs, or outputs, are in the order of places and channels here, of channels
    and places there.
    """
    units = piece.variable.shape[-1]
    outs = (units,) if outs is None else _fitting(what, name, "reshaped", outs, units, "units")
    if piece.name == "bias":
        return piece._replace(split=outs, order=_channels_first(len(outs)))
    inputs = piece.variable.shape[0]
    ins = (inputs,) if ins is None else _fitting(what, name, "flattened", ins, inputs, "inputs")
    order = (*_channels_first(len(outs), len(ins)), *_channels_first(len(ins)))
    return piece._replace(split=(*ins, *outs), order=order)


def _of_features(what: str, name: str, piece: Piece, said: str, sizes: Sizes) -> Piece:
    """The same of a normalisation, which has a number for each feature, or for each pixel of each channel."""
    order = _channels_first(len(sizes))
    if len(piece.variable.shape) == 1:
        _fitting(what, name, said, sizes, piece.variable.shape[0], "inputs")
        return piece._replace(split=sizes, order=order)
    if piece.variable.shape != sizes:
        raise ArgumentError(f"{what}: {name} has weights of {piece.variable.shape}, and {said} says {sizes}")
    return piece._replace(order=order, shape=tuple(sizes[axis] for axis in order))


def _fitting(what: str, name: str, said: str, sizes: Sizes, count: int, of: str) -> Sizes:
    if count != math.prod(sizes):
        raise ArgumentError(f"{what}: {name} has {count} {of}, and {said} says {sizes}")
    return sizes
