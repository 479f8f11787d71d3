"""Functions of NumPy arrays with a derivative written by hand as subjects:
what one writes before any framework.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..subject import importable, name_of
from .common import IMPORT, Adapted, NDArray


def numpy(
    function: Callable[..., Any],
    *,
    vjp: Callable[..., Any],
    jvp: Callable[..., Any] | None = None,
    name: str | None = None,
) -> NumPySubject:
    """A function of NumPy arrays and the derivative that somebody wrote for it.

    Args:
        function: takes arrays and returns one array (or number) of any shape.
        vjp: `vjp(g, *arrays)` returns the gradients of sum(g * function(*arrays)): one
            for each array, in a tuple or list, None for an array that has none; of a function
            of one array also the gradient itself.
        jvp: `jvp(tangents, *arrays)` returns the derivative along `tangents`, a tuple of arrays like the
            inputs, with None for integers and for those that stand still.
        name: what reports call it; by default its own name.

    Raises:
        TypeError: at a check, when `vjp` returns another number of gradients.

    >>> import numpy as np
    >>> from autograd.testing import adapters, check_grad
    >>> check_grad(adapters.numpy(np.sin, vjp=lambda g, x: g * np.cos(x)), [0.5, -1.0])
    >>> check_grad(adapters.numpy(np.sin, vjp=lambda g, x: g * np.cos(x) * 1.001), [0.5, -1.0])
    Traceback (most recent call last):
    ...
    autograd.testing.check.GradientMismatch: ...
    """
    return NumPySubject(function, vjp, jvp, name)


class NumPySubject(Adapted):
    """See `numpy`."""

    framework = "numpy"

    def __init__(
        self,
        function: Callable[..., Any],
        vjp: Callable[..., Any],
        jvp: Callable[..., Any] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(function, name)
        self.vjp = vjp
        self.jvp = jvp

    def value(self, arrays: Sequence[NDArray]) -> NDArray:
        """The function."""
        return np.asarray(self.function(*arrays))

    def pull(self, arrays: Sequence[NDArray], weights: NDArray, wanted: tuple[int, ...]) -> list[NDArray]:
        """What the hand-written `vjp` gives for the `wanted` inputs."""
        found = self.vjp(weights, *arrays)
        if not isinstance(found, (tuple, list)):
            found = (found,)
        if len(found) != len(arrays):
            raise TypeError(
                f"{self.name}: vjp returned {len(found)} gradients for {len(arrays)} arrays; "
                "expected one each, None for an array that has no gradient"
            )
        return [np.zeros_like(arrays[i]) if found[i] is None else np.asarray(found[i]) for i in wanted]

    def push(self, arrays: Sequence[NDArray], tangents: Mapping[int, NDArray]) -> NDArray | None:
        """What the hand-written `jvp` gives; None where there is none."""
        if self.jvp is None:
            return None
        given = tuple(tangents.get(i) for i in range(len(arrays)))
        return np.asarray(self.jvp(given, *arrays))

    def call_text(self) -> str:
        expressions = [expression for _, expression in self._written()]
        return f"adapters.numpy({', '.join(expressions)})"

    def imports(self) -> tuple[str, ...]:
        return (IMPORT, *dict.fromkeys(line for lines, _ in self._written() for line in lines))

    def _written(self) -> list[tuple[tuple[str, ...], str]]:
        """(lines, expression) for the function and its derivatives; those that no
        module holds keep their roles' names.
        """
        found = [importable(self.function)]
        for role, derivative in (("vjp", self.vjp), ("jvp", self.jvp)):
            if derivative is not None:
                lines, expression = importable(derivative)
                if expression == "f":
                    lines, expression = (f"# {role}: your derivative, {name_of(derivative)}",), role
                found.append((lines, f"{role}={expression}"))
        return found
