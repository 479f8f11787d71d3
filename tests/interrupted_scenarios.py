"""What `interrupting` interrupts: steps shared by two threads, calls of kernels, and the methods of a model.

Each scenario gives what runs and what has to hold after each interruption: state as before or as after, nothing left
switched, no lock taken, and right results of the next call, here and in another thread.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from interrupting import in_another_thread

import autograd as ag
import backends
import nn
from autograd.owner import looked_at
from backends.native import Executable, blas
from backends.native.threads import ThreadPool, threads
from backends.numba import NumbaBackend, kernels

threads.limit, ThreadPool.LEAST_EACH = 2, 1
Executable.parts = lambda self: 2 if self.placed else 1  # type: ignore[method-assign]
kernels.SHARE_FROM = 1


def nothing_is_left_switched() -> None:
    """No switch stays where an exception came between it and its way back."""
    assert backends.default().name == "numba"
    assert ag.tensor([1.0], requires_grad=True).sum().requires_grad
    assert sys.getprofile() is None


class Flipping:
    """A step that sends each element of a state back and forth between two whole numbers, so that results are exact."""

    def __init__(self, size: int, sort: bool = False, returns: bool = True) -> None:
        draw = np.random.default_rng(0)
        self.values = draw.integers(-3, 4, (size, size)).astype(np.float32)
        self.given = draw.integers(-3, 4, (size, size)).astype(np.float32)
        self.x = ag.tensor(self.given)
        self.w, self.v = (ag.tensor(self.values) for _ in range(2))

        @ag.jit(state=[self.w, self.v])
        def step(x: Any) -> Any:
            y = (x @ self.w).sum()
            self.w.assign(5.0 - self.w)
            for _ in range(2 * sort):
                # by the host, the second time behind the new state
                y = y + ag.argsort(x + y * 0.0, axis=1).to("float32").sum() * 0.0
            self.v.assign(5.0 - self.v + y * 0.0)
            return y if returns else None

        self.step = step

    def where(self) -> bool:
        """Whether the state is as at first; it is that or the other, the whole of it."""
        w, v = (looked_at(state, np.array) for state in (self.w, self.v))
        np.testing.assert_array_equal(w, v, "half a step")
        first = bool((w == self.values).all())
        np.testing.assert_array_equal(w, self.values if first else 5 - self.values)
        return first

    def turn(self) -> None:
        """One step, which has to be right."""
        first = self.where()
        w = self.values if first else 5 - self.values
        assert self.step(self.x).item() == float((self.given @ w).sum())
        assert self.where() is not first

    def check(self) -> None:
        nothing_is_left_switched()
        self.turn()
        assert not blas._before
        in_another_thread(self.turn)


Scenario = tuple[Callable[[], object], Callable[[], None]]


def _step(size: int, sort: bool = False) -> Scenario:
    flipping = Flipping(size, sort)
    for _ in range(3):
        flipping.turn()
    return lambda: flipping.step(flipping.x), flipping.check


def _after_an_assignment() -> Scenario:
    """State has to be looked at again and is made private."""
    flipping = Flipping(40)

    def check() -> None:
        flipping.check()
        for state in (flipping.w, flipping.v):
            state.assign(ag.tensor(flipping.values))

    check()
    return lambda: flipping.step(flipping.x), check


def _rows() -> Scenario:
    flipping = Flipping(16, returns=False)
    rows = ag.tensor(np.tile(flipping.given, (3, 1)))

    def run() -> None:
        flipping.step.over_rows([rows], 16, None, 0, 3)

    def check() -> None:
        nothing_is_left_switched()
        first = flipping.where()
        run()
        assert flipping.where() is not first
        in_another_thread(run)
        assert flipping.where() is first

    run()
    return run, check


def _kernel() -> Scenario:
    """A rule on a large array, whose rows two threads share."""
    backend = NumbaBackend(fuse_from=0, threads=2)
    x = np.arange(999.0)

    def run() -> None:
        y = backend.run(_rule, x)
        np.testing.assert_array_equal(y, np.arange(999.0) * 2 + 1)

    def check() -> None:
        run()
        in_another_thread(run)

    run()
    return run, check


def _rule(xp: Any, x: Any) -> Any:
    return x * 2.0 + 1.0


X = np.random.default_rng(1).standard_normal((64, 8)).astype(np.float32)
Y = (X.sum(1) > 0).astype(np.float32)


def _model() -> Any:
    nn.set_random_seed(0)
    layers = [nn.Input((8,)), nn.Dense(64, "relu"), nn.Dropout(0.2), nn.Dense(64, "tanh"), nn.Dense(1, "sigmoid")]  # fmt: skip
    model = nn.Sequential(layers)
    model.compile(nn.Adam(0.01), "binary_crossentropy", ["accuracy"])
    model.fit(X, Y, 16, 1, verbose=0)
    model.predict(X, 32)
    model.evaluate(X, Y, 16, verbose=0)
    return model


def _of_model(name: str) -> Scenario:
    model = _model()
    calls = {
        "predict": lambda: model.predict(X[:1]),
        "predict many": lambda: model.predict(X, 32),
        "evaluate": lambda: model.evaluate(X, Y, 16, verbose=0),
        "fit": lambda: model.fit(X, Y, 16, 1, verbose=0),
    }

    def right() -> None:
        weights = [np.array(w) for w in model.get_weights()]
        (a, b), (c, d), (e, f) = zip(weights[::2], weights[1::2], strict=True)
        hidden = np.tanh(np.maximum(X @ a + b, 0) @ c + d)
        expected = 1 / (1 + np.exp(-(hidden @ e + f)))
        np.testing.assert_allclose(model.predict(X, 32), expected, 1e-3, 1e-5)
        np.testing.assert_allclose(model.predict(X[:1]), expected[:1], 1e-3, 1e-5)

    def check() -> None:
        nothing_is_left_switched()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        right()
        in_another_thread(right)
        if name in ("fit", "evaluate"):
            calls[name]()

    check()
    return calls[name], check


SCENARIOS: dict[str, Callable[[], Scenario]] = {
    "step": lambda: _step(40),
    "product by BLAS": lambda: _step(400),
    "instruction of the host": lambda: _step(40, True),
    "state that was assigned": _after_an_assignment,
    "rows": _rows,
    "kernel": _kernel,
    "predict": lambda: _of_model("predict"),
    "predict many": lambda: _of_model("predict many"),
    "evaluate": lambda: _of_model("evaluate"),
    "fit": lambda: _of_model("fit"),
}
STRIDES = {"product by BLAS": 7, "predict many": 13, "evaluate": 97, "fit": 211}
"""Of long calls every so many-th place; the rest is in what they share with the others."""
LONGEST = {"product by BLAS": 0.01, "fit": 0.02, "evaluate": 0.01, "predict many": 0.004}
"""Seconds until a signal comes, at most; else a thousandth."""
