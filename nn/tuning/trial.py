"""One trial: parameters to a trained model and a number. Knows nothing of
Optuna, so other searches run it too.

A parameter goes where its name is known: to `build` if that takes it, to `compile` (`COMPILE`), to `fit`
(`FIT`). The value of a trial is that of its best epoch, and its model gets the weights of that epoch. It
draws its random numbers from a seed of its own, and leaves those of everybody else alone.
"""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random as Generator
from typing import Any, NamedTuple

from autograd import random
from autograd.errors import nearest

from .. import optimizers
from ..arguments import choice
from ..callbacks import Callback
from ..callbacks.base import Logs
from ..data import check_batch_size
from ..errors import ArgumentError
from ..metrics.direction import higher_is_better
from ..model import Model
from ..optimizers import Optimizer
from ..optimizers.schedules import ExponentialDecay
from ..seed import kept_random_state, random_words, set_random_seed
from ..sequential import MLP
from .samples import Samples, callbacks_of
from .standard import Standard, head_of

COMPILE = ("optimizer", "learning_rate", "decay", "loss", "metrics")
FIT = (
    "batch_size",
    "epochs",
    "shuffle",
    "steps_per_epoch",
    "validation_batch_size",
    "validation_freq",
    "callbacks",
)
FIT_WATCHED = ("callbacks", "validation_batch_size", "validation_freq")
"""What is for who watches a run alone."""
DEFAULTS = {"batch_size": 32, "epochs": 20}
"""What is given to `fit` where nothing is said."""
MODE = choice("auto", "min", "max").but(words='is "auto", "min" or "max"')
Report = Callable[[int, float], bool]


class Outcome(NamedTuple):
    """What came out of a trial.

    `state` is "complete", "pruned", "failed" or "interrupted"; `value` is the best of `epochs` epochs,
    reached after `best_epoch` (from 0); `error` is the text of `exception`.
    """

    state: str
    value: float | None = None
    epochs: int = 0
    best_epoch: int | None = None
    seconds: float = 0.0
    error: str | None = None
    exception: BaseException | None = None
    model: Model | None = None


class MonitorError(ArgumentError):
    """The watched number is not in the logs: no trial of this search can have a value."""


class Diverged(ArithmeticError):  # noqa: N818 - an end, like StopIteration
    """The watched number is NaN or infinite."""


@dataclass(eq=False, repr=False)
class Watch(Callback):
    """Keeps the best epoch, reports every epoch, and stops when the report says so."""

    monitor: str
    maximize: bool
    report: Report
    patient: bool
    best: float | None = None
    best_epoch: int | None = None
    best_weights: dict[str, Any] = field(default_factory=dict)
    epochs: int = 0
    pruned: bool = False

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.epochs = epoch + 1
        value = logs.get(self.monitor)
        if value is None:
            if self.patient:
                return
            raise MonitorError(f"monitor={self.monitor!r} is not in the logs. There: {', '.join(logs)}.")
        if not math.isfinite(value):
            raise Diverged(f"{self.monitor} is {value} after epoch {epoch + 1}")
        if self.best is None or (value > self.best if self.maximize else value < self.best):
            self.best, self.best_epoch = value, epoch
            self.best_weights = self.model.state_dict()
        if self.report(epoch, value):
            self.pruned = self.model.stop_training = True


class Trainer:
    """Runs trials of one builder on one set of samples.

    Args:
        build: makes a model from parameters; None or `MLP` for a perceptron that fits y.
        samples: what to train and to judge on.
        tuned: the names that differ from trial to trial.
        fixed: parameters that do not.
        monitor, mode: the number of the logs to make small or large.

    Raises:
        ArgumentError: a name that neither build, compile nor fit takes, or one both tuned and fixed.
    """

    def __init__(
        self,
        build: Any,
        samples: Samples,
        tuned: Iterable[str],
        fixed: Mapping[str, Any],
        monitor: str,
        mode: str = "auto",
    ) -> None:
        MODE.checked("tune", "mode", mode)
        if (build is None or build is MLP) and samples.targets is None:
            raise ArgumentError("the standard perceptron reads its last layer off y; give a build")
        self.build = Standard(samples.targets) if build is None or build is MLP else build
        if not callable(self.build):
            raise ArgumentError(f"build is a function of parameters to a model, or None, got {build!r}")
        self.samples = samples
        self.fixed = dict(fixed)
        self.monitor = monitor
        self.maximize = mode == "max" or (mode == "auto" and higher_is_better(monitor))
        self._takes, self._takes_all = _parameters(self.build)
        tuned = list(tuned)
        if twice := sorted(set(tuned) & set(fixed)):
            raise ArgumentError(f"{', '.join(twice)}: both in the space and given as fixed")
        for name in [*tuned, *fixed]:
            self._check_name(name)
        given = {*tuned, *fixed}
        if missing := [n for n, required in self._takes.items() if required and n not in given]:
            raise ArgumentError(
                f"build needs {', '.join(missing)}: put it into the space, or give it as {missing[0]}=..."
            )

    def _check_name(self, name: str) -> None:
        known = [*self._takes, *COMPILE, *FIT]
        if name not in known and not self._takes_all:
            what = getattr(self.build, "__name__", type(self.build).__name__)
            what = "the standard perceptron" if isinstance(self.build, Standard) else what
            raise ArgumentError(
                f"unknown parameter {name!r}. {nearest(name, known)} {what} takes: "
                f"{', '.join(self._takes) or 'nothing'}; compile: {', '.join(COMPILE)}; fit: "
                f"{', '.join(FIT)}."
            )

    def run(self, parameters: Mapping[str, Any], seed: int, report: Report) -> Outcome:
        """Build, compile and fit once; errors of the trial are in the outcome.

        Args:
            report: told (epoch, value) after each epoch; True stops the trial as pruned.

        Raises:
            MonitorError: nothing can come of this search.
        """
        everything = {**DEFAULTS, **self.fixed, **parameters}
        patient = everything.get("validation_freq", 1) != 1
        watch = Watch(self.monitor, self.maximize, report, patient)
        start = time.perf_counter()

        def outcome(state: str, **more: Any) -> Outcome:
            seconds = time.perf_counter() - start
            return Outcome(state, watch.best, watch.epochs, watch.best_epoch, seconds, **more)

        with kept_random_state():
            set_random_seed(seed)
            try:
                model = self._model(everything)
                if self._fit(model, everything, watch):
                    return outcome("interrupted")
                if watch.best is None:
                    raise MonitorError(
                        f"monitor={self.monitor!r} was in the logs of no epoch of {watch.epochs}"
                    )
                model.load_state_dict(watch.best_weights | random_words(model))
            except MonitorError:
                raise
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                return outcome("failed", error=text, exception=error)._replace(value=None)
            except KeyboardInterrupt:
                return outcome("interrupted")
        return outcome("pruned" if watch.pruned else "complete", model=model)

    def refit(self, parameters: Mapping[str, Any], seed: int, epochs: int) -> Model:
        """A model that was trained for so many epochs, without callbacks; nothing is watched."""
        everything = {**DEFAULTS, **self.fixed, **parameters, "epochs": epochs}
        options = {n: v for n, v in everything.items() if n in FIT and n not in FIT_WATCHED}
        with kept_random_state():
            set_random_seed(seed)
            model = self._model(everything)
            model.fit(**{**self.samples.fit_arguments, **options}, verbose=0)
        return model

    def _model(self, parameters: Mapping[str, Any]) -> Model:
        own = {n: v for n, v in parameters.items() if n in self._takes}
        if self._takes_all:
            own |= {n: v for n, v in parameters.items() if n not in (*COMPILE, *FIT)}
        model = self.build(**{n: _fresh(v) for n, v in own.items()})
        if not isinstance(model, Model):
            raise ArgumentError(f"build returns a model, got {type(model).__name__} {model!r}")
        rest = {n: v for n, v in parameters.items() if n in COMPILE}
        if not isinstance(self.build, Standard):
            rest = {n: v for n, v in rest.items() if n not in self._takes}
        self._compile(model, rest, parameters)
        return model

    def _compile(self, model: Model, given: dict[str, Any], everything: Mapping[str, Any]) -> None:
        metrics = given.get("metrics", ())
        if isinstance(self.build, Standard):
            head = head_of(self.build.y, given.get("loss"))
            given["loss"] = head.loss
            metrics = given.get("metrics", head.metrics)
            given.setdefault("optimizer", "adam")
        if model.loss is None and given.get("loss") is None:
            raise ArgumentError(
                'build returned a model that is not compiled, so a loss is needed: loss="mse"'
            )
        if model.optimizer is None or {"optimizer", "loss", "metrics"} & set(given):
            model.compile(
                _fresh(given.get("optimizer", model.optimizer or "sgd")),
                given.get("loss", model.loss),
                metrics if "metrics" in given or not model.watched else model.watched,
                mixed_precision=model.mixed_precision,
            )
        if "learning_rate" in given or "decay" in given:
            self._set_rate(optimizers.get(model.optimizer), given, everything)

    def _set_rate(
        self, optimizer: Optimizer, given: Mapping[str, Any], everything: Mapping[str, Any]
    ) -> None:
        rate = given.get("learning_rate", optimizer.schedule or optimizer.learning_rate)
        decay = given.get("decay", 1)
        if decay == 1:
            optimizer.learning_rate = rate
            return
        if not isinstance(rate, (int, float)):
            raise ArgumentError(f"decay together with the schedule {rate!r}; give one of them")
        if not 0 < decay < 1:
            raise ArgumentError(
                "decay is what is left of the learning rate after an epoch, above 0 and at most 1, got "
                f"{decay!r}"
            )
        steps = everything.get("steps_per_epoch") or self.samples.steps(
            check_batch_size(everything["batch_size"])
        )
        optimizer.learning_rate = ExponentialDecay(rate, steps, decay)

    def _fit(self, model: Model, parameters: Mapping[str, Any], watch: Watch) -> bool:
        """Whether Ctrl-C ended it."""
        options = {n: v for n, v in parameters.items() if n in FIT and n != "callbacks"}
        callbacks = [*callbacks_of(parameters.get("callbacks")), watch]
        given = {**self.samples.fit_arguments, **options}
        return model.fit(**given, callbacks=callbacks, verbose=0).interrupted


def _parameters(build: Callable[..., Any]) -> tuple[dict[str, bool], bool]:
    """({name: whether it has to be given}, whether any other is taken too)."""
    try:
        signature = inspect.signature(build)
    except ValueError:
        return {}, True
    takes = {}
    for name, parameter in signature.parameters.items():
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            takes[name] = parameter.default is parameter.empty
        elif parameter.kind is parameter.POSITIONAL_ONLY and parameter.default is parameter.empty:
            raise ArgumentError(f"build gets its parameters by name, and {name!r} is positional-only")
    everything = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    return takes, everything


def _fresh(value: Any) -> Any:
    """An optimizer without the state that another trial left in it; anything else as it is."""
    if isinstance(value, Optimizer):
        return type(value).from_config(value.get_config())
    return value


def trial_seed(seed: int, number: int, what: str = "trial") -> int:
    """The seed of trial `number`, another for each, below 2**32."""
    return Generator(f"{what} {number} of {seed}").getrandbits(32)


def drawn_seed() -> int:
    """The next seed of a search from the default generator, below 2**63."""
    high, low = random.default_generator().bits((2,)).tolist()
    return int(high << 32 | low) >> 1
