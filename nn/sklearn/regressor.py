"""Regressor: a network that scikit-learn takes for one of its regressors."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from ..data import Array
from ..errors import DataError
from ..losses import MeanSquaredError
from .network import Given, Network


class Regressor(RegressorMixin, Network):
    """A network as a regressor of scikit-learn.

    The arguments are those of `Classifier` without `class_weight`. The loss is the mean squared error, of
    which `MLPRegressor` takes half; `alpha` weighs beside it as there, and `tol` is of the loss as it is.
    `build` is not given `n_classes`. With `early_stopping` the held-out rows are judged by R2.

    Targets are numbers (n,), or (n, k) for k outputs.

    Attributes:
        n_features_in_, feature_names_in_, n_outputs_, model_, history_, n_iter_, loss_, loss_curve_,
            best_loss_, validation_scores_, best_validation_score_: as in `Classifier`.

    >>> import nn
    >>> x = [[i / 10] for i in range(20)]
    >>> y = [2 * row[0] + 1 for row in x]
    >>> model = nn.sklearn.Regressor((16,), learning_rate_init=0.05, tol=None, random_state=0)
    >>> model.fit(x, y).score(x, y) > 0.99
    True
    """

    penalty_share: ClassVar[float] = 1.0

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One more epoch on these rows.

        Raises:
            ArgumentError: with early stopping.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> Array:
        """The number of each row (n,), or (n, k) where there were k; float64."""
        return self._shaped(self._outputs(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _shaped(self, outputs: Array) -> Array:
        values = outputs.reshape(len(outputs), -1).astype(np.float64)
        return values if self._columns else values[:, 0]

    def _numeric(self) -> bool:
        return True

    def _read_targets(self, y: Array, classes: Any) -> None:
        self._columns = y.shape[1] if y.ndim == 2 else None

    def _widths(self) -> tuple[int, ...]:
        return (self._columns or 1,)

    def _last_activation(self) -> str | None:
        return None

    def _default_loss(self, width: int, logits: bool) -> Any:
        return MeanSquaredError(reduction="mean_with_sample_weight")

    def _encoded(self, y: Array) -> Array:
        columns = y.shape[1] if y.ndim == 2 else None
        if columns != self._columns:
            raise DataError(
                f"Regressor: y has {columns or 'no'} columns, and was fitted with {self._columns or 'none'}"
            )
        return y.astype(np.float64)

    def _strata(self, y: Array) -> Array | None:
        return None

    def _score_of(self, held_out: Given) -> float:
        predicted = self._shaped(self._outputs_of(held_out.x))
        return float(r2_score(held_out.y, predicted, sample_weight=held_out.weight))
