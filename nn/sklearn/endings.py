"""What the outputs of a classifier's model are: logits that the loss knows of, or probabilities.

Logits are told by what makes the output, where the model says so itself: a list of layers, or a graph. A
class with a `call` of its own is run instead, before it is trained: what it gives has to be probabilities.
"""

from __future__ import annotations

from typing import Any

from .. import activations
from ..data import Array
from ..errors import ArgumentError
from ..layers import Dense
from ..losses.crossentropy import BinaryLoss
from ..model import Model
from ..sequential import Sequential
from .labels import Labels

ROWS = 256
"""Rows that a model is tried on."""


def ends_in_logits(model: Model) -> bool:
    """Whether a dense layer without activation is known to make the output.

    >>> import nn
    >>> from nn.sklearn.endings import ends_in_logits
    >>> ends_in_logits(nn.Sequential([nn.Dense(3)])), ends_in_logits(nn.Sequential([nn.Dense(3, "softmax")]))
    (True, False)
    """
    last: Any = model
    while isinstance(last, Model):
        last = _maker(last)
    return isinstance(last, Dense) and type(last).call is Dense.call and last.activation is activations.linear


def _maker(model: Model) -> Any:
    """The layer, model or operation that makes the only output; None where that cannot be known."""
    if isinstance(model, Sequential):
        known = type(model).call is Sequential.call and model.layers
        return model.layers[-1] if known else None
    graph = getattr(model, "graph", None)
    if graph is None or type(model).call is not Model.call or len(graph.targets) != 1:
        return None
    return graph.targets[0].call.layer


def check_outputs(labels: Labels, model: Model, width: int, x: Array) -> None:
    """Refuse a compiled model whose outputs would be read otherwise than its loss reads them.

    Args:
        width: how many outputs it has.
        x: rows (n, ...), of which the first few are tried.

    Raises:
        ArgumentError: outputs that are no probabilities, beside a loss that takes them for such; or sigmoids
            where the classes exclude each other.
    """
    if getattr(model.loss, "from_logits", False):
        if isinstance(model.loss, BinaryLoss) and width > 1 and labels.kind != "multilabel":
            raise ArgumentError(
                f"{labels.owner}: {type(model.loss).__name__}(from_logits=True) trains {width} outputs as "
                "one sigmoid each, and of these classes each row has one: take a categorical cross-entropy, "
                "or one output for two classes"
            )
        return
    labels.check_probabilities(model.predict(x[:ROWS], batch_size=ROWS, verbose=0))
