"""Pooling: windows of an image become their largest or their mean value."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor

from ..arguments import FLAG, PAIR, choice
from ..constructors import argument, constructor
from .base import DATA_FORMAT, ImageFormat, Layer


@constructor
class _Pooling(ImageFormat, Layer):
    """What the two share: inputs (batch, height, width, channels), windows, strides.

    Args:
        pool_size: (height, width) of a window, or one number for both.
        strides: steps between two windows; default `pool_size`.
        padding: "valid" or "same"; padding counts for nothing, neither in a maximum nor in a mean.
        data_format: "channels_last", the default, or "channels_first".
        input_shape, name: as in `Layer`.
    """

    pool_size: int | tuple[int, int] = argument(PAIR, default=(2, 2))
    strides: int | tuple[int, int] | None = argument(
        PAIR, default=None, instead_of_none=lambda self: self.pool_size
    )
    padding: str = argument(choice("valid", "same"), default="valid")
    data_format: str | None = argument(DATA_FORMAT, default=None)

    @property
    def _windows(self) -> dict[str, Any]:
        return dict(
            kernel_size=self.pool_size, stride=self.strides, padding=self.padding, data_format=self.letters
        )


@constructor
class MaxPooling2D(_Pooling):
    """The largest value of each window; equal ones share the gradient.

    >>> import autograd as ag, nn
    >>> nn.MaxPooling2D()(ag.zeros((1, 28, 28, 3))).shape
    (1, 14, 14, 3)
    """

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        return ag.max_pool2d(x, **self._windows)


@constructor
class AveragePooling2D(_Pooling):
    """The mean of each window.

    >>> import autograd as ag, nn
    >>> nn.AveragePooling2D(4, strides=2)(ag.zeros((1, 28, 28, 3))).shape
    (1, 13, 13, 3)
    """

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        return ag.avg_pool2d(x, **self._windows, count_include_pad=False)


@constructor
class _GlobalPooling(ImageFormat, Layer):
    """Over the whole image: (batch, height, width, channels) to (batch, channels).

    Args:
        data_format: "channels_last", the default, or "channels_first".
        keepdims: keep height and width as axes of size 1.
        input_shape, name: as in `Layer`.
    """

    data_format: str | None = argument(DATA_FORMAT, default=None)
    keepdims: bool = argument(FLAG, default=False)

    @property
    def _spatial(self) -> tuple[int, int]:
        return self.letters.index("H"), self.letters.index("W")


@constructor
class GlobalAveragePooling2D(_GlobalPooling):
    """The mean of each channel over the image.

    >>> import autograd as ag, nn
    >>> nn.GlobalAveragePooling2D()(ag.zeros((1, 28, 28, 3))).shape
    (1, 3)
    """

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        return x.mean(axis=self._spatial, keepdims=self.keepdims)


@constructor
class GlobalMaxPooling2D(_GlobalPooling):
    """The largest value of each channel over the image.

    >>> import autograd as ag, nn
    >>> nn.GlobalMaxPooling2D()(ag.zeros((1, 28, 28, 3))).shape
    (1, 3)
    """

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        return x.max(axis=self._spatial, keepdims=self.keepdims)
