"""How tensors, captured programs and compiled functions look in a notebook (`_repr_html_`), and the pieces of
HTML that `nn/notebook.py` is made of.

What is shown is small, whatever is looked at: of an axis both ends, of a list its beginning and how much is
left out. Only the elements that are shown are copied from where they live. Every text is escaped where it
enters, in `text`; colours are those of the page.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .errors import TraceError
from .owner import array_of, looked_at

if TYPE_CHECKING:
    from .tracing import Captured

ENDS = 4
"""Elements at each end of an axis that has more than twice as many."""
MOST = 20
"""Rows of a table."""
LINES = 60
"""Lines of a program."""
LONGEST = 120
"""Characters of a text."""
DOTS = "\N{HORIZONTAL ELLIPSIS}"

_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def text(value: object, longest: int = LONGEST) -> str:
    """What `str` says of it, cut, and without meaning in HTML.

    >>> text("<script>"), text(0.1234567)
    ('&lt;script&gt;', '0.1235')
    """
    said = f"{value:.4g}" if isinstance(value, float) else str(value)
    said = said if len(said) <= longest else said[: longest - 1] + DOTS
    return said.translate(_ESCAPED)


def counted(number: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "kernel"), counted(2000, "epoch")
    ('1 kernel', '2,000 epochs')
    """
    return f"{number:,} {what}{'s' * (number != 1)}"


def box(title: str, kind: str, *parts: str) -> str:
    """A name, what kind of thing it is, and the HTML below."""
    return f"<div><div><strong>{text(title)}</strong> {text(kind, 400)}</div>{''.join(parts)}</div>"


def note(value: object) -> str:
    """A line of text."""
    return f"<div>{text(value, 400)}</div>"


def table(header: Sequence[object], rows: Iterable[Sequence[object]], most: int = MOST) -> str:
    """A table; of more than `most` rows the first ones, and how many are left out."""
    every = list(rows)
    head = "".join(f"<th>{text(cell)}</th>" for cell in header)
    lines = ["".join(f"<td>{text(cell)}</td>" for cell in row) for row in every[:most]]
    if len(every) > most:
        width = max(len(header), *map(len, every[:most]), 1)
        lines.append(f'<td colspan="{width}">{len(every) - most:,} more</td>')
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if header else ''}<tbody>{body}</tbody></table>"


def folded(title: str, content: str) -> str:
    """HTML that is shown when one clicks on the title."""
    return f"<details><summary>{text(title)}</summary>{content}</details>" if content else ""


def listing(lines: Sequence[str], most: int = LINES) -> str:
    """Lines of a program or of kernels, as they are; of many the first ones."""
    shown = [text(line) for line in lines[:most]]
    if len(lines) > most:
        shown.append(f"{len(lines) - most:,} more lines")
    return f"<pre>{chr(10).join(shown)}</pre>" if shown else ""


def image(data: bytes, kind: str, said: str) -> str:
    """A picture of the MIME type `kind` within the page; `said` is for those who cannot see it."""
    content = binascii.b2a_base64(data, newline=False).decode("ascii")
    return f'<img alt="{text(said)}" style="max-width:100%" src="data:{kind};base64,{content}"/>'


def tensor_html(x: Any) -> str:
    """The kind of a tensor, and its elements at the ends of the last two axes."""
    symbol = array_of(x) if x.backend == "trace" else None
    kind = [f"shape {tuple(x.shape)}", str(x.dtype), x.backend]
    if x.requires_grad:
        kind.append("requires_grad" if x.is_leaf else f"grad_fn={x._node.op.name}")
    head = type(x).__name__, ", ".join(kind)
    if symbol is not None:
        return box(*head, note(f"{symbol!r}, which has no values while it is traced"))
    if not x.size:
        return box(*head, note("no elements"))
    if not x.ndim:
        return box(*head, note(x.item()))
    where = f"[{'0, ' * (x.ndim - 2)}:, :] is shown" if x.ndim > 2 else ""
    rows = looked_at(x, lambda array: _ends_of(x, array))
    return box(*head, table((), rows), note(where) if where else "")


def _spans(size: int) -> list[slice]:
    return [slice(0, size)] if size <= 2 * ENDS else [slice(0, ENDS), slice(size - ENDS, size)]


def _ends_of(x: Any, array: Any) -> list[list[Any]]:
    """The elements that are shown, as rows, with dots where some are left out."""
    xp = x._backend
    leading = (0,) * (x.ndim - 2)
    *rows, columns = (_spans(size) for size in x.shape[-2:])
    shown: list[list[Any]] = []
    for span in rows[0] if rows else [None]:
        keys = [(*leading, *([] if span is None else [span]), part) for part in columns]
        parts = [xp.to_numpy(xp.getitem(array, key=key)).tolist() for key in keys]
        if span is None:
            parts = [[part] for part in parts]
        if shown:
            shown.append([DOTS] * len(shown[0]))
        for pieces in zip(*parts, strict=True):
            first, *rest = pieces
            shown.append([*first, *(cell for piece in rest for cell in (DOTS, *piece))])
    return shown


def captured_html(captured: Captured) -> str:
    """A captured step: its state, and its program."""
    program = captured.program
    state = [(name, tuple(tensor.shape), tensor.dtype) for name, tensor in captured.state.items()]
    lines = captured.program_text().splitlines()
    steps = counted(len(program.instructions), "instruction")
    return box(
        program.name,
        f"captured step, {steps}, state of {counted(len(state), 'tensor')}, {captured.backend.name}",
        folded("state", table(("name", "shape", "dtype"), state)) if state else "",
        folded("program", listing(lines)),
    )


def compiled_html(function: Any) -> str:
    """A compiled function: how often it was traced, and what the program of the last call runs."""
    head = function.name, f"compiled function, {counted(function.traces, 'trace')}"
    try:
        captured, executable = function.last("notebook")
    except TraceError:
        return box(*head, note("Not called yet: it is traced for its arguments."))
    kernels = executable.kernels()
    return box(
        *head,
        note(
            f"{counted(len(captured.program.instructions), 'instruction')}, {counted(len(kernels), 'kernel')}"
        ),
        folded("kernels", listing(kernels)),
        folded("program", listing(captured.program_text(scopes=True).splitlines())),
    )
