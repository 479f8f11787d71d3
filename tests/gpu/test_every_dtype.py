"""Kernels of a device beside the interpreter: every primitive, every pair of dtypes that it takes."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import results
from mixed import arrays_of, assert_alike, program_of

from backends.primitives import PRIMITIVES

pytestmark = pytest.mark.once


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_pair_of_dtypes(cupy_backend, name):
    program, count = program_of(name)
    assert count
    given = arrays_of(program)
    machine = cupy_backend.compile(program)
    with np.errstate(all="ignore"):
        found = machine.step({}, {n: cupy_backend.asarray(a) for n, a in given.items()})
        assert_alike({n: cupy_backend.to_numpy(a) for n, a in found.items()}, results(program, {}, given))  # fmt: skip
