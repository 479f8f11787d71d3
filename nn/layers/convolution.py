"""Conv2D: the same small neuron looks at every place of an image."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import ShapeError, Tensor

from .. import activations
from ..arguments import COUNT, PAIR, choice
from ..constructors import argument, constructor
from ..errors import ArgumentError
from .base import ACTIVATION, DATA_FORMAT, Affine, ImageFormat


@constructor
class Conv2D(ImageFormat, Affine):
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
    padding: str = argument(choice("valid", "same"), default="valid")
    data_format: str | None = argument(DATA_FORMAT, default=None)
    dilation_rate: int | tuple[int, int] = argument(PAIR, default=(1, 1))
    groups: int = argument(COUNT, default=1)
    activation: Any = argument(ACTIVATION, default=None)

    def __post_init__(self) -> None:
        if self.filters % self.groups:
            raise ArgumentError(
                f"Conv2D: filters is a multiple of groups, got {self.filters} filters in {self.groups} groups"
            )
        self._activation = activations.get(self.activation)

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        (shape,) = shapes
        self.needs_images(shape, self.letters)
        channels = shape[self.letters.index("C")]
        if channels % self.groups:
            raise ShapeError(f"{self.title}: {channels} channels do not divide into {self.groups} groups")
        window: Any = self.kernel_size
        self.make_weights((*window, channels // self.groups, self.filters), self.filters, dtype)

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        channels = self.kernel.shape[2] * self.groups
        self.needs_features(x, (self.letters.index("C"),), (channels,))
        kernel = self.kernel if self.letters == "NHWC" else self.kernel.transpose(3, 2, 0, 1)
        result = ag.conv2d(
            x,
            kernel,
            self.bias,
            stride=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
            groups=self.groups,
            data_format=self.letters,
        )
        return self._activation(result)
