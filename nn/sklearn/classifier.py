"""Classifier: a network that scikit-learn takes for one of its classifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score

from ..data import Array
from ..errors import ArgumentError
from ..losses import BinaryCrossentropy, SparseCategoricalCrossentropy
from ..model import Model
from .endings import check_outputs
from .labels import Labels
from .network import Given, Network

WEIGHTED = "mean_with_sample_weight"


class Classifier(ClassifierMixin, Network):
    """A network as a classifier of scikit-learn.

    Args:
        hidden_layer_sizes: units of each hidden layer.
        activation: of the hidden layers: a name of ours, or "identity" and "logistic".
        dropout: rate after each hidden layer.
        alpha: `alpha / 2 / batch_size` times the sum of the squares of all kernels is added to the loss (a
            step of weighted rows counts as batch_size times their mean weight).
        build: a function that returns a model, in the place of these four. It is given what it names of
            `n_features`, `n_outputs` (1 for two classes), `n_classes`, `sample_shape`, `meta` (a dict of
            all), `hidden_layer_sizes`, `activation`, `dropout`, `alpha` and `dtype`. The model is compiled
            or not; it ends with a softmax, a sigmoid, or in logits.
        build_args: more arguments of `build`, a dict.
        optimizer: a name or an object.
        learning_rate_init: None for that of the optimizer.
        loss: None for the cross-entropy, weighted by samples.
        batch_size: "auto" for min(200, rows).
        max_iter: the most epochs.
        shuffle: a new order in each epoch.
        tol, n_iter_no_change: training ends when the loss, or with early_stopping the score, has not become
            better by `tol` for more than so many epochs in a row; tol=None trains `max_iter` epochs.
        early_stopping: hold `validation_fraction` of the rows out, by class, and keep the weights with which
            most of them are labelled rightly.
        validation_fraction: of the rows.
        warm_start: `fit` goes on with the model of the last one.
        class_weight: a dict from labels to weights, or "balanced".
        callbacks: `nn.Callback` objects, of which each fit gets copies, or a function that returns them.
        random_state: an integer repeats a fit, and moves no other generator. None draws a seed from the
            default generator of this library (`nn.set_random_seed`).
        dtype: of the perceptron, "float32" or "float64".
        verbose: True for a line per epoch.

    Labels are of any kind: texts, numbers, or a column of 0 and 1 for each of several labels.

    Attributes:
        classes_, n_features_in_, feature_names_in_, n_outputs_: as in scikit-learn.
        model_: the `nn.Model`, to save, to look into, to train on.
        history_: per epoch what `fit` of the model logs.
        n_iter_, loss_, loss_curve_, best_loss_, validation_scores_, best_validation_score_: as in
            `MLPClassifier`.

    >>> import nn
    >>> x = [[0.0, 0.1], [0.2, 0.0], [0.9, 1.0], [1.0, 0.8]] * 5
    >>> y = ["low", "low", "high", "high"] * 5
    >>> model = nn.sklearn.Classifier((8,), learning_rate_init=0.05, tol=None, max_iter=50, random_state=0)
    >>> model.fit(x, y).predict([[0.1, 0.1], [0.9, 0.9]]).tolist()
    ['low', 'high']
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        dropout: float = 0.0,
        alpha: float = 0.0001,
        build: Any = None,
        build_args: Mapping[str, Any] | None = None,
        optimizer: Any = "adam",
        learning_rate_init: float | None = None,
        loss: Any = None,
        batch_size: Any = "auto",
        max_iter: int = 200,
        shuffle: bool = True,
        tol: float | None = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        class_weight: Any = None,
        callbacks: Any = None,
        random_state: Any = None,
        dtype: str = "float32",
        verbose: Any = False,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            dropout=dropout,
            alpha=alpha,
            build=build,
            build_args=build_args,
            optimizer=optimizer,
            learning_rate_init=learning_rate_init,
            loss=loss,
            batch_size=batch_size,
            max_iter=max_iter,
            shuffle=shuffle,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            warm_start=warm_start,
            callbacks=callbacks,
            random_state=random_state,
            dtype=dtype,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One more epoch on these rows.

        Args:
            classes: all classes there will be; the first call needs them. Those of several labels are the
                numbers of the columns.

        Raises:
            ArgumentError: no classes in the first call, others later, class_weight="balanced" or early
                stopping.
        """
        known = getattr(self, "classes_", None)
        if isinstance(self.class_weight, str):
            raise ArgumentError(
                'Classifier: class_weight="balanced" counts the classes of all rows, which partial_fit does '
                "not see; give a dict"
            )
        if known is None and classes is None:
            raise ArgumentError("Classifier: classes has to be given in the first call of partial_fit")
        if known is not None and classes is not None:
            self._labels.check_classes(classes)
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X: Any) -> Array:
        """The label of each row (n,), as they were given to `fit`; indicators (n, k) for several labels."""
        likely = self.predict_proba(X)
        return self._labels.decided(likely)

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class (n, k), in the order of `classes_`, in the dtype of the model."""
        outputs = self._outputs(X)
        return self._probabilities(outputs)

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            logarithms: Array = np.log(self.predict_proba(X))
        return logarithms

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _probabilities(self, outputs: Array) -> Array:
        logits = bool(getattr(self.model_.loss, "from_logits", False))
        return self._labels.probabilities(outputs, logits)

    def _numeric(self) -> bool:
        return False

    def _read_targets(self, y: Array, classes: Any) -> None:
        self._labels = Labels(type(self).__name__, y, classes)
        self.classes_ = self._labels.classes

    def _widths(self) -> tuple[int, ...]:
        return self._labels.widths

    def _last_activation(self) -> str | None:
        return "softmax" if self._labels.kind == "multiclass" else "sigmoid"

    def _default_loss(self, width: int, logits: bool) -> Any:
        if width > 1 and self._labels.kind != "multilabel":
            return SparseCategoricalCrossentropy(from_logits=logits, reduction=WEIGHTED)
        return BinaryCrossentropy(from_logits=logits, reduction=WEIGHTED)

    def _check_outputs(self, model: Model, width: int, x: Array) -> None:
        check_outputs(self._labels, model, width, x)

    def _encoded(self, y: Array) -> Array:
        sparse = isinstance(self.model_.loss, SparseCategoricalCrossentropy)
        return self._labels.encoded(y, self.n_outputs_, sparse)

    def _strata(self, y: Array) -> Array | None:
        return None if self._labels.kind == "multilabel" else y

    def _score_of(self, held_out: Given) -> float:
        decided = self._labels.decided(self._probabilities(self._outputs_of(held_out.x)))
        return float(accuracy_score(held_out.y, decided, sample_weight=held_out.weight))
