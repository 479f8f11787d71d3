"""The table of a model: layers, output shapes, numbers of parameters,
memory. As Keras's, in plain characters.

Keras's total counts what the optimizer keeps, once it keeps something; so does this one. Everything is read
off the modules and nothing is run, so a model that is not built shows what is known and says how to build it.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from autograd import Tensor
from autograd.errors import nearest

from .arguments import at_least, shown
from .constructors import snake_case
from .errors import ArgumentError
from .module import Module
from .parameter import Buffer, Parameter, RandomWord
from .weights import given_name

HINT = (
    "Not built yet: shapes and numbers are known after the first input. Call the model on some input, or "
    "begin with nn.Input((features,)) or a first layer with input_shape=(features,)."
)
SHORTEST = 40
"""Characters of a line into which three columns fit."""
LINE, NARROWEST = 98, 10
"""Characters of a line of which `positions` are shares; and of the narrowest column."""
LONGEST = 30
"""Characters of the names of the layers before, until they are broken."""
_HEADER = ("Layer (type)", "Output shape", "Parameters", "Connected to", "Trainable")
LENGTH = at_least(SHORTEST).but(words=f"is an integer >= {SHORTEST}, or None to fit", optional=True)


class Row(NamedTuple):
    """A line of the table."""

    layer: str
    shape: str
    parameters: str
    connected: str = ""
    trained: str = ""


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


class Look(NamedTuple):
    """How a table is shown: the arguments of `summary`."""

    line_length: int | None = None
    positions: Sequence[float] | None = None
    expand_nested: bool = False
    show_trainable: bool = False
    layer_range: Sequence[str] | None = None
    show_connections: bool = False

    @property
    def shown(self) -> list[int]:
        """The numbers of the columns."""
        return [0, 1, 2, *[3] * self.show_connections, *[4] * self.show_trainable]

    @property
    def columns(self) -> int:
        return len(self.shown)


def table(
    model: Module,
    line_length: int | None = None,
    expand_nested: bool = False,
    positions: Sequence[float] | None = None,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> str:
    """The summary as text.

    Raises:
        ArgumentError: `line_length` is too short for a table, `positions` do not rise, or there is no such
            layer as `layer_range` begins or ends with.
    """
    LENGTH.checked("summary", "line_length", line_length)
    look = Look(line_length, positions, expand_nested, show_trainable, layer_range, _branches(model))
    rows = rows_of(model, look)
    widths = _widths(rows, look)
    lines = [line for row in rows for line in _wrapped(row, widths, look)]
    heading = len(_wrapped(rows[0], widths, look))
    rule = "-" * (sum(widths) + 2 * len(widths) - 2)
    parts = [f"Model: {given_name(model) or type(model).__name__}", rule]
    parts += [*lines[:heading], rule, *lines[heading:], rule, *totals(model)]
    if not model.built:
        parts += textwrap.wrap(HINT, max(len(rule), 72))
    return "\n".join(parts)


def _branches(model: Module) -> bool:
    graph = getattr(model, "graph", None)
    return graph is not None and not graph.is_chain


def rows_of(model: Module, look: Look | None = None) -> list[Row]:
    """The header of the table and its rows; columns that are not shown are empty."""
    look = Look(show_connections=_branches(model)) if look is None else look
    first = Row(*(name if i in look.shown else "" for i, name in enumerate(_HEADER)))
    return [first, *_rows(model, look, 0, {id(model)})]


def _rows(module: Module, look: Look, depth: int, seen: set[int]) -> Iterable[Row]:
    own = [t for _, t in module.children() if isinstance(t, (Parameter, Buffer))]
    if own:
        count = sum(tensor.size for tensor in {id(t): t for t in own}.values())
        yield Row("  " * depth + "(its own parameters)", "", f"{count:,}")
    layers = sublayers(module)
    graph = getattr(module, "graph", None)
    sources = {} if graph is None else graph.connections()
    for number, (name, layer) in enumerate(zip(layer_names(layers), layers, strict=True)):
        if depth == 0 and number not in _shown(layer_names(layers), look.layer_range):
            continue
        again = id(layer) in seen
        seen.add(id(layer))
        shape = "?" if layer.output_shape is None else str(layer.output_shape)
        count_text = f"{parameter_count(layer):,}" if layer.built else "not built"
        title = f"{'  ' * depth}{name} ({type(layer).__name__})"
        trained = ("-" if not layer.weights else "Y" if layer.trainable else "N") * look.show_trainable
        connected = ", ".join(sources.get(id(layer), ()))
        yield Row(title, shape, "see above" if again else count_text, connected, trained)
        if look.expand_nested and not again and sublayers(layer):
            yield from _rows(layer, look, depth + 1, seen)


def _shown(names: Sequence[str], layer_range: Any) -> range:
    """The numbers of the layers from the first that is called as its first word to the last as its second;
    the words may be regular expressions.
    """
    if layer_range is None:
        return range(len(names))
    if not isinstance(layer_range, (list, tuple)) or [type(word) for word in layer_range] != [str, str]:
        raise ArgumentError(f"summary: layer_range is two names of layers, got {shown(layer_range)}")
    try:
        found = [[i for i, name in enumerate(names) if re.match(word, name)] for word in layer_range]
    except re.error as error:
        raise ArgumentError(f"summary: layer_range {layer_range!r}: {error}") from None
    for word, places in zip(layer_range, found, strict=True):
        if not places:
            raise ArgumentError(f"summary: layer_range: no layer is called {word!r}. {nearest(word, names)}")
    low, high = sorted((found[0][0], found[1][-1]))
    return range(low, high + 1)


def _widths(rows: Sequence[Row], look: Look) -> list[int]:
    natural = [max(len(row[i]) for row in rows) for i in look.shown]
    if look.show_connections:
        natural[3] = min(natural[3], LONGEST)
    if look.positions is not None:
        return _placed(look.positions, look)
    if look.line_length is None:
        return natural
    room = look.line_length - 2 * look.columns + 2 - sum(natural[2:])
    shape = min(natural[1], room // 2)
    return [room - shape, shape, *natural[2:]]


def _placed(positions: Any, look: Look) -> list[int]:
    """The widths of columns that end at `positions`: shares of the line, or characters."""
    ends = list(positions) if isinstance(positions, (list, tuple)) else []
    if not ends or not all(isinstance(end, (int, float)) and not isinstance(end, bool) for end in ends):
        raise ArgumentError(f"summary: positions are numbers, got {shown(positions)}")
    if ends[-1] <= 1:
        ends = [end * (look.line_length or LINE) for end in ends]
    ends = [int(end) for end in ends[: look.columns]]
    widths = [end - before - 2 for before, end in zip([-2, *ends], ends, strict=False)]
    if len(widths) < look.columns or min(widths) < NARROWEST:
        raise ArgumentError(
            f"summary: positions are {look.columns} rising ends of columns, each with at least {NARROWEST} "
            f"characters, got {shown(positions)}"
        )
    return widths


def _wrapped(row: Row, widths: Sequence[int], look: Look) -> list[str]:
    """The row as lines, its cells broken where they are too long."""
    indent = " " * (len(row.layer) - len(row.layer.lstrip()))
    layer = textwrap.wrap(row.layer, widths[0], subsequent_indent=indent, drop_whitespace=True)
    if indent and layer:
        layer[0] = indent + layer[0].lstrip()
    connected = textwrap.wrap(row.connected, widths[3]) if look.show_connections else []
    every = [layer, textwrap.wrap(row.shape, widths[1]), [row.parameters], connected, [row.trained]]
    cells = [every[column] for column in look.shown]
    height = max(map(len, cells))
    padded = [cell + [""] * (height - len(cell)) for cell in cells]
    kinds = [("<", "<", ">", "<", ">")[column] for column in look.shown]
    return [
        "  ".join(f"{text:{kind}{width}}" for text, kind, width in zip(line, kinds, widths, strict=False))
        for line in zip(*padded, strict=True)
    ]


def totals(model: Module) -> list[str]:
    """The lines below the table: parameters, what is trained of them, what the optimizer keeps."""
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
