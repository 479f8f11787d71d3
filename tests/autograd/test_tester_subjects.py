"""The tester on functions of other frameworks; what it cannot check; and scripts that repeat what it found."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
from autograd import graph
from autograd.ops import OPS
from autograd.testing import (
    BaseSubject,
    GradientMismatch,
    Subject,
    TensorSubject,
    Undecided,
    check_grad,
    check_jvp,
    check_vjp,
    samples,
)
from autograd.testing.report import array_text

X = np.array([[0.3, -0.7, 1.2], [1.9, -1.4, 0.5]])


class Cube(BaseSubject):
    """x * x * x by hand, to be spoilt in one place at a time."""

    def value(self, arrays):
        return arrays[0] ** 3

    def pull(self, arrays, weights, wanted):
        return [weights * 3 * arrays[0] ** 2 for _ in wanted]

    def push(self, arrays, tangents):
        return 3 * arrays[0] ** 2 * tangents[0]


def cube():
    return Cube(lambda x: x, "cube")


def spoilt(**methods):
    """A cube with other methods."""
    return type("Spoilt", (Cube,), methods)(lambda x: x, "cube")


def test_a_subject_of_another_framework():
    assert isinstance(cube(), Subject)
    for dtype in ("float64", "float32"):
        check_grad(cube(), X, dtype=dtype)
        check_vjp(cube(), X, dtype=dtype)
        check_jvp(cube(), X, dtype=dtype)
    with pytest.raises(ValueError, match="cube: order=2 needs a gradient that can be differentiated"):
        check_grad(cube(), X, order=2)
    with pytest.raises(ValueError, match="no forward mode"):
        check_jvp(spoilt(push=lambda self, arrays, tangents: None), X)


def harmful(self, arrays, weights, wanted):
    gradient = weights * 3 * arrays[0] ** 2
    arrays[0][...] = 0
    return [gradient]


def harmful_to_weights(self, arrays, weights, wanted):
    weights *= 3 * arrays[0] ** 2
    return [weights]


def affine(self, arrays, weights, wanted):
    return [weights * 3 * arrays[0] ** 2 + 1e-5]


def signed(self, arrays, weights, wanted):
    """Right for the first weights it sees, and wrong for others."""
    self.seen = getattr(self, "seen", weights)
    factor = 1.0 if np.array_equal(self.seen, weights) else 1.5
    return [weights * 3 * arrays[0] ** 2 * factor]


@pytest.mark.parametrize(
    ("methods", "text"),
    [
        (dict(pull=harmful), "computing a gradient changes x"),
        (dict(pull=harmful_to_weights), "computing a gradient changes the weights"),
        (dict(pull=affine), "cube"),
        (dict(pull=signed), "not linear in the weights"),
        (dict(push=lambda self, arrays, tangents: 3.003 * arrays[0] ** 2 * tangents[0]), "forward and reverse mode differ"),
    ],
)  # fmt: skip
def test_a_subject_spoilt_in_one_place_is_rejected(methods, text):
    with pytest.raises(GradientMismatch, match=text):
        check_grad(spoilt(**methods), X)


def test_a_wrong_forward_mode_is_rejected():
    wrong = spoilt(push=lambda self, arrays, tangents: 3.003 * arrays[0] ** 2 * tangents[0])
    with pytest.raises(GradientMismatch, match="forward mode gives"):
        check_jvp(wrong, X)
    shapeless = spoilt(push=lambda self, arrays, tangents: np.zeros(2))
    with pytest.raises(GradientMismatch, match=r"the change of the value has shape \(2,\)"):
        check_jvp(shapeless, X)
    nan = spoilt(push=lambda self, arrays, tangents: tangents[0] * np.nan)
    with pytest.raises(GradientMismatch, match="gives nan"):
        check_jvp(nan, X)


def test_a_function_that_is_not_the_same_at_each_call_is_named():
    with pytest.raises(GradientMismatch, match="two calls with the same inputs"):
        check_grad(lambda x: ag.dropout(x, 0.5), X)


def test_what_cannot_be_checked_is_explained():
    with pytest.raises(TypeError, match="expected a function of tensors or a Subject, got int 3"):
        check_grad(3, X)
    with pytest.raises(TypeError, match="returned list; expected one tensor"):
        check_grad(lambda x: [x, x], X)


def twice_wrong(x):
    return x * x.detach()


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (twice_wrong, [X]),
        (twice_wrong, [np.array(0.1)]),
        (twice_wrong, [np.random.default_rng(3).normal(size=(30, 40))]),
    ],
)
@pytest.mark.parametrize("check", [check_grad, check_vjp])
def test_the_script_in_the_message_repeats_it(check, function, inputs):
    with pytest.raises(GradientMismatch) as caught:
        check(function, *inputs, seed=5)
    script = caught.value.reproducer
    assert script in str(caught.value)
    assert len(script) < 3000
    with pytest.raises(GradientMismatch) as again:
        exec(script, {"f": function})
    if sum(a.size for a in inputs) < 100:
        assert again.value.reproducer == script
        assert str(again.value) == str(caught.value)


def test_a_script_packs_many_values_that_matter():
    """Random numbers of the same range would not show this."""
    x = np.linspace(1, 2, 400)
    x[7] = 1.25

    def wrong(x):
        hit = x == 1.25
        return ag.where(hit, x * x.detach(), x * x)

    with pytest.raises(GradientMismatch) as caught:
        check_grad(wrong, x)
    assert "unpacked(" in caught.value.reproducer
    with pytest.raises(GradientMismatch) as again:
        exec(caught.value.reproducer, {"f": wrong})
    assert str(again.value) == str(caught.value)


def test_the_script_of_an_op_needs_nothing_else(monkeypatch):
    real = graph._fit
    monkeypatch.setattr(graph, "_fit", lambda xp, g, parent: real(xp, xp.multiply(g, 1.001), parent))
    for op in (ag.softmax.op, ag.getitem.op if hasattr(ag.getitem, "op") else OPS["getitem"]):
        sample = samples(op)[0]
        with pytest.raises(GradientMismatch) as caught:
            check_grad(sample.subject(), *sample.inputs)
        with pytest.raises(GradientMismatch):
            exec(caught.value.reproducer, {})


def test_array_texts_are_equal_to_the_arrays():
    scope = {"np": np, "nan": np.nan, "inf": np.inf}
    for array in (
        np.array(0.1), np.zeros((0, 3)), X, np.array([True]), np.array([[1, 2]], np.int8),
        np.array([np.nan, -np.inf, -0.0, 5e-324]), np.array([0.1], np.float32),
    ):  # fmt: skip
        found = eval(array_text(array), scope)
        assert found.dtype == array.dtype
        assert found.shape == array.shape
        assert found.tobytes() == array.tobytes()


def test_on_which_backend_a_subject_computes():
    subject = TensorSubject(lambda x: x * 2.0, backend="numpy")
    assert subject.value([X]).tolist() == (X * 2).tolist()
    with pytest.raises(Undecided, match="the value is nan"):
        check_grad(TensorSubject(lambda x: x * float("nan"), name="nothing"), X)
