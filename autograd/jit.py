"""`jit`: a function compiled for each kind of arguments. What is done at a call stands in `jitted.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from .jitted import Jitted
    from .mode import P, R
    from .tracekeys import State


@overload
def jit(
    f: Callable[P, R],
    state: State = None,
    donate: bool = False,
    name: str | None = None,
    precision: str | None = None,
) -> Jitted[P, R]: ...


@overload
def jit(
    f: None = None,
    state: State = None,
    donate: bool = False,
    name: str | None = None,
    precision: str | None = None,
) -> Callable[[Callable[P, R]], Jitted[P, R]]: ...


def jit(
    f: Callable[..., Any] | None = None,
    state: State = None,
    donate: bool = False,
    name: str | None = None,
    precision: str | None = None,
) -> Any:
    """`f`, compiled: traced at the first call with arguments of some shapes
    and dtypes, then run as one program.

    Args:
        f: a function of tensors, arrays and numbers (nested lists, tuples, dicts of them) that returns
            tensors. It may call `backward()` and `assign` the tensors of `state`.
        state: the tensors that `f` reads or assigns without being passed them: a dict of names, a
            list, a module, or a function that returns one of these, asked at every call. The default
            random generator always belongs to it.
        donate: write state in place even where somebody else holds its array, and save the copy.
        name: of the program; default the function's.
        precision: "tf32", "bfloat16" or "float16": operands of products of float32 matrices
            are rounded to this format, forward and backward; the products and their sums are
            float32, as is all else. None: float32.

    Returns:
        A `Jitted`. Floats among the arguments are inputs, as weak as Python's own; other Python values choose
        the program, and so does every number, text, function and small array (64 kB) that the first call
        reads outside of `f`, from wherever: one that changes means another trace. What cannot be looked at is
        said once, as a warning. Results are new arrays, without graph.
        The function itself runs, uncompiled, inside another trace, where an argument requires gradients, and
        under `detect_anomaly()`; its products are float32 then, in another trace of that one's precision.

    Raises:
        DTypeError: an unknown precision, with the nearest name.
        TraceError: at the call, when `f` branches on a value, asks for one, uses a tensor or a large
            array that is not declared, changes a number that it reads, or leaves a result outside or a
            gradient in state, added to what may have been there.

    >>> import autograd as ag
    >>> w = ag.tensor([1.0, 2.0], requires_grad=True)
    >>> @ag.jit(state=[w])
    ... def step(x, rate):
    ...     w.grad = None
    ...     loss = ((w - x) ** 2).sum()
    ...     loss.backward()
    ...     w.assign(w.detach() - w.grad * rate)
    ...     return loss
    >>> step(ag.tensor([0.0, 0.0]), 0.25).item(), w.tolist()
    (5.0, [0.5, 1.0])
    >>> step.traces
    1
    """
    # here, since it takes a quarter of the time that the whole package takes to import
    from .jitted import Jitted

    if f is None:
        return lambda function: Jitted(function, state, donate, name, precision)
    return Jitted(f, state, donate, name, precision)
