"""Is a gradient right? Decided by central differences in float64, along directions rather than element by element.

For a direction d and weights w, the derivative of t -> sum(w f(x + t d)) at 0 is a single number, which backward
knows as sum(gradient * d). Differences at three steps are extrapolated (Richardson), which leaves about ten correct
digits. One direction is random; in the other every term of that sum is positive, so that nothing can cancel and an
error of 0.1 % in a gradient is always seen. The differences never look at the gradient rules that they judge.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..creation import zeros_like
from ..functional import vjp
from ..mode import enable_grad
from ..tensor import Tensor

NDArray = np.ndarray[Any, Any]
Function = Callable[..., Tensor]

_TOLERANCE = {"float64": 1e-6, "float32": 3e-4}
_STEPS = (2e-3, 2e-4, 2e-5)
"""Small enough to stay on one side of a kink 0.05 away; the later ones are for functions that bend sharply."""
_ROUNDING = 32 * np.finfo(np.float64).eps


class GradientMismatch(AssertionError):  # noqa: N818 - it says what was found, like the other assertion it is
    """A gradient differs from the slope of the function, or has another shape or dtype than its input.

    Cause: a wrong rule in `vjp=`; a kink or a jump within 0.01 of the inputs; a function that is not the same at
    each call (random numbers); an input that is used but cut off by `detach()`.
    """


class _Slope(NamedTuple):
    """A numerical derivative, and the error that rounding and extrapolation left in it."""

    value: float
    error: float


def check_grad(
    f: Function, *inputs: Any, order: int = 1, dtype: Any = "float64", seed: int = 0
) -> None:
    """Raise GradientMismatch unless `backward` through `f` gives the gradient that differences give.

    Every floating input is tried alone, then all of them together.

    Args:
        f: a function of tensors that returns a tensor of any shape.
        inputs: arrays, tensors, lists or numbers. Integers and booleans are passed on as they are.
        order: 2 checks derivatives of the gradient as well, by `create_graph`.
        dtype: that in which the gradient is computed, "float64" (to 1e-6) or "float32" (to 3e-4). The differences
            are always those of float64.
        seed: of the directions.

    Raises:
        GradientMismatch: with the function, the input, the direction and both numbers.

    >>> import autograd as ag
    >>> from autograd.testing import check_grad
    >>> check_grad(ag.tanh, [0.5, -1.0], order=2)
    >>> check_grad(lambda x: x * x.detach(), [0.5, -1.0])
    Traceback (most recent call last):
    ...
    autograd.testing.check.GradientMismatch: ...
    """
    arrays = [_as_array(value) for value in inputs]
    floating = [i for i, array in enumerate(arrays) if _is_float(array)]
    groups = [(i,) for i in floating] + ([tuple(floating)] if len(floating) > 1 else [])
    for group in groups:
        _check_order(f, arrays, group, order, _Check(f, _dtype_name(dtype), seed))


def check_vjp(f: Function, *inputs: Any, dtype: Any = "float64", seed: int = 0) -> None:
    """Like `check_grad` for the transform `autograd.vjp`: the value, and what `pull` makes of random weights.

    >>> import autograd as ag
    >>> from autograd.testing import check_vjp
    >>> check_vjp(ag.matmul, [[1.0, 2.0]], [[3.0], [4.0]])
    """
    arrays = [_as_array(value) for value in inputs]
    floating = tuple(i for i, array in enumerate(arrays) if _is_float(array))
    check = _Check(f, _dtype_name(dtype), seed)
    weights = check.weights(f, arrays)
    tensors = [Tensor(a.astype(check.dtype) if _is_float(a) else a) for a in arrays]
    value, pull = vjp(
        lambda *xs: f(*_replaced(tensors, floating, xs)), *(tensors[i] for i in floating)
    )
    if not np.array_equal(value.numpy(), f(*tensors).numpy(), equal_nan=True):
        raise GradientMismatch(f"{check.name}: vjp changes the value of the function")
    gradients = pull(Tensor(weights.astype(check.dtype)))
    check.compare(f, arrays, floating, weights, [g.numpy() for g in gradients])


def _check_order(
    f: Function, arrays: Sequence[NDArray], group: tuple[int, ...], order: int, check: _Check
) -> None:
    weights = check.weights(f, arrays)
    leaves = [
        Tensor(a.astype(check.dtype) if _is_float(a) else a, requires_grad=i in group)
        for i, a in enumerate(arrays)
    ]
    gradients = [g.numpy() for g in _gradients(f, leaves, group, weights, create_graph=False)]
    check.compare(f, arrays, group, weights, gradients)
    if order > 1:
        directions = [check.random(gradient.shape) for gradient in gradients]
        projected = _projected_gradient(f, group, weights, directions)
        deeper = check.of_gradient()
        _check_order(projected, arrays, group, order - 1, deeper)


def _gradients(
    f: Function,
    leaves: Sequence[Tensor],
    group: tuple[int, ...],
    weights: NDArray,
    create_graph: bool,
) -> list[Tensor]:
    """d(sum(weights * f)) at the leaves of `group`; zeros where f does not depend on one."""
    for i in group:
        leaves[i].grad = None
    with enable_grad():
        result = f(*leaves)
        if result.requires_grad:
            result.backward(Tensor(weights, result.dtype), create_graph=create_graph)
    found = [leaves[i].grad for i in group]
    for i in group:
        leaves[i].grad = None
    return [zeros_like(leaves[i]) if g is None else g for i, g in zip(group, found, strict=True)]


def _projected_gradient(
    f: Function, group: tuple[int, ...], weights: NDArray, directions: Sequence[NDArray]
) -> Function:
    """The function x -> sum(gradient of f at x * directions), itself differentiable."""

    def projected(*tensors: Tensor) -> Tensor:
        leaves = [
            t if t.requires_grad or i not in group else _leaf(t) for i, t in enumerate(tensors)
        ]
        total = Tensor(0.0, leaves[group[0]].dtype)
        gradients = _gradients(f, leaves, group, weights, create_graph=True)
        for gradient, direction in zip(gradients, directions, strict=True):
            total = total + (gradient * Tensor(direction, gradient.dtype)).sum()
        return total

    return projected


def _leaf(tensor: Tensor) -> Tensor:
    fresh = tensor.detach()
    fresh.requires_grad = True
    return fresh


class _Check:
    """One function under test: its name, the dtype of its gradients and a stream of random numbers."""

    def __init__(self, f: Function, dtype: str, seed: int, name: str | None = None) -> None:
        op = getattr(f, "op", None)
        self.name = name or str(op.name if op is not None else getattr(f, "__name__", f))
        self.function = f
        self.dtype = dtype
        self.seed = seed
        self.generator = np.random.default_rng(seed)

    def of_gradient(self) -> _Check:
        """The same check one derivative further."""
        return _Check(self.function, self.dtype, self.seed + 1, f"gradient of {self.name}")

    def random(self, shape: tuple[int, ...]) -> NDArray:
        """Numbers of size about 1, none of them near 0, of either sign."""
        size = self.generator.uniform(0.5, 1.5, shape)
        return np.asarray(np.where(self.generator.random(shape) < 0.5, -size, size))

    def weights(self, f: Function, arrays: Sequence[NDArray]) -> NDArray:
        return self.random(_evaluate(f, arrays).shape)

    def compare(
        self, f: Function, arrays: Sequence[NDArray], group: tuple[int, ...], weights: NDArray, gradients: Sequence[NDArray]
    ) -> None:  # fmt: skip
        """Hold the gradients of the inputs in `group` against differences along two directions."""
        label = ", ".join(f"{self._input_name(i)} {arrays[i].shape}" for i in group)
        for i, gradient in zip(group, gradients, strict=True):
            if gradient.shape != arrays[i].shape or gradient.dtype != self.dtype:
                raise GradientMismatch(
                    f"{self.name}: the gradient of {self._input_name(i)} is {gradient.dtype} {gradient.shape}, "
                    f"the input is {self.dtype} {arrays[i].shape}"
                )
        if not any(gradient.size for gradient in gradients):
            return
        exact = [gradient.astype(np.float64) for gradient in gradients]
        random = [self.random(gradient.shape) for gradient in exact]
        uphill = [
            np.where(g < 0, -1.0, 1.0) * np.abs(d) for g, d in zip(exact, random, strict=True)
        ]
        for kind, direction in (("random", random), ("uphill", uphill)):
            terms = [g * d for g, d in zip(exact, direction, strict=True)]
            expected = float(sum(term.sum() for term in terms))
            slope = _slope(f, arrays, dict(zip(group, direction, strict=True)), weights)
            # terms that cancel leave rounding errors of their own size, not of the size of their sum
            spread = float(np.sqrt(sum((term**2).sum() for term in terms)))
            scale = max(abs(expected), abs(slope.value), spread)
            allowed = _TOLERANCE[self.dtype] * scale + slope.error
            if not abs(expected - slope.value) <= allowed:
                raise GradientMismatch(
                    f"{self.name}: the gradient with respect to {label} is wrong. Result of shape {weights.shape}, "
                    f"{self.dtype}. Along the {kind} direction {_short(direction)} backward gives {expected:.12g}, "
                    f"differences give {slope.value:.12g} (allowed difference {allowed:.2g})."
                )

    def _input_name(self, position: int) -> str:
        op = getattr(self.function, "op", None)
        if op is not None:
            return str(op.parameter_name(position))
        try:
            names = list(inspect.signature(self.function).parameters.values())
        except (TypeError, ValueError):
            return f"input {position}"
        if position < len(names) and names[position].kind is not inspect.Parameter.VAR_POSITIONAL:
            return names[position].name
        return f"input {position}"


def _slope(
    f: Function, arrays: Sequence[NDArray], direction: dict[int, NDArray], weights: NDArray
) -> _Slope:
    """The derivative of sum(weights * f) along `direction`, at the step that leaves the smallest error."""
    best = _Slope(float("nan"), float("inf"))

    def moved(t: float) -> NDArray:
        return _evaluate(
            f, [a + t * direction[i] if i in direction else a for i, a in enumerate(arrays)]
        )

    size = float(np.abs(weights * moved(0.0)).sum())
    for step in _STEPS:
        halves = (step, step / 2, step / 4)
        # differences before weights: equal parts of the result cancel exactly
        raw = [float(((moved(h) - moved(-h)) * weights).sum()) / (2 * h) for h in halves]
        once = [(4 * raw[1] - raw[0]) / 3, (4 * raw[2] - raw[1]) / 3]
        twice = (16 * once[1] - once[0]) / 15
        rounding = _ROUNDING * size / step
        # what extrapolation changed last; it may widen the band, but never so far that 0.1 % would fit
        estimate = min(abs(twice - once[1]) + rounding, 1e-4 * abs(twice) + rounding)
        if estimate < best.error:
            best = _Slope(twice, estimate)
        if best.error <= 1e-7 * abs(best.value):
            break
    return best


def _evaluate(f: Function, arrays: Sequence[NDArray]) -> NDArray:
    return np.asarray(f(*(Tensor(array) for array in arrays)).numpy())


def _as_array(value: Any) -> NDArray:
    array = np.asarray(value)
    return array.astype(np.float64) if _is_float(array) else array


def _is_float(array: NDArray) -> bool:
    return bool(array.dtype.kind == "f")


def _dtype_name(dtype: Any) -> str:
    name = str(np.dtype(dtype).name)
    if name not in _TOLERANCE:
        raise ValueError(f"gradients are checked in {' or '.join(_TOLERANCE)}, not in {name}")
    return name


def _replaced(
    tensors: Sequence[Tensor], positions: tuple[int, ...], new: Sequence[Tensor]
) -> list[Tensor]:
    result = list(tensors)
    for position, tensor in zip(positions, new, strict=True):
        result[position] = tensor
    return result


def _short(direction: Sequence[NDArray]) -> str:
    return "; ".join(np.array2string(d, precision=3, threshold=6) for d in direction)
