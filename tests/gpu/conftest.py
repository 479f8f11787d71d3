"""The backend under test: on the substitute everywhere, and on a real device (marker `gpu`) where there is one."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import substitute

import backends
from backends.cupy.library import library


@contextmanager
def on_a_device():
    """Inside, the backend on a real device; skips where there is none."""
    with substitute.as_installed():
        try:
            library()
        except ImportError as reason:
            pytest.skip(str(reason))
        yield backends.get("cupy")


@pytest.fixture(params=["substitute", pytest.param("device", marks=pytest.mark.gpu)], scope="module")  # fmt: skip
def cupy_backend(request):
    """The CuPy backend; on a device only where there is one."""
    if request.param == "substitute":
        with substitute.standing_in():
            yield backends.get("cupy")
        return
    with on_a_device() as backend:
        yield backend


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
