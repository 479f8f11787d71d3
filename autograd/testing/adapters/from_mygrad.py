"""Functions of MyGrad tensors as subjects. MyGrad has reverse mode of first order and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .common import Adapted, NDArray


def mygrad(function: Callable[..., Any], name: str | None = None) -> MyGradSubject:
    """A function of MyGrad tensors, for `check_grad` of first order.

    Args:
        function: takes tensors and returns one tensor of any shape.
        name: what reports call it; by default its own name.

    Raises:
        ImportError: where MyGrad is not installed.

    `check_grad(adapters.mygrad(mygrad.sinc), [0.5, -1.0])`
    """
    return MyGradSubject(function, _mygrad(), name)


def _mygrad() -> Any:
    import mygrad

    return mygrad


class MyGradSubject(Adapted):
    """See `mygrad`."""

    framework = "mygrad"

    def __init__(self, function: Callable[..., Any], library: Any, name: str | None = None) -> None:
        super().__init__(function, name)
        self._mygrad = library

    def value(self, arrays: Sequence[NDArray]) -> NDArray:
        """The function, without a graph."""
        with self._mygrad.no_autodiff:
            return np.array(self.function(*map(self._mygrad.tensor, arrays)))

    def pull(self, arrays: Sequence[NDArray], weights: NDArray, wanted: tuple[int, ...]) -> list[NDArray]:
        """Gradients of sum(weights * function) at the `wanted` inputs."""
        inputs = [self._mygrad.tensor(array, constant=i not in wanted) for i, array in enumerate(arrays)]
        result = self.function(*inputs)
        if not result.constant:
            result.backward(np.asarray(weights, result.dtype))
        gradients = [inputs[i].grad for i in wanted]
        return [
            np.zeros_like(arrays[i]) if gradient is None else np.array(gradient)
            for i, gradient in zip(wanted, gradients, strict=True)
        ]
