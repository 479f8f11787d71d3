"""What metrics of right and wrong decisions share: thresholds above which a prediction counts as positive.

With several thresholds `result` is a tensor with a value for each; `results()` lists the values, one or
several.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import COUNT, COUNT_OR_ZERO, FRACTION
from ..constructors import argument, attribute, common, constructor
from ..losses.base import align, tensor
from .base import Metric, spread

_BELOW_ALL = -1e10
"""What a prediction beyond the `top_k` of its row is set to, and the threshold that the others exceed."""


@common
class Decisions(Metric):
    """Base: targets, predictions and weights of each decision.

    Subclasses may have the arguments `top_k` and `class_id`; where each stands among theirs is their own.
    """

    def decisions(self, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Tensor, Tensor, Tensor]:
        """(1.0 for each positive, its prediction, its weight), one number per decision."""
        p = tensor(y_pred)
        name = type(self).__name__
        top_k, class_id = (vars(self).get(n) for n in ("top_k", "class_id"))
        t = align(name, tensor(y_true), p)
        weight = spread(name, sample_weight, p.shape)
        if top_k is not None:
            if p.ndim < 2 or top_k > p.shape[-1]:
                raise ShapeError(f"{name}: top_k={top_k} does not fit predictions {p.shape}")
            largest = (-p).argsort(axis=-1)[..., :top_k]
            among = ag.one_hot(largest, p.shape[-1]).to(p.dtype).sum(axis=-2)
            p = ag.where(among > 0.0, p, _BELOW_ALL)
        if class_id is not None:
            if p.ndim < 2 or class_id >= p.shape[-1]:
                raise ShapeError(f"{name}: class_id={class_id} does not fit predictions {p.shape}")
            p, t, weight = (v[..., class_id] for v in (p, t, weight))
        return (t != 0.0).to("float64"), p, weight


@constructor
class AtThresholds(Decisions):
    """Base: a value for each of the `thresholds`."""

    thresholds: float | Sequence[float] | None = argument(default=None)

    def __post_init__(self) -> None:
        self._limits = limits(type(self).__name__, self.thresholds, vars(self).get("top_k"))
        self.allocate((len(self._limits),))

    def called(self, p: Tensor) -> list[Tensor]:
        """What is called positive at each threshold, as numbers."""
        return [(p > limit).to("float64") for limit in self._limits]

    def gather(self, **sums: list[Tensor]) -> None:
        """Add to the sums of these names what was found at each threshold."""
        for name, found in sums.items():
            total = getattr(self, name)
            total.assign(total + ag.stack([each.sum() for each in found]))

    def results(self) -> list[float]:
        """The value at each threshold."""
        raise NotImplementedError

    def result(self) -> Any:
        """The value over all batches since `reset`, of several thresholds a tensor of their values; 0
        when there is nothing to divide by.
        """
        values = self.results()
        return values[0] if len(values) == 1 else ag.tensor(values, "float64")


@constructor
class _Count(AtThresholds):
    """Base of how often a decision is of one kind, as a sum of weights."""

    state_names = ("accumulator",)
    accumulator: Tensor = attribute()

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        positive, p, weight = self.decisions(y_true, y_pred, sample_weight)
        self.gather(accumulator=[self.counted(positive, c) * weight for c in self.called(p)])

    def counted(self, positive: Tensor, called: Tensor) -> Tensor:
        """Which decisions count, as numbers."""
        raise NotImplementedError

    def results(self) -> list[float]:
        """The sum at each threshold."""
        found: list[float] = self.accumulator.tolist()
        return found


@constructor
class TruePositives(_Count):
    """How many positives were called positive: the sum of their weights.

    Args:
        thresholds: a number in [0, 1], or several, each of which gives a value; called positive is what lies
            above. By default 0.5.
        name: in the logs.

    >>> import nn
    >>> metric = nn.metrics.TruePositives(); metric.update([0, 1, 1], [0.9, 0.8, 0.2]); metric.result()
    1.0
    """

    def counted(self, positive: Tensor, called: Tensor) -> Tensor:
        return called * positive


@constructor
class TrueNegatives(_Count):
    """How many negatives were called negative. Arguments as for `TruePositives`.

    >>> import nn
    >>> metric = nn.metrics.TrueNegatives(); metric.update([0, 0, 1], [0.9, 0.2, 0.2]); metric.result()
    1.0
    """

    def counted(self, positive: Tensor, called: Tensor) -> Tensor:
        return (1.0 - called) * (1.0 - positive)


@constructor
class FalsePositives(_Count):
    """How many negatives were called positive. Arguments as for `TruePositives`.

    >>> import nn
    >>> metric = nn.metrics.FalsePositives(); metric.update([0, 0, 1], [0.9, 0.2, 0.2]); metric.result()
    1.0
    """

    def counted(self, positive: Tensor, called: Tensor) -> Tensor:
        return called * (1.0 - positive)


@constructor
class FalseNegatives(_Count):
    """How many positives were called negative. Arguments as for `TruePositives`.

    >>> import nn
    >>> metric = nn.metrics.FalseNegatives(); metric.update([0, 0, 1], [0.9, 0.2, 0.2]); metric.result()
    1.0
    """

    def counted(self, positive: Tensor, called: Tensor) -> Tensor:
        return (1.0 - called) * positive


@common
class _AtBest(Decisions):
    """Base of one rate at the threshold where another is large enough."""

    state_names = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    true_positives: Tensor = attribute()
    false_positives: Tensor = attribute()
    true_negatives: Tensor = attribute()
    false_negatives: Tensor = attribute()

    def __post_init__(self) -> None:
        self.allocate((self._many,))

    @property
    def _many(self) -> int:
        return int(vars(self)["num_thresholds"])

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        positive, p, weight = self.decisions(y_true, y_pred, sample_weight)
        # the sums of a prediction that is none are none
        weight = ag.where(p == p, weight, float("nan")).reshape(-1)
        exceeded = self._exceeded(ag.where(p == p, p, 0.0).reshape(-1))
        positive = positive.reshape(-1)
        for right, wrong, share in (
            ("true_positives", "false_negatives", positive * weight),
            ("false_positives", "true_negatives", (1.0 - positive) * weight),
        ):
            above = (exceeded * share.expand_dims(-1)).sum(axis=0)
            getattr(self, right).assign(getattr(self, right) + above)
            getattr(self, wrong).assign(getattr(self, wrong) + (share.sum() - above))

    def _exceeded(self, p: Tensor) -> Tensor:
        """(decisions, thresholds): 1.0 where a prediction lies above a threshold.

        These are spread evenly over [0, 1]; a lone one is 0.5.
        """
        if self._many == 1:
            return (p > 0.5).to("float64").expand_dims(-1)
        last = self._many - 1
        below = ag.ceil(p.clip(0.0, 1.0) * float(last)).expand_dims(-1)
        return (below > ag.arange(self._many).to(p.dtype)).to("float64")

    def best(self, wanted: tuple[Tensor, Tensor], limited: tuple[Tensor, Tensor], least: float) -> float:
        """The largest share of `wanted` where that of `limited` is at least `least`; 0 where it never is.

        A share is given as (what counts, what does not).
        """
        shares = (right.numpy() / (right + wrong).clip(1e-300).numpy() for right, wrong in (wanted, limited))
        values, limits = shares
        if (values != values).any() or (limits != limits).any():
            return float("nan")
        found = values[limits >= least]
        return float(found.max()) if found.size else 0.0

    @property
    def positives(self) -> tuple[Tensor, Tensor]:
        """Of the positives: called so, missed."""
        return self.true_positives, self.false_negatives

    @property
    def negatives(self) -> tuple[Tensor, Tensor]:
        """Of the negatives: called so, false alarms."""
        return self.true_negatives, self.false_positives

    @property
    def alarms(self) -> tuple[Tensor, Tensor]:
        """Of what was called positive: right, wrong."""
        return self.true_positives, self.false_positives


@constructor
class SensitivityAtSpecificity(_AtBest):
    """The largest sensitivity (recall of the positives) at a threshold of at least this specificity.

    Args:
        specificity: in [0, 1].
        num_thresholds: how many, spread evenly over [0, 1].
        class_id: the output to look at; all by default.
        name: in the logs.

    >>> import nn
    >>> metric = nn.metrics.SensitivityAtSpecificity(0.5)
    >>> metric.update([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]); metric.result()
    0.5
    """

    specificity: float = argument(FRACTION)
    num_thresholds: int = argument(COUNT, default=200)
    class_id: int | None = argument(COUNT_OR_ZERO.or_none(), default=None)

    def result(self) -> float:
        """The best sensitivity over all batches since `reset`."""
        return self.best(self.positives, self.negatives, self.specificity)


@constructor
class SpecificityAtSensitivity(_AtBest):
    """The largest specificity (recall of the negatives) at a threshold of at least this sensitivity.

    Args:
        sensitivity: in [0, 1].
        num_thresholds, class_id, name: as for `SensitivityAtSpecificity`.

    >>> import nn
    >>> metric = nn.metrics.SpecificityAtSensitivity(0.5)
    >>> metric.update([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]); round(metric.result(), 4)
    0.6667
    """

    sensitivity: float = argument(FRACTION)
    num_thresholds: int = argument(COUNT, default=200)
    class_id: int | None = argument(COUNT_OR_ZERO.or_none(), default=None)

    def result(self) -> float:
        """The best specificity over all batches since `reset`."""
        return self.best(self.negatives, self.positives, self.sensitivity)


@constructor
class PrecisionAtRecall(_AtBest):
    """The largest precision at a threshold whose recall is at least `recall`.

    Args:
        recall: in [0, 1].
        num_thresholds, class_id, name: as for `SensitivityAtSpecificity`.

    >>> import nn
    >>> metric = nn.metrics.PrecisionAtRecall(0.5)
    >>> metric.update([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]); metric.result()
    0.5
    """

    recall: float = argument(FRACTION)
    num_thresholds: int = argument(COUNT, default=200)
    class_id: int | None = argument(COUNT_OR_ZERO.or_none(), default=None)

    def result(self) -> float:
        """The best precision over all batches since `reset`."""
        return self.best(self.alarms, self.positives, self.recall)


@constructor
class RecallAtPrecision(_AtBest):
    """The largest recall at a threshold whose precision is at least `precision`.

    Args:
        precision: in [0, 1].
        num_thresholds, class_id, name: as for `SensitivityAtSpecificity`.

    >>> import nn
    >>> metric = nn.metrics.RecallAtPrecision(0.8)
    >>> metric.update([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]); metric.result()
    0.5
    """

    precision: float = argument(FRACTION)
    num_thresholds: int = argument(COUNT, default=200)
    class_id: int | None = argument(COUNT_OR_ZERO.or_none(), default=None)

    def result(self) -> float:
        """The best recall over all batches since `reset`."""
        return self.best(self.positives, self.alarms, self.precision)


def limits(name: str, thresholds: float | Sequence[float] | None, top_k: int | None = None) -> list[float]:
    """The thresholds as a list: 0.5 by default, with `top_k` one that all k exceed.

    Raises:
        ArgumentError: one is no number in [0, 1], or there is none.
    """
    if thresholds is None:
        return [0.5 if top_k is None else _BELOW_ALL]
    given = list(thresholds) if isinstance(thresholds, (list, tuple)) else [thresholds]
    known = FRACTION.but(words="is a number in [0, 1] or a list of them")
    if not given:
        known.checked(name, "thresholds", thresholds)
    return [known.checked(name, "thresholds", limit) for limit in given]
