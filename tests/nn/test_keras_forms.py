"""Losses, metrics, initializers, regularizers and constraints of one's own in Keras's form, and plain functions: in
eager and compiled runs, saved and loaded; their descriptions; callbacks of Keras that came with them.
"""

from __future__ import annotations

import inspect
import logging

import numpy as np
import pytest

import autograd as ag
import nn


class Cubic(nn.losses.Loss):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, y_true, y_pred):
        assert y_true.dtype == y_pred.dtype
        return (abs(y_true - y_pred) ** 3 * self.factor).mean(axis=-1)


class CubicOurs(nn.Loss):
    def per_sample(self, y_true, y_pred, from_logits=False):
        return (abs(y_true - y_pred) ** 3).mean(axis=-1)


def cubic(y_true, y_pred):
    return (abs(y_true - y_pred) ** 3).mean(axis=-1)


class Largest(nn.metrics.Metric):
    """The largest error, how many rows, and the area of another metric."""

    def __init__(self, name="largest", **kwargs):
        super().__init__(name=name, **kwargs)
        self.largest = self.add_variable(shape=(), initializer="zeros", name="largest")
        self.rows = self.add_weight(name="rows", initializer="zeros")
        self.each = [self.add_weight(shape=(1,), name="each")]
        self.inner = nn.metrics.MeanSquaredError()

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.largest.assign(ag.maximum(self.largest, abs(y_true - y_pred).max().to(self.dtype)))
        self.rows.assign_add(float(y_pred.shape[0]))
        self.rows.assign_sub(0.0)
        self.each[0].assign_add(ag.ones((1,), self.dtype))
        self.inner.update_state(y_true, y_pred)

    def result(self):
        return {"largest": self.largest, "rows": self.rows, "inner": self.inner.result()}


class Large(nn.regularizers.Regularizer):
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return self.factor * (x * x).max()


class Halves(nn.initializers.Initializer):
    def __init__(self, value=0.5):
        self.value = value

    def __call__(self, shape, dtype=None):
        return np.full(shape, self.value)

    def get_config(self):
        return {"value": self.value}


class Small(nn.constraints.Constraint):
    def __call__(self, w):
        return ag.clip(w, -0.3, 0.3)


def halves(shape, dtype=None):
    return ag.full(shape, 0.5, dtype)


def large(x):
    return 0.1 * (x * x).max()


def small(w):
    return ag.clip(w, -0.3, 0.3)


OWN = {"Cubic": Cubic, "Largest": Largest, "Large": Large, "Halves": Halves, "Small": Small}
generator = np.random.default_rng(0)
X = generator.standard_normal((23, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.float32)


def network(start=None, penalty=None, rule=None, dtype="float32", **options):
    start = Halves() if start is None else start
    dense = nn.Dense(
        1,
        kernel_initializer=start,
        kernel_regularizer=penalty or Large(0.1),
        kernel_constraint=rule or Small(),
    )
    model = nn.Sequential([nn.Input((3,)), dense], dtype=dtype)
    model.compile("sgd", **(dict(loss=Cubic(), metrics=[Largest(), cubic]) | options))
    return model


RUNS = {
    "class": {},
    "ours": dict(loss=CubicOurs(), metrics=[Largest(), CubicOurs(name="cubic")]),
    "functions": dict(loss=cubic, start=halves, penalty=large, rule=small),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_forms_are_the_same_eager_and_compiled(dtype):
    runs = {}
    for name, options in RUNS.items():
        for jit in (True, False):
            model = network(dtype=dtype, jit=jit, **options)
            history = model.fit(
                X, Y, batch_size=5, epochs=2, shuffle=False, validation_split=0.2, verbose=0
            ).history
            assert history["rows"] == [18, 18]
            assert history["val_rows"] == [5, 5]
            runs[name, jit] = (
                *model.get_weights(),
                [history[n] for n in ("loss", "largest", "inner", "val_loss")],
            )
    first, *others = runs.values()
    for other in others:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5 if dtype == "float32" else 1e-12)
    # the weights begin with 0.5
    assert abs(first[0]).max() <= 0.3 + 1e-6


def test_saved_and_loaded(tmp_path):
    model = network(loss=Cubic(2.0, reduction="sum", name="mine"))
    model.fit(X, Y, epochs=1, verbose=0)
    model.save(tmp_path / "model")
    loaded = nn.load(tmp_path / "model", custom_objects=OWN | {"cubic": cubic})
    assert loaded.loss.get_config() == {"factor": 2.0, "name": "mine", "reduction": "sum"}
    assert loaded.evaluate(X, Y, return_dict=True) == model.evaluate(X, Y, return_dict=True)
    for each in (model, loaded):
        nn.set_random_seed(1)
        each.fit(X, Y, epochs=2, verbose=0)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_class_between_finds_the_call_of_its_base():
    class Doubled(nn.MeanSquaredError):
        def call(self, y_true, y_pred):
            return 2.0 * super().call(y_true, y_pred)

    class Again(Doubled):
        def per_sample(self, y_true, y_pred, from_logits=False):
            return 3.0 * super().per_sample(y_true, y_pred)

    assert (Doubled()([[1.0]], [[3.0]]).item(), Again()([[1.0]], [[3.0]]).item()) == (8.0, 24.0)
    assert Again().call(ag.tensor([[1.0]]), ag.tensor([[3.0]])).tolist() == [24.0]

    class Probabilities(nn.BinaryCrossentropy):
        def call(self, y_true, y_pred):
            assert ((y_pred >= 0) & (y_pred <= 1)).all() or y_pred.backend == "trace"
            return super().call(y_true, y_pred)

    model = nn.Sequential([nn.Input((3,)), nn.Dense(1, "sigmoid")])
    model.compile("sgd", Probabilities(), jit=False)
    assert np.isfinite(model.evaluate(X, Y))
    with pytest.raises(nn.ArgumentError, match=r"Loss defines no per_sample.* and no call of these"):
        nn.Loss()([1.0], [1.0])


def test_a_metric_of_ones_own_and_the_spellings():
    metric = Largest()
    assert [metric.stateful, metric.dtype, len(metric.variables), metric.state_names] == [
        True,
        "float64",
        5,
        (),
    ]
    assert float(metric(ag.tensor([[1.0]]), ag.tensor([[3.0]]))["largest"]) == 2.0
    metric.update_state(ag.tensor([[1.0]]), ag.tensor([[1.5]]))
    assert {n: float(v) for n, v in metric.result().items()} == {"largest": 2.0, "rows": 2.0, "inner": 2.125}
    metric.reset_state()
    assert all(not v.numpy().any() for v in metric.variables)

    class Doubled(nn.metrics.Mean):
        def update_state(self, values, sample_weight=None):
            super().update_state(values, sample_weight)
            super().update(values, sample_weight)

        def reset_state(self):
            super().reset_state()
            self.was_reset = True

    doubled = Doubled()
    doubled.update([1.0, 3.0])
    assert (doubled.result(), doubled.count.item()) == (2.0, 4.0)
    doubled.reset()
    assert (doubled.was_reset, doubled.count.item()) == (True, 0.0)
    with pytest.raises(nn.ArgumentError, match="dtype is one of 'float32', 'float64', None, got 'int8'"):
        Largest(dtype="int8")
    assert Largest(dtype="float32").largest.dtype == np.float32


WRONG = {
    "no number": (
        lambda shape, dtype=None: "a",
        nn.ArgumentError,
        "an initializer returns a tensor or an array",
    ),
    "another shape": (
        lambda shape, dtype=None: np.ones(7),
        ag.ShapeError,
        r"values of shape \(7,\) for a weight of",
    ),
    "array": (np.ones((3, 1)), nn.ArgumentError, "initializer"),
    "nothing": (nn.initializers.Initializer(), nn.ArgumentError, "Initializer defines no __call__"),
}


@pytest.mark.parametrize(("start", "error", "message"), WRONG.values(), ids=WRONG)
def test_wrong_initializers(start, error, message):
    with pytest.raises(error, match=message):
        nn.Dense(1, kernel_initializer=start)(X)


MODULES = (nn.losses, nn.metrics, nn.optimizers, nn.initializers, nn.regularizers, nn.constraints)
NEEDED = {
    "SensitivityAtSpecificity": (0.5,), "SpecificityAtSensitivity": (0.5,), "PrecisionAtRecall": (0.5,),
    "RecallAtPrecision": (0.5,), "IoU": (3, [0]), "MeanIoU": (3,), "OneHotIoU": (3, [0]), "OneHotMeanIoU": (3,),
    "ConfusionMatrix": (2,),
}  # fmt: skip
SKIPPED = {"Loss", "FunctionLoss", "Metric", "LossMetric", "MeanMetricWrapper", "Optimizer", "Initializer", "RandomInitializer", "Regularizer", "Constraint"}  # fmt: skip


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_object_describes_itself(module):
    seen = 0
    for name, kind in vars(module).items():
        if not (inspect.isclass(kind) and kind.__module__.startswith(module.__name__)) or name in SKIPPED:
            continue
        if not issubclass(kind, nn.configured.Configured) or name.startswith("_") or name != kind.__name__:
            continue
        made = kind(*NEEDED.get(name, ()))
        again = module.deserialize(module.serialize(made))
        assert type(again) is kind
        assert again.get_config() == made.get_config() == kind.from_config(made.get_config()).get_config()
        assert type(module.get(module.serialize(made))) is kind
        seen += 1
    assert seen >= 4


def test_descriptions_that_are_none():
    with pytest.raises(nn.ArgumentError, match=r"unknown loss 'Hubert'\. Did you mean 'Huber'\?"):
        nn.losses.deserialize({"class_name": "Hubert", "config": {}})
    with pytest.raises(
        nn.ArgumentError, match=r"loss: a description holds class_name, .* got class_name, arguments"
    ):
        nn.losses.get({"class_name": "Huber", "arguments": {}})
    with pytest.raises(nn.ArgumentError, match="a function is described by its name, and this one has none"):
        nn.losses.serialize(lambda t, p: p)
    assert nn.losses.deserialize(nn.losses.serialize(cubic), {"cubic": cubic}).function is cubic
    assert nn.losses.deserialize(nn.losses.serialize(Cubic(2.0)), OWN).factor == 2.0


def test_functions_and_strings_of_metrics_are_classes():
    for name in ("binary_accuracy", "mean_squared_error", "kl_divergence", "pearson_correlation"):
        assert type(nn.metrics.get(getattr(nn.metrics, name))) is type(nn.metrics.get(name))
    with pytest.raises(nn.ArgumentError, match=r"metric 'iou' needs|unknown metric 'iou'"):
        nn.metrics.get("iou")
    with pytest.raises(
        nn.ArgumentError, match=r"'MeanIoU' needs arguments; give the object nn.metrics.MeanIoU"
    ):
        nn.metrics.get("MeanIoU")


class Sees(nn.Callback):
    """The weights at the end of epochs and of what is measured between."""

    def __init__(self):
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append([w.copy() for w in self.model.get_weights()])


@pytest.mark.parametrize("swap", [False, True])
def test_averages_are_measured(swap):
    """What is measured is what the averages give; the weights go on as without the callback."""
    runs = []
    for callback in ([], [nn.callbacks.SwapEMAWeights(swap)]):
        model = nn.Sequential([nn.Input((3,)), nn.Dense(1)], seed=1)
        model.compile(nn.SGD(0.1, use_ema=True, ema_momentum=0.9), "mse")
        sees = Sees()
        history = model.fit(
            X, Y, batch_size=5, epochs=3, verbose=0, validation_data=(X, Y), callbacks=[*callback, sees]
        )
        runs.append((model, sees, history.history))
        assert not model.optimizer.averages_in_use
    (plain, _, before), (swapped, sees, after) = runs
    assert before["loss"] == after["loss"]
    assert before["val_loss"] != after["val_loss"]
    for a, b in zip(plain.get_weights(), swapped.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()
    assert after["val_loss"][-1] == pytest.approx(swapped.evaluate(X, Y), rel=1e-6)
    ends = all((a == b).all() for a, b in zip(sees.seen[-1], swapped.get_weights(), strict=True))
    assert ends is swap


def test_averages_stay_when_training_stops_early():
    model = nn.Sequential([nn.Input((3,)), nn.Dense(1)], seed=1)
    model.compile(nn.SGD(0.1, use_ema=True), "mse")
    stop = nn.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", True))
    model.fit(X, Y, epochs=5, verbose=0, callbacks=[nn.callbacks.SwapEMAWeights(True), stop])
    for parameter, average in zip(model.parameters(), model.optimizer.averages(), strict=True):
        assert parameter.numpy().tobytes() == average.numpy().tobytes()


def test_callbacks_that_say_what_they_do_not(tmp_path, caplog):
    with pytest.raises(nn.ArgumentError, match="RemoteMonitor is not supported"):
        nn.callbacks.RemoteMonitor("http://localhost:9000")
    for name in ("write_graph", "write_images", "profile_batch", "embeddings_freq", "write_steps_per_second"):
        with pytest.raises(nn.ArgumentError, match=f"TensorBoard: {name} is not written here"):
            nn.callbacks.TensorBoard(tmp_path / "logs", **{name: 2})
    model = nn.Sequential([nn.Input((3,)), nn.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(nn.ArgumentError, match="keeps averages of the weights with use_ema=True"):
        model.fit(X, Y, callbacks=nn.callbacks.SwapEMAWeights())
    with caplog.at_level(logging.WARNING, "gradloom"):
        path = tmp_path / "a-{epoch}.weights.h5"
        model.fit(X, Y, epochs=2, verbose=0, callbacks=nn.ModelCheckpoint(path, save_weights_only=True))
    assert "is written in the format of model.save (safetensors), not in Keras's" in caplog.text
    before = model.get_weights()
    model.load_weights(tmp_path / "a-2.weights.h5")
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_the_area_under_several_curves(caplog):
    y, p = np.eye(3)[[0, 1, 2, 0, 1]], generator.uniform(size=(5, 3))
    each = []
    for i in range(3):
        one = nn.AUC()
        one.update(y[:, i], p[:, i])
        each.append(one.result())
    for options, expected in (
        (dict(), np.mean(each)),
        (dict(num_labels=3, label_weights=[1, 2, 3]), np.average(each, weights=[1, 2, 3])),
    ):
        several = nn.AUC(multi_label=True, from_logits=True, **options)
        several.update(y[:2], p[:2])
        several.update(y[2:], p[2:])
        assert several.result() == pytest.approx(expected, rel=1e-12)
    with caplog.at_level(logging.WARNING, "gradloom"):
        nn.metrics.ranking._say_once.cache_clear()
        nn.AUC(num_thresholds=50)
        nn.AUC(thresholds=[0.1, 0.9])
    assert caplog.text.count("are not used, since the area is exact") == 1
    for options, message in (
        (dict(num_labels=2), "those of 2 labels"),
        (dict(label_weights=[1.0]), "those of 1 labels"),
    ):
        with pytest.raises(ag.ShapeError, match=message):
            nn.AUC(multi_label=True, **options).update(y, p)
    with pytest.raises(nn.ArgumentError, match="num_labels is for multi_label=True"):
        nn.AUC(num_labels=2).update([1.0], [0.5])
    with pytest.raises(
        nn.ArgumentError, match="curve is one of 'ROC', 'PR', got 200; num_thresholds and what follows"
    ):
        nn.AUC(200)


def test_the_length_of_the_input_of_an_embedding_is_ignored_with_a_word():
    with pytest.warns(UserWarning, match="Embedding: input_length is no longer needed and is ignored"):
        layer = nn.Embedding(10, 4, input_length=3)
    assert layer([[1, 2]]).shape == (1, 2, 4)
    assert "input_length" not in layer.get_config()
    with pytest.raises(TypeError, match="length_of_input"):
        nn.Embedding(10, 4, length_of_input=3)
