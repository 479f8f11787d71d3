"""THE vocabulary: one row per primitive, with its kind, its shape rule, its dtype rule and its scalar text.

A backend implements these rows and no others; every op of `autograd` is written in them. Traces, programs,
fusers and printers ask this table, never a list of their own. Nothing here computes on arrays: the rules see
only shapes, dtypes and Python numbers (a number stands for itself and is weak, as in NEP 50).

Rows without a scalar text are computed by the array library, on its own: they are
rare in steps, and no kernel has them.

Scalar text has one form per language: `{0}`, `{1}` ... are the operands, `numba` is Python with `math` and
the functions of `numba/mathematics.py`, `cuda` is C++ with the overloads of <cmath>. `{name}`, `{bits}` ...
are those of the format to which is rounded; `written` fills all of them in.
"""

from __future__ import annotations

import math
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


class Gathers(NamedTuple):
    """What a reduction does: it joins numbers by the primitive `by`, beginning at `start`.

    `place`: the result is where a number stands, not the number; `cuda`: the accumulator in CUDA C.
    """

    by: str
    start: float
    cuda: str
    place: bool = False


class Primitive(NamedTuple):
    """One instruction. `arity` -1 means one or more operands.

    What passes and printers ask about it:
        family: in which dtype it works. Arithmetic works in that of its result, and not on booleans; a choice
            of elements likewise, and on booleans too; a comparison in that in which
            its operands meet; logic in booleans.
        infix: its operator in a formula.
        prefers: the comparison by which it takes one of two numbers.
        commutes: whether the operands of its operator may change places.
        neutral: the right operand that leaves the left one as it is, bit for bit.
        floats_only: whether kernels have it for floats alone.
        libm: whether vectors of it are computed by libm, number by number.
        cuda_integers: its CUDA text for integers, where that of floats will not do.
        view: it only shows the elements of its operand, all of them equally often ("whole") or not ("part").
        gathers: how it reduces.
        may_share: whether an array library may hand back the operand itself.
        helps: it stands beside what matters in a kernel, whose summary leaves it out.
        mistaken_for: what somebody might have written instead, for testing tests.
    """

    name: str
    kind: Kind
    arity: int
    shape: Callable[..., tuple[int, ...]]
    dtype: Callable[..., DType]
    numba: str | None = None
    cuda: str | None = None
    family: Literal["arithmetic", "choice", "comparison", "logic"] = "arithmetic"
    infix: str | None = None
    prefers: Literal[">", "<"] | None = None
    commutes: bool = False
    neutral: int | None = None
    floats_only: bool = False
    libm: bool = False
    cuda_integers: str | None = None
    view: Literal["whole", "part"] | None = None
    gathers: Gathers | None = None
    may_share: bool = False
    helps: bool = False
    mistaken_for: tuple[str, ...] = ()

    def infer(self, operands: Sequence[Operand], static: dict[str, Any]) -> Spec:
        """Shape and dtype of the result, or the error that explains why there is none."""
        if self.arity >= 0 and len(operands) != self.arity:
            raise ProgramError(f"{self.name} takes {self.arity} operands, got {len(operands)}")
        shape = self.shape(*(o.shape if isinstance(o, Spec) else () for o in operands), **static)
        dtype = self.dtype(*(o.dtype if isinstance(o, Spec) else o for o in operands), **static)
        return Spec(shape, dtype)


def is_function(primitive: str) -> bool:
    """Whether kernels call a function for it, and do not write an operator.


    >>> is_function("exp"), is_function("add")
    (True, False)
    """
    return "math." in str(PRIMITIVES[primitive].numba)


def is_reduction(name: str) -> bool:
    """Whether this primitive is a reduction."""
    return PRIMITIVES[name].kind == "reduction"


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
    """The float to which every operand can be cast, each for itself: NumPy's functions
    of two floats take the first such.
    """
    if not all(isinstance(dtype, np.dtype) for dtype in dtypes):
        return _float(*dtypes)  # a number takes the dtype of what it meets
    return np.result_type(*map(_float, dtypes))


def _always(dtype: DType) -> Callable[..., DType]:
    return lambda *dtypes, **static: dtype


_boolean, _position, _word = map(_always, (bool_, int64, uint32))


def _whole(*dtypes: DTypeLike, **static: Any) -> DType:
    dtype = promote(*dtypes)
    return np.dtype(np.int8) if dtype == bool_ else dtype


def _integer(*dtypes: DTypeLike, **static: Any) -> DType:
    dtype = _whole(*dtypes)
    if dtype.kind not in "iu":
        raise DTypeError(f"shifts need integers, got {dtype}")
    return dtype


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


def _fill(*, shape: tuple[int, ...], value: Scalar, dtype: DType) -> tuple[int, ...]:
    if any(n < 0 for n in shape):
        raise ShapeError(f"negative size in shape {shape}")
    return tuple(shape)


def _elementwise(
    name: str, arity: int, dtype: Callable[..., DType], numba: str, cuda: str, **facts: Any
) -> Primitive:
    return Primitive(name, "elementwise", arity, shapes.broadcast, dtype, numba, cuda, **facts)


def _operator(
    name: str, dtype: Callable[..., DType], sign: str, *mistaken_for: str, **facts: Any
) -> Primitive:
    """Arithmetic whose operator is that of Python and of C."""
    text = f"({{0}} {sign} {{1}})"
    return _elementwise(name, 2, dtype, text, text, infix=sign, mistaken_for=mistaken_for, **facts)


def _comparison(name: str, sign: str, *mistaken_for: str, commutes: bool = False) -> Primitive:
    return _operator(name, _boolean, sign, *mistaken_for, family="comparison", commutes=commutes)


def _logic(name: str, numba: str, cuda: str, *mistaken_for: str) -> Primitive:
    return _elementwise(name, 2, _boolean, numba, cuda, family="logic", mistaken_for=mistaken_for)


def _extreme(name: str, sign: Literal[">", "<"], *mistaken_for: str) -> Primitive:
    """The one of two that is beyond the other, or NaN."""
    numba = f"({{0}} if ({{0}} {sign} {{1}} or {{0}} != {{0}}) else {{1}})"
    cuda = f"({{0}} {sign} {{1}} || {{0}} != {{0}} ? {{0}} : {{1}})"
    return _elementwise(name, 2, promote, numba, cuda, prefers=sign, commutes=True, mistaken_for=mistaken_for)


def _reduction(
    name: str, dtype: Callable[..., DType], gathers: Gathers, *mistaken_for: str, empty: bool = True
) -> Primitive:
    shape = shapes.reduce if empty else shapes.reduce_nonempty
    return Primitive(name, "reduction", 1, shape, dtype, gathers=gathers, mistaken_for=mistaken_for)


_exponent = "(abs({0}) >= {smallest} ? ilogb({0}) : {lowest})"
_round = (
    f"(abs({{0}}) >= {{limit}} ? {{0}} * INFINITY : ldexp(rint(ldexp({{0}}, {{bits}} - {_exponent})), "
    f"{_exponent} - {{bits}}))"
)
_UNARY_ON_HOST = ("tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "log2", "log10", "rint")
_BINARY_ON_HOST = ("arctan2", "hypot", "logaddexp")
_ROWS = (
    _elementwise("negative", 1, _number, "-{0}", "-{0}", mistaken_for=("abs",)),
    _elementwise(
        "abs",
        1,
        promote,
        "abs({0})",
        "abs({0})",
        cuda_integers="({0} < 0 ? -{0} : {0})",
        mistaken_for=("negative",),
    ),
    _elementwise(
        "sign",
        1,
        _number,
        "({0} if {0} != {0} else ({0} > 0) - ({0} < 0))",
        "({0} != {0} ? {0} : ({0} > 0) - ({0} < 0))",
        floats_only=True,
        mistaken_for=("abs",),
    ),
    _elementwise("sqrt", 1, _float, "math.sqrt({0})", "sqrt({0})", mistaken_for=("abs",)),
    _elementwise("exp", 1, _float, "math.exp({0})", "exp({0})", mistaken_for=("expm1",)),
    _elementwise("expm1", 1, _float, "math.expm1({0})", "expm1({0})", mistaken_for=("exp",)),
    _elementwise("log", 1, _float, "math.log({0})", "log({0})", mistaken_for=("log1p",)),
    _elementwise("log1p", 1, _float, "math.log1p({0})", "log1p({0})", mistaken_for=("log",)),
    _elementwise("sin", 1, _float, "math.sin({0})", "sin({0})", libm=True, mistaken_for=("cos",)),
    _elementwise("cos", 1, _float, "math.cos({0})", "cos({0})", libm=True, mistaken_for=("sin",)),
    _elementwise("tanh", 1, _float, "math.tanh({0})", "tanh({0})", mistaken_for=("sin",)),
    _elementwise("erf", 1, _float, "math.erf({0})", "erf({0})"),
    *(Primitive(name, "elementwise", 1, shapes.broadcast, _float) for name in _UNARY_ON_HOST),
    *(Primitive(name, "elementwise", 2, shapes.broadcast, _float_of_each) for name in _BINARY_ON_HOST),
    *(Primitive(name, "elementwise", 2, shapes.broadcast, _whole) for name in ("floor_divide", "remainder")),
    _elementwise("floor", 1, promote, "math.floor({0})", "floor({0})", cuda_integers="{0}", may_share=True),
    _elementwise(
        "isfinite",
        1,
        _boolean,
        "math.isfinite({0})",
        "isfinite({0})",
        family="comparison",
        cuda_integers="true",
        helps=True,
    ),
    _elementwise("logical_not", 1, _boolean, "(not {0})", "!{0}", family="logic"),
    _operator("add", promote, "+", "subtract", commutes=True),
    _operator("subtract", _number, "-", "add"),
    _operator("multiply", promote, "*", "divide", "add", commutes=True, neutral=1),
    _operator("divide", _quotient, "/", "multiply", neutral=1, floats_only=True),
    _elementwise(
        "power",
        2,
        _number,
        "({0} ** {1})",
        "pow({0}, {1})",
        infix="**",
        neutral=1,
        floats_only=True,
        mistaken_for=("multiply",),
    ),
    _extreme("maximum", ">", "minimum"),
    _extreme("minimum", "<", "maximum"),
    _comparison("equal", "==", "not_equal", "greater_equal", commutes=True),
    _comparison("not_equal", "!=", "equal", commutes=True),
    _comparison("less", "<", "greater"),
    _comparison("less_equal", "<=", "greater_equal"),
    _comparison("greater", ">", "less"),
    _comparison("greater_equal", ">=", "less_equal"),
    _logic("logical_and", "({0} and {1})", "({0} && {1})", "logical_or"),
    _logic("logical_or", "({0} or {1})", "({0} || {1})", "logical_and"),
    _elementwise("right_shift", 2, _integer, "({0} >> {1})", "({0} >> {1})"),
    _elementwise("where", 3, _chosen, "({1} if {0} else {2})", "({0} ? {1} : {2})", family="choice"),
    Primitive(
        "astype",
        "elementwise",
        1,
        shapes.same,
        _given,
        "{0}",
        "{0}",
        family="choice",
        may_share=True,
        helps=True,
    ),
    Primitive("round_to", "elementwise", 1, shapes.same, _rounded, "round_to_{name}({0})", _round),
    _reduction("sum", _total, Gathers("add", 0, "Sum"), "max"),
    _reduction("prod", _total, Gathers("multiply", 1, "Prod"), "sum"),
    _reduction("max", promote, Gathers("maximum", -math.inf, "Max"), "min", empty=False),
    _reduction("min", promote, Gathers("minimum", math.inf, "Min"), "max", empty=False),
    _reduction("any", _boolean, Gathers("logical_or", 0, "Max")),
    _reduction("all", _boolean, Gathers("logical_and", 1, "Min")),
    _reduction("argmax", _position, Gathers("maximum", -math.inf, "ArgMax", True), "argmin", empty=False),
    _reduction("argmin", _position, Gathers("minimum", math.inf, "ArgMin", True), "argmax", empty=False),
    Primitive("cumsum", "scan", 1, shapes.along_axis, _total),
    Primitive("argsort", "scan", 1, shapes.along_axis, _position),
    Primitive("reshape", "shape", 1, shapes.reshape, promote, view="whole"),
    Primitive("permute_dims", "shape", 1, shapes.permute_dims, promote, view="whole"),
    Primitive("broadcast_to", "shape", 1, shapes.broadcast_to, promote, view="whole"),
    Primitive("concat", "shape", -1, shapes.concat, promote),
    Primitive("pad", "shape", 1, shapes.pad, promote),
    Primitive("windows", "shape", 1, shapes.windows, promote, view="part"),
    Primitive("windows_add", "index", 1, shapes.windows_add, _first),
    Primitive("getitem", "index", -1, shapes.getitem, _first),
    Primitive("index_add", "index", -1, shapes.index_add, _first),
    Primitive("matmul", "product", 2, shapes.matmul, _product, infix="@"),
    Primitive("random_bits", "random", 2, shapes.random_bits, _word),
    Primitive("full", "create", 0, _fill, _given, helps=True),
    Primitive("arange", "create", 0, shapes.arange, _given, helps=True),
)
PRIMITIVES: dict[str, Primitive] = {row.name: row for row in _ROWS}
