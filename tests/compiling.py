"""What tests of compiled programs share: the backends they run on, CUDA devices or what stands in for one among them; threads."""

from __future__ import annotations

import contextlib
import threading
from contextlib import contextmanager

import pytest
import substitute
from substitute import host

import autograd as ag
import backends

COMPILING = ("numpy", "numba", "cupy")


def engines(metafunc):
    """What takes a backend and does not say which: the CPU's, and devices with `--full`, or where it is marked `devices`."""
    definition = metafunc.definition
    given = [name for mark in definition.iter_markers("parametrize") for name in mark.args[:1]]
    if "backend" in metafunc.fixturenames and "backend" not in given:
        everywhere = metafunc.config.getoption("--full") or definition.get_closest_marker("devices")
        names = COMPILING if everywhere else tuple(name for name in COMPILING if name != "cupy")
        metafunc.parametrize("backend", names, indirect=True)


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


def together(*functions):
    """Each in a thread of its own; every one has to end within a minute, and the first error is raised here."""
    failed = []

    def guarded(f):
        try:
            f()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(f,)) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not any(t.is_alive() for t in threads)
    if failed:
        raise failed[0]
