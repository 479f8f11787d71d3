"""Transposed convolution: what a convolution makes small is made large again (Dumoulin & Visin 2016)."""

from __future__ import annotations

from typing import Any, ClassVar

import autograd as ag
from autograd import Tensor

from ..arguments import COUNT, PAIR
from ..constructors import argument, constructor
from ..errors import ArgumentError
from .base import ACTIVATION, DATA_FORMAT, Affine
from .convolution import Windows
from .sizes import PADDING, PAIR_OR_ZERO, SINGLE, SINGLE_OR_ZERO, of_image


class _Transposed(Windows, Affine):
    """What Conv1DTranspose and Conv2DTranspose share."""

    filters: int
    output_padding: Any

    def __post_init__(self) -> None:
        more = self.output_padding
        if more is not None and any(n >= step for n, step in zip(more, self.strides, strict=True)):
            raise ArgumentError(
                f"{type(self).__name__}: output_padding is less than strides, got {more} with strides "
                f"{self.strides}"
            )

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        channels = self.channels_of(shapes[0])
        self.make_weights((*self.kernel_size, self.filters, channels), self.filters, dtype)

    def call(self, x: Tensor) -> Tensor:
        self.needs_channels(x, self.kernel.shape[-1])
        x = self.as_image(x)
        first = self.image_letters == "NCHW"
        y = self._spread(x.transpose(0, 2, 3, 1) if first else x)
        if self.bias is not None:
            y = y + self.bias
        result: Tensor = self.activation(self.from_image(y.transpose(0, 3, 1, 2) if first else y))
        return result

    def _spread(self, x: Tensor) -> Tensor:
        """Every place of x (batch, height, width, channels) adds its kernel to a window of the result."""
        window, stride, gaps = (of_image(s) for s in (self.kernel_size, self.strides, self.dilation_rate))
        kernel = self.kernel.reshape(*window, *self.kernel.shape[-2:]).transpose(3, 2, 0, 1)
        sums = ag.linear(x, kernel.reshape(x.shape[3], -1))
        values = sums.reshape(*x.shape[:3], self.filters, *window)
        reach = tuple((k - 1) * gap + 1 for k, gap in zip(window, gaps, strict=True))
        sizes = tuple((n - 1) * s + r for n, s, r in zip(x.shape[1:3], stride, reach, strict=True))
        shape = (x.shape[0], *sizes, self.filters)
        y = ag.windows_add(values, axes=(1, 2), size=window, stride=stride, dilation=gaps, shape=shape)
        more = (None, None) if self.output_padding is None else of_image((*self.output_padding,), 0)
        ends = [self._ends(n, s, r, m) for n, s, r, m in zip(x.shape[1:3], stride, reach, more, strict=True)]
        inside = y[:, *(slice(start, stop) for start, stop in ends)]
        missing = [max(stop - n, 0) for (_, stop), n in zip(ends, sizes, strict=True)]
        if not any(missing):
            return inside
        return ag.pad(inside, pad_width=((0, 0), *((0, n) for n in missing), (0, 0)))

    def _ends(self, count: int, stride: int, reach: int, more: int | None) -> tuple[int, int]:
        """Where the result begins and ends on an axis of all windows: that of Keras."""
        if self.padding == "valid":
            return 0, (count - 1) * stride + reach + (max(stride - reach, 0) if more is None else more)
        if more is None:
            length, around = count * stride, stride + reach - 2
        else:
            length, around = (count - 1) * stride + reach % 2 + more, reach + reach % 2 - 2 + more
        start = reach - 1 - min(around - around // 2, reach - 1)
        return start, start + length


@constructor
class Conv2DTranspose(_Transposed):
    """The transpose of a convolution: (batch, height, width, channels) to (batch, height', width', filters).

    Args:
        filters, kernel_size, data_format, activation: as in `Conv2D`.
        strides: distance between the windows of two neighbours: so many times larger is the result.
        padding: "valid" for all that the windows reach, "same" for strides times the size of the input.
        output_padding: what is added at the end; less than `strides`. None: as `padding` says.
        dilation_rate: distance between two places of a window.
        use_bias, kernel_*, bias_*, input_shape, name: as in `Dense`; the kernel is (height,
            width, filters, channels).

    >>> import autograd as ag, nn
    >>> nn.Conv2DTranspose(3, 4, strides=2, padding="same")(ag.zeros((1, 7, 7, 8))).shape
    (1, 14, 14, 3)
    """

    filters: int = argument(COUNT)
    kernel_size: int | tuple[int, int] = argument(PAIR)
    strides: int | tuple[int, int] = argument(PAIR, default=(1, 1))
    padding: str = argument(PADDING, default="valid")
    output_padding: int | tuple[int, int] | None = argument(PAIR_OR_ZERO.or_none(), default=None)
    data_format: str | None = argument(DATA_FORMAT, default=None)
    dilation_rate: int | tuple[int, int] = argument(PAIR, default=(1, 1))
    activation: Any = argument(ACTIVATION, default=None)


@constructor
class Conv1DTranspose(_Transposed):
    """The transpose of a convolution of sequences: (batch, steps, channels) to (batch, steps', filters).

    Args:
        filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation: as in
            `Conv2DTranspose`, with one number.
        use_bias, kernel_*, bias_*, input_shape, name: as in `Dense`; the kernel is (steps, filters,
            channels).

    >>> import autograd as ag, nn
    >>> nn.Conv1DTranspose(3, 4, strides=2)(ag.zeros((1, 7, 8))).shape
    (1, 16, 3)
    """

    rank: ClassVar[int] = 1
    filters: int = argument(COUNT)
    kernel_size: int | tuple[int] = argument(SINGLE)
    strides: int | tuple[int] = argument(SINGLE, default=(1,))
    padding: str = argument(PADDING, default="valid")
    output_padding: int | tuple[int] | None = argument(SINGLE_OR_ZERO.or_none(), default=None)
    data_format: str | None = argument(DATA_FORMAT, default=None)
    dilation_rate: int | tuple[int] = argument(SINGLE, default=(1,))
    activation: Any = argument(ACTIVATION, default=None)


# the other names that Keras has for them
Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
