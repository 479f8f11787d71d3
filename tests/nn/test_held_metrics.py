"""Metrics that are attributes of a model or of its layers: logged, reset and kept as those of `compile`."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import nn
from tests.nn.keras_oracle import as_array, import_keras

rng = np.random.default_rng(7)
X, Y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
OURS = SimpleNamespace(Model=nn.Model, Layer=nn.Layer, Dense=nn.Dense, metrics=nn.metrics)


def theirs():
    keras = import_keras()
    layers = keras.layers
    return SimpleNamespace(
        Model=keras.Model, Layer=layers.Layer, Dense=layers.Dense, metrics=keras.metrics, keras=keras
    )


def in_an_attribute(kit, model):
    model.found = kit.metrics.Mean(name="found")
    return lambda: model.found


def in_a_list(kit, model):
    model.several = [kit.metrics.Sum(name="first"), kit.metrics.Mean(name="found")]
    return lambda: model.several[1]


def in_a_dict(kit, model):
    model.named = {"one": kit.metrics.Mean(name="found")}
    return lambda: model.named["one"]


def of_a_layer(kit, model):
    model.dense.found = kit.metrics.Mean(name="found")
    return lambda: model.dense.found


def of_a_layer_inside(kit, model):
    class Inner(kit.Layer):
        def __init__(self):
            super().__init__()
            self.found = kit.metrics.Mean(name="found")

        def call(self, x):
            return x

    class Outer(kit.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def call(self, x):
            return self.inner(x)

    model.outer = Outer()
    model.outer.built = model.outer.inner.built = True
    return lambda: model.outer.inner.found


PLACES = [in_an_attribute, in_a_list, in_a_dict, of_a_layer, of_a_layer_inside]


def made(kit, place, update=None):
    class Own(kit.Model):
        def __init__(self):
            super().__init__()
            self.dense = kit.Dense(2)
            self.place = place(kit, self)

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            loss = super().compute_loss(x, y, y_pred, sample_weight, training)
            (update or (lambda metric, loss, y, y_pred: metric.update_state(loss)))(
                self.place(), loss, y, y_pred
            )
            return loss

    return Own()


def started(kit, model, metrics=(), **options):
    dtype = "float64"
    model(np.zeros((1, 3), dtype))
    model.set_weights([np.arange(6.0).reshape(3, 2) / 10, np.array([0.5, -0.5])])
    model.compile("sgd", "mse", metrics=list(metrics), **options)
    return model


def numbers(values):
    """On PyTorch what Keras logs may be tensors."""
    return [float(as_array(value)) for value in values]


def named(logs):
    return dict(zip(logs, numbers(logs.values()), strict=True))


@pytest.mark.oracle
@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("place", PLACES)
def test_the_logs_are_kerass(place, jit):
    kit = theirs()
    ours, other = started(OURS, made(OURS, place), jit=jit), started(kit, made(kit, place))
    how = dict(batch_size=7, verbose=0)
    fitted = dict(epochs=3, shuffle=False, validation_data=(X, Y), **how)
    got, expected = (model.fit(X, Y, **fitted).history for model in (ours, other))
    assert got.keys() == expected.keys() >= {"found", "val_found"}
    for name in got:
        assert got[name] == pytest.approx(numbers(expected[name]), rel=1e-5), name
    measured = ours.evaluate(X, Y, return_dict=True, **how)
    assert measured == pytest.approx(named(other.evaluate(X, Y, return_dict=True, **how)), rel=1e-5)
    assert "found" in ours.metrics_names
    assert "found" in other.metrics_names
    assert ours.metrics_names == list(measured)
    assert any(metric is ours.place() for metric in ours.metrics)
    assert ours.evaluate(X, Y, **how) == list(measured.values())


@pytest.mark.oracle
def test_metrics_of_layers_are_kerass():
    for kit in (OURS, theirs()):
        model = made(kit, of_a_layer_inside)
        assert [metric.name for metric in model.outer.metrics] == ["found"]
        assert [metric.name for metric in model.outer.inner.metrics] == ["found"]
        assert model.dense.metrics == []


@pytest.mark.oracle
def test_those_of_a_model_inside_are_its_own_as_in_keras():
    for kit in (OURS, theirs()):
        outer = made(kit, in_an_attribute)
        outer.inside = made(kit, in_an_attribute)
        outer.inside.found.name = "inner"
        assert "found" in outer.metrics_names
        assert "inner" not in outer.metrics_names


@pytest.mark.oracle
def test_compute_metrics_of_ones_own_gets_them():
    seen = []
    for kit in (OURS, theirs()):

        class Own(kit.Model):
            def __init__(self, kit=kit):
                super().__init__()
                self.dense, self.found = kit.Dense(2), kit.metrics.Mean(name="found")

            def call(self, x):
                return self.dense(x)

            def compute_metrics(self, x, y, y_pred, sample_weight=None):
                self.found.update_state(y_pred)
                return super().compute_metrics(x, y, y_pred, sample_weight)

        model = started(kit, Own(), ["mae"])
        seen.append(model.evaluate(X, Y, batch_size=7, verbose=0, return_dict=True))
    assert seen[0].keys() == seen[1].keys() == {"loss", "mae", "found"}
    assert seen[0] == pytest.approx(named(seen[1]), rel=1e-5)


KINDS = {
    "R2Score": lambda kit: kit.metrics.R2Score(name="found"),
    "MeanSquaredError": lambda kit: kit.metrics.MeanSquaredError(name="found"),
    "RootMeanSquaredError": lambda kit: kit.metrics.RootMeanSquaredError(name="found"),
}


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_sums_of_any_shape_are_compiled_and_go_on_in_the_middle_of_an_epoch(kind, jit, tmp_path):
    def place(kit, model):
        model.found = KINDS[kind](kit)
        return lambda: model.found

    def new():
        update = lambda metric, loss, y, y_pred: metric.update_state(y, y_pred)  # noqa: E731
        return started(OURS, made(OURS, place, update), [nn.metrics.R2Score(name="given")], jit=jit)

    def fit(model, *callbacks):
        nn.set_random_seed(3)
        return model.fit(X, Y, epochs=2, batch_size=4, verbose=0, callbacks=callbacks).history

    whole = fit(new())
    assert whole["found"] == pytest.approx(whole["given" if kind == "R2Score" else "found"], rel=1e-12)
    path = str(tmp_path / "run-{batch}.safetensors")
    fit(new(), nn.ModelCheckpoint(path, save_freq=3))
    resumed = new()
    resumed.resume_from(path.format(batch=3))
    assert fit(resumed) == whole
    fresh = new()
    assert fresh.evaluate(X, Y, verbose=0, return_dict=True).keys() == whole.keys()


def test_what_compile_was_given_as_well_is_counted_once():
    model = made(OURS, in_an_attribute)
    model.error = nn.metrics.MeanAbsoluteError(name="error")
    started(OURS, model, [model.error])
    assert model.metrics_names == ["loss", "error", "found"]
    other = started(OURS, made(OURS, in_an_attribute), ["mae"])
    values = [m.evaluate(X, Y, verbose=0, return_dict=True) for m in (model, other)]
    assert values[0]["error"] == values[1]["mae"]


def test_a_metric_that_is_set_later_is_seen():
    model = started(OURS, made(OURS, in_an_attribute))
    assert model.metrics_names == ["loss", "found"]
    model.several = [nn.metrics.Mean(name="more")]
    assert model.metrics_names == ["loss", "found", "more"]
    model.several.append(nn.metrics.Mean(name="most"))
    assert model.metrics_names == ["loss", "found", "more", "most"]
    del model.found
    assert model.metrics_names == ["loss", "more", "most"]
