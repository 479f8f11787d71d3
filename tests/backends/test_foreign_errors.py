"""Exceptions that are none of tracing and code generation pass through them, and leave nothing half-made.

A deadline that a handler of a signal raises while something is compiled must not vanish, with NumPy doing the work from then
on: it is raised at every so many-th place of a compilation, in which all is made anew.
"""

from __future__ import annotations

import numpy as np
import pytest
from compiling import compiling_on
from interrupting import Foreign, at_every_place

import autograd as ag
from backends import errors
from backends.contract import Spec, float32

pytest.importorskip("numba", reason="the extra gradloom[cpu] is not installed")

from backends import llvm, store
from backends.native import Executable, build, cache, library
from backends.numba import NumbaBackend, kernels
from backends.numba import backend as numba_backend
from backends.numba import compile as compiling

pytestmark = [
    pytest.mark.once,
    # llvmlite's objects, interrupted while they are made, raise when they go
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
KINDS = (Foreign, TimeoutError, MemoryError, InterruptedError, SystemExit)


@pytest.fixture
def anew(tmp_path, monkeypatch):
    """Forgets all code, on disk and in memory: what is asked for is compiled."""
    monkeypatch.setenv("GRADLOOM_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("GRADLOOM_CACHE_SIZE", "0")
    store.folder.cache_clear()
    held = list(library._held)

    def forget():
        compiling._loaded.clear()
        cache._made.clear()
        build._held.clear()
        library._functions.cache_clear()
        numba_backend._library.cache_clear()

    yield forget
    store.folder.cache_clear()
    library._held.extend(held)


def interrupted(make, check, kind, strides):
    """Places of `make()`: some of the first, where files are looked for, and of all."""
    assert (
        at_every_place(make, check, strides, kind, KINDS.index(kind) * strides // len(KINDS), heard=True)
        > 100
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_program(anew, kind, caplog, full):
    backend = NumbaBackend()
    w = ag.tensor([[1.0, 2.0], [3.0, 4.0]])

    def step(x):
        w.assign(w + 1)
        return (x @ w).sum() + x.max()

    program = ag.capture(step, ag.ones((2, 2)), state={"w": w}).program

    def make():
        anew()
        assert type(backend.compile(program)) is Executable

    def check():
        machine = backend.compile(program)
        assert type(machine) is Executable
        state = {"w": np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)}
        (got,) = machine.step(state, {"argument.0": np.ones((2, 2), np.float32)}).values()
        assert got == 29
        assert state["w"].tolist() == [[2, 3], [4, 5]]

    make()
    interrupted(make, check, kind, 997 if full else 2503)
    assert not caplog.records


def rule(xp, x):
    return xp.where(x > 0.5, x * 2.0, xp.exp(x)) + 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule(anew, kind, caplog, full):
    x = np.linspace(0, 1, 500)
    backend = NumbaBackend(fuse_from=0)

    def make():
        anew()
        backend._calls.clear()
        backend.run(rule, x)

    def check():
        assert all(call is not None for calls in backend._calls.values() for call in calls.values())
        np.testing.assert_allclose(backend.run(rule, x), rule(np, x), 1e-12)
        assert backend._calls

    interrupted(make, check, kind, 997 if full else 2503)
    assert not caplog.records


@pytest.mark.parametrize("kind", KINDS)
def test_the_functions_of_any_length(anew, kind, caplog, full):
    backend = NumbaBackend()
    keys = np.array([3, 1, 2], np.uint64)

    def make():
        anew()
        backend.argsort(keys, axis=0)

    def check():
        assert numba_backend._library() is library
        assert backend.argsort(keys, axis=0).tolist() == [1, 2, 0]

    interrupted(make, check, kind, 1999 if full else 4001)
    assert not caplog.records


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_on_a_device(kind):
    with compiling_on("cupy"):
        x = ag.tensor(np.linspace(0, 1, 500))
        backend, array = x._backend, x._data

        def make():
            backend._fused._ready.clear()
            backend._fused._made(rule, (array,), {})

        def check():
            assert backend._fused._made(rule, (array,), {}) is not None

        make()
        interrupted(make, check, kind, 499)


MISTAKES = (KeyError("a"), ValueError("a"), TypeError("a"), errors.TraceError("a"), errors.CodeError("a"))  # fmt: skip


@pytest.mark.parametrize("error", MISTAKES, ids=repr)
def test_mistakes_of_a_rule_and_of_the_code_generator_are_told(error, monkeypatch, caplog):
    """NumPy does the work."""

    def wrong(*given, **named):
        raise error

    x = np.linspace(0, 1, 500)
    assert kernels.plan_rule(wrong, [Spec((4,), float32)], {}) == []
    monkeypatch.setattr(kernels, "load", wrong)
    np.testing.assert_array_equal(NumbaBackend(fuse_from=0).run(rule, x), rule(np, x))
    program = ag.capture(lambda x: x + 1, ag.ones(2), state={}).program
    monkeypatch.setattr(cache, "Executable", wrong)
    monkeypatch.setattr(cache, "_made", {})
    (got,) = NumbaBackend().compile(program).step({}, {"argument.0": np.ones(2, np.float32)}).values()  # fmt: skip
    assert got.tolist() == [2, 2]
    assert len([r for r in caplog.records if "could not be compiled" in r.getMessage()]) == 2
    caplog.clear()


def test_what_llvm_refuses_is_an_error_of_code_generation():
    with pytest.raises(errors.CodeError, match="LLVM refuses"):
        llvm.compiled([llvm.Source("", "f", lambda: "define void @f() { nonsense }")])
