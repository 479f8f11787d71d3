"""The CUDA sources of the eager backend through the real compiler, which needs no GPU."""

from __future__ import annotations

import pytest
import substitute

from backends.contract import SUPPORTED
from backends.cupy import kernels

pytestmark = pytest.mark.once
SOURCES = [("random_bits", kernels.RANDOM_BITS), ("outside", kernels.OUTSIDE)]
SOURCES += [(f"error_function {name}", kernels.ERF.replace("TYPE", kernels._NAMES[name])) for name in ("float32", "float64")]  # fmt: skip
SOURCES += [(f"add_runs {name}", kernels.ADD_RUNS.replace("TYPE", kernels._NAMES[name])) for name in SUPPORTED if name != "float16"]  # fmt: skip


@pytest.fixture(scope="module")
def nvrtc():
    """CuPy's door to NVRTC."""
    with substitute.as_installed():
        library = pytest.importorskip("cupy_backends.cuda.libs.nvrtc")
        pytest.importorskip("cupy")
        try:
            library.getVersion()
        except RuntimeError as reason:
            pytest.skip(f"NVRTC cannot be loaded: {reason}")
        yield library


@pytest.mark.parametrize("source", [text for _, text in SOURCES], ids=[name for name, _ in SOURCES])
@pytest.mark.parametrize("architecture", ["compute_75", "compute_90"])
def test_kernels_compile(nvrtc, source, architecture):
    program = nvrtc.createProgram(source, "kernel.cu", (), ())
    try:
        nvrtc.compileProgram(program, (f"-arch={architecture}", "-std=c++17", "-Werror=all-warnings"))  # fmt: skip
    except Exception:
        pytest.fail(nvrtc.getProgramLog(program))
    assert ".entry" in str(nvrtc.getPTX(program))
    nvrtc.destroyProgram(program)
