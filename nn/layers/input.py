"""Input: says the shape of one sample, so that a model is built before it sees data."""

from __future__ import annotations

from typing import Any

from ..arguments import whole
from ..errors import ArgumentError
from ..ranges import shown


class Input:
    """`nn.Sequential([nn.Input((7,)), ...])`: samples of shape (7,).

    >>> import nn
    >>> model = nn.Sequential([nn.Input((7,)), nn.Dense(2)])
    >>> model.output_shape
    (None, 2)
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = sample_shape("Input", "shape", shape)


def sample_shape(owner: str, name: str, shape: Any) -> tuple[int, ...]:
    """The sizes of one sample; one number is the size of a vector."""
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    try:
        return tuple(whole(owner, "a size", size) for size in sizes)
    except ArgumentError:
        raise ArgumentError(
            f"{owner}: {name} is a tuple of sizes >= 1 without the batch, got {shown(shape)}"
        ) from None
