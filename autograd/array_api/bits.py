"""Functions of the bits of numbers. No primitive has them, so they run on values in the memory of the host:
not in a step that is being traced, and without gradients.

Booleans are the exception: their bits are their truth, which ops have.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import autograd as ag
from autograd import DTypeError, GradientError, Tensor, TraceError

from ..call import mixed_backends
from ..mode import mode
from ..taken import check_known

__all__ = [
    "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_or", "bitwise_xor", "nextafter",
    "signbit",
]  # fmt: skip


def _on_host(x: Tensor, name: str) -> Any:
    """The values as an array of the host, to be read."""
    check_known(x, name)
    if x._backend.name == "trace":
        raise TraceError(
            f"{name} is computed in the memory of the host, where a traced step has no values; compute it "
            "before the step, or from ops such as where() and less()"
        )
    return x._backend.to_numpy(x._data)


def _tensors(name: str, *operands: Any) -> list[Any]:
    """The operands as tensors of one backend, but for Python's numbers, of which not all are such."""
    backend = next((x._backend for x in operands if isinstance(x, Tensor)), None)
    found = []
    for x in operands:
        if isinstance(x, Tensor) and backend is not None and x._backend is not backend:
            raise mixed_backends(name, backend, x._backend)
        number = type(x) in (bool, int, float) and backend is not None
        found.append(x if isinstance(x, Tensor) or number else ag.tensor(x, backend=backend))
    return found


def _of_bits(name: str, compute: Callable[[Any, Any], Any], a: Any, b: Any) -> Tensor:
    operands = _tensors(name, a, b)
    first = next(x for x in operands if isinstance(x, Tensor))
    for x in operands:
        if isinstance(x, float) or (isinstance(x, Tensor) and x.dtype.kind == "f"):
            raise DTypeError(f"{name}: integers or booleans are expected, got {getattr(x, 'dtype', x)}")
    values = [_on_host(x, name) if isinstance(x, Tensor) else x for x in operands]
    return Tensor.wrap(first._backend.asarray(compute(*values)), first._backend)


def _are_truths(*operands: Any) -> bool:
    return all(type(x) is bool or getattr(getattr(x, "dtype", None), "kind", "") == "b" for x in operands)


def bitwise_and(x1: Any, x2: Any, /) -> Tensor:
    """The bits that both have.

    >>> bitwise_and(ag.tensor([6, 5]), 3).tolist()
    [2, 1]
    """
    if _are_truths(x1, x2):
        return ag.logical_and(x1, x2)
    return _of_bits("bitwise_and", operator.and_, x1, x2)


def bitwise_or(x1: Any, x2: Any, /) -> Tensor:
    """The bits that either has."""
    if _are_truths(x1, x2):
        return ag.logical_or(x1, x2)
    return _of_bits("bitwise_or", operator.or_, x1, x2)


def bitwise_xor(x1: Any, x2: Any, /) -> Tensor:
    """The bits that one of them has."""
    if _are_truths(x1, x2):
        return ag.logical_xor(x1, x2)
    return _of_bits("bitwise_xor", operator.xor, x1, x2)


def bitwise_invert(x: Any, /) -> Tensor:
    """The bits that x does not have."""
    return (
        ag.logical_not(x) if _are_truths(x) else bitwise_xor(x, -1 if x.dtype.kind == "i" else _all_bits(x))
    )


def _all_bits(x: Any) -> Any:
    return (1 << 8 * x.dtype.itemsize) - 1


def bitwise_left_shift(x1: Any, x2: Any, /) -> Tensor:
    """x1 with x2 zeros behind its bits, those in front lost."""
    return _of_bits("bitwise_left_shift", operator.lshift, x1, x2)


def _words(array: Any) -> Any:
    """Floats seen as the integers of their bits."""
    return array.view(f"int{8 * array.dtype.itemsize}")


def signbit(x: Any, /) -> Tensor:
    """Whether there is a minus, also before a zero or NaN.

    Raises:
        TraceError: inside a traced step, of floats.
    """
    return signs(x, "signbit")


def signs(x: Any, name: str) -> Tensor:
    """`signbit` for the function `name`."""
    if x.dtype.kind != "f":
        return ag.less(x, 0)
    return Tensor.wrap(x._backend.asarray(_words(_on_host(x, name)) < 0), x._backend)


def nextafter(x1: Any, x2: Any, /) -> Tensor:
    """The number next to x1 on the way to x2.

    Raises:
        GradientError: gradients flow to one of them; it would be lost.
    """
    a, b = _tensors("nextafter", x1, x2)
    total = ag.add(a, b)
    if mode.get().grad and total.requires_grad:
        raise GradientError("nextafter has no gradient; say with x.detach() that it ends here")
    if total.dtype.kind != "f":
        raise DTypeError(f"nextafter: floats are expected, got {total.dtype}")
    like = ag.zeros_like(total)
    # a number or a shape of one becomes that of the result; NaN and infinities stay what they are
    start, goal = (
        _on_host(ag.where(ag.equal(like, 0), x, like), "nextafter").astype(total.dtype).reshape(-1)
        for x in (a, b)
    )
    result = _stepped(start.copy(), goal).reshape(total.shape)
    return Tensor.wrap(total._backend.asarray(result), total._backend)


def _stepped(x: Any, goal: Any) -> Any:
    """One step of each number of x, which is changed, towards `goal`."""
    same, strange, zero = x == goal, (x != x) | (goal != goal), x == 0
    # bits, read as an integer, grow with the size of a number whatever its sign is
    outwards = (goal > x) == (x > 0)
    words = _words(x)
    moving = ~(same | strange | zero)
    words[outwards & moving] += 1
    words[~outwards & moving] -= 1
    words[zero & ~same] = 1
    x[zero & (goal < 0)] *= -1
    x[same] = goal[same]
    x[strange] = float("nan")
    return x
