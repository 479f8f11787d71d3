"""How trials and searches end early: pruned, failed, by Ctrl-C, in time."""

from __future__ import annotations

import math
import signal

import pytest
from searches import Int, Values, X, Y, plain, tune

import nn

pytestmark = pytest.mark.once
optuna = pytest.importorskip("optuna")


def test_bad_trials_are_pruned_and_others_are_not():
    script = Values(lambda units, epoch: units - epoch / 10)
    space = {"units": Int(2, 9)}
    found = tune(space=space, trials=20, epochs=6, callbacks=script)
    pruned = [record for record in found.trials if record.state == "pruned"]
    assert pruned
    assert all(record.epochs == 4 for record in pruned)
    assert all(record.number >= 5 for record in pruned)
    assert {r.epochs for r in found.trials if r.state == "complete"} == {6}
    assert min(r.value for r in pruned) > found.best_value
    everything = tune(space=space, trials=20, epochs=6, callbacks=script, pruner=None)
    assert {record.state for record in everything.trials} == {"complete"}


def test_a_pruner_and_a_sampler_of_optuna():
    script = Values(lambda units, epoch: float(units))
    pruner = optuna.pruners.ThresholdPruner(upper=4.5)
    found = tune(trials=8, callbacks=script, pruner=pruner, sampler=optuna.samplers.RandomSampler)
    for record in found.trials:
        assert record.state == ("pruned" if record.params["units"] > 4 else "complete")
        assert record.epochs == (1 if record.state == "pruned" else 2)
    with pytest.raises(nn.ArgumentError, match='pruner is "median", None or a pruner of Optuna, got 3'):  # fmt: skip
        tune(pruner=3)


def test_when_all_are_pruned_nothing_is_best():
    found = tune(pruner=optuna.pruners.ThresholdPruner(upper=-1))
    with pytest.raises(nn.TuningError, match="no trial was completed: 2 pruned"):
        _ = found.best_params
    assert repr(found) == "Tuning(2 trials: 2 pruned; no trial completed)"


def test_failing_trials_are_noted_and_the_search_goes_on():
    def build(units):
        if units < 4:
            raise ZeroDivisionError(f"not with {units}")
        return nn.MLP((units,), 1)

    script = Values(lambda units, epoch: math.nan if units == 5 and epoch else 1.0 / units)
    found = tune(build, trials=12, loss="mse", callbacks=script)
    seen = {record.params["units"]: record for record in found.trials}
    assert len(found.trials) == 12
    for units, record in seen.items():
        if units < 4:
            assert (record.state, record.value, record.epochs) == ("failed", None, 0)
            assert record.error == f"ZeroDivisionError: not with {units}"
        elif units == 5:
            assert (record.state, record.value, record.epochs) == ("failed", None, 2)
            assert record.error == "Diverged: val_loss is nan after epoch 2"
        else:
            assert record.state == "complete"
    assert {2, 3} & set(seen)
    assert 5 in seen
    assert found.best_params["units"] == max(set(seen) - {2, 3, 5})
    assert "failed: ZeroDivisionError: not with" in found.table()


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_a_diverging_run_fails():
    with pytest.raises(nn.TuningError, match=r"all 2 trials failed; the first with Diverged: val_loss is (inf|nan)"):  # fmt: skip
        tune(y=X.sum(axis=1) * 3.7, optimizer="sgd", learning_rate=1e9, layers=2, epochs=20)


def test_an_error_in_every_trial_raises_with_its_cause():
    def build(units):
        raise ZeroDivisionError("always")

    with pytest.raises(nn.TuningError, match="all 3 trials failed; the first with ZeroDivisionError: always") as caught:  # fmt: skip
        tune(build, trials=3)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


class Interrupt(nn.Callback):
    """Ctrl-C in the second trial."""

    count = 0

    def on_epoch_end(self, epoch, logs):
        if epoch == 0:
            type(self).count += 1
        if self.count == 2:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("listens_to_ctrl_c")
def test_ctrl_c_returns_the_trials_so_far(capsys):
    Interrupt.count = 0
    found = tune(trials=5, callbacks=Interrupt())
    assert found.interrupted
    assert len(found.trials) == 1
    assert ", interrupted;" in repr(found)
    assert found.best_model.evaluate(X[48:], Y[48:], verbose=0)[0] == pytest.approx(found.best_value)  # fmt: skip


@pytest.mark.usefixtures("listens_to_ctrl_c")
def test_ctrl_c_just_after_the_best_trial_was_noted(monkeypatch):
    """It counts, and its model is made again."""
    script = Values(lambda units, epoch: float(units))
    whole = tune(trials=4, callbacks=script)
    assert whole.best_trial.number > 0
    tell = nn.tuning.study.Study._tell

    def interrupted(study, number, outcome):
        tell(study, number, outcome)
        if number == whole.best_trial.number:
            raise KeyboardInterrupt

    monkeypatch.setattr(nn.tuning.study.Study, "_tell", interrupted)
    found = tune(trials=4, callbacks=script)
    assert found.interrupted
    assert plain(found) == plain(whole)[: whole.best_trial.number + 1]
    assert found.best_model.hidden[0] == whole.best_params["units"]
    assert found.best_model.get_weights()[0].tolist() == whole.best_model.get_weights()[0].tolist()


@pytest.mark.usefixtures("listens_to_ctrl_c")
def test_ctrl_c_in_build():
    def build(units):
        raise KeyboardInterrupt

    found = tune(build)
    assert (found.interrupted, found.trials) == (True, [])
    with pytest.raises(nn.TuningError, match="no trial was completed: none was begun"):
        _ = found.best_model
    with pytest.raises(nn.TuningError, match="nothing to draw"):
        found.plot()


def test_timeout_begins_no_further_trial():
    found = tune(trials=1000, timeout=0.2)
    assert 1 <= len(found.trials) < 1000
