"""A metric of one output of a model, or one that counts the weights of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autograd import Tensor

from .base import Metric


class OutputMetric(Metric):
    """What `compile` makes of a metric for one of several outputs, or among `weighted_metrics`.

    Args:
        metric: what is watched.
        name: in the logs.
        number: of the output among `outputs`; None where there is one.
        weighted: multiply each row with its weight.
        outputs: the names of all.
    """

    def __init__(
        self, metric: Metric, name: str, number: int | None, weighted: bool, outputs: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.metric = metric
        self.number = number
        self.weighted = weighted
        self.outputs = list(outputs)

    @property
    def traced(self) -> bool:  # type: ignore[override]
        return self.metric.traced

    @property
    def logged(self) -> bool:  # type: ignore[override]
        return self.metric.logged

    @property
    def state_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.metric.state_names

    def __getattr__(self, name: str) -> Any:
        if name in ("metric", "__setstate__"):
            raise AttributeError(name)
        return getattr(self.metric, name)

    def build(self, output_shape: Any) -> None:
        self.metric.build(self._own(output_shape))

    def state(self) -> dict[str, Tensor]:
        return self.metric.state()

    def check_state(self, state: Mapping[str, Any]) -> None:
        self.metric.check_state(state)

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.metric.load_state(state)

    def observe(self, y_true: Any, y_pred: Any, sample_weight: Any) -> None:
        target = self._own(y_true)
        weight = sample_weight
        if not isinstance(sample_weight, Tensor) and sample_weight is not None:
            weight = self._own(sample_weight)
        if target is not None:
            self.metric.update(target, self._own(y_pred), weight if self.weighted else None)

    def result(self) -> Any:
        return self.metric.result()

    def reset(self) -> None:
        self.metric.reset()

    def _own(self, tree: Any) -> Any:
        if self.number is None:
            return tree
        if isinstance(tree, Mapping):
            return next((part for key, part in tree.items() if str(key) == self.outputs[self.number]), None)
        return tree[self.number]
