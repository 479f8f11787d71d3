"""Preprocessing of numbers: standardised, in bins, as indicators. What was learnt is saved with the model.

They are layers like others, on tensors, and part of the compiled programs.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Self

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import AXES, COUNT, FLAG, FRACTION, NUMBER, choice, form, numbers
from ..batches import is_iterable_of_batches
from ..columns import (
    Summary,
    batches_of,
    boundaries_of,
    in_dtype,
    quiet,
    refuse_infinite,
    summary_of,
    whole_numbers,
)
from ..constructors import argument, constructor
from ..data import to_array
from ..errors import ArgumentError, DataError
from ..parameter import Buffer
from .base import Layer, axes_of

MODES = ("int", "one_hot", "multi_hot", "count")
SMALLEST = 1e-7
"""By less no number is divided."""


@form("is False, for there are no sparse tensors here")
def NOT_SPARSE(value: Any) -> bool:
    if FLAG.keep(value):
        raise ValueError
    return False


def _statistic(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_statistic(item) for item in value]
    return float(NUMBER.keep(value))


@form("is a number or nested lists of numbers, or None")
def STATISTIC(value: Any) -> Any:
    """Kept as Python's numbers."""
    if value is None:
        return None
    return _statistic(value.tolist() if hasattr(value, "tolist") else value)


def hits(indices: Tensor, depth: int, dtype: Any) -> Tensor:
    """Ones on a new last axis, where an index is; an index that is no place there has none."""
    found = ag.equal(indices.expand_dims(-1), ag.arange(depth))
    result: Tensor = found.to(dtype)
    return result


def as_mode(owner: str, ones: Tensor, mode: str) -> Tensor:
    """What `hits` gives for indices (n, k) or (n,), each by itself or those of a sample together."""
    if mode == "one_hot":
        shape = ones.shape
        return ones.reshape(*shape[:-2], shape[-1]) if len(shape) > 2 and shape[-2] == 1 else ones
    if ones.ndim > 3:
        raise ShapeError(
            f"{owner}: {mode!r} takes indices (batch, n) or (n,), the input has {ones.ndim - 1} dimensions"
        )
    result: Tensor = ones.sum(axis=-2) if mode == "count" else ones.max(axis=-2)
    return result


def floating_of(x: Tensor) -> str:
    """The dtype of what is made of indices: theirs where that is floating, else float32."""
    return x.dtype.name if x.dtype.kind == "f" else "float32"


@constructor
class Normalization(Layer):
    """`(x - mean) / max(sqrt(variance), 1e-7)` with the mean and variance of the data it was adapted to.

    Args:
        axis: one axis or several, each of whose places has a mean of its own, the others share one; None:
            one mean for all numbers. The first axis counts samples and is none of them.
        mean, variance: both, instead of `adapt`; numbers, or arrays with the sizes of the last of `axis`.
        invert: `mean + x sqrt(variance)` instead, from standardised numbers back.
        input_shape, name: as in `Layer`.

    `mean` and `variance` are, once the layer is built, tensors that broadcast against the input; they are
    saved with the model and not trained.

    Raises:
        ArgumentError: a call before `adapt`.

    >>> import nn
    >>> layer = nn.Normalization()
    >>> layer.adapt([[1.0, 10.0], [3.0, 30.0]])
    >>> layer([[3.0, 10.0]]).tolist()
    [[1.0, -1.0]]
    """

    axis: int | tuple[int, ...] | None = argument(AXES.or_none(), default=-1)
    mean: Any = argument(takes=STATISTIC, default=None)
    variance: Any = argument(takes=STATISTIC, default=None)
    invert: bool = argument(FLAG, default=False)

    not_settings = Layer.not_settings.union(("known",))

    def __post_init__(self) -> None:
        self.known: tuple[Any, Any] | None = None
        """Mean and variance as they were given or learnt, in float64."""
        if (self.mean is None) != (self.variance is None):
            raise ArgumentError(f"{self.title}: mean and variance are given both or neither")
        if self.mean is not None:
            self.known = self.mean, self.variance
            shapes = [ag.tensor(value, "float64").shape for value in self.known]
            count = 0 if self.axis is None else len(self.axis) if isinstance(self.axis, tuple) else 1
            if shapes[0] != shapes[1] or len(shapes[0]) > count:
                raise ArgumentError(
                    f"{self.title}: mean and variance have the same shape, of at most {count} axes; "
                    f"received {shapes[0]} and {shapes[1]}"
                )

    def adapt(self, data: Any) -> None:
        """Learn mean and variance of an array, a frame, or an iterable of batches, and forget others.

        Raises:
            DataError: there are no rows, some numbers are missing (`nn.TableFeatures` fills them), or so
            large that their variance is infinite.
        """
        several = is_iterable_of_batches(data) or (
            isinstance(data, (list, tuple)) and any(getattr(item, "shape", ()) for item in data)
        )
        total: tuple[float, Tensor, Tensor] | None = None
        for batch in batches_of(data, None, self.title, several):
            with quiet():
                total = _together(total, self._moments(batch))
            found = [part.tolist() for part in total[1:]]
            refuse_infinite(found, "float64", self.title, list(map(str, getattr(batch, "columns", ()))))
        if total is None:
            raise DataError(f"{self.title}: adapt was given no batch")
        _, mean, variance = total
        if self.built and mean.shape != self.mean.shape:
            raise ShapeError(
                f"{self.title}: was built for a mean of shape {self.mean.shape}, the data has {mean.shape}"
            )
        if self.built:
            refuse_infinite([mean.tolist(), variance.tolist()], self.mean.dtype.name, self.title)
        kept = tuple(n for i, n in enumerate(mean.shape) if i in self._axes(mean.ndim))
        self.known = mean.reshape(kept).tolist(), variance.reshape(kept).tolist()
        if self.built:
            self.mean.assign(mean.to(self.mean.dtype))
            self.variance.assign(variance.to(self.variance.dtype))

    def _moments(self, batch: Any) -> tuple[float, Tensor, Tensor]:
        """How many numbers each mean is of, the means and the variances, of one batch."""
        array = to_array(batch, f"{self.title}: the data")
        columns = [str(name) for name in getattr(batch, "columns", ())]
        x = ag.tensor(array, "float64")
        if x.ndim == 1 and self.axis is not None:
            x = x.reshape(-1, 1)
        if not x.size:
            raise DataError(f"{self.title}: adapt was given no rows: shape {x.shape}")
        if not math.isfinite(float(x.min())) or not math.isfinite(float(x.max())):
            raise DataError(
                f"{self.title}: the data holds NaN or infinity{_places(x, columns)}; fill it first"
            )
        others = tuple(i for i in range(x.ndim) if i not in self._axes(x.ndim))
        mean = x.mean(axis=others, keepdims=True)
        variance = ((x - mean) ** 2.0).mean(axis=others, keepdims=True)
        return x.size / mean.size, mean, variance

    def _axes(self, ndim: int) -> tuple[int, ...]:
        return () if self.axis is None else axes_of(self.title, self.axis, ndim)

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        (shape,) = shapes
        if self.known is None:
            raise ArgumentError(
                f"{self.title}: knows no mean and variance yet; call adapt(data) first, before the model is "
                "built, or give both to the constructor"
            )
        refuse_infinite(self.known, str(dtype), self.title)
        axes = self._axes(len(shape))
        wanted = tuple(n if i in axes else 1 for i, n in enumerate(shape))
        for name, value in zip(("mean", "variance"), self.known, strict=True):
            setattr(self, name, Buffer(self._spread(value, axes, wanted).to(dtype)))

    def _spread(self, value: Any, axes: tuple[int, ...], wanted: tuple[int, ...]) -> Tensor:
        """What is known, along the last of the axes; the sizes have to be those of the input."""
        known = ag.tensor(value, "float64")
        sizes = [1] * len(wanted)
        for axis, size in zip(axes[len(axes) - known.ndim :], known.shape, strict=True):
            sizes[axis] = size
            if size not in (1, wanted[axis]):
                raise ShapeError(
                    f"{self.title}: axis {axis} of the input has {wanted[axis]} places, mean and variance "
                    f"are known of {size}"
                )
        result: Tensor = ag.broadcast_to(known.reshape(sizes), shape=wanted)
        return result

    def call(self, x: Tensor) -> Tensor:
        axes = self._axes(x.ndim)
        if x.ndim != self.mean.ndim:
            raise ShapeError(
                f"{self.title}: the input has {x.ndim} dimensions, the layer was built for {self.mean.ndim}"
            )
        self.needs_features(x, axes, tuple(self.mean.shape[i] for i in axes))
        if x.dtype.kind != "f":
            x = x.to(self.mean.dtype)
        scale = ag.maximum(self.variance.sqrt(), SMALLEST)
        result: Tensor = self.mean + x * scale if self.invert else (x - self.mean) / scale
        return result

    def get_config(self) -> dict[str, Any]:
        """What was learnt stands where it would have been given."""
        mean, variance = self.known or (None, None)
        own = {"axis": self.axis, "mean": mean, "variance": variance, "invert": self.invert}
        return own | {"name": self.name, "input_shape": self.input_shape}


def _together(
    one: tuple[float, Tensor, Tensor] | None, other: tuple[float, Tensor, Tensor]
) -> tuple[float, Tensor, Tensor]:
    """Count, mean and variance of two sets of numbers (T. Chan et al. 1979)."""
    if one is None:
        return other
    (n, mean, variance), (m, other_mean, other_variance) = one, other
    if mean.shape != other_mean.shape:
        raise ShapeError(f"adapt: batches of different sizes: means of {mean.shape} and {other_mean.shape}")
    share = m / (n + m)
    apart = other_mean - mean
    joined = variance * (1 - share) + other_variance * share + apart**2.0 * (share * (1 - share))
    return n + m, mean + apart * share, joined


def _places(x: Tensor, columns: list[str]) -> str:
    if x.ndim != 2:
        return ""
    bad = [i for i, fine in enumerate(ag.isfinite(x).all(axis=0).tolist()) if not fine]
    named = ", ".join(f"{i} ({columns[i]!r})" if i < len(columns) else str(i) for i in bad[:5])
    return f" in column {named}"


@form("is a list of numbers that do not fall, or None")
def BOUNDARIES(value: Any) -> Any:
    if value is None:
        return None
    found = numbers(NUMBER).checked("Discretization", "bin_boundaries", _listed(value))
    if any(low > high for low, high in pairwise(found)):
        raise ValueError
    return tuple(map(float, found))


def _listed(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


@constructor
class Discretization(Layer):
    """The number of the bin that a number falls into: how many of the boundaries are not above it. NaN is in
    the last one, as in Keras.

    Args:
        bin_boundaries: numbers b0 <= b1 <= ...; bin 0 is below b0, bin 1 from b0 up to below b1, and so on.
        num_bins: instead of boundaries: `adapt` looks for some that put about as many numbers in each bin.
        epsilon: how exact `adapt` is: shares of the numbers smaller than that are not told apart.
        output_mode: "int", the number of the bin; "one_hot", an indicator for each bin; "multi_hot" and
            "count": those of a sample (batch, n) together, whether and how often.
        sparse: False; there are no sparse tensors here.
        input_shape, name: as in `Layer`.

    Raises:
        ArgumentError: a call before `adapt`.

    >>> import nn
    >>> nn.Discretization([0.0, 10.0])([[-1.0, 0.0, 5.0, 12.0]]).tolist()
    [[0, 1, 1, 2]]
    """

    bin_boundaries: Any = argument(BOUNDARIES, default=None)
    num_bins: int | None = argument(COUNT.or_none(), default=None)
    epsilon: float = argument(FRACTION.but(above=True, words="lies above 0, at most 1"), default=0.01)
    output_mode: str = argument(choice(*MODES), default="int")
    sparse: bool = argument(NOT_SPARSE, default=False)

    def __post_init__(self) -> None:
        if (self.bin_boundaries is None) == (self.num_bins is None):
            raise ArgumentError(f"{self.title}: give bin_boundaries or num_bins, and not both")

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Look for boundaries in an array, a column, or an iterable of batches, of which at most `steps`."""
        if self.num_bins is None:
            raise ArgumentError(f"{self.title}: has the bin_boundaries that were given; adapt needs num_bins")
        COUNT.or_none().checked("adapt", "steps", steps)
        summary: Summary | None = None
        for batch in batches_of(data, steps, self.title, is_iterable_of_batches(data)):
            array = to_array(batch, f"{self.title}: the data")
            summary = summary_of(array, self.epsilon, summary, self.title)
        if summary is None or not summary.size:
            raise DataError(f"{self.title}: adapt was given no numbers")
        found = boundaries_of(summary, self.num_bins)
        if self.built and self.output_mode != "int" and len(found) != len(self.bin_boundaries):
            raise ArgumentError(
                f"{self.title}: is built for {len(self.bin_boundaries) + 1} bins, not for {len(found) + 1}"
            )
        self.bin_boundaries = found

    def call(self, x: Tensor) -> Tensor:
        if self.bin_boundaries is None:
            raise ArgumentError(f"{self.title}: knows no boundaries yet; call adapt(data) first")
        depth, kind = len(self.bin_boundaries) + 1, floating_of(x)
        boundaries = ag.tensor(in_dtype(self.bin_boundaries, kind).tolist(), kind)
        below = (x.to(kind).expand_dims(-1) < boundaries).to("int64")
        bins = (depth - 1) - below.sum(axis=-1)
        if self.output_mode == "int":
            return bins
        return as_mode(
            self.title, hits(bins if bins.ndim else bins.reshape(1), depth, kind), self.output_mode
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        boundaries = self.bin_boundaries
        return config | {"bin_boundaries": None if boundaries is None else list(boundaries)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Of one that was adapted, too, which has both boundaries and a number of bins."""
        if config.get("num_bins") is None or config.get("bin_boundaries") is None:
            return cls(**config)
        unknown: dict[str, Any] = config | {"bin_boundaries": None}
        layer = cls(**unknown)
        layer.bin_boundaries = config["bin_boundaries"]
        return layer


@constructor
class CategoryEncoding(Layer):
    """Indicators for numbers from 0 to num_tokens - 1; a fraction is cut off, as in Keras.

    Args:
        num_tokens: how many there are.
        output_mode: "multi_hot": which of them are in a sample, (batch, n) to (batch, num_tokens); "one_hot":
            each by itself, (batch, 1) to (batch, num_tokens) and else on a new last axis; "count": how often
            each is in a sample.
        sparse: False; there are no sparse tensors here.
        input_shape, name: as in `Layer`.

    A call takes `count_weights`, too, of the shape of the input, in the mode "count": what each adds.

    Raises:
        RangeError: a number is negative or too large.
        DataError: something is missing or infinite; RangeError in a program.

    >>> import nn
    >>> nn.CategoryEncoding(4, "count")([[0, 1, 1], [3, 3, 3]]).tolist()
    [[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 3.0]]
    """

    num_tokens: int = argument(COUNT)
    output_mode: str = argument(choice(*MODES[1:]), default="multi_hot")
    sparse: bool = argument(NOT_SPARSE, default=False)

    def __call__(
        self, *inputs: Any, count_weights: Any = None, training: bool | None = None, **named: Any
    ) -> Any:
        given = inputs if count_weights is None else (*inputs, count_weights)
        return super().__call__(*given, training=training, **named)

    def call(self, x: Tensor, count_weights: Tensor | None = None) -> Tensor:
        kind = floating_of(x)
        if not x.ndim:
            x = x.reshape(1)
        ones = ag.one_hot(
            whole_numbers(ag.trunc(x) if x.dtype.kind == "f" else x, self.title),
            num_classes=self.num_tokens,
            dtype=kind,
        )
        if count_weights is not None:
            if self.output_mode != "count":
                raise ArgumentError(f"{self.title}: count_weights are for the output_mode 'count'")
            if count_weights.shape != x.shape:
                raise ShapeError(
                    f"{self.title}: count_weights of shape {count_weights.shape} for an input of {x.shape}"
                )
            ones = ones * count_weights.to(kind).expand_dims(-1)
        return as_mode(self.title, ones, self.output_mode)
