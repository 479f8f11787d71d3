"""Run: one call of `fit`, epoch by epoch, and where it stands.

Everything that the rest of a run depends on is in a `Position`: the weights and the optimiser are saved with
the model, the rest there. A run that starts from a position goes on bit for bit like the one that gave it. It
also ends well: Ctrl-C stops it between two steps, an error leaves the callbacks closed.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import signal
import threading
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .batches import ArrayData, Data
from .callbacks import CallbackList, History
from .checkpoint.position import Position, Words, random_state, set_random_state
from .compiled import Steps
from .data import Rows
from .errors import ArgumentError, FileError
from .fit_arguments import given
from .passes import Passes
from .restore import restoring
from .structured import sole

if TYPE_CHECKING:
    from .model import Model


class Interrupted(Exception):  # noqa: N818 - it is no error
    """Ctrl-C, noticed between two steps."""


class _Flag:
    raised = False

    def __call__(self, number: int, frame: Any) -> None:
        if self.raised:
            raise KeyboardInterrupt
        self.raised = True


def _may_listen() -> bool:
    """Whether Ctrl-C is Python's own, in the main thread: another thread, or a
    handler of the user's, is left alone.
    """
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return is_default and threading.current_thread() is threading.main_thread()


@dataclass(eq=False, repr=False)
class Run:
    """One call of `fit`.

    Args:
        model: compiled.
        data: what to train on.
        validation: what to measure after every `validation_freq` epochs, or after those of that number.
        callbacks: told of everything; the History is one of them.
        epoch, last: the epochs from `epoch`, then the one in progress, up to, not including, `last`.
    """

    model: Model
    data: Data
    validation: Data | None
    callbacks: CallbackList
    history: History
    epoch: int
    last: int
    validation_freq: int | Collection[int] = 1

    def __post_init__(self) -> None:
        self.batch = self.steps_done = 0  # of this epoch; of the one that ended last
        self.order: Words = (0, 0)
        self.complete = False
        self._steps: Steps | None = None
        self._resume: Position | None = None
        self._stepping = False
        self._moved: Callable[[], None] = lambda: None
        self.thread = threading.get_ident()

    def rehearse(self) -> None:
        """Raise what is wrong with a step, on training or on validation
        data, before anyone is told of a run.
        """
        if self.model.optimizer is not None:
            self.model.optimizer.check_rate()
        was_training = self.model.training
        for data, training in ((self.data, True), (self.validation, False)):
            if isinstance(data, ArrayData) and self.epoch < self.last:
                self.model.train(training)
                self.model.kept_steps(data.rows.x, training).rehearse(data.batch(None, 0))
        self.model.train(was_training)

    def go(self, moved: Callable[[], None]) -> None:
        """Train until the last epoch, until a callback says stop, or until Ctrl-C;
        `moved` is called after each step.

        The first Ctrl-C only raises a flag, the second is Python's own KeyboardInterrupt.
        """
        self._moved = moved
        flag, listens = _Flag(), _may_listen()
        try:
            if listens:
                _signal.signal(signal.SIGINT, flag)
            self._train(flag)
        finally:
            # the function of C: inside that of `signal`, which is Python, another signal could come first
            if listens:
                _signal.signal(signal.SIGINT, signal.default_int_handler)

    def _train(self, flag: _Flag) -> None:
        model, logs = self.model, dict[str, Any]()
        was_training = model.training
        model.stop_training = False
        try:
            self.callbacks.call("on_train_begin", {})
            self._go_on()
            model.history = self.history
            while self.epoch < self.last and not model.stop_training:
                logs = self._one_epoch(flag)
            if model.optimizer is not None:
                model.optimizer.finalize_variable_values(model.parameters())
            self.complete = True
        except Interrupted:
            self.history.interrupted = True
        except KeyboardInterrupt:
            # from a callback or the data: still between two steps
            if self._stepping or flag.raised:
                raise
            self.history.interrupted = True
        finally:
            model.train(was_training)
            self.callbacks.call("on_train_end", logs)
        if self.history.interrupted:
            print(f"stopped by Ctrl-C in epoch {self.epoch + 1} after {self.batch} steps", flush=True)

    def position(self) -> Position:
        """Where the run stands now; between two steps."""
        metrics = [dict(metric.state()) for metric in self.model.kept_metrics()] if self.batch else []
        return Position(
            self.epoch,
            self.batch,
            self.order,
            random_state(),
            self.model.stop_training,
            self.data.signature(),
            self.callbacks.states(),
            metrics,
            taken=self.data.taken if isinstance(self.data, Passes) else 0,
        )

    def _go_on(self) -> None:
        """Take up the position that the model was loaded with, if this is the run that it belongs to."""
        model, position = self.model, self.model.resume_position
        begun = position is not None and (position.epoch or position.batch)
        if position is None or not (position.forced or (begun and position.epoch == self.epoch)):
            model.resume_position = None
            return
        undo = position.undo or restoring(model)
        try:
            self.check(position)
            self._restore_callbacks(position)
        except ArgumentError:
            undo()
            raise
        except FileError as error:
            undo()
            raise FileError(f"{position.origin}: {error}") from error
        model.resume_position = None
        self.epoch, self.batch = position.epoch, position.batch
        self._resume = position
        model.stop_training = position.stopped
        if isinstance(self.data, Passes) and self._is_within_pass(position):
            self.data.taken, self.order = position.taken, position.order
        if not self.batch:
            if isinstance(self.data, Passes) and self.data.taken:
                # the next epoch takes the order that was drawn in one before
                set_random_state(self.order)
                self.data.order()
            set_random_state(position.random)
            self._resume = None

    def _is_within_pass(self, position: Position) -> bool:
        """Whether the next step is in the middle of a pass over the rows that this run has, too."""
        fewer = isinstance(self.data, Passes) and self.data.steps is not None
        return fewer and bool(position.taken) and position.data == self.data.signature()

    def check(self, position: Position) -> None:
        """Refuse a position that this run cannot take up, before anything of it is.

        Raises:
            FileError: the file is damaged.
            ArgumentError: it stands in the middle of an epoch of other data.
        """
        other_pass = position.taken and not self._is_within_pass(position)
        if position.batch and position.data == self.data.signature() and other_pass:
            raise ArgumentError("the file stands in the middle of an epoch of steps_per_epoch; give it again")
        if position.batch and position.data != self.data.signature():
            raise ArgumentError(
                f"the file stands in the middle of an epoch of (rows, batch size) {position.data}, "
                f"and fit was given {self.data.signature()}; it can only go on with the same"
            )
        steps = self.data.length()
        if isinstance(self.data, Passes) and self._is_within_pass(position):
            left = self.data.whole - position.taken
            steps = min(self.data.length(), left)
            if left < 1:
                raise FileError(f"{position.taken} batches of a pass of {self.data.whole}")
        trackers = self.model.kept_metrics() if position.batch else []
        if steps is not None and position.batch > steps:
            raise FileError(f"{position.batch} steps of an epoch of {steps}")
        if len(trackers) != len(position.metrics):
            raise FileError(f"{len(position.metrics)} metrics, the model has {len(trackers)}")
        for metric, state in zip(trackers, position.metrics, strict=True):
            if any(metric is one for one in self.model.trackers):
                metric.build(sole(self.model.output_shape) or ())
            else:
                metric.build_like(state)
            metric.check_state(state)
        self.callbacks.check_states(position.callbacks)

    def _restore_callbacks(self, position: Position) -> None:
        for name in self.callbacks.load_states(position.callbacks):
            warnings.warn(
                f"the run was saved with a {name}, whose state is lost: fit was given none", stacklevel=2
            )

    def _begin_epoch(self) -> None:
        """Tell everyone, and set the state of the middle of an epoch where the run goes on there."""
        optimizer, resume = self.model.optimizer, self._resume
        kept = {} if not resume or not optimizer else {n: t.detach() for n, t in optimizer.state().items()}
        self.callbacks.call("on_epoch_begin", self.epoch, {})
        if optimizer is not None:
            optimizer.check_rate()
        self.model.reset_metrics()
        if resume is None:
            if not (isinstance(self.data, Passes) and self.data.taken):
                self.order = random_state()
            return
        # a callback that sets the rate at the beginning of an epoch has done so in the first half
        for name, tensor in (optimizer.state() if optimizer else {}).items():
            tensor.assign(kept[name])
        for metric, state in zip(self.model.kept_metrics(), resume.metrics, strict=True):
            metric.load_state(state)
        self._restore_callbacks(resume)
        self.order = resume.order
        set_random_state(self.order)

    def _one_epoch(self, flag: _Flag) -> dict[str, Any]:
        model, callbacks = self.model, self.callbacks
        model.train()
        self._begin_epoch()
        for _ in self._chunks():
            if callbacks.watches_batches or callbacks.watches_progress:
                logs = model.metric_values(after_batch=True)
                callbacks.after_batch(self.batch - 1, logs)
            if flag.raised:
                raise Interrupted
            if model.stop_training:
                break
        logs = model.metric_values()
        if self.validation is not None and self._is_measured(self.epoch + 1):
            logs |= self._validate(self.validation)
        # from here on the next epoch is to come: that is what a callback saves
        self.epoch, self.batch, self.steps_done = self.epoch + 1, 0, self.batch
        if isinstance(self.data, Passes):
            self.data.advance()
        callbacks.call("on_epoch_end", self.epoch - 1, logs)
        if flag.raised:
            raise Interrupted
        return logs

    def _chunks(self) -> Iterator[None]:
        """The steps of an epoch: one at a time where somebody watches each, else a chunk at a time."""
        starts, each = self.callbacks.watches_batch_starts, self.callbacks.watches_batches
        if isinstance(self.data, ArrayData) and self.data.rows.y is not None:
            steps = self._compiled(self.data.rows.x)
            chunks = steps.chunks(self.data, self.batch, starts or each, self._resumed)
            while True:
                if starts and self.batch < self.data.length():
                    self.callbacks.call("on_train_batch_begin", self.batch, {})
                self._stepping = True
                done = next(chunks, None)
                self._stepping = False
                if done is None:
                    return
                self._moved()
                self.batch += done
                yield
        batches = self.data.epoch(self.batch)
        self._resumed()
        for x, y, weight in batches:
            if not self.batch:
                self._compiled(x).rehearse(Rows(x, y, weight))
            if starts:
                self.callbacks.call("on_train_batch_begin", self.batch, {})
            self._stepping = True
            self._compiled(x)(x, given(y), weight)
            self._stepping = False
            self._moved()
            self.batch += 1
            yield

    def _resumed(self) -> None:
        """The order of the rows is drawn: a run that goes on takes up its random numbers here."""
        if self._resume is not None:
            set_random_state(self._resume.random)
            self._resume = None

    def _compiled(self, x: Any) -> Steps:
        if self._steps is None:
            self._steps = self.model.kept_steps(x, True)
        return self._steps

    def _is_measured(self, number: int) -> bool:
        """Whether validation comes after an epoch; the first has number 1."""
        wanted = self.validation_freq
        return number % wanted == 0 if not isinstance(wanted, Collection) else number in wanted

    def _validate(self, data: Data) -> dict[str, Any]:
        self.callbacks.call("on_test_begin", {})
        watched = self.callbacks if self.callbacks.watches_test_batches else None
        values = self.model.measure(data, watchers=watched)
        self.callbacks.call("on_test_end", values)
        return {f"val_{name}": value for name, value in values.items()}
