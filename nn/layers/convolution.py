"""Conv2D: the same small neuron looks at every place of an image."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor

from .. import activations
from .base import Affine, channels_axis, one_of, pair, whole


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
        activation: a name, a function, or None.
        use_bias, kernel_*, bias_*, input_shape, name: as in `Dense`; the kernel is (height, width, channels, filters).

    >>> import autograd as ag, nn
    >>> nn.Conv2D(8, 3, activation="relu")(ag.zeros((1, 28, 28, 1))).shape
    (1, 26, 26, 8)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int] = (1, 1),
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
        self.activation = activation
        self._activation = activations.get(activation)
        self._axes = channels_axis("Conv2D", data_format)

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        (shape,) = shapes
        last = self._axes == "NHWC"
        self.needs_dimensions(
            shape,
            4,
            "(batch, height, width, channels)" if last else "(batch, channels, height, width)",
        )
        channels = shape[3 if last else 1]
        self.make_weights((*self.kernel_size, channels, self.filters), self.filters, dtype)

    def call(self, x: Tensor) -> Tensor:
        last = self._axes == "NHWC"
        kernel = self.kernel if last else self.kernel.transpose(3, 2, 0, 1)
        result = ag.conv2d(
            x,
            kernel,
            self.bias,
            stride=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
            data_format=self._axes,
        )
        return self._activation(result)
