"""Which argument of a call is what: arrays by position or name, settings after them, as NumPy's users write them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from .op import Op


def signature(op: Op) -> inspect.Signature:
    """What help() shows: without `xp`, and with settings that may follow the arrays by position."""
    parameter = inspect.Parameter
    anywhere, keyword = parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY
    shown = [
        parameter(name, anywhere, default=None if name in op.optional else parameter.empty)
        for name in op.arrays
    ]
    if op.variadic:
        shown.append(parameter(op.variadic, parameter.VAR_POSITIONAL))
    kind = keyword if op.variadic else anywhere
    shown += [parameter(name, kind, default=default) for name, default in op.static.items()]
    return inspect.Signature(shown, __validate_parameters__=False)


def bind(op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Split arguments into arrays and static attributes. Static ones may follow the arrays by position."""
    inputs: list[Any] = list(args[: len(op.arrays)])
    rest = args[len(op.arrays) :]
    for name in op.arrays[len(inputs) :]:
        if name not in kwargs and name not in op.optional:
            raise TypeError(f"{op.name}: the argument {name!r} is missing")
        inputs.append(kwargs.pop(name, None))
    if op.variadic:
        if not op.arrays and rest and isinstance(rest[0], (list, tuple)):
            inputs += rest[0]
            rest = rest[1:]
        else:
            inputs += rest
            rest = ()
    if len(rest) > len(op.static):
        raise TypeError(
            f"{op.name}: takes {len(op.arrays) + len(op.static)} arguments, got {len(args)}"
        )
    static = dict(zip(op.static, rest, strict=False))
    for name, value in kwargs.items():
        if name not in op.static or name in static:
            known = ", ".join((*op.arrays, *op.static))
            raise TypeError(f"{op.name}: unexpected argument {name!r}; arguments are {known}")
        static[name] = value
    return inputs, static
