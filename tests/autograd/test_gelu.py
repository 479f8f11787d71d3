"""erf and gelu as functions: values, slopes and what happens far out; PyTorch as oracle."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd as ag

FAR = [-math.inf, -1e300, -1e10, -40.0, -39.0, 39.0, 40.0, 1e10, 1e300, math.inf]
FORMS = ["none", "tanh"]


def slopes(function, x):
    first = ag.grad(lambda t: function(t).sum())
    second = ag.grad(lambda t: first(t).sum())
    return first(x).numpy(), second(x).numpy()


def test_erf():
    x = np.linspace(-4, 4, 81)
    tensor = ag.tensor(x)
    bell = 2 / math.sqrt(math.pi) * np.exp(-x * x)
    np.testing.assert_allclose(ag.erf(tensor).numpy(), [math.erf(v) for v in x], rtol=3e-16)
    first, second = slopes(ag.erf, tensor)
    np.testing.assert_allclose(first, bell, rtol=1e-14)
    np.testing.assert_allclose(second, -2 * x * bell, rtol=1e-14)
    assert tensor.erf().tolist() == ag.erf(tensor).tolist()


def test_gelu_at_known_points():
    x = np.linspace(-4, 4, 81)
    exact = [v * 0.5 * math.erfc(-v / math.sqrt(2)) for v in x]
    np.testing.assert_allclose(ag.gelu(ag.tensor(x)).numpy(), exact, atol=1e-15)
    scaled = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    bent = ag.gelu(ag.tensor(x), approximate="tanh").numpy()
    np.testing.assert_allclose(bent, 0.5 * x * (1 + np.tanh(scaled)), atol=1e-15)
    assert np.array_equal(ag.gelu(ag.tensor(x), "tanh").numpy(), bent)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("form", FORMS)
def test_far_out_gelu_is_the_identity_or_zero_and_nothing_overflows(form, dtype):
    with np.errstate(over="ignore"):
        points = np.array(FAR).astype(dtype)
    x = ag.tensor(points)
    y = ag.gelu(x, approximate=form).numpy()
    assert np.array_equal(y, np.where(points > 0, points, 0))
    first, second = slopes(lambda t: ag.gelu(t, approximate=form), x)
    assert np.array_equal(first, (points > 0).astype(dtype))
    assert np.array_equal(second, np.zeros(len(points)))


@pytest.mark.parametrize("form", FORMS)
def test_nan_stays(form):
    x = ag.tensor([math.nan], requires_grad=True)
    y = ag.gelu(x, approximate=form)
    y.backward(ag.ones(1))
    assert math.isnan(y.item())
    assert math.isnan(x.grad.item())


@pytest.mark.eager
def test_far_out_erf_is_flat():
    first, second = slopes(ag.erf, ag.tensor(np.array(FAR)))
    assert not first.any()
    assert not second.any()


@pytest.mark.oracle
@pytest.mark.parametrize("form", FORMS)
def test_pytorch_agrees(form):
    torch = pytest.importorskip("torch")
    points = np.random.default_rng(4).normal(size=200) * 3
    x = torch.tensor(points, requires_grad=True)
    y = torch.nn.functional.gelu(x, approximate=form)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    np.testing.assert_allclose(ag.gelu(ag.tensor(points), approximate=form).numpy(), y.detach(), atol=1e-15)
    mine = slopes(lambda t: ag.gelu(t, approximate=form), ag.tensor(points))
    # 1 + tanh and 1 + erf cancel in the tail: errors are those of numbers near 1
    np.testing.assert_allclose(mine[0], first.detach(), rtol=1e-13, atol=2e-15)
    np.testing.assert_allclose(mine[1], second, rtol=1e-12, atol=2e-15)


@pytest.mark.oracle
def test_pytorch_agrees_about_erf():
    torch = pytest.importorskip("torch")
    points = np.random.default_rng(5).normal(size=2000) * 2
    expected = torch.special.erf(torch.tensor(points)).numpy()
    np.testing.assert_allclose(ag.erf(ag.tensor(points)).numpy(), expected, rtol=3e-16)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(("dtype", "bound"), [("float32", 5e-6), ("float64", 2e-14)])
def test_the_slope_far_left_keeps_its_digits(dtype, bound, jit):
    """1 + erf(x / sqrt 2) cancels there; erfc does not."""
    x = np.linspace(-12, -3.5, 400).astype(dtype)
    slope = ag.grad(lambda x: ag.gelu(x).sum())
    found = (ag.jit(slope) if jit else slope)(ag.tensor(x)).numpy().astype("float64")
    right = [0.5 * math.erfc(-v / math.sqrt(2)) + v * math.exp(-v * v / 2) / math.sqrt(2 * math.pi) for v in x.astype("float64")]  # fmt: skip
    left = x < -4
    np.testing.assert_allclose(found[left], np.array(right)[left], rtol=bound)
    np.testing.assert_allclose(found, right, rtol=1e-3 if dtype == "float32" else 1e-11)
