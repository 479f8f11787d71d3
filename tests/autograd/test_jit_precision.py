"""`precision=` of compiled functions: which products have it, forward and backward, and on which backends."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import autograd as ag
import backends

FORMATS = ("tf32", "bfloat16", "float16")
BACKENDS = [name for name in ("numpy", "numba") if backends.available().get(name) == "available"]


def rounded(x, name):
    return backends.get("numpy").round_to(np.asarray(x, np.float32), format=name)


def exactly(a, b, name):
    """The product of rounded operands in float64."""
    return rounded(a, name).astype(np.float64) @ rounded(b, name).astype(np.float64)


@pytest.fixture
def matrices():
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(np.float32) for shape in ((9, 20), (20, 6))]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", FORMATS)
def test_forward_and_backward_have_the_precision(name, backend, matrices):
    a, b = matrices
    w = ag.tensor(b, requires_grad=True, backend=backend)

    @ag.jit(state=[w], precision=name)
    def both(x):
        w.grad = None
        y = x @ w
        (y * y).sum().backward()
        return y, w.grad

    y, slope = both(ag.tensor(a, backend=backend))
    expected = exactly(a, b, name)
    assert y.dtype == "float32"
    assert np.allclose(y.numpy(), expected, rtol=0, atol=1e-5)
    assert not np.allclose(y.numpy(), a @ b, rtol=0, atol=1e-5)
    back = exactly(a.T, 2 * y.numpy(), name)
    assert np.allclose(slope.numpy(), back, rtol=0, atol=2e-4)
    text = both.program_text()
    assert text.count("matmul(") == text.count(f"precision='{name}'") == 2


def test_captured_programs_have_it_too(matrices):
    a, b = matrices
    product = ag.capture(lambda x, w: x @ w, a, b, state={}, precision="bfloat16")
    assert "precision='bfloat16'" in product.program_text()
    assert np.allclose(product(a, b).numpy(), exactly(a, b, "bfloat16"), rtol=0, atol=1e-5)


@pytest.mark.parametrize("call", [ag.matmul, ag.linear, lambda x, w: ag.einsum("ij,jk->ik", x, w)])
def test_everything_that_is_a_product_has_it(call, matrices):
    product = ag.jit(call, precision="tf32")
    product(*matrices)
    assert "precision='tf32'" in product.program_text()


def test_convolutions_have_it():
    convolved = ag.jit(lambda x, w: ag.conv2d(x, w), precision="bfloat16")
    rng = np.random.default_rng(1)
    x, w = (rng.standard_normal(s).astype(np.float32) for s in ((2, 3, 6, 6), (4, 3, 3, 3)))
    y = convolved(x, w).numpy()
    assert "precision='bfloat16'" in convolved.program_text()
    expected = ag.conv2d(*(rounded(part, "bfloat16").astype(np.float64) for part in (x, w))).numpy()
    assert np.allclose(y, expected, rtol=0, atol=1e-5)


def test_float64_and_everything_but_products_stay_as_they_are(matrices):
    a, b = (part.astype(np.float64) for part in matrices)
    product = ag.jit(ag.matmul, precision="float16")
    assert np.array_equal(product(a, b).numpy(), ag.jit(ag.matmul)(a, b).numpy())
    other = ag.jit(lambda x: ag.tanh(x * 3.0).sum(), precision="float16")
    assert other(matrices[0]).item() == ag.jit(lambda x: ag.tanh(x * 3.0).sum())(matrices[0]).item()  # fmt: skip
    assert "precision" not in product.program_text() + other.program_text()


def test_the_precision_belongs_to_the_function():
    @ag.jit(precision="mixed_bfloat16")
    def product(x):
        return x @ x

    assert product.precision == "bfloat16"
    assert ag.jit(lambda x: x).precision is None

    class Holder:
        @ag.jit(precision="tf32")
        def method(self, x):
            return x @ x

    holder = Holder()
    holder.method(ag.ones((2, 2)))
    assert "precision='tf32'" in holder.method.program_text()


def test_a_pickled_function_keeps_it():
    assert pickle.loads(pickle.dumps(ag.jit(ag.matmul, precision="tf32"))).precision == "tf32"


def test_inside_another_trace_that_ones_precision_counts():
    inner = ag.jit(ag.matmul, precision="tf32")
    outer = ag.jit(lambda x: inner(x, x), precision="float16")
    outer(ag.ones((2, 2)))
    assert "precision='float16'" in outer.program_text()


def test_an_unknown_precision_is_refused_at_once():
    with pytest.raises(ag.DTypeError, match=r"got 'bfloat'\. Did you mean 'bfloat16'"):
        ag.jit(ag.matmul, precision="bfloat")
    with pytest.raises(ag.DTypeError, match="None is float32"):
        ag.capture(ag.matmul, np.ones((2, 2)), np.ones((2, 2)), state={}, precision="float32")


def test_a_constant_is_rounded_when_it_is_compiled():
    product = ag.jit(lambda x: x @ ag.full((2, 2), 1.001, "float32"), precision="bfloat16")
    assert product(np.ones((2, 2), np.float32)).tolist() == [[2.0, 2.0], [2.0, 2.0]]
