"""KerasClassifier and KerasRegressor, as scikeras has them: a script runs when its import line changes.

A model is a function that returns one, compiled or not, or a model, of which each fit takes a copy. Arguments
are routed as in scikeras (`routing.py`). What would not be honoured is refused by `fit`, not passed over.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin

from ..data import Array
from ..errors import ArgumentError
from ..losses import BinaryCrossentropy, SparseCategoricalCrossentropy
from ..model import Model
from .endings import check_outputs
from .labels import Labels
from .routing import RMSPROP
from .rows import row_weights
from .wrapping import Wrapper


class KerasClassifier(ClassifierMixin, Wrapper):
    """A model of Keras's form as a classifier of scikit-learn, with the arguments of scikeras.

    Args:
        model: a function that returns an `nn.Model`, compiled or not, or a model. A function is given the
            arguments `model__name`, those that the wrapper does not have itself, and where it names them
            `meta` (a dict: `n_features_in_`, `X_shape_`, `n_classes_`, `n_outputs_`, `target_type_` and the
            like), `compile_kwargs` (what `compile` would be given) and `params`.
        build_fn: an older name of `model`.
        warm_start: `fit` goes on with the model of the last one.
        random_state: an integer repeats a fit.
        optimizer, loss, metrics, run_eagerly: for `compile`, where the model is not compiled; a function that
            names one is given it. The default, "rmsprop", gives way to that of the function.
        batch_size, epochs, verbose, callbacks, validation_split, validation_batch_size, shuffle: for `fit`;
            batch_size=-1 is all rows.
        class_weight: a dict from labels to weights, or "balanced".
        **kwargs: arguments with a prefix (`model__`, `optimizer__`, `loss__`, `fit__`, `compile__`,
            `predict__`, `callbacks__`), or arguments of the function.

    Labels may be texts or numbers (n,), rows with a single 1 (n, classes), of which `predict` gives the same,
    or a column of 0 and 1 for each of several labels.

    Attributes:
        model_: the model. history_: a dict of lists, one value per epoch, over all calls of `partial_fit`.
        classes_, n_classes_, target_type_, n_features_in_, n_outputs_, X_shape_, X_dtype_, current_epoch: as
            in scikeras.

    >>> import nn
    >>> def small(units, meta):
    ...     model = nn.Sequential([nn.Dense(units, "relu"), nn.Dense(1, "sigmoid")])
    ...     model.compile("adam", "binary_crossentropy")
    ...     return model
    >>> network = nn.sklearn.KerasClassifier(small, units=4, epochs=2, verbose=0, random_state=0)
    >>> network.fit([[0.0], [1.0], [0.1], [0.9]], ["no", "yes", "no", "yes"]).predict([[0.5]]).shape
    (1,)
    """

    def __init__(
        self,
        model: Any = None,
        *,
        build_fn: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        optimizer: Any = RMSPROP,
        loss: Any = None,
        metrics: Any = None,
        batch_size: int | None = None,
        validation_batch_size: int | None = None,
        verbose: Any = 1,
        callbacks: Any = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        run_eagerly: bool = False,
        epochs: int = 1,
        class_weight: Any = None,
        **kwargs: Any,
    ) -> None:
        self.model = model
        self.build_fn = build_fn
        self.warm_start = warm_start
        self.random_state = random_state
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.batch_size = batch_size
        self.validation_batch_size = validation_batch_size
        self.verbose = verbose
        self.callbacks = callbacks
        self.validation_split = validation_split
        self.shuffle = shuffle
        self.run_eagerly = run_eagerly
        self.epochs = epochs
        self.class_weight = class_weight
        self._keep_extra(kwargs)

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None, **kwargs: Any
    ) -> Self:
        """One more epoch on these rows; `classes` are all there will be, where the first rows lack some.

        Raises:
            ArgumentError: other classes than in the first call.
        """
        if classes is not None and self.initialized_:
            self._labels.check_classes(classes)
        return self._train(X, y, sample_weight, kwargs, epochs=1, goes_on=True, classes=classes)

    def predict(self, X: Any, **kwargs: Any) -> Array:
        """The label of each row, as they were given to `fit`.

        Args:
            kwargs: of `predict` of the model: batch_size, verbose, steps.
        """
        outputs = self._outputs(X, kwargs)
        return self._labels.decided(self._likely(outputs))

    def predict_proba(self, X: Any, **kwargs: Any) -> Array:
        """The probability of each class (n, k), in the order of `classes_`."""
        return self._likely(self._outputs(X, kwargs))

    def _likely(self, outputs: Array) -> Array:
        logits = bool(getattr(self.model_.loss, "from_logits", False))
        return self._labels.probabilities(outputs, logits)

    def _read_targets(self, y: Array, classes: Any) -> None:
        self._labels = Labels(type(self).__name__, y, classes, one_hot=True)
        kind = self._labels.kind
        self.classes_ = self._labels.classes
        self.n_classes_ = len(self.classes_)
        self.n_outputs_ = 1
        self.target_type_ = kind if kind in ("binary", "multiclass") else "multilabel-indicator"

    def _widths(self) -> tuple[int, ...]:
        return self._labels.widths

    def _loss_for(self, width: int, logits: bool) -> Any:
        if width == 1 or self._labels.kind == "multilabel":
            return BinaryCrossentropy(from_logits=logits)
        return SparseCategoricalCrossentropy(from_logits=logits)

    def _check_outputs(self, model: Model, width: int, x: Array) -> None:
        check_outputs(self._labels, model, width, x)

    def _encoded(self, y: Array) -> Array:
        sparse = isinstance(self.model_.loss, SparseCategoricalCrossentropy)
        return self._labels.encoded(y, self._width, sparse)

    def _weights(self, y: Array, sample_weight: Any) -> Array | None:
        kind = self._labels.kind
        if self.class_weight is not None and kind == "multilabel":
            raise ArgumentError("KerasClassifier: class_weight is for classes, of which each row has one")
        labels = self._labels.positions(y) if kind == "one-hot" else y
        return row_weights(type(self).__name__, labels, sample_weight, self.class_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class KerasRegressor(RegressorMixin, Wrapper):
    """A model of Keras's form as a regressor of scikit-learn, with the arguments of scikeras.

    The arguments are those of `KerasClassifier` without `class_weight`; a loss that is not given is the mean
    squared error.

    >>> import nn
    >>> def line():
    ...     return nn.Sequential([nn.Dense(1)])
    >>> network = nn.sklearn.KerasRegressor(
    ...     line, loss="mse", optimizer="adam", optimizer__learning_rate=0.1, epochs=2, verbose=0
    ... )
    >>> network.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).predict([[3.0]]).shape
    (1,)
    """

    numeric: ClassVar[bool] = True

    def __init__(
        self,
        model: Any = None,
        *,
        build_fn: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        optimizer: Any = RMSPROP,
        loss: Any = None,
        metrics: Any = None,
        batch_size: int | None = None,
        validation_batch_size: int | None = None,
        verbose: Any = 1,
        callbacks: Any = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        run_eagerly: bool = False,
        epochs: int = 1,
        **kwargs: Any,
    ) -> None:
        self.model = model
        self.build_fn = build_fn
        self.warm_start = warm_start
        self.random_state = random_state
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.batch_size = batch_size
        self.validation_batch_size = validation_batch_size
        self.verbose = verbose
        self.callbacks = callbacks
        self.validation_split = validation_split
        self.shuffle = shuffle
        self.run_eagerly = run_eagerly
        self.epochs = epochs
        self._keep_extra(kwargs)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, **kwargs: Any) -> Self:
        """One more epoch on these rows."""
        return self._train(X, y, sample_weight, kwargs, epochs=1, goes_on=True)

    def predict(self, X: Any, **kwargs: Any) -> Array:
        """The number of each row (n,), or (n, k) where there were k.

        Args:
            kwargs: of `predict` of the model: batch_size, verbose, steps.
        """
        values = self._outputs(X, kwargs)
        values = values.reshape(len(values), -1)
        return values if self._columns else values[:, 0]

    def _read_targets(self, y: Array, classes: Any) -> None:
        self._columns = y.shape[1] if y.ndim == 2 else None
        self.n_outputs_ = self._columns or 1
        self.target_type_ = "continuous-multioutput" if self._columns else "continuous"

    def _widths(self) -> tuple[int, ...]:
        return (self._columns or 1,)

    def _loss_for(self, width: int, logits: bool) -> Any:
        return "mean_squared_error"

    def _encoded(self, y: Array) -> Array:
        return y.astype(np.float64)

    def _weights(self, y: Array, sample_weight: Any) -> Array | None:
        return row_weights(type(self).__name__, y, sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
