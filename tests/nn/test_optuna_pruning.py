"""`OptunaPruning` in a study written with Optuna: what is reported, when it ends, and what it says of wrong use."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import nn

pytestmark = pytest.mark.once
optuna = pytest.importorskip("optuna")
X, Y = np.linspace(-1, 1, 8).reshape(-1, 1), np.linspace(-1, 1, 8)


class Scripted(nn.Callback):
    """Puts chosen values into the logs."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        if self.values[epoch] is not None:
            logs["score"] = self.values[epoch]


def fitted(trial: Any, values: list[Any], monitor: str = "score") -> nn.Model:
    model = nn.Sequential([nn.Dense(1, input_shape=(1,))])
    model.compile("sgd", "mse")
    model.fit(
        X, Y, epochs=len(values), verbose=0, callbacks=[Scripted(values), nn.OptunaPruning(trial, monitor)]
    )
    return model


@pytest.fixture
def study() -> Any:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=5.0), direction="minimize")


def test_each_epoch_is_reported_and_the_pruner_ends_the_trial(study: Any) -> None:
    scripts = [[3.0, 2.0, 1.0], [4.0, 9.0, 0.0], [3.0, None, 2.0]]
    begun = []

    def objective(trial: Any) -> float:
        begun.append(trial.number)
        fitted(trial, scripts[trial.number])
        return float(scripts[trial.number][-1])

    study.optimize(objective, n_trials=3)
    assert begun == [0, 1, 2]
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED", "COMPLETE"]
    assert [trial.intermediate_values for trial in study.trials] == [
        {0: 3.0, 1: 2.0, 2: 1.0},
        {0: 4.0, 1: 9.0},
        {0: 3.0, 2: 2.0},
    ]
    assert study.best_trial.number == 0


def test_the_error_says_which_number_it_was(study: Any) -> None:
    trial = study.ask()
    with pytest.raises(optuna.TrialPruned, match="pruned after epoch 2: score is 7"):
        fitted(trial, [1.0, 7.0, 1.0])


def test_wrong_use_says_what_is_right(study: Any) -> None:
    for wrong in (3, None, study):
        with pytest.raises(nn.ArgumentError, match="OptunaPruning: trial is a trial of Optuna"):
            nn.OptunaPruning(wrong)
    with pytest.raises(
        nn.ArgumentError, match=r"'val_loss' was in the logs of no epoch\. At the end there is: loss"
    ):
        fitted(study.ask(), [1.0], monitor="val_loss")
    with pytest.raises(nn.ArgumentError, match=r"'score' has several, of shape \(2,\)"):
        fitted(study.ask(), [np.array([1.0, 2.0])])


def test_without_optuna_it_says_how_to_get_it(study: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = study.ask()
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(nn.MissingExtraError, match=r"gradloom\[tune\]"):
        fitted(trial, [1.0])
