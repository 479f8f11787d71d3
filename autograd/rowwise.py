"""Whether a compiled function computes row by row: then one program serves any number of rows."""

from __future__ import annotations

from typing import Any

from backends.program.rowwise import is_rowwise

from .compared import array_content, differs
from .creation import zeros
from .errors import is_refusal
from .jitted import Jitted
from .programs import Entry
from .tensor import Tensor
from .tracing import Captured, capture


class Rowwise:
    """What is known of the programs of a function of one tensor.

    >>> import autograd as ag
    >>> for f in (ag.tanh, lambda x: x - x.mean(axis=0)):
    ...     print(Rowwise(ag.jit(f)).serves(ag.ones((7, 3)), 4))
    True
    False
    """

    def __init__(self, jitted: Jitted[..., Any]) -> None:
        self._jitted = jitted
        self._known: dict[tuple[int, int | None], tuple[Entry, bool]] = {}

    def serves(self, x: Tensor, size: int) -> bool:
        """Whether the program for `size` rows gives each row of `x` (n, ...) what it gets beside the others.

        The function is traced for n rows, too. A user's code may look at n, so that it is
        proved for each; the library's does not.

        Raises:
            TraceError: see `jit`.
        """
        rows = x.shape[0]
        entry = self._jitted.prepare(zeros((size, *x.shape[1:]), x.dtype, backend=x._backend))
        if entry is None or rows == size:
            return entry is not None
        key = size, rows if entry.guards.of_users else None
        known = self._known.get(key)
        if known is None or known[0] is not entry:
            known = self._known[key] = entry, _serves(self._jitted, entry, x, rows)
        return known[1]


def _serves(jitted: Jitted[..., Any], entry: Entry, x: Tensor, rows: int) -> bool:
    ours = entry.captured
    (own,) = ours.program.named("input").values()
    state = {name: tensor for name, tensor in ours.state.items() if not _is_constant(name)}
    example = zeros((rows, *x.shape[1:]), x.dtype, backend=x._backend)
    try:
        theirs = capture(jitted.function, example, state=state, precision=jitted.precision, captures=True)
    except Exception as error:
        if not is_refusal(error):
            raise
        return False  # another number of rows does not even fit
    same = is_rowwise(ours.program, theirs.program, own.spec.shape[0], rows)
    return same and not differs(_constants(ours), _constants(theirs))


def _is_constant(name: str) -> bool:
    return name.startswith("constant.")


def _constants(captured: Captured) -> list[Any]:
    """The arrays that a program holds."""
    return [array_content(t._data) for n, t in captured.state.items() if _is_constant(n)]
