"""The backend under test: on the substitute everywhere, and on a real device (marker `gpu`) where there is one."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import substitute
from descending import put_on_the_stream_by
from substitute import host

import backends
from backends.cupy.library import library

pytest.register_assert_rewrite("beside_numpy")


@contextmanager
def on_a_device():
    """Inside, the backend on a real device; skips where there is none."""
    with substitute.as_installed():
        try:
            library()
        except ImportError as reason:
            pytest.skip(str(reason))
        yield backends.get("cupy")


def _no_device():
    """Why there is none; empty where there is one."""
    with substitute.as_installed():
        try:
            library()
        except ImportError as reason:
            return str(reason)
        return ""


NO_DEVICE = _no_device()
PLACES = ["substitute", *([] if NO_DEVICE else [pytest.param("device", marks=pytest.mark.gpu)])]


def needs_a_compiler():
    """The substitute runs kernels that a C++ compiler has made for the host; a device needs none."""
    if host.COMPILER is None:
        pytest.skip(host.REASON)


@pytest.fixture(params=PLACES, scope="module")
def place(request):
    """Where a test runs: on the "substitute", and on a "device" where there is one."""
    return request.param


@pytest.fixture(scope="module")
def cupy_backend(place):
    """The CuPy backend there."""
    if place == "substitute":
        needs_a_compiler()
        with substitute.standing_in():
            yield backends.get("cupy")
        return
    with on_a_device() as backend:
        yield backend


@pytest.fixture
def either_backend(cupy_backend):
    """The same, as the default."""
    with backends.use(cupy_backend):
        yield cupy_backend


_left_out = pytest.StashKey[int]()


def pytest_collection_modifyitems(config, items):
    """Count what exists once for the substitute and would once more for a device."""
    config.stash[_left_out] = sum("cupy_backend" in item.fixturenames for item in items) if NO_DEVICE else 0


@pytest.fixture
def left_out(request):
    """How many tests on a device do not exist here, and why; empty where they do."""
    count = request.config.stash[_left_out]
    return f"{count:,} tests on a device are left out: {NO_DEVICE}" if NO_DEVICE else ""


@pytest.fixture
def device():
    """The backend on a real device."""
    with on_a_device() as backend:
        yield backend


@pytest.fixture
def machine():
    """A pretended machine, as new."""
    with substitute.standing_in() as machine:
        yield machine


@pytest.fixture
def backend(machine):
    """On a pretended device, whose log is kept."""
    needs_a_compiler()
    machine.record()
    with backends.use(backends.get("cupy")):
        yield backends.default()


@pytest.fixture
def graphs(monkeypatch):
    """Graphs, also where one kernel would do."""
    put_on_the_stream_by("graphs", monkeypatch)
