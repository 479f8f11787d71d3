"""Finding backends: names, reasons, defaults."""

from __future__ import annotations

import itertools
import threading

import pytest

import autograd as ag
import backends
from backends.numpy import NumPyBackend

_numbers = itertools.count()


class Other(NumPyBackend):
    name = "other"


@pytest.fixture
def name():
    """A name that no other test has registered."""
    return f"registered{next(_numbers)}"


def test_numpy_is_always_there():
    assert backends.get("numpy") is backends.get("numpy")
    assert backends.available()["numpy"] == "available"


def test_a_backend_is_its_own_name():
    backend = backends.get("numpy")
    assert backends.get(backend) is backend


def test_unknown_names():
    with pytest.raises(backends.BackendError, match=r"unknown backend 'numpi'.*Did you mean 'numpy'"):
        backends.get("numpi")
    with pytest.raises(backends.BackendError, match="Known: cupy, numba, numpy"):
        ag.zeros(2, backend="tpu")


def test_registration_is_lazy_and_once(name):
    made = []

    def factory():
        made.append(Other())
        return made[-1]

    backends.register(name, factory)
    assert not made
    assert backends.get(name) is backends.get(name)
    assert len(made) == 1
    with pytest.raises(backends.BackendError, match="already a backend"):
        backends.register(name, factory)


def test_a_missing_library_is_a_reason(name):
    def factory():
        raise ImportError("No module named 'cupyy'; pip install cupyy")

    backends.register(name, factory)
    assert "pip install cupyy" in backends.available()[name]
    with pytest.raises(backends.BackendError, match=f"'{name}' cannot be loaded here.*pip install") as caught:
        backends.get(name)
    assert isinstance(caught.value.__cause__, ImportError)


def test_a_broken_backend_is_not_mistaken_for_a_missing_one(name):
    def factory():
        raise ZeroDivisionError

    backends.register(name, factory)
    with pytest.raises(ZeroDivisionError):
        backends.get(name)
    backends.registry._factories.pop(name)


def test_use_nests_and_ends(name):
    backends.register(name, Other)
    before = backends.default()
    with backends.use(name) as backend:
        assert backends.default() is backend
        with backends.use("numpy"):
            assert backends.default().name == "numpy"
        assert ag.zeros(2).backend == "other"
    assert backends.default() is before
    with pytest.raises(ValueError, match="inside"), backends.use(name):
        raise ValueError("inside")
    assert backends.default() is before


def test_use_belongs_to_its_thread(name):
    backends.register(name, Other)
    seen = []
    process_default = backends.default().name
    with backends.use(name):
        thread = threading.Thread(target=lambda: seen.append(backends.default().name))
        thread.start()
        thread.join()
        assert backends.default().name == "other"
    assert seen == [process_default]


def test_the_process_default_reaches_every_thread(name):
    """Run in threads, where no `use` is active."""
    backends.register(name, Other)
    seen = []
    before = backends.default()

    def work():
        backends.set_default(name)
        seen.append(backends.default().name)
        with backends.use("numpy"):
            seen.append(backends.default().name)

    try:
        for target in (work, lambda: seen.append(backends.default().name)):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    finally:
        backends.set_default(before)
    assert seen == ["other", "numpy", "other"]
    with pytest.raises(backends.BackendError):
        backends.set_default("nothing")
