"""What metrics add to the logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ArgumentError
from .base import Metric


def numbers_of(metric: Metric) -> dict[str, float]:
    """What a metric adds to the logs: its result, or each of several by its own name.

    Raises:
        ArgumentError: the result is no number, and no dict of numbers.
    """
    result: Any = metric.result()
    named = result if isinstance(result, Mapping) else {metric.name: result}
    return {str(name): number_of(str(name), value) for name, value in named.items()}


def number_of(name: str, result: Any) -> float:
    """The result of a metric as a number for the logs."""
    try:
        return float(result.item() if hasattr(result, "item") else result)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"metric {name!r}: result() returns a number, got {result!r}") from error
