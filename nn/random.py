"""What Keras keeps in `random`: draws by its names. The numbers are this library's own, not Keras's.

`seed` is None for the default generator (`nn.set_random_seed`; a model with `seed=` has its own), an integer,
with which every call gives the same numbers, or a `SeedGenerator`, which goes on.
"""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor
from autograd import random as tensor_random

from .arguments import SEED, TEXT
from .errors import ArgumentError
from .module import Module
from .ops.common import tensor
from .parameter import Buffer

__all__ = [
    "SeedGenerator", "categorical", "dropout", "normal", "randint", "shuffle", "truncated_normal", "uniform",
]  # fmt: skip


class SeedGenerator(Module):
    """A stream of random numbers of its own: every draw that is given it goes on in it.

    An attribute of a layer, it is a part of the model: where it stands is a buffer, in steps and files.

    Args:
        seed: where it begins; None draws a beginning from the default generator.
        name: for messages.

    >>> import nn
    >>> a, b = nn.random.SeedGenerator(7), nn.random.SeedGenerator(7)
    >>> nn.random.normal((2,), seed=a).tolist() == nn.random.normal((2,), seed=b).tolist()
    True
    """

    not_settings = Module.not_settings | {"generator"}

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        super().__init__()
        given = SEED.checked("SeedGenerator", "seed", seed)
        if given is None:
            given = int(tensor_random.default_generator().bits((), None).item())
        self.seed = int(given)
        self.name = TEXT.checked("SeedGenerator", "name", "seed_generator" if name is None else name)
        self.generator = tensor_random.Generator(self.seed)
        self.key = self.generator.key = Buffer(self.generator.key)
        self.counter = self.generator.counter = Buffer(self.generator.counter)


def _key(seed: Any) -> Any:
    if isinstance(seed, SeedGenerator):
        return seed.generator
    return seed if isinstance(seed, tensor_random.Generator) else SEED.checked("random", "seed", seed)


def _shape(shape: Any) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Normal numbers.

    >>> import nn
    >>> nn.random.normal((2, 3), seed=1).shape
    (2, 3)
    """
    return tensor_random.normal(_shape(shape), mean, stddev, dtype or "float32", _key(seed))


def uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Numbers spread evenly from `minval` to below `maxval`."""
    return tensor_random.uniform(_shape(shape), minval, maxval, dtype or "float32", _key(seed))


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Whole numbers from `minval` to below `maxval`."""
    if not maxval > minval:
        raise ArgumentError(f"randint: maxval is larger than minval, got {minval} and {maxval}")
    unit = tensor_random.uniform(_shape(shape), 0.0, 1.0, "float64", _key(seed))
    return (ag.floor(unit * (maxval - minval)) + minval).to(dtype)


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Normal numbers, those beyond two standard deviations drawn again; it looks at values."""
    key = _key(seed)
    stream = tensor_random.Generator(key) if isinstance(key, int) else key
    kind = dtype or "float32"
    values = tensor_random.normal(_shape(shape), dtype=kind, key=stream)
    while (outside := abs(values) > 2).any():
        values = ag.where(outside, tensor_random.normal(_shape(shape), dtype=kind, key=stream), values)
    return values * stddev + mean


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Classes (n, num_samples), each drawn by the softmax of its row of logits (n, classes)."""
    x = tensor(logits)
    if x.ndim != 2:
        raise ArgumentError(f"categorical: logits are (n, classes), got shape {x.shape}")
    share = ag.cumsum(ag.softmax(x.detach().to("float64"), axis=-1), axis=-1)
    unit = tensor_random.uniform((x.shape[0], num_samples, 1), 0.0, 1.0, "float64", _key(seed))
    # the last sum may be just below 1
    below = ag.sum((unit >= share.reshape(x.shape[0], 1, -1)[..., :-1]).to("int64"), axis=-1)
    return below.to(dtype)


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Tensor:
    """Zeros with probability `rate`, all else over 1 - rate; axes of size 1 in `noise_shape` share a draw."""
    x = tensor(inputs)
    if noise_shape is None:
        return tensor_random.dropout(x, rate, True, _key(seed))
    sizes = [n if size is None else size for size, n in zip(noise_shape, x.shape, strict=True)]
    mask = tensor_random.dropout(ag.ones(tuple(sizes), x.dtype), rate, True, _key(seed))
    return x * mask


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Tensor:
    """The parts along an axis in random order."""
    values = tensor(x)
    return ag.take(values, tensor_random.permutation(values.shape[axis], _key(seed)), axis=axis)
