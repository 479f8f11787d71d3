"""Every test of compiled training runs on NumPy and as machine code."""

from __future__ import annotations

import logging

import pytest

import autograd as ag
import backends


@pytest.fixture(params=["numpy", "numba"], autouse=True)
def backend(request):
    if request.param not in backends.available():
        pytest.skip("numba is not installed")
    with backends.use(request.param):
        ag.random.seed(0)
        yield request.param


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO, "gradloom")
    return lambda level=logging.INFO: [
        r.getMessage() for r in caplog.records if r.name == "gradloom" and r.levelno >= level
    ]
