"""Programs as text, run as machine code beside the interpreter."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")
from backends.native import Machine
from backends.program import parse_program


def numbers(spec, rng):
    if spec.dtype.kind == "f":
        return rng.standard_normal(spec.shape).astype(spec.dtype)
    return np.asarray(rng.integers(0, 2, spec.shape)).astype(spec.dtype)


def differences(text, seed=0, **given):
    """The largest difference of each value of a program from the interpreter's."""
    program = parse_program(text)
    rng = np.random.default_rng(seed)
    machine = Machine(program)
    made = {role: {n: given.get(n, numbers(v.spec, rng)) for n, v in program.named(role).items()} for role in ("state", "input")}  # fmt: skip
    return machine.compare(made["state"], made["input"])


def assert_close(text, tolerance=2e-6, **given):
    """Every value of a program, to `tolerance`; there has to be one."""
    found = differences(text, **given)
    assert found
    for kernel, value, difference in found:
        assert difference <= tolerance, (kernel, value, difference)
