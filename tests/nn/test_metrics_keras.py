"""Metrics beside Keras, on drawn batches with and without weights.

Keras's epsilon is 1e-30 here, so that F scores can be compared: ours have none.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_oracle import as_array, import_keras

import nn

keras = import_keras()
pytestmark = pytest.mark.oracle
RTOL = 1e-12
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True)
def _tiny_epsilon():
    epsilon = keras.config.epsilon()
    keras.config.set_epsilon(1e-30)
    yield
    keras.config.set_epsilon(epsilon)


def both(ours, other, y_true, y_pred, weight):
    """Three batches for each of them."""
    for part in np.array_split(np.arange(len(y_true)), 3):
        w = None if weight is None else weight[part]
        ours.update(y_true[part], y_pred[part], w)
        other.update_state(y_true[part], y_pred[part], sample_weight=w)
    return ours.result(), as_array(other.result())


KINDS = {
    "BinaryAccuracy": ("binary", dict(threshold=0.3)),
    "CategoricalAccuracy": ("one-hot", {}),
    "SparseCategoricalAccuracy": ("labels", {}),
    "TopKCategoricalAccuracy": ("one-hot", dict(k=2)),
    "SparseTopKCategoricalAccuracy": ("labels", dict(k=2)),
    "Precision": ("binary", {}),
    "Precision, one class": ("one-hot", dict(thresholds=0.3, class_id=1)),
    "Recall": ("one-hot", dict(thresholds=0.7)),
    "Recall, 0.2": ("binary", dict(thresholds=0.2)),
    "F1Score, micro": ("one-hot", dict(average="micro")),
    "F1Score, macro": ("one-hot", dict(average="macro", threshold=0.4)),
    "F1Score, weighted": ("one-hot", dict(average="weighted")),
    "FBetaScore": ("one-hot", dict(average="macro", beta=2.0)),
    "MeanSquaredError": ("numbers", {}),
    "MeanAbsoluteError": ("numbers", {}),
    "RootMeanSquaredError": ("numbers", {}),
    "R2Score": ("numbers", {}),
    "R2Score, weighted": ("numbers", dict(class_aggregation="variance_weighted_average")),
    "R2Score, adjusted": ("column", dict(num_regressors=3)),
}


def drawn(seed, kind):
    """(targets, predictions, weights); scores are multiples of 1/7, so there are ties, but none with a threshold."""
    generator = np.random.default_rng(seed)
    n = int(generator.integers(8, 25))
    labels = generator.integers(0, 4, n)
    weight = generator.uniform(0.1, 2.0, n)
    if kind == "binary":
        return (labels > 1)[:, None].astype(float), generator.integers(0, 8, (n, 1)) / 7, weight
    if kind in ("numbers", "column"):
        shape = (n, 1 if kind == "column" else 3)
        return generator.standard_normal(shape), generator.standard_normal(shape), weight
    scores = generator.integers(0, 8, (n, 4)) / 7
    return (np.eye(4)[labels] if kind == "one-hot" else labels), scores, weight


@pytest.mark.parametrize(("name", "kind", "options"), [(k, *v) for k, v in KINDS.items()], ids=KINDS)
@settings(max_examples=20)
@given(seeds, st.booleans())
def test_every_metric_is_kerass(name, kind, options, seed, weighted):
    name = name.split(",")[0]
    y_true, y_pred, weight = drawn(seed, kind)
    ours, other = getattr(nn.metrics, name)(**options), getattr(keras.metrics, name)(**options)
    if name in ("Precision", "Recall") and weighted:
        # Keras takes only weights that broadcast against the predictions
        weight = weight[:, None]
    got, expected = both(ours, other, y_true, y_pred, weight if weighted else None)
    assert got == pytest.approx(expected, rel=RTOL, abs=RTOL)


@settings(max_examples=20)
@given(seeds, st.booleans())
def test_what_keras_returns_as_an_array_is_in_results(seed, weighted):
    y_true, y_pred, weight = drawn(seed, "one-hot")
    weight = weight if weighted else None
    for name, options in (("F1Score", {}), ("R2Score", dict(class_aggregation=None))):
        ours, other = getattr(nn.metrics, name)(**options), getattr(keras.metrics, name)(**options)
        got, expected = both(ours, other, y_true, y_pred, weight)
        if np.isfinite(expected).all():
            assert ours.results() == pytest.approx(expected.tolist(), rel=1e-10, abs=1e-12)
            assert got.tolist() == pytest.approx(expected.tolist(), rel=1e-10, abs=1e-12)
    y_true, y_pred, _ = drawn(seed, "binary")
    for name in ("Precision", "Recall"):
        ours, other = (getattr(m, name)([0.2, 0.5, 0.9]) for m in (nn.metrics, keras.metrics))
        _, expected = both(ours, other, y_true, y_pred, None)
        assert ours.results() == pytest.approx(expected.tolist(), rel=RTOL)


@pytest.mark.parametrize("curve", ["ROC", "PR"])
@settings(max_examples=20)
@given(seeds, st.booleans())
def test_auc_is_what_keras_gives_with_a_threshold_between_any_two_scores(curve, seed, weighted):
    y_true, y_pred, weight = drawn(seed, "binary")
    y_true[:2, 0] = 0, 1
    ours = nn.AUC(curve)
    other = keras.metrics.AUC(curve=curve, thresholds=[(i + 0.5) / 7 for i in range(7)])
    weights = weight[:, None] if weighted else None
    got, expected = both(ours, other, y_true, y_pred, weights)
    assert got == pytest.approx(expected, rel=RTOL)


@settings(max_examples=20)
@given(seeds, st.booleans())
def test_mean_is_kerass(seed, weighted):
    _, values, weight = drawn(seed, "numbers")
    ours, other = nn.metrics.Mean(), keras.metrics.Mean()
    for part in np.array_split(np.arange(len(values)), 3):
        w = weight[part] if weighted else None
        ours.update(values[part], w)
        other.update_state(values[part], sample_weight=w)
    assert ours.result() == pytest.approx(as_array(other.result()), rel=RTOL, abs=RTOL)
