"""Model: define, compile, fit, evaluate, predict.

This file checks arguments, runs epochs and keeps the log. What a step does is in `step.py`, what data is in `data.py`.
Everything that can be wrong with the arguments is found before the first weight moves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import autograd as ag
from autograd import Tensor, no_grad

from . import losses, metrics, optimizers, saving
from .callbacks import Callback, CallbackList, History, as_list, display
from .data import (
    ArrayData,
    IterableData,
    Rows,
    check_batch_size,
    check_lengths,
    check_repeatable,
    features,
    is_iterable_of_batches,
    sample_weights,
    split_validation,
    targets,
)
from .errors import ArgumentError, NotCompiledError
from .losses import Loss
from .metrics import Metric
from .optimizers import Optimizer
from .presentable import Presentable
from .step import Task, evaluate_step, task_of, train_step

Data = ArrayData | IterableData


class Model(Presentable):
    """A module that can be trained. Use `Sequential` or `MLP`, or subclass and define `call(self, x)`.

    Args:
        dtype: of parameters and of the inputs given to `fit`, `evaluate` and `predict`.

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
    >>> history = model.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], epochs=200)
    >>> history.history["loss"][-1] < 1e-3
    True
    """

    def __init__(self, dtype: str = "float32") -> None:
        self.dtype = _floating(dtype)
        self.optimizer: Optimizer | None = None
        self.loss: Loss | None = None
        self.metrics: list[Metric] = []
        self.trackers: list[Metric] = []
        self.stop_training = False

    def compile(
        self,
        optimizer: Any = "sgd",
        loss: Any = None,
        metrics: Any = (),
        jit: Any = "auto",
    ) -> None:
        """Choose how to train. Names ("adam", "mse", "accuracy") or objects.

        Args:
            optimizer: an `Optimizer` or its name.
            loss: a `Loss`, its name, or a function of (y_true, y_pred) to a value per sample.
            metrics: what else to watch, unweighted: `Metric` objects, names, functions; a list of them, or one.
            jit: "auto" compiles steps where a compiled backend is installed; False never.

        Raises:
            ArgumentError: unknown names, with the nearest known one. Nothing changes then.
        """
        if jit not in ("auto", False):
            raise ArgumentError(
                f'jit is "auto" or False: no installed backend compiles, got {jit!r}'
            )
        chosen_loss = None if loss is None else losses.get(loss)
        one = isinstance(metrics, (str, Metric)) or callable(metrics)
        chosen_metrics = [_metric(metric) for metric in ([metrics] if one else metrics or ())]
        chosen_optimizer = optimizers.get(optimizer)
        given = [metric.name for metric in chosen_metrics]
        if len(set(given)) < len(given):
            raise ArgumentError(f"two metrics have the same name: {', '.join(given)}")
        self.optimizer, self.loss, self.metrics = chosen_optimizer, chosen_loss, chosen_metrics
        self.trackers = [Metric("loss"), *chosen_metrics]

    def _compiled_loss(self, what: str) -> Loss:
        if self.optimizer is None or self.loss is None:
            raise NotCompiledError(f"{what}: call compile(optimizer=..., loss=...) first")
        return self.loss

    def _task(self, x: Tensor) -> Task:
        if not self.built:
            self.ensure_built(x)
        return task_of(self)

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Callback | Iterable[Callback] | None = (),
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
    ) -> History:
        """Train for `epochs` passes over the data.

        Args:
            x: inputs (n, ...): array, tensor, nested lists, data frame; or an iterable of (x, y[, weight]) batches.
            y: targets, one per row.
            batch_size: rows per step; the last batch of an epoch may be smaller.
            epochs: number of the epoch to stop before; `initial_epoch` is where to start.
            verbose: "auto" (a bar on a screen), 0 silent, 1 bar, 2 a line per epoch.
            callbacks: `nn.Callback` objects, or one.
            validation_split: the fraction of the last rows, before shuffling, to evaluate on after each epoch.
            validation_data: (x, y) or (x, y, weight) to evaluate on instead.
            shuffle: a new order each epoch.
            class_weight: {class: weight}, or
            sample_weight: a weight per row; both multiply the loss of a row.

        Returns:
            The `History`: per epoch the mean loss and metrics over rows, while weights move.

        Raises:
            ArgumentError, DataError, ShapeError: before any weight has changed.
        """
        self._compiled_loss("fit")
        _check_epochs(epochs, initial_epoch)
        if validation_split and validation_data is not None:
            raise ArgumentError("validation_split and validation_data together; give one")
        if not isinstance(validation_split, Real) or not 0 <= validation_split < 1:
            raise ArgumentError(f"validation_split lies in [0, 1), got {validation_split!r}")
        passes = max(epochs - initial_epoch, 0)
        validation: Data | None = None
        if validation_data is not None:
            validation = self._validation(validation_data, batch_size, passes)
        if is_iterable_of_batches(x):
            data: Data = self._batches(x, y, validation_split, class_weight, sample_weight)
            check_repeatable("x", x, passes)
        else:
            size = check_batch_size(batch_size)
            rows = self._rows(x, y, sample_weight, class_weight)
            if validation_split:
                rows, held_out = split_validation(rows, validation_split)
                validation = ArrayData(held_out, size)
            data = ArrayData(rows, size, shuffle)
        history, shown = History(), display(verbose)
        everyone = [history, *as_list(callbacks), *([shown] if shown else [])]
        steps = len(data) if isinstance(data, ArrayData) else None
        params = {"epochs": passes, "last_epoch": epochs, "steps": steps, "verbose": verbose}
        watchers = CallbackList(everyone, self, params)
        self._run_epochs(data, validation, watchers, initial_epoch, epochs)
        return history

    def _run_epochs(
        self, data: Data, validation: Data | None, callbacks: CallbackList, first: int, last: int
    ) -> None:
        task: Task | None = None
        self.stop_training = False
        was_training = self.training
        logs: dict[str, float] = {}
        callbacks.call("on_train_begin")
        try:
            for epoch in range(first, last):
                self.train()
                callbacks.call("on_epoch_begin", epoch)
                self._reset()
                for number, (x, y, weight) in enumerate(data):
                    task = task or self._task(x)
                    train_step(task, x, _given(y), weight)
                    if callbacks.watches_batches:
                        callbacks.call("on_train_batch_end", number, self._logs())
                    if self.stop_training:
                        break
                logs = self._logs()
                if validation is not None:
                    logs |= {
                        f"val_{name}": value for name, value in self._measure(validation).items()
                    }
                callbacks.call("on_epoch_end", epoch, logs)
                if self.stop_training:
                    break
        finally:
            self.train(was_training)
            callbacks.call("on_train_end", logs)

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

        Returns:
            The loss, or a list [loss, metrics...] when there are metrics, or a dict with `return_dict`.
        """
        self._compiled_loss("evaluate")
        if is_iterable_of_batches(x):
            data: Data = self._batches(x, y, 0, None, sample_weight)
        else:
            size = check_batch_size(batch_size)
            data = ArrayData(self._rows(x, y, sample_weight, None), size)
        return self._report(self._measure(data), return_dict)

    def predict(self, x: Any, batch_size: int = 32, verbose: Any = "auto") -> Any:
        """The outputs for inputs (n, ...) as a NumPy array (n, ...), computed in batches."""
        size = check_batch_size(batch_size)
        if is_iterable_of_batches(x):
            batches: Iterable[Any] = IterableData(x, self.dtype)
        else:
            inputs = features(x, self.dtype)
            check_lengths(inputs, None, None)
            batches = ArrayData(Rows(inputs), size)
        with no_grad():
            parts = [self(batch[0], training=False) for batch in batches]
        return ag.concat(parts, axis=0).numpy()

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One step on one batch; returns the loss and metrics of this batch, as `evaluate` does."""
        batch = self._rows(x, y, sample_weight, class_weight)
        was_training = self.training
        self._reset()
        self.train()
        try:
            train_step(task_of(self), batch.x, _given(batch.y), batch.weight)
        finally:
            self.train(was_training)
        return self._report(self._logs(), return_dict)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write architecture, weights and optimizer to one file (safetensors with JSON inside; no code).

        The file appears complete or not at all. Read it with `nn.load(path)`.
        """
        saving.save(self, path)

    def ensure_built(self, x: Tensor) -> tuple[int | None, ...]:
        """Build the model with one row of `x`, which also checks that it fits; returns the output shape."""
        with no_grad():
            output = self(x[:1], training=False)
        return (None, *output.shape[1:])

    def _rows(
        self, x: Any, y: Any, sample_weight: Any, class_weight: Mapping[int, float] | None
    ) -> Rows:
        """The arguments as rows, checked against each other, the model and the loss."""
        if y is None:
            raise ArgumentError("y is missing: training and evaluation need targets")
        loss = self._compiled_loss("fit")
        inputs, labels = features(x, self.dtype), targets(y)
        check_lengths(inputs, labels, None)
        weight = sample_weights(labels, sample_weight, class_weight)
        check_lengths(inputs, labels, weight)
        return Rows(inputs, loss.check(labels, self.ensure_built(inputs)), weight)

    def _batches(
        self, source: Any, y: Any, validation_split: float, class_weight: Any, sample_weight: Any
    ) -> IterableData:
        given = {
            "y": y is not None,
            "validation_split": bool(validation_split),
            "class_weight": class_weight is not None,
            "sample_weight": sample_weight is not None,
        }
        for name, present in given.items():
            if present:
                raise ArgumentError(
                    f"{name} cannot be given with an iterable of batches; put it into the batches"
                )
        return IterableData(source, self.dtype, self._checked)

    def _checked(self, batch: Rows) -> Rows:
        """A batch that the user yielded, with the same checks of its targets as rows in memory get."""
        shape = self.output_shape
        if shape is None or self.seen_shape is None or self.seen_shape[1:] != batch.x.shape[1:]:
            shape = self.ensure_built(batch.x)
        return batch._replace(y=self._compiled_loss("fit").check(_given(batch.y), shape))

    def _validation(self, data: Any, batch_size: int, epochs: int) -> Data:
        if is_iterable_of_batches(data):
            check_repeatable("validation_data", data, epochs)
            return IterableData(data, self.dtype, self._checked)
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise ArgumentError("validation_data is (x, y) or (x, y, sample_weight)")
        rows = self._rows(data[0], data[1], data[2] if len(data) == 3 else None, None)
        return ArrayData(rows, check_batch_size(batch_size))

    def _measure(self, data: Data) -> dict[str, float]:
        task: Task | None = None
        was_training = self.training
        self.eval()
        self._reset()
        try:
            for x, y, weight in data:
                task = task or self._task(x)
                evaluate_step(task, x, _given(y), weight)
        finally:
            self.train(was_training)
        return self._logs()

    def _reset(self) -> None:
        for metric in self.trackers:
            metric.reset()

    def _logs(self) -> dict[str, float]:
        return {metric.name: metric.result() for metric in self.trackers}

    def _report(self, logs: dict[str, float], return_dict: bool) -> Any:
        if return_dict:
            return logs
        return list(logs.values()) if len(logs) > 1 else logs["loss"]


def _given(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise ArgumentError("y is missing: each batch needs (x, y)")
    return tensor


def _metric(metric: Any) -> Metric:
    chosen = metrics.get(metric)
    if chosen.name == "loss":
        raise ArgumentError("a metric cannot be called 'loss'")
    return chosen


def _floating(dtype: Any) -> str:
    known = ag.zeros((), dtype).dtype
    if known.kind != "f":
        raise ArgumentError(f"the dtype of a model is floating, got {dtype!r}")
    return known.name


def _check_epochs(epochs: Any, initial_epoch: Any) -> None:
    for name, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
            raise ArgumentError(f"{name} is an integer >= 0, got {value!r}")
