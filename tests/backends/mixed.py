"""Every primitive on operands of every dtype, as programs: what a kernel does with what it was not written for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from backends.contract import SUPPORTED, Spec
from backends.errors import GradloomError
from backends.primitives import PRIMITIVES, Primitive
from backends.program import Program, TraceBackend
from backends.shapes import Slot

DTYPES = tuple(SUPPORTED.values())
_SHAPE = (4, 5)
_WINDOWS = dict(axes=(0,), size=(2,), stride=(1,), dilation=(1,))
_REDUCED = [dict(axis=axis, keepdims=False) for axis in ((0,), (1,), (0, 1))]
_PLACE = [dict(axis=(1,), keepdims=False)]
STATIC: dict[str, list[dict[str, Any]]] = {
    "astype": [dict(dtype=dtype) for dtype in DTYPES], "round_to": [dict(format="bfloat16")],
    **dict.fromkeys(("sum", "prod", "max", "min", "any", "all"), _REDUCED), "argmax": _PLACE, "argmin": _PLACE,
    "cumsum": [dict(axis=1)], "argsort": [dict(axis=1)], "reshape": [dict(shape=(20,))],
    "permute_dims": [dict(axes=(1, 0))], "broadcast_to": [dict(shape=(3, *_SHAPE))], "concat": [dict(axis=0)],
    "pad": [dict(pad_width=((1, 0), (0, 2)), value=1)], "windows": [_WINDOWS],
    "windows_add": [dict(_WINDOWS, shape=(4, 5))], "getitem": [dict(key=(Slot(0),))],
    "index_add": [dict(key=(Slot(0),), shape=(7, 5))], "random_bits": [dict(shape=(6,))],
    "full": [dict(shape=(4,), value=1, dtype=dtype) for dtype in DTYPES],
    "arange": [dict(start=0, stop=4, step=1, dtype=dtype) for dtype in DTYPES if dtype.kind != "b"],
}  # fmt: skip
SHAPES = {
    "matmul": (_SHAPE, (5, 4)), "windows_add": ((3, 5, 2),), "getitem": (_SHAPE, (6,)), "index_add": (_SHAPE, (4,)),
    "random_bits": ((), ()),
}  # fmt: skip
"""Of operands that are not all of `_SHAPE`."""
POSITIVE = dict(getitem=("x1",), index_add=("x1",), power=("x0", "x1"), right_shift=("x1",), astype=("x0",))
"""Operands that are not negative: rows in order, and where C and NumPy leave the result to the processor."""
_INTEGERS = tuple(dtype for dtype in DTYPES if dtype.kind in "iu")
_WORD = (SUPPORTED["uint64"],)
ALLOWED = {"getitem": (DTYPES, _INTEGERS), "index_add": (DTYPES, _INTEGERS), "random_bits": (_WORD, _WORD)}  # fmt: skip
"""Where the rules of the vocabulary let pass what no op hands over: row numbers, the words of a generator."""


def operands_of(row: Primitive) -> tuple[tuple[int, ...], ...]:
    count = 2 if row.arity < 0 else row.arity
    return SHAPES.get(row.name, (_SHAPE,) * count)


def program_of(name: str) -> tuple[Program, int]:
    """All calls of a primitive that are allowed, each with dtypes of its own; how many they are."""
    row, trace, outputs = PRIMITIVES[name], TraceBackend(), []
    shapes = operands_of(row)
    given: dict[tuple[int, np.dtype[Any]], Any] = {}
    for dtypes, static in _calls(row, len(shapes)):
        specs = [Spec(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
        try:
            row.infer(specs, static)
        except (GradloomError, TypeError):
            continue
        for at, spec in enumerate(specs):
            if (at, spec.dtype) not in given:
                given[at, spec.dtype] = trace.parameter(spec, "input", f"x{at}_{spec.dtype}")
        result = getattr(trace, name)(*(given[at, d] for at, d in enumerate(dtypes)), **static)
        outputs.append((f"y{len(outputs)}_{'_'.join(d.name for d in dtypes)}", result))
    return trace.finish(name, [], outputs), len(outputs)


def _calls(row: Primitive, count: int) -> Iterator[tuple[tuple[np.dtype[Any], ...], dict[str, Any]]]:  # fmt: skip
    """Dtypes of the operands, and settings; the first of three operands is a condition."""
    free = min(count, 2)
    for chosen in itertools.product(*ALLOWED.get(row.name, (DTYPES,) * free)):
        dtypes = (SUPPORTED["bool"],) * (count - free) + chosen
        for static in STATIC.get(row.name, [{}]):
            yield dtypes, static


def arrays_of(program: Program, seed: int = 0) -> dict[str, np.ndarray]:
    """Operands with few, small numbers, zeros among them, negative ones where there are some."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, value in program.named("input").items():
        dtype, shape = value.spec.dtype, value.spec.shape
        low = 0 if dtype.kind in "bu" or name.partition("_")[0] in POSITIVE.get(program.name, ()) else -3
        numbers = rng.integers(low, 2 if dtype.kind == "b" else 4, shape).astype(np.float64)
        if dtype.kind == "f":
            numbers = numbers + 0.25
        arrays[name] = np.asarray(numbers).astype(dtype)
    return arrays


def assert_alike(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """The same dtypes and numbers, integers exactly, floats to a few units of the last place of theirs."""
    assert found.keys() == expected.keys()
    for name, right in expected.items():
        mine = np.asarray(found[name])
        assert (mine.dtype, mine.shape) == (right.dtype, right.shape), name
        if right.dtype.kind != "f":
            np.testing.assert_array_equal(mine, right, err_msg=name)
            continue
        step = 8 * float(np.finfo(right.dtype).eps)
        np.testing.assert_allclose(mine, right, rtol=step, atol=step, err_msg=name)
