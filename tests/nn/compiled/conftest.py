"""Every test of compiled training runs on NumPy and as machine code; on CUDA devices or what stands in for one, see `devices`."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def _on_each(backend):
    """All of them take a backend, whether they look at it or not."""


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO, "gradloom")
    return lambda level=logging.INFO: [
        r.getMessage() for r in caplog.records if r.name == "gradloom" and r.levelno >= level
    ]
