"""Functions of JAX arrays as subjects. 64-bit numbers are switched on for each
call alone, never for the process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .common import Adapted, NDArray, replaced


def jax(function: Callable[..., Any], name: str | None = None) -> JaxSubject:
    """A function of JAX arrays, for `check_grad` and the other checks.

    Args:
        function: takes arrays and returns one array of any shape. It is called with 64-bit numbers enabled.
        name: what reports call it; by default its own name.

    Raises:
        ImportError: where JAX is not installed.

    `check_grad(adapters.jax(jax.nn.softplus), [0.5, -1.0], order=2)`
    """
    return JaxSubject(function, _jax(), name)


def _jax() -> Any:
    import jax

    return jax


class JaxSubject(Adapted):
    """See `jax`."""

    framework = "jax"

    def __init__(
        self,
        function: Callable[..., Any],
        library: Any,
        name: str | None = None,
        shown: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(function, name, shown)
        self._jax = library

    def value(self, arrays: Sequence[NDArray]) -> NDArray:
        """The function."""
        with self._jax.enable_x64(True):
            return np.array(self.function(*self._arrays(arrays)))

    def pull(self, arrays: Sequence[NDArray], weights: NDArray, wanted: tuple[int, ...]) -> list[NDArray]:
        """Gradients of sum(weights * function) at the `wanted` inputs."""
        with self._jax.enable_x64(True):
            found = self._gradients(self._arrays(arrays), weights, wanted)
            return [np.array(gradient) for gradient in found]

    def push(self, arrays: Sequence[NDArray], tangents: Mapping[int, NDArray]) -> NDArray:
        """The derivative of the function along `tangents`."""
        with self._jax.enable_x64(True):
            inputs, places = self._arrays(arrays), tuple(tangents)
            _, moved = self._jax.jvp(
                lambda *new: self.function(*replaced(inputs, places, new)),
                tuple(inputs[i] for i in places),
                tuple(self._arrays([tangents[i] for i in places])),
            )
            return np.array(moved)

    def gradient(
        self, wanted: tuple[int, ...], weights: NDArray, directions: Sequence[NDArray]
    ) -> JaxSubject:
        """x -> sum of (gradient of sum(weights * function) at x) * directions, over the `wanted` inputs."""

        def projected(*inputs: Any) -> Any:
            found = self._gradients(inputs, weights, wanted)
            along = self._arrays(directions)
            return sum((g * d).sum() for g, d in zip(found, along, strict=True))

        return JaxSubject(projected, self._jax, f"gradient of {self.name}", self.shown)

    def _arrays(self, arrays: Sequence[NDArray]) -> list[Any]:
        return [self._jax.numpy.asarray(a) for a in arrays]

    def _gradients(self, inputs: Sequence[Any], weights: NDArray, wanted: tuple[int, ...]) -> Sequence[Any]:
        result, pull = self._jax.vjp(
            lambda *new: self.function(*replaced(inputs, wanted, new)), *(inputs[i] for i in wanted)
        )
        return pull(self._jax.numpy.asarray(weights, result.dtype))  # type: ignore[no-any-return]
