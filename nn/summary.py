"""The table of a model: layers, output shapes, numbers of parameters,
memory. As Keras's, in plain characters.

Keras's total counts what the optimizer keeps, once it keeps something; so does this one. Everything is read
off the modules and nothing is run, so a model that is not built shows what is known and says how to build it.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from autograd import Tensor

from .arguments import at_least
from .constructors import snake_case
from .module import Module
from .parameter import Buffer, Parameter, RandomWord
from .weights import given_name

HINT = (
    "Not built yet: shapes and numbers are known after the first input. Call the model on some input, or "
    "begin with nn.Input((features,)) or a first layer with input_shape=(features,)."
)
SHORTEST = 40
"""Characters of a line into which three columns fit."""
LENGTH = at_least(SHORTEST).but(words=f"is an integer >= {SHORTEST}, or None to fit", optional=True)


class Row(NamedTuple):
    """A line of the table."""

    layer: str
    shape: str
    parameters: str


def layer_names(layers: Sequence[Module]) -> list[str]:
    """The names that the user gave; else dense, dense_1, dropout ...: the class in snake
    case, numbered from the second on.
    """
    given = [given_name(layer) for layer in layers]
    taken = {name for name in given if isinstance(name, str) and name}
    seen: Counter[str] = Counter()
    names = []
    for layer, name in zip(layers, given, strict=True):
        if isinstance(name, str) and name:
            names.append(name)
            continue
        base = snake_case(type(layer).__name__)
        while True:
            name = f"{base}_{seen[base]}" if seen[base] else base
            seen[base] += 1
            if name not in taken:
                break
        names.append(name)
    return names


def name_layers(layers: Sequence[Module]) -> None:
    """Tell the layers of a model what it calls them; `layer.name` then says so."""
    for layer, name in zip(layers, layer_names(layers), strict=True):
        if given_name(layer) is None:
            layer._automatic_name = name


def all_names(model: Module, path: bool = False) -> dict[int, str]:
    """The names of all layers below a model by identity; with `path` those of the layers around them too."""
    names: dict[int, str] = {}
    for _, parent in model.named_modules():
        children = sublayers(parent)
        around = f"{names.get(id(parent), '')}/" if path and parent is not model else ""
        for name, child in zip(layer_names(children), children, strict=True):
            names.setdefault(id(child), around + name)
    return names


def sublayers(module: Module) -> list[Module]:
    """The modules directly inside, each once."""
    found = {id(child): child for _, child in module.children() if isinstance(child, Module)}
    return list(found.values())


def parameter_count(module: Module) -> int:
    """Numbers in all parameters and buffers, those of modules inside too."""
    return sum(tensor.size for tensor in weights_of(module))


def weights_of(module: Module) -> list[Tensor]:
    """Parameters and buffers; where a generator of a layer's own stands is none."""
    return [tensor for _, tensor in module.named_tensors() if not isinstance(tensor, RandomWord)]


def table(model: Module, line_length: int | None = None, expand_nested: bool = False) -> str:
    """The summary as text.

    Raises:
        ArgumentError: `line_length` is too short for a table.
    """
    LENGTH.checked("summary", "line_length", line_length)
    rows = [Row("Layer (type)", "Output shape", "Parameters"), *_rows(model, expand_nested, 0, {id(model)})]
    widths = _widths(rows, line_length)
    lines = [line for row in rows for line in _wrapped(row, widths)]
    heading = len(_wrapped(rows[0], widths))
    rule = "-" * (sum(widths) + 4)
    parts = [f"Model: {given_name(model) or type(model).__name__}", rule]
    parts += [*lines[:heading], rule, *lines[heading:], rule, *_totals(model)]
    if not model.built:
        parts += textwrap.wrap(HINT, max(len(rule), 72))
    return "\n".join(parts)


def _rows(module: Module, expand: bool, depth: int, seen: set[int]) -> Iterable[Row]:
    own = [t for _, t in module.children() if isinstance(t, (Parameter, Buffer))]
    if own:
        count = sum(tensor.size for tensor in {id(t): t for t in own}.values())
        yield Row("  " * depth + "(its own parameters)", "", f"{count:,}")
    layers = sublayers(module)
    for name, layer in zip(layer_names(layers), layers, strict=True):
        again = id(layer) in seen
        seen.add(id(layer))
        shape = "?" if layer.output_shape is None else str(layer.output_shape)
        count_text = f"{parameter_count(layer):,}" if layer.built else "not built"
        title = f"{'  ' * depth}{name} ({type(layer).__name__})"
        yield Row(title, shape, "see above" if again else count_text)
        if expand and not again and sublayers(layer):
            yield from _rows(layer, expand, depth + 1, seen)


def _widths(rows: Sequence[Row], line_length: int | None) -> list[int]:
    natural = [max(len(row[i]) for row in rows) for i in range(3)]
    if line_length is None:
        return natural
    room = line_length - 4 - natural[2]
    shape = min(natural[1], room // 2)
    return [room - shape, shape, natural[2]]


def _wrapped(row: Row, widths: Sequence[int]) -> list[str]:
    """The row as lines, its cells broken where they are too long."""
    indent = " " * (len(row.layer) - len(row.layer.lstrip()))
    layer = textwrap.wrap(row.layer, widths[0], subsequent_indent=indent, drop_whitespace=True)
    if indent and layer:
        layer[0] = indent + layer[0].lstrip()
    cells = [layer, textwrap.wrap(row.shape, widths[1]), [row.parameters]]
    height = max(map(len, cells))
    padded = [cell + [""] * (height - len(cell)) for cell in cells]
    return [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in zip(*padded, strict=True)]


def _totals(model: Module) -> list[str]:
    tensors = weights_of(model)
    trained: list[Tensor] = [t for t in tensors if isinstance(t, Parameter) and t.requires_grad]
    fixed = [t for t in tensors if not (isinstance(t, Parameter) and t.requires_grad)]
    groups: dict[str, list[Tensor]] = {"Trainable parameters": trained, "Non-trainable parameters": fixed}
    optimizer = getattr(model, "optimizer", None)
    kept = list(optimizer.state().values()) if optimizer is not None and optimizer.slots else []
    if kept:
        groups["Optimizer parameters"] = kept
    everything = {"Total parameters": [*tensors, *kept], **groups}
    lines = [
        f"{name}: {sum(t.size for t in group):,} ({size_text(memory(group))})"
        for name, group in everything.items()
    ]
    precision = getattr(model, "mixed_precision", None)
    return [*lines, f"Mixed precision: products in {precision}"] if precision else lines


def memory(tensors: Iterable[Tensor]) -> int:
    """The bytes that the values take."""
    return sum(tensor.size * tensor.dtype.itemsize for tensor in tensors)


def size_text(count: float) -> str:
    """Bytes in a unit that is easy to read: 84 bytes, 2.71 KiB."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} GiB"
