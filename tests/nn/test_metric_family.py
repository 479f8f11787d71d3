"""Metrics beyond accuracy: by hand, beside scikit-learn, their strings, their errors, and saved with the model."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
import nn

T = np.array([1, 0, 1, 1, 0])
P = np.array([0.9, 0.8, 0.3, 0.6, 0.1])
seeds = st.integers(0, 2**32 - 1)


def measured(metric, y_true, y_pred, weight=None):
    """The result after three batches."""
    for part in np.array_split(np.arange(len(y_true)), 3):
        if len(part):
            metric.update(y_true[part], y_pred[part], None if weight is None else weight[part])
    return metric.result()


def drawn(seed, classes=1):
    """Targets, scores with ties, weights."""
    generator = np.random.default_rng(seed)
    n = int(generator.integers(4, 30))
    labels = generator.integers(0, max(classes, 2), n)
    shape = (n,) if classes == 1 else (n, classes)
    return labels, generator.integers(0, 9, shape) / 8, generator.integers(1, 9, n) / 8


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (nn.Precision(), 2 / 3),
        (nn.Recall(), 2 / 3),
        (nn.Recall(0.2), 1.0),
        (nn.Precision(thresholds=0.85), 1.0),
        (nn.Precision(thresholds=0.95), 0.0),
        (nn.F1Score("macro"), 2 / 3),
        (nn.F1Score("macro", threshold=0.85), 0.5),
        (nn.metrics.FBetaScore("macro", beta=2.0, threshold=0.2), 5 * 3 / (5 * 3 + 0 + 1)),
        (nn.AUC(), 4 / 6),
        (nn.metrics.MeanSquaredError(), np.mean((P - T) ** 2)),
        (nn.metrics.MeanAbsoluteError(), np.mean(abs(P - T))),
        (nn.metrics.RootMeanSquaredError(), np.sqrt(np.mean((P - T) ** 2))),
        (nn.R2Score(), 1 - np.mean((P - T) ** 2) / np.var(T)),
        (nn.R2Score(num_regressors=2), 1 - np.mean((P - T) ** 2) / np.var(T) * 4 / 2),
        (nn.R2Score(num_regressors=4), 1 - np.mean((P - T) ** 2) / np.var(T)),
    ],
)
@pytest.mark.parametrize("column", [False, True])
def test_values_by_hand(metric, expected, column):
    metric.reset()
    predictions = P[:, None] if column else P
    assert measured(metric, T, predictions) == pytest.approx(expected, rel=1e-14)
    metric.reset_state()
    metric.update_state(T, predictions)
    assert metric.result() == pytest.approx(expected, rel=1e-14)


def test_several_values():
    precision = nn.Precision([0.2, 0.85])
    assert measured(precision, T, P).tolist() == precision.results()
    assert precision.results() == [0.75, 1.0]
    labels, scores = np.array([0, 0, 1, 2]), np.eye(3)[[0, 1, 1, 1]]
    f1 = nn.F1Score()
    assert measured(f1, np.eye(3)[labels], scores).tolist() == f1.results()
    assert f1.results() == pytest.approx([2 / 3, 0.5, 0])
    r2 = nn.R2Score(None)
    targets = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 8.0]])
    assert measured(r2, targets, targets + np.array([0.0, 1.0])).tolist() == r2.results()
    assert r2.results() == pytest.approx([1.0, 0.5])


def test_one_class_of_several():
    """Column 1 alone, and the decision of every element."""
    y, p = np.eye(3)[[0, 1, 1]], np.array([[0.9, 0.6, 0.0], [0.1, 0.9, 0.0], [0.6, 0.2, 0.2]])
    assert measured(nn.Precision(class_id=1), y, p) == 0.5
    assert measured(nn.Recall(class_id=1), y, p) == 0.5
    assert measured(nn.Precision(), y, p) == 0.5
    with pytest.raises(ag.ShapeError, match=r"Recall: class_id=3 does not fit predictions \(3, 3\)"):
        nn.Recall(class_id=3).update(y, p)


def test_the_confusion_matrix():
    scores = np.eye(3)[[0, 1, 1, 2, 0]]
    labels = np.array([0, 1, 2, 2, 0])
    for y_true in (labels, labels[:, None], np.eye(3)[labels]):
        metric = nn.ConfusionMatrix(3)
        assert not metric.matrix().any()
        result = measured(metric, y_true, scores)
        assert result.tolist() == metric.matrix().tolist() == [[2, 0, 0], [0, 1, 0], [0, 1, 1]]
    weighted = measured(nn.ConfusionMatrix(2), T, P, np.arange(1.0, 6.0))
    assert weighted.tolist() == [[5, 2], [3, 5]]
    with pytest.raises(ag.ShapeError, match=r"4 classes do not fit predictions \(5, 3\)"):
        nn.ConfusionMatrix(4).update(labels, scores)


def test_a_matrix_is_no_part_of_the_logs():
    matrix = nn.ConfusionMatrix(2)
    model = nn.Sequential([nn.Input((1,)), nn.Activation("linear")])
    model.compile("sgd", "mse", metrics=[matrix, "auc"])
    assert list(model.evaluate(P[:, None], T, batch_size=2, return_dict=True)) == ["loss", "auc"]
    assert matrix.matrix().tolist() == [[1, 1], [1, 2]]


def test_top_k_counts_ties_and_not_nan():
    scores = np.array([[0.5, 0.2, 0.2, 0.1], [math.nan, 0.9, 0.1, 0.0], [0.1, 0.1, 0.1, 0.1]])
    for k, expected in ((1, 1 / 3), (2, 2 / 3), (3, 2 / 3), (9, 2 / 3)):
        labels = np.array([2, 0, 3])
        assert measured(nn.SparseTopKCategoricalAccuracy(k), labels, scores) == pytest.approx(expected)
        one_hot = np.eye(4)[labels]
        assert measured(nn.TopKCategoricalAccuracy(k), one_hot, scores) == pytest.approx(expected)
    # the NaN takes a place, so class 1 is second
    assert measured(nn.SparseTopKCategoricalAccuracy(1), np.array([1]), scores[1:2]) == 0


def test_nothing_to_divide_by():
    for metric in (nn.Precision(), nn.Recall(), nn.F1Score()):
        assert measured(metric, np.zeros(3), np.zeros(3)) == 0
    assert math.isnan(nn.AUC().result())
    assert math.isnan(measured(nn.AUC(), np.zeros(3), P[:3]))
    assert math.isnan(measured(nn.AUC(curve="PR"), np.zeros(3), P[:3]))
    assert math.isnan(measured(nn.AUC(), T[:2], np.array([math.nan, 1.0])))
    assert math.isnan(nn.R2Score().result())
    assert measured(nn.R2Score(), np.ones(3), P[:3]) == 0
    assert math.isnan(measured(nn.R2Score(), np.ones(3), np.ones(3)))


def test_a_large_mean_costs_r2_no_digits():
    y = 1.7e9 + np.arange(12.0) * 1e-3
    p = y + 2.0**-11 * (-1.0) ** np.arange(12)
    expected = 1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert measured(nn.R2Score(), y, p) == pytest.approx(expected, rel=1e-4)


def test_mean():
    mean = nn.metrics.Mean()
    mean.update(2.0)
    mean.update_state([4.0, 6.0], [1.0, 2.0])
    assert mean.result() == (2 + 4 + 12) / 4


@pytest.mark.parametrize("weight", [np.ones((3,)), np.ones((5, 2)), np.ones((5, 1, 2))], ids=str)
@pytest.mark.parametrize(
    "metric", [nn.BinaryAccuracy(), nn.Precision(), nn.F1Score(), nn.AUC(), nn.R2Score()]
)
def test_weights_of_other_rows_are_refused(metric, weight):
    with pytest.raises(ag.ShapeError, match=r"sample_weight .* does not fit \(5,.*one value per sample"):
        metric.update(T, P[:, None] if metric.name in ("f1_score", "r2_score") else P, weight)


def test_weights_in_a_column():
    weight = np.arange(1.0, 6.0)
    for make in (nn.BinaryAccuracy, nn.Precision, nn.F1Score, nn.AUC, nn.R2Score):
        assert measured(make(), T, P, weight[:, None]) == measured(make(), T, P, weight)
    assert measured(nn.BinaryAccuracy(), T, P, weight[:, None]) == pytest.approx(10 / 15)


BAD = {
    "curve": (lambda: nn.AUC("roc curve"), "AUC: curve is one of 'ROC', 'PR', got 'roc curve'"),
    "average": (lambda: nn.F1Score("mean"), "F1Score: average is one of None, 'micro', .* got 'mean'"),
    "beta": (lambda: nn.metrics.FBetaScore(beta=0), "FBetaScore: beta is a number > 0, got 0"),
    "threshold": (lambda: nn.F1Score(threshold=1.5), r"F1Score: threshold lies in \(0, 1\], got 1.5"),
    "thresholds": (lambda: nn.Recall([0.5, -1]), r"Recall: thresholds is a number in \[0, 1\] or a list"),
    "no thresholds": (lambda: nn.Precision([]), "Precision: thresholds is a number"),
    "k": (lambda: nn.TopKCategoricalAccuracy(0), "TopKCategoricalAccuracy: k is an integer >= 1, got 0"),
    "classes": (lambda: nn.ConfusionMatrix(1), "classes is a whole number >= 2, got 1"),
    "aggregation": (lambda: nn.R2Score("mean"), "R2Score: class_aggregation is one of .* got 'mean'"),
    "regressors": (lambda: nn.R2Score(num_regressors=-1), "num_regressors is an integer >= 0, got -1"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD)
def test_bad_arguments(make, message):
    with pytest.raises(nn.ArgumentError, match=message):
        make()


SHAPES = {
    "classes against scores": (nn.SparseCategoricalAccuracy, (4, 2), (4, 3), "class numbers"),
    "rows": (nn.SparseTopKCategoricalAccuracy, (3,), (4, 3), "class numbers"),
    "one-hot": (nn.CategoricalAccuracy, (4, 2), (4, 3), "targets"),
    "labels for F1": (nn.F1Score, (4,), (4, 3), "targets"),
    "three dimensions": (nn.F1Score, (4, 3, 2), (4, 3, 2), "expected predictions of shape"),
    "AUC": (nn.AUC, (4, 1), (4, 3), "targets"),
    "precision": (nn.Precision, (4,), (4, 3), "targets"),
    "r2": (nn.R2Score, (4, 2), (4, 3), "targets"),
    "mse": (nn.metrics.MeanSquaredError, (4,), (4, 3), "targets"),
}


@pytest.mark.parametrize(("kind", "y", "p", "message"), SHAPES.values(), ids=SHAPES)
def test_shapes_that_do_not_fit_are_refused(kind, y, p, message):
    with pytest.raises(ag.ShapeError, match=message):
        kind().update(np.zeros(y), np.zeros(p))


NAMES = {
    "auc": nn.AUC, "AUC": nn.AUC, "precision": nn.Precision, "Recall": nn.Recall, "f1_score": nn.F1Score,
    "r2_score": nn.R2Score, "mse": nn.metrics.MeanSquaredError, "mae": nn.metrics.MeanAbsoluteError,
    "mean_squared_error": nn.metrics.MeanSquaredError, "root_mean_squared_error": nn.metrics.RootMeanSquaredError,
    "top_k_categorical_accuracy": nn.TopKCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": nn.SparseTopKCategoricalAccuracy,
    "binary_crossentropy": nn.metrics.BinaryCrossentropy, "binary_focal_crossentropy": nn.metrics.LossMetric,
}  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), NAMES.items())
def test_names(name, kind):
    metric = nn.metrics.get(name)
    assert type(metric) is kind
    assert metric.name == name


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", None])
@given(seeds)
def test_f1_precision_and_recall_are_scikit_learns(average, seed):
    sklearn = pytest.importorskip("sklearn.metrics")
    labels, scores, weight = drawn(seed, 3)
    called, one_hot = scores > 0.4, np.eye(3)[labels]
    arguments = dict(sample_weight=weight, average=average, zero_division=0)
    metric = nn.F1Score(average, threshold=0.4)
    result = measured(metric, one_hot, scores, weight)
    expected = sklearn.f1_score(one_hot, called, **arguments)
    got = metric.results() if average is None else result
    np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-15)
    for metric, function in (
        (nn.Precision(0.4), "precision_score"),
        (nn.Recall(0.4), "recall_score"),
    ):
        expected = getattr(sklearn, function)(one_hot, called, **arguments | dict(average="micro"))
        assert measured(metric, one_hot, scores, weight) == pytest.approx(expected, rel=1e-13)


@given(seeds, st.booleans())
def test_auc_is_scikit_learns(seed, weighted):
    sklearn = pytest.importorskip("sklearn.metrics")
    labels, scores, weight = drawn(seed)
    labels[:2] = 0, 1
    weight = weight if weighted else None
    expected = sklearn.roc_auc_score(labels, scores, sample_weight=weight)
    assert measured(nn.AUC(), labels, scores, weight) == pytest.approx(expected, rel=1e-13)
    assert measured(nn.AUC(), labels, np.exp(3 * scores), weight) == pytest.approx(expected, rel=1e-13)


@given(seeds, st.sampled_from(["uniform_average", "variance_weighted_average"]))
def test_r2_is_scikit_learns(seed, aggregation):
    sklearn = pytest.importorskip("sklearn.metrics")
    _, scores, weight = drawn(seed, 3)
    targets = np.random.default_rng(seed + 1).standard_normal(scores.shape)
    multi = aggregation.removesuffix("_average").replace("uniform", "uniform_average")
    expected = sklearn.r2_score(targets, scores, sample_weight=weight, multioutput=multi)
    assert measured(nn.R2Score(aggregation), targets, scores, weight) == pytest.approx(expected, rel=1e-11)


@given(seeds, st.integers(1, 3))
def test_top_k_is_scikit_learns(seed, k):
    """Without ties: there scikit-learn takes the first, Keras and we all."""
    sklearn = pytest.importorskip("sklearn.metrics")
    labels, scores, weight = drawn(seed, 4)
    scores = np.random.default_rng(seed).permuted(np.tile(np.arange(4.0), (len(labels), 1)), axis=1)
    expected = sklearn.top_k_accuracy_score(labels, scores, k=k, sample_weight=weight, labels=range(4))
    assert measured(nn.SparseTopKCategoricalAccuracy(k), labels, scores, weight) == pytest.approx(expected)


@given(seeds)
def test_the_confusion_matrix_is_scikit_learns(seed):
    sklearn = pytest.importorskip("sklearn.metrics")
    labels, scores, weight = drawn(seed, 3)
    expected = sklearn.confusion_matrix(labels, scores.argmax(1), labels=range(3), sample_weight=weight)
    np.testing.assert_allclose(measured(nn.ConfusionMatrix(3), labels, scores, weight), expected)


OPTIMIZERS = [
    lambda: nn.AdamW(0.01), lambda: nn.Adam(amsgrad=True), lambda: nn.RMSprop(momentum=0.5, centered=True),
    lambda: nn.Adagrad(nn.InverseTimeDecay(0.1, 3, 0.5)), lambda: nn.Adadelta(nn.PolynomialDecay(1.0, 9, cycle=True)),
    lambda: nn.Nadam(nn.CosineDecay(0.0, 9, warmup_target=0.1, warmup_steps=3)),
    lambda: nn.Adamax(nn.CosineDecayRestarts(0.1, 2)), lambda: nn.Lion(nn.PiecewiseConstantDecay([3], [0.1, 0.01])),
    lambda: nn.SGD(0.1, name="mine", global_clipnorm=1.0),
]  # fmt: skip
METRICS = [
    lambda: ["auc", nn.AUC("PR", "pr"), nn.Precision([0.3, 0.6]), nn.Recall(class_id=0), nn.BinaryAccuracy(threshold=0.3)],
    lambda: [nn.F1Score(threshold=0.3), nn.metrics.FBetaScore(beta=2.0), nn.R2Score(num_regressors=2), nn.ConfusionMatrix(2)],
    lambda: ["mse", nn.MeanSquaredError, nn.metrics.MeanAbsoluteError(), "root_mean_squared_error", "accuracy"],
]  # fmt: skip


@pytest.mark.parametrize("position", range(9))
def test_saved_and_loaded_it_goes_on_bit_for_bit(position, tmp_path):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((20, 3)).astype(np.float32)
    y = (x[:, :1] > 0).astype(np.float32)
    model = nn.Sequential([nn.Input((3,)), nn.Dense(4, "tanh"), nn.Dense(1, "sigmoid")])
    model.compile(OPTIMIZERS[position](), "binary_crossentropy", METRICS[position % 3]())
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    model.save(tmp_path / "model")
    loaded = nn.load(tmp_path / "model")
    assert loaded.optimizer.name == model.optimizer.name
    assert [type(m) for m in loaded.metrics] == [type(m) for m in model.metrics]
    assert [vars(m).keys() for m in loaded.metrics] == [vars(m).keys() for m in model.metrics]
    np.testing.assert_equal(loaded.evaluate(x, y), model.evaluate(x, y))
    # as after loading: the generator stands where it stood when the file was written
    runs = []
    for each in (model, loaded):
        nn.set_random_seed(4)
        runs.append(each.fit(x, y, epochs=2, batch_size=8, verbose=0).history)
    np.testing.assert_equal(*runs)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()


class Saver(nn.Callback):
    """Writes the model in the middle of an epoch."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_train_batch_end(self, batch, logs=None):
        if batch == 1 and not self.path.exists():
            self.model.save(self.path)


def test_an_epoch_that_is_taken_up_in_its_middle_has_the_same_metrics(tmp_path):
    """What the metrics have seen is in the file: the predictions of the area under the curve, the counts per class."""
    generator = np.random.default_rng(0)
    x = generator.standard_normal((20, 3)).astype(np.float32)
    y = np.eye(2, dtype=np.float32)[(x[:, 0] > 0).astype(int)]
    model = nn.Sequential([nn.Input((3,)), nn.Dense(2, "softmax")])
    metrics = ["auc", nn.F1Score(), nn.R2Score(), nn.ConfusionMatrix(2)]
    model.compile("adamw", "categorical_crossentropy", metrics)
    path = tmp_path / "model"
    whole = model.fit(x, y, epochs=1, batch_size=4, verbose=0, callbacks=[Saver(path)]).history
    loaded = nn.load(path)
    loaded.resume_position.forced = True
    again = loaded.fit(x, y, epochs=1, batch_size=4, verbose=0, callbacks=[Saver(path)]).history
    np.testing.assert_equal(again, whole)
    assert (loaded.metrics[4].matrix() == model.metrics[4].matrix()).all()
    assert model.metrics[4].matrix().sum() == 20


def test_every_loss_is_a_metric_by_its_name():
    for name in nn.losses.LOSSES:
        assert nn.metrics.get(name).name == name


def test_a_metric_and_a_loss_of_one_name_are_both_in_files():
    from nn.checkpoint.loading import CLASSES

    assert CLASSES["MeanSquaredError"] is nn.losses.MeanSquaredError is nn.MeanSquaredError
    for module in (nn.losses, nn.metrics, nn.optimizers, nn.optimizers.schedules):
        for member in vars(module).values():
            if isinstance(member, type) and member.__module__.startswith("nn."):
                assert member in CLASSES.values(), member
