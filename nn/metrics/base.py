"""Metrics: numbers to watch, accumulated over batches.

Each keeps its sums as float64 tensors, so a traced step updates them as named state; `result` reads them as a
float. One of somebody's own may be written as in Keras (`add_weight`, `update_state`). A metric that needs
more than sums says `traced = False`: it is no part of the step's program, and is given the targets and the
predictions of each batch after the step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import autograd as ag
from autograd import ShapeError, Tensor

from .. import initializers
from ..arguments import NAME, TEXT, choice, function, shown, takes
from ..checkpoint.fields import check_arrays
from ..configured import Configured
from ..constructors import OWN_NAME, argument, attribute, common, constructor, snake_case
from ..errors import ArgumentError
from ..losses import Loss
from ..losses.base import same_column, tensor
from ..parameter import Buffer

_SPELLINGS = {"update": "update_state", "reset": "reset_state"}
"""Keras's names of methods."""
_DTYPE = choice("float32", "float64", None)


@common
class Metric(Configured):
    """Base of metrics: the weighted mean of a value per sample. Subclasses define `values`.

    A metric with other sums names them in `state_names` and defines `update` and `result`. Or it is as in
    Keras: `add_weight` makes its sums, `update_state` adds a batch, `result` gives a number, or several.

    Args:
        name: in the logs; by default that of the class in snake case.
        dtype: of what `add_weight` makes; float64 by default. The library's own metrics have sums in float64.

    >>> import nn
    >>> metric = nn.BinaryAccuracy()
    >>> metric.update([[1.0], [0.0]], [[0.9], [0.8]]); metric.result()
    0.5
    >>> class Rows(nn.Metric):
    ...     def __init__(self, name="rows", **kwargs):
    ...         super().__init__(name=name, **kwargs)
    ...         self.seen = self.add_weight(name="seen", initializer="zeros")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.seen.assign_add(float(len(y_pred)))
    ...     def result(self):
    ...         return self.seen
    >>> rows = Rows(); rows.update_state([1.0], [2.0]); rows.result().item()
    1.0
    """

    traced: ClassVar[bool] = True
    """Whether `update` is a part of the step's program: it then only does tensor arithmetic and `assign`.
    Otherwise it runs after the step, and the result is looked at once per epoch, not after every batch."""
    logged: ClassVar[bool] = True
    """Whether the result is a number for the logs."""
    state_names: ClassVar[tuple[str, ...]] = ("total", "count")
    """The attributes that hold the sums."""
    stateful: ClassVar[bool] = True
    dtype: str = attribute("float64")
    total: Tensor = attribute()
    count: Tensor = attribute()
    name: str = argument(TEXT, default=OWN_NAME)

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        kind = type(self).__name__
        self.name = NAME.or_none().checked(kind, "name", name) or snake_case(kind)
        self.dtype = _DTYPE.checked(kind, "dtype", dtype) or "float64"
        self.allocate(())

    def __post_init__(self) -> None:
        self.allocate(())

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        held = {name for base in cls.__mro__ if base is not Metric for name in vars(base)}
        as_in_keras = "update_state" in own and not held & {"values", "update", "state_names"}
        for ours, keras in _SPELLINGS.items():
            # of this class, so that `super()` of a subclass finds what it looks for under both names
            for defined, other in ((ours, keras), (keras, ours)):
                if defined in own and other not in own:
                    setattr(cls, other, own[defined])
        if as_in_keras:
            # its sums are those that it adds
            cls.state_names = ()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if isinstance(value, Metric) and not value.traced:
            vars(self)["traced"] = False

    def allocate(self, shape: tuple[int, ...]) -> None:
        """Make every sum a zero tensor of `shape`; one that has this shape already stays."""
        for name in self.state_names:
            present = getattr(self, name, None)
            if present is None or present.shape != shape:
                setattr(self, name, ag.zeros(shape, "float64"))

    def build(self, output_shape: Sequence[int | None]) -> None:
        """Make the sums whose shape depends on the model's output (batch
        size first); before the first step.
        """

    @property
    def waits_for_a_batch(self) -> bool:
        """Whether it gets its sums with the first batch."""
        waits = type(self).build is not Metric.build and bool(self.state_names)
        return waits and any(getattr(self, name).ndim == 0 for name in self.state_names)

    def build_like(self, state: Mapping[str, Any]) -> None:
        """Make the sums as those in `state` are, where no batch has told their shape yet."""
        shapes = {tuple(state[name].shape) for name in self.state_names if name in state}
        if self.waits_for_a_batch and len(shapes) == 1:
            self.allocate(shapes.pop())

    def add_variable(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str | None = None,
        name: str | None = None,
    ) -> Buffer:
        """A tensor of the metric's own, to be kept as an attribute (or in a list that is one).

        Args:
            shape: of the tensor.
            initializer: its name, or an object; what `reset_state` gives it is 0 anyway, as in Keras.
            dtype: by default that of the metric.
            aggregation: how several devices would add theirs; there is one, so that it changes nothing.
            name: for messages.
        """
        wanted = "zeros" if initializer is None else initializer
        made = Buffer(initializers.initial_values(wanted, tuple(shape), dtype or self.dtype))
        given = NAME.or_none().checked(type(self).__name__, "name", name)
        return made if given is None else made.named(given, self.name)

    def add_weight(
        self, shape: Sequence[int] = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Buffer:
        """Another name of `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Tensor]:
        """The tensors that `update` changes."""
        return list(self.state().values())

    def own_state(self) -> dict[str, Tensor]:
        """The sums by name, without those of metrics that are attributes."""
        state = {name: getattr(self, name) for name in self.state_names}
        for name, value in vars(self).items():
            several = isinstance(value, (list, tuple))
            for i, one in enumerate(value if several else (value,)):
                if isinstance(one, Buffer):
                    state[f"{name}.{i}" if several else name] = one
        return state

    def held(self) -> Iterator[tuple[str, Metric]]:
        """Metrics that are attributes of this one."""
        for name, value in vars(self).items():
            if isinstance(value, Metric):
                yield f"{name}.", value

    def state(self) -> dict[str, Tensor]:
        """What `update` reads and assigns, by name: a traced step and a saved run keep it."""
        state = self.own_state()
        for prefix, metric in self.held():
            state |= {prefix + name: value for name, value in metric.state().items()}
        return state

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Refuse arrays that are not the sums of this metric, which is built; nothing changes.

        Raises:
            FileError: naming what does not fit.
        """
        own = dict(state)
        for prefix, metric in self.held():
            metric.check_state({n.removeprefix(prefix): own.pop(n) for n in state if n.startswith(prefix)})
        check_arrays(f"the sums of {self.name}", self.own_state(), own)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        for name, own in self.own_state().items():
            value = tensor(state[name])
            if own.shape == value.shape:
                own.assign(value)
            else:
                setattr(self, name, value)
        for prefix, metric in self.held():
            metric.load_state({n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)})

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value per sample."""
        raise ArgumentError(f"{type(self).__name__} defines no values(self, y_true, y_pred)")

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        self.add(self.values(tensor(y_true), tensor(y_pred)), sample_weight)

    def observe(self, y_true: Any, y_pred: Any, sample_weight: Any) -> None:
        """Add a batch of `fit` or `evaluate`; what was compiled among `metrics` counts every row once."""
        self.update(y_true, y_pred)

    def add(self, values: Tensor, sample_weight: Any = None) -> None:
        """Add per-sample values."""
        if "total" not in self.state_names:
            raise ArgumentError(
                f"{type(self).__name__} keeps sums of its own, and `add` is for those of nn.Metric"
            )
        if not isinstance(values, Tensor):
            raise ArgumentError(f"metric {self.name!r} returns a tensor, got {type(values).__name__}")
        count: Any = float(values.size)
        if sample_weight is not None:
            weight = spread(self.name, sample_weight, values.shape)
            count = weight.sum()
            values = values * weight.to(values.dtype)
        self.total.assign(self.total + values.sum().to("float64"))
        self.count.assign(self.count + count)

    def result(self) -> float:
        """The metric over all batches since `reset`; NaN before the first."""
        count = self.count.item()
        return float(self.total.item() / count) if count else float("nan")

    def reset(self) -> None:
        """Forget all batches."""
        for total in self.own_state().values():
            total.assign(ag.zeros_like(total))
        for _, metric in self.held():
            metric.reset()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Keras's name of `update`."""
        Metric.update(self, y_true, y_pred, sample_weight)

    def reset_state(self) -> None:
        """Keras's name of `reset`."""
        Metric.reset(self)

    def __call__(self, *batch: Any, **named: Any) -> Any:
        """Add a batch, and give the result so far."""
        self.update(*batch, **named)
        return self.result()


@constructor
class Mean(Metric):
    """The weighted mean of all numbers that it was given; by hand, not in `compile`.

    >>> import nn
    >>> mean = nn.metrics.Mean(); mean.update([1.0, 3.0]); mean.update([5.0], [2.0]); mean.result()
    3.5
    """

    def update(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add numbers, one or an array of them."""
        self.add(tensor(values), sample_weight)


@constructor
class Sum(Mean):
    """The weighted sum of all numbers that it was given; by hand, not in `compile`.

    >>> import nn
    >>> total = nn.metrics.Sum(); total.update([1.0, 3.0]); total.update([5.0], [2.0]); total.result()
    14.0
    """

    def result(self) -> float:
        """The sum since `reset`."""
        return float(self.total.item())


class OfLoss(Metric):
    """Base of metrics that are the mean of what a loss, or a function of (y_true, y_pred), gives."""

    loss: Any

    def __init__(self, name: str) -> None:
        super().__init__(TEXT.checked(type(self).__name__, "name", name))

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; what the loss leaves out of its mean (`ignore_class`) is left out here."""
        targets = tensor(y_true)
        kept = self.loss.kept(targets) if isinstance(self.loss, Loss) else None
        values = self.values(targets, tensor(y_pred))
        if kept is not None:
            counts = kept.reshape(values.shape).to("float64")
            if sample_weight is not None:
                counts = counts * spread(self.name, sample_weight, values.shape)
            sample_weight = counts
        self.add(values, sample_weight)

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if isinstance(self.loss, Loss):
            return self.loss.per_sample(y_true, y_pred, self.loss.from_logits)
        result: Tensor = self.loss(same_column(y_true, y_pred), y_pred)
        return result


class LossMetric(OfLoss):
    """A loss as a metric, or a user's function of (y_true, y_pred)."""

    checks = {"loss": function("is a loss or a function of (y_true, y_pred)", 2)}

    def __init__(self, loss: Loss | Callable[..., Any], name: str) -> None:
        super().__init__(name)
        self.loss = loss


class MeanMetricWrapper(OfLoss):
    """The mean of what a function of (y_true, y_pred) gives.

    Args:
        fn: the function; it gives a value per sample.
        name: in the logs; by default that of the function.
        kwargs: more arguments for the function, by name.

    >>> import nn
    >>> metric = nn.metrics.MeanMetricWrapper(nn.losses.huber, delta=2.0)
    >>> metric.update([[0.0]], [[1.0]]); metric.result()
    0.5
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, **kwargs: Any) -> None:
        words = f"is a function of ({', '.join(['y_true', 'y_pred', *kwargs])})"
        if not callable(fn) or isinstance(fn, type) or not takes(fn, 2, **kwargs):
            raise ArgumentError(f"MeanMetricWrapper: fn {words}, got {shown(fn)}")
        given = NAME.or_none().checked("MeanMetricWrapper", "name", name)
        super().__init__(str(given or getattr(fn, "__name__", "mean_metric_wrapper")))
        self.fn = fn
        self.arguments = kwargs

    @property
    def loss(self) -> Any:
        return partial(self.fn, **self.arguments)

    def get_config(self) -> dict[str, Any]:
        """The function, the name, and the arguments of the function."""
        return {"fn": self.fn, "name": self.name, **self.arguments}


def spread(name: str, sample_weight: Any, shape: tuple[int, ...]) -> Tensor:
    """Weights in `shape`, float64: one for all, one per sample (n,) or (n, 1), or one per value; else ones.

    Raises:
        ShapeError: the weights belong to other values.
    """
    if sample_weight is None:
        return ag.ones(shape, "float64")
    weight = tensor(sample_weight).to("float64")
    if weight.ndim == len(shape) + 1 and weight.shape[-1] == 1:
        weight = weight.reshape(weight.shape[:-1])
    given = weight.shape
    weight = weight.reshape(given + (1,) * max(len(shape) - len(given), 0))
    fits = weight.ndim == len(shape) and all(
        own in (1, size) for own, size in zip(weight.shape, shape, strict=True)
    )
    if not fits or (given and given[0] != shape[0]):
        raise ShapeError(f"{name}: sample_weight {given} does not fit {shape}, one value per sample")
    return ag.broadcast_to(weight, shape)


def ratio(numerator: float, denominator: float) -> float:
    """0 when there is nothing to divide by, as in Keras."""
    return numerator / denominator if denominator else 0.0
