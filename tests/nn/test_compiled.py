"""fit, evaluate and predict on compiled steps: what eager does, whatever is changed in between.

Every model of the tables of traced steps is trained with `jit=True` and with `jit=False` from the same seed. On NumPy
the two are the same bytes; as machine code they are as close as rounding allows.
"""

from __future__ import annotations

import copy
import gc
import logging
import os
import pickle
import signal
import threading
import time
import weakref
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import test_layers_trace
import test_trace
from models import Batches, Recorder, everything, rows

import autograd as ag
import backends
import nn
from nn.step import task_of, traced_train_step, training_state

pytestmark = pytest.mark.once


@pytest.fixture(params=["numpy", "numba"], autouse=True)
def backend(request):
    if request.param not in backends.available():
        pytest.skip("numba is not installed")
    with backends.use(request.param):
        ag.random.seed(0)
        yield request.param


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO, "gradloom")
    return lambda level=logging.INFO: [
        r.getMessage() for r in caplog.records if r.name == "gradloom" and r.levelno >= level
    ]


def random_words():
    key, counter = ag.random.default_generator().state
    return key.item(), counter.item()


# every layer, optimizer, loss and metric
MODELS = {name: (make, test_trace.X, y) for name, (make, y) in test_trace.STEPS.items()}
MODELS |= {
    name: (partial(test_layers_trace.network, make, x), x, test_layers_trace.Y)
    for name, (x, make) in test_layers_trace.LAYERS.items()
}


def trained(make, x, y, jit):
    """A model after two epochs of three steps: two of four rows in one stretch, and the three that are left."""
    nn.set_random_seed(9)
    model = make()
    model.jit = jit
    x, y = (np.concatenate([part, part])[:11] for part in (x, y))
    return model, model.fit(x, y, batch_size=4, epochs=2).history


@pytest.mark.parametrize("name", MODELS)
def test_compiled_training_is_eager_training(name, backend):
    make, x, y = MODELS[name]
    eager, expected = trained(make, x, y, False)
    after = random_words()
    model, history = trained(make, x, y, True)
    assert random_words() == after
    assert list(history) == list(expected)
    if backend == "numpy":
        assert everything(model) == everything(eager)
        assert history == expected
        return
    tolerance = 1e-10 if model.dtype == "float64" else 2e-4
    theirs = dict(eager.named_tensors())
    for key, tensor in model.named_tensors():
        np.testing.assert_allclose(tensor.numpy(), theirs[key].numpy(), tolerance, tolerance / 10, err_msg=key)  # fmt: skip
    slots = eager.optimizer.state()
    for key, tensor in model.optimizer.state().items():
        np.testing.assert_allclose(tensor.numpy(), slots[key].numpy(), tolerance, tolerance / 10, err_msg=key)  # fmt: skip
    for key, values in history.items():
        np.testing.assert_allclose(values, expected[key], 1e-10 if tolerance < 1e-9 else 1e-4, err_msg=key)  # fmt: skip


NOISE = {
    "BatchNormalization of images": "normalising takes away what the bias before it adds, so its gradient is rounding alone"
}
"""Models with values that are 0 but for rounding, beside which no difference is small."""


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
@pytest.mark.parametrize("name", ["sgd", "Conv2D"])
def test_every_value_of_a_step_on_numpy(name):
    """The test above is bit for bit; here is the comparison itself."""
    compare_values(name)


@pytest.mark.parametrize("backend", ["numba"], indirect=True)
@pytest.mark.parametrize("name", [name for name in MODELS if name not in NOISE])
def test_every_value_of_a_step_is_the_interpreter_s(name):
    compare_values(name)


def compare_values(name):
    make, x, y = MODELS[name]
    nn.set_random_seed(9)
    model = make()
    # with targets of 0 and 1 alike the bias' gradient is a sum to nearly 0, and no difference is small beside it
    labels = np.ones_like(y) if y is test_layers_trace.Y else y
    # as many rows as are left above: the program is made once
    x, y = ag.tensor(x[:3], model.dtype), ag.tensor(labels[:3])
    model.task(x)
    model.train()
    training_state(model)  # makes the slots
    jitted = ag.jit(partial(traced_train_step, task_of(model)), state=partial(training_state, model))  # fmt: skip
    before = everything(model), random_words()
    found = jitted.compare(x, y, None)
    assert (everything(model), random_words()) == before
    assert len(found) > 3
    for kernel, value, difference in found:
        assert difference <= 1e-5, (kernel, value, difference)


# data
X, Y = rows(23, 4)
Y3 = np.random.default_rng(5).integers(0, 3, 23)


def network(outputs=1, metrics=("accuracy",), optimizer=None, jit=True, seed=4, dropout=0.3, units=5):  # fmt: skip
    nn.set_random_seed(seed)
    model = nn.Sequential(
        [
            nn.Input((4,)),
            nn.Dense(units, "relu"),
            nn.Dropout(dropout),
            nn.Dense(outputs, "sigmoid" if outputs == 1 else "softmax"),
        ]
    )
    loss = "binary_crossentropy" if outputs == 1 else "sparse_categorical_crossentropy"
    model.compile(optimizer or nn.SGD(0.1, momentum=0.9), loss, list(metrics), jit=jit)
    return model


def both(work, **options):
    """`work(model)` on a compiled and on an eager model; the results, weights, and random numbers are the same."""
    results = []
    for jit in (True, False):
        model = network(jit=jit, **options)
        result = work(model)
        weights = [w.tolist() for w in model.get_weights()]
        slots = [t.tolist() for t in model.optimizer.state().values()]
        results.append((result, weights, slots, random_words()))
    (a, *more), (b, *others) = results
    assert more[2] == others[2]
    same(more[:2], others[:2])
    same(a, b)
    return a


def same(a, b):
    """Nested numbers, to what float32 allows."""
    if isinstance(a, dict):
        assert list(a) == list(b)
        a, b = list(a.values()), list(b.values())
    if isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            same(one, other)
    elif a is not None:
        np.testing.assert_allclose(a, b, 2e-4, 2e-5)


def measured(model, x=X):
    return [model.predict(x), model.evaluate(X, Y)]


@pytest.mark.parametrize("batch_size", [1, 8, 64])
def test_batches_of_every_size(batch_size):
    """The last is partial, or the only one, or there are fewer rows than a batch has."""

    def work(model):
        history = model.fit(X, Y, batch_size, epochs=3)
        return [history.history, model.predict(X, batch_size), model.evaluate(X, Y, batch_size)]

    history, predicted, _ = both(work)
    assert len(history["loss"]) == 3
    assert predicted.shape == (23, 1)


def test_a_fit_of_other_data_is_another_program():
    def work(model):
        results = []
        for n, size in ((23, 8), (16, 8), (8, 8), (3, 8), (23, 4), (23, 8)):
            results.append(model.fit(X[:n], Y[:n], size).history)
            results.append(model.predict(X[:n]))
        return results

    both(work)


def test_the_loss_counts_rows_not_batches():
    model = network(optimizer=nn.SGD(0.0), dropout=0.0)
    history = model.fit(X, Y, 8, validation_data=(X[:9], Y[:9])).history
    assert history["loss"][0] == pytest.approx(model.evaluate(X, Y)[0], rel=1e-5)
    assert history["val_loss"][0] == pytest.approx(model.evaluate(X[:9], Y[:9])[0], rel=1e-5)
    predicted = model.predict(X)
    assert history["accuracy"][0] == pytest.approx(np.mean((predicted > 0.5) == Y), rel=1e-6)


@pytest.mark.parametrize("kind", ["sample", "class", "sample of batches"])
def test_weights(kind):
    weight = np.linspace(0.0, 2.0, 23)

    def work(model):
        if kind == "sample":
            history = model.fit(X, Y, 4, 3, sample_weight=weight)
        elif kind == "class":
            history = model.fit(X, Y[:, 0].astype(int), 4, 3, class_weight={0: 0.3, 1: 2.0})
        else:
            batches = [(X[i : i + 4], Y[i : i + 4], weight[i : i + 4]) for i in range(0, 23, 4)]
            history = model.fit(Batches(*batches), epochs=3)
        return [history.history, model.evaluate(X, Y, 4, sample_weight=weight), *measured(model)]

    weighted = both(work)[0]
    assert weighted != network().fit(X, Y, 4, 3).history


def test_a_metric_that_no_trace_holds():
    def work(model):
        history = model.fit(X, Y, 4, 3, validation_data=(X[:10], Y[:10])).history
        return [history, *measured(model)]

    history = both(work, metrics=["auc", "accuracy"])[0]
    assert list(history) == ["loss", "auc", "accuracy", "val_loss", "val_auc", "val_accuracy"]


def test_iterables_of_batches_of_several_sizes():
    parts = [(X[:8], Y[:8]), (X[8:10], Y[8:10]), (X[10:18], Y[10:18]), (X[18:], Y[18:])]
    batches = Batches(*parts)

    def work(model):
        history = model.fit(batches, epochs=3, validation_data=Batches(*parts[:2])).history
        return [history, model.predict(x for x, _ in parts), model.evaluate(batches)]

    both(work)


def test_class_numbers_and_an_embedding_out_of_range():
    """The label is checked before; the index only in the step, which leaves the weights as they were."""
    nn.set_random_seed(0)
    model = nn.Sequential([nn.Input((2,)), nn.Embedding(5, 3), nn.Flatten(), nn.Dense(1)])
    model.compile(nn.SGD(0.1, momentum=0.9), "mse", jit=True)
    good, y = np.arange(12).reshape(6, 2) % 5, np.ones((6, 1))
    model.fit(good, y, 2, verbose=0)
    before = model.get_weights()
    bad = good.copy()
    bad[0, 1] = 5
    with pytest.raises(Exception, match=r"out of|between|index"):
        model.fit(bad, y, 2, shuffle=False)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not model.training
    model.fit(good, y, 2)
    assert any((a != b).any() for a, b in zip(model.get_weights(), before, strict=True))


# callbacks
def test_callbacks_that_want_every_batch():
    def work(model):
        recorder, losses = Recorder(), []
        see = nn.LambdaCallback(on_train_batch_end=lambda b, logs: losses.append(dict(logs)))
        model.fit(X, Y, 4, 2, callbacks=[recorder, see])
        assert [e for e in recorder.events if e[0] == "batch"] == [("batch", i) for i in range(6)] * 2  # fmt: skip
        return losses

    losses = both(work)
    assert len(losses) == 12
    # watching changes nothing
    watched = network()
    watched.fit(X, Y, 4, 2, callbacks=Recorder())
    plain = network()
    plain.fit(X, Y, 4, 2)
    same([w.tolist() for w in watched.get_weights()], [w.tolist() for w in plain.get_weights()])


def test_batch_begins_and_stopping_in_the_middle():
    def work(model):
        begun = []

        def begin(batch, logs=None):
            begun.append((batch, model.optimizer.iterations.item()))

        def stop(batch, logs):
            if batch == 3:
                model.stop_training = True

        callbacks = [nn.LambdaCallback(on_train_batch_begin=begin, on_train_batch_end=stop)]
        history = model.fit(X, Y, 4, 5, callbacks=callbacks)
        assert begun == [(0, 0), (1, 1), (2, 2), (3, 3)]
        return history.history

    assert len(both(work)["loss"]) == 1


class Steady(nn.Callback):
    """Looks at progress a few times a second, as a bar does."""

    wants_every_batch = False

    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, batch, logs):
        self.seen.append((batch, self.model.optimizer.iterations.item(), sorted(logs)))


def test_progress_in_stretches():
    big_x, big_y = np.tile(X, (40, 1)), np.tile(Y, (40, 1))
    steady = Steady()
    network().fit(big_x, big_y, 4, 2, callbacks=steady)
    steps = 230
    assert 2 <= len(steady.seen) < 230
    assert [n for b, n, _ in steady.seen if b == steps - 1] == [steps, 2 * steps]
    epochs = 0
    for i, (batch, done, names) in enumerate(steady.seen):
        epochs += bool(i) and batch <= steady.seen[i - 1][0]
        assert done == epochs * steps + batch + 1
        assert names == ["accuracy", "loss"]


@pytest.mark.parametrize("first", [0, 1])
def test_the_bar_counts_every_step(first, tmp_path, monkeypatch):
    tqdm = pytest.importorskip("tqdm.auto")
    pytest.importorskip("safetensors")
    bars = []

    class Bar(tqdm.tqdm):
        def close(self):
            if not self.disable:
                bars.append((self.n, self.total))
            super().close()

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    network().fit(X, Y, 4, 3, initial_epoch=first, verbose=1)
    assert bars == [(6 * (3 - first), 6 * (3 - first))]
    model = network()

    def save(batch, logs):
        if model.optimizer.iterations.item() == 6 * (1 + first) + 4:
            model.save(tmp_path / "half")
            model.stop_training = True

    model.fit(X, Y, 4, 3, callbacks=nn.LambdaCallback(on_train_batch_end=save))
    bars.clear()
    again = network(seed=8)
    again.go_on_from(tmp_path / "half")
    again.fit(X, Y, 4, 3, verbose=1)
    assert again.optimizer.iterations.item() == 18
    assert bars == [(18, 18)]


def test_a_run_that_goes_on_in_the_middle_of_an_epoch(tmp_path):
    pytest.importorskip("safetensors")
    whole = network()
    whole.fit(X, Y, 4, 3)
    expected = everything(whole), random_words()
    model = network()

    def save(batch, logs):
        if model.optimizer.iterations.item() == 9:
            model.save(tmp_path / "half")
            model.stop_training = True

    model.fit(X, Y, 4, 3, callbacks=nn.LambdaCallback(on_train_batch_end=save))
    again = network(seed=8)
    again.go_on_from(tmp_path / "half")
    again.fit(X, Y, 4, 3)
    assert (everything(again), random_words()) == expected


def test_callbacks_that_change_the_rate():
    def work(model):
        scheduler = nn.LearningRateScheduler(lambda epoch, rate: 0.2 * 0.5**epoch)
        first = model.fit(X, Y, 4, 3, callbacks=scheduler).history
        plateau = nn.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=10.0)
        second = model.fit(X, Y, 4, 4, callbacks=plateau).history
        return [first, second]

    first, second = both(work)
    np.testing.assert_allclose(first["learning_rate"], [0.2, 0.1, 0.05], 1e-6)
    assert second["learning_rate"][-1] < second["learning_rate"][0] / 50


def test_a_rate_that_changes_reaches_the_compiled_step():
    """With rate 0 from the second epoch on the weights stand still."""
    model, seen = network(optimizer=nn.SGD(0.5)), []

    def begin(epoch, logs=None):
        model.optimizer.learning_rate = 0.5 if epoch == 0 else 0.0
        seen.append(model.get_weights()[0].copy())

    model.fit(X, Y, 4, 3, callbacks=nn.LambdaCallback(on_epoch_begin=begin))
    assert (seen[0] != seen[1]).any()
    assert (seen[1] == seen[2]).all()


def test_the_best_weights_come_back():
    def work(model):
        stop = nn.EarlyStopping("loss", mode="max", patience=1, restore_best_weights=True)
        history = model.fit(X, Y, 4, 20, callbacks=stop).history
        return [history, *measured(model)]

    history = both(work)[0]
    assert 2 <= len(history["loss"]) < 20
    model, kept = network(), []
    grab = nn.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()))
    stop = nn.EarlyStopping("loss", mode="max", patience=1, restore_best_weights=True)
    losses = model.fit(X, Y, 4, 20, callbacks=[grab, stop]).history["loss"]
    for a, b in zip(model.get_weights(), kept[int(np.argmax(losses))], strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_callbacks_kept_of_the_weights_stays():
    """References to arrays, not copies: the next stretch may not write into them."""
    model, kept, copies = network(), [], []

    def keep(epoch, logs):
        kept.append([p.data for p in model.parameters()])
        copies.append([p.numpy() for p in model.parameters()])

    model.fit(X, Y, 4, 4, callbacks=nn.LambdaCallback(on_epoch_end=keep))
    for mine, theirs in zip(kept, copies, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


MIDWAY = {
    "dropout rate": lambda m: setattr(m.layers[1], "rate", 0.9),
    "momentum": lambda m: setattr(m.optimizer, "momentum", 0.0),
    "weight decay": lambda m: setattr(m.optimizer, "weight_decay", 0.5),
    "rate": lambda m: setattr(m.optimizer, "learning_rate", 0.5),
    "regularizer": lambda m: setattr(m.layers[0].kernel, "regularizer", nn.L2(0.5)),
    "new weights": lambda m: m.set_weights([w * 0.5 for w in m.get_weights()]),
    "activation": lambda m: setattr(m.layers[0], "activation", nn.activations.get("tanh")),
}


@pytest.mark.parametrize("what", MIDWAY)
def test_what_is_changed_between_two_fits(what):
    def work(model):
        before = model.fit(X, Y, 4, 2).history
        MIDWAY[what](model)
        after = model.fit(X, Y, 4, 2).history
        return [before, after, *measured(model)]

    both(work)


def test_a_layer_frozen_and_thawed_between_fits():
    """The optimizer holds the state of its parameters, so each set of them has its own."""

    def work(model):
        results, kernel = [], model.layers[0].kernel
        for trains in (True, False, True):
            kernel.requires_grad = trains
            model.compile(nn.SGD(0.1, momentum=0.9), "binary_crossentropy", jit=model.jit)
            before = model.get_weights()
            results.append(model.fit(X, Y, 4, 2).history)
            assert (kernel.numpy() != before[0]).any() == trains
            assert (model.get_weights()[1] != before[1]).any()
        return [results, *measured(model)]

    both(work)


def test_a_layer_frozen_without_a_new_optimizer_is_the_same_error():
    messages = set()
    for jit in (True, "auto", False):
        model = network(jit=jit)
        model.fit(X, Y, 4)
        model.layers[0].kernel.requires_grad = False
        with pytest.raises(nn.ArgumentError, match="make a new optimizer") as caught:
            model.fit(X, Y, 4)
        messages.add(str(caught.value))
    assert len(messages) == 1


@pytest.mark.parametrize("what", MIDWAY)
def test_what_a_callback_changes_in_the_middle_of_a_fit(what):
    """Eager training obeys at once, or at the next fit; compiled training does the same."""

    def work(model):
        def change(epoch, logs=None):
            if epoch == 1:
                MIDWAY[what](model)

        history = model.fit(X, Y, 4, 3, callbacks=nn.LambdaCallback(on_epoch_begin=change))
        return [history.history, *measured(model)]

    both(work)


def other_last_layer(model):
    model.layers[-1] = nn.Dense(1, kernel_initializer="ones")
    model.layers[-1](np.ones((1, 5), np.float32))


def test_the_mode_and_weights_that_predict_sees():
    """After each change the next prediction is the new model's, also on the short way of one batch."""
    model, eager = network(), network(jit=False)
    x = X[:8]

    def check():
        for _ in range(3):
            expected = eager.predict(x)
            np.testing.assert_allclose(model.predict(x), expected, 1e-5, 1e-6)
            np.testing.assert_allclose(model.predict(x + 0), expected, 1e-5, 1e-6)
        same(model.evaluate(X, Y), eager.evaluate(X, Y))

    def change(f):
        f(model)
        f(eager)
        check()

    check()
    change(lambda m: m.set_weights([w + 0.1 for w in m.get_weights()]))
    change(lambda m: m.train())
    change(lambda m: m.layers[-1].kernel.assign(m.layers[-1].kernel * 2.0))
    change(lambda m: m.layers[-1].bias.data.__iadd__(1.0))
    change(lambda m: setattr(m.layers[-1], "activation", nn.activations.get("tanh")))
    change(lambda m: setattr(m.layers[-1], "kernel", nn.Parameter(np.full((5, 1), 0.3, np.float32))))  # fmt: skip
    change(lambda m: m.load_state_dict({k: v * 0.5 for k, v in m.state_dict().items()}))
    change(other_last_layer)


class Scaled(nn.Module):
    """Multiplies by what an object says."""

    def __init__(self, factor):
        self.factor = factor

    def call(self, x):
        return x * self.factor.value


class Factor:
    def __init__(self, value):
        self.value = value


def test_predict_follows_an_object_inside_a_layer():
    """Also when the new object has the address of the old one, and when only the inside of the object changes."""
    model = nn.Sequential([nn.Input((4,)), Scaled(Factor(1.0))])
    for n in range(2, 8):
        model.layers[0].factor = Factor(float(n))
        for _ in range(2):
            np.testing.assert_array_equal(model.predict(X[:4]), X[:4] * n)
        model.layers[0].factor.value = -float(n)
        for _ in range(2):
            np.testing.assert_array_equal(model.predict(X[:4]), X[:4] * -n)


def test_predictions_follow_training_even_when_the_weights_were_held():
    """Who holds an array makes training move the weight; the short way of predict must follow."""
    model, x = network(dropout=0.0), X[:8]
    for turn in range(3):
        model.predict(x)
        model.predict(x)
        held = [p.data for p in model.parameters()]
        model.fit(X, Y, 4)
        expected = model(x).numpy()
        np.testing.assert_allclose(model.predict(x), expected, 1e-5, 1e-6, err_msg=str(turn))
        del held
        np.testing.assert_allclose(model.predict(x), expected, 1e-5, 1e-6, err_msg=str(turn))


def test_predictions_from_inside_callbacks():
    model, seen = network(dropout=0.0), []

    def look(epoch, logs):
        seen.append((model.predict(X[:8]), model(X[:8], training=False).numpy()))

    model.fit(X, Y, 4, 4, callbacks=nn.LambdaCallback(on_epoch_end=look))
    for got, expected in seen:
        np.testing.assert_allclose(got, expected, 1e-5, 1e-6)
    assert (seen[0][0] != seen[-1][0]).any()


def test_predictions_are_the_users():
    """They may be written to, and are not those of the next call."""
    model, x = network(), X[:8]
    first = model.predict(x)
    second = model.predict(x)
    expected = second.copy()
    first += 1
    second[...] = 0
    third = model.predict(x)
    np.testing.assert_array_equal(third, expected)
    assert third.flags.writeable
    x2 = x.copy()
    x2.flags.writeable = False
    np.testing.assert_array_equal(model.predict(x2), expected)
    np.testing.assert_array_equal(model.predict(np.asfortranarray(x)), expected)
    np.testing.assert_array_equal(model.predict(x[::-1])[::-1], expected)


def test_bad_arguments_are_refused_on_the_short_way_too():
    model = network()
    for _ in range(2):
        model.predict(X[:8])
    with pytest.raises(nn.ArgumentError, match="batch_size"):
        model.predict(X[:8], batch_size=0)


def test_a_wrong_input_does_not_slow_down_the_next(log):
    model = network(jit="auto")
    model.predict(X[:8])
    for _ in range(2):
        with pytest.raises(ag.ShapeError, match="last axis"):
            model.predict(np.zeros((3, 7)))
        with pytest.raises(ag.ShapeError):
            model.evaluate(np.zeros((3, 7)), Y[:3])
    count = len(log())
    model.predict(X[:5])
    model.evaluate(X[:5], Y[:5])
    assert log(logging.WARNING) == []
    assert len(log()) > count  # new programs


@pytest.mark.parametrize("jit", [True, False])
def test_a_used_model_can_be_copied_and_pickled(jit):
    model = network(jit=jit)
    model.fit(X, Y, 4, validation_data=(X, Y))
    expected = model.predict(X[:8])
    model.predict(X[:8])
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.predict(X[:8]), expected)
        again.fit(X, Y, 4)
        assert (again.predict(X[:8]) != expected).any()
        np.testing.assert_array_equal(model.predict(X[:8]), expected)


def test_a_model_that_nobody_holds_is_freed():
    model = network()
    model.fit(X, Y, 4, validation_data=(X, Y))
    for _ in range(2):
        model.predict(X[:8])
    gone = [weakref.ref(model), weakref.ref(model.layers[0].kernel), weakref.ref(model.optimizer)]
    del model
    gc.collect()
    assert [reference() for reference in gone] == [None] * 3


class Counting(nn.Module):
    """Counts its calls, as a user may while looking for something."""

    def __init__(self):
        self.calls = 0

    def call(self, x):
        self.calls += 1
        return x


def test_a_layer_that_counts_its_calls_is_not_traced_each_time(log):
    """Few traces, or an eager run that says why."""
    model = nn.Sequential([nn.Input((4,)), Counting(), nn.Dense(1)])
    model.compile("sgd", "mse", jit="auto")
    model.fit(X, Y, 2, 3, callbacks=Recorder())
    assert len([line for line in log() if ": trace " in line]) <= 3


class Annealed(nn.Module):
    """Counts its calls and does less with each: a number that a step itself changes."""

    def __init__(self):
        self.calls = 0

    def call(self, x):
        self.calls += 1
        return x * 0.9**self.calls


@pytest.mark.parametrize("watched", [True, False])
def test_a_layer_that_changes_its_own_numbers(watched, log):
    """A program cannot hold that: the step runs as it is, and says so, or is refused; never with the old number."""
    results = []
    for jit in ("auto", False):
        nn.set_random_seed(1)
        model = nn.Sequential([nn.Input((4,)), Annealed(), nn.Dense(1)])
        model.compile("sgd", "mse", jit=jit)
        try:
            history = model.fit(X, Y, 4, 3, callbacks=Recorder() if watched else ()).history
        except ag.TraceError as error:
            assert "calls" in str(error)  # noqa: PT017
            return
        results.append(history["loss"])
    np.testing.assert_allclose(*results, 1e-5)


def test_inputs_of_other_kinds():
    """Integers, booleans, float64, lists and tensors become what the model computes with, as in eager."""

    def work(model):
        results = []
        for x, y in ((X.astype(int), Y), (X > 0, Y > 0), (X.tolist(), ag.tensor(Y)), (X[::-1].astype(float), Y[::-1])):  # fmt: skip
            results += [model.fit(x, y, 8).history, model.predict(x, 8)]
        return results

    both(work)


def test_a_model_made_on_another_backend(backend):
    """What eager says of arrays of two backends, or what eager computes."""
    other = "numba" if backend == "numpy" else "numpy"
    results = []
    for jit in ("auto", False):
        model = network(jit=jit)
        with backends.use(other):
            for call in (lambda m: m.predict(X), lambda m: m.fit(X, Y, 4).history, lambda m: m.evaluate(X, Y)):  # fmt: skip
                try:
                    results.append((jit, np.shape(list(call(model)))))
                except backends.BackendError:
                    results.append((jit, "refused"))
        assert model.predict(X).shape == (23, 1)
    half = len(results) // 2
    assert [r for _, r in results[:half]] == [r for _, r in results[half:]]


def test_two_threads_that_train_with_dropout(backend):
    """They share the default generator in no order; the numbers are any, the models are whole."""
    failed = []

    def work(seed):
        try:
            with backends.use(backend):
                history = models[seed].fit(X, Y, 4, 10).history["loss"]
                assert np.isfinite(history).all()
                assert history[-1] < 5
        except BaseException as error:
            failed.append(error)

    models = {seed: network(seed=seed, units=seed + 3) for seed in range(3)}
    threads = [threading.Thread(target=work, args=(seed,)) for seed in models]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert failed == []
    first, second = (network().fit(X, Y, 4, 2).history for _ in range(2))
    assert first == second


def test_loading_weights_between_two_fits(tmp_path):
    pytest.importorskip("safetensors")

    def work(model):
        model.save_weights(tmp_path / "w")
        model.fit(X, Y, 4, 2)
        model.load_weights(tmp_path / "w")
        start = measured(model)
        return [start, model.fit(X, Y, 4, 2).history, *measured(model)]

    both(work)


def test_a_layer_added_between_two_fits():
    def work(model):
        model.fit(X, Y, 4, 1)
        model.predict(X[:8])
        model.add(nn.Dense(1, "sigmoid", kernel_initializer="ones"))
        predicted = model.predict(X[:8])
        model.compile(nn.SGD(0.1), "mse", jit=model.jit)
        history = model.fit(X, Y, 4, 2).history
        return [predicted, history, *measured(model)]

    both(work)


def test_compiling_again_with_another_loss_and_optimizer():
    def work(model):
        results = []
        for optimizer, loss in (("adam", "mse"), (nn.SGD(0.1), "hinge")):
            model.compile(optimizer, loss, ["mae"], jit=model.jit)
            results += [model.fit(X[:20], Y[:20], 4, 2).history, model.evaluate(X, Y)]
        return results

    both(work)


def test_changing_jit_between_two_fits(log):
    model = network(jit=True)
    model.fit(X, Y, 4)
    model.jit = False
    count = len(log())
    model.fit(X, Y, 4)
    model.predict(X)
    assert len(log()) == count
    model.jit = "auto"
    model.fit(X, Y, 4)
    assert len(log()) > count


# what cannot be traced
class Branches(nn.Module):
    """Looks at a value, which no trace has."""

    def call(self, x):
        if x.sum().item() > 1e9:
            return x * 2
        return x


def branching(jit):
    nn.set_random_seed(4)
    model = nn.Sequential([nn.Input((4,)), nn.Dense(3), Branches(), nn.Dropout(0.3), nn.Dense(1)])
    model.compile(nn.SGD(0.1), "mse", jit=jit)
    return model


def test_what_cannot_be_traced_runs_eagerly_and_says_so_once(log):
    plain = branching(False)
    expected = plain.fit(X, Y, 4, 3, validation_data=(X, Y)).history, plain.predict(X).tolist()
    assert log() == []
    model = branching("auto")
    history = model.fit(X, Y, 4, 3, validation_data=(X, Y)).history
    assert (history, model.predict(X).tolist()) == expected
    assert everything(model) == everything(plain)
    warnings = log(logging.WARNING)
    line = Path(__file__).read_text().splitlines().index("        if x.sum().item() > 1e9:") + 1
    assert [w.split(" runs eagerly")[0] for w in warnings] == ["train_step", "evaluate_step", "predict"]  # fmt: skip
    for warning in warnings:
        assert "item() and numpy() need a value" in warning
        assert warning.endswith(f"({__file__}:{line})")
    for _ in range(2):
        model.predict(X)
        model.predict(X[:3])
    assert len(log(logging.WARNING)) == 3


def test_what_cannot_be_traced_is_an_error_where_compiling_is_demanded():
    model = branching(True)
    before = everything(model), random_words()
    for call in (
        lambda: model.predict(X),
        lambda: model.evaluate(X, Y),
        lambda: model.fit(X, Y, 4, shuffle=False),
    ):
        with pytest.raises(ag.TraceError, match=r"item\(\) and numpy\(\) need a value"):
            call()
        assert random_words() == before[1]
    after = {name: value for name, value in everything(model).items() if name in before[0]}
    assert after == before[0]
    assert not model.training


def test_a_wrong_shape_inside_the_model_is_an_error_not_a_slow_run(log):
    """It would fail eagerly too; whoever reads the error should not first read that it runs eagerly."""

    class Wrong(nn.Module):
        def call(self, x):
            return x @ ag.ones((7, 2)) if self.built else x

    model = nn.Sequential([nn.Input((4,)), Wrong(), nn.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises((ag.ShapeError, ag.TraceError)):
        model.fit(X, Y)


def test_every_model_that_is_compiled_says_so_once_per_program(log):
    network().fit(X, Y, 4, 5, validation_data=(X, Y))
    traces = [line for line in log() if ": trace " in line]
    assert [t.split(" (")[0] for t in traces if t.startswith("train_step")] == [
        "train_step: trace 1",
        "train_step: trace 2",
    ]
    assert log(logging.WARNING) == []
    # five epochs of validation: its programs too are made once
    assert len([t for t in traces if t.startswith("evaluate_step")]) <= 2


# repetition, threads, Ctrl-C
def run_of(outputs=3, epochs=3):
    model = network(outputs, metrics=["accuracy"], optimizer=nn.Adam(), units=64)
    history = model.fit(np.tile(X, (8, 1)), np.tile(Y3, 8), 32, epochs).history
    return everything(model), history


def test_results_repeat_bit_for_bit():
    assert run_of() == run_of()


def test_one_thread_or_two_give_the_same(monkeypatch):
    team = pytest.importorskip("backends.native").team
    machine = pytest.importorskip("backends.native.machine")
    results = []
    for limit in (1, 2):
        monkeypatch.setattr(team, "limit", limit)
        if limit == 2:
            monkeypatch.setattr(machine.Machine, "parts", lambda self: 2)
        results.append(run_of())
    assert results[0] == results[1]


def test_two_models_in_two_threads(backend):
    """Without draws, which two threads would share in no order that could repeat."""
    alone = {}
    failed = []

    def work(seed, into):
        try:
            with backends.use(backend):
                model = models[seed]
                history = model.fit(X, Y, 4, 15, shuffle=False).history
                into[seed] = [history, everything(model), model.predict(X).tolist(), model.predict(X[:seed]).tolist()]  # fmt: skip
        except BaseException as error:
            failed.append(error)

    models = {seed: network(seed=seed, dropout=0.0, units=seed) for seed in (5, 6)}
    for seed in models:
        work(seed, alone)
    for _ in range(2):
        models = {seed: network(seed=seed, dropout=0.0, units=seed) for seed in (5, 6)}
        together = {}
        threads = [threading.Thread(target=work, args=(seed, together)) for seed in models]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        assert failed == []
        assert together == alone


def test_threads_that_predict_with_one_model(backend):
    """As in a server: other numbers of rows, some of them new, and one thread that calls the model itself."""
    model = network(dropout=0.0)
    expected = model(X, training=False).numpy()
    failed = []

    def work(start, call):
        try:
            with backends.use(backend), ag.no_grad():
                for n in (1, 8, start, 3 + start):
                    for _ in range(5):
                        np.testing.assert_allclose(call(X[:n]), expected[:n], 1e-5, 1e-6)
        except BaseException as error:
            failed.append(error)

    def directly(x):
        try:
            return model(x, training=False).numpy()
        except ag.TraceError:  # what it has to say is tested beside jit
            return expected[: len(x)]

    calls = [model.predict] * 3 + [directly]
    threads = [threading.Thread(target=work, args=(i, f)) for i, f in enumerate(calls, 2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert failed == []


@pytest.mark.parametrize("backend", ["numba"], indirect=True)
def test_models_of_one_architecture_predict_in_threads(backend, monkeypatch):
    """They share the machine code; each turn of another thread between a prediction and the note of it must be noticed."""
    jitted = type(ag.jit(lambda x: x))
    models = []
    for value in (1.0, 2.0):
        model = nn.Sequential([nn.Input((4,)), nn.Dense(3, kernel_initializer=nn.Constant(value))])
        models.append((model, model.predict(X[:8], 4)))
    (model, expected), (other, others) = models
    quick, results = jitted.quick, []

    def disturbed(self, array):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(1)
        return quick(self, array)

    def work():
        with backends.use(backend):
            results.append(other.predict(X[:16], 8)[:8])

    other.predict(X[:8])
    monkeypatch.setattr(jitted, "quick", disturbed)
    for _ in range(3):
        np.testing.assert_array_equal(model.predict(X[:8]), expected)
    assert results
    for result in results:
        np.testing.assert_array_equal(result, others)


@pytest.mark.usefixtures("listens_to_ctrl_c")
def test_ctrl_c_is_heard_in_a_long_epoch(capsys):
    x, y = np.tile(X, (20_000, 1)), np.tile(Y, (20_000, 1))
    model = network(units=32)
    model.fit(x[:64], y[:64], 16)
    pressed = []

    def press():
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.8, press)
    timer.start()
    history = model.fit(x, y, 16, epochs=50)
    heard = time.perf_counter()
    timer.join()
    assert history.interrupted
    assert heard - pressed[0] < 0.25
    assert "stopped by Ctrl-C in epoch" in capsys.readouterr().out
    assert model.fit(X, Y).history["loss"][0] < 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
def test_a_forked_child_goes_on_training_and_predicting(backend):
    model = network(dropout=0.0)
    model.fit(X, Y, 4, 2)
    expected = model.predict(X).tobytes()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with backends.use(backend):
                same_here = model.predict(X).tobytes() == expected
                model.fit(X, Y, 4, 2)
                model.fit(X, Y, 3, 1)
                os.write(writer, b"fine" if same_here and model.predict(X).tobytes() != expected else b"wrong")  # fmt: skip
        finally:
            os._exit(0)
    os.close(writer)
    end = time.monotonic() + 10
    while time.monotonic() < end and not os.waitpid(child, os.WNOHANG)[0]:
        time.sleep(0.02)
    else_hangs = time.monotonic() >= end
    if else_hangs:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert not else_hangs
    assert os.read(reader, 9) == b"fine"
    os.close(reader)
    assert model.predict(X).tobytes() == expected


def test_detecting_anomalies_in_fit():
    """Steps then run as they are, and the error names the layer's line."""
    model = nn.Sequential([nn.Input((4,)), nn.Dense(3, lambda x: ag.sqrt(x * 0.0)), nn.Dense(1)])  # fmt: skip
    model.compile("sgd", "mse", jit="auto")
    with pytest.raises(ag.AnomalyError), ag.detect_anomaly(), np.errstate(all="ignore"):
        model.fit(X, Y)


def test_a_training_that_diverges_says_nan():
    model = network(optimizer=nn.SGD(1e30), dropout=0.0)
    with np.errstate(all="ignore"):
        history = model.fit(X * 1e30, Y, 4, 5, callbacks=nn.TerminateOnNaN())
    assert np.isnan(history.history["loss"][-1]) or np.isinf(history.history["loss"][-1])
