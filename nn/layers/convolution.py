"""Conv2D: the same small neuron looks at every place of an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import autograd as ag
from autograd import ShapeError, Tensor

from .. import activations
from ..arguments import one_of, pair, whole
from ..errors import ArgumentError
from ..forms import Form
from .base import ACTIVATION, Affine, image_letters


class Conv2D(Affine):
    """Convolution: inputs (batch, height, width, channels), outputs (batch, height', width', filters).

    Args:
        filters: how many.
        kernel_size: (height, width) of a filter, or one number for both.
        strides: steps between two places.
        padding: "valid" for places inside the image alone, "same" for as many places as pixels (over the stride); odd
            padding is added below and to the right, as in Keras.
        data_format: "channels_last", the default, or "channels_first" for (batch, channels, height, width).
        dilation_rate: distance between two pixels that a filter sees.
        groups: the channels are divided into so many parts, and so are the filters; each part sees its own alone.
        activation: a name, a function, or None.
        use_bias, kernel_*, bias_*, input_shape, name: as in `Dense`; the kernel is (height, width, channels / groups,
            filters).

    >>> import autograd as ag, nn
    >>> nn.Conv2D(8, 3, activation="relu")(ag.zeros((1, 28, 28, 1))).shape
    (1, 26, 26, 8)
    """

    forms: ClassVar[Mapping[str, Form]] = {"activation": ACTIVATION}

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int] = (1, 1),
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_initializer: Any = "zeros",
        bias_regularizer: Any = None,
        bias_constraint: Any = None,
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            use_bias, kernel_initializer, kernel_regularizer, kernel_constraint,
            bias_initializer, bias_regularizer, bias_constraint, name, input_shape,
        )  # fmt: skip
        self.filters = whole("Conv2D", "filters", filters)
        self.kernel_size = pair("Conv2D", "kernel_size", kernel_size)
        self.strides = pair("Conv2D", "strides", strides)
        self.padding = one_of("Conv2D", "padding", padding, ("valid", "same"))
        self.data_format = data_format
        self.dilation_rate = pair("Conv2D", "dilation_rate", dilation_rate)
        self.groups = whole("Conv2D", "groups", groups)
        if self.filters % self.groups:
            raise ArgumentError(
                f"Conv2D: filters is a multiple of groups, got {filters} filters in {groups} groups"
            )
        self.activation = activation
        self._activation = activations.get(activation)
        self._letters = image_letters("Conv2D", data_format)

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        (shape,) = shapes
        self.needs_images(shape, self._letters)
        channels = shape[self._letters.index("C")]
        if channels % self.groups:
            raise ShapeError(
                f"{self.title}: {channels} channels do not divide into {self.groups} groups"
            )
        kernel = (*self.kernel_size, channels // self.groups, self.filters)
        self.make_weights(kernel, self.filters, dtype)

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self._letters)
        channels = self.kernel.shape[2] * self.groups
        self.needs_features(x, (self._letters.index("C"),), (channels,))
        kernel = self.kernel if self._letters == "NHWC" else self.kernel.transpose(3, 2, 0, 1)
        result = ag.conv2d(
            x,
            kernel,
            self.bias,
            stride=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
            groups=self.groups,
            data_format=self._letters,
        )
        return self._activation(result)
