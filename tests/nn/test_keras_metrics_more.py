"""The metrics that came with Keras's scripts: values beside Keras, in eager and compiled runs, saved and loaded; strings,
functions, and metrics of one's own in Keras's form.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_oracle import as_array, import_keras

import nn

keras = import_keras()
pytestmark = pytest.mark.oracle
seeds = st.integers(0, 2**32 - 1)
IDS = dict(target_class_ids=[0, 2])

KINDS = {
    "TruePositives": ("binary", {}),
    "TrueNegatives": ("binary", dict(thresholds=0.3)),
    "FalsePositives": ("one-hot", dict(thresholds=0.7)),
    "FalseNegatives": ("one-hot", {}),
    "Precision, top": ("one-hot, no ties", dict(top_k=2)),
    "Recall, top": ("one-hot, no ties", dict(top_k=1, class_id=2)),
    "Recall, top above": ("one-hot, no ties", dict(top_k=2, thresholds=0.6)),
    "SensitivityAtSpecificity": ("binary", dict(specificity=0.5)),
    "SensitivityAtSpecificity, class": ("one-hot", dict(specificity=0.3, class_id=1, num_thresholds=7)),
    "SpecificityAtSensitivity": ("binary", dict(sensitivity=0.6, num_thresholds=15)),
    "PrecisionAtRecall": ("binary", dict(recall=0.4)),
    "RecallAtPrecision": ("binary", dict(precision=0.6, num_thresholds=2)),
    "RecallAtPrecision, one": ("binary", dict(precision=0.1, num_thresholds=1)),
    "BinaryCrossentropy": ("chances", dict(label_smoothing=0.2)),
    "BinaryCrossentropy, logits": ("numbers", dict(from_logits=True)),
    "CategoricalCrossentropy": ("shares", dict(label_smoothing=0.1)),
    "CategoricalCrossentropy, logits": ("shares", dict(from_logits=True)),
    "SparseCategoricalCrossentropy": ("labels, shares", {}),
    "KLDivergence": ("shares", {}),
    "Poisson": ("chances", {}),
    "MeanAbsolutePercentageError": ("chances", {}),
    "MeanSquaredLogarithmicError": ("chances", {}),
    "LogCoshError": ("numbers", {}),
    "CosineSimilarity": ("numbers", {}),
    "Hinge": ("signs", {}),
    "SquaredHinge": ("signs", {}),
    "CategoricalHinge": ("one-hot", {}),
    "PearsonCorrelation": ("numbers", {}),
    "ConcordanceCorrelation": ("numbers", {}),
    "Accuracy": ("classes", {}),
    "IoU": ("classes", dict(num_classes=4, **IDS)),
    "IoU, ignored": ("classes", dict(num_classes=4, ignore_class=2, **IDS)),
    "IoU, scores": ("one-hot", dict(num_classes=4, sparse_y_true=False, sparse_y_pred=False, **IDS)),
    "IoU, few": ("classes", dict(num_classes=3, **IDS)),
    "MeanIoU": ("classes", dict(num_classes=4)),
    "OneHotIoU": ("one-hot", dict(num_classes=4, **IDS)),
    "OneHotMeanIoU": ("one-hot", dict(num_classes=4)),
    "BinaryIoU": ("binary", dict(threshold=0.4)),
}
EXACT = {"IoU": 1e-6}
"""Keras computes the shares of these in float32."""


def drawn(seed, kind):
    """(targets, predictions, weight of each row); scores are multiples of 1/7, so there are ties."""
    generator = np.random.default_rng(seed)
    n = 12  # of one shape: JAX compiles for each
    labels = generator.integers(0, 4, n)
    weight = generator.integers(1, 9, n) / 4
    one_hot, scores = np.eye(4)[labels], generator.integers(0, 8, (n, 4)) / 7
    some = generator.uniform(0.05, 0.95, (2, n, 3))
    shares = scores + 0.125
    made = {
        "binary": ((labels > 1)[:, None].astype(float), scores[:, :1]),
        "one-hot": (one_hot, scores),
        "one-hot, no ties": (one_hot, generator.permuted(np.tile(np.arange(4.0) / 4, (n, 1)), axis=1)),
        "chances": (some[0], some[1]),
        "numbers": (some[0], 4 * some[1] - 2),
        "signs": (np.sign(some[0] - 0.5), 4 * some[1] - 2),
        "shares": (one_hot, shares),
        "labels, shares": (labels, shares),
        "classes": (labels, generator.integers(0, 4, n)),
    }
    return *made[kind], weight


@pytest.mark.filterwarnings("ignore:You are passing weight as `float`:UserWarning")
@pytest.mark.parametrize(("name", "kind", "options"), [(k, *v) for k, v in KINDS.items()], ids=KINDS)
@settings(max_examples=5)
@given(seeds, st.booleans())
def test_every_metric_is_kerass(name, kind, options, seed, weighted):
    name = name.split(",")[0]
    y_true, y_pred, weight = drawn(seed, kind)
    own = {"dtype": "float64"} if name.endswith("IoU") else {}
    ours, other = getattr(nn.metrics, name)(**options), getattr(keras.metrics, name)(**options, **own)
    column = weight[:, None] if y_pred.ndim > 1 and (weighted and not hasattr(other, "_fn")) else weight
    if name in ("OneHotIoU", "OneHotMeanIoU") or options.get("sparse_y_pred") is False:
        column = weight
    for part in np.array_split(np.arange(len(y_true)), 3):
        w = None if not weighted else weight[part]
        ours.update_state(y_true[part], y_pred[part], w)
        given = None if not weighted else column[part]
        if given is not None and given.ndim == 2 and y_pred.shape[1] > 1 and "class_id" not in options:
            given = np.broadcast_to(given, y_pred[part].shape)
        other.update_state(y_true[part], y_pred[part], sample_weight=given)
    tolerance = max((v for k, v in EXACT.items() if name.endswith(k)), default=1e-10)
    assert ours.result() == pytest.approx(float(as_array(other.result())), rel=tolerance, abs=tolerance)


def nothing(y_true, y_pred):
    """A loss that leaves the targets as they are."""
    return y_pred.reshape((y_pred.shape[0], -1)).mean(axis=-1) * 0.0


@pytest.mark.parametrize(("name", "kind", "options"), [(k, *v) for k, v in KINDS.items()], ids=KINDS)
def test_measured_by_hand_eager_compiled_and_loaded(name, kind, options, tmp_path):
    make = getattr(nn.metrics, name.split(",")[0])
    for seed in range(1, 50):
        y_true, y_pred, _ = drawn(seed, kind)
        by_hand = make(**options)
        by_hand.update(y_true, y_pred)
        if by_hand.result() != 0:
            break
    results = []
    for jit in (True, False):
        model = nn.Sequential([nn.Input(y_pred.shape[1:] or (1,)), nn.Activation("linear")], "float64")
        model.compile("sgd", nothing, metrics=[make(**options)], jit=jit)
        results.append(model.evaluate(y_pred, y_true, batch_size=5)[1])
        model.save(tmp_path / "model")
        loaded = nn.load(tmp_path / "model", custom_objects={"nothing": nothing})
        assert loaded.metrics[0].get_config() == model.metrics[0].get_config()
        assert loaded.evaluate(y_pred, y_true, batch_size=5)[1] == results[-1]
    assert results == [pytest.approx(by_hand.result(), rel=1e-12)] * 2
    assert by_hand.result() != 0
    by_hand.reset_state()
    assert not any(np.nan_to_num(v.numpy()).any() for v in by_hand.variables)


def test_strings_are_kerass():
    """Every name that Keras knows, but for those of metrics that are made by hand alone."""
    from keras.src.metrics import ALL_OBJECTS_DICT

    by_hand = {"Mean", "Sum", "MeanMetricWrapper", "Metric", "mean", "sum", "mean_metric_wrapper", "metric"}
    for name, theirs in ALL_OBJECTS_DICT.items():
        if name in by_hand:
            continue
        needed = [p for p in inspect.signature(theirs).parameters.values() if p.default is p.empty]
        if needed:
            with pytest.raises(nn.ArgumentError, match=f"'{name}' needs arguments; give the object"):
                nn.metrics.get(name)
            continue
        found = nn.metrics.get(name)
        # by shape where Keras's compile does so, too
        kind = {"accuracy": "MatchingAccuracy"}.get(name, theirs.__name__)
        assert (type(found).__name__, found.name) == (kind, name)
        assert type(nn.metrics.get(getattr(nn.metrics, kind))).__name__ == kind


FUNCTIONS = {
    "binary_accuracy": ("binary", (0.3,)),
    "categorical_accuracy": ("one-hot", ()),
    "sparse_categorical_accuracy": ("labels, shares", ()),
    "top_k_categorical_accuracy": ("one-hot, no ties", (2,)),
    "pearson_correlation": ("numbers", ()),
    "concordance_correlation": ("numbers", ()),
    "mean_squared_error": ("numbers", ()),
    "kl_divergence": ("shares", ()),
}


@pytest.mark.parametrize(
    ("name", "kind", "arguments"), [(k, *v) for k, v in FUNCTIONS.items()], ids=FUNCTIONS
)
def test_functions_are_kerass(name, kind, arguments):
    for seed in range(3):
        y_true, y_pred, _ = drawn(seed, kind)
        ours = getattr(nn.metrics, name)(y_true, y_pred, *arguments)
        theirs = getattr(keras.metrics, name)(y_true, y_pred, *arguments)
        assert ours.shape == tuple(theirs.shape)
        np.testing.assert_allclose(ours.numpy(), as_array(theirs), rtol=1e-6)
