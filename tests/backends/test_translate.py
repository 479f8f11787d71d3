"""Kernels as `translate` writes them for LLVM, against those that Numba itself makes of the same text: equal bits."""

from __future__ import annotations

import ctypes
import re
from types import SimpleNamespace

import numpy as np
import pytest
from grouping import grouped

import autograd as ag

pytest.importorskip("numba", reason="the extra gradloom[cpu] is not installed")

from backends import llvm, processor, store
from backends.contract import Spec, bool_, float32, float64, int64, uint32
from backends.numba import compile as compiling
from backends.numba import mathematics, translate
from backends.numba.kernels import source_of

SHAPE = (5, 203)
SPECIAL = [0.0, -0.0, 1.0, 1e-45, -1e-310, 3e38, np.inf, -np.inf, np.nan, 88.8, -110.0]


def integers(xp, a, b, unsigned, truth, x):
    """What integers do among themselves, and where they meet others."""
    shifted = xp.astype(unsigned, dtype=int64) - a * b
    chosen = xp.where(xp.logical_and(truth, shifted < b), xp.abs(shifted), -a)
    lowest = xp.min(chosen, axis=(1,), keepdims=True)
    total = xp.sum(xp.maximum(chosen - lowest, 2), axis=(1,), keepdims=True)
    return xp.where(xp.logical_not(xp.isfinite(x)), xp.astype(total, dtype=float32), x + xp.sign(x))


def functions(xp, x):
    """All of `mathematics` that has both precisions, in rows that are gone over again."""
    top = xp.max(x, axis=(1,), keepdims=True)
    small = xp.tanh(xp.exp(x - top) - xp.expm1(x) * 0.3)
    total = xp.sum(small * small, axis=(1,), keepdims=True) + xp.floor(top)
    return xp.log1p(xp.abs(x)) / total + xp.log(xp.sqrt(xp.abs(small))) * xp.erf(x)


MIXED = [Spec(SHAPE, np.dtype("int32")), Spec(SHAPE[1:], int64), Spec(SHAPE, uint32), Spec(SHAPE, bool_), Spec(SHAPE, float32)]  # fmt: skip
KERNELS = {
    "integers": (integers, MIXED, {}),
    "rounding": (lambda xp, x: xp.round_to(x, format="float16") * 3.0, [Spec(SHAPE, float32)], {}),
    "functions of float64": (functions, [Spec(SHAPE, float64)], {}),
    "functions of float32": (functions, [Spec(SHAPE, float32)], {}),
    "softmax": (ag.softmax.op.forward, [Spec(SHAPE, float32)], {"axis": (1,)}),
}
BY_DEFAULT = ("integers", "rounding", "softmax")
"""Numba takes a second or two for each, on every run; what the functions compute is held against NumPy by test_numba.py."""


def by_numba(source):
    """The C function that Numba makes of a source."""
    names = {"__name__": "kernel"}
    exec(source, names)
    kernel = names["kernel"]
    return ctypes.CFUNCTYPE(None, *compiling._argument_types(source))(kernel.address), kernel


def by_llvm(source):
    made = llvm.Source(source, translate.SYMBOL, lambda: compiling._text(source), vectorized=True)
    return compiling._bind(source, llvm.compiled([made])[0])


def results(function, source):
    """What a kernel writes for drawn arguments."""
    draw, count = np.random.default_rng(0), SHAPE[0] * SHAPE[1]
    declared = re.search(r"@cfunc\(types\.void\((.*)\), error_model", source)[1].split(", ")
    names = re.search(r"def kernel\((.*)\):", source)[1].split(", ")
    arguments, written, kept = [], [], []
    for name, kind in list(zip(names, declared, strict=True))[3:]:
        pointed = re.fullmatch(r"types\.CPointer\(types\.(\w+)\)", kind)
        if pointed is None:
            arguments.append(0.3 if kind == "types.float64" else 3)
            continue
        dtype = np.dtype(pointed[1])
        array = draw.integers(0, 2 if dtype == np.uint8 else 2**31, count).astype(dtype)
        if dtype.kind == "f":
            # in one row, for a row with infinity is nothing but NaN afterwards
            special = draw.choice(SPECIAL, SHAPE[1])
            with np.errstate(over="ignore"):
                array = np.append(draw.normal(0, 4, count - SHAPE[1]), special).astype(dtype)
        if not name.startswith("p"):
            array[:] = 0
            written.append(array)
        kept.append(array)
        arguments.append(array.ctypes.data)
    rows, columns = (count, count) if "for j in range(begin, end)" in source else SHAPE
    function(0, rows, columns, *arguments)
    return written


def assert_same_bits(found, expected):
    for mine, theirs in zip(found, expected, strict=True):
        # of a NaN the sign is free
        numbers = mine == mine
        np.testing.assert_array_equal(numbers, theirs == theirs)
        assert mine[numbers].tobytes() == theirs[numbers].tobytes()


@grouped("name", {"every one": KERNELS})
def test_the_bits_are_those_of_numba(name, full):
    if full or name in BY_DEFAULT:
        source = source_of(*KERNELS[name])
        theirs, owner = by_numba(source)
        assert_same_bits(results(by_llvm(source), source), results(theirs, source))
        assert owner is not None


def test_kernels_for_wide_vectors_compute_the_same(monkeypatch):
    source = source_of(*KERNELS["softmax"])
    expected = results(by_llvm(source), source)
    here = processor.here()
    wide = here._replace(features=here.features | {"avx512f"}, refused=here.refused - {"avx512f"})
    monkeypatch.setattr(processor, "here", lambda: wide)
    monkeypatch.setattr(llvm, "processor", SimpleNamespace(here=lambda: here))
    assert '"prefer-vector-width"="512"' in translate.llvm_text(source, wide=True)
    # sums are taken in another order
    for mine, theirs in zip(results(by_llvm(source), source), expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)


def test_a_kernel_is_kept_under_the_name_of_its_translation(tmp_path, monkeypatch):
    """A translation that has changed does not find what the one before it made."""
    monkeypatch.setenv("GRADLOOM_CACHE_DIR", str(tmp_path))
    store.folder.cache_clear()
    try:
        for translation in ("one", "one", "another"):
            monkeypatch.setattr(llvm, "writers", lambda name=translation: name)
            monkeypatch.setattr(compiling, "_loaded", {})
            compiling.load(source_of(*KERNELS["rounding"]))
        assert len(list((tmp_path / "kernels").iterdir())) == 2
    finally:
        store.folder.cache_clear()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("while True: pass", "no statement of a kernel: while True"),
        ("x = [1]", "no expression of a kernel: \\[1\\]"),
        ("x = math.sin(1.0)", "no function of a kernel: math.sin"),
    ],
)
def test_what_is_in_no_kernel_is_refused(body, named):
    head = "@cfunc(types.void(types.int64), error_model='numpy')\ndef kernel(begin):\n    "
    with pytest.raises(ValueError, match=named):
        translate.llvm_text(head + body)
    with pytest.raises(ValueError, match="no function named kernel"):
        translate.llvm_text("x = 1")


def test_the_rules_here_use_all_functions():
    """Else Numba has not had its say about one."""
    texts = "\n".join(source_of(*kernel) for kernel in KERNELS.values())
    names = [n for n in vars(mathematics) if n.endswith(("_single", "_double"))]
    assert [n for n in names if n + "(" not in texts] == []
