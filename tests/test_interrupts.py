"""Exceptions from outside: deadlines, Ctrl-C and wishes to stop, which a handler of a signal raises anywhere.

Afterwards nothing hangs, no lock is taken, no switch is thrown, state is that of before or after a step, and the next
call is right. `python tests/interrupting.py signals fit 5000 1` is a campaign.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupting import Foreign, at_every_place, places

import autograd as ag
import backends
import nn
from autograd.debugging import debug, level
from autograd.executed import Executed
from autograd.mode import Mode, inside, mode, recorded_nodes
from autograd.random import default_generator, remembered_draws, replayed_draws, standing_in
from nn.run import Run

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.once
needs_signals = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no SIGALRM here")
SCENARIOS = (
    "step", "product by BLAS", "instruction of the host", "state that was assigned", "rows", "kernel", "predict", "predict many",
    "evaluate", "fit",
)  # fmt: skip


def in_a_process(*arguments: str) -> str:
    """What a scenario says that must not hang; it ends itself with all stacks when it does."""
    pytest.importorskip("numba", reason="the extra gradloom[cpu] is not installed")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "tests" / "interrupting.py"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_every_scenario_is_run() -> None:
    pytest.importorskip("numba", reason="the extra gradloom[cpu] is not installed")
    listed = "import interrupted_scenarios as s; print(*s.SCENARIOS, sep='|')"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    done = subprocess.run([sys.executable, "-c", listed], env=environment, capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.strip().split("|") == list(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_exception_at_every_place(name: str) -> None:
    assert int(in_a_process("places", name).split()[0]) > 20


@needs_signals
@pytest.mark.parametrize("name", SCENARIOS)
def test_an_exception_by_a_timer(name: str, full: bool) -> None:
    count = 500 if full else 30
    assert in_a_process("signals", name, str(count), "1").split()[0] == str(count)


SWITCHES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "use": (lambda: backends.use("numpy"), lambda: backends.default().name),
    "no_grad": (ag.no_grad, mode.get),
    "enable_grad": (ag.enable_grad, mode.get),
    "detect_anomaly": (ag.detect_anomaly, mode.get),
    "recorded_nodes": (recorded_nodes, mode.get),
    "debug": (lambda: debug(1), level),
    "standing_in": (lambda: standing_in(ag.random.Generator(0)), default_generator),
}
"""Context managers, and what they change."""


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_goes_back(name: str) -> None:
    make, look = SWITCHES[name]
    before = look()

    def run() -> None:
        with make():
            len("inside")

    def check() -> None:
        assert look() == before

    assert at_every_place(run, check) > 2


def test_draws_are_not_watched_any_more() -> None:
    watchers = ag.random._watchers

    def run() -> None:
        with remembered_draws() as draws, replayed_draws(draws):
            len("inside")

    def check() -> None:
        assert watchers.get() == ()

    assert at_every_place(run, check) > 2


def test_a_layer_is_left() -> None:
    layer = nn.Dense(2)
    x = ag.ones((1, 2))
    layer(x)

    def check() -> None:
        assert inside.get() is None
        assert nn.calling.training_now.get() is None

    assert at_every_place(lambda: layer(x, training=True), check, 3) > 2


def test_no_profile_is_left() -> None:
    def check() -> None:
        assert sys.getprofile() is None

    assert at_every_place(lambda: Executed().during(lambda: 1), check, 11) > 2


@pytest.mark.parametrize("how", ["capture", "jit"])
def test_no_symbol_is_left_by_a_trace(how: str, full: bool) -> None:
    """Neither in state nor in what the step can reach. The state is put back at the end of a capture."""
    with backends.use("numpy"):
        weights = [ag.tensor([float(n), 2.0], requires_grad=True) for n in range(2)]
    held = nn.Module()

    def step(x: Any) -> Any:
        held.seen = x * 2
        held.seen = None
        loss = (weights[0] * x).sum() + (weights[1] * x).sum()
        loss.backward()
        for w in weights:
            w.assign(w.detach() - w.grad)
            w.grad = None
        return loss

    def run() -> None:
        held.seen = None
        x = ag.ones(2)
        if how == "capture":
            ag.capture(step, x, state={str(n): w for n, w in enumerate(weights)})
        else:
            ag.jit(lambda x: step(x), state=weights).prepare(x)

    def check() -> None:
        assert backends.default().name == "numpy"
        assert mode.get() == Mode()
        assert sys.getprofile() is None
        assert [w.tolist() for w in weights] == [[0, 2], [1, 2]]
        assert {w.backend for w in weights} == {"numpy"}
        assert {w.grad for w in weights} == {None}
        assert held.seen is None or how == "capture"  # which does not look outside of the step
        assert all(w.requires_grad for w in weights)
        ag.random.uniform(2)

    with backends.use("numpy"):
        run()
        count = places(run)
        assert count > 1000
        at_every_place(run, check, 7 if full else 499)
        at_every_place(run, check, 1, first=count - 60)


# ways out of fit
X, Y = np.ones((8, 2), np.float32), np.ones((8, 1), np.float32)


class Does(nn.Callback):
    """Calls a function at one hook."""

    def __init__(self, hook: str, function: Callable[[Any], object]) -> None:
        super().__init__()
        setattr(self, hook, lambda *given: function(self.model))


def raises(kind: type[BaseException]) -> Callable[[Any], object]:
    def function(model: Any) -> None:
        raise kind

    return function


def presses(times: int) -> Callable[[Any], object]:
    def function(model: Any) -> None:
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)

    return function


def damaged_batches() -> Iterator[Any]:
    yield X, Y
    raise Foreign


HOOKS = ("on_train_begin", "on_epoch_begin", "on_train_batch_end", "on_epoch_end", "on_train_end")
WAYS: dict[str, tuple[Any, list[nn.Callback]]] = {
    "to the end": ((X, Y), []),
    "told to stop": ((X, Y), [Does("on_epoch_end", lambda model: setattr(model, "stop_training", True))]),
    "rows that do not fit": ((X, Y[:3]), []),
    "batches that fail": ((damaged_batches,), []),
    **{f"{kind.__name__} {hook}": ((X, Y), [Does(hook, raises(kind))]) for hook in HOOKS for kind in (Foreign, KeyboardInterrupt, SystemExit, GeneratorExit)},
    **{f"Ctrl-C {times} {hook}": ((X, Y), [Does(hook, presses(times))]) for hook in HOOKS for times in (1, 2, 3)},
}  # fmt: skip


@pytest.fixture
def listening() -> Iterator[None]:
    """Where the tests were started in the background, the interpreter ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def model() -> Any:
    made = nn.Sequential([nn.Input((2,)), nn.Dense(1)])
    made.compile("sgd", "mse")
    return made


@pytest.mark.usefixtures("listening")
def test_the_handler_of_ctrl_c_is_gone_after_every_way_out_of_fit(model: Any) -> None:
    for name, ((x, *y), callbacks) in WAYS.items():
        given = (x() if callable(x) else x, *y)
        with contextlib.suppress(BaseException):
            model.fit(*given, epochs=2, verbose=0, callbacks=callbacks)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, name
        assert model.fit(X, Y, epochs=1, verbose=0).history["loss"], name


@pytest.mark.usefixtures("listening")
def test_the_handler_of_ctrl_c_is_gone_wherever_fit_is_interrupted() -> None:
    run = Run.__new__(Run)
    run._train = lambda flag: None  # type: ignore[method-assign]

    def check() -> None:
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    for kind in (Foreign, KeyboardInterrupt):
        assert at_every_place(lambda: run.go(lambda: None), check, kind=kind) > 5


@pytest.mark.usefixtures("listening")
def test_a_generator_that_trains_and_is_closed(model: Any) -> None:
    class Batches:
        def __iter__(self) -> Any:
            yield X, Y
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
            raise GeneratorExit

    def training() -> Iterator[None]:
        yield
        model.fit(Batches(), verbose=0)

    turn = training()
    next(turn)
    with contextlib.suppress(GeneratorExit):
        next(turn)
    turn.close()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("listening")
def test_a_handler_of_the_user_and_other_threads_are_left_alone(model: Any) -> None:
    seen = []

    def look(model: Any) -> None:
        seen.append(signal.getsignal(signal.SIGINT))

    def train() -> None:
        model.fit(X, Y, verbose=0, callbacks=[Does("on_epoch_end", look)])

    own = lambda number, frame: None  # noqa: E731
    signal.signal(signal.SIGINT, own)
    train()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=train)
    thread.start()
    thread.join(60)
    assert seen == [own, signal.default_int_handler]
