"""Functions that move elements, with the standard's arguments."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor
from backends.shapes import broadcast, normalise_axis

from ..composites import COMPOSITES
from ..ops import NAMESPACE

__all__ = [
    "broadcast_arrays",
    "concat",
    "expand_dims",
    "moveaxis",
    "reshape",
    "roll",
    "squeeze",
    "tile",
    "unstack",
]


def broadcast_arrays(*arrays: Any) -> list[Tensor]:
    """The arrays, each repeated to the shape that they have together."""
    shape = broadcast(*(x.shape for x in arrays))
    return [ag.broadcast_to(x, shape=shape) for x in arrays]


def concat(arrays: Any, /, *, axis: int | None = 0) -> Any:
    """Arrays one after another along an axis; with None each is flattened first."""
    return COMPOSITES["concatenate"](NAMESPACE, list(arrays), axis)


def expand_dims(x: Any, /, axis: Any = 0) -> Tensor:
    """A new axis of size 1 at the place `axis` of the result."""
    return ag.expand_dims(x, axis=axis)


def moveaxis(x: Any, source: Any, destination: Any, /) -> Any:
    """The axes `source` at the places `destination`, the others in their order."""
    return COMPOSITES["moveaxis"](NAMESPACE, x, source, destination)


def reshape(x: Any, /, shape: Any, *, copy: bool | None = None) -> Tensor:
    """The same elements under another shape.

    Args:
        copy: as in the standard. A tensor is a value: nobody can tell whether its memory is another's.
    """
    if copy is not None and not isinstance(copy, bool):
        raise ValueError(f"reshape: copy is True, False or None, got {copy!r}")
    return ag.reshape(x, shape=shape)


def roll(x: Any, /, shift: Any, *, axis: Any = None) -> Any:
    """Elements moved by `shift`, those beyond the end to the beginning."""
    return COMPOSITES["roll"](NAMESPACE, x, shift, axis)


def squeeze(x: Any, /, axis: Any) -> Tensor:
    """Without the axes of size 1 that are named."""
    return ag.squeeze(x, axis=axis)


def tile(x: Any, repetitions: Any, /) -> Tensor:
    """x laid out so many times along each axis."""
    return ag.tile(x, reps=tuple(repetitions))


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The arrays along an axis, one by one."""
    lead = (slice(None),) * normalise_axis(axis, x.ndim)
    return tuple(ag.getitem(x, (*lead, i)) for i in range(x.shape[len(lead)]))
