"""Every elementwise op and every row op on a million float32 elements: the Numba backend beside NumPy.

Tasks are read off the declarations: the forward of each op, and each of its gradient rules. Both backends run the same
rule in their own process, in turn; what Numba leaves to NumPy shows a ratio near 1.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import backends
from autograd.op import Op
from autograd.ops import OPS

ROWS, COLUMNS = 1000, 1000
SETTINGS: dict[str, dict[str, Any]] = {
    "leaky_relu": {}, "elu": {}, "gelu": {}, "softmax": {}, "log_softmax": {},
    "clip": {"min": -1.0, "max": 1.0},
    "logsumexp": {"axis": 1}, "var": {"axis": 1}, "std": {"axis": 1}, "norm": {"axis": 1}, "max": {"axis": 1},
    "astype": {"dtype": "float64"}, "masked_scale": {"scale": 1.25},
}  # fmt: skip
"""Settings for ops that have any; ops that need some and are not here move elements or multiply matrices."""


def _arrays(op: Op) -> list[Any]:
    draw = np.random.default_rng(0)
    arrays = []
    for name in op.arrays:
        low, high = op.domain.intervals.get(name, (-2.0, 2.0))
        array = draw.uniform(low, high, (ROWS, COLUMNS)).astype(np.float32)
        arrays.append(array)
    if op.name == "where":
        arrays[0] = arrays[0] > 0
    if op.name == "masked_scale":
        arrays[1] = arrays[0] > 0
    if op.name in ("logical_and", "logical_or", "logical_not"):
        arrays = [a > 0 for a in arrays]
    if op.name == "right_shift":
        arrays = [(np.abs(a) * 3).astype(np.int32) for a in arrays]
    if op.name == "softmax_cross_entropy":
        arrays[1] = draw.integers(0, COLUMNS, ROWS)
    return arrays


def elementwise(op: Op) -> bool:
    """Whether the op works on a matrix element by element or row by row."""
    products = ("matmul", "dot", "outer", "linear")
    return not op.variadic and op.name not in products and (not op.static or op.name in SETTINGS)


def tasks(backend: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """(name, call) for the forward and the rules of each op."""
    for op in OPS.values():
        if not elementwise(op):
            continue
        arrays = _arrays(op)
        static = op.canonical(arrays, dict(SETTINGS.get(op.name, {})))
        y = op.forward(backends.get("numpy"), *arrays, **static)
        yield op.name, lambda op=op, a=arrays, s=static: backend.run(op.forward, *a, **s)  # type: ignore[misc]
        g = np.random.default_rng(1).uniform(0.5, 1.5, y.shape).astype(np.float32)
        for name, rule in op.vjp.items():
            given = [
                static[n] if n in static else op.value_of(n, arrays, y) for n in op.rule_names(name)
            ]
            if not given:
                continue  # hands g on, or negates it: eager calls such rules directly
            yield (
                f"{op.name}, gradient of {name}",
                lambda r=rule, g=g, v=given: backend.run(r, g, *v),
            )  # type: ignore[misc]


def main(name: str, calls: int) -> None:
    """Check against NumPy in float64, warm up, time, print one JSON line."""
    try:
        backend: Any = backends.get(name)
    except backends.BackendError as error:
        print(json.dumps({"skipped": str(error)}))
        return
    figures = {}
    reference = dict(tasks(backends.get("numpy")))
    with backends.get("numpy").quiet():
        for task, call in tasks(backend):
            np.testing.assert_allclose(
                call(), reference[task](), rtol=2e-4, atol=2e-5, err_msg=task
            )
            times = []
            for _ in range(max(1, calls)):
                start = time.perf_counter()
                call()
                times.append(time.perf_counter() - start)
            figures[task] = float(np.median(times)) * 1e3
    print(
        json.dumps({"version": np.__version__ if name == "numpy" else _numba(), "figures": figures})
    )


def _numba() -> str:
    from importlib.metadata import version

    return version("numba")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
