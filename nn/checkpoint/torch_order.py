"""Which layers take, or give, images in one row: the order of their features is another one in PyTorch.

A chain of layers is followed from the input on, with what is known of the axis of channels. Where the order
cannot be told, which is so behind code of the user's, an error says what to pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import ArgumentError
from ..graph.graph import Graph
from ..layers import (
    BatchNormalization,
    Dense,
    Embedding,
    Flatten,
    GroupNormalization,
    Lambda,
    LayerNormalization,
    Permute,
    Reshape,
)
from ..layers.base import ImageFormat
from ..layers.operation import Operation
from ..model import Model
from ..module import Module
from ..sequential import Sequential
from .torch_layouts import Sizes, own_weights

_UNKNOWN = "unknown"
"""Of axes: moved by who knows what, so that not even the last one is sure to hold the features."""
_LOOSE = "loose"
"""Of axes: the features are the last one, and where PyTorch has them is not known."""


class Turned(NamedTuple):
    """By the identity of a layer the sizes (..., channels) of the images that its inputs, or outputs, are."""

    flattened: dict[int, Sizes]
    reshaped: dict[int, Sizes]


def turned_by(what: str, model: Model, names: dict[int, str]) -> Turned:
    """The layers whose features are in another order.

    Raises:
        ArgumentError: it cannot be told.
    """
    leaves = list(_leaves(model))
    if _is_chain(model, leaves):
        return _Walk(what, names).through(_sample(model), leaves)
    if _has_images(model, leaves) and _may_rearrange(model, leaves):
        raise _unclear(what, "which layers come behind rows made of them")
    return Turned({}, {})


def may_make_images(model: Model) -> bool:
    """Whether the units of a dense layer may become images in a way that is not known."""
    leaves = list(_leaves(model))
    dense = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Dense)]
    if not dense:
        return False
    graph = getattr(model, "graph", None)
    ends = [_made(model) or ()] if graph is None else [symbol.shape[1:] for symbol in graph.targets]
    images = any(map(_is_image, ends)) or any(map(_knows_images, leaves[dense[0] :]))
    return images and _may_rearrange(model, leaves, flattening=False)


def _unclear(what: str, about: str) -> ArgumentError:
    return ArgumentError(
        f"{what}: images have their channels first in PyTorch, and it cannot be told here {about}; say "
        "flattened={name of the layer: (height, width, channels)}, or {} where none does, and "
        "reshaped={name: sizes} of layers whose outputs are made images"
    )


def _leaves(model: Module) -> Iterator[Module]:
    for _, module in model.named_modules():
        if not isinstance(module, Model):
            yield module


def _models(model: Model) -> list[Model]:
    return [model, *(module for _, module in model.named_modules() if isinstance(module, Model))]


def _sample(module: Module) -> Sizes | None:
    """The sizes of one sample that it takes, where it is one array."""
    sizes = module.sample_shape
    known = isinstance(sizes, tuple) and all(isinstance(size, int) for size in sizes)
    return sizes if known else None


def _made(leaf: Module) -> Sizes | None:
    """The sizes of one sample that it gives."""
    shape: Any = leaf.output_shape
    known = isinstance(shape, tuple) and all(isinstance(size, int) for size in shape[1:])
    return shape[1:] if known else None


def _is_foreign(leaf: Module) -> bool:
    """Whether code of the user's is in it."""
    return isinstance(leaf, Lambda) or type(leaf).__module__.partition(".")[0] != __name__.partition(".")[0]


def _is_chain(model: Model, leaves: list[Module]) -> bool:
    """Whether every layer, in order, takes what the one before it gives, and nothing else happens."""
    if _sample(model) is None or any(_made(leaf) is None for leaf in leaves):
        return False
    if any(True for leaf in leaves for _, below in leaf.named_modules() if below is not leaf):
        return False
    return all(
        _is_list(each) or ((graph := getattr(each, "graph", None)) is not None and _is_row(graph))
        for each in _models(model)
    )


def _is_list(model: Model) -> bool:
    """Whether it is a `Sequential` whose `call` is the library's."""
    return isinstance(model, Sequential) and type(model).call is Sequential.call


def _is_row(graph: Graph) -> bool:
    """The same of a graph, in which an operation may move elements as it likes."""
    if len(graph.sources) != 1 or len(graph.targets) != 1:
        return False
    before: Any = graph.sources[0]
    for call in graph.calls:
        if isinstance(call.layer, Operation) or [*map(id, call.sources())] != [id(before)]:
            return False
        before = call.outputs
    layers = {id(call.layer) for call in graph.calls}
    return before is graph.targets[0] and len(layers) == len(graph.calls)


def _has_images(model: Model, leaves: list[Module]) -> bool:
    """Whether the model or one of its layers takes or gives images."""
    graph = getattr(model, "graph", None)
    ends = [_sample(model)] if graph is None else [s.shape[1:] for s in (*graph.sources, *graph.targets)]
    return any(map(_is_image, ends)) or any(map(_knows_images, leaves))


def _is_image(sizes: Sizes | None) -> bool:
    """Whether samples of these sizes have places and several channels; unknown ones may."""
    return sizes is None or (len(sizes) > 2 and sizes[-1] != 1)


def _knows_images(leaf: Module) -> bool:
    made = _made(leaf)
    if isinstance(leaf, (BatchNormalization, GroupNormalization)):
        return made is None or len(made) > 1
    if isinstance(leaf, (Reshape, Lambda)):
        return _is_image(made)
    return isinstance(leaf, ImageFormat) and not isinstance(leaf, Flatten)


def _may_rearrange(model: Model, leaves: list[Module], flattening: bool = True) -> bool:
    """Whether something in it that is no chain may make rows of images, or images of rows."""
    if any(isinstance(leaf, LayerNormalization) and isinstance(leaf.axis, tuple) for leaf in leaves):
        return True
    if not any(isinstance(leaf, (Dense, BatchNormalization, LayerNormalization)) for leaf in leaves):
        return False
    kinds = (Flatten, Reshape, Permute) if flattening else (Reshape, Permute)
    if any(isinstance(leaf, kinds) for leaf in leaves):
        return True
    judged: set[int] = set()
    for each in _models(model):
        if _is_list(each):
            continue
        graph = getattr(each, "graph", None)
        if graph is None:
            return True
        for call in graph.calls:
            if isinstance(call.layer, (Lambda, Operation)):
                judged.add(id(call.layer))
                if any(_rearranged(s.shape[1:], call.outputs) for s in call.sources()):
                    return True
    return any(_is_foreign(leaf) and id(leaf) not in judged for leaf in leaves)


def _rearranged(sizes: Sizes, symbol: Any) -> bool:
    """Whether as many numbers come out in other axes."""
    made = getattr(symbol, "shape", None)
    if made is None:
        return True
    given, after = ([size for size in one if size != 1] for one in (sizes, made[1:]))
    return given != after and None not in (*given, *after) and math.prod(given) == math.prod(after)


class _Walk:
    """Along a chain: what is known of what the layers give each other.

    Args:
        what: the function that asks, for errors.
        names: of layers, by identity.
    """

    def __init__(self, what: str, names: dict[int, str]) -> None:
        self.what, self.names = what, names
        self.turned = Turned({}, {})
        self.order: str | None = None
        """Of images: "last", "first", None where nothing has said it, or `_LOOSE` or `_UNKNOWN`."""
        self.rows: Sizes | str | None = None
        """Of rows: the sizes of the images that they are made of."""
        self.units: list[Module] = []
        """The last dense layer of rows, and what normalises its units."""
        self.images: Sizes | None = None
        """What a Reshape made of these units, until a layer says where the channels are."""
        self.mixed = False
        """Whether weights along the last axis of these images were met since."""
        self.raw = True
        """Whether no layer has said anything about the input yet."""

    def through(self, sizes: Sizes | None, leaves: list[Module]) -> Turned:
        """What all layers need."""
        before: Sizes = sizes or ()
        for leaf in leaves:
            after = _made(leaf) or ()
            marked = isinstance(leaf, (BatchNormalization, GroupNormalization)) and len(before) > 1
            if isinstance(leaf, (Flatten, Reshape)):
                self.reshape(leaf, before, after)
            elif isinstance(leaf, ImageFormat) or marked:
                self.marker(leaf, before, after)
            elif own_weights(leaf) and len(before) > 1:
                self.weights(leaf, before)
            elif own_weights(leaf):
                self.weights_of_rows(leaf)
            else:
                self.other(leaf, before, after)
            before = after
        if _is_image(self.images or ()):
            # they are the output, and nothing has said where its channels are
            raise self.refuse(self.units[0])
        return self.turned

    def refuse(self, leaf: Module) -> ArgumentError:
        """The error of a layer whose features come in an order that is not known."""
        name = self.names.get(id(leaf), type(leaf).__name__)
        return _unclear(self.what, f"in which order the features of {name} come")

    def reshape(self, leaf: Module, before: Sizes, after: Sizes) -> None:
        """Images to rows, rows to images, or images to others."""
        first = isinstance(leaf, Flatten) and leaf.data_format == "channels_first"
        if len(before) > 1 and len(after) == 1:
            self.rows, self.order = self.rows_of(before, first), None
            self.units, self.images = [], None
        elif len(before) == 1 and len(after) > 1:
            self.order = None
            if self.rows is not None:
                self.order = "last" if self.rows == after else _UNKNOWN
            elif self.units and sum(size != 1 for size in after) > 1:
                self.images, self.mixed = after, False
        elif before != after and not (self.order is None and self.images is None and len(before) <= 2):
            same = [n for n in before if n != 1] == [n for n in after if n != 1]
            self.order = _LOOSE if self.raw or same else _UNKNOWN

    def rows_of(self, sizes: Sizes, first: bool) -> Sizes | str | None:
        """What rows of images are made of; None where PyTorch's have the same order."""
        if self.order == "last" and first:
            raise ArgumentError(f"{self.what}: a Flatten of channels_first behind images of channels_last")
        if first and self.order in ("first", None):
            return (*sizes[1:], sizes[0])
        if self.order == "first" or (self.order is None and len(sizes) <= 2):
            return None
        if sizes[-1] == 1 or math.prod(sizes[:-1]) == 1:
            return None if self.order in ("last", None) or max(sizes) == math.prod(sizes) else _UNKNOWN
        return sizes if self.order == "last" else _UNKNOWN

    def marker(self, leaf: Any, before: Sizes, after: Sizes) -> None:
        """A layer that says which axis holds the channels."""
        if self.order == _UNKNOWN or (self.images is not None and (self.order == _LOOSE or self.mixed)):
            raise self.refuse(leaf)
        if isinstance(leaf, (BatchNormalization, GroupNormalization)):
            axis = leaf.axis % (len(before) + 1)
            self.order = "last" if axis == len(before) else "first" if axis == 1 else _LOOSE
        else:
            self.order = "first" if leaf.data_format == "channels_first" else "last"
        if self.images is not None and self.order == _LOOSE:
            raise self.refuse(leaf)
        if self.images is not None and self.order == "last":
            self.turned.reshaped.update((id(layer), self.images) for layer in self.units)
        self.images, self.units, self.raw = None, [], False
        if len(after) == 1:
            # what pools all places leaves the channels
            self.rows, self.order = None, None

    def weights(self, leaf: Any, before: Sizes) -> None:
        """A layer with weights on the last axis of images, or on all of them."""
        if self.order == _UNKNOWN:
            raise self.refuse(leaf)
        if isinstance(leaf, LayerNormalization):
            axes = leaf.axis if isinstance(leaf.axis, tuple) else (leaf.axis,)
            if len(axes) == len(before) > 1:
                self.normalised(leaf, before)
        elif isinstance(leaf, Dense) and (self.order == "last" or _is_image(self.images or ())):
            self.order = _LOOSE
        elif isinstance(leaf, Embedding):
            self.order = None
        self.mixed, self.raw = True, False

    def normalised(self, leaf: Module, sizes: Sizes) -> None:
        """A layer with a weight for each pixel of each channel."""
        alike = max(sizes) == math.prod(sizes)
        if _is_image(self.images or ()) or (
            not alike and (self.order == _LOOSE or self.order_is_open(sizes))
        ):
            raise self.refuse(leaf)
        if self.order == "last":
            self.turned.flattened[id(leaf)] = sizes

    def order_is_open(self, sizes: Sizes) -> bool:
        """Whether nothing has said where the channels of images are, which have some."""
        return self.order is None and len(sizes) > 2

    def weights_of_rows(self, leaf: Module) -> None:
        """A layer with weights for the features of rows."""
        if isinstance(self.rows, str):
            raise self.refuse(leaf)
        if self.rows is not None:
            self.turned.flattened[id(leaf)] = self.rows
        if isinstance(leaf, Dense):
            # behind it nothing is left of the order of its inputs
            self.rows, self.units = None, [leaf]
        elif isinstance(leaf, Embedding):
            self.order, self.units = None, []
        elif self.units:
            self.units.append(leaf)
        self.raw = False

    def other(self, leaf: Module, before: Sizes, after: Sizes) -> None:
        """A layer without weights that may move elements if it is the user's, or its shape changes."""
        moves = isinstance(leaf, Permute) or before != after
        if len(before) <= 1:
            if moves and len(after) > 1:
                ordered = self.rows is None and not (self.units and _is_foreign(leaf))
                self.order = None if ordered else _UNKNOWN
            elif moves and self.rows is not None:
                self.rows = _UNKNOWN
        elif moves and len(after) <= 1:
            self.rows = self.rows_after(before, after)
            self.order, self.images, self.units = None, None, []
        elif moves:
            self.order = _LOOSE if self.raw else _UNKNOWN
        elif _is_foreign(leaf) and (self.order is not None or self.images is not None):
            self.order = _LOOSE if self.order != _UNKNOWN else _UNKNOWN

    def rows_after(self, before: Sizes, after: Sizes) -> str | None:
        """What comes of images in one row in a way that is not known."""
        channels = before[0] if self.order == "first" else before[-1]
        few = after == (channels,) and math.prod(before) != channels
        return None if few or (self.order is None and len(before) <= 2) else _UNKNOWN
