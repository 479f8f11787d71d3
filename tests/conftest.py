"""What every test here shares: a known seed, one CPU backend, and Hypothesis that repeats itself.

`--backend numba` runs the whole suite on Numba, with kernels for arrays of every size. The profile "thorough" (`--hypothesis-profile thorough`) draws new and many more examples.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

import autograd as ag
import backends

settings.register_profile("repeatable", derandomize=True, max_examples=60, deadline=None)
settings.register_profile("thorough", max_examples=2000, deadline=None)
settings.load_profile("repeatable")


def pytest_addoption(parser):
    parser.addoption("--backend", default="numpy", help="the backend that the tests run on")


def pytest_configure(config):
    """Set before the test modules are imported, since some make tensors right there."""
    backend = backends.get(config.getoption("--backend"))
    if backend.name == "numba":
        backend.fuse_from = 0
    backends.set_default(backend)


@pytest.fixture(autouse=True)
def _known_start(caplog):
    ag.random.seed(0)
    with backends.use(backends.default()):
        yield
    fallen_back = [r.getMessage() for r in caplog.records if r.name == "gradloom" and "kernel" in r.msg]  # fmt: skip
    assert not fallen_back


@pytest.fixture
def on_numpy():
    """For what is true of NumPy alone: eager runs a rule primitive by primitive, as the interpreter does."""
    with backends.use("numpy"):
        yield
