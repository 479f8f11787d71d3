"""Errors of the instruction set: one class per kind, and the class docstring is its documentation.

Each also derives from the builtin that NumPy would raise for the same mistake, so code written against NumPy
keeps catching it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class GradloomError(Exception):
    """Base of every error raised on purpose by `backends`, `autograd` and `nn`."""


class ShapeError(GradloomError, ValueError):
    """Shapes do not fit together.

    Cause: `matmul` of (3, 4) with (5, 6), `add` of (3,) with (4,), `reshape` to another number of elements.
    Fix: the message names the sizes that differ and every operand; insert `expand_dims` or `reshape`.
    """


class AxisError(ShapeError, IndexError):
    """An axis does not exist: `sum(x, axis=2)` of a matrix. Axes run from -ndim to ndim - 1."""


class DTypeError(GradloomError, TypeError):
    """A dtype is not supported, or not by this operation.

    Cause: strings or objects in `ag.tensor`, `requires_grad=True` on integers, `-x` of booleans.
    Fix: convert with `x.to("float32")` first.
    """


class BackendError(GradloomError, RuntimeError):
    """A backend is unknown, not installed, or two of them meet in one operation.

    Fix: `backends.available()` lists what works here and why the rest does
    not; `x.to("numpy")` moves a tensor.
    """


class DeviceMemoryError(BackendError, MemoryError):
    """A GPU has no memory left for an array; the message says what was wanted and what is free.

    Cause: a batch, a model or a data set that is too large, or arrays that are still referred to.
    Fix: smaller batches; `del` what is no longer needed, graphs included; keep the data set on the host.
    """


class _Noted(threading.local):
    watching = False
    error: TraceError | None = None


_noted = _Noted()


@contextmanager
def raised_at_the_end() -> Iterator[None]:
    """A context after which the last `TraceError` of this thread is raised, though
    somebody may have caught it inside.
    """
    before = _noted.watching, _noted.error
    _noted.watching, _noted.error = True, None
    try:
        yield
        if _noted.error is not None:
            raise _noted.error
    finally:
        _noted.watching, _noted.error = before


class TraceError(GradloomError, RuntimeError):
    """A step that is being traced did something that cannot be part of a program.

    Cause: `item()`, `numpy()`, `if tensor:` or a boolean mask (all need values that do not exist yet), or the
    use of an array that is neither an argument nor declared state.
    Fix: pass it as an argument, list it in `state=`, or write the branch with `where`. To
    catch it inside the step does not help: the trace is refused when it ends, as a program
    would hold what the handler did for ever.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        if _noted.watching:
            _noted.error = self


class ConcretizationError(TraceError):
    """A traced step needs the value of a number that is one of its arguments: as a setting, or by `float()`.

    A compiled function answers by another trace, in which the value of this argument is written out.
    """

    def __init__(self, message: str, symbol: object = None) -> None:
        super().__init__(message)
        self.symbol = symbol


class ExportError(GradloomError, ValueError):
    """A program has no form in the file that was asked for.

    Cause: it draws random numbers, assigns state, or has a size that no file can say for all numbers of rows.
    Fix: the message says what; `scope` which part of the program that is.
    """

    def __init__(self, message: str, scope: str = "") -> None:
        super().__init__(message)
        self.scope = scope


class ProgramError(GradloomError, ValueError):
    """A program text or object breaks the grammar; the message names the instruction."""


class CodeError(GradloomError, ValueError):
    """A rule or a program cannot become machine code: nothing generates it, or LLVM refuses the text.

    Nothing has to be fixed: NumPy does the work, which the log tells.
    """


_MISTAKES = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    ZeroDivisionError,
)


def is_refusal(error: Exception) -> bool:
    """Whether what was tried has raised `error` itself, by a class of ours or one
    in which Python reports a mistake.

    All else comes from outside, such as a deadline that a handler of a signal raises, or has nothing to do
    with it, such as no memory. Whoever tries to trace or to compile lets that through.

    >>> is_refusal(TraceError("no value yet")), is_refusal(TimeoutError()), is_refusal(MemoryError())
    (True, False, False)
    """
    if isinstance(error, (GradloomError, ImportError)):
        return not isinstance(error, MemoryError)
    return type(error) in _MISTAKES
