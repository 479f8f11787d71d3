"""A call that is refused leaves everything as it was, bit for bit; one that fails later, as after its last whole step.

A generator over what may be wrong (shapes, weights, own losses, metrics, layers, steps, callbacks, batches), the calls, and
the ways to run a step. Everything: weights, moving averages, slots, counters, metrics, history, random generators.
"""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from models import everything, rows

import autograd as ag
import nn

X, Y = rows()


def whole(model):
    """All that a refused call may not move."""
    words = tuple(word.item() for word in ag.random.default_generator().state)
    history = model.history and (model.history.history, model.history.epoch)
    kept = [metric._kept for metric in model.trackers if isinstance(metric, nn.AUC)]
    numbers = random.getstate(), np.random.get_state()[1].tobytes()
    flags = [(name, m.built, m.training, len(vars(m))) for name, m in model.named_modules()]
    return everything(model), words, repr(history), id(model.history), repr(kept), numbers, flags, model.stop_training  # fmt: skip


class Fails(nn.Module):
    """Raises in training, after the layers before it have moved their averages."""

    def call(self, x):
        if self.is_training:
            raise ZeroDivisionError("no such layer")
        return x


class Picky(nn.Metric):
    """A metric of the user's that goes wrong in `how`."""

    def __init__(self, how, traced=True):
        super().__init__("picky")
        self.how = how
        self.gathered = []
        type(self).traced = traced

    def update(self, y_true, y_pred, sample_weight=None):
        self.gathered.append(1)
        if self.how == "update raises":
            raise KeyError("picky")
        self.add(3.0 if self.how == "values are a number" else (y_pred - y_true) ** 2)

    def result(self):
        if self.how == "result raises":
            raise KeyError("picky")
        return {"result is a text": "good", "result is None": None}.get(self.how, 1.0)


class Shy(nn.SGD):
    """An optimizer of the user's."""

    def update(self, parameter, gradient, slots, rate):
        raise KeyError("shy")


class OwnStep(nn.Sequential):
    """A model with a step of its own, which goes wrong after it has moved everything."""

    gives = None

    def train_step(self, data):
        logs = super().train_step(data)
        if isinstance(self.gives, Exception):
            raise self.gives
        return logs if self.gives is None else self.gives


def model_of(jit, loss="mse", metrics=("mae",), optimizer=None, layers=(), kind=nn.Sequential, built=True):  # fmt: skip
    """With moving averages, dropout and slots; already trained where it is built."""
    ag.random.seed(7)
    first = [nn.Input((3,))] if built else []
    model = kind([*first, nn.Dense(4), nn.BatchNormalization(), nn.Dropout(0.5), *layers, nn.Dense(1)])  # fmt: skip
    if built:
        model.compile(nn.Adam(), "mse", jit=False)
        if not layers and kind is nn.Sequential:
            model.fit(X, Y, verbose=0)
    model.compile(optimizer or nn.Adam(), loss, metrics=list(metrics), jit=jit)
    return model


LOSSES = {
    "int": lambda y, p: 3,
    "None": lambda y, p: None,
    "array": lambda y, p: np.ones(12),
    "whole numbers": lambda y, p: (y > p).sum(),
    "constant": lambda y, p: ag.zeros(12),
    "raises": lambda y, p: {}["loss"],
    "StopIteration": lambda y, p: next(iter(())),
    "shape": lambda y, p: (y - p) @ ag.ones((5, 5)),
}
METRICS = ("update raises", "values are a number", "result raises", "result is a text", "result is None")  # fmt: skip
OPTIONS = {
    **{f"loss {name}": dict(loss=loss) for name, loss in LOSSES.items()},
    **{
        f"metric {how}{'' if traced else ', not traced'}": dict(metrics=[(how, traced)])
        for how, traced in itertools.product(METRICS, (True, False))
    },
    "metric None": dict(metrics=[lambda y, p: None]),
    "metric shape": dict(metrics=[nn.AUC(), lambda y, p: (y - p) @ ag.ones((5, 5))]),
    "optimizer": dict(optimizer=Shy()),
    "layer": dict(layers=[Fails()]),
    "step raises": dict(kind=OwnStep, gives=KeyError("step")),
    "step text": dict(kind=OwnStep, gives="good"),
    "step of texts": dict(kind=OwnStep, gives={"loss": "good"}),
}
CALLS = {
    "fit": lambda m, **o: m.fit(X, Y, verbose=0, **o),
    "fit validated": lambda m, **o: m.fit(X, Y, validation_data=(X, Y), verbose=0, **o),
    "fit of batches": lambda m, **o: m.fit(iter([(X, Y)]), verbose=0, **o),
    "train_on_batch": lambda m, **o: m.train_on_batch(X, Y, **o),
    "evaluate": lambda m, **o: m.evaluate(X, Y, verbose=0, **o),
    "evaluate batches": lambda m, **o: m.evaluate(iter([(X, Y)]), verbose=0, **o),
}


def raised_by(action):
    """The error of an action, None where there is none."""
    try:
        action()
    except Exception as error:
        return error
    return None


def of(jit, options):
    options = dict(options)
    gives = options.pop("gives", None)
    metrics = [Picky(*m) if isinstance(m, tuple) else m for m in options.pop("metrics", ["mae"])]
    model = model_of(jit, metrics=metrics, **options)
    model.gives = gives
    return model


@pytest.mark.parametrize("jit", [False, "auto"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_part_of_the_users_goes_wrong(options, jit):
    """In an unbuilt model too: it can then be built for other inputs."""
    refused = 0
    for name, call in CALLS.items():
        for built in (True, False):
            model = of(jit, options | {"built": built})
            before = whole(model)
            error = raised_by(lambda call=call, model=model: call(model))
            if error is None:
                continue
            refused += 1
            assert not isinstance(error, StopIteration)
            now = whole(model)
            assert now[0] == before[0], (name, built, error)
            # batches are read after the run has begun
            assert "batches" in name or now == before, (name, built, error)
    # a layer, an optimizer and a step may be wrong in training alone
    assert refused >= 8


WEIGHTS = {
    "(n, 5)": np.ones((12, 5)),
    "(n, 1, 1)": np.ones((12, 1, 1)),
    "(1, n)": np.ones((1, 12)),
    "no axis": 2.0,
    "short": np.ones(5),
    "NaN": [np.nan] * 12,
    "infinite": [np.inf] * 12,
    "negative infinity": [-np.inf] * 12,
    "text": ["a"] * 12,
    "None in a list": [None] * 12,
    "dict": {0: 1.0},
    "complex": np.ones(12, complex),
}


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
def test_weights_of_rows(weight, built):
    model = model_of("auto", built=built)
    told = []
    note = nn.LambdaCallback(on_train_begin=told.append)
    before = whole(model)
    for call in (
        lambda: model.fit(X, Y, sample_weight=weight, callbacks=note, verbose=0),
        lambda: model.fit(X, Y, validation_data=(X, Y, weight), callbacks=note, verbose=0),
        lambda: model.fit(X, Y, sample_weight=weight, validation_split=0.5, callbacks=note),
        lambda: model.fit(iter([(X, Y, weight)]), verbose=0),
        lambda: model.evaluate(X, Y, sample_weight=weight),
        lambda: model.evaluate(iter([(X, Y, weight)])),
        lambda: model.train_on_batch(X, Y, sample_weight=weight),
    ):
        with pytest.raises(ValueError, match=r"sample_weight|weight of batch 0"):
            call()
        assert whole(model)[0] == before[0]
        assert whole(model)[4:] == before[4:]
    assert whole(model) == before
    assert not told


def test_measuring_makes_no_slots():
    model = nn.Sequential([nn.Dense(1, input_shape=(3,))])
    model.compile("adam", "mse")
    model.evaluate(X, Y)
    assert model.optimizer.slots == []


class Troubled(nn.Callback):
    """Raises `error` at its `count`-th `event`."""

    def __init__(self, event, error, count=1):
        self.error = error
        self.left = count
        setattr(self, event, self.trouble)

    def trouble(self, *args):
        self.left -= 1
        if not self.left:
            raise self.error


BEFORE = ("on_train_begin", "on_epoch_begin", "on_train_batch_begin")


@pytest.mark.parametrize("error", [KeyError("own"), StopIteration("own")], ids=["any", "stop"])
@pytest.mark.parametrize("event", [*BEFORE, "on_batch_begin"])
def test_a_callback_raises_before_the_first_step(event, error):
    model = model_of("auto")
    before = whole(model)
    expected = RuntimeError if isinstance(error, StopIteration) else KeyError
    with pytest.raises(expected, match=r"own|raised StopIteration"):
        model.fit(X, Y, callbacks=Troubled(event, error), verbose=0)
    assert whole(model)[0] == before[0]
    assert whole(model)[1] == before[1]


LATER = ("on_train_batch_begin", "on_train_batch_end", "on_epoch_begin", "on_epoch_end", "on_test_begin", "on_test_end", "on_test_batch_begin", "on_test_batch_end")  # fmt: skip


@pytest.mark.parametrize("jit", [False, "auto"])
@pytest.mark.parametrize("event", LATER)
def test_a_callback_raises_later(event, jit):
    """The steps that were done stay: as many as the counter says, and the weights that so many steps give."""
    ended = []
    model = model_of(jit)
    end = nn.LambdaCallback(on_train_end=ended.append)
    ag.random.seed(3)
    with pytest.raises(RuntimeError, match=rf"Troubled.{event} raised StopIteration, .*stop_training"):  # fmt: skip
        model.fit(
            X, Y, batch_size=4, epochs=3, callbacks=[Troubled(event, StopIteration(), 2), end],
            validation_data=(X, Y), verbose=0,
        )  # fmt: skip
    assert len(ended) == 1
    assert not model.training
    steps = model.optimizer.iterations.item()
    assert steps == {"on_train_batch_begin": 1, "on_train_batch_end": 2, "on_epoch_begin": 3, "on_test_batch_begin": 3, "on_test_batch_end": 3}.get(event, 6)  # fmt: skip
    other = model_of(jit)
    ag.random.seed(3)
    stop = nn.LambdaCallback(on_train_batch_end=lambda batch, logs: other.__setattr__("stop_training", other.optimizer.iterations.item() == steps))  # fmt: skip
    other.fit(X, Y, batch_size=4, epochs=3, callbacks=stop, verbose=0)
    assert other.optimizer.iterations.item() == steps
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("jit", [False, "auto"])
@pytest.mark.parametrize("bad", ["raises", "weight", "loss"])
def test_a_batch_fails_later(bad, jit):
    """The model is as after the step before, and goes on from there as if the bad batch had not been."""

    def batches(failing):
        yield X, Y
        if failing and bad == "raises":
            raise OSError("disk")
        if failing:
            yield X[:6], Y[:6], np.ones((6, 2)) if bad == "weight" else np.ones(6)

    def loss(y, p):
        if bad == "loss" and y.shape[0] == 6:
            raise OSError("loss")
        return ((y - p) ** 2).mean(axis=-1)

    one, other = model_of(jit, loss=loss), model_of(jit, loss=loss)
    ag.random.seed(5)
    with pytest.raises((OSError, ValueError)):
        one.fit(batches(True), verbose=0)
    generator = one.history and ag.random.default_generator().state[1].item()
    ag.random.seed(5)
    other.fit(batches(False), verbose=0)
    assert ag.random.default_generator().state[1].item() == generator
    assert {n: a.tobytes() for n, a in one.state_dict().items()} == {n: a.tobytes() for n, a in other.state_dict().items()}  # fmt: skip
    assert one.optimizer.iterations.item() == other.optimizer.iterations.item() == 1
    slots = [m.optimizer.state() for m in (one, other)]
    assert all(np.array_equal(t.numpy(), slots[1][name].numpy()) for name, t in slots[0].items())


def test_a_model_that_was_refused_is_built_for_what_comes_then():
    model = model_of("auto", built=False)
    with pytest.raises(ValueError, match="rows"):
        model.fit(X, Y[:5])
    with pytest.raises(ValueError, match="holds text"):
        model.predict(["a"])
    model.fit(X[:, :2], Y, verbose=0)
    assert model.layers[0].kernel.shape == (2, 4)


@pytest.mark.parametrize("layer", [nn.Conv2D(2, 2), nn.Reshape((5,)), nn.Input((3,)), "relu"])
def test_a_layer_that_does_not_fit_is_not_added(layer):
    model = model_of("auto")
    before, layers = whole(model), list(model.layers)
    with pytest.raises(ValueError, match=r"expected|do not fit|comes first|nn.Module objects"):
        model.add(layer)
    assert model.layers == layers
    assert whole(model) == before
    model.fit(X, Y, verbose=0)
