"""Metrics with several values: a tensor as `result()`, an array in the logs, and what callbacks make of it."""

from __future__ import annotations

import csv
import warnings

import numpy as np
import pytest

import autograd as ag
import nn
from tests.nn.keras_oracle import as_array, import_keras

rng = np.random.default_rng(11)
X, Y = rng.normal(size=(24, 3)), rng.uniform(size=(24, 2)).round()
LIMITS = [0.3, 0.5, 0.7]
KINDS = {
    "Precision": dict(thresholds=LIMITS),
    "Recall": dict(thresholds=LIMITS),
    "TruePositives": dict(thresholds=LIMITS),
    "FalsePositives": dict(thresholds=LIMITS),
    "TrueNegatives": dict(thresholds=LIMITS),
    "FalseNegatives": dict(thresholds=LIMITS),
    "F1Score": dict(average=None, threshold=0.5),
    "FBetaScore": dict(average=None, beta=2.0, threshold=0.5),
    "R2Score": dict(class_aggregation=None),
    "R2Score, adjusted": dict(class_aggregation=None, num_regressors=2),
}


def metric_of(module, name):
    return getattr(module, name.split(",")[0])(name="found", **KINDS[name])


class Numbers(nn.Metric):
    """One of somebody's own, with several values in another form."""

    def __init__(self, given=None, name="found"):
        super().__init__(name=name)
        self.given = given
        self.rows = self.add_weight(name="rows")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.rows.assign_add(float(len(y_pred)))

    def result(self):
        return self.given


def model_of(metric, **options):
    nn.set_random_seed(5)
    model = nn.Sequential([nn.Dense(2, "sigmoid", input_shape=(3,))])
    model.compile("sgd", "mse", metrics=[metric], **options)
    return model


def fit(model, *callbacks, **options):
    settings = dict(batch_size=7, epochs=3, verbose=0, callbacks=callbacks, validation_data=(X, Y)) | options
    return model.fit(X, Y, **settings)


@pytest.mark.oracle
@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("name", KINDS)
def test_result_and_history_are_kerass(name, jit):
    keras = import_keras()
    own = model_of(metric_of(nn.metrics, name), jit=jit)
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "sigmoid")])
    other.set_weights(own.get_weights())
    other.compile("sgd", "mse", metrics=[metric_of(keras.metrics, name)])
    histories = [model.fit(X, Y, 7, 2, 0, shuffle=False).history["found"] for model in (own, other)]
    for got, expected in zip(*histories, strict=True):
        assert isinstance(got, np.ndarray)
        np.testing.assert_allclose(got, as_array(expected), rtol=1e-4, atol=1e-6)
    metrics = metric_of(nn.metrics, name), metric_of(keras.metrics, name)
    predicted = rng.uniform(size=Y.shape)
    for metric in metrics:
        metric.update_state(Y[:10], predicted[:10])
        metric.update_state(Y[10:], predicted[10:])
    result = metrics[0].result()
    assert isinstance(result, ag.Tensor)
    np.testing.assert_allclose(result.numpy(), as_array(metrics[1].result()), rtol=1e-6)


@pytest.mark.oracle
@pytest.mark.parametrize("aggregation", ["uniform_average", "variance_weighted_average", None])
@pytest.mark.parametrize("regressors", [1, 5, 46, 47, 60])
def test_the_adjusted_score_is_kerass(aggregation, regressors):
    keras = import_keras()
    predicted, scores = Y + 0.1 * rng.normal(size=Y.shape), []
    for module in (nn.metrics, keras.metrics):
        metric = module.R2Score(aggregation, num_regressors=regressors)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras says that it adjusts nothing
            metric.update_state(Y, predicted)
            scores.append(metric.result())
    got = scores[0].numpy() if aggregation is None else scores[0]
    np.testing.assert_allclose(got, as_array(scores[1]), rtol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_one_value_is_a_number_in_the_logs(name):
    options = dict(KINDS[name])
    if "thresholds" in options:
        options["thresholds"] = [0.5]
    metric = getattr(nn.metrics, name.split(",")[0])(name="found", **options)
    metric.update([[1.0], [0.0], [1.0]], [[0.9], [0.8], [0.6]])
    model = nn.Sequential([nn.Dense(1, "sigmoid", input_shape=(3,))])
    model.compile("sgd", "mse", metrics=[metric])
    assert isinstance(model.evaluate(X, Y[:, :1], verbose=0, return_dict=True)["found"], float)


GIVEN = {
    "a tensor": lambda: ag.tensor([0.25, 0.5]),
    "an array": lambda: np.array([0.25, 0.5]),
    "a list": lambda: [0.25, 0.5],
}


@pytest.mark.parametrize("kind", GIVEN)
def test_a_metric_of_ones_own_may_have_several(kind):
    logs = model_of(Numbers(GIVEN[kind]())).evaluate(X, Y, verbose=0, return_dict=True)
    assert logs["found"].tolist() == [0.25, 0.5]


@pytest.mark.parametrize("wrong", ["good", ["good"], None, object()])
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises(nn.ArgumentError, match="metric 'found': result"):
        model_of(Numbers(wrong)).evaluate(X, Y, verbose=0)


@pytest.mark.parametrize("monitor", ["found", "val_found"])
@pytest.mark.parametrize(
    "make",
    [
        lambda monitor, path: nn.EarlyStopping(monitor),
        lambda monitor, path: nn.ReduceLROnPlateau(monitor),
        lambda monitor, path: nn.ModelCheckpoint(path / "file", monitor, save_best_only=True),
    ],
)
def test_what_watches_one_number_says_so(make, monitor, tmp_path):
    message = f"watches one number, and '{monitor}' has several values, of shape \\(2,\\)"
    with pytest.raises(nn.ArgumentError, match=message):
        fit(model_of(nn.F1Score(name="found")), make(monitor, tmp_path))


def test_the_name_of_a_file_needs_a_number(tmp_path):
    with pytest.raises(nn.ArgumentError, match="ModelCheckpoint: cannot fill in"):
        fit(model_of(nn.F1Score(name="found")), nn.ModelCheckpoint(str(tmp_path / "{found:.3f}")))


def test_a_run_goes_on_with_its_history(tmp_path):
    def new():
        return model_of(nn.Precision(LIMITS, name="found"))

    def arrays(history):
        return {name: np.asarray(values).tolist() for name, values in history.history.items()}

    whole = fit(new())
    fit(new(), nn.ModelCheckpoint(str(tmp_path / "{epoch}-{batch}"), save_freq=6))
    model = new()
    model.resume_from(tmp_path / "2-2")
    assert arrays(fit(model)) == arrays(whole)
    again = nn.load(tmp_path / "2-2")
    assert arrays(fit(again, initial_epoch=1)) == arrays(whole)


def test_what_shows_or_writes_them(tmp_path, capsys):
    path = tmp_path / "log.csv"
    metric = nn.Precision([0.1, 0.2, 0.3, 0.4, 0.5], name="found")
    history = fit(model_of(metric), nn.CSVLogger(path), verbose=2)
    values = history.history["found"][-1]
    shown = capsys.readouterr().out
    assert f"found: [{' '.join(f'{value:.4f}' for value in values[:4])} ...]" in shown
    last = list(csv.DictReader(path.read_text().splitlines()))[-1]
    assert last["found"] == str(values.tolist())
    assert str(values.round(4).tolist()) in repr(history)
    pytest.importorskip("matplotlib")
    labels = [panel.get_ylabel() for panel in history.plot().axes]
    assert labels == ["loss", *(f"found[{i}]" for i in range(5))]


def test_tensorboard_writes_each(tmp_path):
    pytest.importorskip("tensorboardX")
    names = []

    class Seen(nn.TensorBoard):
        def _writer(self, part):
            writer = super()._writer(part)
            names.append(part)
            return writer

    fit(model_of(nn.F1Score(name="found")), Seen(tmp_path, update_freq="batch"))
    assert {"train", "validation"} <= set(names)


def test_methods_of_ones_own_may_log_several():
    class Own(nn.Sequential):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return super().compute_metrics(x, y, y_pred, sample_weight) | {"means": y_pred.mean(axis=0)}

        def test_step(self, data):
            return {"means": self(data[0]).mean(axis=0)}

    model = Own([nn.Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    history = fit(model).history
    assert history["means"][-1].shape == history["val_means"][-1].shape == (2,)
