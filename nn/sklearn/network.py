"""What `Classifier` and `Regressor` share: from arguments to a model, and from rows to a trained one.

The arguments are those of scikit-learn's perceptrons where they mean the same. Nothing is checked before
`fit`, as scikit-learn wants it. A model draws from a generator of its own, so that neither NumPy's global
generator nor that of `nn.set_random_seed` moves where there is a `random_state`, and threads are apart.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from inspect import signature
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted

from autograd import random

from ..arguments import COUNT, COUNT_OR_ZERO, FLAG, NOT_NEGATIVE, POSITIVE, RATE, Range, floating, shown
from ..callbacks import History, as_list
from ..data import Array
from ..errors import ArgumentError, DataError
from ..inputs import inputs_of
from ..model import Model
from ..seed import drawing_from
from ..tuning.samples import callbacks_of
from ..tuning.trial import drawn_seed
from .building import built, fresh_loss, fresh_optimizer, hidden_units, is_default, perceptron
from .endings import ends_in_logits
from .keeping import check_kept, noted, penalize, set_rate
from .rows import chosen_seed, inputs_alone, inputs_and_targets, row_weights
from .watch import Convergence

INSIDE = Range("lies between 0 and 1, both excluded,", least=0, most=1, above=True, below=True)
CHECKS = {
    "dropout": RATE, "alpha": NOT_NEGATIVE, "learning_rate_init": POSITIVE.or_none(), "max_iter": COUNT,
    "shuffle": FLAG, "tol": NOT_NEGATIVE.or_none(), "n_iter_no_change": COUNT, "early_stopping": FLAG,
    "validation_fraction": INSIDE, "warm_start": FLAG, "verbose": COUNT_OR_ZERO.but(truth=True),
}  # fmt: skip
OF_THE_PERCEPTRON = ("hidden_layer_sizes", "activation", "dropout", "alpha")
"""Arguments that describe the model where `build` is None; a `build` that names one of them is given it."""
OF_COMPILE = ("optimizer", "learning_rate_init", "loss")
"""Arguments that a model which `build` compiled has already."""
KEPT = (
    "hidden_layer_sizes", "activation", "dropout", "build", "build_args", "optimizer", "loss", "random_state",
    "dtype",
)  # fmt: skip
"""Arguments that a model which goes on training cannot change."""
AUTO = 200
"""The most rows of a step with batch_size="auto", as in scikit-learn."""
ROWS_AT_ONCE = 256
"""Rows of a step of a prediction."""
FEWEST = 32
"""A product of fewer rows may be summed in another order."""


class Given(NamedTuple):
    """What a call of `fit` was given, checked: inputs, targets as the user has them, and weights."""

    x: Array
    y: Array
    weight: Array | None


class Network(BaseEstimator):
    """Base of the estimators; see `Classifier` and `Regressor` for the arguments."""

    class_weight: Any = None
    _kept: dict[str, Any]
    _rate: Any
    penalty_share: ClassVar[float] = 0.5
    """What `alpha / batch_size` is multiplied with, to weigh as in scikit-learn's loss."""

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
        callbacks: Any = None,
        random_state: Any = None,
        dtype: str = "float32",
        verbose: Any = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.alpha = alpha
        self.build = build
        self.build_args = build_args
        self.optimizer = optimizer
        self.learning_rate_init = learning_rate_init
        self.loss = loss
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.random_state = random_state
        self.dtype = dtype
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on rows X (n, features), with `build` of any shape (n, ...), and targets y (n,) or (n, k).

        Args:
            sample_weight: (n,), what each row counts; a row of weight 0 is as if it were not there.

        Raises:
            ValueError: of scikit-learn for data that cannot be used; `nn.ArgumentError` and `nn.DataError`,
                which are ValueErrors, for arguments and for a loss that becomes NaN.
            KeyboardInterrupt: Ctrl-C; what was trained so far is in `model_`.
        """
        self._check_arguments()
        goes_on = bool(self.warm_start) and hasattr(self, "model_")
        if goes_on:
            self._go_on()
        given = self._given(X, y, sample_weight, reset=not goes_on)
        if not goes_on:
            self._begin(given)
        held_out = None
        if self.early_stopping:
            given, held_out = self._split(given)
        watch = Convergence(
            type(self).__name__,
            self.tol,
            int(self.n_iter_no_change),
            None if held_out is None else lambda: self._score_of(held_out),
        )
        history = self._train(given, int(self.max_iter), watch)
        if not goes_on:
            self._forget()
        self._note(history)
        self.best_loss_ = min(self.loss_curve_) if held_out is None else None
        self.validation_scores_ = None if held_out is None else watch.scores
        self.best_validation_score_ = None if held_out is None else watch.best
        self._say_end(watch)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        self._check_arguments()
        if self.early_stopping:
            raise ArgumentError(f"{type(self).__name__}: partial_fit does not go with early_stopping=True")
        first = not hasattr(self, "model_")
        if not first:
            self._go_on()
        given = self._given(X, y, sample_weight, first, classes)
        if first:
            self._begin(given)
            self._forget()
        watch = Convergence(type(self).__name__, None, 1)
        self._note(self._train(given, 1, watch))
        return self

    def _check_arguments(self) -> None:
        owner = type(self).__name__
        for name, check in CHECKS.items():
            check.checked(owner, name, getattr(self, name))
        if not (isinstance(self.batch_size, str) and self.batch_size == "auto"):
            COUNT.but(words='is an integer >= 1 or "auto"').checked(owner, "batch_size", self.batch_size)
        if not (self.build_args is None or isinstance(self.build_args, Mapping)):
            raise ArgumentError(f"{owner}: build_args is a dict or None, got {shown(self.build_args)}")
        if self.build is None and self.build_args:
            raise ArgumentError(f"{owner}: build_args without build, which would be given them")

    def _given(self, X: Any, y: Any, sample_weight: Any, reset: bool, classes: Any = None) -> Given:
        """The rows that count, checked; with `reset`, what the targets are is read off all rows."""
        x, targets = inputs_and_targets(self, X, y, reset, **self._how(), y_numeric=self._numeric())
        if reset:
            self._read_targets(targets, classes)
        weight = row_weights(type(self).__name__, targets, sample_weight, self.class_weight)
        if weight is not None and not weight.all():
            counts = weight > 0
            x, targets, weight = x[counts], targets[counts], weight[counts]
        return Given(x, targets, weight)

    def _how(self) -> dict[str, Any]:
        """How x is checked; a model of the user's may take rows of any shape."""
        if self.build is None:
            return {"dtype": np.dtype(floating(self.dtype))}
        return {"dtype": (np.float64, np.float32), "allow_nd": True}

    def _go_on(self) -> None:
        """Take over the learning rate, and refuse what the model cannot change to."""
        check_kept(type(self).__name__, self._kept, noted(vars(self), self._kept))
        if self.learning_rate_init != self._rate:
            set_rate(self.model_, fresh_optimizer(self.optimizer, self.learning_rate_init))
            self._rate = self.learning_rate_init

    def _begin(self, given: Given) -> None:
        """Make the model."""
        seed = chosen_seed(type(self).__name__, self.random_state)
        seed = drawn_seed() if seed is None else seed
        generator = random.Generator(seed)
        with drawing_from(self, generator):
            model = self._made(given)
        if model.generator is None:
            model.seed, model.generator = seed, generator
        with model.drawing():
            shape = model.ensure_built(inputs_of(model, given.x))
        width = shape[-1] if isinstance(shape, tuple) and len(shape) == 2 else None
        if width not in self._widths():
            raise ArgumentError(
                f"{type(self).__name__}: a model with {' or '.join(map(str, self._widths()))} outputs is "
                f"needed, and this one gives {shape}"
            )
        own = model.loss is not None
        self._compile(model, int(width))
        if self.build is not None or self.loss is not None:
            self._check_outputs(model, int(width), given.x)
        self.n_outputs_ = int(width)
        self.model_, self._rate = model, self.learning_rate_init
        names = [*KEPT, *(["alpha"] if self.build else []), *(["learning_rate_init"] if own else [])]
        self._kept = noted(vars(self), names)

    def _made(self, given: Given) -> Model:
        """The model, compiled or not."""
        outputs = self._widths()[0]
        if self.build is None:
            hidden = hidden_units(type(self).__name__, self.hidden_layer_sizes)
            dropout = float(self.dropout)
            last = self._last_activation()
            return perceptron(hidden, self.activation, dropout, outputs, last, self.dtype)
        return self._made_by_build(given, outputs)

    def _compile(self, model: Model, width: int) -> None:
        if model.loss is None:
            default = self.loss is None
            loss = self._default_loss(width, ends_in_logits(model)) if default else fresh_loss(self.loss)
            model.compile(fresh_optimizer(self.optimizer, self.learning_rate_init), loss)
        elif changed := self._changed(OF_COMPILE):
            raise ArgumentError(
                f"{type(self).__name__}: build returned a compiled model, which has its {changed[0]}; give "
                "it there, or return the model without compile"
            )

    def _made_by_build(self, given: Given, outputs: int) -> Model:
        shape = given.x.shape
        known = {
            "n_features": shape[1],
            "n_outputs": outputs,
            "sample_shape": shape[1:],
            **{name: getattr(self, name) for name in (*OF_THE_PERCEPTRON, "dtype")},
        }
        classes = getattr(self, "classes_", None)
        if classes is not None:
            known["n_classes"] = len(classes)
        known["meta"] = {**known, "n_features_in_": shape[1], "X_shape_": shape, "n_outputs_": outputs}
        if classes is not None:
            known["meta"] |= {"classes_": classes, "n_classes_": len(classes)}
        unused = self._changed((*OF_THE_PERCEPTRON, "dtype"))
        names = signature(self.build).parameters if callable(self.build) else {}
        if ignored := [name for name in unused if name not in names and "meta" not in names]:
            raise ArgumentError(
                f"{type(self).__name__}: {ignored[0]} describes the perceptron without build; this build "
                "takes no argument of that name"
            )
        return built(type(self).__name__, self.build, known, self.build_args or {})

    def _changed(self, names: tuple[str, ...]) -> list[str]:
        """Those arguments that are not what they are by default."""
        defaults = signature(type(self).__init__).parameters
        return [name for name in names if not is_default(getattr(self, name), defaults[name].default)]

    def _rows_of_a_step(self, rows: int) -> int:
        return min(AUTO, rows) if self.batch_size == "auto" else min(int(self.batch_size), rows)

    def _split(self, given: Given) -> tuple[Given, Given]:
        """Rows to train on, and rows to judge by; the same whenever the seed is."""
        seed = self.model_.seed
        parts = (part for part in given if part is not None)
        found: list[Any] = train_test_split(
            *parts,
            test_size=self.validation_fraction,
            random_state=None if seed is None else seed % 2**32,
            stratify=self._strata(given.y),
        )
        if len(found[1]) < 2:
            raise DataError(
                f"{type(self).__name__}: early_stopping holds out {len(found[1])} rows; a larger "
                "validation_fraction or more rows are needed"
            )
        weights = found[4:] or [None, None]
        return Given(found[0], found[2], weights[0]), Given(found[1], found[3], weights[1])

    def _train(self, given: Given, epochs: int, watch: Convergence) -> History:
        if self.build is None:
            # sums of a step's rows, of which there may be others than in the call before
            counted = 1.0 if given.weight is None else float(given.weight.mean())
            rows = self._rows_of_a_step(len(given.x)) * counted
            penalize(self.model_, self.penalty_share * float(self.alpha) / rows)
        history = self.model_.fit(
            given.x,
            self._encoded(given.y),
            batch_size=self._rows_of_a_step(len(given.x)),
            epochs=epochs,
            verbose=2 if self.verbose else 0,
            callbacks=[*callbacks_of(self._callbacks()), watch],
            shuffle=bool(self.shuffle),
            sample_weight=given.weight,
        )
        if history.interrupted:
            raise KeyboardInterrupt
        return history

    def _callbacks(self) -> Any:
        return self.callbacks if callable(self.callbacks) else as_list(self.callbacks)

    def _forget(self) -> None:
        """Begin to count epochs."""
        self.n_iter_ = 0
        self.loss_curve_: list[float] = []

    def _note(self, history: History) -> None:
        self.history_ = history.history
        losses = [float(loss) for loss in history.history["loss"]]
        self.loss_curve_ += losses
        self.n_iter_ += len(losses)
        self.loss_ = losses[-1]

    def _say_end(self, watch: Convergence) -> None:
        """What scikit-learn says when `max_iter` comes first."""
        if self.tol is None or watch.converged or len(watch.losses) < self.max_iter:
            return
        warnings.warn(
            f"{type(self).__name__}: max_iter={self.max_iter} epochs are over and training has not "
            "converged; tol=None trains so long and says nothing",
            ConvergenceWarning,
            stacklevel=3,
        )

    def _outputs(self, X: Any) -> Array:
        check_is_fitted(self, "model_")
        return self._outputs_of(inputs_alone(self, X, **self._how()))

    def _outputs_of(self, x: Array) -> Array:
        """The outputs of rows; few of them are computed as a part of more, so that a row gives the same
        alone as among others, bit for bit.
        """
        rows = len(x)
        if rows < FEWEST:
            x = np.concatenate([x, np.repeat(x[-1:], FEWEST - rows, axis=0)])
        found: Array = self.model_.predict(x, batch_size=ROWS_AT_ONCE, verbose=0)
        return found[:rows]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    # what the two differ in

    def _numeric(self) -> bool:
        raise NotImplementedError

    def _read_targets(self, y: Array, classes: Any) -> None:
        raise NotImplementedError

    def _widths(self) -> tuple[int, ...]:
        raise NotImplementedError

    def _last_activation(self) -> str | None:
        raise NotImplementedError

    def _default_loss(self, width: int, logits: bool) -> Any:
        raise NotImplementedError

    def _check_outputs(self, model: Model, width: int, x: Array) -> None:
        """Refuse a model whose outputs are not what its loss takes them for."""

    def _encoded(self, y: Array) -> Array:
        raise NotImplementedError

    def _strata(self, y: Array) -> Array | None:
        raise NotImplementedError

    def _score_of(self, held_out: Given) -> float:
        raise NotImplementedError
