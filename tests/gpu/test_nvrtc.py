"""NVRTC beside the tests: it is there, it compiles, it refuses, and it says who made the kernel."""

from __future__ import annotations

import re

import pytest
from substitute import nvrtc

from backends.cuda.prelude import source_of
from backends.cupy import kernels
from backends.cupy.launching import OPTIONS

pytestmark = [pytest.mark.once, pytest.mark.skipif(nvrtc.find() is None, reason=nvrtc.REASON)]
GOOD = 'extern "C" __global__ void good(float* x) { x[threadIdx.x] = erf(x[threadIdx.x]); }'


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
def test_a_kernel_becomes_machine_code(architecture, wide):
    compiler = nvrtc.NVRTC(nvrtc.find())
    if architecture not in compiler.architectures():
        pytest.skip(f"NVRTC {compiler.version()} knows no sm_{architecture}; {nvrtc.REASON}")
    size, log = compiler.compile(source_of(GOOD, wide), OPTIONS, architecture)
    assert size > 0
    assert re.search(r"Used \d+ registers", log)


@pytest.mark.parametrize("name", ["RANDOM_BITS", "ERF", "OUTSIDE", "ADD_RUNS"])
def test_the_kernels_of_the_eager_backend_become_machine_code(name):
    source = getattr(kernels, name).replace("TYPE", "double")
    assert nvrtc.NVRTC(nvrtc.find()).compile(source, (), 80)[0] > 0


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('extern "C" __global__ void bad(float* x) { x[0] = std::exp(x[0]); }', "std"),
        ('extern "C" __global__ void bad(float* x) { int y; x[0] = y; }', "used before"),
    ],
)
def test_what_is_refused_is_reported_with_the_test(source, words, tmp_path):
    beside = nvrtc.Beside(nvrtc.find(), tmp_path)
    beside.submit(GOOD, OPTIONS)
    beside.submit(source, OPTIONS)
    beside.submit(source, OPTIONS)
    (report,) = beside.finish()
    assert "a kernel of tests/gpu/test_nvrtc.py::test_what_is_refused" in report
    assert words in report
    assert source in report
    assert [p.name for p in tmp_path.iterdir()] == [nvrtc.digest(GOOD, OPTIONS)]


def test_what_has_been_compiled_is_not_compiled_again(tmp_path):
    (tmp_path / nvrtc.digest("no C at all", OPTIONS)).touch()
    beside = nvrtc.Beside(nvrtc.find(), tmp_path)
    beside.submit("no C at all", OPTIONS)
    assert beside.finish() == []


def test_a_compiler_that_breaks_down_is_reported(tmp_path):
    beside = nvrtc.Beside("libm.so.6", tmp_path)
    assert "the process ended with" in beside.finish()[0]
