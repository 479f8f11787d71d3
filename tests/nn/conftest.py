"""Fixtures of the tests of models."""

from __future__ import annotations

import signal
import sys

import pytest
from compiling import compiling_on, engines
from models import rows

import nn


def pytest_generate_tests(metafunc):
    """`tests/gpu/test_executable_fit.py` trains with every layer, optimizer and loss on devices; what is marked `devices` is
    what else the backend decides: how data come, how state is written back, callbacks, threads, predictions."""
    engines(metafunc)


@pytest.fixture
def backend(request):
    """One backend after the other, on which the test runs."""
    with compiling_on(request.param) as name:
        yield name


@pytest.fixture(autouse=True)
def seeded_keras():
    """Where Keras is compared with, it begins with the same weights in every run."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(2)


@pytest.fixture
def trained():
    """A compiled model after one epoch, so that weights, slots and counters all hold something."""
    nn.utils.set_random_seed(0)
    model = nn.Sequential([nn.Dense(4, "relu", input_shape=(3,)), nn.Dense(1, "sigmoid")])
    model.compile(nn.Adam(), "binary_crossentropy", metrics=["accuracy"])
    model.fit(*rows(), batch_size=4)
    return model


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """The bytes of a saved model with Adam's slots."""
    path = tmp_path_factory.mktemp("saved") / "model"
    model = nn.Sequential([nn.Dense(4, "relu", input_shape=(3,)), nn.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(*rows(20))
    model.save(path)
    return path.read_bytes()


@pytest.fixture
def listens_to_ctrl_c():
    """Where the tests were started in the background, the interpreter ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
