"""Which argument of a call is what: arrays by position or name, settings after
them, as NumPy's users write them.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from backends.errors import ConcretizationError

from .op import Op

PLAIN = frozenset((bool, int, float, str, type(None)))
"""Types of settings that are what they are."""


def plain(value: Any) -> Any:
    """A setting as Python's own numbers, also in lists and tuples: NumPy's
    scalars mean what the same number means.

    Raises:
        ConcretizationError: it is a number among the arguments of a step that is being traced.

    >>> import numpy as np
    >>> plain((np.int64(2), 0.5)), plain(np.array([1, 2]))
    ((2, 0.5), [1, 2])
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind in (tuple, list):
        return kind(map(plain, value))
    if hasattr(value, "_node"):
        if getattr(value._data, "weak", False):
            raise ConcretizationError(
                "a number among the arguments of a step is used as a setting", value._data
            )
        return value
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and hasattr(value, "tolist") and len(shape) < 2:
        return value.tolist()
    return value


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
        raise TypeError(f"{op.name}: takes {len(op.arrays) + len(op.static)} arguments, got {len(args)}")
    static = {name: plain(value) for name, value in zip(op.static, rest, strict=False)}
    for name, value in kwargs.items():
        if name not in op.static or name in static:
            known = ", ".join((*op.arrays, *op.static))
            raise TypeError(f"{op.name}: unexpected argument {name!r}; arguments are {known}")
        static[name] = plain(value)
    return inputs, static
