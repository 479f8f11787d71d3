"""What metrics add to the logs: a number, or an array of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import autograd as ag
from autograd import Tensor

from ..errors import ArgumentError
from .base import Metric


def numbers_of(metric: Metric) -> dict[str, Any]:
    """What a metric adds to the logs: its result, or each of several by its own name.

    Raises:
        ArgumentError: the result is made of something else than numbers.
    """
    result: Any = metric.result()
    named = result if isinstance(result, Mapping) else {metric.name: result}
    return {str(name): number_of(str(name), value) for name, value in named.items()}


def number_of(name: str, result: Any) -> Any:
    """The result of a metric for the logs: a number; a NumPy array where there are several, or none."""
    try:
        if isinstance(result, (list, tuple)) or getattr(result, "size", 1) != 1:
            found = result if isinstance(result, Tensor) else ag.tensor(result)
            return found.numpy()
        return float(result.item() if hasattr(result, "item") else result)
    except (TypeError, ValueError, ArgumentError) as error:
        raise ArgumentError(
            f"metric {name!r}: result() returns a number or several, got {result!r}"
        ) from error


def is_several(value: Any) -> bool:
    """Whether a value of the logs is an array."""
    return getattr(value, "ndim", 0) > 0


def each_number(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The numbers of a value of the logs, with names: "recall", or "recall[0]" and so on of an array."""
    if not is_several(value):
        yield name, value
        return
    for number, one in enumerate(value.reshape(-1).tolist()):
        yield f"{name}[{number}]", one
