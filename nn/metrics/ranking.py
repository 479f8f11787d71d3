"""The area under the ROC and the precision-recall curve, exact: every
prediction of an epoch is kept and sorted.

That is more than sums, so this metric is fed after the step (`traced = False`). Keras approximates both areas
by 200 thresholds; here every prediction is a threshold.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import COUNT, FLAG, NOT_NEGATIVE, NUMBER, choice, numbers
from ..checkpoint.fields import check_arrays
from ..constructors import argument, common_argument, constructor
from ..errors import ArgumentError
from ..losses.base import align, tensor
from .base import Metric, spread

KEPT = ("scores", "positive", "negative")
_BY_NAME = "num_thresholds and what follows are given by name"
_THRESHOLDS = numbers(NUMBER).or_none()
_WEIGHTS = numbers(NOT_NEGATIVE).or_none()
_log = logging.getLogger("gradloom")


@cache
def _say_once() -> None:
    _log.warning(
        "AUC: num_thresholds and thresholds are not used, since the area is exact: every score is a threshold"
    )


@constructor
class AUC(Metric):
    """How well the scores separate positives from negatives.

    "ROC" is the share of (positive, negative) pairs in which the positive has the larger score, a tie
    counting one half (Mann & Whitney 1947). "PR" is the area under precision over recall, interpolated
    between two neighbouring scores as Davis & Goadrich (2006) do and as Keras does between two thresholds.
    Targets are positive when they are not 0; predictions of several outputs are taken one by one. Only the
    order of the scores counts, so logits will do.

    NaN when there are no positives, no negatives (ROC), or a score is NaN.

    Args:
        curve: "ROC" or "PR".
        name: in the logs.
        num_thresholds, thresholds: of Keras's approximation; unused, which the log says once.
        summation_method: between two thresholds: "interpolation".
        multi_label: each output has an area of its own, and the result is their mean.
        num_labels: how many outputs there are, with `multi_label`; another number is an error.
        label_weights: a weight per output: of its area, or without `multi_label` of its predictions.
        from_logits: the scores are logits, which have the order of their probabilities.

    >>> import nn
    >>> metric = nn.AUC(); metric.update([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]); metric.result()
    0.75
    """

    traced: ClassVar[bool] = False
    state_names = ()

    curve: str = argument(choice("ROC", "PR").but(hint=_BY_NAME), default="ROC")
    num_thresholds: int | None = common_argument(COUNT.or_none(), default=None, after="name", kw_only=True)
    summation_method: str = common_argument(
        choice("interpolation"), default="interpolation", after="num_thresholds", kw_only=True
    )
    thresholds: Sequence[float] | None = common_argument(
        _THRESHOLDS, default=None, after="summation_method", kw_only=True
    )
    multi_label: bool = common_argument(FLAG, default=False, after="thresholds", kw_only=True)
    num_labels: int | None = common_argument(COUNT.or_none(), default=None, after="multi_label", kw_only=True)
    label_weights: Sequence[float] | None = common_argument(
        _WEIGHTS, default=None, after="num_labels", kw_only=True
    )
    from_logits: bool = common_argument(FLAG, default=False, after="label_weights", kw_only=True)

    def __post_init__(self) -> None:
        if self.num_thresholds is not None or self.thresholds is not None:
            _say_once()
        for name in ("thresholds", "label_weights"):
            if getattr(self, name) == []:
                raise ArgumentError(f"AUC: {name} is a list of numbers, got an empty one")
        self._columns = 1
        self._kept: dict[str, list[Tensor]] = {key: [] for key in KEPT}

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        p = tensor(y_pred).detach()
        self._columns = self._outputs(p)
        t = align("AUC", tensor(y_true).detach(), p)
        positive = (t != 0.0).to("float64")
        weight = spread("AUC", sample_weight, p.shape).detach()
        if self.label_weights is not None and not self.multi_label:
            weight = weight * ag.tensor(self.label_weights, "float64")
        # sums and products are new arrays: a step that reuses the memory of its prediction changes nothing
        # here
        new = (p.to("float64") + 0.0, positive * weight, (1.0 - positive) * weight)
        for key, values in zip(KEPT, new, strict=True):
            self._kept[key].append(values.reshape(-1))

    def _outputs(self, p: Tensor) -> int:
        """How many outputs have an area of their own."""
        if self.num_labels is not None and not self.multi_label:
            raise ArgumentError("AUC: num_labels is for multi_label=True")
        outputs = p.shape[-1] if p.ndim == 2 else 1
        given = self.num_labels or (None if self.label_weights is None else len(self.label_weights))
        if (self.multi_label and p.ndim != 2) or (given is not None and given != outputs):
            raise ShapeError(f"AUC: predictions {p.shape} are not those of {given or 'several'} labels")
        return outputs if self.multi_label else 1

    def state(self) -> dict[str, Tensor]:
        """The scores so far, each with its weight as a positive and as a
        negative; nothing before the first.
        """
        if not self._kept["scores"]:
            return {}
        return {key: ag.concat(self._kept[key]) for key in KEPT}

    def check_state(self, state: Mapping[str, Any]) -> None:
        """See `Metric.check_state`."""
        rows = len(next(iter(state.values()), ()))
        own = {key: ag.zeros((rows,), "float64") for key in KEPT} if state else {}
        check_arrays(f"the scores of {self.name}", own, state)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self._kept = {key: [tensor(state[key])] if key in state else [] for key in KEPT}

    def reset(self) -> None:
        """Forget all batches."""
        self._kept = {key: [] for key in KEPT}

    def result(self) -> float:
        """The area over all batches since `reset`; it sorts everything seen so far."""
        kept = self.state()
        if not kept:
            return float("nan")
        columns = self._columns
        areas = [
            self._area({key: kept[key].reshape((-1, columns))[:, i] for key in KEPT}) for i in range(columns)
        ]
        weights = self.label_weights if self.multi_label and self.label_weights else [1.0] * columns
        return sum(area * w for area, w in zip(areas, weights, strict=True)) / sum(weights)

    def _area(self, kept: dict[str, Tensor]) -> float:
        if bool(ag.any(kept["scores"] != kept["scores"])):
            return float("nan")
        order = (-kept["scores"]).argsort()
        scores, positive, negative = (kept[key][order] for key in KEPT)
        # the last of each group of equal scores: only there is a threshold
        ends = ag.concat([scores[1:] != scores[:-1], ag.ones(1, "bool")])
        hits, alarms = positive.cumsum()[ends], negative.cumsum()[ends]
        if self.curve == "ROC":
            return _ratio(_area_of_pairs(hits, alarms), hits[-1] * alarms[-1])
        return _ratio(_area_of_precision(hits, alarms), hits[-1])


def _steps(values: Tensor) -> tuple[Tensor, Tensor]:
    """(value before, increase) at each threshold."""
    before = ag.concat([ag.zeros(1, "float64"), values[:-1]])
    return before, values - before


def _area_of_pairs(hits: Tensor, alarms: Tensor) -> Tensor:
    before, more_hits = _steps(hits)
    _, more_alarms = _steps(alarms)
    return (more_alarms * (before + more_hits / 2.0)).sum()


def _area_of_precision(hits: Tensor, alarms: Tensor) -> Tensor:
    """The integral of hits / called over hits, both linear between two thresholds."""
    before, more_hits = _steps(hits)
    called_before, more_called = _steps(hits + alarms)
    slope = more_hits / ag.where(more_called > 0.0, more_called, ag.ones_like(more_called))
    called = called_before + more_called
    # before the first threshold nothing is called: the precision there is the slope
    inside = (called_before > 0.0).to("float64")
    one = ag.ones_like(called)
    growth = ag.where(called_before > 0.0, called / ag.maximum(called_before, 1e-300), one)
    return (slope * (more_hits + inside * (before - slope * called_before) * growth.log())).sum()


def _ratio(area: Tensor, total: Tensor) -> float:
    whole = float(total.item())
    return float(area.item()) / whole if whole > 0 else float("nan")
