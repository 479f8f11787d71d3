"""Metrics: which accuracy the shapes choose, weights, and that adding up batches gives the value of the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
import nn

SCORES = np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3], [0.3, 0.3, 0.4], [0.0, 1.0, 0.0]])
LABELS = np.array([1, 2, 2, 0])
HITS = 2 / 4


def measured(metric, y_true, y_pred, weight=None):
    metric.update(ag.tensor(y_true), ag.tensor(y_pred), weight)
    return metric.result()


@pytest.mark.parametrize(
    ("y_true", "y_pred", "expected"),
    [
        # one output: binary, p > 0.5, so exactly 0.5 is class 0
        (np.array([1.0, 0.0, 0.0, 1.0]), np.array([[0.9], [0.5], [0.51], [0.2]]), 0.5),
        (np.array([[1.0], [0.0], [0.0], [1.0]]), np.array([[0.9], [0.5], [0.51], [0.2]]), 0.5),
        # one dimension fewer, or a last one of 1: class numbers
        (LABELS, SCORES, HITS),
        (LABELS[:, None], SCORES, HITS),
        (LABELS.astype(float), SCORES, HITS),
        # the same shape: one-hot rows
        (np.eye(3)[LABELS], SCORES, HITS),
        # a sequence of classes per sample
        (np.array([[0, 1], [1, 1]]), np.eye(2)[[[0, 1], [0, 1]]], 0.75),
    ],
)
def test_accuracy_is_chosen_by_shape(y_true, y_pred, expected):
    assert measured(nn.metrics.MatchingAccuracy(), y_true, y_pred) == expected


@pytest.mark.parametrize("name", ["accuracy", "acc"])
def test_accuracy_in_fit_and_evaluate(name):
    model = nn.Sequential([nn.Activation("linear")])
    model.compile("sgd", "categorical_crossentropy", metrics=[name])
    result = model.evaluate(SCORES, np.eye(3)[LABELS], return_dict=True)
    assert result[name] == HITS


def test_each_accuracy_by_name():
    binary = measured(nn.BinaryAccuracy(threshold=0.2), [[1.0, 0.0]], [[0.3, 0.3]])
    assert binary == 0.5
    assert measured(nn.CategoricalAccuracy(), np.eye(3)[LABELS], SCORES) == HITS
    assert measured(nn.SparseCategoricalAccuracy(), LABELS, SCORES) == HITS


def test_weights_weigh():
    """Rows 0 and 2 are hits: (1 + 3) / (1 + 2 + 3 + 4)."""
    weight = np.array([1.0, 2.0, 3.0, 4.0])
    for metric, y_true in [
        (nn.metrics.MatchingAccuracy(), LABELS),
        (nn.SparseCategoricalAccuracy(), LABELS),
        (nn.CategoricalAccuracy(), np.eye(3)[LABELS]),
    ]:
        assert measured(metric, y_true, SCORES, weight) == pytest.approx(0.4, rel=1e-15)


def test_in_evaluate_weights_are_for_the_loss_alone():
    """As Keras's `metrics`; rows 0 and 2 of four are hits."""
    model = nn.Sequential([nn.Activation("linear")])
    model.compile("sgd", nn.SparseCategoricalCrossentropy(from_logits=True), metrics="accuracy")
    weight = np.array([1.0, 2.0, 3.0, 4.0])
    for size in (1, 3, 4):
        _, accuracy = model.evaluate(SCORES, LABELS, size, sample_weight=weight)
        assert accuracy == pytest.approx(0.5, rel=1e-15)


@pytest.mark.parametrize("metrics", [None, (), []])
def test_no_metrics(metrics):
    model = nn.Sequential([nn.Activation("linear")])
    model.compile("sgd", "mse", metrics=metrics)
    assert model.evaluate(SCORES, SCORES, return_dict=True) == {"loss": 0.0}


@pytest.mark.parametrize(
    "metric",
    [nn.metrics.MatchingAccuracy(), nn.metrics.MatchingAccuracy, "accuracy"],
    ids=["instance", "class", "name"],
)
def test_one_metric_without_a_list(metric):
    model = nn.Sequential([nn.Activation("linear")])
    model.compile("sgd", "categorical_crossentropy", metrics=metric)
    assert model.evaluate(SCORES, np.eye(3)[LABELS], return_dict=True)["accuracy"] == HITS


def test_losses_and_functions_as_metrics():
    def largest(y_true, y_pred):
        return y_pred.max(axis=-1)

    model = nn.Sequential([nn.Activation("linear")], "float64")
    logits = nn.CategoricalCrossentropy(from_logits=True)
    model.compile("sgd", "mse", metrics=["mse", largest, logits, nn.MeanSquaredError])
    result = model.evaluate(SCORES, np.eye(3)[LABELS], batch_size=3, return_dict=True)
    assert list(result) == ["loss", "mse", "largest", "CategoricalCrossentropy", "MeanSquaredError"]
    squared = ((SCORES - np.eye(3)[LABELS]) ** 2).mean()
    log_softmax = SCORES - np.log(np.exp(SCORES).sum(axis=1, keepdims=True))
    assert result["loss"] == pytest.approx(squared, rel=1e-14)
    assert result["mse"] == result["MeanSquaredError"] == pytest.approx(squared, rel=1e-14)
    assert result["largest"] == pytest.approx(SCORES.max(axis=1).mean(), rel=1e-14)
    assert result["CategoricalCrossentropy"] == pytest.approx(
        -log_softmax[np.arange(4), LABELS].mean(), rel=1e-14
    )


def test_a_function_that_returns_no_tensor_is_named():
    model = nn.Sequential([nn.Activation("linear")])
    model.compile("sgd", "mse", metrics=[len_of := lambda y, p: 3])
    with pytest.raises(nn.ArgumentError, match="metric '<lambda>' returns a tensor, got int"):
        model.evaluate(SCORES, SCORES)
    assert len_of(0, 0) == 3


def test_nothing_seen_is_nan_and_reset_forgets():
    metric = nn.BinaryAccuracy()
    assert math.isnan(metric.result())
    metric.update([[1.0]], [[0.9]])
    assert metric.result() == 1.0
    metric.reset()
    assert math.isnan(metric.result())
    metric.update([[1.0]], [[0.1]])
    assert metric.result() == 0.0


@given(
    st.integers(1, 40),
    st.integers(1, 9),
    st.booleans(),
    st.sampled_from([nn.metrics.MatchingAccuracy, nn.SparseCategoricalAccuracy]),
)
def test_batches_add_up_to_the_whole(n, size, weighted, kind):
    drawn = np.random.default_rng(n * 100 + size)
    labels, scores = drawn.integers(0, 4, n), drawn.standard_normal((n, 4))
    # eighths are exact in binary, so the sums are the same in any order
    weight = drawn.integers(1, 9, n) / 8 if weighted else None
    whole, parts = kind(), kind()
    whole.update(labels, scores, weight)
    for i in range(0, n, size):
        part = slice(i, i + size)
        parts.update(labels[part], scores[part], None if weight is None else weight[part])
    assert parts.result() == whole.result()
    hits = labels == scores.argmax(axis=1)
    assert whole.result() == np.average(hits, weights=weight)
