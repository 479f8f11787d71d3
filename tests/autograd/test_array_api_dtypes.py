"""The array API where dtypes and devices meet: bounds and signs of other dtypes beside NumPy, and arrays that
are not on the default backend.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import backends
from autograd import array_api as xp

DTYPES = ("int8", "int32", "int64", "uint8", "uint64", "float16", "float32", "float64")


def some(dtype: str) -> np.ndarray:
    """The limits of a dtype, and numbers around 0."""
    kind = np.dtype(dtype).kind
    if kind == "f":
        return np.array([-300.5, -2.5, -0.0, 0.0, 1.75, 7.0, 300.0], dtype)
    limits = np.iinfo(dtype)
    return np.array([limits.min, max(limits.min, -2), 0, 0, 1, 7, limits.max], dtype)


def outcome(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result as an array, or the kind of the error."""
    try:
        return np.asarray(function(*args, **kwargs))
    except OverflowError:
        return OverflowError


def equal(got: Any, wanted: Any) -> bool:
    if got is OverflowError or wanted is OverflowError:
        return got is wanted
    same = got.dtype == wanted.dtype and np.array_equal(got, wanted, equal_nan=True)
    return bool(same and (got.dtype.kind != "f" or np.array_equal(np.signbit(got), np.signbit(wanted))))


def test_bounds_of_other_dtypes_are_numpys() -> None:
    wrong = []
    for dtype in DTYPES:
        x = some(dtype)
        bounds: list[Any] = [None, 2, -1, 300, 2.5]
        for other in DTYPES:
            bounds += [some(other)[1], some(other)[-1], some(other)[::-1]]
        for bound in bounds:
            if isinstance(bound, float) and type(bound) is not float:
                bound = np.asarray(bound)  # as a scalar it is weak here
            for named in ({"min": bound}, {"max": bound}, {"min": 1, "max": bound}):
                kept = {k: ag.tensor(v) if isinstance(v, np.ndarray) else v for k, v in named.items()}
                got = outcome(xp.clip, ag.tensor(x), **kept)
                wanted = outcome(np.clip, x, **{"min": None, "max": None, **named})
                if not equal(got, wanted):
                    wrong.append((dtype, named, got, wanted))
    assert not wrong, (len(wrong), wrong[:5])


def test_signs_of_other_dtypes_are_numpys() -> None:
    wrong = []
    for dtype in DTYPES:
        x = some(dtype)
        others: list[Any] = [2, -2, 2.5, -0.0, *(some(other)[::-1] for other in DTYPES)]
        for other in others:
            as_tensor = ag.tensor(other) if isinstance(other, np.ndarray) else other
            pairs = [(xp.copysign(ag.tensor(x), as_tensor), np.copysign(x, other))]
            pairs.append((xp.copysign(as_tensor, ag.tensor(x)), np.copysign(other, x)))
            wrong += [(dtype, other, got, w) for got, w in pairs if not equal(np.asarray(got), w)]
    assert not wrong, (len(wrong), wrong[:5])


def test_gradients_pass_between_bounds_of_another_dtype() -> None:
    x = ag.tensor([0.5, 2.0, 9.0], dtype="float32")
    bounds = ag.tensor([1, 1, 1], dtype="int64"), ag.tensor([5.0, 5.0, 5.0], dtype="float64")
    slope = ag.grad(lambda v: ag.sum(xp.clip(v, *bounds)))(x)
    assert slope.dtype == x.dtype
    assert slope.tolist() == [0.0, 1.0, 0.0]


def test_functions_stay_on_the_backend_of_their_arrays() -> None:
    values = np.arange(9.0, dtype="float32").reshape(3, 3)
    counts = np.array([1, 0, 2])
    table: dict[str, tuple[Callable[..., Any], Any]] = {
        "tril": (lambda x, n: xp.tril(x, k=1), np.tril(values, 1)),
        "triu": (lambda x, n: xp.triu(x), np.triu(values)),
        "np.tril": (lambda x, n: np.tril(x), np.tril(values)),
        "np.diag": (lambda x, n: np.diag(x[0], 1), np.diag(values[0], 1)),
        "repeat": (lambda x, n: xp.repeat(x, n, axis=0), np.repeat(values, counts, axis=0)),
        "trace": (lambda x, n: xp.linalg.trace(x), np.trace(values)),
        "clip": (lambda x, n: xp.clip(x, n, 5), np.clip(values, counts, 5).astype("float64")),
        "copysign": (lambda x, n: xp.copysign(-2.5, x), np.full((3, 3), 2.5)),
        "norm": (lambda x, n: xp.linalg.vector_norm(n), np.linalg.norm(counts)),
    }
    wrong = []
    for default in ("numpy", "numba"):
        with backends.use(default):
            for place in ("numpy", "numba"):
                x, n = ag.tensor(values, backend=place), ag.tensor(counts, backend=place)
                for name, (function, wanted) in table.items():
                    got = function(x, n)
                    if got.backend != place or not np.allclose(got.numpy(), wanted):
                        wrong.append((name, default, place))
    assert not wrong


def test_a_mask_without_dimensions_is_numpys() -> None:
    wrong = []
    for x in (np.arange(6.0, dtype="float32").reshape(2, 3), np.float32(2.0), np.zeros((0, 2), "int64")):
        for truth in (True, False):
            wanted = np.asarray(x)[np.array(truth)]
            tensor = ag.tensor(x)
            for mask in (ag.tensor(truth), np.array(truth), np.bool_(truth)):
                got = tensor[mask]
                if got.shape != wanted.shape or not np.array_equal(got.numpy(), wanted):
                    wrong.append((x, mask, got, wanted))
    assert not wrong
    slope = ag.grad(lambda v: ag.sum(v[ag.tensor(True)] * 3.0) + ag.sum(v[ag.tensor(False)]))
    assert slope(ag.tensor([1.0, 2.0])).tolist() == [3.0, 3.0]
    with pytest.raises(ag.DTypeError, match="only index"):
        ag.tensor([1.0, 2.0])[0, ag.tensor(True)]
    with pytest.raises(ag.TraceError):
        ag.jit(lambda v: v[v[0] > 1.0])(ag.tensor([1.0, 2.0]))


def test_what_is_computed_on_the_host_says_so_in_a_traced_step() -> None:
    x = ag.tensor([1.0, -2.0])
    functions: dict[str, Callable[[Any], Any]] = {
        "copysign": lambda v: xp.copysign(v, v),
        "signbit": xp.signbit,
        "nextafter": lambda v: xp.nextafter(v, v + 1.0),
        "bitwise_and": lambda v: xp.bitwise_and(v, v),
    }
    for name, function in functions.items():
        argument = x.to("int64") if name == "bitwise_and" else x
        with pytest.raises(ag.TraceError, match=f"{name} is computed in the memory of the host"):
            ag.jit(function)(argument)
