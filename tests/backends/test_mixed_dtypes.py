"""Executable code beside the interpreter: every primitive, every pair of dtypes that it takes."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import results
from mixed import arrays_of, assert_alike, program_of
from programs import Executable

from backends.primitives import PRIMITIVES

pytestmark = pytest.mark.once


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_pair_of_dtypes(name):
    program, count = program_of(name)
    assert count
    given = arrays_of(program)
    with np.errstate(all="ignore"):
        assert_alike(Executable(program).step({}, given), results(program, {}, given))
