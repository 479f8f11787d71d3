"""The array API namespace beside NumPy, name by name, on drawn arrays of every dtype that a name takes.

The names are read off the namespace; one without a case here fails.
"""

from __future__ import annotations

import math
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd as ag
import backends
from autograd import array_api as xp

FLOATS = ("float16", "float32", "float64")
SIGNED = ("int8", "int16", "int32", "int64")
INTEGERS = (*SIGNED, "uint8", "uint16", "uint32", "uint64")
NUMBERS = (*FLOATS, *INTEGERS)
EVERY = (*NUMBERS, "bool")
SHAPES = [(), (4,), (0,), (3, 4), (2, 1, 3)]
MATRICES = [(3, 3), (2, 4), (2, 3, 3), (1, 1)]
EPSILONS = {"float16": 2e-3, "float32": 1e-5, "float64": 1e-13}


class Draw:
    """Arrays of one dtype, the same for a name every time."""

    def __init__(self, name: str, dtype: str) -> None:
        self.rng = np.random.default_rng(zlib.crc32(f"{name} {dtype}".encode()))
        self.dtype = np.dtype(dtype)

    def __call__(self, shape: tuple[int, ...], low: float = -3, high: float = 3) -> np.ndarray:
        kind = self.dtype.kind
        if kind == "b":
            return np.asarray(self.rng.random(shape) < 0.5)
        if kind == "f":
            return np.asarray(self.rng.uniform(low, high, shape), self.dtype)
        least = max(0, math.ceil(low)) if kind == "u" else math.ceil(low)
        return np.asarray(self.rng.integers(least, max(int(high), least) + 1, shape), self.dtype)


Call = tuple[list[Any], dict[str, Any]]


class Case(NamedTuple):
    """Which dtypes a name takes, and calls with drawn arrays."""

    dtypes: tuple[str, ...]
    calls: Callable[[Draw], Iterator[Call]]


def one(
    dtypes: tuple[str, ...], low: float = -3, high: float = 3, shapes: Any = SHAPES, **options: Any
) -> Case:
    """Functions of one array; each of `options` is a list of values of that keyword."""

    def calls(draw: Draw) -> Iterator[Call]:
        for shape in shapes:
            yield [draw(shape, low, high)], {}
            for name, values in options.items():
                for value in values:
                    yield [draw(shape, low, high)], {name: value}

    return Case(dtypes, calls)


PAIRS = [((3, 4), (3, 4)), ((4,), (3, 1)), ((), (2,)), ((0, 2), (1, 2))]


def two(
    dtypes: tuple[str, ...], first: tuple[float, float] = (-3, 3), second: tuple[float, float] = (-3, 3)
) -> Case:
    """Functions of two arrays, and of an array and a Python number."""

    def calls(draw: Draw) -> Iterator[Call]:
        for a, b in PAIRS:
            yield [draw(a, *first), draw(b, *second)], {}
        yield [draw((3,), *first), draw((), *second).item()], {}
        yield [draw((), *first).item(), draw((3,), *second)], {}

    return Case(dtypes, calls)


def over_axes(
    dtypes: tuple[str, ...], low: float = -3, high: float = 3, empty: bool = True, **options: Any
) -> Case:
    """Reductions."""

    def calls(draw: Draw) -> Iterator[Call]:
        for shape in [s for s in SHAPES if empty or 0 not in s]:
            axes = [None, *range(-len(shape), len(shape)), *([(0, -1)] if len(shape) > 1 else [])]
            for axis in axes:
                for keepdims in (False, True):
                    yield [draw(shape, low, high)], {"axis": axis, "keepdims": keepdims}
        for name, values in options.items():
            for value in values:
                yield [draw((3, 4), low, high)], {"axis": 1, name: value}

    return Case(dtypes, calls)


def along(
    dtypes: tuple[str, ...], low: float = -3, high: float = 3, default: bool = True, **options: Any
) -> Case:
    """Functions along one axis."""

    def calls(draw: Draw) -> Iterator[Call]:
        for shape in SHAPES[1:]:
            if default or len(shape) == 1:
                yield [draw(shape, low, high)], {}
            for axis in range(-len(shape), len(shape)):
                yield [draw(shape, low, high)], {"axis": axis}
        for name, values in options.items():
            for value in values:
                yield [draw((3, 4), low, high)], {"axis": 0, name: value}

    return Case(dtypes, calls)


def these(dtypes: tuple[str, ...], *calls: Callable[[Draw], Call]) -> Case:
    return Case(dtypes, lambda draw: (call(draw) for call in calls))


def plain(*calls: Call) -> Case:
    """Calls without arrays."""
    return Case(("float32",), lambda draw: iter(calls))


def made(*args: Any) -> Case:
    """Creation, with every dtype."""
    return Case(EVERY, lambda draw: iter([([*args], {"dtype": draw.dtype})]))


def _searched(draw: Draw) -> Iterator[Call]:
    for size in (0, 1, 2, 7, 8):
        ordered = np.sort(draw((size,), 0, 5))
        for side in ("left", "right"):
            yield [ordered, draw((3, 4), -1, 6)], {"side": side}
    mixed = draw((5,), 0, 5)
    yield [mixed, draw((4,), 0, 5)], {"sorter": np.argsort(mixed)}


ANGLES = ["cos", "sin", "tan", "sinh", "cosh", "tanh", "asinh", "atan", "expm1", "exp"]
OVER_0 = dict.fromkeys(["log", "log1p", "log2", "log10", "sqrt", "reciprocal"], one(FLOATS, 0.1, 5))
COMPARISONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]
MAY_BE_EMPTY = dict.fromkeys(["all", "any"], over_axes(EVERY))
CASES: dict[str, Case] = {
    **dict.fromkeys(ANGLES, one(FLOATS)),
    **OVER_0,
    **dict.fromkeys(["asin", "acos", "atanh"], one(FLOATS, -0.9, 0.9)),
    "acosh": one(FLOATS, 1.1, 5),
    **dict.fromkeys(["floor", "ceil", "trunc", "round"], one(NUMBERS, -4, 4)),
    **dict.fromkeys(["abs", "sign", "square", "positive", "conj", "real", "imag"], one(NUMBERS)),
    "negative": one((*FLOATS, *SIGNED)),
    **dict.fromkeys(["isfinite", "isinf", "isnan"], one(NUMBERS)),
    "signbit": one((*FLOATS, *SIGNED)),
    "logical_not": one(("bool",)),
    "bitwise_invert": one((*INTEGERS, "bool")),
    **dict.fromkeys(["add", "multiply", "maximum", "minimum"], two(NUMBERS)),
    "subtract": two((*FLOATS, *SIGNED)),
    "divide": two(NUMBERS, second=(1, 3)),
    "pow": two(NUMBERS, (1, 3), (0, 3)),
    **dict.fromkeys(["floor_divide", "remainder"], two(NUMBERS, (-9, 9), (1, 4))),
    **dict.fromkeys(["atan2", "hypot", "logaddexp", "copysign", "nextafter"], two(FLOATS)),
    **dict.fromkeys(COMPARISONS, two(EVERY, (-2, 2), (-2, 2))),
    **dict.fromkeys(["logical_and", "logical_or", "logical_xor"], two(("bool",))),
    **dict.fromkeys(["bitwise_and", "bitwise_or", "bitwise_xor"], two((*INTEGERS, "bool"), (-99, 99), (0, 99))),
    **dict.fromkeys(["bitwise_left_shift", "bitwise_right_shift"], two(INTEGERS, (-9, 99), (0, 5))),
    "clip": these(
        NUMBERS,
        lambda d: ([d((3, 4))], {"min": 1, "max": 2}),
        lambda d: ([d((3, 4))], {"min": 1, "max": 1}),
        lambda d: ([d((3, 4))], {"max": 2}),
        lambda d: ([d((3, 4)), d((4,), 0, 1), d((3, 1), 2, 3)], {}),
    ),
    "where": these(
        EVERY,
        lambda d: ([d.rng.random((3, 4)) < 0.5, d((3, 4)), d((4,))], {}),
        lambda d: ([d.rng.random((3, 1)) < 0.5, d((4,)), d(()).item()], {}),
    ),
    "sum": over_axes(NUMBERS, dtype=["float64", "int64"]),
    "prod": over_axes(NUMBERS, 1, 2, dtype=["float64", "int64"]),
    "mean": over_axes(FLOATS, empty=False),
    **dict.fromkeys(["std", "var"], over_axes(FLOATS, empty=False, correction=[1, 0.5])),
    **dict.fromkeys(["max", "min"], over_axes(NUMBERS, empty=False)),
    **MAY_BE_EMPTY,
    "count_nonzero": over_axes(EVERY, -1, 1),
    **dict.fromkeys(["argmax", "argmin"], one(NUMBERS, shapes=[(4,), (3, 4)], axis=[0, -1], keepdims=[True])),
    **dict.fromkeys(["argsort", "sort"], along(NUMBERS, -2, 2, descending=[True, False], stable=[True])),
    "cumulative_sum": along(NUMBERS, default=False, include_initial=[True], dtype=["float64"]),
    "cumulative_prod": along(NUMBERS, 1, 2, default=False, include_initial=[True], dtype=["float64"]),
    "diff": along((*FLOATS, *SIGNED), n=[0, 2, 3], prepend=[np.ones((1, 4), "int8")], append=[np.ones((2, 4), "int8")]),
    "nonzero": one(EVERY, -1, 1, SHAPES[1:]),
    "searchsorted": Case(NUMBERS, _searched),
    **dict.fromkeys(["unique_all", "unique_counts", "unique_inverse", "unique_values"], one(EVERY, -2, 2)),
    "take": these(EVERY, lambda d: ([d((3, 4)), np.array([2, 0, 2])], {"axis": 0}), lambda d: ([d((5,)), np.array([-1, 4])], {"axis": -1})),
    "take_along_axis": these(EVERY, lambda d: ([d((3, 4)), d.rng.integers(0, 4, (3, 2))], {}), lambda d: ([d((3, 4)), d.rng.integers(0, 3, (2, 4))], {"axis": 0})),
    "broadcast_arrays": these(EVERY, lambda d: ([d((3, 1)), d((4,)), d(())], {})),
    "broadcast_to": these(EVERY, lambda d: ([d((3, 1)), (2, 3, 4)], {})),
    "concat": these(EVERY, lambda d: ([[d((3, 4)), d((1, 4))]], {}), lambda d: ([[d((3, 4)), d((2,))]], {"axis": None}), lambda d: ([[d((3, 4)), d((3, 0))]], {"axis": -1})),
    "stack": these(EVERY, lambda d: ([[d((3, 4)), d((3, 4))]], {}), lambda d: ([[d((3,)), d((3,))]], {"axis": -1})),
    "unstack": these(EVERY, lambda d: ([d((3, 4))], {}), lambda d: ([d((3, 4))], {"axis": -1})),
    "expand_dims": one(EVERY, axis=[0, -1]),
    "squeeze": these(EVERY, lambda d: ([d((1, 3, 1)), 0], {}), lambda d: ([d((1, 3, 1)), (0, -1)], {})),
    "flip": one(EVERY, shapes=SHAPES[1:], axis=[0, -1]),
    "moveaxis": these(EVERY, lambda d: ([d((2, 3, 4)), 0, -1], {}), lambda d: ([d((2, 3, 4)), (0, 1), (2, 0)], {})),
    "permute_dims": these(EVERY, lambda d: ([d((2, 3, 4)), (2, 0, 1)], {})),
    "repeat": these(EVERY, lambda d: ([d((2, 3)), 2], {}), lambda d: ([d((2, 3)), np.array([1, 0, 2])], {"axis": 1})),
    "reshape": these(EVERY, lambda d: ([d((3, 4)), (2, -1)], {}), lambda d: ([d((3, 4)), (12,)], {"copy": True})),
    "roll": these(EVERY, lambda d: ([d((3, 4)), 5], {}), lambda d: ([d((3, 4)), (1, -2)], {"axis": (0, 1)})),
    "tile": these(EVERY, lambda d: ([d((3, 4)), (2,)], {}), lambda d: ([d((3,)), (2, 1, 2)], {})),
    "matmul": these(NUMBERS, lambda d: ([d((3, 4)), d((4, 2))], {}), lambda d: ([d((2, 3, 4)), d((4,))], {})),
    "matrix_transpose": one(EVERY, shapes=MATRICES),
    "tensordot": these(NUMBERS, lambda d: ([d((2, 3, 4)), d((3, 4, 2))], {}), lambda d: ([d((2, 3)), d((3, 2))], {"axes": ((0, 1), (1, 0))}), lambda d: ([d((2,)), d((3,))], {"axes": 0})),
    "vecdot": these(NUMBERS, lambda d: ([d((3, 4)), d((4,))], {}), lambda d: ([d((3, 4)), d((3, 1))], {"axis": -2})),
    **dict.fromkeys(["tril", "triu"], one(EVERY, shapes=MATRICES, k=[-1, 2])),
    "meshgrid": these(EVERY, lambda d: ([d((3,)), d((4,)), d((2,))], {}), lambda d: ([d((3,)), d((4,))], {"indexing": "ij"}), lambda d: ([d((3,))], {})),
    **dict.fromkeys(["zeros", "ones"], made((2, 3))),
    "full": made((2, 3), 1),
    "eye": Case(EVERY, lambda d: iter([([3], {"dtype": d.dtype}), ([3, 4], {"k": 1, "dtype": d.dtype}), ([3], {"k": -1, "dtype": d.dtype})])),
    "arange": Case(NUMBERS, lambda d: iter([([5], {"dtype": d.dtype}), ([1, 9, 3], {"dtype": d.dtype})])),
    "linspace": Case(FLOATS, lambda d: iter([([0, 1, 5], {"dtype": d.dtype}), ([1, 3, 4], {"dtype": d.dtype, "endpoint": False})])),
    **dict.fromkeys(["zeros_like", "ones_like"], one(EVERY, dtype=["float32"])),
    "full_like": these(EVERY, lambda d: ([d((2, 3)), 1], {}), lambda d: ([d((2, 3)), 1], {"dtype": "float64"})),
    "asarray": these(EVERY, lambda d: ([d((2, 3))], {}), lambda d: ([d((2, 3))], {"dtype": "float64", "copy": True})),
    "from_dlpack": these(EVERY, lambda d: ([d((2, 3))], {})),
    "astype": these(EVERY, *(lambda d, to=to: ([d((2, 3), 0, 3), to], {}) for to in EVERY)),
}  # fmt: skip
NORMS = [0, 1, 2, 3, 0.5, math.inf, -math.inf]
LINALG: dict[str, Case] = {
    "cross": these(NUMBERS, lambda d: ([d((2, 3), 0, 3), d((3,), 0, 3)], {})),
    "diagonal": one(EVERY, shapes=MATRICES, offset=[0, 1, -1, -2, 5]),
    "trace": one(NUMBERS, shapes=MATRICES, offset=[1, -1]),
    "outer": these(NUMBERS, lambda d: ([d((3,)), d((4,))], {})),
    "matrix_power": these(FLOATS, *(lambda d, n=n: ([d((2, 3, 3)), n], {}) for n in (0, 1, 2, 5))),
    "matrix_norm": one(FLOATS, shapes=MATRICES, ord=["fro", 1, -1, math.inf, -math.inf], keepdims=[True]),
    "vector_norm": one(FLOATS, 0.2, 3, shapes=[(4,), (3, 4)], ord=NORMS, axis=[0, -1], keepdims=[True]),
    **{name: CASES[name] for name in ("matmul", "matrix_transpose", "tensordot", "vecdot")},
}
OTHERWISE = {
    "empty", "empty_like", "can_cast", "finfo", "iinfo", "isdtype", "result_type", "linalg", "__array_api_version__",
    "__array_namespace_info__", *EVERY, "e", "inf", "nan", "newaxis", "pi",
}  # fmt: skip
"""Names that are no function of numbers; each has a test below."""


def tensors(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return ag.tensor(value)
    return type(value)(map(tensors, value)) if type(value) in (list,) else value


def flat(value: Any) -> list[Any]:
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


def numpys(function: str, home: Any) -> Callable[..., Any]:
    """NumPy's function with the standard's arguments."""
    if function == "cumulative_prod" and not hasattr(np, function):
        pytest.skip("NumPy below 2.1 has none")
    if function in ("argsort", "sort"):

        def ordered(x: Any, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
            size = x.shape[axis]
            if not descending:
                order = np.argsort(x, axis=axis, stable=True)
            else:
                order = size - 1 - np.flip(np.argsort(np.flip(x, axis), axis=axis, stable=True), axis)
            return order if function == "argsort" else np.take_along_axis(x, order, axis)

        return ordered
    if function == "unique_values":
        return lambda x: np.sort(np.unique_values(x))
    if function == "take_along_axis":
        return lambda x, indices, axis=-1: np.take_along_axis(x, indices, axis)
    if function == "expand_dims":
        return lambda x, axis=0: np.expand_dims(x, axis)
    if function == "meshgrid":
        return lambda *xs, indexing="xy": np.meshgrid(*xs, indexing=indexing)
    if function == "clip":
        return lambda x, *bounds, **named: np.clip(
            x, *bounds, **{"min": None, "max": None, **named} if not bounds else {}
        )
    return getattr(home, function)  # type: ignore[no-any-return]


def agrees(where: str, found: Any, expected: Any, dtype: str) -> None:
    ours, theirs = flat(found), flat(expected)
    assert len(ours) == len(theirs), where
    for got, wanted in zip(ours, theirs, strict=True):
        wanted = np.asarray(wanted)
        assert isinstance(got, ag.Tensor), where
        assert got.shape == wanted.shape, where
        assert got.dtype == wanted.dtype, f"{where}: {got.dtype}, NumPy {wanted.dtype}"
        tolerance = EPSILONS.get(
            min((dtype, str(wanted.dtype)), key=lambda n: EPSILONS.get(n, 0.0) * -1), 0.0
        )
        np.testing.assert_allclose(
            got.numpy().astype("float64"), wanted.astype("float64"), rtol=4 * tolerance, atol=2 * tolerance, err_msg=where
        )  # fmt: skip


def test_every_name_of_the_namespace_has_a_case() -> None:
    assert set(xp.__all__) == set(CASES) | OTHERWISE
    assert set(xp.linalg.__all__) == set(LINALG)


@pytest.mark.parametrize("first", sorted({name[0] for name in CASES}))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_functions_compute_what_numpys_do(first: str) -> None:
    for name in sorted(n for n in CASES if n[0] == first):
        for dtype in CASES[name].dtypes:
            for args, kwargs in CASES[name].calls(Draw(name, dtype)):
                where = f"{name} {dtype} {[getattr(a, 'shape', a) for a in args]} {kwargs}"
                expected = numpys(name, np)(*args, **kwargs)
                agrees(
                    where,
                    getattr(xp, name)(*map(tensors, args), **{k: tensors(v) for k, v in kwargs.items()}),
                    expected,
                    dtype,
                )


def test_linalg_computes_what_numpys_does() -> None:
    for name, case in LINALG.items():
        for dtype in case.dtypes:
            for args, kwargs in case.calls(Draw(name, dtype)):
                where = f"linalg.{name} {dtype} {[getattr(a, 'shape', a) for a in args]} {kwargs}"
                found = getattr(xp.linalg, name)(*map(tensors, args), **kwargs)
                agrees(where, found, getattr(np.linalg, name)(*args, **kwargs), dtype)


STEPS = {"sign", "floor", "ceil", "trunc", "round", "floor_divide"}
"""Their slope is 0 where there is one."""
NO_GRADIENT = {"imag", "nextafter", "asarray", "from_dlpack", "zeros_like", "ones_like", "full_like"}


def test_gradients_flow_through_every_function_of_floats() -> None:
    """Along a drawn direction, beside differences in float64."""
    seen = []
    functions = [(name, case, xp) for name, case in CASES.items()] + [
        (n, c, xp.linalg) for n, c in LINALG.items()
    ]
    for name, case, home in functions:
        if "float64" not in case.dtypes or name in NO_GRADIENT:
            continue
        function = getattr(home, name)
        for args, kwargs in case.calls(Draw(name, "float64")):
            if (
                not args
                or not isinstance(args[0], np.ndarray)
                or args[0].dtype != "float64"
                or not args[0].size
            ):
                continue
            if kwargs.get("ord") == 0 or (name == "matrix_power" and args[1] == 0):
                continue  # a count, and the unit matrix
            others = [tensors(a) for a in args[1:]]
            more = {k: tensors(v) for k, v in kwargs.items()}

            def total(x: Any, function=function, others=others, more=more) -> Any:
                results = [y for y in flat(function(x, *others, **more)) if y.dtype.kind == "f"]
                parts = [(y.to("float64") * (1.0 + ag.arange(y.size, dtype="float64").reshape(y.shape))).sum() for y in results]  # fmt: skip
                return sum(parts[1:], start=parts[0]) if parts else None

            x = ag.tensor(args[0], requires_grad=True)
            value = total(x)
            if value is None or ("dtype" in more and str(more["dtype"]).startswith("int")):
                continue
            where = f"{name} {args[0].shape} {kwargs}"
            if name in ("astype",) and args[1] != "float64":
                continue
            assert value.requires_grad, where
            value.backward()
            way = np.random.default_rng(1).standard_normal(args[0].shape)
            step = 1e-6
            ends = [total(ag.tensor(args[0] + sign * step * way)).item() for sign in (1, -1)]
            slope = 0.0 if name in STEPS else (ends[0] - ends[1]) / (2 * step)
            np.testing.assert_allclose(
                (x.grad.numpy() * way).sum(), slope, rtol=1e-5, atol=1e-5, err_msg=where
            )
            seen.append(name)
    assert len(set(seen)) > 80


SPECIAL = [0.0, -0.0, 1.0, -1.0, 1e-3, math.inf, -math.inf, math.nan]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_zeros_infinities_and_nan() -> None:
    for dtype in FLOATS:
        limits = np.finfo(dtype)
        x = np.array([*SPECIAL, limits.max, limits.tiny, -limits.max, limits.smallest_subnormal], dtype)
        for name in [
            "asinh",
            "acosh",
            "atanh",
            "signbit",
            "round",
            "trunc",
            "ceil",
            "floor",
            "sign",
            "isinf",
            "reciprocal",
        ]:
            expected = getattr(np, name)(x)
            found = getattr(xp, name)(ag.tensor(x)).numpy()
            np.testing.assert_allclose(found, expected, rtol=4 * limits.eps, err_msg=f"{name} {dtype}")
            if expected.dtype.kind == "f" and name not in ("sign", "acosh"):
                known = ~np.isnan(expected)
                np.testing.assert_array_equal(
                    np.signbit(found[known]), np.signbit(expected[known]), err_msg=name
                )
        for name in ("copysign", "nextafter"):
            expected = getattr(np, name)(x[:, None], x)
            found = getattr(xp, name)(ag.tensor(x[:, None]), ag.tensor(x)).numpy()
            np.testing.assert_array_equal(found, expected, err_msg=f"{name} {dtype}")
            # of equal zeros NumPy's float16 gives the first, the standard the second
            known = ~np.isnan(expected) & ((expected != 0) | (name == "copysign"))
            np.testing.assert_array_equal(np.signbit(found[known]), np.signbit(expected[known]), err_msg=name)


def test_nan_is_the_last_in_order() -> None:
    x, places = np.array([1.0, 2.0, math.nan, math.nan]), np.array([0.0, 2.0, 3.0, math.nan])
    for side in ("left", "right"):
        found = xp.searchsorted(ag.tensor(x), ag.tensor(places), side=side)
        assert found.tolist() == np.searchsorted(x, places, side=side).tolist()


def test_dtypes_constants_and_questions_about_them() -> None:
    assert all(getattr(xp, name) == np.dtype(name) for name in EVERY)
    assert (xp.e, xp.pi, xp.inf, xp.newaxis) == (np.e, np.pi, np.inf, None)
    assert math.isnan(xp.nan)
    for first in EVERY:
        assert xp.isdtype(np.dtype(first), np.dtype(first))
        for kind in (
            "bool",
            "signed integer",
            "unsigned integer",
            "integral",
            "real floating",
            "complex floating",
            "numeric",
        ):
            assert xp.isdtype(np.dtype(first), kind) == np.isdtype(np.dtype(first), kind), (first, kind)
        for second in EVERY:
            assert xp.result_type(np.dtype(first), ag.zeros(2, second)) == np.result_type(first, second)
            assert xp.can_cast(np.dtype(first), second) == np.can_cast(first, second), (first, second)
    assert xp.result_type(ag.zeros(2, "float32"), 1.0) == "float32"
    for name in FLOATS:
        limits, known = xp.finfo(getattr(xp, name)), np.finfo(name)
        for field in ("bits", "eps", "max", "min", "smallest_normal", "dtype"):
            assert getattr(limits, field) == getattr(known, field), (name, field)
    for name in INTEGERS:
        bounds, known = xp.iinfo(ag.zeros(1, name)), np.iinfo(name)
        assert (bounds.bits, bounds.max, bounds.min, bounds.dtype) == (
            known.bits,
            known.max,
            known.min,
            known.dtype,
        )
    for question, dtype in ((xp.finfo, "int8"), (xp.iinfo, "float32")):
        with pytest.raises(ag.DTypeError, match="dtype is expected"):
            question(dtype)
    with pytest.raises(ValueError, match="kind is one of"):
        xp.isdtype(xp.bool, "whole")
    assert xp.empty((2, 3), dtype="int8").shape == (2, 3)
    assert xp.empty_like(ag.zeros((2, 3), "int8")).dtype == "int8"
    assert {xp.zeros(1).dtype, xp.ones(1).dtype, xp.linspace(0, 1, 3).dtype} == {xp.float32}
    assert xp.arange(3).dtype == xp.int64


def test_what_the_namespace_tells_of_itself() -> None:
    info = xp.__array_namespace_info__()
    assert info.capabilities() == {
        "boolean indexing": True,
        "data-dependent shapes": True,
        "max dimensions": 64,
    }
    assert info.default_device() == backends.default().name
    assert info.default_device() in info.devices()
    assert info.default_dtypes()["integral"] == "int64"
    assert set(info.dtypes()) == set(EVERY) - {"float16"}
    assert set(info.dtypes(kind=("bool", "unsigned integer"))) == {
        "bool",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
    }
    with pytest.raises(ag.BackendError):
        info.dtypes(device="moon")
    x = ag.zeros(2)
    assert x.__array_namespace__() is x.__array_namespace__(api_version="2024.12") is xp
    with pytest.raises(ValueError, match=r"api_version is one of .*2024.12, got '2030.01'"):
        x.__array_namespace__(api_version="2030.01")
    assert set(dir(xp)) == set(xp.__all__)


@pytest.mark.parametrize(("name", "reason"), [("complex64", "no complex numbers"), ("fft", "Fourier"), ("linalg.inv", "decomposes or inverts"), ("exq", "2024.12 says what there is")])  # fmt: skip
def test_what_is_missing_says_so(name: str, reason: str) -> None:
    home: Any = xp
    *around, last = name.split(".")
    for part in around:
        home = getattr(home, part)
    assert not hasattr(home, last)
    with pytest.raises(AttributeError, match=reason):
        getattr(home, last)


def test_attributes_and_operators_of_a_tensor() -> None:
    x = ag.tensor(np.arange(6.0).reshape(1, 2, 3), requires_grad=True)
    np.testing.assert_array_equal(x.mT.detach().numpy(), x.detach().numpy().swapaxes(-1, -2))
    (x.mT * 2).sum().backward()
    assert x.grad.tolist() == np.full((1, 2, 3), 2.0).tolist()
    assert x.device == x.backend
    assert x.to_device(x.device) is x
    with pytest.raises(ag.BackendError, match="stream is None"):
        x.to_device(x.device, stream=1)
    with pytest.raises(ag.BackendError):
        x.to_device("float32")
    with pytest.raises(ag.ShapeError, match="at least two dimensions"):
        _ = ag.zeros(3).mT
    for dtype in (*INTEGERS, "bool"):
        a, b = (np.asarray([5, 6, 3, 0], dtype), np.asarray([1, 3, 2, 2], dtype))
        for operator in ("__and__", "__or__", "__xor__", "__rand__", "__ror__", "__rxor__", *(("__lshift__", "__rshift__", "__rlshift__", "__rrshift__") if dtype != "bool" else ())):  # fmt: skip
            for other in (b, 1 if dtype != "bool" else True):
                expected = getattr(a, operator)(other)
                found = getattr(ag.tensor(a), operator)(ag.tensor(other) if other is b else other)
                assert found.tolist() == expected.tolist(), (operator, dtype)
                assert found.dtype == expected.dtype, (operator, dtype)
        assert (~ag.tensor(a)).tolist() == (~a).tolist()


def test_bits_are_refused_where_they_would_be_wrong() -> None:
    with pytest.raises(ag.DTypeError, match="integers or booleans"):
        xp.bitwise_and(ag.zeros(2), 1)
    with pytest.raises(ag.GradientError, match="nextafter has no gradient"):
        xp.nextafter(ag.tensor([1.0], requires_grad=True), 2.0)
    with pytest.raises(ag.TraceError):
        ag.jit(lambda x: x & 3)(ag.tensor([1, 2]))
    assert ag.jit(lambda x: (x > 0) & (x < 2))(ag.tensor([1.0, 2.0])).tolist() == [True, False]


def test_functions_can_be_compiled() -> None:
    def step(x: Any, places: Any) -> Any:
        return xp.cumulative_sum(xp.asinh(x)), xp.searchsorted(x, places), xp.sort(x, descending=True)

    x, places = ag.tensor([0.5, 1.0, 2.0]), ag.tensor([0.7, 3.0])
    for found, expected in zip(ag.jit(step)(x, places), step(x, places), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-6)


def test_copies_and_what_is_shared() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    assert xp.asarray(x) is xp.asarray(x, copy=False) is x
    again = xp.asarray(x, copy=True)
    assert again is not x
    assert again.requires_grad, "a copy of a tensor is a copy of its values, not an end of gradients"
    with pytest.raises(ValueError, match="has to be a copy"):
        xp.asarray(x, dtype="float64", copy=False)
    with pytest.raises(ValueError, match="a list has to be copied"):
        xp.asarray([1.0], copy=False)
    array = np.arange(3.0)
    shared, own = xp.asarray(array, copy=False), xp.from_dlpack(array, copy=True)
    array[0] = 9.0
    assert (shared[0].item(), own[0].item()) == (9.0, 0.0)
    assert xp.astype(x, xp.float32, copy=False) is x
    assert xp.astype(x, xp.float32) is not x


def test_wrong_arguments_say_what_is_right() -> None:
    x = ag.zeros((2, 3))
    for error, text, call in (
        (ag.RangeError, "left", lambda: xp.searchsorted(x[0], x, side="middle")),
        (ag.ShapeError, "one dimension", lambda: xp.searchsorted(x, x)),
        (ag.ShapeError, "axis is needed", lambda: xp.cumulative_sum(x)),
        (ag.ShapeError, "one or more dimensions", lambda: xp.nonzero(ag.tensor(1.0))),
        (ag.ShapeError, "other sizes", lambda: xp.vecdot(x, ag.zeros(2))),
        (ag.ShapeError, "size 3", lambda: xp.linalg.cross(x.T, x.T)),
        (ag.ShapeError, "two vectors", lambda: xp.linalg.outer(x, x)),
        (ag.ShapeError, "square", lambda: xp.linalg.matrix_power(x, 2)),
        (ag.RangeError, "inverts", lambda: xp.linalg.matrix_power(ag.eye(2), -1)),
        (ag.RangeError, "singular values", lambda: xp.linalg.matrix_norm(x, ord="nuc")),
        (ag.ShapeError, "matrices", lambda: xp.matrix_transpose(x[0])),
        (ValueError, "indexing", lambda: xp.meshgrid(x[0], indexing="yx")),
        (ValueError, "copy is", lambda: xp.reshape(x, (6,), copy="yes")),
        (ValueError, "stable is", lambda: xp.argsort(x, stable="yes")),
    ):
        with pytest.raises(error, match=text):
            call()


@pytest.mark.once
def test_the_namespace_costs_nothing_until_it_is_asked_for() -> None:
    code = "import sys, autograd, nn; autograd.zeros(2) & autograd.ones(2); print('autograd.array_api' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
