"""Which of the kernels that tests need are worth compiling: one of those that differ in little."""

from __future__ import annotations

import itertools
import re

from backends.numba import NumbaBackend, kernels

DTYPES = ("float32", "float64")


def sources_of(work):
    """The sources of the kernels that `work(backend)` needs. None is compiled, so all numbers are arbitrary."""
    found = []

    def load(source):
        found.append(source)
        return lambda *arguments: None

    before, kernels.load = kernels.load, load
    try:
        work(NumbaBackend(fuse_from=0, threads=1))
    finally:
        kernels.load = before
    return found


def skeleton(source):
    """What is left without the places that a kernel reads, their order, and the numbers in names."""
    lines = [re.sub(r"\bp\d+\[[^]]*\]", "p", line) for line in source.splitlines()]
    rest = "\n".join(line for line in lines if not re.fullmatch(r"\s*v\d+ = p|@cfunc.*|def kernel.*", line))
    numbers = itertools.count()
    names = {}
    return re.sub(r"\b[av]\d+\b", lambda name: names.setdefault(name[0], f"v{next(numbers)}"), rest)


def dtypes_of(name, names, full):
    """The dtypes in which something is tested: both in a full run, else in turns; functions have tests of their own in both."""
    return DTYPES if full else (DTYPES[list(names).index(name) % 2],)
