"""Tests of every op, made from its declaration: adding an op adds its tests."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from grouping import by, grouped

import autograd as ag
import backends
from autograd.ops import NAMESPACE, OPS
from autograd.testing import bad_samples, check_grad, check_vjp, samples
from backends.contract import SUPPORTED, Spec
from backends.program import format_program, parse_program, verify

OF_INTEREST = [sample for op in OPS.values() for sample in samples(op)]
BAD = [sample for op in OPS.values() for sample in bad_samples(op)]
NUMPY = backends.get("numpy")


def function(sample, dtype=None):
    """The op with the static arguments of the sample filled in, and the name that errors show."""
    public = getattr(NAMESPACE, sample.op.forward.__name__.rstrip("_"))

    def call(*inputs):
        return public(*inputs, **sample.static)

    call.op = sample.op
    return call


def differentiable(sample):
    """Positions of the floating inputs that the declaration gives a rule."""
    names = [*sample.op.arrays, *[sample.op.variadic] * len(sample.inputs)]
    return [i for i in sample.floating if names[i] in sample.op.vjp]


def by_op(values):
    """One test for each op."""
    return grouped("sample", by(values, lambda sample: sample.op.name))


WITH_GRADIENT = [sample for sample in OF_INTEREST if differentiable(sample)]
# astype to a fixed dtype has no gradient in another one
IN_FLOAT32 = [sample for sample in WITH_GRADIENT if sample.op.name != "astype"]


def gradients(sample, inputs, weights=None):
    """(result, gradients) as arrays; weights of the result are drawn from a fixed seed."""
    tensors = [ag.tensor(array) for array in inputs]
    for i in differentiable(sample):
        tensors[i].requires_grad = True
    y = function(sample)(*tensors)
    if weights is None:
        weights = np.random.default_rng(1).uniform(0.5, 1.5, y.shape)
    y.backward(ag.tensor(weights, y.dtype))
    return y.numpy(), [tensors[i].grad.numpy() for i in differentiable(sample)]


def test_every_op_has_samples():
    assert {sample.op.name for sample in OF_INTEREST} == {op.name for op in OPS.values()}


def test_every_rule_is_reached_by_a_sample():
    for op in OPS.values():
        reached = {[*op.arrays, *[op.variadic] * 9][i] for s in samples(op) for i in differentiable(s)}
        assert reached == set(op.vjp), op.name


@by_op(WITH_GRADIENT)
def test_gradient_agrees_with_differences(sample):
    check_grad(function(sample), *sample.inputs)


@by_op(IN_FLOAT32)
def test_gradient_in_float32_agrees_with_differences(sample):
    check_grad(function(sample), *sample.inputs, dtype="float32")


FIRST = {sample.op.name: sample for sample in reversed(WITH_GRADIENT)}
FEW = list(FIRST.values())[::-5]
"""For Numba beside NumPy; tests/backends goes through all of its kernels."""


@pytest.fixture
def is_tried(eager_backend, request):
    """Whether a sample is: on Numba few are by default."""
    option = request.config.getoption
    every = eager_backend.name != "numba" or option("--full") or option("--backend")
    return lambda sample: every or any(sample is one for one in FEW)


@pytest.mark.eager
@by_op(WITH_GRADIENT)
def test_second_derivatives_agree_with_differences(sample, is_tried):
    if sample.op.second_order is not None:
        pytest.skip(sample.op.second_order)
    if not is_tried(sample):
        return
    check_grad(function(sample), *sample.inputs, order=2)


@by_op(WITH_GRADIENT)
def test_the_vjp_transform_agrees_with_differences(sample):
    check_vjp(function(sample), *sample.inputs)


def strided(array):
    """The same values in memory of another order, with gaps."""
    room = np.full((*(2 * n for n in array.shape[::-1]), 2), 7, array.dtype)
    view = room[(*(slice(None, None, 2) for _ in array.shape), ..., 0)].T
    view[...] = array
    return view


def reversed_memory(array):
    """The same values with negative strides."""
    turn = (slice(None, None, -1),) * array.ndim
    return array[(*turn, ...)].copy()[(*turn, ...)]


def column_major(array):
    return np.array(array, order="F")


LAYOUTS = (strided, reversed_memory, column_major)


@pytest.mark.eager
@grouped("case", by(itertools.product(WITH_GRADIENT, LAYOUTS), lambda case: case[0].op.name))
def test_memory_layout_does_not_matter(case, is_tried):
    sample, layout = case
    if not is_tried(sample):
        return
    backend = NUMPY if backends.default().name.startswith("cupy") else backends.default()
    plain = gradients(sample, sample.inputs)
    tensors = []
    for array in sample.inputs:
        other = layout(array)
        assert np.array_equal(other, array)
        # around the copy that ag.tensor would make, which has the order of its source
        tensors.append(ag.Tensor.wrap(other, backend))
    y = function(sample)(*tensors)
    np.testing.assert_allclose(y.numpy(), plain[0], rtol=1e-13, atol=1e-13)
    for i in differentiable(sample):
        tensors[i].requires_grad = True
    y = function(sample)(*tensors)
    weights = np.random.default_rng(1).uniform(0.5, 1.5, y.shape)
    y.backward(ag.tensor(strided(weights), backend=backend))
    for i, expected in zip(differentiable(sample), plain[1], strict=True):
        found = tensors[i].grad.numpy()
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@by_op(OF_INTEREST)
def test_inputs_are_unharmed(sample):
    tensors = [ag.tensor(array) for array in sample.inputs]
    for i in differentiable(sample):
        tensors[i].requires_grad = True
    can_be_locked = isinstance(tensors[0].data, np.ndarray) if tensors else False
    for tensor in tensors if can_be_locked else ():
        tensor.data.flags.writeable = False
    y = function(sample)(*tensors)
    weights = ag.tensor(np.ones(y.shape), y.dtype)
    if can_be_locked:
        weights.data.flags.writeable = False
    if differentiable(sample):
        y.backward(weights)
    for tensor, array in zip(tensors, sample.inputs, strict=True):
        assert tensor.numpy().tobytes() == array.tobytes()
        assert tensor.dtype == array.dtype


@by_op(OF_INTEREST)
def test_arrays_lists_and_tensors_give_the_same(sample):
    call = function(sample)
    expected = call(*map(ag.tensor, sample.inputs))
    found = call(*sample.inputs) if sample.inputs else expected
    assert isinstance(found, ag.Tensor)
    assert found.dtype == expected.dtype
    assert np.array_equal(found.numpy(), expected.numpy(), equal_nan=True)


@by_op([sample for sample in OF_INTEREST if not sample.op.variadic])
def test_every_argument_can_be_given_by_name_and_by_position(sample):
    op, public = sample.op, getattr(NAMESPACE, sample.op.name)
    tensors = [ag.tensor(array) for array in sample.inputs]
    settings = {**op.static, **sample.static}
    expected = public(*tensors, **settings).numpy()
    named = public(**dict(zip(op.arrays, tensors, strict=False)), **settings).numpy()
    assert np.array_equal(named, expected, equal_nan=True)
    if len(tensors) == len(op.arrays):
        placed = public(*tensors, *settings.values()).numpy()
        assert np.array_equal(placed, expected, equal_nan=True)
    with pytest.raises(TypeError, match="unexpected"):
        public(*tensors, **settings, no_such_argument=1)


@by_op(OF_INTEREST)
def test_the_rule_on_symbols_predicts_shape_and_dtype(sample):
    """Where the op refuses a dtype, the rule refuses it too, with the same kind of error."""
    for dtype in SUPPORTED:
        # integers to negative powers are the one refusal that depends on values
        inputs = [np.abs(a).astype(dtype) if a.dtype.kind == "f" else a for a in sample.inputs]
        specs = [Spec(a.shape, a.dtype) for a in inputs]
        try:
            with NUMPY.quiet():
                y = function(sample)(*map(ag.tensor, inputs))
        except ag.GradloomError as error:
            with pytest.raises(type(error)):
                sample.op.spec(*specs, **sample.static)
        else:
            assert sample.op.spec(*specs, **sample.static) == Spec(y.shape, y.dtype), dtype


@by_op(BAD)
def test_bad_arguments_are_explained(sample):
    with pytest.raises(sample.error) as caught:
        function(sample)(*map(ag.tensor, sample.inputs))
    assert isinstance(caught.value, ag.GradloomError)
    message = str(caught.value)
    assert sample.text in message
    assert message.startswith(f"{sample.op.name}: ")
    assert "Received" in message


@by_op(WITH_GRADIENT)
def test_a_captured_step_is_bit_equal_to_eager(sample):
    places = differentiable(sample)
    expected_y, expected = gradients(sample, sample.inputs)
    weights = np.random.default_rng(1).uniform(0.5, 1.5, expected_y.shape)

    def step(g, *inputs):
        tensors = [x.detach() for x in inputs]
        for i in places:
            tensors[i].requires_grad = True
        y = function(sample)(*tensors)
        y.backward(g)
        return y.detach(), [tensors[i].grad for i in places]

    arguments = [ag.tensor(weights, expected_y.dtype), *map(ag.tensor, sample.inputs)]
    captured = ag.capture(step, *arguments, state={})
    y, found = captured(*arguments)
    for mine, theirs in zip([y, *found], [expected_y, *expected], strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.shape == theirs.shape
        if backends.default().name == "numpy":
            assert mine.numpy().tobytes() == np.ascontiguousarray(theirs).tobytes()
        else:  # the interpreter goes primitive by primitive, eager may run a whole rule in one kernel
            np.testing.assert_allclose(mine.numpy(), theirs, rtol=1e-13, atol=1e-13)
    text = format_program(captured.program)
    parsed = verify(parse_program(text))
    assert parsed == captured.program
    assert format_program(parsed) == text
