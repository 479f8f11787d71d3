"""One call to repeat everything."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import numpy as np

from autograd import random as tensor_random

from .arguments import SEED
from .parameter import RandomWord


def set_random_seed(seed: int) -> None:
    """Seed initial weights, dropout and shuffling, and also Python's `random` and NumPy's global generator.

    All three are shared by all threads, so what one thread draws depends on what others draw meanwhile. A
    model that was made with `seed=` has a generator of its own instead, which this leaves alone.

    >>> import nn
    >>> nn.set_random_seed(0); first = nn.Dense(2)([[1.0]]).tolist()
    >>> nn.set_random_seed(0); nn.Dense(2)([[1.0]]).tolist() == first
    True
    """
    SEED.but(words="is an integer >= 0, below 2**64", optional=False).checked("set_random_seed", "seed", seed)
    tensor_random.seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


_outermost: ContextVar[Any] = ContextVar("outermost", default=None)


@contextmanager
def drawing_from(owner: Any, generator: tensor_random.Generator | None) -> Iterator[None]:
    """Inside, in this thread alone, every draw that names no generator is made from
    `generator`; None: the default one.

    The outermost call decides: a model inside of another draws from that one's generator.
    """
    if _outermost.get() is not None:
        yield
        return
    token = _outermost.set(owner)
    try:
        with nullcontext() if generator is None else tensor_random.standing_in(generator):
            yield
    finally:
        _outermost.reset(token)


def generator_of(seed: int) -> tuple[tensor_random.Generator, RandomWord, RandomWord]:
    """A generator that begins at `seed`, and its key and counter, which a layer keeps and files hold."""
    generator = tensor_random.Generator(seed)
    key, counter = (RandomWord(word) for word in (generator.key, generator.counter))
    generator.key, generator.counter = key, counter
    return generator, key, counter


def random_words(module: Any) -> dict[str, Any]:
    """Where the generators of layers stand, by the names of `state_dict`."""
    words = (item for item in module.named_tensors() if isinstance(item[1], RandomWord))
    return {name: word.numpy() for name, word in words}


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Afterwards all three generators go on where they were before.

    >>> import autograd as ag
    >>> from nn.seed import kept_random_state
    >>> ag.random.seed(0); first = ag.random.uniform(2).tolist(); ag.random.seed(0)
    >>> with kept_random_state(): ag.random.seed(5)
    >>> ag.random.uniform(2).tolist() == first
    True
    """
    generator = tensor_random.default_generator()
    kept = generator.state, random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        generator.state = kept[0]
        random.setstate(kept[1])
        np.random.set_state(kept[2])
