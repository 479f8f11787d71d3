"""Model: define, compile, fit, evaluate, predict.

This file checks arguments and says what they mean; how epochs run is in `run.py`, what a step
does in `step.py`, what data is in `data.py` and `batches.py`. Everything that can be wrong with
the arguments is found before the first weight moves, and a call that raises all the same leaves
the model as it was (`restore.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from autograd import Tensor, no_grad, random

from . import optimizers
from .added import gathered_losses
from .arguments import FLAG, SEED, TEXT, Range, floating
from .batches import ArrayData, Data, IterableData, is_iterable_of_batches
from .callbacks import Callback, CallbackList, History, as_list, display, progress, shows_progress
from .checkpoint.position import Position
from .compiled import Steps
from .data import Rows, check_batch_size, check_lengths
from .errors import NotCompiledError, stop_iteration_is_an_error
from .fit_arguments import FitArguments, batches_of, given, refuse_beside_batches, rows_of
from .host_inputs import host_call, host_inputs, host_validation
from .inputs import inputs_of
from .layers.host import HostLayer
from .losses import Loss
from .metrics import Metric
from .module import Module
from .optimizers import Optimizer
from .outputs import Outputs
from .overriding import check_methods, overrides
from .precision import LossScale, checked_precision, chosen_jit
from .predictor import Predictor, joined
from .restore import undone_on_error
from .run import Run
from .seed import drawing_from
from .step import Task, checked_output, task_of, train_step
from .storable import Storable
from .structured import is_shape, mapped, picked, shapes_of, shapes_without_rows

ONE_STEP = Range("is 1: callbacks are told of every batch,", least=1, most=1, whole=True)


class Model(Storable):
    """A module that can be trained. Use `Sequential` or `MLP`, or subclass and define `call(self, x)`.

    Args:
        dtype: of parameters and of the inputs given to `fit`, `evaluate` and `predict`.
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
        ("optimizer", "loss", "metrics", "trackers", "jit", "mixed_precision", "loss_scale"),
        ("stop_training", "history", "current_run", "resume_position", "step_logs", "_predictor", "_steps"),
        ("seed", "generator", "graph", "_compiled_with"),
    )

    takes_structures = True
    """Whether a dict, or a list or tuple of arrays, is several inputs, and not rows."""

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        dtype: str = "float32",
        seed: int | None = None,
        trainable: bool = True,
    ) -> None:
        if isinstance(inputs, str):
            # models of one's own may give the dtype first
            inputs, dtype = None, inputs
        self.dtype = floating(dtype)
        self.name = TEXT.or_none().checked(type(self).__name__, "name", name)
        self.seed = SEED.checked(type(self).__name__, "seed", seed)
        self.generator = None if seed is None else random.Generator(int(seed))
        self.optimizer: Optimizer | None = None
        self.loss: Loss | None = None
        self.metrics: list[Metric] = []
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
            self.take_graph(inputs, outputs)
        if trainable is not True:
            self.trainable = trainable

    def call(self, x: Any) -> Any:
        """What the graph of layers makes of x; a class of your own defines its own."""
        return self.wanted_graph().run(x) if self.graph is not None else super().call(x)

    @property
    def host_layer(self) -> HostLayer | None:
        """The layer that makes numbers of what is no tensor, where the model begins with one."""
        return None

    def drawing(self) -> AbstractContextManager[None]:
        """A context in which draws come from the model's generator; for a training loop of your own.

        >>> import nn
        >>> model = nn.Sequential([nn.Dropout(0.5)], seed=1)
        >>> with model.drawing():
        ...     once = model([[1.0, 2.0, 3.0]], training=True)
        """
        return drawing_from(self, self.generator)

    def __call__(self, *inputs: Any, training: bool | None = None) -> Any:
        inputs = host_call(self, inputs)
        if self.generator is None:
            return super().__call__(*inputs, training=training)
        with self.drawing():
            return super().__call__(*inputs, training=training)

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
        run_eagerly: bool = False,
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
        self.optimizer, self._compiled_with = chosen_optimizer, chosen
        self.loss, self.trackers = found.loss, found.trackers
        self.metrics = found.metrics
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
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
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
            validation_data: (x, y) or (x, y, weight) to evaluate on instead.
            shuffle: a new order each epoch.
            class_weight: {class: weight}, or
            sample_weight: a weight per row; both multiply the loss of a row.
            steps_per_epoch: batches of an epoch; a generator then goes on from epoch to epoch.
            validation_batch_size: rows per step of the evaluation; default `batch_size`.
            validation_freq: evaluate after every so many epochs.

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

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        sample_weight: Any = None,
        return_dict: bool = False,
        verbose: Any = "auto",
    ) -> Any:
        """Loss and metrics on data, without training.

        `verbose` 1 shows a bar and leaves a line, 2 the line alone, 0 nothing; "auto" shows a bar on a
        screen if it takes longer than a moment.

        Returns:
            The loss, or a list [loss, metrics...] when there are metrics, or a dict with `return_dict`.
        """
        self.compiled_loss("evaluate")
        return_dict = FLAG.checked("evaluate", "return_dict", return_dict)
        size = check_batch_size(32 if batch_size is None else batch_size)
        x = host_inputs(self, x)
        with self.drawing(), undone_on_error(self):
            if is_iterable_of_batches(x):
                refuse_beside_batches(y=y, sample_weight=sample_weight)
                data: Data = batches_of(self, x)
            else:
                data = ArrayData(rows_of(self, x, y, sample_weight, None), size)
            return self._report(self.measure(data, verbose), return_dict)

    def predict(self, x: Any, batch_size: int = 32, verbose: Any = "auto") -> Any:
        """The outputs for inputs (n, ...) as a NumPy array (n, ...), computed in batches.

        `verbose` is that of `evaluate`.
        """
        x = host_inputs(self, x)
        if self._predictor is not None and (verbose == "auto" or not verbose):
            quick = self._predictor.quickly(x, batch_size)
            if quick is not None:
                return quick
        size = check_batch_size(batch_size)
        if is_iterable_of_batches(x):
            batches: Data = IterableData(x, partial(inputs_of, self))
        else:
            rows = Rows(inputs_of(self, x))
            check_lengths(rows.x, None, None)
            batches = ArrayData(rows, size)
        with self.drawing(), nullcontext() if self.built else undone_on_error(self):
            forward = self._compiled_forward()
            if not isinstance(batches, ArrayData) or shows_progress(verbose):
                parts = [self._outputs_for(b.x, b.number)[0] for b in progress(batches, "predict", verbose)]
                return mapped(joined(parts), Tensor.numpy)
            inputs = batches.rows.x
            outputs, runs = self._outputs_for(inputs, size)
            if runs is None:
                return mapped(outputs, Tensor.numpy)
            if (inputs.shape, inputs.dtype) == (getattr(x, "shape", None), getattr(x, "dtype", None)):
                forward.remember(x, batch_size, runs)
            return outputs.numpy()

    def _outputs_for(self, x: Any, size: int) -> tuple[Any, Any]:
        """The outputs, and in which parts they were computed where that is known."""
        forward = self._compiled_forward()
        if not self.built:
            self.ensure_built(picked(x, slice(size)))
        if isinstance(x, Tensor) and is_shape(self.output_shape):
            return forward(x, size)
        return forward.batches(x, size), None

    def _compiled_forward(self) -> Predictor:
        """The forward pass; made anew when the model has other settings."""
        if self._predictor is None or self._predictor.jit != self.jit:
            self._predictor = Predictor(self)
        return self._predictor

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One step on one batch; returns the loss and metrics of this batch, as `evaluate` does."""
        self.compiled_loss("train_on_batch")
        return_dict = FLAG.checked("train_on_batch", "return_dict", return_dict)
        x = host_inputs(self, x)
        with self.drawing(), undone_on_error(self):
            batch = rows_of(self, x, y, sample_weight, class_weight)
            was_training = self.training
            self.reset_metrics()
            self.train()
            if self.optimizer is not None:
                self.optimizer.check_rate()
            # a single step is not worth compiling, unless it would compute something else
            own = overrides(self, "train_step") or overrides(self, "compute_metrics")
            kept = self.mixed_precision or own
            step = self.kept_steps(batch.x, True) if kept else partial(train_step, task_of(self))
            try:
                with stop_iteration_is_an_error("train_step"):
                    step(batch.x, given(batch.y), batch.weight)
            finally:
                self.train(was_training)
            return self._report(self.metric_values(), return_dict)

    def ensure_built(self, x: Any) -> Any:
        """Build the model with one row of `x`, which also checks that it fits; returns the shape of the
        output, or of several the structure of shapes.
        """
        row = picked(x, slice(1))
        with no_grad(), gathered_losses(), stop_iteration_is_an_error(type(self).__name__):
            output = checked_output(self, self(row, training=False), row)
        shape = shapes_of(output)
        self.settle_outputs(shape)
        return shape

    def settle_outputs(self, shape: Any) -> None:
        """Give each output its loss and metrics, once it is known which outputs there are."""
        if self._compiled_with is not None and self._compiled_with.waits:
            found = self._compiled_with.resolved(self, shape)
            self.loss, self.trackers, self.metrics = found.loss, found.trackers, found.metrics
            self._compiled_with = self._compiled_with._replace(waits=False)

    def task(self, x: Any) -> Task:
        """What a step works on; builds the model with `x` if need be."""
        if not self.built:
            self.ensure_built(x)
        return task_of(self)

    def measure(self, data: Data, verbose: Any = 0, watchers: CallbackList | None = None) -> dict[str, float]:
        """Loss and metrics on batches, in evaluation mode; `watchers` are told of each batch."""
        steps: Steps | None = None
        was_training = self.training
        self.eval()
        self.reset_metrics()
        try:
            if isinstance(data, ArrayData) and not shows_progress(verbose) and watchers is None:
                steps = self.kept_steps(data.rows.x, False)
                for _ in steps.chunks(data, 0, one_by_one=False):
                    pass
            else:
                watched = progress(data, "evaluate", verbose, self.metric_values)
                for number, (x, y, weight) in enumerate(watched):
                    if watchers is not None:
                        watchers.call("on_test_batch_begin", number, {})
                    steps = steps or self.kept_steps(x, False)
                    steps(x, given(y), weight)
                    if watchers is not None:
                        watchers.call("on_test_batch_end", number, self.metric_values(after_batch=True))
        finally:
            self.train(was_training)
        return self.metric_values()

    def kept_steps(self, x: Any, training: bool) -> Steps:
        """Steps on this model; the same as last time where nothing that they depend on has changed."""
        task, known = self.task(x), self._steps.get(training)
        if known is None or not known.serves(task):
            known = self._steps[training] = Steps(self, task, training)
        return known

    def compiled_loss(self, what: str) -> Loss:
        """The loss, or the error that `what` comes before `compile`."""
        if self.optimizer is None or self.loss is None:
            raise NotCompiledError(f"{what}: call compile(optimizer=..., loss=...) first")
        return self.loss

    def checked(self, batch: Rows) -> Rows:
        """A batch that the user yielded, with the same checks of its targets as rows in memory get."""
        shape = self.output_shape
        seen = None if self.seen_shape is None else shapes_without_rows(self.seen_shape)
        if shape is None or seen != mapped(batch.x, lambda leaf: leaf.shape[1:]):
            shape = self.ensure_built(batch.x)
        return batch._replace(y=self.compiled_loss("fit").check(given(batch.y), shape))

    def _report(self, logs: dict[str, float], return_dict: bool) -> Any:
        values = list(logs.values())
        return logs if return_dict else values[0] if len(values) == 1 else values
