"""fit: means over rows, weights, splits, order, events, and the kinds of data it takes.

Expected numbers come from NumPy on a model whose weights are known, or from a second run that must be the same.
"""

from __future__ import annotations

import numpy as np
import pytest
from models import Batches, Frame, Recorder, Watcher, everything, line, rows

import autograd as ag
import nn

X, Y = rows()


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


def test_a_split_holds_out_the_last_rows():
    """As Keras does, before anything is shuffled."""
    history = line().fit(LINE_X, LINE_Y, validation_split=0.4, verbose=0).history
    assert history["loss"] == [pytest.approx(SQUARES[:4].mean(), rel=1e-14)]
    assert history["val_loss"] == [pytest.approx(SQUARES[4:].mean(), rel=1e-14)]


def test_class_weight_leaves_the_rows_that_are_held_out_alone():
    """As in Keras; and a class that no training row has needs no weight."""
    y = np.array([0, 1, 1, 0, 1, 2, 2])
    weights = {0: 0.5, 1: 3.0}
    split = line().fit(LINE_X, y, validation_split=0.25, class_weight=weights).history
    given = line().fit(LINE_X[:5], y[:5], class_weight=weights, validation_data=(LINE_X[5:], y[5:])).history  # fmt: skip
    assert split == given
    with pytest.raises(nn.errors.ArgumentError, match="together"):
        line().fit(LINE_X, y, validation_split=0.25, class_weight=weights, sample_weight=np.ones(7))


def test_class_weight_is_a_weight_per_row():
    """0.1 is not a float32, so this also says that weights stay exact."""
    y = np.array([0, 1, 1, 0, 1, 0, 0])
    weight = np.where(y == 1, 3.0, 0.1)
    model = line()
    a = model.fit(LINE_X, y, class_weight={0: 0.1, 1: 3.0}).history["loss"]
    b = model.fit(LINE_X, y, sample_weight=weight, shuffle=False).history["loss"]
    assert a == pytest.approx(b, rel=1e-15)
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
    assert history.history["loss"] == [pytest.approx((4 * losses[0] + 3 * losses[1]) / 7, rel=1e-14)]
    assert everything(first)["layers.0.kernel"] == everything(second)["layers.0.kernel"]


def test_each_epoch_is_measured_by_itself():
    model, by_batch = line(rate=0.01), line(rate=0.01)
    losses = [
        sum(
            len(LINE_X[i : i + 2]) / 7 * by_batch.train_on_batch(LINE_X[i : i + 2], LINE_Y[i : i + 2])
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
