"""Losses for numbers and for margins, against their formulas in float64 NumPy; class and function."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import nn

generator = np.random.default_rng(8)
T, P = generator.uniform(0.1, 2, (5, 3)), generator.uniform(0.1, 2, (5, 3))
SIGNS = generator.choice([-1.0, 1.0], (5, 3))
ONE_HOT = np.eye(3)[[0, 2, 1, 1, 0]]


def unit(x):
    return x / np.sqrt((x * x).sum(-1, keepdims=True))


def huber(t, p, delta=1.0):
    e = abs(t - p)
    return np.where(e <= delta, e * e / 2, delta * e - delta * delta / 2)


CASES = {
    "mean_squared_error": (nn.MeanSquaredError, T, P, ((T - P) ** 2).mean(1)),
    "mean_absolute_error": (nn.MeanAbsoluteError, T, P, abs(T - P).mean(1)),
    "mean_absolute_percentage_error": (nn.MeanAbsolutePercentageError, T, P, (100 * abs((T - P) / T)).mean(1)),
    "mean_squared_logarithmic_error": (nn.MeanSquaredLogarithmicError, T, P, ((np.log1p(P) - np.log1p(T)) ** 2).mean(1)),
    "hinge": (nn.Hinge, SIGNS, P, np.maximum(1 - SIGNS * P, 0).mean(1)),
    "squared_hinge": (nn.SquaredHinge, SIGNS, P, (np.maximum(1 - SIGNS * P, 0) ** 2).mean(1)),
    "categorical_hinge": (nn.CategoricalHinge, ONE_HOT, P, np.maximum(((1 - ONE_HOT) * P).max(1) - (ONE_HOT * P).sum(1) + 1, 0)),
    "huber": (nn.Huber, T * 3, P, huber(T * 3, P).mean(1)),
    "log_cosh": (nn.LogCosh, T, P, np.log(np.cosh(P - T)).mean(1)),
    "poisson": (nn.Poisson, T, P, (P - T * np.log(P + 1e-7)).mean(1)),
    "cosine_similarity": (nn.CosineSimilarity, T, P, -(unit(T) * unit(P)).sum(1)),
    "kl_divergence": (nn.KLDivergence, T / 2, P / 2, (T / 2 * np.log(T / P)).sum(1)),
}  # fmt: skip
cases = pytest.mark.parametrize(("kind", "t", "p", "expected"), CASES.values(), ids=CASES)


@pytest.mark.eager
@cases
def test_a_value_per_sample_and_its_mean(kind, t, p, expected):
    np.testing.assert_allclose(kind(reduction=None)(t, p).numpy(), expected, rtol=1e-12)
    assert kind()(t, p).item() == pytest.approx(expected.mean(), rel=1e-12)
    weight = np.arange(5.0)
    assert kind()(t, p, weight).item() == pytest.approx((expected * weight).mean(), rel=1e-12)
    assert kind(reduction="sum")(t, p).item() == pytest.approx(expected.sum(), rel=1e-12)
    by_weight = kind(reduction="mean_with_sample_weight")(t, p, weight).item()
    assert by_weight == pytest.approx((expected * weight).sum() / weight.sum(), rel=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_the_function_of_that_name(name):
    _, t, p, expected = CASES[name]
    values = getattr(nn.losses, name)(t, p).numpy()
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    assert isinstance(nn.losses.get(name), CASES[name][0])


def test_huber_has_its_delta():
    values = nn.Huber(delta=0.3, reduction=None)(T, P).numpy()
    np.testing.assert_allclose(values, huber(T, P, 0.3).mean(1), rtol=1e-12)


@cases
def test_shapes_never_broadcast(kind, t, p, expected):
    with pytest.raises(ag.ShapeError, match=r"\(5, 2\).*\(5, 3\)"):
        kind()(t[:, :2], p)
