"""Pooling: windows of an image or a sequence become their largest or their mean value."""

from __future__ import annotations

from typing import Any, ClassVar

import autograd as ag
from autograd import Tensor

from ..arguments import FLAG, PAIR
from ..constructors import argument, constructor
from .base import DATA_FORMAT, ImageFormat, Layer
from .sizes import PADDING, SINGLE, of_image


class _Windows(ImageFormat, Layer):
    """What maximum and mean share: the settings of the op, and how it is called."""

    pool_size: Any
    strides: Any
    padding: str

    @property
    def _windows(self) -> dict[str, Any]:
        return dict(
            kernel_size=of_image(self.pool_size),
            stride=of_image(self.strides),
            padding=self.padding,
            data_format=self.image_letters,
        )


class _Maximum(_Windows):
    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        return self.from_image(ag.max_pool2d(self.as_image(x), **self._windows))


class _Mean(_Windows):
    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        y = ag.avg_pool2d(self.as_image(x), **self._windows, count_include_pad=False)
        return self.from_image(y)


@constructor
class _Pooling2D(_Windows):
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
    padding: str = argument(PADDING, default="valid")
    data_format: str | None = argument(DATA_FORMAT, default=None)


@constructor
class MaxPooling2D(_Maximum, _Pooling2D):
    """The largest value of each window; equal ones share the gradient.

    >>> import autograd as ag, nn
    >>> nn.MaxPooling2D()(ag.zeros((1, 28, 28, 3))).shape
    (1, 14, 14, 3)
    """


@constructor
class AveragePooling2D(_Mean, _Pooling2D):
    """The mean of each window.

    >>> import autograd as ag, nn
    >>> nn.AveragePooling2D(4, strides=2)(ag.zeros((1, 28, 28, 3))).shape
    (1, 13, 13, 3)
    """


@constructor
class _Pooling1D(_Windows):
    """Of sequences (batch, steps, channels); arguments as in `_Pooling2D`, with one number each."""

    rank: ClassVar[int] = 1
    pool_size: int | tuple[int] = argument(SINGLE, default=2)
    strides: int | tuple[int] | None = argument(
        SINGLE, default=None, instead_of_none=lambda self: self.pool_size
    )
    padding: str = argument(PADDING, default="valid")
    data_format: str | None = argument(DATA_FORMAT, default=None)


@constructor
class MaxPooling1D(_Maximum, _Pooling1D):
    """The largest value of each window of a sequence; equal ones share the gradient.

    Args:
        pool_size: steps in a window.
        strides, padding, data_format, input_shape, name: as in `MaxPooling2D`.

    >>> import nn
    >>> nn.MaxPooling1D(2)([[[1.0], [3.0], [2.0], [0.0]]]).tolist()
    [[[3.0], [2.0]]]
    """


@constructor
class AveragePooling1D(_Mean, _Pooling1D):
    """The mean of each window of a sequence.

    Args:
        pool_size: steps in a window.
        strides, padding, data_format, input_shape, name: as in `MaxPooling2D`.

    >>> import nn
    >>> nn.AveragePooling1D(2)([[[1.0], [3.0], [2.0], [0.0]]]).tolist()
    [[[2.0], [1.0]]]
    """

    pool_size: int | tuple[int] = argument(SINGLE)


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


class _GlobalMean(_GlobalPooling):
    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        return x.mean(axis=self.spatial, keepdims=self.keepdims)


class _GlobalMaximum(_GlobalPooling):
    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        return x.max(axis=self.spatial, keepdims=self.keepdims)


@constructor
class GlobalAveragePooling2D(_GlobalMean):
    """The mean of each channel over the image.

    >>> import autograd as ag, nn
    >>> nn.GlobalAveragePooling2D()(ag.zeros((1, 28, 28, 3))).shape
    (1, 3)
    """


@constructor
class GlobalMaxPooling2D(_GlobalMaximum):
    """The largest value of each channel over the image.

    >>> import autograd as ag, nn
    >>> nn.GlobalMaxPooling2D()(ag.zeros((1, 28, 28, 3))).shape
    (1, 3)
    """


@constructor
class GlobalAveragePooling1D(_GlobalMean):
    """The mean of each channel over the steps: (batch, steps, channels) to (batch, channels).

    >>> import nn
    >>> nn.GlobalAveragePooling1D()([[[1.0, 4.0], [3.0, 0.0]]]).tolist()
    [[2.0, 2.0]]
    """

    rank: ClassVar[int] = 1


@constructor
class GlobalMaxPooling1D(_GlobalMaximum):
    """The largest value of each channel over the steps: (batch, steps, channels) to (batch, channels).

    >>> import nn
    >>> nn.GlobalMaxPooling1D()([[[1.0, 4.0], [3.0, 0.0]]]).tolist()
    [[3.0, 4.0]]
    """

    rank: ClassVar[int] = 1


# the other names that Keras has for them
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
