"""The scalar text of elementwise primitives: Numba's read by Python, CUDA's compiled as C++, both against NumPy."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess

import numpy as np
import pytest
from grouping import grouped

import backends
from backends.primitives import PRIMITIVES

NUMPY = backends.get("numpy")
ELEMENTWISE = [
    row for row in PRIMITIVES.values() if row.kind == "elementwise" and row.name not in ("astype", "round_to")
]


# Kinks, ties, infinities and NaN are where two languages could part.
POINTS = [-math.inf, -2.5, -1.0, -0.0, 0.0, 0.3, 1.0, 2.0, 7.0, math.inf, math.nan]
FINITE_ONLY = {"sin", "cos", "floor"}
"""Python's own math refuses infinities here, where generated code gives NaN as NumPy does."""
POSITIVE_ONLY = {"log": 0.0, "log1p": -1.0, "sqrt": -0.0}


def points(row):
    """Operands where Python's scalar arithmetic gives a number at all."""
    if row.name == "right_shift":
        return [(a, b) for a in (0, 1, 5, 2**40) for b in (0, 1, 8)]
    if row.name.startswith("logical"):
        return _product([True, False], row.arity)
    if row.name == "where":
        return [(c, a, b) for c in (True, False) for a in POINTS[1:6] for b in POINTS[5:]]
    combinations = _product(POINTS, row.arity)
    if row.name in FINITE_ONLY:
        combinations = [c for c in combinations if math.isfinite(c[0])]
    if row.name in POSITIVE_ONLY:
        combinations = [c for c in combinations if c[0] > POSITIVE_ONLY[row.name]]
    if row.name == "divide":
        combinations = [c for c in combinations if c[1] != 0]
    if row.name == "power":
        combinations = [c for c in combinations if c[0] > 0 and math.isfinite(c[1])]
    return combinations


def _product(values, times):
    return [()] if not times else [(v, *rest) for v in values for rest in _product(values, times - 1)]


def agree(found, expected, name):
    # one unit in the last place of double, for functions that two libraries compute each in their way
    assert found == pytest.approx(float(expected), rel=4e-16, abs=0, nan_ok=True), name


SCALAR = [row for row in ELEMENTWISE if row.numba]


@grouped("row", {"every one": SCALAR})
def test_numba_text_is_what_numpy_computes(row):
    names = ["a", "b", "c"][: row.arity]
    function = eval(f"lambda {', '.join(names)}: {row.numba.format(*names)}", {"math": math, "abs": abs})
    tried = points(row)
    assert tried
    for operands in tried:
        with NUMPY.quiet():
            expected = getattr(NUMPY, row.name)(*(np.asarray(o) for o in operands))
        agree(function(*operands), expected, (row.name, operands))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Every CUDA text as a C++ function of doubles, in one shared library."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++ on PATH to compile the CUDA scalar text with")
    folder = tmp_path_factory.mktemp("scalar")
    lines = ["#include <cmath>", "using namespace std;", 'extern "C" {']
    for row in SCALAR:
        kind = {"right_shift": "long long", "where": "double"}.get(row.name, "double")
        kinds = ["bool", kind, kind] if row.name == "where" else [kind] * row.arity
        arguments = ", ".join(f"{k} v{i}" for i, k in enumerate(kinds))
        body = row.cuda.format(*(f"v{i}" for i in range(row.arity)))
        lines.append(f"double call_{row.name}({arguments}) {{ return {body}; }}")
    source, library = folder / "scalar.cpp", folder / "scalar.so"
    source.write_text("\n".join([*lines, "}"]))
    subprocess.run([compiler, "-shared", "-fPIC", "-O0", "-o", library, source], check=True)
    return ctypes.CDLL(str(library))


@grouped("row", {"every one": SCALAR})
def test_cuda_text_is_what_numpy_computes(row, compiled):
    function = getattr(compiled, f"call_{row.name}")
    function.restype = ctypes.c_double
    kind = ctypes.c_longlong if row.name == "right_shift" else ctypes.c_double
    function.argtypes = [ctypes.c_bool, kind, kind] if row.name == "where" else [kind] * row.arity
    for operands in points(row):
        with NUMPY.quiet():
            expected = getattr(NUMPY, row.name)(*(np.asarray(o) for o in operands))
        agree(function(*operands), expected, (row.name, operands))
