"""The metrics of single rows as functions of (y_true, y_pred), with Keras's names.

Those of the losses are the same functions as in `nn.losses`.
"""

from __future__ import annotations

from typing import Any, Protocol

from autograd import Tensor

from ..constructors import Argument, arguments_of, snake_case, with_signature
from ..losses.base import floating, tensor
from .accuracy import (
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from .base import Metric
from .correlation import ConcordanceCorrelation, PearsonCorrelation

_DOC = """`{kind}` of each row.

    Arguments are those of the class: {summary}

    >>> import nn
    >>> [round(v, 4) for v in nn.metrics.{name}({given}).reshape(-1).tolist()]
    {value}
    """


class MetricFunction(Protocol):
    """A metric as a function: after targets and predictions come the arguments of its class, no name."""

    metric: type[Metric]
    """The class."""

    def __call__(self, y_true: Any, y_pred: Any, *arguments: Any, **named: Any) -> Tensor: ...


def _metric_function(kind: type[Metric], example: str) -> MetricFunction:
    """The function of a metric; `example` is "arguments -> values"."""
    own = {n: known for n, known in arguments_of(kind).items() if n != "name"}
    name, data = snake_case(kind.__name__), Argument(annotation="Any")
    body = [f"return _of_rows(_kind({', '.join(f'{n}={n}' for n in own)}), y_true, y_pred)"]
    parameters = {"y_true": data, "y_pred": data} | own
    function: Any = with_signature(kind, name, parameters, body, _kind=kind, _of_rows=_of_rows)
    function.__annotations__["return"] = "Tensor"
    given, value = example.split(" -> ")
    summary = (kind.__doc__ or "").partition("\n\n")[0]
    function.__doc__ = _DOC.format(kind=kind.__name__, summary=summary, name=name, given=given, value=value)
    function.metric = kind
    made: MetricFunction = function
    return made


def _of_rows(metric: Any, y_true: Any, y_pred: Any) -> Tensor:
    values = getattr(metric, "hits", metric.values)
    found: Tensor = values(tensor(y_true), floating(y_pred))
    return found


binary_accuracy = _metric_function(BinaryAccuracy, "[[1], [0]], [[0.9], [0.8]] -> [1.0, 0.0]")
categorical_accuracy = _metric_function(CategoricalAccuracy, "[[0, 1]], [[0.4, 0.6]] -> [1.0]")
sparse_categorical_accuracy = _metric_function(SparseCategoricalAccuracy, "[0], [[0.4, 0.6]] -> [0.0]")
top_k_categorical_accuracy = _metric_function(TopKCategoricalAccuracy, "[[0, 1]], [[0.4, 0.6]], 1 -> [1.0]")
sparse_top_k_categorical_accuracy = _metric_function(
    SparseTopKCategoricalAccuracy, "[0], [[0.4, 0.6]], 1 -> [0.0]"
)
pearson_correlation = _metric_function(PearsonCorrelation, "[[0.0, 1.0]], [[2.0, 5.0]] -> [1.0]")
concordance_correlation = _metric_function(ConcordanceCorrelation, "[[0.0, 1.0]], [[0.0, 1.0]] -> [1.0]")
