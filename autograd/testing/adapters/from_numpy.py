"""Functions of NumPy arrays with a derivative written by hand as subjects: what one writes before any framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .common import Named, NDArray


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
        vjp: `vjp(g, *arrays)` returns the gradients of sum(g * function(*arrays)): one for each array, in a tuple or
            list, None for an array that has none; of a function of one array also the gradient itself.
        jvp: `jvp(tangents, *arrays)` returns the derivative along `tangents`, a tuple of arrays like the inputs, with
            None for integers and for those that stand still.
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


class NumPySubject(Named):
    """See `numpy`."""

    def __init__(
        self,
        function: Callable[..., Any],
        vjp: Callable[..., Any],
        jvp: Callable[..., Any] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(function, "numpy", name)
        self.vjp = vjp
        self.jvp = jvp

    def value(self, arrays: Sequence[NDArray]) -> NDArray:
        """The function."""
        return np.asarray(self.function(*arrays))

    def pull(
        self, arrays: Sequence[NDArray], weights: NDArray, wanted: Sequence[int]
    ) -> list[NDArray]:
        """What the hand-written `vjp` gives for the `wanted` inputs."""
        found = self.vjp(weights, *arrays)
        if not isinstance(found, (tuple, list)):
            found = (found,)
        if len(found) != len(arrays):
            raise TypeError(
                f"{self.name}: vjp returned {len(found)} gradients for {len(arrays)} arrays; "
                "expected one each, None for an array that has no gradient"
            )
        return [
            np.zeros_like(arrays[i]) if found[i] is None else np.asarray(found[i]) for i in wanted
        ]

    def push(self, arrays: Sequence[NDArray], tangents: Mapping[int, NDArray]) -> NDArray | None:
        """What the hand-written `jvp` gives; None where there is none."""
        if self.jvp is None:
            return None
        given = tuple(tangents.get(i) for i in range(len(arrays)))
        return np.asarray(self.jvp(given, *arrays))

    def gradient(
        self, wanted: Sequence[int], weights: NDArray, directions: Sequence[NDArray]
    ) -> None:
        """A hand-written gradient is an array, which cannot be differentiated again."""

    def call_text(self) -> str:
        """What to write for this subject in a script that repeats a failure."""
        derivative = getattr(self.vjp, "__name__", "vjp")
        return f"adapters.numpy({self.name}, vjp={derivative})"
