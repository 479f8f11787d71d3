"""The model of an estimator: the perceptron of its arguments, or what a function of the user's makes."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import optimizers
from ..arguments import COUNT, numbers, shown
from ..errors import ArgumentError
from ..layers import Dense, Dropout
from ..losses import Loss
from ..model import Model
from ..module import Module
from ..optimizers import Optimizer
from ..sequential import Sequential

NAMES = {"identity": "linear", "logistic": "sigmoid"}
"""What scikit-learn calls these activations."""


def hidden_units(owner: str, given: Any) -> list[int]:
    """Units of each hidden layer, from a list of them or the number of one layer."""
    sizes = given if hasattr(given, "__iter__") else [given]
    found: list[int] = numbers(COUNT).checked(owner, "hidden_layer_sizes", sizes)
    return found


def perceptron(
    hidden: Sequence[int],
    activation: Any,
    dropout: float,
    outputs: int,
    last: Any,
    dtype: str,
) -> Sequential:
    """Dense hidden layers, each with its activation and dropout, and a dense output.

    Args:
        hidden: units of each hidden layer.
        last: activation of the outputs.
    """
    named = NAMES.get(activation, activation) if isinstance(activation, str) else activation
    layers: list[Module] = []
    for units in hidden:
        layers.append(Dense(units, named))
        if dropout:
            layers.append(Dropout(dropout))
    return Sequential([*layers, Dense(outputs, last)], dtype=dtype)


def taken(function: Callable[..., Any]) -> tuple[list[str], bool]:
    """The names of its arguments, and whether it takes any other."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return [], True
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return named, any(p.kind is p.VAR_KEYWORD for p in parameters)


def built(
    owner: str, build: Any, known: Mapping[str, Any], own: Mapping[str, Any], word: str = "build"
) -> Model:
    """What `build` returns, called with those of `known` that it names, and with all of `own`.

    `word` is what messages call it.

    Raises:
        ArgumentError: it is no function, takes other arguments, or returns no model.
    """
    if not callable(build) or isinstance(build, Model):
        raise ArgumentError(f"{owner}: {word} is a function that returns an nn.Model, got {shown(build)}")
    names, takes_all = taken(build)
    if unknown := [name for name in own if name not in names and not takes_all]:
        raise ArgumentError(
            f"{owner}: {word} takes no argument {unknown[0]!r}; it has {', '.join(names) or 'none'}"
        )
    given = {name: value for name, value in known.items() if name in names} | dict(own)
    try:
        inspect.signature(build).bind(**given)
    except TypeError as error:
        raise ArgumentError(
            f"{owner}: {word}: {error}; of itself it is given what it names of {', '.join(known)}"
        ) from error
    except ValueError:
        pass
    model = build(**given)
    if not isinstance(model, Model):
        raise ArgumentError(f"{owner}: {word} returns an nn.Model, got {type(model).__name__}")
    return model


def fresh_optimizer(given: Any, rate: Any = None) -> Optimizer:
    """An optimizer that no other model has: a name, a class, or one like the object that is given."""
    like = isinstance(given, Optimizer)
    found = type(given).from_config(given.get_config()) if like else optimizers.get(given)
    if rate is not None:
        found.learning_rate = rate
    return found


def fresh_loss(given: Any) -> Any:
    """A loss that no other model has, where it is an object."""
    return copy.deepcopy(given) if isinstance(given, Loss) else given


def is_default(value: Any, default: Any) -> bool:
    """Whether an argument is its default, also where comparing gives an array."""
    if value is default:
        return True
    return type(value) is type(default) and not hasattr(value, "dtype") and bool(value == default)
