"""THE vocabulary: one row per primitive, with its kind, its shape rule, its dtype rule and its scalar text.

A backend implements these rows and no others; every op of `autograd` is written in them. Traces, programs, fusers
and printers ask this table, never a list of their own. Nothing here computes on arrays: the rules see only shapes,
dtypes and Python numbers (a number stands for itself and is weak, as in NEP 50).

Rows without a scalar text are computed by the array library, on its own: they are rare in steps, and no kernel has them.

Scalar text has one form per language: `{0}`, `{1}` ... are the operands, `numba` is Python with `math` and the functions
of `numba/mathematics.py`, `cuda` is C++ with the overloads of <cmath>. `{name}`, `{bits}` ... are those of the format to
which is rounded; `written` fills all of them in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from . import shapes
from .contract import DType, Scalar, Spec, bool_, float32, int64, uint32
from .errors import DTypeError, ProgramError, ShapeError
from .formats import FORMATS

Kind = Literal["elementwise", "reduction", "scan", "shape", "index", "product", "random", "create"]
Operand = Spec | Scalar
DTypeLike = DType | Scalar


class Primitive(NamedTuple):
    """One instruction. `arity` -1 means one or more operands."""

    name: str
    kind: Kind
    arity: int
    shape: Callable[..., tuple[int, ...]]
    dtype: Callable[..., DType]
    numba: str | None = None
    cuda: str | None = None

    def infer(self, operands: Sequence[Operand], static: dict[str, Any]) -> Spec:
        """Shape and dtype of the result, or the error that explains why there is none."""
        if self.arity >= 0 and len(operands) != self.arity:
            raise ProgramError(f"{self.name} takes {self.arity} operands, got {len(operands)}")
        shape = self.shape(*(o.shape if isinstance(o, Spec) else () for o in operands), **static)
        dtype = self.dtype(*(o.dtype if isinstance(o, Spec) else o for o in operands), **static)
        return Spec(shape, dtype)


def written(template: str, operands: Sequence[str], static: Mapping[str, Any]) -> str:
    """A scalar text for `operands`.

    >>> written(str(PRIMITIVES["round_to"].numba), ["x"], {"format": "bfloat16"})
    'round_to_bfloat16(x)'
    """
    numbers = FORMATS[static["format"]]._asdict() if "format" in static else {}
    return template.format(*operands, **numbers)


# dtype rules: they say what NumPy's ufuncs of the same name return.
def promote(*dtypes: DTypeLike, **static: Any) -> DType:
    return np.result_type(*dtypes)


def _number(*dtypes: DTypeLike, **static: Any) -> DType:
    dtype = promote(*dtypes)
    if dtype == bool_:
        raise DTypeError("booleans have no arithmetic; convert with .to('float32') first")
    return dtype


def _quotient(*dtypes: DTypeLike, **static: Any) -> DType:
    dtype = promote(*dtypes)
    return dtype if dtype.kind == "f" else np.dtype(np.float64)


def _float(*dtypes: DTypeLike, **static: Any) -> DType:
    dtype = promote(*dtypes)
    if dtype.kind == "f":
        return dtype
    return np.dtype({1: np.float16, 2: np.float32}.get(dtype.itemsize, np.float64))


def _float_of_each(*dtypes: DTypeLike, **static: Any) -> DType:
    """The float to which every operand can be cast, each for itself: NumPy's functions of two floats take the first such."""
    if not all(isinstance(dtype, np.dtype) for dtype in dtypes):
        return _float(*dtypes)  # a number takes the dtype of what it meets
    return np.result_type(*map(_float, dtypes))


def _boolean(*dtypes: DTypeLike, **static: Any) -> DType:
    return bool_


def _integer(*dtypes: DTypeLike, **static: Any) -> DType:
    dtype = promote(*dtypes)
    if dtype.kind not in "biu":
        raise DTypeError(f"shifts need integers, got {dtype}")
    return np.dtype(np.int8) if dtype == bool_ else dtype


def _whole(*dtypes: DTypeLike, **static: Any) -> DType:
    dtype = promote(*dtypes)
    return np.dtype(np.int8) if dtype == bool_ else dtype


def _chosen(condition: DTypeLike, a: DTypeLike, b: DTypeLike) -> DType:
    return promote(a, b)


def _total(dtype: DType, **static: Any) -> DType:
    """Sums and products of small integers are held in 64 bits."""
    if dtype.kind in "bi":
        return int64
    return np.dtype(np.uint64) if dtype.kind == "u" else dtype


def _given(*dtypes: DTypeLike, dtype: DType, **static: Any) -> DType:
    return dtype


def _first(first: DType, *others: DTypeLike, **static: Any) -> DType:
    return first


def _position(*dtypes: DTypeLike, **static: Any) -> DType:
    return int64


def _rounded(dtype: DType, *, format: str) -> DType:
    if format not in FORMATS:
        raise ProgramError(f"round_to: no format {format!r}; known: {', '.join(FORMATS)}")
    if dtype != float32:
        raise DTypeError(f"only float32 is rounded to {format}, got {dtype}")
    return float32


def _product(a: DType, b: DType, *, precision: str | None = None) -> DType:
    if precision is not None:
        for dtype in (a, b):
            _rounded(dtype, format=precision)
    return promote(a, b)


def _word(*dtypes: DTypeLike, **static: Any) -> DType:
    return uint32


def _fill(*, shape: tuple[int, ...], value: Scalar, dtype: DType) -> tuple[int, ...]:
    if any(n < 0 for n in shape):
        raise ShapeError(f"negative size in shape {shape}")
    return tuple(shape)


def _elementwise(
    name: str, arity: int, dtype: Callable[..., DType], numba: str, cuda: str
) -> Primitive:
    return Primitive(name, "elementwise", arity, shapes.broadcast, dtype, numba, cuda)


_max = "({0} if ({0} > {1} or {0} != {0}) else {1})"
_min = "({0} if ({0} < {1} or {0} != {0}) else {1})"
_exponent = "(abs({0}) >= {smallest} ? ilogb({0}) : {lowest})"
_round = f"(abs({{0}}) >= {{limit}} ? {{0}} * INFINITY : ldexp(rint(ldexp({{0}}, {{bits}} - {_exponent})), {_exponent} - {{bits}}))"
_UNARY_ON_HOST = ("tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "log2", "log10", "rint")
_BINARY_ON_HOST = ("arctan2", "hypot", "logaddexp")
_ROWS = (
    _elementwise("negative", 1, _number, "-{0}", "-{0}"),
    _elementwise("abs", 1, promote, "abs({0})", "abs({0})"),
    _elementwise(
        "sign",
        1,
        _number,
        "({0} if {0} != {0} else ({0} > 0) - ({0} < 0))",
        "({0} != {0} ? {0} : ({0} > 0) - ({0} < 0))",
    ),
    _elementwise("sqrt", 1, _float, "math.sqrt({0})", "sqrt({0})"),
    _elementwise("exp", 1, _float, "math.exp({0})", "exp({0})"),
    _elementwise("expm1", 1, _float, "math.expm1({0})", "expm1({0})"),
    _elementwise("log", 1, _float, "math.log({0})", "log({0})"),
    _elementwise("log1p", 1, _float, "math.log1p({0})", "log1p({0})"),
    _elementwise("sin", 1, _float, "math.sin({0})", "sin({0})"),
    _elementwise("cos", 1, _float, "math.cos({0})", "cos({0})"),
    _elementwise("tanh", 1, _float, "math.tanh({0})", "tanh({0})"),
    _elementwise("erf", 1, _float, "math.erf({0})", "erf({0})"),
    *(Primitive(name, "elementwise", 1, shapes.broadcast, _float) for name in _UNARY_ON_HOST),
    *(
        Primitive(name, "elementwise", 2, shapes.broadcast, _float_of_each)
        for name in _BINARY_ON_HOST
    ),
    *(
        Primitive(name, "elementwise", 2, shapes.broadcast, _whole)
        for name in ("floor_divide", "remainder")
    ),
    _elementwise("floor", 1, promote, "math.floor({0})", "floor({0})"),
    _elementwise("isfinite", 1, _boolean, "math.isfinite({0})", "isfinite({0})"),
    _elementwise("logical_not", 1, _boolean, "(not {0})", "!{0}"),
    _elementwise("add", 2, promote, "({0} + {1})", "({0} + {1})"),
    _elementwise("subtract", 2, _number, "({0} - {1})", "({0} - {1})"),
    _elementwise("multiply", 2, promote, "({0} * {1})", "({0} * {1})"),
    _elementwise("divide", 2, _quotient, "({0} / {1})", "({0} / {1})"),
    _elementwise("power", 2, _number, "({0} ** {1})", "pow({0}, {1})"),
    _elementwise("maximum", 2, promote, _max, "({0} > {1} || {0} != {0} ? {0} : {1})"),
    _elementwise("minimum", 2, promote, _min, "({0} < {1} || {0} != {0} ? {0} : {1})"),
    _elementwise("equal", 2, _boolean, "({0} == {1})", "({0} == {1})"),
    _elementwise("not_equal", 2, _boolean, "({0} != {1})", "({0} != {1})"),
    _elementwise("less", 2, _boolean, "({0} < {1})", "({0} < {1})"),
    _elementwise("less_equal", 2, _boolean, "({0} <= {1})", "({0} <= {1})"),
    _elementwise("greater", 2, _boolean, "({0} > {1})", "({0} > {1})"),
    _elementwise("greater_equal", 2, _boolean, "({0} >= {1})", "({0} >= {1})"),
    _elementwise("logical_and", 2, _boolean, "({0} and {1})", "({0} && {1})"),
    _elementwise("logical_or", 2, _boolean, "({0} or {1})", "({0} || {1})"),
    _elementwise("right_shift", 2, _integer, "({0} >> {1})", "({0} >> {1})"),
    _elementwise("where", 3, _chosen, "({1} if {0} else {2})", "({0} ? {1} : {2})"),
    Primitive("astype", "elementwise", 1, shapes.same, _given, "{0}", "{0}"),
    Primitive("round_to", "elementwise", 1, shapes.same, _rounded, "round_to_{name}({0})", _round),
    Primitive("sum", "reduction", 1, shapes.reduce, _total),
    Primitive("prod", "reduction", 1, shapes.reduce, _total),
    Primitive("max", "reduction", 1, shapes.reduce_nonempty, promote),
    Primitive("min", "reduction", 1, shapes.reduce_nonempty, promote),
    Primitive("any", "reduction", 1, shapes.reduce, _boolean),
    Primitive("all", "reduction", 1, shapes.reduce, _boolean),
    Primitive("argmax", "reduction", 1, shapes.reduce_nonempty, _position),
    Primitive("argmin", "reduction", 1, shapes.reduce_nonempty, _position),
    Primitive("cumsum", "scan", 1, shapes.along_axis, _total),
    Primitive("argsort", "scan", 1, shapes.along_axis, _position),
    Primitive("reshape", "shape", 1, shapes.reshape, promote),
    Primitive("permute_dims", "shape", 1, shapes.permute_dims, promote),
    Primitive("broadcast_to", "shape", 1, shapes.broadcast_to, promote),
    Primitive("concat", "shape", -1, shapes.concat, promote),
    Primitive("pad", "shape", 1, shapes.pad, promote),
    Primitive("windows", "shape", 1, shapes.windows, promote),
    Primitive("windows_add", "index", 1, shapes.windows_add, _first),
    Primitive("getitem", "index", -1, shapes.getitem, _first),
    Primitive("index_add", "index", -1, shapes.index_add, _first),
    Primitive("matmul", "product", 2, shapes.matmul, _product),
    Primitive("random_bits", "random", 2, shapes.random_bits, _word),
    Primitive("full", "create", 0, _fill, _given),
    Primitive("arange", "create", 0, shapes.arange, _given),
)
PRIMITIVES: dict[str, Primitive] = {row.name: row for row in _ROWS}
