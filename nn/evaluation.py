"""What a model does besides `fit`: evaluate, predict, one batch at a time; and what these share with it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from autograd import Tensor, no_grad

from .added import gathered_losses
from .arguments import COUNT, FLAG
from .batches import ArrayData, Data, IterableData, is_iterable_of_batches
from .callbacks import CallbackList, as_list, progress, shows_progress
from .compiled import Steps
from .data import Rows, check_batch_size, check_lengths
from .errors import NotCompiledError, stop_iteration_is_an_error
from .fit_arguments import data_of, given, rows_of
from .host_inputs import host_inputs
from .inputs import inputs_of
from .losses import Loss
from .losses.base import FunctionLoss
from .optimizers import Optimizer
from .outputs import Outputs, output_names
from .overriding import has_own_loss, overrides
from .predictor import Predictor, joined
from .restore import undone_on_error
from .sparse import SparseData, is_sparse
from .step import Task, checked_output, task_of, train_step
from .storable import Storable
from .structured import is_shape, mapped, picked, rows_in, shapes_of, shapes_without_rows, sole

if TYPE_CHECKING:
    from .model import Model

DEFAULT_SIZE = 32
"""Rows of a batch, where nothing is said."""


class Evaluated(Storable):
    """Base of models: what can be done with one that is compiled, besides training it."""

    optimizer: Optimizer | None
    loss: Loss | None
    jit: Any
    dtype: str
    mixed_precision: str | None
    _predictor: Predictor | None
    _steps: dict[bool, Steps]
    _compiled_with: Outputs | None

    if TYPE_CHECKING:

        def drawing(self) -> AbstractContextManager[None]: ...

    @property
    def _whole(self) -> Model:
        return cast("Model", self)

    @overload
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        *,
        return_dict: Literal[True],
    ) -> dict[str, Any]: ...

    @overload
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any: ...

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on data, without training.

        Args:
            x, y, sample_weight: as in `fit`; or x alone, an iterable of batches.
            batch_size: rows per step; default 32.
            verbose: 1 shows a bar and leaves a line, 2 the line alone, 0 nothing; "auto" shows a bar on a
                screen if it takes longer than a moment.
            steps: the most batches to look at.
            callbacks: told of the evaluation and of each batch.
            return_dict: numbers by name.

        Returns:
            The loss, or a list [loss, metrics...] when there are metrics, or a dict with `return_dict`.
        """
        self.compiled_loss("evaluate")
        return_dict = FLAG.checked("evaluate", "return_dict", return_dict)
        size = check_batch_size(DEFAULT_SIZE if batch_size is None else batch_size)
        count = COUNT.or_none().checked("evaluate", "steps", steps)
        x = host_inputs(self._whole, x)
        with self.drawing(), undone_on_error(self._whole):
            data = data_of(self._whole, x, y, sample_weight, size, count)
            watchers = self._watchers(callbacks, data, verbose)
            watchers.call("on_test_begin", {})
            watched = watchers if watchers.watches_test_batches else None
            values = self.measure(data, verbose, watched)
            watchers.call("on_test_end", values)
            return self._report(values, return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for inputs (n, ...) as a NumPy array (n, ...), computed in batches; for several outputs
        a list or dict of arrays.

        Args:
            x: as in `fit`.
            batch_size: rows per batch; default 32.
            verbose: as in `evaluate`.
            steps: the most batches to compute.
            callbacks: told of the prediction and of each batch.
        """
        size = DEFAULT_SIZE if batch_size is None else batch_size
        plain = steps is None and not callbacks
        if plain and self._predictor is not None and (verbose == "auto" or not verbose):
            quick = self._predictor.quickly(x, size)
            if quick is not None:
                return quick
        x, size = host_inputs(self._whole, x), check_batch_size(size)
        count = COUNT.or_none().checked("predict", "steps", steps)
        data = self._inputs_alone(x, size, count)
        with self.drawing(), nullcontext() if self.built else undone_on_error(self._whole):
            forward = self._compiled_forward()
            if callbacks or not isinstance(data, ArrayData) or shows_progress(verbose):
                return mapped(joined(self._batch_by_batch(data, verbose, callbacks)), Tensor.numpy)
            inputs = data.rows.x
            outputs, runs = self._outputs_for(inputs, size)
            if runs is None:
                return mapped(outputs, Tensor.numpy)
            # what a layer of the host is given is not what the short way would take
            if plain and self._whole.host_layer is None and _are_alike(inputs, x):
                forward.remember(x, size, runs)
            return outputs.numpy()

    def _inputs_alone(self, x: Any, size: int, steps: int | None) -> Data:
        """The batches of inputs to predict."""
        if is_sparse(x):
            return SparseData(x, partial(inputs_of, self._whole), Rows(None), size, steps=steps)
        if is_iterable_of_batches(x):
            return IterableData(x, partial(inputs_of, self._whole), steps=steps, restarts=True)
        rows = Rows(inputs_of(self._whole, x))
        check_lengths(rows.x, None, None)
        return ArrayData(rows if steps is None else rows.pick(slice(steps * size)), size)

    def _batch_by_batch(self, data: Data, verbose: Any, callbacks: Any) -> list[Any]:
        """The outputs of each batch; everybody is told."""
        watchers, parts = self._watchers(callbacks, data, verbose), []
        watchers.call("on_predict_begin", {})
        for number, batch in enumerate(progress(data, "predict", verbose)):
            watchers.call("on_predict_batch_begin", number, {})
            parts.append(self._outputs_for(batch.x, rows_in(batch.x))[0])
            watchers.call("on_predict_batch_end", number, {"outputs": parts[-1]})
        watchers.call("on_predict_end", {})
        return parts

    def _watchers(self, callbacks: Any, data: Data, verbose: Any) -> CallbackList:
        params = {"epochs": 1, "steps": data.length(), "verbose": verbose}
        return CallbackList(as_list(callbacks), self._whole, params)

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
            self._predictor = Predictor(self._whole)
        return self._predictor

    @overload
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        *,
        return_dict: Literal[True],
    ) -> dict[str, Any]: ...

    @overload
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any: ...

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
        x = host_inputs(self._whole, x)
        with self.drawing(), undone_on_error(self._whole):
            rows = x.toarray() if is_sparse(x) else x
            batch = rows_of(self._whole, rows, y, sample_weight, class_weight)
            was_training = self.training
            self.reset_metrics()
            self.train()
            if self.optimizer is not None:
                self.optimizer.check_rate()
            # a single step is not worth compiling, unless it would compute something else
            own = overrides(self._whole, "train_step") or overrides(self._whole, "compute_metrics")
            kept = self.mixed_precision or own
            step = self.kept_steps(batch.x, True) if kept else partial(train_step, task_of(self._whole))
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
            output = checked_output(self._whole, self(row, training=False), row)
        shape = shapes_of(output)
        self.settle_outputs(shape)
        return shape

    def settle_outputs(self, shape: Any) -> None:
        """Give each output its loss and metrics, once it is known which outputs there are."""
        compiled = self._compiled_with
        if compiled is None or not compiled.waits:
            return
        if compiled.speaks_of_outputs() or output_names(self._whole, shape) is not None:
            found = compiled.resolved(self._whole, shape)
            self.loss, self.trackers, self.watched = found.loss, found.trackers, found.metrics
        self._compiled_with = compiled._replace(waits=False)

    def task(self, x: Any) -> Task:
        """What a step works on; builds the model with `x` if need be."""
        if not self.built:
            self.ensure_built(x)
        return task_of(self._whole)

    def measure(self, data: Data, verbose: Any = 0, watchers: CallbackList | None = None) -> dict[str, Any]:
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
            known = self._steps[training] = Steps(self._whole, task, training)
        return known

    def compiled_loss(self, what: str) -> Loss:
        """The loss, or the error that `what` comes before `compile`. A model that computes its loss itself,
        in a method or by `add_loss`, needs none.
        """
        if self.optimizer is not None and (self.loss is not None or has_own_loss(self._whole)):
            return FunctionLoss(_no_loss) if self.loss is None else self.loss
        raise NotCompiledError(f"{what}: call compile(optimizer=..., loss=...) first")

    def checked(self, batch: Rows) -> Rows:
        """A batch that the user yielded, with the same checks of its targets as rows in memory get."""
        shape = sole(self.output_shape)
        seen = None if self.seen_shape is None else shapes_without_rows(self.seen_shape)
        if shape is None or seen != mapped(batch.x, lambda leaf: leaf.shape[1:]):
            shape = sole(self.ensure_built(batch.x))
        return batch._replace(y=self.compiled_loss("fit").check(given(batch.y), shape))

    def _report(self, logs: dict[str, Any], return_dict: bool) -> Any:
        values = list(logs.values())
        return logs if return_dict else values[0] if len(values) == 1 else values


def _are_alike(inputs: Tensor, x: Any) -> bool:
    """Whether `x` is an array that became these inputs as it is."""
    return (inputs.shape, inputs.dtype) == (getattr(x, "shape", None), getattr(x, "dtype", None))


def _no_loss(y_true: Any, y_pred: Any) -> Any:
    """In the place of the compiled loss of a model that has its own."""
    raise NotCompiledError("there is no loss: compile(loss=...) first")
