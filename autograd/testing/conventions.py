"""What the gradients of the library are at points where differences cannot
tell: kinks, ties, edges of the domain.

Each row says: with every element of an input equal to the value given, each element of the result
passes that many times its gradient on to each element of the input. Constant arrays make a row mean
the same for any shape, with any broadcasting. `elements` is the number of elements of the input that
one element of the result is made of.

Differences show no more than an interval at such a point, so a slope there is
a decision, and this is its record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..op import Op
from ..ops.activation import SELU_ALPHA, SELU_SCALE

NDArray = np.ndarray[Any, Any]
Numbers = Mapping[str, float]


class Setting(NamedTuple):
    """Where a row is read: the static attributes of the call, and how many elements one result is made of."""

    static: Mapping[str, Any]
    elements: int


class Convention(NamedTuple):
    """The slope of `op` at one point. Values or slopes of None stand for a
    setting in which there is no such point.
    """

    op: str
    values: Callable[[Setting], Numbers | None]
    slopes: Callable[[Setting], Numbers]


def _at(op: str, values: Numbers, slopes: Numbers) -> Convention:
    return Convention(op, lambda _: values, lambda _: slopes)


def _bound(name: str) -> Convention:
    def values(setting: Setting) -> Numbers | None:
        bound = setting.static[name]
        return None if bound is None else dict(x=bound)

    return Convention("clip", values, lambda _: dict(x=1.0))


def _shared(op: str, value: float = 2.0) -> Convention:
    return Convention(op, lambda _: dict(x=value), lambda s: dict(x=1.0 / s.elements))


CONVENTIONS: tuple[Convention, ...] = (
    _at("relu", dict(x=0.0), dict(x=0.0)),
    Convention("leaky_relu", lambda _: dict(x=0.0), lambda s: dict(x=s.static["slope"])),
    Convention("elu", lambda _: dict(x=0.0), lambda s: dict(x=s.static["alpha"])),
    _at("selu", dict(x=0.0), dict(x=SELU_SCALE * SELU_ALPHA)),
    _at("abs", dict(x=0.0), dict(x=0.0)),
    _at("sign", dict(x=0.0), dict(x=0.0)),
    _at("floor", dict(x=1.0), dict(x=0.0)),
    _at("ceil", dict(x=1.0), dict(x=0.0)),
    _at("trunc", dict(x=1.0), dict(x=0.0)),
    _at("rint", dict(x=0.5), dict(x=0.0)),
    _at("floor_divide", dict(a=6.0, b=3.0), dict(a=0.0, b=0.0)),
    _at("hypot", dict(a=0.0, b=0.0), dict(a=0.0, b=0.0)),
    _at("logaddexp", dict(a=float("-inf"), b=float("-inf")), dict(a=0.5, b=0.5)),
    *(_at(op, dict(x=float("nan")), dict(x=1.0)) for op in ("relu", "clip")),
    _bound("min"),
    _bound("max"),
    *(_at("maximum", dict(a=tie, b=tie), dict(a=0.5, b=0.5)) for tie in (0.0, 1.5, 2.0)),
    *(_at("minimum", dict(a=tie, b=tie), dict(a=0.5, b=0.5)) for tie in (0.0, 1.5, 2.0)),
    _at("sqrt", dict(x=0.0), dict(x=float("inf"))),
    _at("power", dict(a=0.0, b=2.0), dict(a=0.0, b=0.0)),
    _at("power", dict(a=0.0, b=1.0), dict(a=1.0, b=0.0)),
    _at("power", dict(a=0.0, b=0.0), dict(a=0.0, b=0.0)),
    _at("power", dict(a=3.0, b=0.0), dict(a=0.0)),
    _at("power", dict(a=-3.0, b=2.0), dict(a=-6.0)),
    _at("norm", dict(x=0.0), dict(x=0.0)),
    _at("std", dict(x=2.0), dict(x=0.0)),
    _shared("max"),
    _shared("min"),
    _shared("maxout"),
    Convention("prod", lambda _: dict(x=0.0), lambda s: dict(x=1.0 if s.elements == 1 else 0.0)),
    _at("logsumexp", dict(x=float("-inf")), dict(x=0.0)),
    _at("gelu", dict(x=float("-inf")), dict(x=0.0)),
    _at("gelu", dict(x=float("inf")), dict(x=1.0)),
)


_G = 1.25


class Expected(NamedTuple):
    """A point, and the gradients there by position, for a result whose gradient is `g`."""

    inputs: tuple[Any, ...]
    g: NDArray
    gradients: Mapping[int, NDArray]


def expected_at(
    row: Convention, op: Op, inputs: Sequence[Any], static: Mapping[str, Any], shape: tuple[int, ...]
) -> Expected | None:
    """What a row says about inputs of these shapes and a result of `shape`; None where it says nothing.

    Inputs that the row does not name keep the values given. `static` is canonical.
    """
    size = int(np.prod(shape, dtype=int))
    largest = max((np.size(x) for x in inputs), default=0)
    values = row.values(Setting(static, max(1, largest // max(1, size))))
    if values is None or not size:
        return None
    slopes = row.slopes(Setting(static, max(1, largest // size)))
    arrays: list[Any] = []
    gradients: dict[int, NDArray] = {}
    for position, x in enumerate(inputs):
        name = op.parameter_name(position)
        if name not in values:
            arrays.append(x)
        elif not hasattr(x, "shape"):
            if x != values[name]:
                return None  # a number of the call, which the row has at another value
            arrays.append(x)
        else:
            arrays.append(np.full(x.shape, values[name], x.dtype))
            if name in slopes:
                uses = max(1, size // max(1, x.size))
                gradients[position] = np.full(x.shape, slopes[name] * _G * uses, x.dtype)
    return Expected(tuple(arrays), np.full(shape, _G), gradients)
