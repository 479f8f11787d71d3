"""Model: define, compile, fit, evaluate, predict.

This file checks arguments and says what they mean; how epochs run is in `run.py`, what a step
does in `step.py`, what data is in `data.py` and `batches.py`. Everything that can be wrong with
the arguments is found before the first weight moves, and a call that raises all the same leaves
the model as it was (`restore.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from autograd import random

from . import optimizers
from .arguments import FLAG, SEED, TEXT, Range, floating
from .callbacks import Callback, CallbackList, History, as_list, display
from .calling import told
from .checkpoint.position import Position
from .compiled import Steps
from .errors import ArgumentError
from .evaluation import Evaluated
from .fit_arguments import FitArguments
from .host_inputs import host_call, host_inputs, host_validation
from .layers.host import HostLayer
from .losses import Loss
from .metrics import Metric
from .module import Module
from .optimizers import Optimizer
from .outputs import Outputs
from .overriding import check_methods
from .precision import LossScale, checked_precision, chosen_jit
from .predictor import Predictor
from .restore import undone_on_error
from .run import Run
from .seed import drawing_from

ONE_STEP = Range("is 1: callbacks are told of every batch,", least=1, most=1, whole=True)


class Model(Evaluated):
    """A module that can be trained. Use `Sequential` or `MLP`, or subclass and define `call(self, x)`.

    Args:
        dtype: of parameters and of the inputs given to `fit`, `evaluate` and `predict`; default float32. A
            model of placeholders has theirs.
        seed: an integer gives the model a generator of its own: initial weights, dropout, noise,
            augmentation and the order of rows are drawn from it and from nothing else, so models in several
            threads train as each would alone. It is saved with the model. None: all models and threads share
            the default generator (`nn.set_random_seed`).
        name: shown in summaries.
        trainable: False freezes it from the start.

    >>> import nn
    >>> class Line(nn.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.dense = nn.Dense(1)
    ...     def call(self, x):
    ...         return self.dense(x)
    >>> nn.set_random_seed(0)
    >>> model = Line()
    >>> model.compile(optimizer=nn.SGD(0.1), loss="mse")
    >>> history = model.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], epochs=200, verbose=0)
    >>> history.history["loss"][-1] < 1e-3
    True
    """

    not_settings = Module.not_settings.union(
        ("optimizer", "loss", "watched", "trackers", "jit", "mixed_precision", "loss_scale"),
        ("stop_training", "history", "current_run", "resume_position", "step_logs", "_predictor", "_steps"),
        ("seed", "generator", "graph", "_compiled_with"),
    )

    _input_dtype: str | None = None
    """The dtype that an `nn.Input` says, where it is not that of the model."""

    takes_structures = True
    """Whether a dict, or a list or tuple of arrays, is several inputs, and not rows."""

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        dtype: str | None = None,
        seed: int | None = None,
        trainable: bool = True,
    ) -> None:
        if isinstance(inputs, str):
            # models of one's own may give the dtype first
            inputs, dtype = None, inputs
        self.dtype = floating("float32" if dtype is None else dtype)
        self.name = TEXT.or_none().checked(type(self).__name__, "name", name)
        self.seed = SEED.checked(type(self).__name__, "seed", seed)
        self.generator = None if seed is None else random.Generator(int(seed))
        self.optimizer: Optimizer | None = None
        self.loss: Loss | None = None
        self.watched: list[Metric] = []
        self.trackers: list[Metric] = []
        self.step_logs: dict[str, Any] | None = None
        self.stop_training = False
        self.history: History | None = None
        self.current_run: Run | None = None
        self.resume_position: Position | None = None
        self.jit: Any = "auto"
        self.mixed_precision: str | None = None
        self.loss_scale: LossScale | None = None
        self._predictor: Predictor | None = None
        self._steps: dict[bool, Steps] = {}
        self._compiled_with: Outputs | None = None
        if inputs is not None or outputs is not None:
            self.take_graph(inputs, outputs, None if dtype is None else self.dtype)
        if trainable is not True:
            self.trainable = trainable

    @told
    def call(self, x: Any) -> Any:
        """What the graph of layers makes of x; a class of your own defines its own."""
        return self.wanted_graph().run(x) if self.graph is not None else super().call(x)

    @property
    def host_layer(self) -> HostLayer | None:
        """The layer that makes numbers of what is no tensor, where the model begins with one."""
        return None

    @property
    def dtype_of_x(self) -> str:
        """The dtype in which a model without placeholders is given its inputs."""
        return self._input_dtype or self.dtype

    def drawing(self) -> AbstractContextManager[None]:
        """A context in which draws come from the model's generator; for a training loop of your own.

        >>> import nn
        >>> model = nn.Sequential([nn.Dropout(0.5)], seed=1)
        >>> with model.drawing():
        ...     once = model([[1.0, 2.0, 3.0]], training=True)
        """
        return drawing_from(self, self.generator)

    def __call__(self, *inputs: Any, training: bool | None = None, **named: Any) -> Any:
        inputs = host_call(self, inputs)
        try:
            if self.generator is None:
                return super().__call__(*inputs, training=training, **named)
            with self.drawing():
                return super().__call__(*inputs, training=training, **named)
        except RecursionError as error:
            raise ArgumentError(
                f"{type(self).__name__}: the calls inside go deeper than Python's recursion limit of "
                f"{sys.getrecursionlimit()} (sys.setrecursionlimit): too many models inside models, or a "
                "call that calls itself"
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: without what was compiled, which is made again."""
        return super().__getstate__() | {"_predictor": None, "_steps": {}, "current_run": None}

    def compile(
        self,
        optimizer: Any = "sgd",
        loss: Any = None,
        metrics: Any = (),
        jit: Any = "auto",
        mixed_precision: str | None = None,
        loss_weights: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool | None = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Choose how to train. Names ("adam", "mse", "accuracy") or objects.

        Args:
            optimizer: an `Optimizer` or its name.
            loss: a `Loss`, its name, or a function of (y_true, y_pred) to a value per sample. For several
                outputs one for all, or a list or dict of them by output; None where an output has none.
            metrics: what else to watch, unweighted: `Metric` objects, names,
                functions; a list of them, or one. For several outputs a list or dict of these by output.
            jit: "auto" compiles the steps of training, evaluation and prediction, and
                runs those that cannot be traced as they are, which the log tells once; True
                raises then; False never compiles.
            mixed_precision: "tf32", "bfloat16" or "float16": compiled steps round the operands of
                matrix products to this format, all else stays float32. "float16" scales the loss
                (`loss_scale`). None: all is float32.
            loss_weights: what the loss of each output is multiplied with in the sum, a list or dict.
            weighted_metrics: the same as `metrics`, multiplied with the weights of samples and classes.
            run_eagerly, jit_compile: Keras's words for `jit`: run_eagerly=True is jit=False.
            steps_per_execution: 1; `fit` decides itself how many steps one call runs.
            auto_scale_loss: False leaves the loss unscaled in "float16", too.

        Raises:
            ArgumentError: unknown names, with the nearest known one; `mixed_precision` with `jit=False`
                or a model that is not float32. Nothing changes then.
        """
        jit = chosen_jit(jit, run_eagerly, jit_compile)
        scaled = FLAG.checked("compile", "auto_scale_loss", auto_scale_loss)
        ONE_STEP.checked("compile", "steps_per_execution", steps_per_execution)
        precision = checked_precision(mixed_precision, jit, self.dtype)
        check_methods(self, precision)
        chosen = Outputs.of(loss, loss_weights, metrics, weighted_metrics)
        chosen_optimizer = optimizers.get(optimizer)
        shape = self.output_shape if self.built else None
        found = chosen.resolved(self, shape)
        self.optimizer, self._compiled_with = chosen_optimizer, chosen._replace(waits=shape is None)
        self.loss, self.trackers = found.loss, found.trackers
        self.watched = found.metrics
        self.jit, self.mixed_precision = jit, precision
        self.loss_scale = LossScale() if precision == "float16" and scaled else None
        self._predictor, self._steps = None, {}

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = 32,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Callback | Iterable[Callback] | None = (),
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | str | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Collection[int] | int = 1,
    ) -> History:
        """Train for `epochs` passes over the data.

        Args:
            x: inputs (n, ...): array, tensor, nested lists, data frame; or an iterable of (x, y[,
                weight]) batches, such as a generator or a data loader.
            y: targets, one per row.
            batch_size: rows per step; the last batch of an epoch may be smaller.
            epochs: number of the epoch to stop before; `initial_epoch` is where to start.
            verbose: 0 silent, 1 a bar, and a line that each epoch leaves, 2 the lines alone;
                "auto" is 1 on a screen and 2 elsewhere.
            callbacks: `nn.Callback` objects, or one.
            validation_split: the fraction of the last rows, before
                shuffling, to evaluate on after each epoch.
            validation_data: (x, y) or (x, y, weight) to evaluate on instead; it counts where both are given.
            shuffle: a new order for each pass over the rows.
            class_weight: {class: weight}, 1 for those that are not in it; or "balanced", by which every class
                counts as much as any other; or
            sample_weight: a weight per row; both multiply the loss of a row.
            steps_per_epoch: batches of an epoch, which begins where the one before ended. Rows are passed
                over again when they are used up; an epoch in which that happens is shorter.
            validation_steps: the most batches to evaluate on, the same ones each time.
            validation_batch_size: rows per step of the evaluation; default `batch_size`.
            validation_freq: evaluate after every so many epochs; or a list of epochs, from 1, after which.

        Returns:
            The `History`: per epoch the mean loss and metrics over rows, while
                weights move. Ctrl-C ends training
            after the step and returns what there is; a second Ctrl-C is a KeyboardInterrupt.

        Raises:
            ArgumentError, DataError, ShapeError: what is wrong with the arguments,
                before the callbacks are told of a run.
            An error before the end of the first step, wherever it comes from, leaves model, optimizer and
            random numbers as they were; a later one as they were after the last whole step.
        """
        self.compiled_loss("fit")
        x, validation_data = host_inputs(self, x), host_validation(self, validation_data)
        arguments = FitArguments(
            x,
            y,
            batch_size,
            epochs,
            validation_split,
            validation_data,
            shuffle,
            class_weight,
            sample_weight,
            initial_epoch,
            steps_per_epoch,
            validation_steps,
            validation_batch_size,
            validation_freq,
        )
        with self.drawing(), undone_on_error(self) as attempt:
            data, validation = arguments.data_of(self)
            history, shown = History(), display(verbose)
            everyone = [*as_list(callbacks), *([shown] if shown else []), history]
            params = {
                "epochs": arguments.passes,
                "first_epoch": initial_epoch,
                "last_epoch": epochs,
                "steps": data.length(),
                "verbose": verbose,
            }
            watchers = CallbackList(everyone, self, params)
            run = Run(self, data, validation, watchers, history, initial_epoch, epochs, validation_freq)
            run.rehearse()
            self.history, self.current_run = history, run
            try:
                run.go(attempt.keep)
            finally:
                self.current_run = None
        return history
