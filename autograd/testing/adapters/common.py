"""What adapters share: how a function of another framework is called in reports
and in scripts that repeat a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..subject import BaseSubject, importable

NDArray = np.ndarray[Any, Any]
IMPORT = "from autograd.testing import adapters"


class Adapted(BaseSubject):
    """A function under the adapter `adapters.<framework>`.

    `shown` is the function that reports name, where `function` is made from it, as its gradient is.
    """

    framework: str

    def __init__(
        self,
        function: Callable[..., Any],
        name: str | None = None,
        shown: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(function, name)
        self.shown = function if shown is None else shown

    def input_name(self, position: int) -> str:
        return BaseSubject(self.shown).input_name(position)

    def call_text(self) -> str:
        return f"adapters.{self.framework}({importable(self.shown)[1]})"

    def imports(self) -> tuple[str, ...]:
        return (IMPORT, *importable(self.shown)[0])


def replaced(values: Sequence[Any], positions: Sequence[int], new: Sequence[Any]) -> list[Any]:
    """`values` with `new` at `positions`."""
    result = list(values)
    for position, value in zip(positions, new, strict=True):
        result[position] = value
    return result
