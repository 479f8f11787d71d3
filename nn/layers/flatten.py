"""The same numbers in another shape or order, or several times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from autograd import ShapeError, Tensor

from ..arguments import COUNT, at_least, form
from ..constructors import argument, constructor
from .base import DATA_FORMAT, ImageFormat, Layer


@form("is a tuple of sizes >= 1 without the batch, at most one of them -1 for what is left;")
def TARGET_SHAPE(value: Any) -> tuple[int, ...]:
    if isinstance(value, (str, bytes, Mapping)):
        raise TypeError
    sizes = tuple(map(at_least(-1).keep, value))
    if sizes.count(-1) > 1 or 0 in sizes:
        raise ValueError
    return sizes


@form("is a tuple of the axes 1, 2, ... of a sample, each once")
def ORDER(value: Any) -> tuple[int, ...]:
    if isinstance(value, (str, bytes, Mapping)):
        raise TypeError
    axes = tuple(map(COUNT.keep, value))
    if sorted(axes) != list(range(1, len(axes) + 1)):
        raise ValueError
    return axes


@constructor
class Flatten(ImageFormat, Layer):
    """(batch, ...) to (batch, features).

    Args:
        data_format: "channels_last", the default, or "channels_first": axis 1 holds the channels and is
            made the last before flattening, so that weights after it serve both formats.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.Flatten()([[[1.0, 2.0], [3.0, 4.0]]]).shape
    (1, 4)
    """

    data_format: str | None = argument(DATA_FORMAT, default=None)

    def call(self, x: Tensor) -> Tensor:
        if not x.shape:
            raise ShapeError(f"{self.title}: the input has no dimensions; expected (batch, ...)")
        if self.letters == "NCHW" and x.ndim > 2:
            x = x.transpose(0, *range(2, x.ndim), 1)
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))


@constructor
class Reshape(Layer):
    """(batch, ...) to (batch, *target_shape); one size may be -1, whatever is left.

    >>> import nn
    >>> nn.Reshape((2, -1))([[1.0, 2.0, 3.0, 4.0]]).shape
    (1, 2, 2)
    """

    target_shape: Sequence[int] = argument(TARGET_SHAPE)

    def call(self, x: Tensor) -> Tensor:
        if not x.shape:
            raise ShapeError(f"{self.title}: the input has no dimensions; expected (batch, ...)")
        size, known = math.prod(x.shape[1:]), math.prod(n for n in self.target_shape if n != -1)
        if size % known if -1 in self.target_shape else size != known:
            raise ShapeError(
                f"{self.title}: a sample of shape {x.shape[1:]} has {size} numbers, which do not fit "
                f"{self.target_shape}"
            )
        sizes = (size // known if n == -1 else n for n in self.target_shape)
        return x.reshape(x.shape[0], *sizes)


@constructor
class Permute(Layer):
    """The axes of a sample in another order: `dims` says which one comes where, from 1; the batch stays.

    >>> import autograd as ag, nn
    >>> nn.Permute((2, 1))(ag.zeros((1, 3, 4))).shape
    (1, 4, 3)
    """

    dims: Sequence[int] = argument(ORDER)

    def call(self, x: Tensor) -> Tensor:
        if x.ndim != len(self.dims) + 1:
            raise ShapeError(
                f"{self.title}: dims {self.dims} are for inputs of {len(self.dims) + 1} dimensions; received "
                f"{x.shape} {x.dtype}"
            )
        return x.transpose(0, *self.dims)


@constructor
class RepeatVector(Layer):
    """(batch, features) to (batch, n, features): each sample n times.

    >>> import nn
    >>> nn.RepeatVector(2)([[1.0, 2.0]]).tolist()
    [[[1.0, 2.0], [1.0, 2.0]]]
    """

    n: int = argument(COUNT)

    def call(self, x: Tensor) -> Tensor:
        if x.ndim != 2:
            raise ShapeError(f"{self.title}: expected (batch, features), received {x.shape} {x.dtype}")
        return x.expand_dims(1).broadcast_to((x.shape[0], self.n, x.shape[1]))
