"""CUDA kernels without a device: the sources that a GPU gets, run on the CPU beside the interpreter."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import assert_equal, results, step_of
from drawn import large_products, programs
from hypothesis import given, settings
from hypothesis import strategies as st
from substitute import host
from substitute.on_host import OnHost

from autograd.testing import strategies
from backends.cuda.lower import lower
from backends.program import prepare
from backends.program.ir import Value

pytestmark = [pytest.mark.once, pytest.mark.skipif(host.COMPILER is None, reason=host.REASON)]
half_as_many = settings(max_examples=settings.default.max_examples // 2)
"""Compiling a kernel takes a tenth of a second."""
OPS = st.one_of(strategies.programs(), strategies.mlps())


@pytest.fixture(scope="module", autouse=True)
def _small_is_large():
    """What happens to large sums alone happens to the small ones of drawn programs."""
    before, prepare._SPLIT_FROM = prepare._SPLIT_FROM, 16
    yield
    prepare._SPLIT_FROM = before


def one_step(program, state, inputs):
    """New state and outputs of a step of kernels on the host."""
    lowered = lower(program)
    device = OnHost(lowered)
    mine = {name: np.array(array) for name, array in state.items()}
    given_ = {program.named("state")[n]: a for n, a in mine.items()}
    given_ |= {program.named("input")[n]: np.ascontiguousarray(a) for n, a in inputs.items()}
    device.run(given_)
    outputs = {n: np.array(device.value(v)) for n, v in lowered.program.outputs if isinstance(v, Value)}  # fmt: skip
    return {f"state {n}": a for n, a in mine.items()} | outputs


@half_as_many
@given(drawn=programs())
def test_kernels_compute_small_integers_exactly(drawn):
    state, inputs = drawn.arrays("state"), drawn.arrays("input")
    found = one_step(drawn.program, state, inputs)
    assert_equal(found, results(drawn.program, state, inputs), drawn.program)


@half_as_many
@given(drawn=OPS)
def test_kernels_compute_ops_and_gradients_to_rounding(drawn):
    program, state, inputs = step_of(drawn)
    found = one_step(program, state, inputs)
    assert_equal(found, results(program, state, inputs), program, 1e-9)


@settings(max_examples=max(15, settings.default.max_examples // 8))
@given(drawn=large_products())
def test_large_products_are_exact(drawn):
    state, inputs = drawn.arrays("state"), drawn.arrays("input")
    found = one_step(drawn.program, state, inputs)
    assert_equal(found, results(drawn.program, state, inputs), drawn.program)
