"""Fixtures of the tests of models."""

from __future__ import annotations

import signal

import pytest
from compiling import COMPILING, compiling_on
from models import rows

import nn


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "devices: of the tests that take a backend, one that runs on CUDA devices without --full, too",
    )


def pytest_generate_tests(metafunc):
    """What takes a backend and does not say which: the CPU's, and devices with `--full`, or where it is marked `devices`.

    `tests/gpu/test_machine_fit.py` trains with every layer, optimizer and loss there; what is marked is what else the
    backend decides: how data come, how state is written back, callbacks, threads, predictions.
    """
    definition = metafunc.definition
    given = [name for mark in definition.iter_markers("parametrize") for name in mark.args[:1]]
    if "backend" in metafunc.fixturenames and "backend" not in given:
        everywhere = metafunc.config.getoption("--full") or definition.get_closest_marker("devices")
        names = COMPILING if everywhere else tuple(name for name in COMPILING if name != "cupy")
        metafunc.parametrize("backend", names, indirect=True)


@pytest.fixture
def backend(request):
    """One backend after the other, on which the test runs."""
    with compiling_on(request.param) as name:
        yield name


@pytest.fixture
def trained():
    """A compiled model after one epoch, so that weights, slots and counters all hold something."""
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
