"""The table of a model: layers, output shapes, numbers of parameters, memory."""

from __future__ import annotations

import math
from collections import Counter

from .module import Module, Parameter, snake_case


def layer_names(layers: list[Module]) -> list[str]:
    """The names that layers were given; else dense, dense_1 ...: the class in snake case, numbered from the second on."""
    seen: Counter[str] = Counter()
    names = []
    for layer in layers:
        given = getattr(layer, "name", None)
        if given is not None:
            names.append(str(given))
            continue
        base = snake_case(type(layer).__name__)
        names.append(f"{base}_{seen[base]}" if seen[base] else base)
        seen[base] += 1
    return names


def table(model: Module) -> str:
    """The summary as text."""
    layers = [child for _, child in model._children() if isinstance(child, Module)]
    rows = [("Layer (type)", "Output shape", "Parameters")]
    for name, layer in zip(layer_names(layers), layers, strict=True):
        count = sum(tensor.size for _, tensor in layer.named_tensors())
        shape = "?" if layer.output_shape is None else str(layer.output_shape)
        rows.append(
            (
                f"{name} ({type(layer).__name__})",
                shape,
                f"{count:,}" if layer.built else "not built",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
    rule = "-" * len(lines[0])
    tensors = [tensor for _, tensor in model.named_tensors()]
    trainable = sum(t.size for t in tensors if isinstance(t, Parameter) and t.requires_grad)
    total = sum(t.size for t in tensors)
    memory = sum(math.prod(t.shape) * t.dtype.itemsize for t in tensors)
    totals = [
        f"Total parameters: {total:,} ({_size(memory)})",
        f"Trainable: {trainable:,}, not trainable: {total - trainable:,}",
    ]
    return "\n".join(
        [
            f"Model: {getattr(model, 'name', None) or type(model).__name__}",
            rule,
            lines[0],
            rule,
            *lines[1:],
            rule,
            *totals,
        ]
    )


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} GiB"
