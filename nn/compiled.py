"""The steps of a run, compiled where they can be traced, and as they are where not.

A step that branches on a value, or asks for one, cannot be traced; it then runs eagerly, and
the log says so once, with the reason and the line. Whole chunks of an epoch run in one call,
short enough for progress and Ctrl-C.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import autograd as ag
from autograd import Tensor, TraceError, random
from autograd.errors import is_refusal
from autograd.keys import Same
from autograd.mode import mode
from autograd.structure import flatten, unflatten

from .batches import ArrayData
from .data import Rows
from .errors import ArgumentError, stop_iteration_is_an_error
from .held import held_metrics
from .metrics import Metric
from .metrics.logged import number_of
from .module import settings
from .overriding import overrides, own_step
from .precision import precision_of
from .restore import Snapshot, preserved, tensors_of
from .seed import kept_random_state
from .step import (
    Task,
    collect,
    is_partly_own,
    state_of,
    traced_evaluate_step,
    traced_train_step,
    training_state,
)

if TYPE_CHECKING:
    from .model import Model

_log = logging.getLogger("gradloom")
T = TypeVar("T")
_CHUNK = 0.1
"""Seconds that one call should take."""
_TRIES = 5
"""To trace a step of a model that another thread trains."""
_OWN = tuple(str(Path(__file__).parents[1] / room) for room in ("autograd", "backends", "gradloom", "nn"))


class Steps:
    """Training or evaluation of a task, step by step or a chunk of an epoch at once.

    Args:
        model: whose state the steps read and assign.
        task: what a step works on.
        training: train, or only measure.
    """

    def __init__(self, model: Model, task: Task, training: bool) -> None:
        self.task = task
        self.wanted = model.jit
        step = traced_train_step if training else traced_evaluate_step
        self._own = own_step(model, training)
        self._plain: Callable[..., Any] = self._own or partial(step, task)
        self._name = "train_step" if training else "evaluate_step"
        self._training = training
        self._state = self._named_state()
        self.precision = precision_of(model)
        self._jitted = self._compiled()
        self._of_forms: dict[str, Any] = {}
        self.compiles = model.jit is not False
        traced = all(metric.traced for metric in task.metrics)
        self._in_chunks = self._own is None and traced and not overrides(model, "compute_metrics")
        self._rehearsed: set[Any] = set()
        self._first = True
        self._count = 1
        self._error: Exception | None = None
        self._key = task.jit_key(), _fixed(task)

    def serves(self, task: Task) -> bool:
        """Whether these steps are those of `task`, too; one more try at
        compiling is worth it before a training.
        """
        if self._training and self.wanted is not False and not self.compiles:
            return False
        return self.wanted is task.model.jit and self._key == (task.jit_key(), _fixed(task))

    def _named_state(self) -> dict[str, Tensor]:
        return training_state(self.task) if self._training else state_of(self.task)

    def _compiled(self) -> Any:
        return ag.jit(self._plain, state=self._state, name=self._name, precision=self.precision)

    def _flat(self, rows: Rows) -> Any:
        """The compiled step as a function of the tensors in `rows`, which are structures."""
        form = unflatten(tuple(rows), itertools.repeat(0))
        known = self._of_forms.get(repr(form))
        if known is None:

            def step(*leaves: Tensor) -> Any:
                return self._plain(*unflatten(form, iter(leaves)))

            known = ag.jit(step, state=self._state, name=self._name, precision=self.precision)
            self._of_forms[repr(form)] = known
        return known

    def _look_again(self) -> None:
        """A layer may have got other tensors: then the step is another one.

        Raises:
            ArgumentError: a parameter trains now that did not when the run
                began; what was frozen since just stays.
        """
        known = set(map(id, self.task.parameters))
        new = [n for n, p in self.task.model.named_parameters() if id(p) not in known]
        if new and self._training:
            raise ArgumentError(
                f"{new[0]} began to train in the middle of a run, and its optimizer has no place for it; "
                "compile, and call fit again"
            )
        state = self._named_state()
        if state.keys() != self._state.keys() or any(self._state[n] is not t for n, t in state.items()):
            self._state = state
            self._jitted, self._of_forms = self._compiled(), {}

    def rehearse(self, batch: Rows) -> None:
        """Where a step may raise, try one and undo it, once for each kind of batch: where
        code of the user's is part of it, or weights may have a shape that does not fit.
        One weight for each row always does."""
        parts = [flatten(part) for part in batch]
        kind = tuple(tuple((leaf.shape, str(leaf.dtype)) for leaf in part) for part in parts)
        may_raise = is_partly_own(self.task) or any(leaf.ndim > 1 for leaf in parts[2])
        if batch.y is None or kind in self._rehearsed or not may_raise:
            return
        model = self.task.model
        waiting = _waiting(model)
        with preserved(model), kept_random_state():
            model.reset_metrics()
            self._run_plain(batch.x, batch.y, batch.weight)
            model.metric_values()
            states = [metric.state() for metric in waiting]
        for metric, state in zip(waiting, states, strict=True):
            metric.build_like(state)
        self._rehearsed.add(kind)

    def _before_first(self, batch: Callable[[], Rows]) -> None:
        """Metrics that get their sums with the first batch have them before a step is traced."""
        if self._first and self.compiles and _waiting(self.task.model):
            self.rehearse(batch())
        self._first = False

    def __call__(self, x: Any, y: Any, weight: Any) -> None:
        """One step. One that runs as it is and raises has changed nothing."""
        self._before_first(lambda: Rows(x, y, weight))
        call = self._call_of(x, y, weight)
        if call is not None and not mode.get().anomaly:
            self._collect(x, y, weight, call())
        else:
            self._run_plain(x, y, weight)
            self._gave_up()

    def _run_plain(self, x: Any, y: Any, weight: Any) -> None:
        own = overrides(self.task.model, "compute_metrics")
        watched = self.task.model.trackers if own else self.task.metrics
        held = [metric for _, metric in held_metrics(self.task.model)]
        gathering = [metric for metric in (*watched, *held) if own or not metric.traced]
        tensors = [*self._state.values(), *(t for metric in gathering for t in tensors_of(metric))]
        before = Snapshot(gathering, tensors)
        try:
            with stop_iteration_is_an_error(self._name):
                self._collect(x, y, weight, self._plain(x, y, weight))
        except BaseException:
            before.restore()
            raise

    def _collect(self, x: Any, y: Any, weight: Any, returned: Any) -> None:
        if self._own is None:
            logs = collect(self.task, y, returned, x, weight)
            if logs is not None:
                self.task.model.step_logs = logs
        else:
            self.task.model.step_logs = {n: number_of(n, v) for n, v in returned.items()}

    def _call_of(self, *batch: Any) -> Callable[[], Any] | None:
        """The compiled step; traced at the first batch of its shapes, and after every change of a module."""
        return self._compiled_call(
            lambda: self._jitted.ready(*batch), lambda: self._jitted.made_ready(*batch)
        )

    def _compiled_call(self, ready: Callable[[], T | None], make: Callable[[], T]) -> T | None:
        call = ready() if self.compiles else None
        if self.compiles and call is None:
            self._look_again()
            call, self._error = tried(self.task.model, make, self._name)
            if self._error is not None and self.wanted is True:
                raise self._error
        return call

    def _gave_up(self) -> None:
        """A step that could not be traced has run as it is: from now on all do, and the log says why."""
        if self._error is not None:
            say(self._name, self._error, self.precision)
            self.compiles, self._error = False, None

    def chunks(
        self, data: ArrayData, first: int, one_by_one: bool, drawn: Callable[[], None] = lambda: None
    ) -> Iterator[int]:
        """The steps of an epoch from number `first` on; yields how many were done after each call.

        `drawn` is called when the order of the rows is known.
        """
        order = data.order()
        drawn()
        self._before_first(lambda: data.batch(order, first))
        rows = flatten(list(data.rows))
        at, end = data.taken + first, data.end
        whole = min(end, data.rows.number // data.batch_size)
        structured = any(part is not None and not isinstance(part, Tensor) for part in data.rows)
        rest = (None,) if data.rows.weight is None and not structured else ()
        together = self._in_chunks and not one_by_one and whole - at > 1
        given = (rows, data.batch_size, order, rest)

        def jitted() -> Any:
            return self._flat(data.rows) if structured else self._jitted

        while together and at < whole:
            # not the methods themselves: a change of a module makes another compiled function
            run = self._compiled_call(
                lambda: jitted().ready_for_rows(*given), lambda: jitted().prepare_rows(*given)
            )
            if run is None:
                break
            count = min(self._count, whole - at)
            began = time.perf_counter()
            run(at, count)
            taken = max(time.perf_counter() - began, 1e-6)
            self._count = max(1, min(int(count * _CHUNK / taken), 16 * count))
            at += count
            yield count
        for number in range(at, end):
            x, y, weight = data.batch(order, number)
            assert y is not None
            self(x, y, weight)
            yield 1


def _waiting(model: Model) -> list[Metric]:
    """Attributes that wait for a batch: what was compiled is built with the model."""
    return [metric for _, metric in held_metrics(model) if metric.waits_for_a_batch]


def _fixed(task: Task) -> Any:
    """What a task looked up when it was made."""
    return (
        [Same(p) for p in task.parameters],
        [(Same(p), settings(regularizer)) for regularizer, p in task.penalties],
        [
            (path, settings(module.activity_regularizer))
            for path, module in task.model.named_modules()
            if module.activity_regularizer is not None
        ],
    )


def tried(model: Model, make: Callable[[], T], name: str) -> tuple[T | None, Exception | None]:
    """What `make` gives, a compiled call, or why it cannot be traced.

    After any error all is as if it had not been tried; those that are not of tracing are raised. While
    another thread trains the model, what is met may be that one's doing: then it is tried again.
    """
    made: T | None = None
    error: Exception | None = None
    for _ in range(_TRIES):
        trained = _is_trained_elsewhere(model)
        made, error = _tried_once(model, make, name)
        if error is None or not (trained or _is_trained_elsewhere(model)):
            break
    return made, error


def _tried_once(model: Model, make: Callable[[], T], name: str) -> tuple[T | None, Exception | None]:
    before = Snapshot([module for _, module in model.named_modules()], ())
    generator = random.default_generator()
    state = generator.state
    try:
        with stop_iteration_is_an_error(name):
            return make(), None
    except BaseException as error:
        if _is_trained_elsewhere(model):
            # what else has changed may be of that run
            before.forget_symbols()
        else:
            generator.state = state
            before.restore()
        if isinstance(error, Exception) and _is_of_tracing(error):
            return None, error
        raise


def _is_trained_elsewhere(model: Model) -> bool:
    run = model.current_run
    return run is not None and run.thread != threading.get_ident()


def _is_of_tracing(error: Exception) -> bool:
    """Whether a trace was refused: also where NumPy or the user's code made another error of that."""
    seen: set[int] = set()
    now: BaseException | None = error if is_refusal(error) else None
    while now is not None and id(now) not in seen:
        if isinstance(now, TraceError):
            return True
        seen.add(id(now))
        now = now.__cause__ or now.__context__
    return False


def say(name: str, error: Exception, precision: str | None) -> None:
    products = f", with products in float32 instead of {precision}" if precision else ""
    _log.warning("%s runs eagerly%s: %s (%s)", name, products, error, _line_of(error))


def _line_of(error: BaseException) -> str:
    """Where the user's code is that could not be traced: the last line outside these packages."""
    frames = traceback.extract_tb(error.__traceback__)
    outside = [f for f in frames if not f.filename.startswith(_OWN)] or list(frames)
    return f"{outside[-1].filename}:{outside[-1].lineno}" if outside else "unknown place"
