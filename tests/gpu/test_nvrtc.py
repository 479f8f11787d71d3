"""NVRTC beside the tests: it is there, it compiles, it refuses, and it says who made the kernel."""

from __future__ import annotations

import re

import pytest
from substitute import beside, nvrtc

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


@pytest.mark.parametrize("source", [kernels.ERF, kernels.OUTSIDE, kernels.ADD_RUNS], ids=["erf", "outside", "add_runs"])  # fmt: skip
def test_the_kernels_of_the_eager_backend_become_machine_code(source):
    assert nvrtc.NVRTC(nvrtc.find()).compile(source.replace("TYPE", "double"), (), 80)[0] > 0


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('extern "C" __global__ void bad(float* x) { x[0] = std::exp(x[0]); }', "std"),
        ('extern "C" __global__ void bad(float* x) { int y; x[0] = y; }', "used before"),
    ],
)
def test_what_is_refused_is_reported_with_the_test(source, words, tmp_path):
    compiling = beside.Beside(nvrtc.find(), tmp_path)
    compiling.submit(GOOD, OPTIONS)
    compiling.submit(source, OPTIONS)
    compiling.submit(source, OPTIONS)
    (report,) = compiling.finish()
    assert "a kernel of tests/gpu/test_nvrtc.py::test_what_is_refused" in report
    assert words in report
    assert source in report
    assert [p.name for p in tmp_path.iterdir()] == [beside.digest(GOOD, OPTIONS)]


def test_one_refused_among_many_is_found(tmp_path):
    good = [source_of(GOOD.replace("good", f"good{n}"), wide=False) for n in range(20)]
    bad = source_of("__global__ void bad() { return 1; }", wide=False)
    compiling = beside.Beside(nvrtc.find(), tmp_path)
    for source in (*good[:10], bad, *good[10:], GOOD):
        compiling.submit(source, OPTIONS)
    (report,) = compiling.finish()
    assert bad in report
    assert {p.name for p in tmp_path.iterdir()} == {beside.digest(s, OPTIONS) for s in (*good, GOOD)}  # fmt: skip


def test_what_has_been_compiled_is_not_compiled_again(tmp_path):
    (tmp_path / beside.digest("no C at all", OPTIONS)).touch()
    compiling = beside.Beside(nvrtc.find(), tmp_path)
    compiling.submit("no C at all", OPTIONS)
    assert compiling.finish() == []


def test_a_compiler_that_breaks_down_is_reported(tmp_path):
    compiling = beside.Beside("libm.so.6", tmp_path)
    assert "the process ended with" in compiling.finish()[0]


def test_one_stands_for_those_that_differ_in_numbers(tmp_path):
    text = 'extern "C" __global__ void k(float* x) { x[16] = 2.5f + x[3] * 1e-3; }'
    same = text.replace("16", "8").replace("2.5f", "1.0f").replace("1e-3", "7.25")
    other = [
        text.replace("float*", "double*"),
        text.replace("2.5f", "2.5"),
        text.replace("[16]", "[16u]"),
    ]
    compiling = beside.Beside(nvrtc.find(), tmp_path, (80,), alike=True)
    for source in (text, same, *other):
        compiling.submit(source, OPTIONS)
    assert compiling.finish() == []
    assert len(list(tmp_path.iterdir())) == 4
    assert beside.folded("float32 v1 = p0[1024] + 0x1F") == "float32 v1 = p0[1] + 1"
