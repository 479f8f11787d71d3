"""A function of tensors as a file of ONNX: traced with several numbers of rows, and translated.

The rows are the first axis of every argument and of every result. What follows their number is found by
comparing the traces, so one file serves any number of rows. A single row may be traced to other instructions,
as one of its sizes is 1: then both programs are computed on it and compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import backends
from backends.contract import as_array
from backends.program import interpret
from backends.program.interpret import difference
from backends.to_onnx import WHOLE, Lines, Recording, evaluated, merged, random_arrays, translated
from backends.to_onnx.file import OPSETS, file_bytes

from .compared import array_content, differs
from .errors import ExportError, TraceError
from .ops import OPS
from .tensor import Tensor
from .tracing import Captured, capture_by, one_at_a_time

__all__ = ["OPSETS", "FileNames", "onnx_bytes"]
ROWS = (3, 5, 17)
"""With how many rows a function is traced; a size on a line through these three follows their number."""
ALIKE = {"float32": 1e-4, "float64": 1e-9}
"""The largest difference, relative to the largest number, between two orders of one computation."""
_OPS = {OPS[name].forward: name for name in WHOLE}


class FileNames(NamedTuple):
    """What a file calls the model, its inputs and its outputs, in order."""

    model: str
    inputs: Sequence[str]
    outputs: Sequence[str]


def onnx_bytes(
    function: Callable[..., Any],
    example: Callable[[int], Any],
    state: Mapping[str, Tensor],
    names: FileNames,
    opset: int,
    rows: int | None = None,
) -> bytes:
    """The file of `function`.

    Args:
        function: of one argument, a tensor or a structure of them.
        example: from a number of rows to an argument with so many; its values do not matter.
        state: every tensor that the function reads, by the name that it gets in the file.
        names: those of the file.
        opset: the set of operators, from the first to the second of `OPSETS`.
        rows: the only number of rows that there will be; None: any.

    Raises:
        ExportError: it has no form in ONNX, or does something else for one row than for many.
        TraceError: it cannot be traced.
        ImportError: onnx is not installed.

    >>> import autograd as ag
    >>> w = ag.tensor([[1.0], [2.0]])
    >>> names = FileNames("line", ["x"], ["y"])
    >>> data = onnx_bytes(lambda x: x @ w, lambda n: ag.zeros((n, 2)), {"w": w}, names, opset=18)
    >>> b"MatMul" in data
    True
    """
    counts = ROWS if rows is None else (rows,)

    def traced(count: int) -> tuple[Recording, Captured]:
        trace = Recording(_OPS)
        return trace, capture_by(trace, function, example(count), state=state, name=names.model)

    traces, captured = zip(*map(traced, counts), strict=True)
    first = captured[0]
    if any(differs(_constants(other), _constants(first)) for other in captured[1:]):
        raise ExportError("an array that it holds depends on the number of rows")
    lines = merged([c.program for c in captured], [t.calls for t in traces], counts)
    if len(lines.outputs) != len(names.outputs):
        raise ExportError(f"it gives {len(lines.outputs)} tensors, and {len(names.outputs)} have a name")
    with one_at_a_time:
        arrays = {name: tensor.numpy() for name, tensor in first.state.items()}
    graph = translated(lines, arrays, names.inputs, names.outputs, opset)
    # behind the translation, which knows better words for a draw
    if changed := _assigned(first):
        raise ExportError(f"it changes {', '.join(changed)} when it is called, and a file changes nothing")
    if rows is None:
        _check_one_row(traced, traces, captured, lines)
    return file_bytes(graph, names.model, opset, ("gradloom", backends.__version__))


def _check_one_row(
    traced: Callable[[int], tuple[Recording, Captured]],
    traces: Sequence[Recording],
    captured: Sequence[Captured],
    lines: Lines,
) -> None:
    """See that `lines`, read off traces of many rows, say what the function does for one row, too.

    Raises:
        ExportError: they say something else.
        TraceError: it can be traced for many rows alone.
    """
    try:
        trace, one = traced(1)
    except TraceError:
        raise
    except Exception:
        return  # a single row is refused in predictions, so there is nothing that the file could say
    first, scope = captured[0], ""
    try:
        merged([one.program, *(c.program for c in captured)], [t.calls for t in (trace, *traces)], (1, *ROWS))
        if not _assigned(one) and not differs(_constants(one), _constants(first)):
            return
    except ExportError as error:
        scope = error.scope
    if _assigned(one) or not _agree(one, first, lines):
        raise ExportError("it does something else for one row than for many", scope or _scope(one, first))


def _scope(one: Captured, other: Captured) -> str:
    """Where the programs part; nothing where one goes on behind the other."""
    for a, b in zip(one.program.instructions, other.program.instructions, strict=False):
        if (a.primitive, a.scope) != (b.primitive, b.scope):
            return a.scope
    longer = max(one.program.instructions, other.program.instructions, key=len)
    shorter = min(one.program.instructions, other.program.instructions, key=len)
    return longer[len(shorter)].scope if len(longer) > len(shorter) else ""


def _agree(one: Captured, first: Captured, lines: Lines) -> bool:
    """Whether both give the same for a row of random numbers; for zeros, where those mean nothing."""
    held = [{name: tensor._data for name, tensor in c.state.items()} for c in (one, first)]
    specs = [value.spec for value in one.program.named("input").values()]
    compared = False
    for arrays in random_arrays(specs):
        inputs = [one.backend.asarray(array) for array in arrays]
        named = {f"argument.{i}": array for i, array in enumerate(inputs)}
        try:
            _, outputs = interpret(one.program, one.backend, held[0], named)
        except Exception:
            continue  # an index that is none, for one
        try:
            found = evaluated(lines, one.backend, 1, held[1], inputs)
        except Exception:
            return False
        compared = True
        for own, other in zip(outputs.values(), found, strict=True):
            a, b = (Tensor.wrap(as_array(one.backend, x), one.backend).numpy() for x in (own, other))
            if a.shape != b.shape or a.dtype != b.dtype or difference(a, b) > ALIKE.get(a.dtype.name, 0.0):
                return False
    return compared


def _assigned(captured: Captured) -> list[str]:
    """The state that it assigns, by name."""
    names = {value: name for name, value in captured.program.named("state").items()}
    return [names[value] for value, _ in captured.program.assigns]


def _constants(captured: Captured) -> list[Any]:
    """The arrays that a program holds."""
    return [array_content(t._data) for n, t in captured.state.items() if n.startswith("constant.")]
