"""Flatten and Reshape: the same numbers in another shape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from autograd import ShapeError, Tensor

from ..arguments import whole
from ..errors import ArgumentError
from ..ranges import shown
from .base import Layer, image_letters

_TARGET = "Reshape: target_shape is a tuple of sizes >= 1 without the batch, at most one of them -1 for what is left; got "


class Flatten(Layer):
    """(batch, ...) to (batch, features).

    Args:
        data_format: "channels_last", the default, or "channels_first": axis 1 holds the channels and is made the last
            before flattening, so that weights after it serve both formats.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.Flatten()([[[1.0, 2.0], [3.0, 4.0]]]).shape
    (1, 4)
    """

    def __init__(
        self,
        data_format: str | None = None,
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.data_format = data_format
        self._letters = image_letters("Flatten", data_format)

    def call(self, x: Tensor) -> Tensor:
        if not x.shape:
            raise ShapeError(f"{self.title}: the input has no dimensions; expected (batch, ...)")
        if self._letters == "NCHW" and x.ndim > 2:
            x = x.transpose(0, *range(2, x.ndim), 1)
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))


class Reshape(Layer):
    """(batch, ...) to (batch, *target_shape); one size may be -1, whatever is left.

    >>> import nn
    >>> nn.Reshape((2, -1))([[1.0, 2.0, 3.0, 4.0]]).shape
    (1, 2, 2)
    """

    def __init__(
        self,
        target_shape: Sequence[int],
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        if isinstance(target_shape, (str, bytes, Mapping)):
            raise ArgumentError(_TARGET + shown(target_shape))
        try:
            self.target_shape = tuple(whole("Reshape", "a size", n, -1) for n in target_shape)
        except (TypeError, ArgumentError):
            raise ArgumentError(_TARGET + shown(target_shape)) from None
        if self.target_shape.count(-1) > 1 or 0 in self.target_shape:
            raise ArgumentError(_TARGET + shown(target_shape))

    def call(self, x: Tensor) -> Tensor:
        if not x.shape:
            raise ShapeError(f"{self.title}: the input has no dimensions; expected (batch, ...)")
        size, known = math.prod(x.shape[1:]), math.prod(n for n in self.target_shape if n != -1)
        if size % known if -1 in self.target_shape else size != known:
            raise ShapeError(
                f"{self.title}: a sample of shape {x.shape[1:]} has {size} numbers, which do not fit {self.target_shape}"
            )
        sizes = (size // known if n == -1 else n for n in self.target_shape)
        return x.reshape(x.shape[0], *sizes)
