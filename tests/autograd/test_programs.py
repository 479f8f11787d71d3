"""Random programs: eager, captured and interpreted, and differenced, they are the same function on every backend."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autograd as ag
import backends
from autograd.testing import Undecided, check_grad, check_jvp, check_vjp, strategies

BACKENDS = [name for name in ("numpy", "numba") if backends.available().get(name) == "available"]
on_every_backend = pytest.mark.parametrize("backend", BACKENDS)
PROGRAMS = st.one_of(strategies.programs(), strategies.mlps())


def run(program, arrays, backend):
    """(result, gradients of its sum) as arrays."""
    with backends.use(backend):
        inputs = program.subject(backend).tensors(arrays)
        for x in inputs:
            x.requires_grad = True
        y = program(*inputs)
        if y.requires_grad:
            y.backward(ag.ones(y.shape, y.dtype))
        found = [ag.zeros_like(x) if x.grad is None else x.grad for x in inputs]
        return y.numpy(), [gradient.numpy() for gradient in found]


@on_every_backend
@given(PROGRAMS)
def test_gradients_agree_with_differences(backend, program):
    with backends.use(backend):
        try:
            check_grad(program.subject(), *program.inputs(), seed=program.seed)
        except Undecided:
            assume(False)


@on_every_backend
@settings(max_examples=30)
@given(strategies.programs(max_steps=4))
def test_second_derivatives_agree_with_differences(backend, program):
    with backends.use(backend):
        try:
            check_grad(program.subject(), *program.inputs(), order=2)
        except Undecided:
            assume(False)


@on_every_backend
@settings(max_examples=30)
@given(PROGRAMS)
def test_the_transforms_agree_with_differences(backend, program):
    with backends.use(backend):
        check_vjp(program.subject(), *program.inputs())
        check_jvp(program.subject(), *program.inputs())


@on_every_backend
@given(PROGRAMS)
def test_every_backend_agrees_with_numpy(backend, program):
    expected, gradients = run(program, program.inputs(), "numpy")
    found, others = run(program, program.inputs(), backend)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    for mine, theirs in zip(others, gradients, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-11)


@on_every_backend
@given(PROGRAMS)
def test_a_captured_program_is_bit_equal_to_eager(backend, program):
    """Forward and backward, run by the interpreter."""

    def step(inputs, constants):
        tensors = [x.detach() for x in inputs]
        for x in tensors:
            x.requires_grad = True
        y = program.run(tensors, constants)
        if y.requires_grad:
            y.backward(ag.ones(y.shape, y.dtype))
        # a program of no ops returns its argument, which is not a result
        return y.detach() * 1.0, [x.grad * 1.0 for x in tensors if x.grad is not None]

    with backends.use(backend):
        arguments = [[ag.tensor(a) for a in program.inputs()], program.constants()]
        expected = step(*arguments)
        found = ag.capture(step, *arguments, state={})(*arguments)
    for mine, theirs in zip([found[0], *found[1]], [expected[0], *expected[1]], strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.shape == theirs.shape
        assert mine.numpy().tobytes() == theirs.numpy().tobytes()


@on_every_backend
@given(PROGRAMS, st.sampled_from(strategies.LAYOUTS))
def test_memory_layout_does_not_matter(backend, program, layout):
    plain, gradients = run(program, program.inputs(), backend)
    arrays = [strategies.with_layout(array, layout) for array in program.inputs()]
    found, others = run(program, arrays, backend)
    np.testing.assert_allclose(found, plain, rtol=1e-12, atol=1e-12)
    for mine, theirs in zip(others, gradients, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-11)
