"""The losses as functions of (y_true, y_pred) to a value per sample, with Keras's names and arguments.

Each is its class without the reduction, and is made from the class. The mean ones take it over the last axis:
numbers of shape (n,) are one sample here, as in Keras, where a class reads them as n.
"""

from __future__ import annotations

from typing import Any, Protocol

from autograd import Tensor

from ..constructors import Argument, arguments_of, snake_case, with_signature
from .base import Loss, floating, tensor

_DOC = """`{kind}` for each sample: predictions (n, ..., k) give (n, ...).

    Arguments and formula are those of the class: {formula}

    >>> import nn
    >>> [round(v, 4) for v in nn.losses.{name}({given}).tolist()]
    {value}
    """


class LossFunction(Protocol):
    """A loss as a function: after targets and predictions come the arguments of its class, no reduction."""

    loss: type[Loss]
    """The class."""
    short: tuple[str, ...]
    """Other names for `compile`."""

    def __call__(self, y_true: Any, y_pred: Any, *arguments: Any, **named: Any) -> Tensor: ...


def loss_function(kind: type[Loss], example: str, *short: str) -> LossFunction:
    """The function of a loss.

    Args:
        kind: the class.
        example: "arguments -> values", for the docstring.
        short: other names for `compile`.
    """
    own = {n: known for n, known in arguments_of(kind).items() if n not in ("reduction", "name")}
    data = Argument(annotation="Any")
    name, named = snake_case(kind.__name__), ", ".join(f"{n}={n}" for n in own)
    body = [f"return _per_sample(_kind({named}), y_true, y_pred)"]
    parameters = {"y_true": data, "y_pred": data} | own
    function: Any = with_signature(kind, name, parameters, body, _kind=kind, _per_sample=_per_sample)
    function.__annotations__["return"] = "Tensor"
    given, value = example.split(" -> ")
    formula = (kind.__doc__ or "").partition("\n\n")[0]
    function.__doc__ = _DOC.format(kind=kind.__name__, formula=formula, name=name, given=given, value=value)
    function.loss, function.short = kind, short
    made: LossFunction = function
    return made


def _per_sample(loss: Loss, y_true: Any, y_pred: Any) -> Tensor:
    targets, predictions = tensor(y_true), floating(y_pred)
    values = loss.per_sample(targets, predictions, loss.from_logits)
    return values.mean() if targets.ndim == predictions.ndim == 1 else values
