"""How parameters begin: objects that turn a shape into values, with Keras's names and meanings.

Without a seed every call draws fresh values from the default generator of `autograd.random` (an
unseeded Keras object repeats itself). With an integer seed every call with the same shape and dtype
gives the same values, as in Keras.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import autograd as ag
from autograd import ShapeError, Tensor, random

from .arguments import NOT_NEGATIVE, NUMBER, POSITIVE, SEED, choice, chosen, form, shown
from .configured import Configured, deserializer, is_description
from .configured import serialize as serialize
from .constructors import argument, common, constructor, snake_case
from .errors import ArgumentError
from .exports import absent

# the standard deviation of a standard normal cut off at 2 sigma
_TRUNCATED_STD = 0.87962566103423978
DISTRIBUTIONS = choice("truncated_normal", "untruncated_normal", "uniform")


@form(DISTRIBUTIONS.words)
def DISTRIBUTION(value: Any) -> Any:
    """Keras's short name stands for the first."""
    short = isinstance(value, str) and value == "normal"
    return DISTRIBUTIONS.keep("truncated_normal" if short else value)


@form("is a number, or an array or lists of numbers")
def NUMBERS(value: Any) -> Any:
    """Kept as a number or as lists of one length on each level."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(value, (list, tuple)):
        return NUMBER.keep(value)
    kept = [NUMBERS.keep(item) for item in value]
    ag.tensor(kept)
    return kept


class Initializer(Configured):
    """Base of initializers: a function of a shape and a dtype to values.

    One of somebody's own defines `__call__`, which may give a tensor or an array. A plain function will do.

    >>> import autograd as ag, nn
    >>> class Halves(nn.initializers.Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return ag.full(shape, 0.5, dtype)
    >>> nn.Dense(2, kernel_initializer=Halves())([[1.0]]).tolist()
    [[0.5, 0.5]]
    """

    def __call__(self, shape: tuple[int, ...], dtype: Any = "float32") -> Tensor:
        raise ArgumentError(f"{type(self).__name__} defines no __call__(self, shape, dtype=None)")


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(inputs, outputs) of one unit: the last two axes, times the size of the window for convolutions."""
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


class Zeros(Initializer):
    """All 0.

    >>> import nn
    >>> nn.Zeros()((2,)).tolist()
    [0.0, 0.0]
    """

    def __call__(self, shape: tuple[int, ...], dtype: Any = "float32") -> Tensor:
        return ag.zeros(shape, dtype)


class Ones(Initializer):
    """All 1.

    >>> import nn
    >>> nn.Ones()((2,)).tolist()
    [1.0, 1.0]
    """

    def __call__(self, shape: tuple[int, ...], dtype: Any = "float32") -> Tensor:
        return ag.ones(shape, dtype)


@constructor
class Constant(Initializer):
    """All `value`; numbers in lists or an array fill a shape to which they can be broadcast.

    >>> import nn
    >>> nn.Constant(0.5)((2,)).tolist(), nn.Constant([1, 2])((2, 2)).tolist()
    ([0.5, 0.5], [[1.0, 2.0], [1.0, 2.0]])
    """

    value: Any = argument(NUMBERS, default=0.0)

    def __call__(self, shape: tuple[int, ...], dtype: Any = "float32") -> Tensor:
        if isinstance(self.value, list):
            return ag.zeros(shape, dtype) + ag.tensor(self.value, dtype).broadcast_to(shape)
        return ag.full(shape, self.value, dtype)


@constructor
class Identity(Initializer):
    """`gain` on the diagonal, 0 elsewhere.

    Raises:
        ShapeError: when the shape is not that of a matrix.

    >>> import nn
    >>> nn.Identity()((2, 3)).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """

    gain: float = argument(NUMBER, default=1.0)

    def __call__(self, shape: tuple[int, ...], dtype: Any = "float32") -> Tensor:
        if len(shape) != 2:
            raise ShapeError(f"Identity: a matrix (n, m) is expected, received the shape {shape}")
        return ag.eye(shape[0], shape[1], dtype) * self.gain


@common
class RandomInitializer(Initializer):
    """What the random ones share: where their numbers come from.

    Args:
        seed: an integer makes every call repeat the same values; None draws
            fresh ones from the default generator.
    """

    seed: int | None = argument(SEED, default=None)

    def _stream(self) -> random.Generator:
        return random.default_generator() if self.seed is None else random.Generator(self.seed)

    def _truncated_normal(self, shape: tuple[int, ...], dtype: Any, mean: float, stddev: float) -> Tensor:
        stream = self._stream()
        values = random.normal(shape, dtype=dtype, key=stream)
        while True:
            outside = abs(values) > 2
            if not outside.any():
                return values * stddev + mean
            values = ag.where(outside, random.normal(shape, dtype=dtype, key=stream), values)


@constructor
class RandomNormal(RandomInitializer):
    """Normal numbers of mean `mean` and standard deviation `stddev`.

    >>> import nn
    >>> nn.RandomNormal(seed=0)((2, 3)).shape
    (2, 3)
    """

    mean: float = argument(NUMBER, default=0.0)
    stddev: float = argument(NOT_NEGATIVE, default=0.05)

    def __call__(self, shape: tuple[int, ...], dtype: Any = "float32") -> Tensor:
        return random.normal(shape, self.mean, self.stddev, dtype, self._stream())


@constructor
class TruncatedNormal(RandomNormal):
    """Normal numbers; those beyond 2 standard deviations are drawn again.

    >>> import nn
    >>> abs(nn.TruncatedNormal(stddev=1.0)((100,))).max().item() <= 2
    True
    """

    def __call__(self, shape: tuple[int, ...], dtype: Any = "float32") -> Tensor:
        return self._truncated_normal(shape, dtype, self.mean, self.stddev)


@constructor
class RandomUniform(RandomInitializer):
    """Numbers spread evenly over [minval, maxval).

    >>> import nn
    >>> abs(nn.RandomUniform(-1.0, 1.0)((100,))).max().item() <= 1
    True
    """

    minval: float = argument(NUMBER, default=-0.05)
    maxval: float = argument(NUMBER, default=0.05)

    def __call__(self, shape: tuple[int, ...], dtype: Any = "float32") -> Tensor:
        return random.uniform(shape, self.minval, self.maxval, dtype, self._stream())


@constructor
class VarianceScaling(RandomInitializer):
    """Random numbers of variance scale / n, so that a layer keeps the variance of its inputs.

    Args:
        scale: > 0.
        mode: what n is: "fan_in" the inputs of a unit, "fan_out" the
            outputs, "fan_avg" their mean; 1 at least.
        distribution: "truncated_normal" (also "normal"; cut at 2 sigma, widened so that the variance is
            right), "untruncated_normal", or "uniform".
        seed: as in `RandomInitializer`.

    Raises:
        ArgumentError: an argument out of these.

    >>> import nn
    >>> nn.VarianceScaling(2.0, "fan_out", "uniform")((3, 4)).shape
    (3, 4)
    """

    scale: float = argument(POSITIVE, default=1.0)
    mode: str = argument(choice("fan_in", "fan_out", "fan_avg"), default="fan_in")
    distribution: str = argument(DISTRIBUTION, default="truncated_normal")

    def __call__(self, shape: tuple[int, ...], dtype: Any = "float32") -> Tensor:
        inputs, outputs = fans(shape)
        n = {"fan_in": inputs, "fan_out": outputs, "fan_avg": (inputs + outputs) / 2}[self.mode]
        sigma = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "uniform":
            limit = math.sqrt(3) * sigma
            return random.uniform(shape, -limit, limit, dtype, self._stream())
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, sigma, dtype, self._stream())
        return self._truncated_normal(shape, dtype, 0.0, sigma / _TRUNCATED_STD)


class GlorotUniform(VarianceScaling):
    """Uniform on +-sqrt(6 / (fan_in + fan_out)): for tanh and sigmoid. Glorot & Bengio 2010."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed=seed)


class GlorotNormal(VarianceScaling):
    """Truncated normal of standard deviation sqrt(2 / (fan_in + fan_out)). Glorot & Bengio 2010."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed=seed)


class HeUniform(VarianceScaling):
    """Uniform on +-sqrt(6 / fan_in): for relu and its kin. He et al. 2015."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed=seed)


class HeNormal(VarianceScaling):
    """Truncated normal of standard deviation sqrt(2 / fan_in): for relu and its kin. He et al. 2015."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed=seed)


class LecunUniform(VarianceScaling):
    """Uniform on +-sqrt(3 / fan_in). LeCun et al. 1998."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed=seed)


class LecunNormal(VarianceScaling):
    """Truncated normal of standard deviation sqrt(1 / fan_in): for selu. LeCun et al. 1998."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed=seed)


@constructor
class Orthogonal(RandomInitializer):
    """A random matrix with orthonormal rows or columns, whichever are fewer, times `gain`. Saxe et al. 2014.

    All axes but the last are taken as one.

    Raises:
        ShapeError: for fewer than two axes.

    >>> import nn
    >>> q = nn.Orthogonal()((3, 2), "float64")
    >>> [[abs(round(v, 9)) for v in row] for row in (q.T @ q).tolist()]
    [[1.0, 0.0], [0.0, 1.0]]
    """

    gain: float = argument(NUMBER, default=1.0)

    def __call__(self, shape: tuple[int, ...], dtype: Any = "float32") -> Tensor:
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal: at least two axes are expected, received {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        long, short = max(rows, columns), min(rows, columns)
        vectors = orthonormal(random.normal((long, short), dtype="float64", key=self._stream()).T)
        matrix = vectors if rows < columns else vectors.T
        return (matrix * self.gain).reshape(shape).to(dtype)


def orthonormal(rows: Tensor) -> Tensor:
    """The rows (k, n), k <= n, made orthonormal one after another: the Q
    of a QR with a positive diagonal of R.

    Gram-Schmidt, each row twice, which is as orthogonal as the dtype allows (Giraud et al. 2005).
    """
    done: Tensor | None = None
    for i in range(rows.shape[0]):
        row = rows[i]
        for _ in range(2):
            if done is not None:
                row = row - (done @ row) @ done
            row = row / ag.norm(row)
        row = row.expand_dims(0)
        done = row if done is None else ag.concat(done, row, axis=0)
    return rows if done is None else done


_CLASSES: list[type[Any]] = [
    kind
    for kind in [*globals().values()]
    if getattr(kind, "__module__", "") == __name__
    and isinstance(kind, type)
    and kind not in (Initializer, RandomInitializer)
]
INITIALIZERS: dict[str, type[Any]] = {
    **{snake_case(one.__name__): one for one in _CLASSES},
    "zero": Zeros,
    "one": Ones,
    "normal": RandomNormal,
    "uniform": RandomUniform,
}
"""Keras's names: what an error message suggests. Those of the classes are known too."""
_BY_CLASS = {
    **{one.__name__: one for one in _CLASSES},
    "IdentityInitializer": Identity,
    "OrthogonalInitializer": Orthogonal,
}

IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal
# scripts for Keras write initializers.he_normal() as well
zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling, glorot_normal, glorot_uniform = VarianceScaling, GlorotNormal, GlorotUniform
he_normal, he_uniform, lecun_normal, lecun_uniform = HeNormal, HeUniform, LecunNormal, LecunUniform


def get(identifier: Any) -> Initializer:
    """An initializer by name, by class, the object itself, a function `f(shape, dtype) -> Tensor`, or what
    `serialize` gave.

    Raises:
        ArgumentError: an unknown name, with the nearest known one.
    """
    if is_description(identifier):
        made: Initializer = deserialize(identifier)
        return made
    found: Initializer = chosen("initializer", identifier, 2, "(shape, dtype)", INITIALIZERS, _BY_CLASS)
    return found


deserialize = deserializer("initializer", get, {**INITIALIZERS, **_BY_CLASS})


def initial_values(initializer: Any, shape: tuple[int, ...], dtype: Any) -> Tensor:
    """What an initializer, or its name, gives for a weight.

    Raises:
        ShapeError: one of somebody's own gave another shape.
        ArgumentError: it gave no array.
    """
    found = get(initializer)
    values: Any = found(shape, dtype)
    if isinstance(values, (float, int, list)) or hasattr(values, "__array__"):
        values = values if isinstance(values, Tensor) and values.dtype == dtype else ag.tensor(values, dtype)
    else:
        raise ArgumentError(f"an initializer returns a tensor or an array, got {shown(values)}")
    if values.shape != tuple(shape):
        raise ShapeError(f"an initializer gave values of shape {values.shape} for a weight of shape {shape}")
    made: Tensor = values
    return made


if not TYPE_CHECKING:
    __getattr__ = absent(__name__)
