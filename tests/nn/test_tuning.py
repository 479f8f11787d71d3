"""Search of hyperparameters: what is tried, judged, pruned, kept and gone on with, also after a kill.

A study is a function of its seed: one that was stopped and started again has the same trials as one that was not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from models import rows

import autograd as ag
import nn

pytestmark = pytest.mark.once

pytest.importorskip("optuna")
ROOT = Path(__file__).resolve().parent.parent.parent
X, Y = rows(60, 3)
SPACE = {
    "units": [2, 4, 8],
    "dropout": nn.tuning.Float(0.0, 0.5),
    "learning_rate": nn.tuning.Float(1e-3, 1e-1, log=True),
    "batch_size": nn.tuning.Int(8, 32, step=8),
}


def search(trials=4, **options):
    return nn.tune(None, X, Y, **{"space": SPACE, "trials": trials, "epochs": 3, "seed": 5, "verbose": 0, **options})  # fmt: skip


def facts(found):
    return [(t.number, t.params, t.state, t.value, t.epochs) for t in found.trials]


def test_a_study_repeats_exactly_and_its_best_model_holds_the_best_weights():
    a, b = search(), search()
    assert facts(a) == facts(b)
    values = [t.value for t in a.trials if t.state == "complete"]
    assert a.best_value == min(values)
    held_out = X[48:], Y[48:]
    assert a.best_model.evaluate(*held_out, verbose=0, return_dict=True)["loss"] == pytest.approx(a.best_value, rel=1e-6)  # fmt: skip
    assert set(a.best_params) == set(SPACE)
    assert all(t.params["batch_size"] in (8, 16, 24, 32) for t in a.trials)
    for part in ("rank", "val_loss", "units", "complete"):
        assert part in a.table()
    assert "Tuning(" in repr(a) or "trials" in repr(a)


def test_the_random_generators_are_left_as_they_were():
    nn.set_random_seed(1)
    state = ag.random.default_generator().state
    before = [word.item() for word in state]
    search(2)
    assert [word.item() for word in ag.random.default_generator().state] == before


@pytest.mark.parametrize("name", ["trials.db", "trials.journal"])
def test_a_stopped_study_goes_on_with_the_trials_that_are_left(tmp_path, name):
    whole = search(5)
    search(2, storage=tmp_path / name)
    again = search(5, storage=tmp_path / name)
    assert facts(again) == facts(whole)
    third = search(5, storage=tmp_path / name)
    assert facts(third) == facts(whole)
    # the best model was trained by another call, and is trained again
    np.testing.assert_allclose(third.best_model.predict(X), whole.best_model.predict(X), rtol=1e-5)


def test_own_models_and_fixed_parameters():
    def build(units, activation="relu"):
        model = nn.Sequential([nn.Dense(units, activation), nn.Dense(1, "sigmoid")])
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        return model

    found = nn.tune(
        build, X, Y, {"units": [2, 3], "activation": ["tanh", "relu"]}, trials=3, epochs=2, seed=0,
        monitor="val_accuracy", validation_data=(X, Y), verbose=0,
    )  # fmt: skip
    assert found.maximize
    assert found.best_value == max(t.value for t in found.trials if t.state == "complete")


def test_bad_trials_are_ended_early():
    def build(quality):
        model = nn.Sequential([nn.Dense(1, input_shape=(3,))])
        model.compile(nn.SGD(0.1 if quality == "good" else 0.0), "mse")
        return model

    found = nn.tune(build, X, Y, {"quality": ["good", "bad"]}, trials=14, epochs=12, seed=3, verbose=0)  # fmt: skip
    ended = [t for t in found.trials if t.state == "pruned"]
    assert any(t.params["quality"] == "bad" for t in ended)
    assert all(t.epochs < 12 for t in ended)
    without = nn.tune(build, X, Y, {"quality": ["good", "bad"]}, trials=14, epochs=4, seed=3, pruner=None, verbose=0)  # fmt: skip
    assert all(t.state == "complete" for t in without.trials)


def test_failing_trials_are_noted_and_the_search_goes_on():
    def build(kind):
        if kind == "broken":
            raise LookupError("no such thing")
        model = nn.Sequential([nn.Dense(1, input_shape=(3,))])
        model.compile(nn.SGD(1e30 if kind == "explodes" else 0.01), "mse")
        return model

    with np.errstate(all="ignore"):
        found = nn.tune(build, X, Y, {"kind": ["broken", "explodes", "fine"]}, trials=9, epochs=3, seed=1, verbose=0)  # fmt: skip
    states = {t.params["kind"]: t.state for t in found.trials}
    assert states["broken"] == "failed"
    assert states["fine"] == "complete"
    assert found.best_params == {"kind": "fine"}
    assert any("LookupError: no such thing" in (t.error or "") for t in found.trials)
    with pytest.raises(nn.TuningError, match="all 2 trials failed; the first with LookupError"):
        nn.tune(build, X, Y, {"kind": ["broken"]}, trials=2, epochs=1, seed=1, verbose=0)


@pytest.mark.usefixtures("listens_to_ctrl_c")
def test_ctrl_c_returns_the_trials_so_far():
    count = [0]

    def build(units):
        count[0] += 1
        model = nn.Sequential([nn.Dense(units, input_shape=(3,)), nn.Dense(1)])
        model.compile("sgd", "mse")
        return model

    def press(epoch, logs):
        if count[0] == 3:
            signal.raise_signal(signal.SIGINT)

    found = nn.tune(
        build, X, Y, {"units": [2, 3]}, trials=9, epochs=2, seed=0, verbose=0,
        callbacks=lambda: [nn.LambdaCallback(on_epoch_begin=press)],
    )  # fmt: skip
    assert found.interrupted
    assert len(found.trials) == 2


BAD = {
    "no space": ({}, {}, "space"),
    "unknown": ({"layrs": [1, 2]}, {}, "layrs"),
    "empty": ({"units": []}, {}, "units"),
    "order": (lambda: {"units": nn.tuning.Int(5, 2)}, {}, "Int\\(5, 2\\)"),
    "log of 0": (lambda: {"dropout": nn.tuning.Float(0.0, 0.5, log=True)}, {}, "log"),
    "fraction": (lambda: {"units": nn.tuning.Int(1.5, 2)}, {}, "integers, got 1.5"),
    "trials": ({"units": [2]}, {"trials": 0}, "trials is an integer >= 1, got 0"),
    "seed": ({"units": [2]}, {"seed": -1}, "seed is None or an integer"),
    "monitor": ({"units": [2]}, {"monitor": "val_accuracyy"}, "val_accuracyy"),
    "mode": ({"units": [2]}, {"mode": "up"}, "mode"),
}


@pytest.mark.parametrize(("space", "options", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_explained(space, options, message):
    with pytest.raises(nn.ArgumentError, match=message):
        search(space=space() if callable(space) else space, **options)


def test_without_optuna_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(nn.MissingExtraError, match=r"pip install 'gradloom\[tune\]'"):
        search()


def test_layers_are_added_until_it_stops_getting_better():
    found = nn.add_layers_until(None, X, Y, units=4, max_layers=4, epochs=3, seed=0, verbose=0)
    values = [depth.value for depth in found.depths]
    assert found.best_layers == 1 + int(np.argmin(values))
    assert len(values) in (found.best_layers, found.best_layers + 1) or len(values) == 4
    assert "best" in found.table()
    again = nn.add_layers_until(None, X, Y, units=4, max_layers=4, epochs=3, seed=0, verbose=0)
    assert [depth.value for depth in again.depths] == values


def test_pictures(tmp_path):
    image = pytest.importorskip("matplotlib.image")
    search(3).plot(tmp_path / "trials.png")
    nn.add_layers_until(None, X, Y, units=4, max_layers=2, epochs=2, seed=0, verbose=0).plot(tmp_path / "depth.png")  # fmt: skip
    for name in ("trials.png", "depth.png"):
        pixels = image.imread(tmp_path / name)
        assert min(pixels.shape[:2]) > 300
        assert pixels[..., :3].std() > 0.05


SEARCH = """
import sys
import numpy as np
import nn
generator = np.random.default_rng(0)
x = generator.standard_normal((80, 3)).astype(np.float32)
y = (x.sum(axis=1) > 0).astype(np.float32)
print("ready", flush=True)
found = nn.tune(None, x, y, {"units": [2, 4, 8], "dropout": nn.tuning.Float(0.0, 0.5)}, trials=8, epochs=20,
                seed=2, storage=sys.argv[1], verbose=0)
print([(t.number, t.params, t.state, t.value) for t in found.trials])
"""


def _search(path, seconds=None):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", SEARCH, path], env=environment, stdout=subprocess.PIPE, text=True)  # fmt: skip
    with process:
        assert process.stdout.readline() == "ready\n"
        if seconds is not None:
            time.sleep(seconds)
            process.kill()
        printed = process.stdout.read()
        process.wait()
    return printed


def test_a_killed_search_goes_on(tmp_path):
    began = time.monotonic()
    alone = _search(tmp_path / "alone.db")
    took = time.monotonic() - began
    assert "complete" in alone
    _search(tmp_path / "killed.db", took * 0.5)
    _search(tmp_path / "killed.db", took * 0.4)
    assert _search(tmp_path / "killed.db") == alone
