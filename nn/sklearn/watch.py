"""When training of an estimator ends: the rule of scikit-learn's perceptrons.

An epoch that does not better the best value so far by `tol` counts as one without change; after more than
`n_iter_no_change` of them in a row training has converged. `EarlyStopping` counts in another way: there many
small steps add up to an improvement.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..callbacks import Callback
from ..callbacks.base import Logs
from ..errors import DataError
from ..seed import random_words


class Convergence(Callback):
    """Ends a run that no longer gets better, and one that has lost its numbers.

    Args:
        owner: for messages.
        tol: what counts as better; None never ends a run.
        patience: so many epochs without change are borne.
        score: gives the value of an epoch, more is better, and the weights of the best epoch are kept; None
            for the loss, and the weights of the last epoch.
    """

    wants_every_batch = False

    def __init__(
        self, owner: str, tol: float | None, patience: int, score: Callable[[], float] | None = None
    ) -> None:
        self.owner = owner
        self.tol = tol
        self.patience = patience
        self.score = score
        self.losses: list[float] = []
        self.scores: list[float] = []
        self.best = -math.inf
        self.waited = 0
        self.converged = False
        self._best_weights: dict[str, Any] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        loss = float(logs["loss"])
        self.losses.append(loss)
        if not math.isfinite(loss):
            raise DataError(
                f"{self.owner}: the loss is {loss} in epoch {epoch + 1}, so the weights are lost. Scale the "
                "inputs (StandardScaler), or make the learning rate smaller"
            )
        value = -loss
        if self.score is not None:
            value = float(self.score())
            self.scores.append(value)
        if self.tol is not None:
            self.waited = self.waited + 1 if value < self.best + self.tol else 0
        if value > self.best:
            self.best = value
            if self.score is not None:
                self._best_weights = self.model.state_dict()
        if self.waited > self.patience:
            self.converged = self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._best_weights is not None:
            self.model.load_state_dict(self._best_weights | random_words(self.model))
