"""Every elementwise op and every row op on a million float32 elements: the Numba backend beside NumPy.

Tasks are read off the declarations: the forward of each op, and each of its gradient rules. Both backends run the same
rule in their own process, in turn; what Numba leaves to NumPy shows a ratio near 1.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import numpy as np

import backends
from autograd.op import Op
from autograd.ops import OPS

from ..contest import Contest
from ..measure import seconds_per_call
from ..work import Figure, Skip, Work

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
    arrays: list[Any] = []
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
            given = [static[n] if n in static else op.value_of(n, arrays, y) for n in op.rule_names(name)]
            if not given:
                continue  # hands g on, or negates it: eager calls such rules directly
            yield (
                f"{op.name}, gradient of {name}",
                lambda r=rule, g=g, v=given: backend.run(r, g, *v),
            )  # type: ignore[misc]


def _next(found: Iterator[tuple[str, Callable[[], Any]]], task: str) -> Callable[[], Any]:
    return next(call for name, call in found if name == task)


class Ops(Contest):
    name = "ops"
    title = "Ops on a million float32 elements"
    unit = "ms"
    seconds = 0.02
    contestants = ("numba", "numpy")
    first = "numba"
    stays = False

    def tasks(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
        return {name: {"title": name} for name, _ in tasks(backends.get("numpy"))}

    def enter(self, name: str, settings: dict[str, Any]) -> Work:
        try:
            backend: Any = backends.get(name)
        except backends.BackendError as error:
            raise Skip(str(error)) from error
        # in the order of the tasks: arrays of one are given back before those of the next are made
        reference, calls = tasks(backends.get("numpy")), tasks(backend)

        def figure(task: str) -> Figure:
            with backends.get("numpy").quiet():
                call, expected = _next(calls, task), _next(reference, task)
                np.testing.assert_allclose(call(), expected(), rtol=2e-4, atol=2e-5)
                return Figure(seconds_per_call(call, float(settings["seconds"])) * 1e3)

        return Work(version(name), figure)


CONTEST = Ops()
