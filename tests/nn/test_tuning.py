"""tune: where parameters go, what a trial is worth, what is refused, and what is left as it was."""

from __future__ import annotations

import logging
import math
import random
import sys

import numpy as np
import pytest
from models import Frame
from searches import Choice, Float, Int, Values, X, Y, plain, tune

import autograd as ag
import nn

pytestmark = pytest.mark.once
optuna = pytest.importorskip("optuna")


def test_a_search_finds_the_better_parameters():
    space = {"learning_rate": Choice([1e-6, 0.05]), "layers": range(1, 3), "units": Int(8, 16)}
    found = tune(space=space, trials=6, epochs=8)
    assert found.best_params["learning_rate"] == 0.05
    assert found.best_value == min(record.value for record in found.trials)
    assert [record.number for record in found.trials] == list(range(6))


def test_the_best_model_gives_the_best_value():
    found = tune(trials=4, epochs=5, monitor="val_accuracy", validation_split=0.3)
    assert found.maximize
    loss, accuracy = found.best_model.evaluate(X[42:], Y[42:], verbose=0)
    assert accuracy == found.best_value == max(record.value for record in found.trials)
    assert loss > 0
    assert found.best_model is found.best_model


def test_the_value_is_that_of_the_best_epoch_and_so_are_the_weights():
    seen = {}

    class Remember(nn.Callback):
        def on_epoch_end(self, epoch, logs):
            seen[epoch] = self.model.state_dict()

    script = Values(lambda units, epoch: [3.0, 1.0, 2.0][epoch])
    found = tune(trials=1, epochs=3, callbacks=[Remember(), script])
    assert (found.best_value, found.best_trial.best_epoch, found.best_trial.epochs) == (1.0, 1, 3)
    for name, array in found.best_model.state_dict().items():
        assert (array == seen[1][name]).all()
        assert (array != seen[2][name]).any()


def test_a_study_repeats_itself_exactly_and_its_trials_differ():
    first, again = (tune(trials=13, epochs=1) for _ in range(2))
    assert plain(first) == plain(again)
    assert plain(first) != plain(tune(trials=13, epochs=1, seed=1))
    fixed = tune(space={"activation": ["relu"]}, trials=3)
    assert len({record.value for record in fixed.trials}) == 3


def test_the_seed_comes_from_the_default_generator():
    runs = []
    for trials in (1, 3, 1):
        nn.set_random_seed(5)
        found = tune(trials=trials, seed=None)
        runs.append((found.seed, plain(found)[0], ag.random.uniform(1).tolist()))
    assert runs[0] == runs[1] == runs[2]
    nn.set_random_seed(6)
    assert tune(trials=1, seed=None).seed != runs[0][0]


def test_no_generator_moves_and_optuna_speaks_as_before(capsys):
    random.seed(1)
    np.random.seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2]
    state = [word.item() for word in ag.random.default_generator().state]
    level = optuna.logging.get_verbosity()
    handlers = list(logging.getLogger("optuna").handlers)

    def build(units):
        random.random()
        np.random.random()
        return nn.MLP((units,), 1)

    tune(build, loss="mse")
    assert before == (random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2])  # fmt: skip
    assert state == [word.item() for word in ag.random.default_generator().state]
    assert optuna.logging.get_verbosity() == level
    assert logging.getLogger("optuna").handlers == handlers
    assert capsys.readouterr() == ("", "")


def test_parameters_go_where_their_names_are_known():
    built = []

    def build(units, batch_size, width=0):
        built.append((units, batch_size, width))
        return nn.MLP((units,), 1, dropout=0)

    class Look(nn.Callback):
        def on_train_begin(self, logs=None):
            rate = self.model.optimizer.schedule
            steps, epochs = self.params["steps"], self.params["epochs"]
            looks.append((type(self.model.optimizer), rate.initial_learning_rate, rate.decay_rate, rate.decay_steps, steps, epochs))  # fmt: skip

    looks = []
    space = {"units": [3], "batch_size": [12], "learning_rate": [0.25], "decay": [0.5], "optimizer": ["adam"]}  # fmt: skip
    found = tune(build, space, 1, loss="mse", epochs=3, width=7, callbacks=Look())
    assert built == [(3, 12, 7)]
    assert looks == [(nn.Adam, 0.25, 0.5, 4, 4, 3)]
    looks.clear()
    tune(build, space | {"batch_size": [13]}, 1, loss="mse", epochs=3, callbacks=Look())
    assert looks == [(nn.Adam, 0.25, 0.5, 4, 4, 3)], "the last batch is smaller, and is one"
    assert [metric.name for metric in found.best_model.metrics] == ["loss"]


def test_a_model_that_build_compiled_keeps_what_is_not_tuned():
    def build(units):
        model = nn.MLP((units,), 1, dropout=0)
        model.compile(nn.SGD(0.125, momentum=0.5), "mse")
        return model

    optimizer = tune(build, trials=1).best_model.optimizer
    assert (optimizer.learning_rate, optimizer.momentum) == (0.125, 0.5)
    optimizer = tune(build, trials=1, learning_rate=0.5).best_model.optimizer
    assert (optimizer.learning_rate, optimizer.momentum) == (0.5, 0.5)
    model = tune(build, trials=1, optimizer="adam").best_model
    assert isinstance(model.optimizer, nn.Adam)
    assert isinstance(model.loss, nn.MeanSquaredError)


def test_build_that_takes_the_rate_compiles_with_it():
    def build(learning_rate, **others):
        assert others == {"units": 4}
        model = nn.MLP((4,), 1)
        model.compile(nn.SGD(learning_rate / 2), "mse")
        return model

    found = tune(build, {"units": [4], "learning_rate": [0.5]}, 1)
    assert found.best_model.optimizer.learning_rate == 0.25


def test_an_optimizer_among_the_choices_is_new_in_every_trial():
    given = nn.SGD(0.1, momentum=0.9)
    found = tune(space={"optimizer": Choice([given])}, trials=3)
    assert [record.state for record in found.trials] == ["complete"] * 3
    assert given.iterations.item() == 0
    assert found.best_params == {"optimizer": given}
    assert "  SGD  " in found.table()


def test_callbacks_are_copied_or_made_anew():
    stopping = nn.EarlyStopping("loss", patience=1, min_delta=100)
    found = tune(trials=2, epochs=9, callbacks=[stopping])
    assert [record.epochs for record in found.trials] == [2, 2]
    assert stopping.best is None
    made = []

    def fresh():
        made.append(nn.LambdaCallback())
        return made[-1:]

    tune(trials=3, callbacks=fresh)
    assert len(made) == 3
    with pytest.raises(nn.TuningError, match=r"callbacks are nn\.Callback objects, or a function that returns"):  # fmt: skip
        tune(callbacks=[3])


@pytest.mark.parametrize("kind", ["array", "tensor", "list", "frame", "validation", "batches", "weights"])  # fmt: skip
def test_data_of_every_kind_give_the_same(kind):
    x, y, options = X, Y, {}
    if kind == "tensor":
        x, y = ag.tensor(X), ag.tensor(Y)
    elif kind == "list":
        x, y = X.tolist(), Y.tolist()
    elif kind == "frame":
        x, y = Frame(["a", "b", "c"], X), Frame(["y"], Y)
    elif kind == "validation":
        x, y, options = X[:48], Y[:48], {"validation_data": (X[48:], Y[48:])}
    elif kind == "weights":
        options = {"sample_weight": np.ones(60)}
    elif kind == "batches":
        x, y = [], None
        batches = [(X[i : i + 16], Y[i : i + 16]) for i in (0, 16, 32)]
        x, options = Loader(batches), {"validation_data": (X[48:], Y[48:])}

    def build(units):
        return nn.MLP((units,), 1, output_activation="sigmoid")

    both = {"loss": "binary_crossentropy", "batch_size": 16, "shuffle": False}
    expected = tune(build, **both)
    found = tune(build, x=x, y=y, **options, **both)
    if kind == "batches":
        both.pop("batch_size"), both.pop("shuffle")
    assert [t.value for t in found.trials] == [t.value for t in expected.trials]


class Loader:
    """Batches that can be read again."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)

    def __len__(self):
        return len(self.batches)


def test_weights_count():
    weight = np.where(Y[:, 0] > 0, 3.0, 1.0)
    # classes are not weighed in the rows that are held out
    weight[math.floor(len(Y) * 0.8) :] = 1.0
    weighted, classes = tune(sample_weight=weight), tune(class_weight={0: 1.0, 1: 3.0})
    assert plain(weighted) == plain(classes) != plain(tune())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": {"unit": [3]}}, "unknown parameter 'unit'. Did you mean 'units'.* the standard perceptron takes: layers, units, .*; compile: optimizer, .*; fit: batch_size"),
        ({"units": 3}, "units: both in the space and given as fixed"),
        ({"trials": 0}, "trials is an integer >= 1, got 0"),
        ({"seed": -1}, "seed is None or an integer from 0 to .*, got -1"),
        ({"timeout": 0}, "timeout is a number of seconds above 0, got 0"),
        ({"mode": "best"}, 'mode is "auto", "min" or "max", got \'best\''),
        ({"build": 3}, "build is a function of parameters to a model, or None, got 3"),
        ({"build": lambda units, depth: None}, "build needs depth: put it into the space, or give it as depth=..."),
        ({"build": lambda units, /: None}, "'units' is positional-only"),
        ({"x": None}, "x is missing"),
        ({"y": None}, "y is missing: a search needs targets"),
        ({"x": 3.0}, "x: a single number"),
        ({"y": Y[:5]}, "x has 60 rows and y has 5; they have to be equal"),
        ({"validation_split": 0}, "'val_loss' needs validation data: give validation_split, or validation_data"),
        ({"validation_split": np.array([1, 2])}, "validation_split"),
        ({"validation_split": ""}, "validation_split"),
        ({"validation_split": 2}, r"validation_split lies in \[0, 1\), got 2"),
        ({"x": iter([(X, Y)]), "y": None, "validation_data": (X, Y)}, "yields its batches once, and every trial needs them"),
        ({"x": Loader([(X, Y)]), "y": None, "validation_data": (X, Y)}, "reads its last layer off y; give a build"),
        ({"monitor": "val_acc"}, "monitor='val_acc' is not in the logs. There: loss, accuracy, val_loss, val_accuracy."),
        ({"monitor": "val_acc", "validation_freq": 2}, "monitor='val_acc' was in the logs of no epoch of 2"),
        ({"verbose": 7}, "verbose is"),
        ({"storage": "study.txt"}, "storage is a path that ends in .db .* or .journal .*, got 'study.txt'"),
        ({"storage": 3}, "storage is a path or None, got 3"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(options, message):
    with pytest.raises(nn.ArgumentError, match=message):
        tune(**options)


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (lambda units: 3, {}, "build returns a model, got int 3"),
        (lambda units: nn.MLP((units,), 1), {}, "build returned a model that is not compiled, so a loss is needed"),
        (None, {"decay": 2.0}, "decay is what is left of the learning rate after an epoch, .* got 2.0"),
        (None, {"decay": 0.5, "optimizer": nn.SGD(nn.ExponentialDecay(1, 1, 0.5))}, "decay together with the schedule"),
    ],
)  # fmt: skip
def test_what_only_a_trial_can_find_is_said_in_the_end(build, options, message):
    with pytest.raises(nn.TuningError, match=f"all 2 trials failed; the first with ArgumentError: {message}"):  # fmt: skip
        tune(build, **options)


def test_decay_needs_the_number_of_batches():
    class Endless:
        def __iter__(self):
            return iter([(X, Y)])

    def build(units):
        return nn.MLP((units,), 1)

    options = {"x": Endless(), "y": None, "validation_data": (X, Y), "loss": "mse", "decay": 0.5}
    with pytest.raises(nn.TuningError, match="decay needs the number of steps of an epoch"):
        tune(build, **options)
    rate = tune(build, steps_per_epoch=4, **options).best_model.optimizer.schedule
    assert rate.decay_steps == 4


def test_without_optuna_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(nn.MissingExtraError, match=r"nn.tune needs optuna: pip install 'gradloom\[tune\]'"):  # fmt: skip
        tune()


def test_the_table_and_the_dicts():
    script = Values(lambda units, epoch: float(units))
    space = {"units": [2, 5], "epochs": [1, 2]}
    found = nn.tune(nn.MLP, X, Y, space, 4, seed=0, verbose=0, callbacks=script)
    header, rule, *lines = found.table().splitlines()
    assert header.split() == ["rank", "trial", "val_loss", "units", "epochs", "epochs", "seconds", "state"]  # fmt: skip
    assert set(rule) == {"-", " "}
    assert [int(line.split()[2]) for line in lines] == sorted(r.value for r in found.trials)
    assert len(found.table(top=1).splitlines()) == 3
    first, record = found.to_dicts()[0], found.trials[0]
    assert list(first) == ["number", "val_loss", "units", "epochs_", "state", "epochs", "best_epoch", "seconds", "error"]  # fmt: skip
    assert (first["epochs_"], first["epochs"]) == (record.params["epochs"], record.epochs)
    assert repr(found).startswith("Tuning(4 trials: 4 complete; best val_loss ")


def test_lines_and_bars(capsys):
    script = Values(lambda units, epoch: float(units))
    tune(trials=2, space={"units": [4]}, callbacks=script, verbose=2)
    assert capsys.readouterr().out.splitlines() == [
        "[1/2] trial 0: complete, val_loss 4 (units 4); best 4 in trial 0",
        "[2/2] trial 1: complete, val_loss 4 (units 4); best 4 in trial 0",
    ]
    pytest.importorskip("tqdm")
    tune(trials=2, space={"units": [4]}, callbacks=script, verbose=1)
    shown = capsys.readouterr().err
    assert "2/2" in shown
    assert "best 4 in trial 0" in shown


def test_the_picture(tmp_path):
    pytest.importorskip("matplotlib")
    script = Values(lambda units, epoch: math.nan if units == 5 else units - epoch / 10)
    space = {
        "units": Int(2, 9), "layers": range(1, 3), "learning_rate": Float(1e-4, 1e-1, log=True),
        "dropout": Float(0, 0.5), "activation": ["relu", "tanh"], "batch_size": Int(8, 40, log=True),
    }  # fmt: skip
    found = tune(space=space, trials=10, epochs=4, callbacks=script)
    assert {"failed", "complete", "pruned"} == {record.state for record in found.trials}
    figure = found.plot(tmp_path / "folder" / "search.png")
    assert (tmp_path / "folder" / "search.png").read_bytes().startswith(b"\x89PNG")
    above, *below = figure.axes
    assert [axes.get_xlabel() for axes in below] == list(space)
    assert [axes.get_xscale() for axes in below] == ["linear", "linear", "log", "linear", "linear", "log"]  # fmt: skip
    assert found.best_trial.number == int(above.get_title(loc="left").split()[-1])
    texts = [text.get_text() for text in above.get_legend().get_texts()]
    assert texts == ["complete", "pruned", "failed", "best so far"]


def test_without_matplotlib_the_error_says_how_to_get_it(monkeypatch):
    found = tune(trials=1)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(nn.MissingExtraError, match=r"pictures need matplotlib: pip install 'gradloom\[plot\]'"):  # fmt: skip
        found.plot()
