"""Wrapper: what the two wrappers of scikeras's form share, from arguments to a trained model."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from autograd import random

from .. import losses
from ..arguments import FLAG, shown
from ..data import Array
from ..errors import ArgumentError
from ..inputs import inputs_of
from ..model import Model
from ..seed import drawing_from
from ..tuning.trial import drawn_seed
from .building import built, is_default, taken
from .endings import ends_in_logits
from .keeping import check_kept, noted, set_rate
from .routing import (
    COMPILE,
    FIT,
    PREFIXES,
    callbacks_of,
    check_compiled_with,
    check_names,
    chosen,
    loss_of,
    metrics_of,
    optimizer_of,
    routed,
)
from .rows import chosen_seed, inputs_alone, inputs_and_targets

GIVEN = ("meta", "compile_kwargs", "params")
"""What a function that builds a model is given where it names it."""
OF_COMPILE = ("optimizer", "loss", "metrics", "run_eagerly")
"""Arguments of the wrapper that are for `compile`; a function that names one is given it, too."""
RATE = "optimizer__learning_rate"
OF_A_CALL = (*FIT, RATE, "warm_start", "class_weight")
"""Arguments that are looked at in each call of `fit`."""
ANY_ROWS = {"dtype": (np.float64, np.float32), "allow_nd": True}


class Wrapper(BaseEstimator):
    """Base of `KerasClassifier` and `KerasRegressor`."""

    model: Any
    build_fn: Any
    warm_start: bool
    random_state: Any
    _kept: dict[str, Any]
    _rate: Any
    numeric: ClassVar[bool] = False
    """Whether targets are numbers."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("feature_encoder", "target_encoder", "scorer"):
            if name in vars(cls):
                raise ArgumentError(
                    f"{cls.__name__} defines {name}, which nothing here calls: put a transformer into a "
                    "Pipeline, or use TransformedTargetRegressor; scoring= chooses a score"
                )

    def _keep_extra(self, extra: Mapping[str, Any]) -> None:
        # not as attributes where a fit may have one of that name, or a private one is called so
        for name, value in extra.items():
            self._keep(name, value)

    def _keep(self, name: str, value: Any) -> None:
        if (name[0] == "_" or name[-1] == "_") and name not in self._own_names():
            self.__dict__.setdefault("_underscored", {})[name] = value
        else:
            setattr(self, name, value)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments by name: the wrapper's own, those of a subclass, and those that are routed."""
        own = self._own_names()
        found = {
            name: value
            for name, value in vars(self).items()
            if name in own or (name[0] != "_" and name[-1] != "_")
        }
        kept: dict[str, Any] = self.__dict__.get("_underscored", {})
        return found | kept

    def set_params(self, **params: Any) -> Self:
        """Set arguments; those with a prefix, and those of the function, as well as the wrapper's own.

        Raises:
            ArgumentError: nothing takes a name; it is a ValueError.
        """
        known = self.get_params()
        names, takes_all = self._function_takes()
        for name, value in params.items():
            prefix, routes, _ = name.partition("__")
            if name in known or name in names or takes_all or (routes and prefix in PREFIXES):
                self._keep(name, value)
            else:
                raise ArgumentError(
                    f"Invalid parameter {name!r} for estimator {type(self).__name__}: neither it nor the "
                    f"function that builds the model takes it; that takes {', '.join(names) or 'none'}"
                )
        return self

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **kwargs: Any) -> Self:
        """Train for `epochs` epochs.

        Args:
            X, y: rows (n, ...) and their targets.
            sample_weight: (n,).
            kwargs: arguments of `fit` of the model for this call: epochs, batch_size, validation_data and
                the like.

        Raises:
            ValueError: of scikit-learn for data that cannot be used.
            ArgumentError: an argument that nothing takes, or that would not be honoured.
            KeyboardInterrupt: Ctrl-C; what was trained so far is in `model_`.
        """
        return self._train(X, y, sample_weight, kwargs, None, goes_on=bool(self.warm_start))

    def initialize(self, X: Any, y: Any) -> Self:
        """Build and compile the model for these rows, without training it."""
        self._check(X, y, True, None)
        return self

    @property
    def initialized_(self) -> bool:
        """Whether there is a model."""
        return "model_" in vars(self)

    @property
    def current_epoch(self) -> int:
        """How many epochs the model was trained."""
        return len(self.history_.get("loss", ())) if self.initialized_ else 0

    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        extra: Mapping[str, Any],
        epochs: int | None,
        goes_on: bool,
        classes: Any = None,
    ) -> Self:
        going_on = goes_on and self.initialized_
        if going_on:
            self._go_on()
        x, targets = self._check(X, y, not going_on, classes)
        arguments = self._fit_arguments(extra, len(x), epochs)
        if arguments.get("validation_data") is not None:
            arguments["validation_data"] = self._validation(arguments["validation_data"])
        weight = self._weights(targets, sample_weight)
        history = self.model_.fit(x, self._encoded(targets), sample_weight=weight, **arguments)
        for name, values in history.history.items():
            self.history_.setdefault(name, []).extend(values)
        if history.interrupted:
            raise KeyboardInterrupt
        return self

    def _check(self, X: Any, y: Any, reset: bool, classes: Any) -> tuple[Array, Array]:
        """Rows and targets; makes the model with `reset`."""
        check_names(type(self).__name__, self.get_params())
        x, targets = inputs_and_targets(self, X, y, reset, y_numeric=self.numeric, **ANY_ROWS)
        if reset:
            self._read_targets(targets, classes)
            self.X_shape_, self.X_dtype_ = x.shape, x.dtype
            self.y_dtype_, self.y_ndim_ = targets.dtype, targets.ndim
            self.n_outputs_expected_ = 1
            self._begin(x)
        return x, targets

    def _fit_arguments(self, extra: Mapping[str, Any], rows: int, epochs: int | None) -> dict[str, Any]:
        owner, parameters = type(self).__name__, self.get_params()
        check_names(owner, {f"fit__{name}": value for name, value in extra.items()})
        arguments = chosen(parameters, "fit", FIT) | dict(extra)
        if epochs is not None:
            arguments["epochs"] = epochs
        if arguments.get("batch_size") == -1:
            arguments["batch_size"] = rows
        own = routed(parameters, "callbacks")
        arguments["callbacks"] = callbacks_of(owner, arguments.get("callbacks"), own)
        arguments["shuffle"] = FLAG.checked(owner, "shuffle", arguments["shuffle"])
        return arguments

    def _validation(self, given: Any) -> Any:
        """Validation data with targets as the loss takes them."""
        if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
            raise ArgumentError(f"{type(self).__name__}: validation_data is (x, y) or (x, y, weight)")
        x, y = inputs_and_targets(self, given[0], given[1], False, y_numeric=self.numeric, **ANY_ROWS)
        return (x, self._encoded(y), *given[2:])

    def _begin(self, x: Array) -> None:
        """Make the model, compiled and built."""
        owner = type(self).__name__
        seed = chosen_seed(owner, self.random_state)
        seed = drawn_seed() if seed is None else seed
        generator = random.Generator(seed)
        with drawing_from(self, generator):
            model = self._made()
        if model.generator is None:
            model.seed, model.generator = seed, generator
        with model.drawing():
            shape = model.ensure_built(inputs_of(model, x))
        width = shape[-1] if isinstance(shape, tuple) and len(shape) == 2 else None
        if width not in self._widths():
            raise ArgumentError(
                f"{owner}: a model with {' or '.join(map(str, self._widths()))} outputs is needed, and this "
                f"one gives {shape}"
            )
        if model.optimizer is None:
            self._compile(model, int(width))
        else:
            self._check_compiled(model)
        self._check_outputs(model, int(width), x)
        self._width, self.model_ = int(width), model
        self._kept, self._rate = self._to_keep(), self.get_params().get(RATE)
        self.history_: dict[str, list[Any]] = {}

    def _to_keep(self) -> dict[str, Any]:
        """Arguments that a model which goes on training cannot change: all but those of a single call."""
        parameters = self.get_params()
        calls = ("fit", "predict", "callbacks")
        names = [name for name in parameters if name not in OF_A_CALL and name.split("__")[0] not in calls]
        return noted(parameters, names)

    def _go_on(self) -> None:
        """Take over the learning rate, and refuse what the model cannot change to."""
        check_kept(type(self).__name__, self._kept, self._to_keep())
        if self.get_params().get(RATE) != self._rate:
            set_rate(self.model_, self._compile_arguments()["optimizer"])
            self._rate = self.get_params().get(RATE)

    def _made(self) -> Model:
        """What the function returns, or a copy of the model that was given."""
        owner, parameters = type(self).__name__, self.get_params()
        if self.model is not None and self.build_fn is not None:
            raise ArgumentError(f"{owner}: build_fn is an older name of model; give one of them")
        given = self._function()
        own = {name: parameters[name] for name in parameters.keys() - self._own_names() if "__" not in name}
        own |= routed(parameters, "model")
        if isinstance(given, Model):
            if own:
                raise ArgumentError(f"{owner}: {next(iter(own))!r} is for a function, and model is a model")
            return copy.deepcopy(given)
        if given is None:
            raise ArgumentError(f"{owner}: model is a function that returns an nn.Model, or a model")
        known = {
            "meta": self._meta,
            "compile_kwargs": self._compile_arguments,
            "params": self.get_params,
        }
        names, _ = taken(given)
        found = {name: known[name]() for name in GIVEN if name in names}
        return built(owner, given, found | self._named(given, names), own, "model")

    def _named(self, function: Any, names: list[str]) -> dict[str, Any]:
        """Arguments for `compile` that the function names: what was said, and what it has no default for."""
        parameters, said = self.get_params(), self._changed()
        taken_by = inspect.signature(function).parameters if names else {}
        return {
            name: parameters[name]
            for name in OF_COMPILE
            if name in names and (name in said or taken_by[name].default is inspect.Parameter.empty)
        }

    def _meta(self) -> dict[str, Any]:
        """What is known of the data before there is a model."""
        own = self._own_names()
        found = {
            name: value
            for name, value in vars(self).items()
            if name[0] != "_" and name[-1] == "_" and name not in own
        }
        return {name: value for name, value in found.items() if name not in ("model_", "history_")}

    def _compile_arguments(self) -> dict[str, Any]:
        """What `compile` is given, made anew from the wrapper's arguments."""
        owner, parameters = type(self).__name__, self.get_params()
        arguments = chosen(parameters, "compile", COMPILE)
        extra = {name: routed(parameters, name) for name in ("optimizer", "loss", "metrics")}
        arguments["optimizer"] = optimizer_of(owner, arguments["optimizer"], extra["optimizer"])
        arguments["loss"] = loss_of(owner, arguments["loss"], extra["loss"])
        arguments["metrics"] = metrics_of(owner, arguments["metrics"], extra["metrics"])
        return arguments

    def _compile(self, model: Model, width: int) -> None:
        arguments = self._compile_arguments()
        if arguments["loss"] is None:
            arguments["loss"] = self._loss_for(width, ends_in_logits(model))
        model.compile(**arguments)

    def _check_compiled(self, model: Model) -> None:
        """Refuse arguments of `compile` that the function, which compiled the model itself, was not given."""
        names, _ = taken(self._function()) if not isinstance(self._function(), Model) else ([], False)
        owner, parameters = type(self).__name__, self.get_params()
        if "compile_kwargs" in names or "params" in names:
            said = [*self._changed(), *(n for n in parameters if n.startswith(("optimizer__", "loss__")))]
            said += [n for n in parameters if n.startswith("compile__")]
            if said:
                check_compiled_with(owner, said, model, self._compile_arguments())
            return
        ignored = [name for name in self._changed() if name not in names]
        if "loss" in ignored and type(losses.get(self.get_params()["loss"])) is type(model.loss):
            ignored.remove("loss")
        routes = ("optimizer__", "loss__", "compile__")
        ignored += [name for name in parameters if name.startswith(routes)]
        if ignored:
            raise ArgumentError(
                f"{owner}: {ignored[0]} is for compile, and the model was compiled by the function that "
                "built it; let it take compile_kwargs, or return the model without compile"
            )

    def _changed(self) -> list[str]:
        """Those arguments for `compile` that are not what they are by default."""
        defaults = inspect.signature(Wrapper.arguments_of(type(self))).parameters
        parameters = self.get_params()
        return [name for name in OF_COMPILE if not is_default(parameters[name], defaults[name].default)]

    @staticmethod
    def arguments_of(kind: type) -> Any:
        """The constructor of the wrapper that `kind` is or is derived from."""
        wrapper = next(base for base in kind.__mro__ if base.__module__ == "nn.sklearn.wrappers")
        return vars(wrapper)["__init__"]

    @classmethod
    def _own_names(cls) -> set[str]:
        """Arguments that the constructors of the class and its bases name."""
        constructors = [vars(base)["__init__"] for base in cls.__mro__ if "__init__" in vars(base)]
        return {name for one in constructors if one is not object.__init__ for name in taken(one)[0]}

    def _function(self) -> Any:
        """What makes the model: an argument, or the method of a subclass."""
        given = self.build_fn if self.model is None else self.model
        return getattr(self, "_keras_build_fn", None) if given is None else given

    def _function_takes(self) -> tuple[list[str], bool]:
        given = self._function()
        if given is None or isinstance(given, Model):
            return [], False
        names, takes_all = taken(given)
        return [name for name in names if name not in GIVEN], takes_all

    def _outputs(self, X: Any, extra: Mapping[str, Any]) -> Array:
        check_is_fitted(self, "model_")
        owner, parameters = type(self).__name__, self.get_params()
        x = inputs_alone(self, X, **ANY_ROWS)
        check_names(owner, {f"predict__{name}": value for name, value in extra.items()})
        arguments = {"verbose": parameters["verbose"]} | routed(parameters, "predict") | dict(extra)
        found = self.model_.predict(x, **arguments)
        if not isinstance(found, np.ndarray):
            raise ArgumentError(f"{owner}: a model with one output is needed, got {shown(found)}")
        return found

    def __sklearn_is_fitted__(self) -> bool:
        return self.initialized_

    # what the two differ in

    def _read_targets(self, y: Array, classes: Any) -> None:
        raise NotImplementedError

    def _widths(self) -> tuple[int, ...]:
        raise NotImplementedError

    def _loss_for(self, width: int, logits: bool) -> Any:
        raise NotImplementedError

    def _check_outputs(self, model: Model, width: int, x: Array) -> None:
        """Refuse a model whose outputs are not what its loss takes them for."""

    def _encoded(self, y: Array) -> Array:
        raise NotImplementedError

    def _weights(self, y: Array, sample_weight: Any) -> Array | None:
        raise NotImplementedError
