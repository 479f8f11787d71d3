"""Pooling: windows of an image become their largest or their mean value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import autograd as ag
from autograd import Tensor

from ..arguments import one_of, pair
from ..forms import FLAG, Form
from .base import Layer, image_letters


class _Pooling(Layer):
    """What the two share: inputs (batch, height, width, channels), windows, strides.

    Args:
        pool_size: (height, width) of a window, or one number for both.
        strides: steps between two windows; default `pool_size`.
        padding: "valid" or "same"; padding counts for nothing, neither in a maximum nor in a mean.
        data_format: "channels_last", the default, or "channels_first".
        input_shape, name: as in `Layer`.
    """

    def __init__(
        self,
        pool_size: int | tuple[int, int] = (2, 2),
        strides: int | tuple[int, int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        kind = type(self).__name__
        self.pool_size = pair(kind, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else pair(kind, "strides", strides)
        self.padding = one_of(kind, "padding", padding, ("valid", "same"))
        self.data_format = data_format
        self._letters = image_letters(kind, data_format)

    @property
    def _windows(self) -> dict[str, Any]:
        return dict(
            kernel_size=self.pool_size,
            stride=self.strides,
            padding=self.padding,
            data_format=self._letters,
        )


class MaxPooling2D(_Pooling):
    """The largest value of each window; equal ones share the gradient.

    >>> import autograd as ag, nn
    >>> nn.MaxPooling2D()(ag.zeros((1, 28, 28, 3))).shape
    (1, 14, 14, 3)
    """

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self._letters)
        return ag.max_pool2d(x, **self._windows)


class AveragePooling2D(_Pooling):
    """The mean of each window.

    >>> import autograd as ag, nn
    >>> nn.AveragePooling2D(4, strides=2)(ag.zeros((1, 28, 28, 3))).shape
    (1, 13, 13, 3)
    """

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self._letters)
        return ag.avg_pool2d(x, **self._windows, count_include_pad=False)


class _GlobalPooling(Layer):
    """Over the whole image: (batch, height, width, channels) to (batch, channels).

    Args:
        data_format: "channels_last", the default, or "channels_first".
        keepdims: keep height and width as axes of size 1.
        input_shape, name: as in `Layer`.
    """

    forms: ClassVar[Mapping[str, Form]] = {"keepdims": FLAG}

    def __init__(
        self,
        data_format: str | None = None,
        keepdims: bool = False,
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.data_format = data_format
        self.keepdims = keepdims
        self._letters = image_letters(type(self).__name__, data_format)
        self._spatial = self._letters.index("H"), self._letters.index("W")


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean of each channel over the image.

    >>> import autograd as ag, nn
    >>> nn.GlobalAveragePooling2D()(ag.zeros((1, 28, 28, 3))).shape
    (1, 3)
    """

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self._letters)
        return x.mean(axis=self._spatial, keepdims=self.keepdims)


class GlobalMaxPooling2D(_GlobalPooling):
    """The largest value of each channel over the image.

    >>> import autograd as ag, nn
    >>> nn.GlobalMaxPooling2D()(ag.zeros((1, 28, 28, 3))).shape
    (1, 3)
    """

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self._letters)
        return x.max(axis=self._spatial, keepdims=self.keepdims)
