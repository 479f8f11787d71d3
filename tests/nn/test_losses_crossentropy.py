"""Losses against their formulas in float64 NumPy, by hand, and against PyTorch with gradients.

The formulas here are written from the definitions, not from the implementation.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd as ag
import nn

EXACT = dict(rtol=1e-13, atol=0)
generator = np.random.default_rng(4)
LOGITS = generator.standard_normal((6, 4)) * 3
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
SOFT = generator.dirichlet(np.ones(4), size=6)
LABELS = np.array([0, 3, 1, 1, 2, 0])
HALVES = generator.uniform(size=(6, 4))
WEIGHTS = np.array([1.0, 0.0, 2.5, 0.5, 1.0, 3.0])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def smooth(targets, by, to):
    return targets * (1 - by) + by * to


def binary(t, p):
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(axis=1)


def categorical(t, p):
    q = np.clip(p / p.sum(axis=1, keepdims=True), 1e-7, 1 - 1e-7)
    return -(t * np.log(q)).sum(axis=1)


def log_softmax(z):
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


UNSCALED = HALVES * 5 + 0.1
ONE_HOT = np.eye(4)[LABELS]
PER_SAMPLE = {
    "mse": (nn.MeanSquaredError, {}, SOFT, LOGITS, ((SOFT - LOGITS) ** 2).mean(axis=1)),
    "bce": (nn.BinaryCrossentropy, {}, HALVES, PROBABILITIES, binary(HALVES, PROBABILITIES)),
    "bce smooth": (
        nn.BinaryCrossentropy,
        dict(label_smoothing=0.2),
        ONE_HOT,
        PROBABILITIES,
        binary(smooth(ONE_HOT, 0.2, 1 / 2), PROBABILITIES),
    ),
    "bce logits": (
        nn.BinaryCrossentropy,
        dict(from_logits=True),
        HALVES,
        LOGITS,
        (-HALVES * np.log(sigmoid(LOGITS)) - (1 - HALVES) * np.log(sigmoid(-LOGITS))).mean(axis=1),
    ),
    "cce": (nn.CategoricalCrossentropy, {}, SOFT, PROBABILITIES, categorical(SOFT, PROBABILITIES)),
    "cce renormalises": (
        nn.CategoricalCrossentropy,
        {},
        SOFT,
        UNSCALED,
        categorical(SOFT, UNSCALED),
    ),
    "cce smooth": (
        nn.CategoricalCrossentropy,
        dict(label_smoothing=0.1),
        ONE_HOT,
        PROBABILITIES,
        categorical(smooth(ONE_HOT, 0.1, 1 / 4), PROBABILITIES),
    ),
    "cce logits": (
        nn.CategoricalCrossentropy,
        dict(from_logits=True),
        SOFT,
        LOGITS,
        -(SOFT * log_softmax(LOGITS)).sum(axis=1),
    ),
    "scce": (
        nn.SparseCategoricalCrossentropy,
        {},
        LABELS,
        PROBABILITIES,
        categorical(ONE_HOT, PROBABILITIES),
    ),
    "scce (n, 1)": (
        nn.SparseCategoricalCrossentropy,
        {},
        LABELS[:, None],
        UNSCALED,
        categorical(ONE_HOT, UNSCALED),
    ),
    "scce logits": (
        nn.SparseCategoricalCrossentropy,
        dict(from_logits=True),
        LABELS.astype(float),
        LOGITS,
        -(ONE_HOT * log_softmax(LOGITS)).sum(axis=1),
    ),
}
loss_cases = pytest.mark.parametrize(
    ("kind", "options", "targets", "predictions", "expected"), PER_SAMPLE.values(), ids=PER_SAMPLE
)


@pytest.mark.eager
@loss_cases
def test_a_value_per_sample(kind, options, targets, predictions, expected):
    values = kind(**options, reduction=None)(targets, predictions)
    assert values.dtype == np.float64
    np.testing.assert_allclose(values.numpy(), expected, **EXACT)


@loss_cases
def test_reductions_and_weights(kind, options, targets, predictions, expected):
    """A weight is a factor and the denominator stays the count; only mean_with_sample_weight divides by weights."""
    weighted = {
        "sum_over_batch_size": (expected * WEIGHTS).sum() / 6,
        "mean": (expected * WEIGHTS).sum() / 6,
        "sum": (expected * WEIGHTS).sum(),
        "mean_with_sample_weight": (expected * WEIGHTS).sum() / WEIGHTS.sum(),
        "none": expected * WEIGHTS,
        None: expected * WEIGHTS,
    }
    for reduction, value in weighted.items():
        loss = kind(**options, reduction=reduction)
        got = loss(targets, predictions, sample_weight=WEIGHTS)
        np.testing.assert_allclose(got.numpy(), value, **EXACT)
        plain = {"sum": expected.sum(), "none": expected, None: expected}.get(reduction, expected.mean())
        np.testing.assert_allclose(loss(targets, predictions).numpy(), plain, **EXACT)


@pytest.mark.eager
def test_by_hand():
    assert nn.MeanSquaredError()([[1.0, 2.0]], [[2.0, 4.0]]).item() == 2.5
    half = nn.BinaryCrossentropy()(np.array([[1.0], [0.0]]), np.array([[0.25], [0.25]]))
    assert half.item() == pytest.approx((math.log(4) - math.log(0.75)) / 2, rel=1e-15)
    categorical_value = nn.CategoricalCrossentropy()(np.array([[0.0, 1.0]]), np.array([[3.0, 1.0]]))
    assert categorical_value.item() == pytest.approx(math.log(4), rel=1e-15)


def test_probabilities_are_clipped_at_1e_minus_7():
    """A wrong certain prediction costs -log(1e-7) = 16.118, a right one almost nothing."""
    wrong, right = np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]])
    targets = np.array([[0.0], [1.0]])
    loss = nn.BinaryCrossentropy()
    assert loss(targets, wrong).item() == pytest.approx(-math.log(1e-7), rel=1e-9)
    assert loss(targets, right).item() == pytest.approx(-math.log1p(-1e-7), rel=1e-9)
    rows = np.array([[1.0, 0.0]])
    assert nn.CategoricalCrossentropy()(rows[:, ::-1].copy(), rows).item() == pytest.approx(
        -math.log(1e-7), rel=1e-9
    )
    assert nn.SparseCategoricalCrossentropy()([1], rows).item() == pytest.approx(-math.log(1e-7), rel=1e-9)


def test_a_weight_per_sample_has_to_fit():
    with pytest.raises(ag.ShapeError, match=r"sample_weight \(3,\) does not fit \(6,\)"):
        nn.MeanSquaredError()(SOFT, LOGITS, sample_weight=np.ones(3))


def torch_losses(torch):
    """Our loss, and PyTorch's on the same targets and predictions; ours mean over features first, theirs over all."""
    F = torch.nn.functional

    def tensors(*arrays):
        return [torch.tensor(a) for a in arrays]

    soft, one_hot, labels, halves = tensors(SOFT, ONE_HOT, LABELS, HALVES)
    return {
        "mse": (nn.MeanSquaredError(), SOFT, LOGITS, lambda p: F.mse_loss(p, soft)),
        "bce": (
            nn.BinaryCrossentropy(),
            HALVES,
            PROBABILITIES,
            lambda p: F.binary_cross_entropy(p, halves),
        ),
        "bce logits": (
            nn.BinaryCrossentropy(from_logits=True),
            HALVES,
            LOGITS * 30,
            lambda p: F.binary_cross_entropy_with_logits(p, halves),
        ),
        "cce logits": (
            nn.CategoricalCrossentropy(from_logits=True),
            SOFT,
            LOGITS * 30,
            lambda p: F.cross_entropy(p, soft),
        ),
        "cce smooth": (
            nn.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
            ONE_HOT,
            LOGITS,
            lambda p: F.cross_entropy(p, labels, label_smoothing=0.1),
        ),
        "scce logits": (
            nn.SparseCategoricalCrossentropy(from_logits=True),
            LABELS,
            LOGITS * 30,
            lambda p: F.cross_entropy(p, labels),
        ),
        "scce": (
            nn.SparseCategoricalCrossentropy(),
            LABELS,
            PROBABILITIES,
            lambda p: F.nll_loss((p / p.sum(dim=1, keepdim=True)).log(), labels),
        ),
        "cce": (
            nn.CategoricalCrossentropy(),
            ONE_HOT,
            UNSCALED,
            lambda p: F.cross_entropy((p / p.sum(dim=1, keepdim=True)).log(), one_hot),
        ),
    }


@pytest.mark.oracle
def test_values_and_gradients_are_pytorchs():
    torch = pytest.importorskip("torch")
    for name, (loss, targets, predictions, theirs) in torch_losses(torch).items():
        ours = ag.tensor(predictions, requires_grad=True)
        value = loss(targets, ours)
        value.backward()
        other = torch.tensor(predictions, requires_grad=True)
        expected = theirs(other)
        expected.backward()
        np.testing.assert_allclose(value.item(), expected.item(), rtol=1e-12, err_msg=name)
        np.testing.assert_allclose(
            ours.grad.numpy(), other.grad.numpy(), rtol=1e-11, atol=1e-15, err_msg=name
        )
