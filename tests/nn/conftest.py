"""Fixtures of the tests of models."""

from __future__ import annotations

import pytest
from models import rows

import nn


@pytest.fixture
def trained():
    """A compiled model after one epoch, so that weights, slots and counters all hold something."""
    model = nn.Sequential([nn.Dense(4, "relu", input_shape=(3,)), nn.Dense(1, "sigmoid")])
    model.compile(nn.Adam(), "binary_crossentropy", metrics=["accuracy"])
    model.fit(*rows(), batch_size=4)
    return model
