"""More or fewer pixels: zeros around, edges cut off, each place repeated or interpolated."""

from __future__ import annotations

from typing import Any, ClassVar

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import COUNT, PAIR
from ..constructors import argument, constructor
from .base import DATA_FORMAT, ImageFormat, Layer
from .sizes import BORDERS, ENDS, Pair, lower_case


class _Padding(ImageFormat, Layer):
    """Zeros before and after each spatial axis."""

    padding: Any

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        widths = [(0, 0)] * x.ndim
        for axis, ends in zip(self.spatial, _of_axes(self.padding), strict=True):
            widths[axis] = ends
        return ag.pad(x, pad_width=tuple(widths))


@constructor
class ZeroPadding1D(_Padding):
    """Zeros before and after sequences (batch, steps, channels).

    Args:
        padding: how many; (before, after), or one number for both.
        data_format: "channels_last", the default, or "channels_first".
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.ZeroPadding1D((2, 0))([[[1.0]]]).tolist()
    [[[0.0], [0.0], [1.0]]]
    """

    rank: ClassVar[int] = 1
    padding: int | tuple[int, int] = argument(ENDS, default=1)
    data_format: str | None = argument(DATA_FORMAT, default=None)


@constructor
class ZeroPadding2D(_Padding):
    """Zeros around images.

    Args:
        padding: how many on each side; (height, width), or ((top, bottom), (left, right)).
        data_format: "channels_last", the default, or "channels_first".
        input_shape, name: as in `Layer`.

    >>> import autograd as ag, nn
    >>> nn.ZeroPadding2D(((1, 0), (2, 2)))(ag.zeros((1, 4, 4, 3))).shape
    (1, 5, 8, 3)
    """

    padding: int | tuple[Any, Any] = argument(BORDERS, default=(1, 1))
    data_format: str | None = argument(DATA_FORMAT, default=None)


class _Cropping(ImageFormat, Layer):
    """Without the places at the ends of each spatial axis."""

    cropping: Any

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        key = [slice(None)] * x.ndim
        for axis, (before, after) in zip(self.spatial, _of_axes(self.cropping), strict=True):
            if before + after >= x.shape[axis]:
                raise ShapeError(
                    f"{self.title}: cropping {before} and {after} leaves nothing of axis {axis}; received "
                    f"{x.shape} {x.dtype}"
                )
            key[axis] = slice(before, x.shape[axis] - after)
        inside: Tensor = x[tuple(key)]
        return inside


@constructor
class Cropping1D(_Cropping):
    """Sequences (batch, steps, channels) without their ends.

    Args:
        cropping: how many steps to cut off; (before, after), or one number for both.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.Cropping1D((1, 0))([[[1.0], [2.0], [3.0]]]).tolist()
    [[[2.0], [3.0]]]
    """

    rank: ClassVar[int] = 1
    cropping: int | tuple[int, int] = argument(ENDS, default=(1, 1))


@constructor
class Cropping2D(_Cropping):
    """Images without their edges.

    Args:
        cropping: how many pixels to cut off; (height, width), or ((top, bottom), (left, right)).
        data_format: "channels_last", the default, or "channels_first".
        input_shape, name: as in `Layer`.

    >>> import autograd as ag, nn
    >>> nn.Cropping2D(((1, 0), (2, 2)))(ag.zeros((1, 8, 8, 3))).shape
    (1, 7, 4, 3)
    """

    cropping: int | tuple[Any, Any] = argument(BORDERS, default=((0, 0), (0, 0)))
    data_format: str | None = argument(DATA_FORMAT, default=None)


@constructor
class UpSampling1D(ImageFormat, Layer):
    """Each step of a sequence (batch, steps, channels) `size` times.

    Args:
        size: how often.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.UpSampling1D(2)([[[1.0], [2.0]]]).tolist()
    [[[1.0], [1.0], [2.0], [2.0]]]
    """

    rank: ClassVar[int] = 1
    size: int = argument(COUNT, default=2)

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        return ag.repeat(x, self.size, axis=1)


@constructor
class UpSampling2D(ImageFormat, Layer):
    """Images with more rows and columns.

    Args:
        size: (height, width) of what becomes of a pixel, or one number for both.
        data_format: "channels_last", the default, or "channels_first".
        interpolation: "nearest" repeats pixels; "bilinear" draws lines between their middles, and goes on
            with the outermost at the edges.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.UpSampling2D((1, 2), interpolation="bilinear")([[[[0.0], [4.0]]]]).reshape(4).tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    size: int | tuple[int, int] = argument(PAIR, default=(2, 2))
    data_format: str | None = argument(DATA_FORMAT, default=None)
    interpolation: str = argument(lower_case("nearest", "bilinear"), default="nearest")

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        sizes: Any = self.size
        for axis, size in zip(self.spatial, sizes, strict=True):
            if self.interpolation == "nearest":
                x = ag.repeat(x, size, axis=axis)
            elif size > 1:
                x = _with_lines_between(x, axis, x.shape[axis] * size, size)
        return x


@constructor
class Resizing(ImageFormat, Layer):
    """Images of another height and width, whatever they had.

    Args:
        height, width: what they get.
        interpolation: "bilinear" reads the new pixels off the lines between the middles of the old ones,
            "nearest" takes the old pixel in which the middle of the new one lies.
        data_format: "channels_last", the default, or "channels_first".
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.layers.Resizing(1, 4)([[[[0.0], [4.0]]]]).reshape(4).tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    height: int = argument(COUNT)
    width: int = argument(COUNT)
    interpolation: str = argument(lower_case("bilinear", "nearest"), default="bilinear")
    data_format: str | None = argument(DATA_FORMAT, default=None)

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        for axis, count in zip(self.spatial, (self.height, self.width), strict=True):
            old = x.shape[axis]
            if self.interpolation == "nearest":
                x = ag.take(x, ag.tensor([(2 * i + 1) * old // (2 * count) for i in range(count)]), axis=axis)
            elif count != old:
                x = _with_lines_between(x, axis, count, count / old)
        return x


@constructor
class CenterCrop(ImageFormat, Layer):
    """The middle of images.

    Args:
        height, width: of what is left; larger ones than those of the image raise.
        data_format: "channels_last", the default, or "channels_first".
        input_shape, name: as in `Layer`.

    >>> import autograd as ag, nn
    >>> nn.layers.CenterCrop(2, 3)(ag.zeros((1, 8, 8, 3))).shape
    (1, 2, 3, 3)
    """

    height: int = argument(COUNT)
    width: int = argument(COUNT)
    data_format: str | None = argument(DATA_FORMAT, default=None)

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        key = [slice(None)] * x.ndim
        for axis, count in zip(self.spatial, (self.height, self.width), strict=True):
            start = (x.shape[axis] - count) // 2
            if start < 0:
                raise ShapeError(
                    f"{self.title}: the middle of {self.height} by {self.width} pixels is larger than the "
                    f"image; received {x.shape} {x.dtype}"
                )
            key[axis] = slice(start, start + count)
        middle: Tensor = x[tuple(key)]
        return middle


def _with_lines_between(x: Tensor, axis: int, count: int, scale: float) -> Tensor:
    """`count` places along `axis`, `scale` for an old one, read off the lines between their middles."""
    last = x.shape[axis] - 1
    places = [min(max((i + 0.5) / scale - 0.5, 0.0), last) for i in range(count)]
    before = [int(place) for place in places]
    after = [min(place + 1, last) for place in before]
    share = ag.tensor([place - whole for place, whole in zip(places, before, strict=True)], dtype=x.dtype)
    weights = share.reshape(*(-1 if i == axis else 1 for i in range(x.ndim)))
    low, high = (ag.take(x, ag.tensor(index), axis=axis) for index in (before, after))
    return low + (high - low) * weights


def _of_axes(amounts: Any) -> tuple[Pair, ...]:
    """(before, after) of each axis, where for one axis it is that alone."""
    return amounts if isinstance(amounts[0], tuple) else (amounts,)
