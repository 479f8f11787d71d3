"""Trials of Optuna that end early where its pruner says so, for searches that are written with Optuna itself.

`nn.tune` prunes by itself and needs none of this.
"""

from __future__ import annotations

from typing import Any

from ..arguments import KEY, form
from ..constructors import argument, constructor
from ..errors import ArgumentError, MissingExtraError
from ..metrics.logged import is_several
from .base import Callback, Logs


@form("is a trial of Optuna")
def TRIAL(value: Any) -> Any:
    """Anything that takes reports and can say that it should end."""
    if not (callable(getattr(value, "report", None)) and callable(getattr(value, "should_prune", None))):
        raise TypeError
    return value


@constructor
class OptunaPruning(Callback):
    """Report each epoch to a trial of Optuna; where its pruner says so, `fit` ends with `optuna.TrialPruned`,
    which Optuna takes for the end of a trial that did not pay.

    Args:
        trial: what the objective of Optuna is called with.
        monitor: the number of the logs that the study makes small or large. An epoch without it, between two
            validations, is not reported.

    Raises:
        ArgumentError: at the end of an epoch, where there are several numbers of that name; at the end of
            training, where no epoch had one.
        MissingExtraError: Optuna is not installed.

    >>> import nn, optuna
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> def objective(trial):
    ...     model = nn.MLP(hidden=(trial.suggest_int("units", 2, 8),), outputs=1, dropout=0)
    ...     model.compile("adam", "mse")
    ...     pruning = nn.OptunaPruning(trial, monitor="loss")
    ...     log = model.fit([[0.0], [1.0]], [0.0, 1.0], epochs=2, verbose=0, callbacks=[pruning])
    ...     return log.history["loss"][-1]
    >>> study = optuna.create_study()
    >>> study.optimize(objective, n_trials=2)
    >>> len(study.trials)
    2
    """

    trial: Any = argument(TRIAL)
    monitor: str = argument(KEY, default="val_loss")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._pruned = _error_of_optuna()
        self._reported = False

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        value = logs.get(self.monitor)
        if value is None:
            return
        if is_several(value):
            raise ArgumentError(
                f"OptunaPruning: a study makes one number small or large, and {self.monitor!r} has several, "
                f"of shape {value.shape}"
            )
        self._reported = True
        self.trial.report(float(value), epoch)
        if self.trial.should_prune():
            raise self._pruned(f"pruned after epoch {epoch + 1}: {self.monitor} is {float(value):g}")

    def on_train_end(self, logs: Logs | None = None) -> None:
        # without logs Ctrl-C came before the end of the first epoch
        if logs and not self._reported:
            there = ", ".join(logs)
            raise ArgumentError(
                f"OptunaPruning: {self.monitor!r} was in the logs of no epoch. At the end there is: {there}."
            )


def _error_of_optuna() -> Any:
    """The exception by which a trial says that it was pruned."""
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("OptunaPruning needs optuna: pip install 'gradloom[tune]'") from error
    return optuna.TrialPruned
