"""What `compile` was given for the outputs of a model: losses, their weights, metrics.

A model of placeholders says at once which outputs it has; one with a `call` of its own only when it is built.
Until then what was given waits, where it speaks of several outputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import losses, metrics
from .arguments import NUMBER
from .errors import ArgumentError
from .inputs import only_output
from .losses import Loss
from .losses.several import OutputLosses, WeightedLoss
from .metrics import Mean, Metric
from .metrics.of_output import OutputMetric
from .structured import is_shape, parts_of

if TYPE_CHECKING:
    from .model import Model


class Resolved(NamedTuple):
    """What follows for a model: `trackers` are all that is logged, the loss first."""

    loss: Loss | None
    trackers: list[Metric]
    metrics: list[Metric]


class Outputs(NamedTuple):
    """The arguments of `compile`; names have become objects."""

    loss: Any
    weights: Any
    metrics: Any
    weighted: Any
    waits: bool = True
    """Whether they are to be looked at again when the outputs are known."""

    @classmethod
    def of(cls, loss: Any, weights: Any, metrics: Any, weighted: Any) -> Outputs:
        """The arguments, checked as far as they can be before the outputs are known."""
        if isinstance(loss, OutputLosses):
            loss, weights = list(loss.losses), list(loss.weights)
        elif isinstance(loss, WeightedLoss):
            loss, weights = loss.loss, loss.weight
        known = _each(loss, lambda one: None if one is None else losses.get(one))
        _each(weights, lambda one: one if one is None else NUMBER.checked("compile", "loss_weights", one))
        return cls(known, weights, _each_metric(metrics), _each_metric(weighted))

    def resolved(self, model: Model, shape: Any) -> Resolved:
        """Losses and metrics for outputs of `shape`; where that is None, nothing is known, those of one."""
        names = output_names(model, shape)
        if names is None and shape is None and self.speaks_of_outputs():
            return Resolved(None if self.loss is None else _unknown_yet(self.loss), [Mean(name="loss")], [])
        if names is None:
            return self._of_one(model)
        given = _by_output("loss", self.loss, names, one_for_all=True)
        weights = _by_output("loss_weights", self.weights, names, one_for_all=False, default=1.0)
        chosen = OutputLosses(names, given, [1.0 if weight is None else float(weight) for weight in weights])
        if not chosen.trained:
            raise ArgumentError("compile: no output has a loss")
        parts = [Mean(name=f"{names[i]}_loss") for i in chosen.trained]
        watched = self._of_several("metrics", self.metrics, names, False)
        watched += _renamed(self._of_several("weighted_metrics", self.weighted, names, True), watched)
        _check_names([*parts, *watched])
        return Resolved(chosen, [Mean(name="loss"), *parts, *watched], list(watched))

    def speaks_of_outputs(self) -> bool:
        """Whether it says something of one output among several."""
        pairs = (self.loss, self.weights)
        several = any(isinstance(part, (list, tuple, Mapping)) and len(part) > 1 for part in pairs)
        named = any(isinstance(part, Mapping) for part in self)
        lists = (part for part in (self.metrics, self.weighted) if isinstance(part, list))
        return several or named or any(isinstance(item, list) for part in lists for item in part)

    def _of_one(self, model: Model) -> Resolved:
        loss, weight = _only(model, "loss", self.loss), _only(model, "loss_weights", self.weights)
        if weight is not None and loss is not None:
            loss = WeightedLoss(loss, float(weight))
        watched = [*_all_of(_only(model, "metrics", self.metrics))]
        weighted = _all_of(_only(model, "weighted_metrics", self.weighted))
        watched += _renamed([OutputMetric(metric, metric.name, None, True) for metric in weighted], watched)
        _check_names(watched)
        return Resolved(loss, [Mean(name="loss"), *watched], list(watched))

    def _of_several(self, what: str, given: Any, names: Sequence[str], weighted: bool) -> list[Metric]:
        if given is None or (isinstance(given, list) and not given):
            return []
        if isinstance(given, list) and all(isinstance(metric, OutputMetric) for metric in given):
            return list(given)
        chosen = _by_output(what, given, names, one_for_all=False)
        return [
            OutputMetric(metric, f"{name}_{metric.name}", i, weighted, list(names))
            for i, (name, several) in enumerate(zip(names, chosen, strict=True))
            for metric in _all_of(several)
        ]


def output_names(model: Model, shape: Any) -> list[str] | None:
    """The names of several outputs; None for one, or where nothing is known."""
    if model.graph is not None:
        names = model.graph.output_names()
        return names if len(names) > 1 else None
    if shape is None or is_shape(shape):
        return None
    names = [str(key) if isinstance(shape, Mapping) else f"output_{key + 1}" for key, _ in parts_of(shape)]
    return names if len(names) > 1 else None


def _unknown_yet(loss: Any) -> Loss:
    """A stand-in until the outputs are known: a model that is compiled has a loss."""
    first: Loss = (
        loss if isinstance(loss, Loss) else next(one for _, one in parts_of(loss) if one is not None)
    )
    return first


def _each(value: Any, change: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): change(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [change(one) for one in value]
    return change(value)


def _each_metric(given: Any) -> Any:
    """Metrics by name as objects: a list of them; or lists of them, or a dict of lists, by output."""
    if isinstance(given, Mapping):
        return {str(key): _listed(one) for key, one in given.items()}
    if isinstance(given, (list, tuple)):
        if any(isinstance(one, (list, tuple)) or one is None for one in given):
            return [_listed(one) for one in given]
        return [_metric(one) for one in given]
    return _listed(given)


def _listed(given: Any) -> list[Metric]:
    several: Iterable[Any]
    if isinstance(given, (str, Metric, Loss)) or callable(given):
        several = (given,)
    elif given is None:
        several = ()
    elif isinstance(given, Iterable) and not isinstance(given, Mapping):
        several = given
    else:
        raise ArgumentError(
            "metrics are nn.Metric objects, names or functions, a list of them or one, got "
            f"{type(given).__name__} {given!r}"
        )
    return [_metric(metric) for metric in several]


def _metric(given: Any) -> Metric:
    try:
        return metrics.get(given)
    except ArgumentError as error:
        raise ArgumentError(f"compile: metrics: {error}") from error


def _all_of(given: Any) -> list[Metric]:
    """The metrics of one output, which may be given in lists."""
    if given is None:
        return []
    items = given if isinstance(given, list) else [given]
    return [metric for item in items for metric in (item if isinstance(item, list) else [item])]


def _only(model: Model, what: str, given: Any) -> Any:
    """What is given for the only output; by its name, too."""
    if isinstance(given, Mapping):
        known = only_output(model) or []
        if len(given) != 1 or list(given) != known:
            raise ArgumentError(
                f"compile: {what}: the model has one output ({', '.join(known[:1])}), got {list(given)}"
            )
        return next(iter(given.values()))
    if isinstance(given, list) and what in ("loss", "loss_weights"):
        if len(given) != 1:
            raise ArgumentError(f"compile: {what}: {len(given)} for a model with one output")
        return given[0]
    return given


def _by_output(
    what: str, given: Any, names: Sequence[str], one_for_all: bool, default: Any = None
) -> list[Any]:
    """What is given for each output, in order."""
    if given is None:
        return [default] * len(names)
    if isinstance(given, Mapping):
        strange = [key for key in given if key not in names]
        if strange:
            raise ArgumentError(
                f"compile: {what}: the outputs of this model are {list(names)}, got {list(given)}"
            )
        return [given.get(name, default) for name in names]
    if isinstance(given, list) and len(given) == len(names):
        return given
    if one_for_all and not isinstance(given, list):
        return [given] * len(names)
    raise ArgumentError(
        f"compile: {what}: the model has the outputs {list(names)}; give a list with an entry for each, "
        "or a dict"
    )


def _renamed(weighted: Sequence[Metric], others: Sequence[Metric]) -> Sequence[Metric]:
    """Weighted metrics; one that is called like one without weights is called weighted_..., as in Keras."""
    taken = {metric.name for metric in others}
    for metric in weighted:
        if metric.name in taken and isinstance(metric, OutputMetric):
            own = f"weighted_{metric.metric.name}"
            metric.name = metric.name.removesuffix(metric.metric.name) + own
    return weighted


def _check_names(watched: Sequence[Metric]) -> None:
    names = [metric.name for metric in watched]
    if "loss" in names:
        raise ArgumentError("a metric cannot be called 'loss'")
    if len(set(names)) < len(names):
        raise ArgumentError(f"two metrics have the same name: {', '.join(names)}")
