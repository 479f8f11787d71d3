"""Every test of compiled steps runs on NumPy and as machine code; what devices decide, too, on one or what stands in for it."""

from __future__ import annotations

import logging

import pytest
from compiling import compiling_on, engines


def pytest_generate_tests(metafunc):
    """Marked `devices` are state, rows, draws, threads and errors; arguments, guards and rules are the same everywhere."""
    engines(metafunc)


@pytest.fixture(autouse=True)
def backend(request):
    with compiling_on(request.param) as name:
        yield name


@pytest.fixture
def everything(request, backend):
    """Whether to go through whole tables: on NumPy, where nothing is compiled, and with `--full`."""
    return backend == "numpy" or request.config.getoption("--full")


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO, "gradloom")
    return lambda: [r.getMessage() for r in caplog.records if r.name == "gradloom"]


@pytest.fixture
def two_threads():
    threads = pytest.importorskip("backends.native").threads
    before, threads.limit = threads.limit, 2
    yield
    threads.limit = before
