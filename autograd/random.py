"""Random numbers that can be repeated: every draw is a function of a key and a
counter, on every backend the same.

A `Generator` holds the two as tensors and advances the counter by one a draw. Because they are
tensors, a step that draws (dropout) is traced with the generator as named state, and a saved
counter continues the same stream.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import backends
from backends.contract import Array, Backend, Shape, resolve_dtype
from backends.switching import switched

from .creation import full, zeros
from .errors import RangeError, ShapeError
from .ops.compare import less, right_shift
from .ops.elementwise import cos, log, masked_scale, sqrt
from .ops.index import argsort, index
from .ops.shape import broadcast_to
from .owner import assignments, carried
from .tensor import Tensor

if TYPE_CHECKING:
    from .typing import ArrayLike, DTypeLike

Size = int | Sequence[int]


State = tuple[Tensor, Tensor]


class Draws:
    """What was drawn in some stretch of code: how often, and each generator's state before its first draw."""

    def __init__(self) -> None:
        self.count = 0
        self.states: dict[Generator, State] = {}

    def add(self, generator: Generator) -> None:
        self.count += 1
        self.states.setdefault(generator, generator.state)


_watchers: ContextVar[tuple[Draws, ...]] = ContextVar("watchers", default=())


class Generator:
    """A stream of random bits: Philox-4x32-10 with `seed` as key.

    >>> from autograd import random
    >>> a, b = random.Generator(7), random.Generator(7)
    >>> random.uniform(3, key=a).tolist() == random.uniform(3, key=b).tolist()
    True
    """

    def __init__(self, seed: int) -> None:
        self.key = zeros((), "uint64")
        self.counter = zeros((), "uint64")
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Start again at the beginning of the stream of `seed`, a number from 0 to 2**64 - 1."""
        if not 0 <= seed < 1 << 64:
            raise RangeError(f"a seed lies between 0 and 2**64 - 1, got {seed}")
        if self.key.backend != "trace":
            self.move(backends.default())
        self.key.assign(full((), int(seed), "uint64"))
        self.counter.assign(zeros((), "uint64"))

    @property
    def state(self) -> State:
        """Where in which stream the next draw will be."""
        return self.key.detach(), self.counter.detach()

    @state.setter
    def state(self, state: State) -> None:
        try:
            for word, value in zip((self.key, self.counter), state, strict=True):
                word._data, word._backend = value._data, value._backend
        finally:
            assignments[0] += 1

    def bits(self, shape: Shape, backend: Backend | None = None) -> Tensor:
        """Random uint32 of `shape`; every call gives the next block of the stream.

        The generator moves to the backend that draws; the bits are the same on all.
        """
        for draws in _watchers.get():
            draws.add(self)
        if backend is not None and self.key._backend.name != "trace":
            self.move(backend)
        backend = self.key._backend
        words = self.key._data, self.counter._data
        drawn: Array = backend.random_bits(*words, shape=shape)  # type: ignore[attr-defined]
        self.counter.assign(self.counter + 1)
        return Tensor.wrap(drawn, backend)

    def follow(self, x: Tensor) -> None:
        """Let key and counter live where `x` does, unless one of them is traced."""
        if "trace" not in (x.backend, self.key.backend):
            self.move(x._backend)

    def move(self, backend: Backend) -> None:
        """Let key and counter live on `backend`."""
        for word in (self.key, self.counter):
            if word._backend is not backend:
                word._data = carried(word, backend)
                word._backend = backend
                assignments[0] += 1


@contextmanager
def remembered_draws() -> Iterator[Draws]:
    """Notes every draw that is made inside, from any generator."""
    draws = Draws()
    with switched(_watchers, (*_watchers.get(), draws)):
        yield draws


@contextmanager
def replayed_draws(draws: Draws) -> Iterator[Draws]:
    """Inside, each generator draws again what it drew then; afterwards
    all is as if nothing had been drawn.
    """
    now = {generator: generator.state for generator in draws.states}
    again = Draws()
    try:
        with switched(_watchers, (again,)):
            for generator, state in draws.states.items():
                generator.state = state
            yield again
    finally:
        for generator, state in now.items():
            generator.state = state


_standing_in: ContextVar[Generator | None] = ContextVar("standing_in", default=None)


@contextmanager
def standing_in(generator: Generator) -> Iterator[None]:
    """Inside, and in this thread or task alone, `generator` is the default one."""
    with switched(_standing_in, generator):
        yield


_default = Generator(int.from_bytes(os.urandom(8), "little"))


def default_generator() -> Generator:
    """The generator of every draw that names no `key`: one for all threads,
    which therefore move it for each other.

    What has to repeat in a thread draws from a `Generator` of its own, as `key` or, for all draws
    of the thread, inside `standing_in`.
    """
    return _standing_in.get() or _default


def seed(n: int) -> None:
    """Make everything that follows repeat, unless other threads draw as well:
    restart the default generator at `n`.

    >>> import autograd as ag
    >>> ag.random.seed(0); first = ag.random.normal(2).tolist()
    >>> ag.random.seed(0); ag.random.normal(2).tolist() == first
    True
    """
    default_generator().seed(n)


def _generator(key: Generator | int | None) -> Generator:
    if key is None:
        return default_generator()
    return key if isinstance(key, Generator) else Generator(key)


def _shape(shape: Any) -> Shape:
    """Of a `Size`."""
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if any(not isinstance(n, int) or n < 0 for n in sizes):
        raise ShapeError(f"a shape is made of integers >= 0, got {shape!r}")
    return sizes


def _unit(shape: Shape, dtype: Any, generator: Generator) -> Tensor:
    """Uniform on [0, 1) with all the bits that the dtype holds: 11, 24 or
    53. Those of float16 are in float32.
    """
    if resolve_dtype(dtype).name == "float16":
        return right_shift(generator.bits(shape, backends.default()), 21).to("float32") * 2.0**-11
    if str(dtype) != "float64":
        return right_shift(generator.bits(shape, backends.default()), 8).to(dtype) * 2.0**-24
    words = generator.bits((2, *shape), backends.default()).to("float64")
    return (words[0] * 2.0**21 + (words[1] * 2.0**-11).floor()) * 2.0**-53


def uniform(
    shape: Size,
    low: float = 0.0,
    high: float = 1.0,
    dtype: DTypeLike = "float32",
    key: Generator | int | None = None,
) -> Tensor:
    """Numbers spread evenly over [low, high).

    `key` is a `Generator` to draw from, or a seed for this draw alone; default: the default generator.

    >>> import autograd as ag
    >>> ag.random.uniform((2, 3), -1, 1, key=0).shape
    (2, 3)
    """
    unit = _unit(_shape(shape), dtype, _generator(key))
    return (unit * (high - low) + low).to(dtype)


def normal(
    shape: Size,
    mean: float = 0.0,
    std: float = 1.0,
    dtype: DTypeLike = "float32",
    key: Generator | int | None = None,
) -> Tensor:
    """Normally distributed numbers, by the Box-Muller transform.

    >>> import autograd as ag
    >>> ag.random.normal((2, 3), key=0).shape
    (2, 3)
    """
    sizes = _shape(shape)
    half = resolve_dtype(dtype).name == "float16"
    unit = _unit((2, *sizes), "float32" if half else dtype, _generator(key))
    # 1 - u lies in (0, 1], so the logarithm is finite
    radius = sqrt(log(1.0 - unit[0]) * -2.0)
    return (radius * cos(unit[1] * (2 * math.pi)) * std + mean).to(dtype)


def bernoulli(shape: Size, p: float = 0.5, key: Generator | int | None = None) -> Tensor:
    """Booleans that are True with probability `p`.

    >>> import autograd as ag
    >>> ag.random.bernoulli(4, p=1.0).tolist()
    [True, True, True, True]
    """
    if not 0 <= p <= 1:
        raise RangeError(f"a probability lies between 0 and 1, got {p}")
    # one below 2**32 at most, so that the bound is a 32-bit word; p = 1 is then decided by <=
    bound = round(p * 2**32)
    bits = _generator(key).bits(_shape(shape), backends.default())
    return bits <= bound - 1 if bound else less(bits, 0)


def permutation(x: ArrayLike, key: Generator | int | None = None) -> Tensor:
    """The numbers 0 to x - 1 in random order, or the rows of `x` in random order.

    >>> import autograd as ag
    >>> sorted(ag.random.permutation(4).tolist())
    [0, 1, 2, 3]
    """
    if isinstance(x, int):
        words = _generator(key).bits((2, x), backends.default()).to("uint64")
        return argsort(words[0] * (1 << 32) + words[1])
    rows = x if isinstance(x, Tensor) else Tensor.from_value(x)
    with backends.use(rows._backend):
        return index(rows, permutation(len(rows), key))


def dropout(
    x: ArrayLike,
    rate: float = 0.5,
    training: bool = True,
    key: Generator | int | None = None,
    noise_shape: Size | None = None,
) -> Tensor:
    """x with each element set to 0 with probability `rate`, the others
    divided by 1 - rate (inverted dropout).

    Args:
        x: any shape, floating.
        rate: from 0 to 1; 1 gives zeros.
        training: False returns x.
        key: where the mask is drawn from.
        noise_shape: the shape of the mask, which is broadcast: elements that share a number of it are dropped
            together. None: the shape of x.

    Raises:
        RangeError: when `rate` is outside 0..1.
        ShapeError: a mask of `noise_shape` does not broadcast to the shape of x.

    >>> import autograd as ag
    >>> ag.dropout(ag.ones(3), 0.0).tolist()
    [1.0, 1.0, 1.0]
    """
    if not 0 <= rate <= 1:
        raise RangeError(f"dropout: rate lies between 0 and 1, got {rate}")
    tensor = x if isinstance(x, Tensor) else Tensor.from_value(x)
    if not training or rate == 0:
        return tensor
    with backends.use(tensor._backend):
        keep = bernoulli(tensor.shape if noise_shape is None else noise_shape, 1 - rate, key)
    if keep.shape != tensor.shape:
        keep = broadcast_to(keep, shape=tensor.shape)
    return masked_scale(tensor, keep, scale=1 / (1 - rate) if rate < 1 else 1.0)
