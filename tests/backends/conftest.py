"""What the tests of backends share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def full(request):
    """Whether everything runs, however alike what it compiles is."""
    return request.config.getoption("--full")
