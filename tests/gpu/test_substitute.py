"""The substitute against the CuPy that is installed: the same names, the same parameters. So that it cannot drift."""

from __future__ import annotations

import importlib
import inspect
import re
from types import ModuleType

import numpy as np
import pytest
import substitute
from grouping import grouped
from substitute import host

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def real():
    with substitute.as_installed():
        yield pytest.importorskip("cupy")


def names(module, prefix=""):
    """(dotted name, thing) for all that the substitute offers, members of classes included."""
    for name, member in vars(module).items():
        if name.startswith("_"):
            continue
        yield prefix + name, member
        if isinstance(member, (ModuleType, type)):
            yield from names(member, f"{prefix}{name}.")


NAMES = dict(names(substitute.cupy))
OWN = {"cuda.Stream.name", "cuda.Stream.captured", "cuda.Stream.invalidated", "cuda.PinnedMemoryPointer"}


def find(module, name):
    """The member of that name, modules imported on the way."""
    for part in name.split("."):
        if not hasattr(module, part) and isinstance(module, ModuleType):
            importlib.import_module(f"{module.__name__}.{part}")
        module = getattr(module, part)
    return module


@grouped("name", {"every one": list(NAMES)})
def test_every_name_exists_in_cupy(real, name):
    try:
        find(real, name)
    except ImportError as error:
        # CuPy has the name, and loads NVIDIA's library for it
        if "libcublas" not in str(error):
            raise


def parameters_of(member):
    """Names of parameters, from the signature or from the first line of a compiled function's text; None: unknown."""
    try:
        found_ = inspect.signature(member).parameters.items()
        stars = [p.kind for _, p in found_ if p.kind is inspect.Parameter.VAR_POSITIONAL]
        found = [n for n, p in found_ if p.kind is not inspect.Parameter.VAR_KEYWORD]
        if stars:
            return None
    except (TypeError, ValueError):
        text = (getattr(member, "__doc__", None) or "").strip().partition("\n")[0]
        match = re.fullmatch(r"[\w.]+\((.*)\).*", text)
        if match is None:
            return None
        found = [re.split(r"[=:]", p)[0].split()[-1] for p in re.sub(r"\([^)]*\)|\[[^]]*\]", "", match[1]).split(",") if re.split(r"[=:]", p)[0].split()]  # fmt: skip
    return [p for p in found if p not in ("self", "/", "*", "args", "kwargs", "_")]


FUNCTIONS = [n for n, m in NAMES.items() if inspect.isfunction(m) and n.split(".")[-1] not in substitute.UFUNCS]  # fmt: skip


@grouped("name", {"every one": FUNCTIONS})
def test_every_parameter_exists_in_cupy(real, name):
    own, theirs = parameters_of(NAMES[name]), parameters_of(find(real, name))
    if not own or not theirs:
        return
    assert [p for p in own if p not in theirs] == []


def test_the_comparison_sees_something(real):
    known = [name for name in FUNCTIONS if parameters_of(find(real, name))]
    assert len(known) > 20


@pytest.mark.parametrize("work", [np.asarray, np.array, lambda x: np.zeros(3) + x, lambda x: x + np.zeros(3), lambda x: np.sum([x]), memoryview])  # fmt: skip
def test_it_does_not_become_a_numpy_array_by_accident(machine, work):
    with pytest.raises((TypeError, DeprecationWarning)):
        work(substitute.cupy.zeros(3))


def test_indices_wrap_and_signs_of_booleans_exist_as_in_cupy(machine):
    """What the backend has to guard against is there to be guarded against."""
    cupy = substitute.cupy
    x = cupy.arange(3)
    assert cupy.take(x, cupy.array([4, -5])).get().tolist() == [1, 1]
    assert x[cupy.array([3])].get().tolist() == [0]
    assert cupy.sign(x > 1).dtype == "int8"
    assert cupy.power(x, -1).get().tolist() == [0, 1, 0]


def test_graphs_do_again_what_was_captured(machine):
    cupy = substitute.cupy
    x, stream = cupy.zeros(3), substitute.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        cupy.add(x, 1, out=x)
        y = cupy.multiply(x, 2)
        with pytest.raises(RuntimeError, match="not permitted while the stream is capturing"):
            x.get()
        graph = stream.end_capture()
    assert x.get().tolist() == [0, 0, 0]
    graph.launch(stream)
    graph.launch(stream)
    assert (x.get().tolist(), y.get().tolist()) == ([2, 2, 2], [4, 4, 4])
    assert machine.log[-1][0] == "null"


@pytest.mark.skipif(host.COMPILER is None, reason=host.REASON)
def test_nothing_is_compiled_while_a_stream_is_captured(machine):
    cupy = substitute.cupy
    x, stream = cupy.zeros(1), substitute.cuda.Stream(non_blocking=True)
    add = cupy.RawKernel('extern "C" __global__ void add(double* x) { x[0] += 1; }', "add")
    with stream:
        stream.begin_capture()
        with pytest.raises(
            cupy.cuda.runtime.CUDARuntimeError, match="not permitted when stream is capturing"
        ):
            add((1,), (1,), (x,))
        stream.end_capture()
    add((1,), (1,), (x,))
    assert x.get().tolist() == [1]
