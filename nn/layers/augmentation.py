"""Augmentation: in training, show every image a little differently; else pass it on.

Images are (batch, height, width, channels). Each image of a batch gets a draw of its own.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import autograd as ag
from autograd import Tensor, random

from ..arguments import number, one_of
from ..errors import ArgumentError
from .base import Layer

FLIPS = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (1, 2)}
FILLS = ("reflect", "wrap", "nearest", "constant")


class RandomFlip(Layer):
    """In training mirrors each image with probability 1/2, in each direction of `mode` by itself.

    Args:
        mode: "horizontal" (left and right change places), "vertical", or "horizontal_and_vertical".
        input_shape, name: as in `Layer`.

    >>> import autograd as ag, nn
    >>> nn.RandomFlip("horizontal")(ag.zeros((1, 4, 4, 1))).shape
    (1, 4, 4, 1)
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.mode = one_of("RandomFlip", "mode", mode, tuple(FLIPS))

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape)
        if self.is_training:
            for axis in FLIPS[self.mode]:
                heads = random.bernoulli((x.shape[0], 1, 1, 1))
                x = ag.where(heads, ag.flip(x, axis), x)
        return x


class RandomShift(Layer):
    """In training moves each image by whole pixels. Keras calls the like RandomTranslation.

    Args:
        height_factor: up to which fraction of the height to move up or down; or (lowest, highest), down is positive.
        width_factor: likewise to the left or right.
        fill_mode: what comes in from outside: "reflect" (d c b a | a b c d | d c b a), "wrap" (a b c d | a b c d),
            "nearest" (a a a | a b c d | d d d), or "constant".
        fill_value: the constant.
        input_shape, name: as in `Layer`.

    >>> import autograd as ag, nn
    >>> nn.RandomShift(0.1, 0.1)(ag.zeros((1, 8, 8, 1))).shape
    (1, 8, 8, 1)
    """

    def __init__(
        self,
        height_factor: float | tuple[float, float],
        width_factor: float | tuple[float, float],
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.height_factor = _factor("height_factor", height_factor)
        self.width_factor = _factor("width_factor", width_factor)
        self.fill_mode = one_of("RandomShift", "fill_mode", fill_mode, FILLS)
        self.fill_value = number("RandomShift", "fill_value", fill_value, None)

    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape)
        if not self.is_training:
            return x
        count = x.shape[0]
        (rows, rows_inside), (columns, columns_inside) = (
            self._sources(count, size, bounds)
            for size, bounds in zip(
                x.shape[1:3], (self.height_factor, self.width_factor), strict=True
            )
        )
        images = ag.arange(count).reshape(count, 1, 1)
        moved: Tensor = x[images, rows.expand_dims(2), columns.expand_dims(1)]
        if self.fill_mode != "constant":
            return moved
        inside = rows_inside.expand_dims(2) * columns_inside.expand_dims(1)
        return ag.where(inside.expand_dims(3), moved, self.fill_value)

    def _sources(self, count: int, size: int, bounds: tuple[float, float]) -> tuple[Tensor, Tensor]:
        """For each image and place the place it is filled from, and whether that is inside the image."""
        low, high = bounds
        shift = (random.uniform((count, 1), low, high) * size + 0.5).floor().to("int64")
        source = ag.arange(size).reshape(1, size) - shift
        inside = (source >= 0) * (source < size)
        if self.fill_mode == "wrap":
            source = _modulo(source, size)
        elif self.fill_mode == "reflect":
            source = _modulo(source, 2 * size)
            source = ag.where(source < size, source, 2 * size - 1 - source)
        return source.clip(0, size - 1), inside


def _modulo(x: Tensor, size: int) -> Tensor:
    quotient: Tensor = (x.to("float64") / float(size)).floor().to("int64")
    result: Tensor = x - quotient * size
    return result


def _factor(name: str, factor: Any) -> tuple[float, float]:
    """(lowest, highest); one number goes as far to both sides."""
    given = tuple(factor) if isinstance(factor, (tuple, list)) else (factor,)
    if len(given) in (1, 2) and all(isinstance(bound, Real) for bound in given):
        low, high = (-given[0], given[0]) if len(given) == 1 else given
        if -1 <= low <= high <= 1:
            return float(low), float(high)
    raise ArgumentError(
        f"RandomShift: {name} is a fraction from 0 to 1, or (lowest, highest) from -1 to 1, got {factor!r}"
    )


RandomTranslation = RandomShift
