"""Convolution: the same small neuron looks at every place of an image or a sequence."""

from __future__ import annotations

from typing import Any, ClassVar

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import COUNT, PAIR
from ..constructors import argument, constructor
from ..errors import ArgumentError
from .base import ACTIVATION, DATA_FORMAT, Affine, ImageFormat, Layer
from .sizes import CAUSAL_PADDING, PADDING, SINGLE, of_image


class Windows(ImageFormat, Layer):
    """What all convolutions share: windows of an input, and what comes after."""

    kernel_size: Any
    strides: Any
    padding: str
    dilation_rate: Any
    activation: Any

    def channels_of(self, shape: tuple[int, ...]) -> int:
        """Of an input of this shape; raises where it is none."""
        self.needs_images(shape, self.letters)
        return shape[self.letters.index("C")]

    def needs_channels(self, x: Tensor, channels: int) -> None:
        """Raise when an input has others than the layer was built for."""
        self.needs_images(x.shape, self.letters)
        self.needs_features(x, (self.letters.index("C"),), (channels,))

    def kernel_of_image(self, kernel: Tensor) -> Tensor:
        """As the op takes it: (height, width, channels, filters); (filters, ...) with channels in front."""
        if self.rank == 1:
            kernel = kernel.expand_dims(0)
        return kernel if self.image_letters == "NHWC" else kernel.transpose(3, 2, 0, 1)

    def convolved(self, x: Tensor, kernel: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        """The sums over the windows of x; `kernel` is (..., channels of a group, filters)."""
        padding: Any = self.padding
        if padding == "causal":
            before = (self.kernel_size[0] - 1) * self.dilation_rate[0]
            padding = ((0, 0), (before, 0))
        return self.from_image(
            ag.conv2d(
                self.as_image(x),
                self.kernel_of_image(kernel),
                bias,
                stride=of_image(self.strides),
                padding=padding,
                dilation=of_image(self.dilation_rate),
                groups=groups,
                data_format=self.image_letters,
            )
        )


class _Convolution(Windows, Affine):
    """What Conv1D and Conv2D share."""

    filters: int
    groups: int

    def __post_init__(self) -> None:
        if self.filters % self.groups:
            raise ArgumentError(
                f"{type(self).__name__}: filters is a multiple of groups, got {self.filters} filters in "
                f"{self.groups} groups"
            )

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        channels = self.channels_of(shapes[0])
        if channels % self.groups:
            raise ShapeError(f"{self.title}: {channels} channels do not divide into {self.groups} groups")
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.make_weights(shape, self.filters, dtype)

    def call(self, x: Tensor) -> Tensor:
        self.needs_channels(x, self.kernel.shape[-2] * self.groups)
        result: Tensor = self.activation(self.convolved(x, self.kernel, self.bias, self.groups))
        return result


@constructor
class Conv2D(_Convolution):
    """Convolution: inputs (batch, height, width, channels), outputs (batch, height', width', filters).

    Args:
        filters: how many.
        kernel_size: (height, width) of a filter, or one number for both.
        strides: steps between two places.
        padding: "valid" for places inside the image alone, "same" for as many places as pixels (over the
            stride); odd padding is added below and to the right, as in Keras.
        data_format: "channels_last", the default, or "channels_first" for (batch, channels, height, width).
        dilation_rate: distance between two pixels that a filter sees.
        groups: the channels are divided into so many parts, and so are the
            filters; each part sees its own alone.
        activation: a name, a function, or None.
        use_bias, kernel_*, bias_*, input_shape, name: as in `Dense`; the kernel is (height,
            width, channels / groups, filters).

    >>> import autograd as ag, nn
    >>> nn.Conv2D(8, 3, activation="relu")(ag.zeros((1, 28, 28, 1))).shape
    (1, 26, 26, 8)
    """

    filters: int = argument(COUNT)
    kernel_size: int | tuple[int, int] = argument(PAIR)
    strides: int | tuple[int, int] = argument(PAIR, default=(1, 1))
    padding: str = argument(PADDING, default="valid")
    data_format: str | None = argument(DATA_FORMAT, default=None)
    dilation_rate: int | tuple[int, int] = argument(PAIR, default=(1, 1))
    groups: int = argument(COUNT, default=1)
    activation: Any = argument(ACTIVATION, default=None)


@constructor
class Conv1D(_Convolution):
    """Convolution of sequences: inputs (batch, steps, channels), outputs (batch, steps', filters).

    Args:
        padding: "valid", "same", or "causal": as many steps as the input has (over the stride), each of
            which sees itself and earlier ones alone.
        data_format: "channels_last", the default, or "channels_first" for (batch, channels, steps).
        filters, kernel_size, strides, dilation_rate, groups, activation: as in `Conv2D`, with one number.
        use_bias, kernel_*, bias_*, input_shape, name: as in `Dense`; the kernel is (steps,
            channels / groups, filters).

    >>> import autograd as ag, nn
    >>> nn.Conv1D(8, 3, padding="causal")(ag.zeros((1, 28, 2))).shape
    (1, 28, 8)
    """

    rank: ClassVar[int] = 1
    filters: int = argument(COUNT)
    kernel_size: int | tuple[int] = argument(SINGLE)
    strides: int | tuple[int] = argument(SINGLE, default=(1,))
    padding: str = argument(CAUSAL_PADDING, default="valid")
    data_format: str | None = argument(DATA_FORMAT, default=None)
    dilation_rate: int | tuple[int] = argument(SINGLE, default=(1,))
    groups: int = argument(COUNT, default=1)
    activation: Any = argument(ACTIVATION, default=None)


# the other names that Keras has for them
Convolution1D = Conv1D
Convolution2D = Conv2D
