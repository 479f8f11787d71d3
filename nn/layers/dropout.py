"""Dropout and noise: in training, make every batch a little different (Srivastava et al. 2014)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import autograd as ag
from autograd import ShapeError, Tensor, random

from ..arguments import COUNT, FLOAT_NOT_NEGATIVE, RATE, SEED, SHARE, form
from ..calling import told
from ..constructors import argument, common, constructor
from ..module import Module
from ..seed import generator_of
from .base import DATA_FORMAT, ImageFormat, Layer

SELU_OF_NOTHING = -1.0507009873554805 * 1.6732632423543772
"""What selu tends to far below 0."""


@form("is a tuple of sizes >= 1, None for those of the input")
def NOISE_SHAPE(value: Any) -> tuple[int | None, ...]:
    if isinstance(value, (str, bytes, Mapping)):
        raise TypeError
    return tuple(None if size is None else COUNT.keep(size) for size in value)


@common
class Random(Layer):
    """Base of layers that draw in training.

    Args:
        seed: gives the layer a generator of its own, whatever else draws; a file of the model holds where it
            stands. None draws from the generator of the model (`Model(seed=)`), or else the default one. The
            numbers are not those that Keras draws from that seed.
        name, input_shape: as in `Layer`.
    """

    not_settings = Module.not_settings.union(("generator",))
    seed: int | None = argument(SEED, default=None)

    def __post_init__(self) -> None:
        self.generator: random.Generator | None = None
        if self.seed is not None:
            self.generator, self.random_key, self.random_counter = generator_of(self.seed)

    def source(self, x: Tensor) -> random.Generator | None:
        """Where to draw from for `x`; its words live where x does."""
        if self.generator is not None:
            self.generator.follow(x)
        return self.generator


@constructor
class _NoiseShape(Random):
    """What drops elements, and whether it drops each by itself.

    Args:
        rate: how often.
        noise_shape: the shape of what is drawn, None for sizes of the input: (None, 1, None) drops
            an element of (batch, steps, features) in all steps or in none.
        seed, name, input_shape: as in `Random`.
    """

    rate: float = argument(RATE)
    noise_shape: Sequence[int | None] | None = argument(NOISE_SHAPE.or_none(), default=None)

    def mask_shape(self, x: Tensor) -> tuple[int, ...]:
        """Of what is drawn; it is spread over axes of size 1."""
        given = self.noise_shape
        if given is None:
            return x.shape
        if len(given) != x.ndim or any(m not in (None, 1, n) for m, n in zip(given, x.shape, strict=True)):
            raise ShapeError(
                f"{self.title}: noise_shape {given} has for each axis of the input 1, its size or None; "
                f"received {x.shape} {x.dtype}"
            )
        return tuple(n if m is None else m for m, n in zip(given, x.shape, strict=True))


@constructor
class Dropout(_NoiseShape):
    """In training each element is 0 with probability `rate`, the others are
    divided by 1 - rate; else identity.

    20 % is a good start, 20 to 50 % are usual; rate 1 gives zeros.

    Args:
        rate: from 0 to 1.
        noise_shape: the shape of what is drawn, None for sizes of the input: (None, 1, None) drops
            an element of (batch, steps, features) in all steps or in none.
        seed: gives the layer a generator of its own, whatever else draws; a file of the model holds where it
            stands. None draws from the generator of the model, or else the default one.
        name, input_shape: as in `Layer`.

    >>> import nn
    >>> nn.Dropout(0.5)([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """

    @told
    def call(self, x: Tensor) -> Tensor:
        key = self.source(x)
        return ag.dropout(x, self.rate, self.is_training, key, self.mask_shape(x))


class _Spatial(ImageFormat, Random):
    """What drops whole channels."""

    rate: float

    @told
    def call(self, x: Tensor) -> Tensor:
        self.needs_images(x.shape, self.letters)
        shape = tuple(1 if i in self.spatial else n for i, n in enumerate(x.shape))
        return ag.dropout(x, self.rate, self.is_training, self.source(x), shape)


@constructor
class SpatialDropout1D(_Spatial):
    """Dropout of whole channels of sequences (batch, steps, channels): each is 0 in all
    steps or in none. Tompson et al. 2015.

    Args:
        rate, seed, name, input_shape: as in `Dropout`.

    >>> import nn
    >>> nn.SpatialDropout1D(0.5)([[[1.0, 2.0]]]).tolist()
    [[[1.0, 2.0]]]
    """

    rank: ClassVar[int] = 1
    rate: float = argument(RATE)


@constructor
class SpatialDropout2D(_Spatial):
    """Dropout of whole channels of images: each is 0 everywhere or nowhere. Tompson et al. 2015.

    Args:
        rate, seed, name, input_shape: as in `Dropout`.
        data_format: "channels_last", the default, or "channels_first".

    >>> import autograd as ag, nn
    >>> nn.SpatialDropout2D(0.5)(ag.ones((1, 1, 1, 2))).tolist()
    [[[[1.0, 1.0]]]]
    """

    rate: float = argument(RATE)
    data_format: str | None = argument(DATA_FORMAT, default=None)


@constructor
class AlphaDropout(_NoiseShape):
    """Dropout for selu: dropped elements become its lowest value, and mean and variance stay as they
    are. Klambauer et al. 2017.

    Args:
        rate: from 0, and below 1.
        noise_shape, seed, name, input_shape: as in `Dropout`.

    >>> import nn
    >>> nn.AlphaDropout(0.5)([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """

    rate: float = argument(SHARE.but(floating=True))

    @told
    def call(self, x: Tensor) -> Tensor:
        key, shape = self.source(x), self.mask_shape(x)
        if not self.is_training or not self.rate:
            return x
        low, rate = SELU_OF_NOTHING, self.rate
        scale = ((1 - rate) * (1 + rate * low**2)) ** -0.5
        keep = random.bernoulli(shape, 1 - rate, key)
        result: Tensor = ag.where(keep, x, low) * scale - scale * low * rate
        return result


@constructor
class GaussianDropout(Random):
    """In training multiplies each element by normal noise around 1, of standard deviation
    sqrt(rate / (1 - rate)); else identity.

    Args:
        rate: from 0, and below 1.
        seed, name, input_shape: as in `Dropout`.

    >>> import nn
    >>> nn.GaussianDropout(0.5)([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """

    rate: float = argument(SHARE.but(floating=True))

    @told
    def call(self, x: Tensor) -> Tensor:
        key = self.source(x)
        if not self.is_training or not self.rate:
            return x
        deviation = math.sqrt(self.rate / (1 - self.rate))
        return x * random.normal(x.shape, 1.0, deviation, x.dtype, key)


@constructor
class GaussianNoise(Random):
    """In training adds normal noise of standard deviation `stddev`; else identity.

    Args:
        stddev: of the noise.
        seed, name, input_shape: as in `Dropout`.

    >>> import nn
    >>> nn.GaussianNoise(0.1)([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """

    stddev: float = argument(FLOAT_NOT_NEGATIVE)

    @told
    def call(self, x: Tensor) -> Tensor:
        key = self.source(x)
        if not self.is_training or not self.stddev:
            return x
        return x + random.normal(x.shape, std=self.stddev, dtype=x.dtype, key=key)
