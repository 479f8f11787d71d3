"""Input: says the shape of one sample, so that a model is built before it sees data."""

from __future__ import annotations

from ..arguments import whole
from ..errors import ArgumentError


class Input:
    """`nn.Sequential([nn.Input((7,)), ...])`: samples of shape (7,).

    >>> import nn
    >>> model = nn.Sequential([nn.Input((7,)), nn.Dense(2)])
    >>> model.output_shape
    (None, 2)
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        try:
            self.shape = tuple(whole("Input", "a size", size) for size in sizes)
        except ArgumentError:
            raise ArgumentError(
                f"Input: shape is a tuple of sizes >= 1 without the batch, got {shape!r}"
            ) from None
