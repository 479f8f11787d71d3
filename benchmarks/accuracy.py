"""The error of the kernels' functions: `python -m benchmarks.accuracy`, all 2^32 float32 numbers, and a sample of float64.

float32 results are held against float64 ones (NumPy's, for erf libm's), whose own error does not count here; float64
results against NumPy's long double. Errors are in units in the last place of the correctly rounded result.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import autograd as ag
from backends.numba import NumbaBackend

Array = np.ndarray[Any, Any]
BLOCK = 1 << 22


def _alone(name: str) -> Callable[..., Any]:
    """The function with a change of sign around it: a single primitive would be left to NumPy."""
    return lambda xp, x: xp.negative(getattr(xp, name)(xp.negative(xp.negative(x))))


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _erf() -> Callable[[Array], Array]:
    import numba

    @numba.vectorize(["float64(float64)"])
    def erf(x: float) -> float:
        return math.erf(x)

    return lambda x: np.asarray(erf(x.astype(np.float64)))


def functions() -> dict[str, tuple[Callable[..., Any], float, Callable[[Array], Array]]]:
    """Per function: the rule, the sign that `_alone` left on it, and the reference."""
    found: dict[str, tuple[Callable[..., Any], float, Callable[[Array], Array]]] = {
        name: (_alone(name), -1.0, getattr(np, name)) for name in ("exp", "expm1", "log", "log1p", "tanh")
    }  # fmt: skip
    found["sigmoid"] = (ag.sigmoid.op.forward, 1.0, _sigmoid)
    found["erf"] = (_alone("erf"), -1.0, _erf())
    return found


def every_float32(step: int) -> Iterator[Array]:
    """All float32 numbers in blocks, or every `step`-th."""
    for start in range(0, 2**32, BLOCK * step):
        bits = np.arange(start, min(start + BLOCK * step, 2**32), step, dtype=np.uint64)
        yield bits.astype(np.uint32).view(np.float32)


def some_float64(count: int) -> Iterator[Array]:
    """Numbers of every size, and as many of the sizes that networks see."""
    draw = np.random.default_rng(0)
    for _ in range(max(1, count // (3 * BLOCK))):
        yield draw.integers(0, 2**64, BLOCK, dtype=np.uint64).view(np.float64)
        yield draw.uniform(-800, 800, BLOCK)
        yield draw.normal(0, 2, BLOCK)


def largest_error(
    rule: Callable[..., Any],
    sign: float,
    reference: Callable[[Array], Array],
    blocks: Iterator[Array],
    exact_type: Any,
) -> tuple[float, float]:
    """(error in units in the last place, where); infinite where only one side is NaN or has the wrong infinity."""
    backend = NumbaBackend()
    worst, place = 0.0, math.nan
    with np.errstate(all="ignore"):
        for x in blocks:
            found = sign * backend.run(rule, x)
            exact = reference(x.astype(exact_type))
            rounded = exact.astype(x.dtype)
            ulp = np.spacing(np.abs(rounded)).astype(exact_type)
            error = np.abs(found.astype(exact_type) - exact) / ulp
            error = np.where(found == rounded, np.where(np.isinf(rounded), 0.0, error), error)
            error = np.where(np.isnan(found) & np.isnan(rounded), 0.0, error)
            # next to the largest number, rounding to infinity is an error of one unit
            limit = np.finfo(x.dtype).max
            overflow = np.isinf(found) & (np.abs(exact) > limit * (1 - 2e-7))
            error = np.where(overflow, np.minimum(error, 1.0), error)
            error = np.where(np.isnan(error), np.inf, error)
            at = int(np.argmax(error))
            if error[at] > worst:
                worst, place = float(error[at]), float(x[at])
    return worst, place


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="only every so many float32 numbers")
    parser.add_argument("--doubles", type=int, default=10**8, help="how many float64 numbers")
    options = parser.parse_args()
    print("| function | float32: largest error (ulp) | at | float64 | at |\n|---|---|---|---|---|")
    for name, (rule, sign, reference) in functions().items():
        single = largest_error(rule, sign, reference, every_float32(options.step), np.float64)
        double = largest_error(rule, sign, reference, some_float64(options.doubles), np.longdouble)
        print(f"| {name} | {single[0]:.2f} | {single[1]:.9g} | {double[0]:.2f} | {double[1]:.17g} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
