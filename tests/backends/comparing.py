"""What tests of passes and emitters hold beside the interpreter: steps of drawn ops, their results, equality."""

from __future__ import annotations

import numpy as np

import autograd as ag
import backends
from backends.program import format_program, interpret

NUMPY = backends.get("numpy")


def step_of(program):
    """A step of gradient descent on a program of ops, as a program of primitives, with its arrays."""
    with backends.use("numpy"):
        state = [ag.tensor(a, requires_grad=True) for a in program.inputs()]

        def step(*constants):
            for x in state:
                x.grad = None
            y = program.run(state, constants)
            if y.requires_grad:
                y.backward(ag.ones(y.shape, y.dtype))
            for x in state:
                if x.grad is not None:
                    x.assign(x.detach() - x.grad * 0.125)
            # a program of no ops returns its argument, which is not a result
            return y.detach() * 1.0

        constants = program.constants()
        names = {f"x{i}": x for i, x in enumerate(state)}
        captured = ag.capture(step, *constants, state=names)
    inputs = {f"argument.{i}": c.numpy() for i, c in enumerate(constants)}
    return captured.program, {n: x.numpy() for n, x in names.items()}, inputs


def results(program, state, inputs):
    """New state and outputs by the interpreter."""
    with NUMPY.quiet():
        new, outputs = interpret(program, NUMPY, state, inputs)
    return {f"state {n}": np.asarray(a) for n, a in new.items()} | {n: np.asarray(a) for n, a in outputs.items()}  # fmt: skip


def assert_equal(found, expected, program, tolerance=0.0):
    """Equal numbers; 0.0 and -0.0 are equal."""
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        mine = found[name]
        assert (mine.dtype, mine.shape) == (array.dtype, array.shape), name
        largest = float(np.abs(np.asarray(array, float)).max(initial=1.0))
        np.testing.assert_allclose(np.asarray(mine, float), np.asarray(array, float), rtol=tolerance, atol=tolerance * largest, err_msg=f"{name} of\n{format_program(program)}")  # fmt: skip
