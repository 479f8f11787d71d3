"""What every test here shares: a known seed, the NumPy backend, and Hypothesis that repeats itself.

The profile "thorough" (`--hypothesis-profile thorough`) draws new and many more examples.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

import autograd as ag
import backends

settings.register_profile("repeatable", derandomize=True, max_examples=60, deadline=None)
settings.register_profile("thorough", max_examples=2000, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _known_start():
    ag.random.seed(0)
    with backends.use("numpy"):
        yield
