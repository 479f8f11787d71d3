"""Augmentation that reads an image at other places, between the pixels too: rotated, nearer or farther.

Each image of a batch gets a draw of its own. What is read outside of the image says `fill_mode`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import autograd as ag
from autograd import Tensor, random

from ..arguments import FLOAT, choice
from ..constructors import argument, common_argument, constructor
from .augmentation import FACTOR, FILLS, ChannelsLast, filled_from
from .base import DATA_FORMAT
from .sizes import lower_case

Move = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From the (row, column) of a pixel, seen from the middle of the image, to where it is read."""
INTERPOLATIONS = ("bilinear", "nearest")


class _Resampled(ChannelsLast):
    """Base of layers that read images at other places.

    Args:
        fill_mode, fill_value: as in `RandomShift`.
        interpolation: "bilinear" between the four pixels around a place, or "nearest".
        seed, data_format: as in `RandomFlip`.
    """

    fill_mode: str
    fill_value: float
    interpolation: str

    def move(self, count: int, key: random.Generator | None) -> Move:
        """What is drawn for `count` images."""
        raise NotImplementedError

    def moved(self, x: Tensor, key: random.Generator | None) -> Tensor:
        move = self.move(x.shape[0], key)
        _, height, width, _ = x.shape
        middle_row, middle_column = (height - 1) / 2, (width - 1) / 2
        rows = ag.arange(height).to("float32").reshape(1, height, 1) - middle_row
        columns = ag.arange(width).to("float32").reshape(1, 1, width) - middle_column
        row, column = move(rows, columns)
        row, column = row + middle_row, column + middle_column
        if self.interpolation == "nearest":
            return self._pixels(x, (row + 0.5).floor(), (column + 0.5).floor())
        top, left = row.floor(), column.floor()
        down, right = ((row - top).to(x.dtype).expand_dims(3), (column - left).to(x.dtype).expand_dims(3))
        above = self._pixels(x, top, left) * (1.0 - right) + self._pixels(x, top, left + 1.0) * right
        top = top + 1.0
        below = self._pixels(x, top, left) * (1.0 - right) + self._pixels(x, top, left + 1.0) * right
        return above * (1.0 - down) + below * down

    def _pixels(self, x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Those at whole rows and columns, (batch, height, width) each."""
        count, height, width, _ = x.shape
        row, row_inside = filled_from(rows.to("int64"), height, self.fill_mode)
        column, column_inside = filled_from(columns.to("int64"), width, self.fill_mode)
        pixels: Tensor = x[ag.arange(count).reshape(count, 1, 1), row, column]
        if self.fill_mode != "constant":
            return pixels
        return ag.where((row_inside * column_inside).expand_dims(3), pixels, self.fill_value)


@constructor
class RandomRotation(_Resampled):
    """In training turns each image around its middle.

    Args:
        factor: up to which fraction of a full turn, to both sides; or (lowest, highest), positive turns
            counter-clockwise.
        fill_mode: what is read outside, as in `RandomShift`.
        interpolation: "bilinear" between pixels, or "nearest".
        seed: as in `Dropout`.
        fill_value: the constant of fill_mode "constant".
        data_format: "channels_last", the default, or "channels_first".
        input_shape, name: as in `Layer`.

    >>> import autograd as ag, nn
    >>> nn.RandomRotation(0.1)(ag.zeros((1, 8, 8, 1))).shape
    (1, 8, 8, 1)
    """

    factor: float | tuple[float, float] = argument(FACTOR)
    fill_mode: str = argument(choice(*FILLS), default="reflect")
    interpolation: str = argument(lower_case(*INTERPOLATIONS), default="bilinear")
    fill_value: float = common_argument(FLOAT, default=0.0, after="seed", kw_only=True)
    data_format: str | None = common_argument(DATA_FORMAT, default=None, after="fill_value", kw_only=True)

    def move(self, count: int, key: random.Generator | None) -> Move:
        factor: Any = self.factor
        angle = random.uniform((count, 1, 1), factor[0], factor[1], key=key) * (2.0 * math.pi)
        cosine, sine = ag.cos(angle), ag.sin(angle)
        return lambda row, column: (column * sine + row * cosine, column * cosine - row * sine)


@constructor
class RandomZoom(_Resampled):
    """In training shows each image larger or smaller.

    Args:
        height_factor: how much more of the height is seen: 0.2 up to a fifth more or less, (0.1, 0.2) only
            more, which makes things smaller, (-0.2, -0.1) only less.
        width_factor: likewise; None takes what was drawn for the height, which keeps the proportions.
        fill_mode: what is read outside, as in `RandomShift`.
        interpolation: "bilinear" between pixels, or "nearest".
        seed: as in `Dropout`.
        fill_value: the constant of fill_mode "constant".
        data_format: "channels_last", the default, or "channels_first".
        input_shape, name: as in `Layer`.

    >>> import autograd as ag, nn
    >>> nn.RandomZoom(0.2)(ag.zeros((1, 8, 8, 1))).shape
    (1, 8, 8, 1)
    """

    height_factor: float | tuple[float, float] = argument(FACTOR)
    width_factor: float | tuple[float, float] | None = argument(FACTOR.or_none(), default=None)
    fill_mode: str = argument(choice(*FILLS), default="reflect")
    interpolation: str = argument(lower_case(*INTERPOLATIONS), default="bilinear")
    fill_value: float = common_argument(FLOAT, default=0.0, after="seed", kw_only=True)
    data_format: str | None = common_argument(DATA_FORMAT, default=None, after="fill_value", kw_only=True)

    def move(self, count: int, key: random.Generator | None) -> Move:
        def drawn(factor: Any) -> Tensor:
            return random.uniform((count, 1, 1), factor[0], factor[1], key=key) + 1.0

        rows = drawn(self.height_factor)
        columns = rows if self.width_factor is None else drawn(self.width_factor)
        # both depend on the row and the column, as places of a whole image
        return lambda row, column: (row * rows + column * 0.0, column * columns + row * 0.0)
