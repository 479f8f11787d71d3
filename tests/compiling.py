"""The backends on which tests of compiled programs run, CUDA devices or what stands in for one among them."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager

import pytest
import substitute
from substitute import host

import autograd as ag
import backends

COMPILING = ("numpy", "numba", "cupy")


@contextmanager
def compiling_on(name):
    """Inside, `name` is the default: of CuPy a real device where there is one, else the substitute."""
    with contextlib.ExitStack() as stack:
        reason = backends.available()[name]
        if name == "cupy" and reason != "available":
            if host.COMPILER is None:
                pytest.skip(host.REASON)
            stack.enter_context(substitute.standing_in())
        elif reason != "available":
            pytest.skip(reason)
        stack.enter_context(backends.use(name))
        ag.random.seed(0)
        yield name
