"""Input: says the shape of one sample, so that a model is built before it sees data."""

from __future__ import annotations

from typing import Any

from ..arguments import COUNT, form


@form("is a tuple of sizes >= 1 without the batch")
def _sample_shape(value: Any) -> tuple[int, ...]:
    """The sizes of one sample; one number is the size of a vector."""
    return tuple(map(COUNT.keep, value if isinstance(value, (tuple, list)) else (value,)))


SAMPLE_SHAPE = _sample_shape.but(optional=True)


class Input:
    """`nn.Sequential([nn.Input((7,)), ...])`: samples of shape (7,).

    >>> import nn
    >>> model = nn.Sequential([nn.Input((7,)), nn.Dense(2)])
    >>> model.output_shape
    (None, 2)
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = _sample_shape.checked("Input", "shape", shape)
