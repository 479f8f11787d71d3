"""Every test of compiled steps runs on NumPy, as machine code, and on CUDA devices or what stands in for one."""

from __future__ import annotations

import logging

import pytest
from compiling import COMPILING, compiling_on


@pytest.fixture(params=COMPILING, autouse=True)
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
    team = pytest.importorskip("backends.native").team
    before, team.limit = team.limit, 2
    yield
    team.limit = before
