"""The backend under test: on the substitute everywhere, and on a real device (marker `gpu`) where there is one."""

from __future__ import annotations

import pytest
import substitute

import backends
from backends.cupy.library import library


@pytest.fixture(params=["substitute", pytest.param("device", marks=pytest.mark.gpu)], scope="module")  # fmt: skip
def cupy_backend(request):
    """The CuPy backend; on a device only where there is one."""
    if request.param == "substitute":
        with substitute.standing_in():
            yield backends.get("cupy")
        return
    with substitute.as_installed():
        try:
            library()
        except ImportError as reason:
            pytest.skip(str(reason))
        yield backends.get("cupy")


@pytest.fixture
def device():
    """The backend on a real device."""
    with substitute.as_installed():
        try:
            library()
        except ImportError as reason:
            pytest.skip(str(reason))
        yield backends.get("cupy")


@pytest.fixture
def machine():
    """A pretended machine, as new."""
    with substitute.standing_in() as machine:
        yield machine
