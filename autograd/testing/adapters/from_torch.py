"""Functions of PyTorch tensors as subjects: reverse mode by
torch.autograd, forward mode by its dual numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .common import Adapted, NDArray


def torch(function: Callable[..., Any], name: str | None = None) -> TorchSubject:
    """A function of PyTorch tensors, for `check_grad` and the other checks.

    Args:
        function: takes tensors on the CPU and returns one tensor of any shape.
        name: what reports call it; by default its own name.

    Raises:
        ImportError: where PyTorch is not installed.

    `check_grad(adapters.torch(torch.nn.functional.gelu), [0.5, -1.0], order=2)`
    """
    return TorchSubject(function, _torch(), name)


def _torch() -> Any:
    import torch

    return torch


class TorchSubject(Adapted):
    """See `torch`."""

    framework = "torch"

    def __init__(
        self,
        function: Callable[..., Any],
        library: Any,
        name: str | None = None,
        shown: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(function, name, shown)
        self._torch = library

    def value(self, arrays: Sequence[NDArray]) -> NDArray:
        """The function, without a graph."""
        with self._torch.no_grad():
            return np.asarray(self.function(*self._tensors(arrays)).numpy())

    def pull(self, arrays: Sequence[NDArray], weights: NDArray, wanted: tuple[int, ...]) -> list[NDArray]:
        """Gradients of sum(weights * function) at the `wanted` inputs."""
        inputs = self._tensors(arrays)
        for i in wanted:
            inputs[i].requires_grad_()
        found = self._gradients(inputs, weights, wanted, create_graph=False)
        return [np.asarray(gradient.detach().numpy()) for gradient in found]

    def push(self, arrays: Sequence[NDArray], tangents: Mapping[int, NDArray]) -> NDArray:
        """The derivative of the function along `tangents`."""
        forward = self._torch.autograd.forward_ad
        inputs = self._tensors(arrays)
        with warnings.catch_warnings(), forward.dual_level():
            # PyTorch loads its own rules with a function that it has deprecated
            warnings.simplefilter("ignore", DeprecationWarning)
            for i, tangent in tangents.items():
                (along,) = self._tensors([tangent])
                inputs[i] = forward.make_dual(inputs[i].requires_grad_(), along)
            value, moved = forward.unpack_dual(self.function(*inputs))
            moved = self._torch.zeros_like(value) if moved is None else moved
            return np.asarray(moved.detach().numpy())

    def gradient(
        self, wanted: tuple[int, ...], weights: NDArray, directions: Sequence[NDArray]
    ) -> TorchSubject:
        """x -> sum of (gradient of sum(weights * function) at x) * directions, over the `wanted` inputs."""

        def projected(*inputs: Any) -> Any:
            with self._torch.enable_grad():
                leaves = [
                    x.detach().requires_grad_() if i in wanted and not x.requires_grad else x
                    for i, x in enumerate(inputs)
                ]
                found = self._gradients(leaves, weights, wanted, create_graph=True)
                along = self._tensors(directions)
                return sum((g * d).sum() for g, d in zip(found, along, strict=True))

        return TorchSubject(projected, self._torch, f"gradient of {self.name}", self.shown)

    def _tensors(self, arrays: Sequence[NDArray]) -> list[Any]:
        # a copy: a function that writes to its input must not write to ours
        return [self._torch.tensor(np.ascontiguousarray(a)).reshape(np.shape(a)) for a in arrays]

    def _gradients(
        self, inputs: Sequence[Any], weights: NDArray, wanted: tuple[int, ...], create_graph: bool
    ) -> list[Any]:
        result = self.function(*inputs)
        if not result.requires_grad:
            return [self._torch.zeros_like(inputs[i]) for i in wanted]
        found = self._torch.autograd.grad(
            result,
            [inputs[i] for i in wanted],
            self._torch.tensor(weights, dtype=result.dtype),
            create_graph=create_graph,
            allow_unused=True,
        )
        return [
            self._torch.zeros_like(inputs[i]) if gradient is None else gradient
            for i, gradient in zip(wanted, found, strict=True)
        ]
