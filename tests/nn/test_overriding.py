"""What a user's own layers and models define is called, with what Keras would hand over, or refused."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype(np.float32)
Y = X.sum(1)


class Told(nn.Layer):
    """Notes what `training` it is told."""

    def __init__(self):
        super().__init__()
        self.seen = ()

    def call(self, x, training=None):
        self.seen = (*self.seen, training)
        return x


class KeywordOnly(Told):
    def call(self, x, *, training):
        return super().call(x, training)


class Outer(nn.Model):
    """Hands `training` on, by position or by name, or says nothing."""

    def __init__(self, layer, how):
        super().__init__()
        self.layer, self.how, self.dense = layer, how, nn.Dense(1)

    def call(self, x, training=False):
        if self.how == "by name":
            return self.dense(self.layer(x, training=training))
        return self.dense(self.layer(x, training) if self.how == "by position" else self.layer(x))


RUNS = {
    "fit": (lambda m: m.fit(X, Y, epochs=1, batch_size=12, verbose=0), True),
    "train_on_batch": (lambda m: m.train_on_batch(X, Y), True),
    "evaluate": (lambda m: m.evaluate(X, Y, verbose=0), False),
    "predict": (lambda m: m.predict(X, verbose=0), False),
    "a call": (lambda m: m(X), False),
    "a call in training": (lambda m: m(X, training=True), True),
    "a call in training mode": (lambda m: m.train()(X), True),
    "a call that says no in training mode": (lambda m: m.train()(X, training=False), False),
}


@pytest.mark.parametrize("kind", [Told, KeywordOnly])
@pytest.mark.parametrize("how", ["by name", "by position", "not at all"])
@pytest.mark.parametrize("run", RUNS)
def test_call_is_told_whether_it_trains(kind, how, run):
    act, expected = RUNS[run]
    layer = kind()
    model = Outer(layer, how)
    model.compile("sgd", "mse", jit=False)
    model.predict(X, verbose=0)
    layer.seen = ()
    act(model)
    # fit looks first whether the model fits the data, which is no training
    assert layer.seen[-1] is expected


def test_dropout_of_an_own_model_drops():
    class Own(nn.Model):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)
            self.dense = nn.Dense(1, use_bias=False, kernel_initializer="ones")

        def call(self, x, training=False):
            return self.dense(self.drop(x, training=training))

    ones, four = np.ones((64, 4), np.float32), np.full(64, 4.0)
    for jit in (True, False):
        nn.set_random_seed(0)
        model = Own()
        model.compile(nn.SGD(0.0), "mse", jit=jit)
        assert model.fit(ones, four, verbose=0).history["loss"][0] > 1
        assert model.evaluate(ones, four, verbose=0) == 0


def network():
    nn.set_random_seed(0)
    inner = nn.Sequential([nn.Dense(4, "relu"), nn.BatchNormalization()])
    return nn.Sequential([inner, nn.Dense(1)])


def trained(model, **options):
    """(names of what moved, all names) in an epoch."""
    before = model.state_dict()
    model.fit(X, Y, epochs=1, batch_size=4, verbose=0, **options)
    after = model.state_dict()
    return {n for n in after if not np.array_equal(before[n], after[n])}, set(after)


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("built", [True, False])
def test_frozen_layers_stay(jit, built):
    model = network()
    if built:
        model.predict(X, verbose=0)
    model.layers[0].trainable = False
    assert not model.layers[0].layers[1].trainable
    assert model.layers[1].trainable
    model.predict(X, verbose=0)
    model.compile("sgd", "mse", jit=jit)
    moved, names = trained(model)
    assert moved == {n for n in names if n.startswith("layers.1.")}
    model.layers[0].trainable = True
    model.compile("sgd", "mse", jit=jit)
    assert trained(model) == (names, names)
    model.trainable = False
    assert model.parameters() == []


def test_freezing_in_the_middle_of_a_fit_counts_from_there_on():
    model = network()
    model.predict(X, verbose=0)
    model.compile("sgd", "mse")
    kept = []

    def freeze(epoch, logs):
        if epoch == 1:
            model.layers[1].trainable = False
            kept.append(model.layers[1].state_dict())

    model.fit(X, Y, epochs=4, verbose=0, callbacks=[nn.LambdaCallback(on_epoch_end=freeze)])
    for name, value in model.layers[1].state_dict().items():
        np.testing.assert_array_equal(value, kept[0][name])


def test_a_frozen_model_is_frozen_when_it_is_read_again(tmp_path):
    model = network()
    model.predict(X, verbose=0)
    model.layers[0].trainable = False
    model.layers[1].bias.requires_grad = False
    model.compile(nn.SGD(0.1, momentum=0.9), "mse")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.safetensors")
    again = nn.load(tmp_path / "m.safetensors")
    assert [n for n, _ in again.named_parameters()] == ["layers.1.kernel"]
    assert not again.layers[0].trainable
    assert trained(again)[0] == {"layers.1.kernel"}


def test_trainable_is_a_truth_value():
    with pytest.raises(nn.errors.ArgumentError, match="trainable is True or False"):
        nn.Dense(1).trainable = 0


class Events(nn.Callback):
    def __init__(self):
        self.seen = []

    def on_batch_begin(self, batch, logs=None):
        self.seen.append(("begin", batch))

    def on_batch_end(self, batch, logs):
        self.seen.append(("end", batch, sorted(logs)))

    def on_test_batch_begin(self, batch, logs=None):
        self.seen.append(("test begin", batch))

    def on_test_batch_end(self, batch, logs):
        self.seen.append(("test end", batch, sorted(logs)))


def test_the_hooks_of_batches():
    events = Events()
    model = nn.Sequential([nn.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    quiet = model.fit(X, Y, batch_size=4, validation_split=0.5, verbose=0, shuffle=False).history
    nothing = nn.Sequential([nn.Dense(1)])
    nothing.compile("sgd", "mse", metrics=["mae"])
    nothing.predict(X, verbose=0)
    model.fit(X, Y, batch_size=4, validation_split=0.5, verbose=0, callbacks=[events])
    names = ["loss", "mean_absolute_error"] if "mean_absolute_error" in quiet else ["loss", "mae"]
    assert events.seen == [
        ("begin", 0), ("end", 0, names), ("begin", 1), ("end", 1, names),
        ("test begin", 0), ("test end", 0, names), ("test begin", 1), ("test end", 1, names),
    ]  # fmt: skip


class Line(nn.Model):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(1)

    def call(self, x):
        return self.dense(x)


class OwnStep(Line):
    """The step of the library, written out, with a number more in the logs."""

    def train_step(self, data):
        x, y, *weight = data
        loss = self.compute_loss(x, y, self(x, training=True), *weight)
        parameters = self.parameters()
        self.zero_grad()
        loss.backward()
        self.optimizer.apply([p.grad for p in parameters], parameters)
        return {"loss": loss.detach(), "twice": loss.detach() * 2.0}


class Tenfold(Line):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, y, y_pred, sample_weight, training) * 10.0


class Through(Line):
    """Calls the step of the library."""

    def train_step(self, data):
        return super().train_step(data) | {"more": 1.0}

    def test_step(self, data):
        return super().test_step(data) | {"more": 2.0}


def fitted(kind, jit, weight=None, **options):
    nn.set_random_seed(0)
    model = kind()
    model.compile(nn.SGD(0.05), "mse", jit=jit)
    history = model.fit(X, Y, epochs=3, batch_size=4, verbose=0, sample_weight=weight, **options).history  # fmt: skip
    return model, history


@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 2, 12)], ids=["", "weighted"])
@pytest.mark.parametrize("jit", [True, False])
def test_an_own_train_step_trains(jit, weight):
    model, history = fitted(OwnStep, jit, weight)
    same, _ = fitted(Line, jit, weight)
    for mine, theirs in zip(model.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert history["twice"] == [2 * loss for loss in history["loss"]]
    loss, twice = model.train_on_batch(X, Y)
    assert twice == 2 * loss


def test_the_step_of_the_library_within_an_own_one():
    model, history = fitted(Through, False, validation_split=0.5)
    _, expected = fitted(Line, False, validation_split=0.5)
    assert history == expected | {"more": [1.0] * 3, "val_more": [2.0] * 3}
    assert model.evaluate(X, Y, verbose=0, return_dict=True)["more"] == 2.0


@pytest.mark.parametrize("jit", [True, False])
def test_an_own_loss_trains_and_is_measured(jit):
    _, history = fitted(Tenfold, jit, validation_split=0.5)
    nn.set_random_seed(0)
    model = Line()
    model.compile(nn.SGD(0.5), "mse", jit=jit)
    tenth = model.fit(X, Y, epochs=3, batch_size=4, verbose=0, validation_split=0.5).history
    for name, values in tenth.items():
        np.testing.assert_allclose(history[name], np.multiply(values, 10), 1e-5)


@pytest.mark.parametrize("method", ["make_predict_function", "make_train_function"])
def test_what_nothing_calls_is_refused(method):
    model = type("Own", (Line,), {method: lambda self, *args: None})()
    with pytest.raises(nn.errors.ArgumentError, match=f"Own defines {method}"):
        model.compile("sgd", "mse")


def test_what_own_steps_return_is_checked():
    class Nothing(Line):
        def train_step(self, data):
            return None

    class Text(Line):
        def compute_loss(self, *args, **kwargs):
            return 1.0

    for kind, words in ((Nothing, "returns numbers by name"), (Text, "returns a tensor")):
        model = kind()
        model.compile("sgd", "mse")
        with pytest.raises(nn.errors.ArgumentError, match=words):
            model.fit(X, Y, verbose=0)
    with pytest.raises(nn.errors.ArgumentError, match="knows nothing of the scaled loss"):
        OwnStep().compile("sgd", "mse", mixed_precision="float16")
    with pytest.raises(nn.errors.ArgumentError, match="train_step of its own"):
        nn.capture_train_step(fitted(OwnStep, False)[0], ag.tensor(X), ag.tensor(Y))
