"""What a model that goes on training keeps: arguments it was made with cannot change without being seen."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ArgumentError
from ..layers import Dense
from ..model import Model
from ..optimizers import Optimizer
from ..regularizers import L2


def noted(arguments: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those of the arguments, as they are now: lists and dicts are copied, which may be changed in place."""
    kept = {name: arguments[name] for name in names if name in arguments}
    changeable = [
        n for n, value in kept.items() if isinstance(value, (list, dict)) or hasattr(value, "dtype")
    ]
    return kept | {name: copy.copy(kept[name]) for name in changeable}


def check_kept(owner: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse arguments that are others than the model was made with.

    Raises:
        ArgumentError: naming the first of them.

    >>> from nn.sklearn.keeping import check_kept
    >>> check_kept("Classifier", {"dropout": 0.1}, {"dropout": 0.1})
    """
    for name in sorted({*before, *now}):
        if name not in before or name not in now or not _same(before[name], now[name]):
            raise ArgumentError(
                f"{owner}: {name} is not what the model was made with, and a model that goes on training "
                "keeps it: fit with warm_start=False makes another"
            )


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    try:
        found: Any = one == other
        return bool(found.all() if hasattr(found, "all") else found)
    except ValueError:  # arrays of other shapes, or others inside
        return False


def set_rate(model: Model, like: Optimizer) -> None:
    """Give the optimizer of a model the learning rate, or schedule, of another."""
    if model.optimizer is not None:
        model.optimizer.learning_rate = like.get_config()["learning_rate"]


def penalize(model: Model, penalty: float) -> None:
    """Add `penalty * sum(w**2)` over all kernels of a built perceptron to its loss, in place of what was."""
    rule = L2(penalty) if penalty else None
    for layer in model.tree().modules:
        dense: Any = layer[1]
        if isinstance(dense, Dense):
            dense.kernel_regularizer = dense.kernel.regularizer = rule
