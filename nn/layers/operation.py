"""An op of `autograd` in a graph of layers."""

from __future__ import annotations

from typing import Any, Self

from autograd import ProgramError, Tensor
from autograd.application import Application

from ..errors import ArgumentError, FileError
from .base import Layer

NAMES = {
    "astype": "cast",
    "avg_pool2d": "average_pool",
    "concat": "concatenate",
    "conv2d": "conv",
    "divide": "true_divide",
    "getitem": "get_item",
    "max_pool2d": "max_pool",
    "permute_dims": "transpose",
    "remainder": "mod",
    "rint": "round",
}
"""What Keras calls an operation that has another name here."""


class Operation(Layer):
    """An op that was applied to placeholders: `x * 2.0`, `ag.concat([x, y])`, `x[:, 0]`. No layer of a model.

    Args:
        applied: which, with its settings.
    """

    def __init__(self, applied: Application) -> None:
        super().__init__()
        self.applied = applied
        self.built = True

    @property
    def kind(self) -> str:
        """What Keras calls it: by that name its result is known, where it is an output."""
        name: str = self.applied.op.name
        return NAMES.get(name, name)

    def operate(self, inputs: list[Any]) -> Tensor:
        """The result for tensors, arrays and numbers, which stay numbers."""
        return self.applied(inputs)

    def get_config(self) -> dict[str, Any]:
        try:
            return self.applied.described()
        except ProgramError as error:
            raise ArgumentError(
                f"save: in the graph of layers: {error}; put it into a layer's call"
            ) from error

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        try:
            return cls(Application.from_description(config))
        except ProgramError as error:
            raise FileError(f"in the graph of layers: {error}") from error
