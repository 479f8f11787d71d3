"""Which of `overridable`'s methods a model has its own for, and what comes of it.

What Keras would call and this library does not is refused by `compile`, so that no
method of the user's is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import autograd as ag
from autograd import Tensor

from .added import gathered_losses
from .arguments import takes
from .errors import ArgumentError

if TYPE_CHECKING:
    from .model import Model

Logs = dict[str, Any]
NOT_CALLED = (
    "compile_from_config", "make_train_function", "make_test_function", "make_predict_function",
)  # fmt: skip


def inherited(method: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a method of the library that a model may have one of its own for."""
    method.is_inherited = True  # type: ignore[attr-defined]
    return method


def unpacked(data: Any) -> tuple[Tensor, Tensor, Tensor | None]:
    """(x, y, weight) of the batch that a step is given."""
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise ArgumentError("a step takes (x, y) or (x, y, sample_weight)")
    x, y, *rest = data
    return x, y, rest[0] if rest else None


def overrides(model: Any, method: str) -> bool:
    """Whether the class of `model` has a method of its own in the place of one of the library."""
    found = getattr(type(model), method)
    return not hasattr(getattr(found, "fget", found), "is_inherited")


def has_own_loss(model: Any) -> bool:
    """Whether a model has a loss without a compiled one: in a method of the user's, or by `add_loss`."""
    if any(overrides(model, method) for method in ("compute_loss", "train_step", "test_step")):
        return True
    return any(module._adds_losses for _, module in model.named_modules())


def own_loss(model: Any, x: Any, y: Any, y_pred: Any, weight: Any, training: bool) -> Any:
    """What the user's `compute_loss` gives, which need not take `training`, as in Keras."""
    compute = model.compute_loss
    named = {"training": training} if takes(compute, 4, training=training) else {}
    return compute(x, y, y_pred, weight, **named)


def own_step(model: Model, training: bool) -> Callable[..., Logs] | None:
    """The step that the user wrote, from (x, y, weight) to tensors by name; None where there is none."""
    method = "train_step" if training else "test_step"
    return partial(_step, model, method) if overrides(model, method) else None


def _step(model: Model, method: str, x: Tensor, y: Tensor, weight: Tensor | None) -> Logs:
    with gathered_losses():
        logs = getattr(model, method)((x, y) if weight is None else (x, y, weight))
    return checked_logs(model, method, logs)


def checked_logs(model: Any, method: str, logs: Any) -> dict[str, Tensor]:
    """Numbers by name, or several of them, as tensors without a graph.

    Raises:
        ArgumentError: `method` returned something else.
    """
    if not isinstance(logs, Mapping):
        raise ArgumentError(
            f"{type(model).__name__}.{method} returns numbers by name, got {type(logs).__name__}"
        )
    numbers = {
        str(name): value if isinstance(value, Tensor) else ag.tensor(value, "float64")
        for name, value in logs.items()
    }
    return {name: number.detach() for name, number in numbers.items()}


def check_methods(model: Model, mixed_precision: str | None) -> None:
    """Refuse methods that would never be called.

    Raises:
        ArgumentError: the class defines one.
    """
    kind = type(model)
    for name in NOT_CALLED:
        if hasattr(kind, name):
            raise ArgumentError(
                f"{kind.__name__} defines {name}, which nothing here calls. What may be overridden are "
                "call, compute_loss, compute_metrics, train_step, test_step and predict_step; else write the "
                "loop yourself."
            )
    if mixed_precision == "float16" and overrides(model, "train_step"):
        raise ArgumentError(
            f"{kind.__name__} defines train_step, which knows nothing of the scaled loss of "
            "mixed_precision='float16'; use 'bfloat16'"
        )
