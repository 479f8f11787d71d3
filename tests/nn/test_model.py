"""fit, evaluate, predict and what they return: shapes, means over rows, splits, order, modes, repetition.

Expected numbers come from NumPy on a model whose weights are known, or from a second run that must be the same.
"""

from __future__ import annotations

import threading

import numpy as np
import pytest
from models import Frame, everything, rows

import autograd as ag
import nn

X, Y = rows()


class Batches:
    """Batches that can be read again, and how often they were."""

    def __init__(self, *batches):
        self.batches = batches
        self.reads = 0

    def __iter__(self):
        self.reads += 1
        return iter(self.batches)


class Recorder(nn.Callback):
    """Every event in order, with its numbers."""

    def __init__(self, stop_after=None):
        self.events = []
        self.stop_after = stop_after

    def note(self, *event):
        self.events.append(event)
        if event == self.stop_after:
            self.model.stop_training = True

    def on_train_begin(self):
        self.note("begin")

    def on_train_end(self, logs=None):
        self.note("end")

    def on_epoch_begin(self, epoch):
        self.note("epoch", epoch)

    def on_epoch_end(self, epoch, logs):
        self.note("epoch end", epoch)

    def on_train_batch_end(self, batch, logs):
        self.note("batch", batch)


class Watcher(nn.Module):
    """Passes its input on, and remembers it and whether it was training."""

    def __init__(self):
        self.seen = []

    def call(self, x):
        self.seen.append((self.is_training, x.tolist()))
        return x


def line(weight=2.0, bias=0.5, rate=0.0, **options):
    """y = weight x + bias in float64; with rate 0 it stays so while "training"."""
    model = nn.Sequential([nn.Dense(1, input_shape=(1,))], dtype="float64")
    model.load_state_dict({"layers.0.kernel": [[weight]], "layers.0.bias": [bias]})
    model.compile(nn.SGD(rate), "mse", **options)
    return model


LINE_X = np.arange(7.0)[:, None]
LINE_Y = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0])
SQUARES = (2 * LINE_X[:, 0] + 0.5 - LINE_Y) ** 2


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 7, 32])
def test_the_logged_loss_is_the_mean_over_rows(batch_size):
    """A last batch of fewer rows counts with fewer."""
    history = line().fit(LINE_X, LINE_Y, batch_size=batch_size, epochs=2)
    assert history.history["loss"] == pytest.approx([SQUARES.mean()] * 2, rel=1e-14)
    assert line().evaluate(LINE_X, LINE_Y, batch_size) == pytest.approx(SQUARES.mean(), rel=1e-14)


def test_weights_multiply_and_the_count_stays():
    weight = np.array([0.1, 2.0, 1.0, 0.0, 0.3, 1.0, 4.0])
    expected = pytest.approx((SQUARES * weight).mean(), rel=1e-14)
    model = line()
    assert model.evaluate(LINE_X, LINE_Y, 3, sample_weight=weight) == expected
    assert model.fit(LINE_X, LINE_Y, 3, sample_weight=weight).history["loss"] == [expected]
    assert model.train_on_batch(LINE_X, LINE_Y, weight) == expected
    batches = Batches((LINE_X[:4], LINE_Y[:4], weight[:4]), (LINE_X[4:], LINE_Y[4:], weight[4:]))
    assert model.fit(batches).history["loss"] == [expected]
    validated = model.fit(LINE_X, LINE_Y, validation_data=(LINE_X, LINE_Y, weight))
    assert validated.history["val_loss"] == [expected]


def test_class_weight_is_a_weight_per_row():
    """0.1 is not a float32, so this also says that weights stay exact."""
    y = np.array([0, 1, 1, 0, 1, 0, 0])
    weight = np.where(y == 1, 3.0, 0.1)
    model = line()
    a = model.fit(LINE_X, y, class_weight={0: 0.1, 1: 3.0}).history["loss"]
    assert a == model.fit(LINE_X, y, sample_weight=weight, shuffle=False).history["loss"]
    assert a == [pytest.approx(((2 * LINE_X[:, 0] + 0.5 - y) ** 2 * weight).mean(), rel=1e-14)]
    model = nn.Sequential([nn.Activation("linear")], "float64")
    model.compile(nn.SGD(), "categorical_crossentropy")
    one_hot = np.eye(2)[y]
    halves = np.full((7, 2), 0.5)
    assert model.evaluate(halves, one_hot, sample_weight=weight) == pytest.approx(
        np.log(2) * weight.mean(), rel=1e-14
    )


def test_one_step_of_gradient_descent_by_hand():
    model = line(rate=0.1)
    loss = model.train_on_batch(LINE_X, LINE_Y)
    assert loss == pytest.approx(SQUARES.mean(), rel=1e-14)
    slope = 2 * (2 * LINE_X[:, 0] + 0.5 - LINE_Y) / 7
    kernel, bias = model.state_dict().values()
    np.testing.assert_allclose(kernel, [[2 - 0.1 * (slope * LINE_X[:, 0]).sum()]], rtol=1e-14)
    np.testing.assert_allclose(bias, [0.5 - 0.1 * slope.sum()], rtol=1e-14)


def test_the_loss_is_measured_while_weights_move():
    """The second batch is judged by the weights after the first step."""
    first, second = line(rate=0.01), line(rate=0.01)
    history = first.fit(LINE_X, LINE_Y, batch_size=4, shuffle=False)
    losses = [second.train_on_batch(LINE_X[part], LINE_Y[part]) for part in (slice(4), slice(4, 7))]
    assert history.history["loss"] == [
        pytest.approx((4 * losses[0] + 3 * losses[1]) / 7, rel=1e-14)
    ]
    assert everything(first)["layers.0.kernel"] == everything(second)["layers.0.kernel"]


def test_each_epoch_is_measured_by_itself():
    model, by_batch = line(rate=0.01), line(rate=0.01)
    losses = [
        sum(
            len(LINE_X[i : i + 2])
            / 7
            * by_batch.train_on_batch(LINE_X[i : i + 2], LINE_Y[i : i + 2])
            for i in range(0, 7, 2)
        )
        for _ in range(3)
    ]
    history = model.fit(LINE_X, LINE_Y, batch_size=2, epochs=3, shuffle=False)
    assert history.history["loss"] == pytest.approx(losses, rel=1e-14)
    assert len(set(losses)) == 3


def test_evaluate_gives_a_number_a_list_or_a_dict():
    loss = pytest.approx(SQUARES.mean(), rel=1e-14)
    assert line().evaluate(LINE_X, LINE_Y) == loss
    assert isinstance(line().evaluate(LINE_X, LINE_Y), float)
    assert line().evaluate(LINE_X, LINE_Y, return_dict=True) == {"loss": loss}
    both = line(metrics=["mse"])
    assert both.evaluate(LINE_X, LINE_Y) == [loss, loss]
    assert both.evaluate(LINE_X, LINE_Y, return_dict=True) == {"loss": loss, "mse": loss}
    assert both.train_on_batch(LINE_X, LINE_Y, return_dict=True) == {"loss": loss, "mse": loss}
    assert line(metrics="mse").evaluate(LINE_X, LINE_Y) == [loss, loss]


@pytest.mark.parametrize(
    ("n", "split", "train", "held_out"),
    [(10, 0.25, 7, 3), (10, 0.2, 8, 2), (7, 0.5, 3, 4), (12, 0.1, 10, 2), (3, 0.4, 1, 2)],
)
def test_validation_takes_the_last_rows(n, split, train, held_out):
    watcher = Watcher()
    model = nn.Sequential([watcher, nn.Dense(1)])
    model.compile("sgd", "mse")
    x = np.arange(float(n))[:, None]
    history = model.fit(x, np.cos(x), validation_split=split)
    seen = {True: [], False: []}
    for training, values in watcher.seen[1:]:  # the first is the build
        seen[training] += [value for (value,) in values]
    assert sorted(seen[True]) == list(range(train))
    assert seen[False] == list(range(train, train + held_out))
    assert train + held_out == n
    assert list(history.history) == ["loss", "val_loss"]


def test_validation_is_what_evaluate_gives():
    model = line(rate=0.01, metrics=["mse"])
    history = model.fit(LINE_X, LINE_Y, epochs=3, validation_data=(LINE_X[:4], LINE_Y[:4]))
    assert list(history.history) == ["loss", "mse", "val_loss", "val_mse"]
    assert {len(values) for values in history.history.values()} == {3}
    expected = model.evaluate(LINE_X[:4], LINE_Y[:4])
    assert [history.history[name][-1] for name in ("val_loss", "val_mse")] == expected
    again = Batches((LINE_X[:4], LINE_Y[:4]))
    model = line(rate=0.01)
    other = model.fit(LINE_X, LINE_Y, epochs=3, validation_data=again)
    assert other.history["val_loss"] == history.history["val_loss"]
    assert again.reads == 3


def test_history_and_initial_epoch():
    model, recorder = line(), Recorder()
    history = model.fit(LINE_X, LINE_Y, epochs=5, initial_epoch=3, callbacks=[recorder])
    assert history.epoch == [3, 4]
    assert len(history.history["loss"]) == 2
    assert recorder.params["epochs"] == 2
    assert [e for e in recorder.events if e[0] == "epoch"] == [("epoch", 3), ("epoch", 4)]
    assert line().fit(LINE_X, LINE_Y, epochs=2).epoch == [0, 1]
    assert "loss" in repr(history)
    for none in (dict(epochs=0), dict(epochs=2, initial_epoch=2), dict(epochs=2, initial_epoch=9)):
        assert line().fit(LINE_X, LINE_Y, **none).epoch == []


def test_events_come_in_order():
    recorder = Recorder()
    line().fit(LINE_X, LINE_Y, batch_size=4, epochs=2, callbacks=recorder)
    epochs = [[("epoch", e), ("batch", 0), ("batch", 1), ("epoch end", e)] for e in range(2)]
    assert recorder.events == [("begin",), *epochs[0], *epochs[1], ("end",)]
    assert recorder.params["steps"] == 2


def test_stop_after_a_batch_or_an_epoch():
    for stop, expected in [
        (("batch", 1), [("epoch", 0), ("batch", 0), ("batch", 1), ("epoch end", 0)]),
        (("epoch end", 0), [("epoch", 0), *(("batch", i) for i in range(4)), ("epoch end", 0)]),
    ]:
        recorder = Recorder(stop_after=stop)
        model = line()
        history = model.fit(LINE_X, LINE_Y, batch_size=2, epochs=9, callbacks=[recorder])
        assert recorder.events == [("begin",), *expected, ("end",)]
        assert history.epoch == [0]
        # the next fit starts afresh
        assert model.fit(LINE_X, LINE_Y, epochs=2).epoch == [0, 1]


def test_order_of_rows():
    watcher = Watcher()
    model = nn.Sequential([watcher, nn.Dense(1)])
    model.compile("sgd", "mse")
    x = np.arange(7.0)[:, None]
    model.fit(x, x, batch_size=3, shuffle=False)
    assert [values for training, values in watcher.seen if training] == [
        [[0.0], [1.0], [2.0]],
        [[3.0], [4.0], [5.0]],
        [[6.0]],
    ]
    watcher.seen.clear()
    model.fit(x, x, batch_size=3, epochs=2)
    shuffled = [v for training, values in watcher.seen if training for (v,) in values]
    assert sorted(shuffled[:7]) == sorted(shuffled[7:]) == list(range(7))
    assert shuffled[:7] != shuffled[7:]
    assert shuffled[:7] != list(range(7))


def test_shuffling_keeps_rows_together():
    """Targets and weights move with their inputs: with weights 0 for the wrong rows the loss is 0."""
    y = 2 * LINE_X[:, 0] + 0.5
    y[::2] += 1
    history = line().fit(LINE_X, y, 2, epochs=3, sample_weight=np.arange(7) % 2)
    assert history.history["loss"] == [0.0] * 3


def test_one_row():
    history = line().fit(LINE_X[:1], LINE_Y[:1])
    assert history.history["loss"] == [pytest.approx(SQUARES[0], rel=1e-14)]


def test_kinds_of_data_give_the_same():
    kinds = [
        (LINE_X, LINE_Y),
        (LINE_X.tolist(), LINE_Y.tolist()),
        (ag.tensor(LINE_X), ag.tensor(LINE_Y)),
        (LINE_X.astype(int), LINE_Y.astype(int)),
        (LINE_X.astype(object), LINE_Y),
        (Frame(["a"], LINE_X), Frame(["b"], LINE_Y[:, None])),
        (np.asfortranarray(LINE_X), LINE_Y[:, None]),
        (list(LINE_X), list(LINE_Y)),
    ]
    histories = []
    for x, y in kinds:
        nn.set_random_seed(5)
        model = line(rate=0.01)
        histories.append(model.fit(x, y, batch_size=2, epochs=3).history)
        np.testing.assert_array_equal(model.predict(x), model.predict(LINE_X))
    assert all(history == histories[0] for history in histories)


def test_batches_give_the_same_as_rows():
    parts = [slice(0, 3), slice(3, 6), slice(6, 7)]
    batches = Batches(*((LINE_X[p], LINE_Y[p]) for p in parts))
    a, b = line(rate=0.01), line(rate=0.01)
    assert (
        a.fit(batches, epochs=4).history
        == b.fit(LINE_X, LINE_Y, batch_size=3, epochs=4, shuffle=False).history
    )
    assert batches.reads == 4
    assert a.evaluate(batches) == b.evaluate(LINE_X, LINE_Y, batch_size=3)
    np.testing.assert_array_equal(a.predict(batches), b.predict(LINE_X))
    np.testing.assert_array_equal(a.predict(LINE_X[p] for p in parts), b.predict(LINE_X))
    once = a.fit((LINE_X[p], LINE_Y[p]) for p in parts)
    assert once.epoch == [0]


def test_an_unbuilt_model_learns_from_batches():
    model = nn.Sequential([nn.Dense(2, "relu"), nn.Dense(1)])
    model.compile("sgd", "mse", metrics=["mse"])
    assert model.fit(Batches((X, Y), (X[:2], Y[:2])), epochs=2).epoch == [0, 1]
    assert model.built


@pytest.mark.parametrize("batch_size", [1, 5, 12, 100])
def test_predict(trained, batch_size):
    result = trained.predict(X, batch_size=batch_size)
    assert isinstance(result, np.ndarray)
    assert (result.shape, result.dtype) == ((12, 1), np.float32)
    np.testing.assert_allclose(result, trained(X).numpy(), rtol=1e-6)
    assert trained.predict(X[:1]).shape == (1, 1)


def test_predict_is_not_training_whatever_the_mode():
    model = nn.Sequential([nn.Dropout(1.0)])
    model.train()
    np.testing.assert_array_equal(model.predict(X), X)
    assert model.training


def test_predict_needs_no_compile():
    model = nn.Sequential([nn.Dense(3)])
    assert model.predict(X).shape == (12, 3)


def dropout_model():
    layers = [nn.Dense(8, "relu"), nn.Dropout(0.5), nn.Dense(1, "sigmoid")]
    model = nn.Sequential(layers)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def run_from(seed):
    nn.set_random_seed(seed)
    model = dropout_model()
    history = model.fit(X, Y, batch_size=5, epochs=3, validation_split=0.25)
    return everything(model), history.history


def test_a_seed_repeats_everything_bit_for_bit():
    assert run_from(7) == run_from(7)
    assert run_from(7) != run_from(8)


def test_seeding_covers_python_and_numpy():
    import random

    draws = []
    for _ in range(2):
        nn.set_random_seed(3)
        draws.append((random.random(), np.random.rand(), ag.random.uniform(2).tolist()))
    assert draws[0] == draws[1]


def test_two_models_in_two_threads():
    """Each thread has its own training mode and its own memory of logits: the results are those of one thread."""

    def train(seed, into):
        generator = np.random.default_rng(seed)
        weights = {
            "layers.0.kernel": generator.standard_normal((3, 4)),
            "layers.0.bias": np.zeros(4),
            "layers.1.kernel": generator.standard_normal((4, 1)),
            "layers.1.bias": np.zeros(1),
        }
        layers = [nn.Dense(4, "relu", input_shape=(3,)), nn.Dense(1, "sigmoid")]
        model = nn.Sequential(layers)
        model.load_state_dict(weights)
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        history = model.fit(X, Y, batch_size=5, epochs=20, shuffle=False)
        into[seed] = everything(model), history.history

    alone, together = {}, {}
    for seed in (1, 2):
        train(seed, alone)
    threads = [threading.Thread(target=train, args=(seed, together)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_training_mode_is_restored(trained):
    class Breaks(nn.Callback):
        def on_train_batch_end(self, batch, logs):
            assert self.model.training
            raise KeyboardInterrupt

    for mode in (False, True):
        trained.train(mode)
        for call in (
            lambda: trained.fit(X, Y),
            lambda: trained.evaluate(X, Y),
            lambda: trained.predict(X),
            lambda: trained.train_on_batch(X, Y),
        ):
            call()
            assert [m.training for _, m in trained.named_modules()] == [mode] * 3
        with pytest.raises(KeyboardInterrupt):
            trained.fit(X, Y, callbacks=[Breaks()])
        assert [m.training for _, m in trained.named_modules()] == [mode] * 3


@pytest.mark.parametrize("make", [lambda: nn.SGD(0.1, momentum=0.9), nn.Adam])
def test_an_exception_inside_an_update_changes_nothing(monkeypatch, make):
    model = nn.Sequential([nn.Dense(4, "relu", input_shape=(3,)), nn.Dense(1)])
    model.compile(make(), "mse")
    model.fit(X, Y)
    optimizer, calls = model.optimizer, []
    names = [name for name in everything(model) if not name.startswith("loss.")]
    before = {name: everything(model)[name] for name in names}
    update = optimizer.update

    def breaks_at_the_last(*args):
        calls.append(args)
        if len(calls) == 4:
            raise FloatingPointError("the last parameter")
        return update(*args)

    monkeypatch.setattr(optimizer, "update", breaks_at_the_last)
    with pytest.raises(FloatingPointError, match="the last parameter"):
        model.fit(X, Y)
    assert len(calls) == len(model.parameters()) == 4
    assert {name: everything(model)[name] for name in names} == before
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.training


def test_silent_by_default_and_when_told(trained, capfd):
    trained.fit(X, Y)
    trained.fit(X, Y, verbose=0)
    trained.evaluate(X, Y)
    trained.predict(X)
    assert capfd.readouterr() == ("", "")


def test_verbose_2_prints_a_line_per_epoch(trained, capfd):
    trained.fit(X, Y, epochs=2, validation_split=0.5, verbose=2)
    out, err = capfd.readouterr()
    assert [text[:15] for text in out.splitlines()] == ["epoch 1/2: loss", "epoch 2/2: loss"]
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert f"{name} " in out.splitlines()[1]
    assert err == ""


def test_verbose_1_is_a_bar_on_stderr(trained, capfd):
    pytest.importorskip("tqdm")
    trained.fit(X, Y, batch_size=4, epochs=2, verbose=1)
    out, err = capfd.readouterr()
    assert out == ""
    for text in ("epoch 2/2", "6/6", "loss", "accuracy"):
        assert text in err


def test_a_bar_over_batches_of_unknown_number(trained, capfd):
    pytest.importorskip("tqdm")
    trained.fit(Batches((X, Y), (X, Y)), verbose=True)
    assert "2step" in capfd.readouterr().err


def test_without_tqdm_a_bar_says_how_to_get_it(trained, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    before = everything(trained)
    with pytest.raises(nn.MissingExtraError, match=r"pip install 'gradloom\[progress\]'"):
        trained.fit(X, Y, verbose=1)
    assert everything(trained) == before
    trained.fit(X, Y)


def test_a_regularizer_adds_to_the_loss_and_its_slope():
    for given, penalty, slope in [
        (nn.L2(0.1), 0.1 * 4, 0.1 * 4),
        (nn.L1(0.1), 0.1 * 2, 0.1),
        ("l2", 0.01 * 4, 0.01 * 4),
        (nn.L2, 0.01 * 4, 0.01 * 4),
        (lambda kernel: kernel.sum() * 3, 6.0, 3.0),
    ]:
        model = nn.Sequential([nn.Dense(1, input_shape=(1,), kernel_regularizer=given)], "float64")
        model.load_state_dict({"layers.0.kernel": [[2.0]], "layers.0.bias": [0.5]})
        model.compile(nn.SGD(1.0), "mse", metrics=["mse"])
        loss, squared = model.evaluate([[0.0]], [0.5])
        assert squared == 0
        assert loss == pytest.approx(penalty, rel=1e-14)
        model.train_on_batch([[0.0]], [0.5])
        assert model.state_dict()["layers.0.kernel"].item() == pytest.approx(2 - slope, rel=1e-14)


def test_models_of_float64():
    model = nn.MLP(hidden=(4,), outputs=2, dropout=0.5, dtype="float64")
    model.compile("adam", "mse")
    model.fit(X, np.hstack([Y, Y]))
    assert {tensor.dtype for tensor in model.parameters()} == {np.dtype("float64")}
    assert model.predict(X).dtype == np.float64


def test_an_own_loss_and_an_own_loss_class():
    class Cubed(nn.Loss):
        def per_sample(self, y_true, y_pred, from_logits=False):
            return abs(y_pred - y_true).mean(axis=-1) ** 3

    expected = (np.abs(2 * LINE_X[:, 0] + 0.5 - LINE_Y) ** 3).mean()
    for loss in (Cubed, Cubed(), lambda y_true, y_pred: abs(y_pred - y_true).mean(axis=-1) ** 3):
        model = line()
        model.compile("sgd", loss)
        assert model.evaluate(LINE_X, LINE_Y) == pytest.approx(expected, rel=1e-14)


def test_summary(trained):
    printed = []
    trained.summary(print_fn=printed.append)
    text = "\n".join(printed)
    for part in ("Sequential", "dense (Dense)", "dense_1 (Dense)", "(None, 4)", "(None, 1)"):
        assert part in text
    assert "Total parameters: 21 (84 bytes)" in text
    assert "Trainable: 21, not trainable: 0" in text


def test_summary_of_a_model_that_is_not_built(capsys):
    nn.Sequential([nn.Dense(4), nn.Dropout(0.1)]).summary()
    text = capsys.readouterr().out
    assert text.count("not built") == 2
    assert "Total parameters: 0" in text
