"""Programs drawn instruction by instruction, whose numbers are small integers whatever their dtype.

Sums, products, comparisons and choices of such numbers are exact in float32, in any order. So a pass, a kernel and the
interpreter have to agree on every one of them, and no tolerance can hide a wrong element.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from backends.contract import SUPPORTED, Spec
from backends.program import Program, TraceBackend
from backends.shapes import Slot

LENGTHS = (1, 2, 3, 5, 8, 17, 33, 70)
"""Of axes. Rows of 70 are too long for registers whatever the processor; up to 12 are narrow."""
MOST_ELEMENTS = 2500
LARGEST = 1 << 12
"""No element is larger: then a product of two of them, or a sum over all of one array, is exact in float32."""
DTYPES = ("float32", "float64", "int64", "int32", "bool")


class Drawn(NamedTuple):
    """A program, and the seed of its arrays."""

    program: Program
    seed: int

    def arrays(self, role: str) -> dict[str, np.ndarray]:
        rng = np.random.default_rng([self.seed, role == "state"])
        return {n: _numbers(v.spec, rng, n) for n, v in self.program.named(role).items()}


def _numbers(spec: Spec, rng: np.random.Generator, name: str) -> np.ndarray:
    if name.startswith("index"):
        return rng.integers(-2, 2, spec.shape).astype(spec.dtype)
    low, high = (0, 2) if spec.dtype.kind in "bu" else (-3, 4)
    return np.asarray(rng.integers(low, high, spec.shape)).astype(spec.dtype)


class _Writer:
    """Draws instructions; `largest` bounds the elements of each value."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.trace = TraceBackend()
        self.largest: dict[Any, int] = {}
        self.values: list[Any] = []

    def pick(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def order(self, count: int) -> tuple[int, ...]:
        """The axes in some order."""
        left, order = list(range(count)), []
        while left:
            order.append(left.pop(left.index(self.pick(*left))))
        return tuple(order)

    def parameter(self, shape: tuple[int, ...], dtype: Any, name: str = "p") -> Any:
        role = "input" if name == "index" else self.pick("state", "input")
        symbol = self.trace.parameter(Spec(shape, np.dtype(dtype)), role, f"{name}{self.trace._count}")  # fmt: skip
        return self.keep(symbol, 3)

    def keep(self, symbol: Any, largest: int) -> Any:
        """A value to go on with, brought back between bounds where it could leave them."""
        if largest > LARGEST:
            symbol = self.trace.minimum(self.trace.maximum(symbol, -8), 8)
            largest = 8
        self.largest[symbol.value] = largest
        self.values.append(symbol)
        return symbol

    def bound(self, symbol: Any) -> int:
        return self.largest[symbol.value]

    def shape(self) -> tuple[int, ...]:
        shape: list[int] = []
        for _ in range(self.pick(0, 1, 1, 2, 2, 2, 3, 4)):
            fitting = [n for n in LENGTHS if n * math.prod(shape) <= MOST_ELEMENTS]
            shape.append(self.pick(*fitting))
        return tuple(shape)

    def value(self, *kinds: str) -> Any:
        """One of the last values of these kinds, or a new parameter."""
        fitting = [v for v in self.values[-6:] if not kinds or v.dtype.kind in kinds]
        if fitting and self.pick(True, True, True, False):
            return self.pick(*fitting[::-1])
        dtypes = [d for d in DTYPES if not kinds or np.dtype(d).kind in kinds]
        return self.parameter(self.shape(), self.pick(*dtypes))

    def partner(self, x: Any) -> Any:
        """What can stand beside `x`: a number, a value of its shape, or one that is broadcast to it."""
        if x.dtype.kind != "b" and self.pick(True, False, False):
            return self.pick(0, 1, 2, -1) if x.dtype.kind != "f" else self.pick(0.0, 1.0, -2.0, 3)
        fitting = [v for v in self.values[-8:] if v.dtype == x.dtype and _broadcasts(v.shape, x.shape)]  # fmt: skip
        if fitting and self.pick(True, True, False):
            return self.pick(*fitting)
        lead = self.pick(*range(x.ndim + 1))
        return self.parameter(tuple(self.pick(n, n, 1) for n in x.shape[lead:]), x.dtype)


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return len(shape) <= len(to) and all(a in (1, b) for a, b in zip(shape[::-1], to[::-1], strict=False))  # fmt: skip


def _bound_of(writer: _Writer, operand: Any) -> int:
    return writer.bound(operand) if hasattr(operand, "value") else abs(int(operand))


def elementwise(w: _Writer) -> None:
    x, t = w.value("f", "i"), w.trace
    name = w.pick("negative", "abs", "add", "subtract", "multiply", "maximum", "minimum")
    if name in ("negative", "abs"):
        w.keep(getattr(t, name)(x), w.bound(x))
        return
    y = w.partner(x)
    a, b = (x, y) if w.pick(True, False) else (y, x)
    sizes = w.bound(x), _bound_of(w, y)
    largest = {"add": sum, "subtract": sum, "multiply": math.prod}.get(name, max)(sizes)
    w.keep(getattr(t, name)(a, b), largest)


def logic(w: _Writer) -> None:
    x, t = w.value("f", "i"), w.trace
    name = w.pick("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
    test = w.keep(getattr(t, name)(x, w.partner(x)), 1)
    if w.pick(True, False):
        test = w.keep(w.pick(t.logical_and, t.logical_or)(test, w.value("b") if test.ndim == 0 else test), 1)  # fmt: skip
    y = w.partner(x)
    w.keep(t.where(test, x, y), max(w.bound(x), _bound_of(w, y)))


def convert(w: _Writer) -> None:
    x = w.value()
    w.keep(w.trace.astype(x, dtype=SUPPORTED[w.pick("float32", "float64", "int64", "int32")]), w.bound(x))  # fmt: skip


def reduction(w: _Writer) -> None:
    x = w.value("f", "i")
    axes = tuple(a for a in range(x.ndim) if w.pick(True, False)) or tuple(range(x.ndim))
    keepdims = w.pick(True, False)
    if w.pick(True, True, False) or not axes:
        count = math.prod(x.shape[a] for a in axes)
        w.keep(w.trace.sum(x, axis=axes, keepdims=keepdims), w.bound(x) * count)
    elif w.pick(True, True, False):
        w.keep(w.pick(w.trace.max, w.trace.min)(x, axis=axes, keepdims=keepdims), w.bound(x))
    else:
        axis = (w.pick(*axes),)
        found = w.pick(w.trace.argmax, w.trace.argmin)(x, axis=axis, keepdims=keepdims)
        w.keep(found, x.shape[axis[0]])


def truth(w: _Writer) -> None:
    x = w.value("b")
    axes = tuple(range(x.ndim))[: w.pick(1, 2)]
    w.keep(w.pick(w.trace.any, w.trace.all)(x, axis=axes, keepdims=w.pick(True, False)), 1)


def moved(w: _Writer) -> None:
    x, t = w.value(), w.trace
    name = w.pick("reshape", "permute_dims", "broadcast_to", "getitem", "pad", "concat")
    if name == "reshape":
        shapes = [(x.size,), (x.size, 1), (1, *x.shape), (*x.shape, 1), x.shape[::-1]]
        shapes += [(k, x.size // k) for k in (2, 3, 5) if x.size % k == 0]
        result = t.reshape(x, shape=w.pick(*shapes))
    elif name == "permute_dims":
        result = t.permute_dims(x, axes=w.order(x.ndim))
    elif name == "broadcast_to":
        lead = (w.pick(2, 3),) if x.size * 3 <= MOST_ELEMENTS else ()
        result = t.broadcast_to(x, shape=(*lead, *x.shape))
    elif name == "getitem":
        result = t.getitem(x, key=tuple(entry for n in x.shape for entry in _cut(w, n)))
    elif name == "pad":
        if x.size > MOST_ELEMENTS // 4 or x.dtype.kind == "b":
            return
        result = t.pad(x, pad_width=tuple((w.pick(0, 1), w.pick(0, 2)) for _ in x.shape), value=w.pick(0, 2))  # fmt: skip
    else:
        if not x.ndim or x.size > MOST_ELEMENTS // 2:
            return
        result = t.concat(x, x, axis=w.pick(*range(x.ndim)))
    w.keep(result, max(w.bound(x), 2))


def _cut(w: _Writer, length: int) -> tuple[Any, ...]:
    """The entries of a key for one axis."""
    if w.pick(False, False, False, True):
        return None, slice(None)
    return (w.pick(slice(None), slice(None, None, -1), slice(0, max(1, length - 1)), slice(length // 2, None), slice(None, None, 2), length - 1),)  # fmt: skip


def product(w: _Writer) -> None:
    """A product, half of the time of operands of two dtypes, which may be integers."""
    x = w.value("f", "f", "i")
    if x.ndim == 0:
        return
    if x.ndim == 1:
        x = w.keep(w.trace.reshape(x, shape=(1, x.size)), w.bound(x))
    terms, columns = x.shape[-1], w.pick(*LENGTHS)
    if x.size // terms * columns > MOST_ELEMENTS:
        return
    dtype = w.pick(x.dtype, w.pick(*DTYPES))
    if w.pick(True, False):
        other = w.parameter((columns, terms), dtype)
        other = w.keep(w.trace.permute_dims(other, axes=(1, 0)), w.bound(other))
    else:
        other = w.parameter((terms, columns), dtype)
    w.keep(w.trace.matmul(x, other), w.bound(x) * 3 * terms)


def square(w: _Writer) -> None:
    """A product of a value with itself turned."""
    x = w.value("f")
    if x.ndim < 2 or x.size // x.shape[-1] * x.shape[-2] > MOST_ELEMENTS:
        return
    axes = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
    turned = w.trace.permute_dims(x, axes=axes)
    w.largest[turned.value] = w.bound(x)
    a, b = (x, turned) if w.pick(True, False) else (turned, x)
    w.keep(w.trace.matmul(a, b), w.bound(x) ** 2 * a.shape[-1])


def rows(w: _Writer) -> None:
    """Rows by index, and back."""
    x = w.value("f")
    if x.ndim == 0 or x.shape[0] < 2:
        return
    index = w.parameter(w.pick((3,), (2, 3)), "int64", "index")
    each = x.size // x.shape[0]
    if index.size * each > MOST_ELEMENTS:
        return
    taken = w.keep(w.trace.getitem(x, index, key=(Slot(0),)), w.bound(x))
    if w.pick(True, False):
        w.keep(w.trace.index_add(taken, index, key=(Slot(0),), shape=x.shape), w.bound(x) * 6)


def sliding(w: _Writer) -> None:
    """Windows, and what they are the sum of."""
    x = w.value("f")
    if x.ndim == 0 or x.shape[-1] < 3 or x.size > MOST_ELEMENTS // 2:
        return
    settings = dict(axes=(x.ndim - 1,), size=(2,), stride=(w.pick(1, 2),), dilation=(w.pick(1, 2),))
    seen = w.keep(w.trace.windows(x, **settings), w.bound(x))
    if w.pick(True, False):
        w.keep(w.trace.windows_add(seen, **settings, shape=x.shape), w.bound(x) * 2)


def numbers(w: _Writer) -> None:
    """What needs no operand."""
    shape, dtype = w.shape(), SUPPORTED[w.pick("float32", "float64", "int64")]
    if w.pick(True, False):
        w.keep(w.trace.full(shape=shape, value=w.pick(0, 1, 2), dtype=dtype), 2)
    else:
        w.keep(w.trace.arange(start=0, stop=w.pick(1, 5, 17), step=1, dtype=dtype), 17)


def ordering(w: _Writer) -> None:
    """Places in order of the elements, and sums from the left."""
    x = w.value("f", "i")
    if x.ndim == 0:
        return
    axis = w.pick(*range(x.ndim))
    if w.pick(True, False):
        w.keep(w.trace.argsort(x, axis=axis), x.shape[axis])
    else:
        w.keep(w.trace.cumsum(x, axis=axis), w.bound(x) * x.shape[axis])


def random(w: _Writer) -> None:
    """Random bits, three of them kept, and the next counter."""
    key, counter = (w.parameter((), "uint64") for _ in range(2))
    shape = w.shape()
    bits = w.trace.random_bits(key, counter, shape=shape)
    few = w.trace.right_shift(bits, 29)
    w.keep(w.trace.astype(few, dtype=SUPPORTED[w.pick("float32", "int64")]), 7)
    w.keep(w.trace.add(counter, math.prod(shape)), 2)


KINDS = (elementwise, elementwise, elementwise, logic, convert, reduction, reduction, moved, moved, product, square, rows, sliding, truth, numbers, ordering, random)  # fmt: skip


@st.composite
def programs(draw: Any, most: int = 10) -> Drawn:
    """Programs of up to about `most` instructions; some of their values are assigned, some returned."""
    w = _Writer(draw)
    for _ in range(draw(st.integers(1, most))):
        # a number is drawn evenly, a choice most often from the front
        KINDS[draw(st.integers(0, len(KINDS) - 1))](w)
    if not w.values:
        w.parameter((2, 3), "float32")
    parameters = {p.value for p in w.trace._parameters}
    computed = [v for v in w.values if v.value not in parameters]
    states = [w.trace._parameters[i] for i in range(len(parameters)) if w.trace._parameters[i].role == "state"]  # fmt: skip
    assigns = []
    for state in states:
        fitting = [v for v in w.values if v.value.spec == state.value.spec and v.value != state.value]  # fmt: skip
        if fitting and w.pick(True, True, False):
            symbol = next(v for v in w.values if v.value == state.value)
            assigns.append((symbol, w.pick(*fitting[-3:])))
    outputs = [(f"y{i}", v) for i, v in enumerate(computed[-2:] or w.values[-1:])]
    if computed and w.pick(True, False):
        outputs.append(("early", w.pick(*w.values)))
    return Drawn(w.trace.finish("drawn", assigns, outputs), draw(st.integers(0, 99)))


@st.composite
def large_products(draw: Any) -> Drawn:
    """A product that is done by tiles, by panels or by BLAS, with what may follow it in the same kernel."""
    pick = lambda *options: draw(st.sampled_from(options))  # noqa: E731
    rows, terms, columns = pick(1, 9, 64, 72, 200), pick(100, 300, 513), pick(16, 128, 256, 400)
    dtype = SUPPORTED[pick("float32", "float64")]
    trace = TraceBackend()

    def operand(name: str, a: int, b: int) -> Any:
        if pick(True, False):
            return trace.parameter(Spec((a, b), dtype), "input", name)
        turned = trace.parameter(Spec((b, a), dtype), "input", name)
        return trace.permute_dims(turned, axes=(1, 0))

    result = trace.matmul(operand("a", rows, terms), operand("b", terms, columns))
    state = trace.parameter(Spec((rows, columns), dtype), "state", "w")
    assigns = []
    follows = pick("nothing", "bias", "update", "momentum")
    if follows == "bias":
        bias = trace.parameter(Spec((columns,), dtype), "input", "bias")
        result = trace.maximum(trace.add(result, bias), 0)
    elif follows == "update":
        rate = trace.parameter(Spec((), dtype), "input", "rate")
        result = trace.subtract(state, trace.multiply(result, rate))
        assigns = [(state, result)]
    elif follows == "momentum":
        result = trace.subtract(trace.multiply(state, 2), result)
        assigns = [(state, result)]
    total = trace.sum(trace.where(trace.greater(result, 0), 1.0, 0.0), axis=(0,), keepdims=False)
    outputs = [("count", trace.astype(total, dtype=SUPPORTED["int64"]))]
    if not assigns or pick(True, False):
        outputs.append(("y", result))
    return Drawn(trace.finish("product", assigns, outputs), draw(st.integers(0, 99)))
