"""Ops with floating results on integers of every dtype, at its limits: the values are those on float64.

The ops are read off the table of ops; NumPy is the oracle of means, spreads and norms.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import array_api as xp
from autograd.ops import OPS, PUBLIC

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
TOLERANCES = {"float16": 4e-3, "float32": 1e-5, "float64": 1e-12}
EVERY_FLOATING = {
    "arccosh", "arcsinh", "arctan", "arctanh", "elu", "erf", "exp", "gelu", "leaky_relu", "log",
    "log_sigmoid", "log_softmax", "logsumexp", "mean", "norm", "reciprocal", "selu", "sigmoid", "silu",
    "softmax", "softplus", "softsign", "std", "var",
}  # fmt: skip
PAIRS = ("arctan2", "divide", "hypot", "logaddexp", "sigmoid_cross_entropy")


def values(dtype: str) -> np.ndarray:
    """Small ones, and the limits."""
    limits = np.iinfo(dtype)
    some = [-3, -2, -1, 0, 1, 2, 3, 7, 100]
    return np.array([limits.min, *(n for n in some if n >= limits.min), limits.max], dtype)


def unlike(got: np.ndarray, of_floats: np.ndarray) -> bool:
    with np.errstate(over="ignore"):
        wanted = of_floats.astype(got.dtype)
    tolerance = TOLERANCES[got.dtype.name]
    return not np.allclose(got, wanted, rtol=tolerance, atol=tolerance, equal_nan=True)


def floating_ops() -> Iterator[str]:
    """Ops of one array whose result on integers is floating, without other arguments."""
    for name, op in OPS.items():
        if op.arrays == ("x",) and not op.variadic:
            try:
                result = PUBLIC[name](ag.tensor([0, 1]))
            except (TypeError, ValueError):
                continue  # needs arguments, or other shapes
            if result.dtype.kind == "f":
                yield name


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Logarithms of negative numbers are part of the table."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_every_floating_op_takes_integers_for_the_floats_that_they_are() -> None:
    table = {name: PUBLIC[name] for name in floating_ops()}
    assert not EVERY_FLOATING - table.keys(), EVERY_FLOATING - table.keys()
    table["nn.mish"] = nn.activations.mish
    wrong = []
    for name, op in table.items():
        for dtype in INTEGERS:
            x = values(dtype)
            got, wanted = op(ag.tensor(x)).numpy(), op(ag.tensor(x.astype("float64"))).numpy()
            if unlike(got, wanted):
                wrong.append((name, dtype, got, wanted))
    assert not wrong


def test_floating_ops_of_two_arrays_take_integers_for_the_floats_that_they_are() -> None:
    wrong = []
    for name in PAIRS:
        for dtype in INTEGERS:
            a, b = values(dtype)[1:-1], np.array([0, 1], dtype)[:, None]
            got = PUBLIC[name](ag.tensor(a), ag.tensor(b)).numpy()
            floats = PUBLIC[name](ag.tensor(a.astype("float64")), ag.tensor(b.astype("float64"))).numpy()
            if unlike(got, floats):
                wrong.append((name, dtype, got, floats))
    assert not wrong


def test_norms_of_integers_are_numpys() -> None:
    wrong = []
    for dtype in INTEGERS:
        x = np.stack([values(dtype), values(dtype)[::-1]])
        # NumPy squares integers as float64, too, but takes sizes in the integers before
        wide = x.astype("float64")
        pairs = [(ag.norm(ag.tensor(x)), np.linalg.norm(wide))]
        for order in (0, 1, 2, 3, 0.5, np.inf, -np.inf):
            got = xp.linalg.vector_norm(xp.asarray(x), axis=1, ord=order)
            pairs.append((got, np.linalg.vector_norm(wide, axis=1, ord=order)))
        for order in ("fro", 1, -1, np.inf, -np.inf):
            got = xp.linalg.matrix_norm(xp.asarray(x), ord=order)
            pairs.append((got, np.linalg.matrix_norm(wide, ord=order)))
        for place, (got, wanted) in enumerate(pairs):
            if got.dtype != np.dtype("float64") or not np.allclose(got.numpy(), wanted, rtol=1e-12):
                wrong.append((dtype, place, got, wanted))
    assert not wrong


def test_means_and_spreads_of_large_integers_are_numpys() -> None:
    rng = np.random.default_rng(0)
    wrong = []
    for dtype in INTEGERS:
        limits = np.iinfo(dtype)
        for x in (
            np.full(10, limits.max, dtype),
            np.full(10, limits.min, dtype),
            rng.integers(limits.max // 2, limits.max, (4, 5), dtype),
        ):
            for name in ("mean", "var", "std"):
                got = getattr(ag, name)(ag.tensor(x), axis=-1)
                wanted = getattr(np, name)(x, axis=-1, dtype="float64")
                if got.dtype != np.dtype("float64") or not np.allclose(got.numpy(), wanted, rtol=1e-9):
                    wrong.append((name, dtype, got, wanted))
    stamps = np.array([1_700_000_000_000_000_000] * 10)
    assert ag.tensor(stamps).mean().item() == 1.7e18
    assert not wrong


def test_programs_take_integers_for_the_floats_that_they_are() -> None:
    names = ("sigmoid", "softplus", "log_sigmoid", "silu", "arctanh", "mean", "var", "norm")

    @ag.jit
    def step(x: ag.Tensor) -> tuple[ag.Tensor, ...]:
        return tuple(PUBLIC[name](x) for name in names)

    wrong = []
    for dtype in ("int8", "uint8", "uint16", "int64", "uint64"):
        x = values(dtype)
        for name, got in zip(names, step(ag.tensor(x)), strict=True):
            wanted = PUBLIC[name](ag.tensor(x.astype("float64"))).numpy()
            if unlike(got.numpy(), wanted):
                wrong.append((name, dtype, got, wanted))
    assert not wrong
