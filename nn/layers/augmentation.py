"""Augmentation: in training, show every image a little differently; else pass it on.

Images are (batch, height, width, channels), or have the channels in front. Each image of a batch gets a
draw of its own.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import autograd as ag
from autograd import Tensor, random

from ..arguments import FLOAT, choice, form
from ..calling import told
from ..constructors import argument, common_argument, constructor
from .base import DATA_FORMAT, ImageFormat
from .dropout import Random

FLIPS = {"horizontal": (1,), "vertical": (0,), "horizontal_and_vertical": (0, 1)}
"""Which of the two spatial axes."""
FILLS = ("reflect", "wrap", "nearest", "constant")


@form("is a fraction from 0 to 1, or (lowest, highest) from -1 to 1")
def FACTOR(value: Any) -> tuple[float, float]:
    """(lowest, highest); one number goes as far to both sides."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if len(given) in (1, 2) and all(isinstance(bound, Real) for bound in given):
        low, high = (-given[0], given[0]) if len(given) == 1 else given
        if -1 <= low <= high <= 1:
            return float(low), float(high)
    raise ValueError


class Augmentation(ImageFormat, Random):
    """Base of layers that show another image in training.

    Args:
        seed, data_format: as in `RandomFlip`.
    """

    @told
    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        key = self.source(x)
        return self.changed(x, key) if self.is_training else x

    def changed(self, x: Tensor, key: random.Generator | None) -> Tensor:
        """What is shown in the place of the images `x`; `key` is drawn from."""
        raise NotImplementedError


class ChannelsLast(Augmentation):
    """Base of those that see images with the channels last, however they come."""

    def changed(self, x: Tensor, key: random.Generator | None) -> Tensor:
        if self.letters == "NHWC":
            return self.moved(x, key)
        return self.moved(x.transpose(0, 2, 3, 1), key).transpose(0, 3, 1, 2)

    def moved(self, x: Tensor, key: random.Generator | None) -> Tensor:
        """As `changed`, for (batch, height, width, channels)."""
        raise NotImplementedError


@constructor
class RandomFlip(Augmentation):
    """In training mirrors each image with probability 1/2, in each direction of `mode` by itself.

    Args:
        mode: "horizontal" (left and right change places), "vertical", or "horizontal_and_vertical".
        seed: as in `Dropout`.
        data_format: "channels_last", the default, or "channels_first".
        input_shape, name: as in `Layer`.

    >>> import autograd as ag, nn
    >>> nn.RandomFlip("horizontal")(ag.zeros((1, 4, 4, 1))).shape
    (1, 4, 4, 1)
    """

    mode: str = argument(choice(*tuple(FLIPS)), default="horizontal_and_vertical")
    data_format: str | None = common_argument(DATA_FORMAT, default=None, after="seed", kw_only=True)

    def changed(self, x: Tensor, key: random.Generator | None) -> Tensor:
        for axis in (self.spatial[i] for i in FLIPS[self.mode]):
            heads = random.bernoulli((x.shape[0], 1, 1, 1), key=key)
            x = ag.where(heads, ag.flip(x, axis), x)
        return x


@constructor
class RandomShift(ChannelsLast):
    """In training moves each image by whole pixels. Keras calls the like RandomTranslation.

    Args:
        height_factor: up to which fraction of the height to move up or down; or
            (lowest, highest), down is positive.
        width_factor: likewise to the left or right.
        fill_mode: what comes in from outside: "reflect" (d c b a | a b c d | d c b a), "wrap" (a b c d |
            a b c d), "nearest" (a a a | a b c d | d d d), or "constant".
        fill_value: the constant.
        seed: as in `Dropout`.
        data_format: "channels_last", the default, or "channels_first".
        input_shape, name: as in `Layer`.

    >>> import autograd as ag, nn
    >>> nn.RandomShift(0.1, 0.1)(ag.zeros((1, 8, 8, 1))).shape
    (1, 8, 8, 1)
    """

    height_factor: float | tuple[float, float] = argument(FACTOR)
    width_factor: float | tuple[float, float] = argument(FACTOR)
    fill_mode: str = argument(choice(*FILLS), default="reflect")
    fill_value: float = argument(FLOAT, default=0.0)
    data_format: str | None = common_argument(DATA_FORMAT, default=None, after="seed", kw_only=True)

    def moved(self, x: Tensor, key: random.Generator | None) -> Tensor:
        count = x.shape[0]
        factors: Any = (self.height_factor, self.width_factor)
        (rows, rows_inside), (columns, columns_inside) = (
            self._sources(count, size, bounds, key)
            for size, bounds in zip(x.shape[1:3], factors, strict=True)
        )
        images = ag.arange(count).reshape(count, 1, 1)
        moved: Tensor = x[images, rows.expand_dims(2), columns.expand_dims(1)]
        if self.fill_mode != "constant":
            return moved
        inside = rows_inside.expand_dims(2) * columns_inside.expand_dims(1)
        return ag.where(inside.expand_dims(3), moved, self.fill_value)

    def _sources(
        self, count: int, size: int, bounds: tuple[float, float], key: random.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """For each image and place the place it is filled from, and whether that is inside the image."""
        low, high = bounds
        shift = (random.uniform((count, 1), low, high, key=key) * size + 0.5).floor().to("int64")
        return filled_from(ag.arange(size).reshape(1, size) - shift, size, self.fill_mode)


@form("is two numbers, the lowest and the highest")
def VALUE_RANGE(value: Any) -> tuple[float, float]:
    low, high = sorted(FLOAT.keep(bound) for bound in value)
    return low, high


@form("is a number from 0 to 1, or two of them, how far down and how far up")
def CONTRAST(value: Any) -> tuple[float, float]:
    """(down, up); one number goes as far to both sides."""
    low, high = map(float, value if isinstance(value, (tuple, list)) else (value, value))
    if 0 <= low <= 1 and 0 <= high <= 1:
        return low, high
    raise ValueError


@constructor
class RandomContrast(Augmentation):
    """In training moves the pixels of each image away from their mean, or towards it, channel by channel.

    (x - mean) f + mean, f drawn from [1 - down, 1 + up], cut off at the bounds of `value_range`.

    Args:
        factor: `down` and `up` as one number from 0 to 1, or as two.
        value_range: (lowest, highest) value of a pixel.
        seed: as in `Dropout`.
        data_format: "channels_last", the default, or "channels_first".
        input_shape, name: as in `Layer`.

    >>> import autograd as ag, nn
    >>> nn.RandomContrast(0.2)(ag.zeros((1, 4, 4, 1))).shape
    (1, 4, 4, 1)
    """

    factor: float | tuple[float, float] = argument(CONTRAST)
    value_range: tuple[float, float] = argument(VALUE_RANGE, default=(0, 255))
    data_format: str | None = common_argument(DATA_FORMAT, default=None, after="seed", kw_only=True)

    def changed(self, x: Tensor, key: random.Generator | None) -> Tensor:
        bounds: Any = self.factor
        factor = random.uniform((x.shape[0], 1, 1, 1), 1.0 - bounds[0], 1.0 + bounds[1], key=key)
        mean = x.mean(axis=self.spatial, keepdims=True)
        return ((x - mean) * factor.to(x.dtype) + mean).clip(*self.value_range)


@constructor
class RandomBrightness(Augmentation):
    """In training adds a number to all pixels of an image, drawn for each, and cuts off at the bounds.

    Args:
        factor: up to which fraction of the range of values, up and down; or (lowest, highest).
        value_range: (lowest, highest) value of a pixel.
        seed: as in `Dropout`.
        data_format: "channels_last", the default, or "channels_first".
        input_shape, name: as in `Layer`.

    >>> import autograd as ag, nn
    >>> nn.RandomBrightness(0.2)(ag.zeros((1, 4, 4, 1))).shape
    (1, 4, 4, 1)
    """

    factor: float | tuple[float, float] = argument(FACTOR)
    value_range: tuple[float, float] = argument(VALUE_RANGE, default=(0, 255))
    data_format: str | None = common_argument(DATA_FORMAT, default=None, after="seed", kw_only=True)

    def changed(self, x: Tensor, key: random.Generator | None) -> Tensor:
        bounds: Any = self.factor
        low, high = self.value_range
        added = random.uniform((x.shape[0], 1, 1, 1), bounds[0], bounds[1], key=key) * (high - low)
        return (x + added.to(x.dtype)).clip(low, high)


def filled_from(source: Tensor, size: int, fill_mode: str) -> tuple[Tensor, Tensor]:
    """For whole places along an axis of `size` those that are read, and whether they were inside."""
    inside = (source >= 0) * (source < size)
    if fill_mode == "wrap":
        source = _modulo(source, size)
    elif fill_mode == "reflect":
        source = _modulo(source, 2 * size)
        source = ag.where(source < size, source, 2 * size - 1 - source)
    return source.clip(0, size - 1), inside


def _modulo(x: Tensor, size: int) -> Tensor:
    quotient: Tensor = (x.to("float64") / float(size)).floor().to("int64")
    result: Tensor = x - quotient * size
    return result


RandomTranslation = RandomShift
