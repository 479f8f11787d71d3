"""Convolution of every channel by itself, and with a mixture of the channels after it (Chollet 2017)."""

from __future__ import annotations

from typing import Any, ClassVar

import autograd as ag
from autograd import Tensor

from ..arguments import COUNT, FLAG, PAIR
from ..constructors import argument, common, constructor
from .base import ACTIVATION, CONSTRAINT, DATA_FORMAT, INITIALIZER, REGULARIZER, Layer, weight
from .convolution import Windows
from .sizes import PADDING, SINGLE


@common
class _Depthwise(Layer):
    """Arguments that all share: a kernel that sees one channel at a time, and a bias."""

    use_bias: bool = argument(FLAG, default=True)
    depthwise_initializer: Any = argument(INITIALIZER, default="glorot_uniform")
    bias_initializer: Any = argument(INITIALIZER, default="zeros")
    depthwise_regularizer: Any = argument(REGULARIZER, default=None)
    bias_regularizer: Any = argument(REGULARIZER, default=None)
    depthwise_constraint: Any = argument(CONSTRAINT, default=None)
    bias_constraint: Any = argument(CONSTRAINT, default=None)


class _DepthwiseConvolution(Windows, _Depthwise):
    """What DepthwiseConv1D and DepthwiseConv2D share."""

    depth_multiplier: int

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        channels = self.channels_of(shapes[0])
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = weight(self, "kernel", shape, dtype, "depthwise")
        count = channels * self.depth_multiplier
        self.bias = weight(self, "bias", (count,), dtype) if self.use_bias else None

    def call(self, x: Tensor) -> Tensor:
        channels = self.kernel.shape[-2]
        self.needs_channels(x, channels)
        result: Tensor = self.activation(self.convolved(x, _in_groups(self.kernel), self.bias, channels))
        return result


@constructor
class DepthwiseConv2D(_DepthwiseConvolution):
    """Each channel is convolved by itself: (batch, height, width, channels) to
    (batch, height', width', channels * depth_multiplier).

    Args:
        kernel_size, strides, padding, data_format, dilation_rate, activation: as in `Conv2D`.
        depth_multiplier: filters for each channel; their results stand beside each other.
        use_bias, depthwise_*, bias_*, input_shape, name: as in `Dense`; the kernel is (height, width,
            channels, depth_multiplier).

    >>> import autograd as ag, nn
    >>> nn.DepthwiseConv2D(3, depth_multiplier=2)(ag.zeros((1, 28, 28, 4))).shape
    (1, 26, 26, 8)
    """

    kernel_size: int | tuple[int, int] = argument(PAIR)
    strides: int | tuple[int, int] = argument(PAIR, default=(1, 1))
    padding: str = argument(PADDING, default="valid")
    depth_multiplier: int = argument(COUNT, default=1)
    data_format: str | None = argument(DATA_FORMAT, default=None)
    dilation_rate: int | tuple[int, int] = argument(PAIR, default=(1, 1))
    activation: Any = argument(ACTIVATION, default=None)


@constructor
class DepthwiseConv1D(_DepthwiseConvolution):
    """Each channel of a sequence is convolved by itself: (batch, steps, channels) to
    (batch, steps', channels * depth_multiplier).

    Args:
        kernel_size, strides, padding, data_format, dilation_rate, activation: as in `Conv1D`, but for
            "causal".
        depth_multiplier: filters for each channel; their results stand beside each other.
        use_bias, depthwise_*, bias_*, input_shape, name: as in `Dense`; the kernel is (steps,
            channels, depth_multiplier).

    >>> import autograd as ag, nn
    >>> nn.DepthwiseConv1D(3, depth_multiplier=2)(ag.zeros((1, 28, 4))).shape
    (1, 26, 8)
    """

    rank: ClassVar[int] = 1
    kernel_size: int | tuple[int] = argument(SINGLE)
    strides: int | tuple[int] = argument(SINGLE, default=(1,))
    padding: str = argument(PADDING, default="valid")
    depth_multiplier: int = argument(COUNT, default=1)
    data_format: str | None = argument(DATA_FORMAT, default=None)
    dilation_rate: int | tuple[int] = argument(SINGLE, default=(1,))
    activation: Any = argument(ACTIVATION, default=None)


@common
class _Separable(_Depthwise):
    """The same with a second kernel, which mixes the channels of one place."""

    pointwise_initializer: Any = argument(
        INITIALIZER, default="glorot_uniform", after="depthwise_initializer"
    )
    pointwise_regularizer: Any = argument(REGULARIZER, default=None, after="depthwise_regularizer")
    pointwise_constraint: Any = argument(CONSTRAINT, default=None, after="depthwise_constraint")


class _SeparableConvolution(Windows, _Separable):
    """What SeparableConv1D and SeparableConv2D share."""

    filters: int
    depth_multiplier: int

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        channels = self.channels_of(shapes[0])
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = weight(self, "depthwise_kernel", shape, dtype, "depthwise")
        shape = (*(1 for _ in self.kernel_size), channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = weight(self, "pointwise_kernel", shape, dtype, "pointwise")
        self.bias = weight(self, "bias", (self.filters,), dtype) if self.use_bias else None

    def call(self, x: Tensor) -> Tensor:
        channels = self.depthwise_kernel.shape[-2]
        self.needs_channels(x, channels)
        y = self.convolved(x, _in_groups(self.depthwise_kernel), None, channels)
        mixed = ag.conv2d(
            self.as_image(y),
            self.kernel_of_image(self.pointwise_kernel),
            self.bias,
            data_format=self.image_letters,
        )
        result: Tensor = self.activation(self.from_image(mixed))
        return result


@constructor
class SeparableConv2D(_SeparableConvolution):
    """A depthwise convolution and then one of single pixels: fewer weights than `Conv2D`, same shapes.

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation: as in `Conv2D`; all
            but `filters` and `activation` are of the first convolution.
        depth_multiplier: filters of the first convolution for each channel.
        use_bias, depthwise_*, pointwise_*, bias_*, input_shape, name: as in `Dense`; the kernels are
            (height, width, channels, depth_multiplier) and (1, 1, channels * depth_multiplier, filters).

    >>> import autograd as ag, nn
    >>> nn.SeparableConv2D(8, 3)(ag.zeros((1, 28, 28, 4))).shape
    (1, 26, 26, 8)
    """

    filters: int = argument(COUNT)
    kernel_size: int | tuple[int, int] = argument(PAIR)
    strides: int | tuple[int, int] = argument(PAIR, default=(1, 1))
    padding: str = argument(PADDING, default="valid")
    data_format: str | None = argument(DATA_FORMAT, default=None)
    dilation_rate: int | tuple[int, int] = argument(PAIR, default=(1, 1))
    depth_multiplier: int = argument(COUNT, default=1)
    activation: Any = argument(ACTIVATION, default=None)


@constructor
class SeparableConv1D(_SeparableConvolution):
    """A depthwise convolution of sequences and then one of single steps.

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation: as in `Conv1D`,
            without "causal"; all but `filters` and `activation` are of the first convolution.
        depth_multiplier: filters of the first convolution for each channel.
        use_bias, depthwise_*, pointwise_*, bias_*, input_shape, name: as in `Dense`; the kernels are
            (steps, channels, depth_multiplier) and (1, channels * depth_multiplier, filters).

    >>> import autograd as ag, nn
    >>> nn.SeparableConv1D(8, 3)(ag.zeros((1, 28, 4))).shape
    (1, 26, 8)
    """

    rank: ClassVar[int] = 1
    filters: int = argument(COUNT)
    kernel_size: int | tuple[int] = argument(SINGLE)
    strides: int | tuple[int] = argument(SINGLE, default=(1,))
    padding: str = argument(PADDING, default="valid")
    data_format: str | None = argument(DATA_FORMAT, default=None)
    dilation_rate: int | tuple[int] = argument(SINGLE, default=(1,))
    depth_multiplier: int = argument(COUNT, default=1)
    activation: Any = argument(ACTIVATION, default=None)


def _in_groups(kernel: Tensor) -> Tensor:
    """A kernel (..., channels, multiplier) with a group for each channel: (..., 1, channels * multiplier)."""
    *window, channels, multiplier = kernel.shape
    return kernel.reshape(*window, 1, channels * multiplier)


# the other names that Keras has for them
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
