"""Activations by name, and the memory of logits.

A sigmoid or softmax at the end of a model is computed for the prediction, but the loss should see its logits: from
them it is exact everywhere. So inside `remember_logits` the last such activation notes what went in and what came out,
and the training step looks there when it meets that very output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import autograd as ag
from autograd import Tensor

from .errors import lookup

Activation = Callable[[Tensor], Tensor]


class Logits(NamedTuple):
    """What an activation turned into `output`."""

    activation: str
    values: Tensor
    output: Tensor


_memory: ContextVar[list[Logits] | None] = ContextVar("logits", default=None)


@contextmanager
def remember_logits() -> Iterator[list[Logits]]:
    """Inside, the list holds the most recent sigmoid or softmax."""
    memory: list[Logits] = []
    token = _memory.set(memory)
    try:
        yield memory
    finally:
        _memory.reset(token)


def _remembered(name: str, function: Activation) -> Activation:
    def activation(x: Tensor) -> Tensor:
        output = function(x)
        memory = _memory.get()
        if memory is not None:
            memory[:] = [Logits(name, x, output)]
        return output

    activation.__name__ = name
    activation.__doc__ = function.__doc__
    return activation


def linear(x: Tensor) -> Tensor:
    """x itself."""
    return x


sigmoid = _remembered("sigmoid", ag.sigmoid)
softmax = _remembered("softmax", ag.softmax)

ACTIVATIONS: dict[str, Activation] = {
    "linear": linear,
    "relu": ag.relu,
    "leaky_relu": ag.leaky_relu,
    "elu": ag.elu,
    "selu": ag.selu,
    "silu": ag.silu,
    "swish": ag.silu,
    "sigmoid": sigmoid,
    "log_sigmoid": ag.log_sigmoid,
    "softmax": softmax,
    "log_softmax": ag.log_softmax,
    "softplus": ag.softplus,
    "softsign": ag.softsign,
    "tanh": ag.tanh,
    "exponential": ag.exp,
}


def get(activation: str | Activation | None) -> Activation:
    """An activation by name, the function itself, or `linear` for None."""
    if activation is None:
        return linear
    if callable(activation):
        return activation
    function: Any = lookup("activation", activation, ACTIVATIONS)
    return function  # type: ignore[no-any-return]
