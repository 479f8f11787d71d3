"""The stages of a run on a GPU by what they tell, the most telling first, with the seconds that each gets of nine minutes.

A longer run gives each more, and the contest all of its networks, contestants and precisions. Tests and contests of other
frameworks are no oracles here: on a GPU they round products by default, and the tests hold everything against NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from .running import Stage

MINUTES = 9.0
LONG = 15.0
"""From so many minutes on there is time for the whole contest."""
PRECISIONS = ("float32", "tf32", "bfloat16")
FEW = (
    "--contestants", "gradloom,torch-graph,jax-scan,cublas", "--only", "tiny,small,mnist,huge",
    "--rounds", "1", "--seconds", "0.4", "--patience", "60",
)  # fmt: skip
"""Who is fastest elsewhere, on the networks that tell most."""
CPU_JAX = {"JAX_PLATFORMS": "cpu"}
MACHINES = ("executable", "executable_fit", "executable_state", "executable_errors", "executable_ways", "blas", "draws", "narrow", "scattered", "dlpack", "shared_memory", "streams")  # fmt: skip
WORKERS = 12
"""Each has a context of half a gigabyte on the device."""


def stages(python: str, out: Path, minutes: float = MINUTES) -> list[Stage]:
    """What is done with `python`, in its order; reports of contests go into the folder `out`."""
    more = max(1.0, minutes / MINUTES)
    found = [*_answers(python), *_contests(python, out, minutes), *_machines(python), *_suites(python)]
    return [stage if stage.required else stage._replace(seconds=stage.seconds * more) for stage in found]


def _answers(python: str) -> Iterator[Stage]:
    """Whether numbers are right, and what a step takes."""
    there = "from benchmarks.contests.step import must_have_gpu; must_have_gpu()"
    yield Stage("device", 60, [python, "-c", there], required=True)
    facts = "name,driver_version,clocks.sm,clocks.mem,memory.total"
    yield Stage("facts", 20, ["nvidia-smi", f"--query-gpu={facts}", "--format=csv"])
    yield Stage("config", 30, [python, "-c", "import cupy; cupy.show_config()"])
    first = [python, "-m", "benchmarks.gpu.first"]
    yield Stage("answers", 100, [*first, "import", "kernels", "blas", "fit"])
    yield Stage("times", 130, [*first, "time"])


def _contests(python: str, out: Path, minutes: float) -> Iterator[Stage]:
    """A training step in every framework."""
    contest = [python, "-m", "benchmarks", "step", "--backend", "cupy"]
    if minutes < LONG:
        report = ["--json", str(out / "step.json"), "--minutes", "1.6"]
        yield Stage("contest", 110, [*contest, *FEW, *report])
        return
    for precision in PRECISIONS:
        # most of its time: so it ends by itself, and says why it has no more rounds
        name = "step" if precision == "float32" else f"step-{precision}"
        report = ["--json", str(out / f"{name}.json"), "--minutes", f"{minutes / MINUTES:.1f}"]
        yield Stage(f"contest in {precision}", 75, [*contest, "--precision", precision, *report])


def _machines(python: str) -> Iterator[Stage]:
    """What runs whole steps: faults that only a device shows, its tests, errors, many elements."""
    checked = [python, "-m", "benchmarks.gpu.san"]
    sanitizer = ["compute-sanitizer", "--error-exitcode", "9", "--tool"]
    yield Stage("memcheck", 45, [*sanitizer, "memcheck", *checked])
    yield Stage("racecheck", 45, [*sanitizer, "racecheck", "--racecheck-report", "analysis", *checked])
    files = [f"tests/gpu/test_{name}.py" for name in MACHINES]
    yield Stage("machines", 90, [*_pytest(python), "-m", "gpu", *files], CPU_JAX)
    first = [python, "-m", "benchmarks.gpu.first"]
    yield Stage("errors", 25, [*first, "errors"])
    yield Stage("wide", 25, [*first, "wide"])


def _suites(python: str) -> Iterator[Stage]:
    """Everything else that can run on a device, by which CuPy compiles thousands of kernels of its own."""
    tests = _pytest(python)
    values = ["tests/gpu/test_kernel_values.py", "tests/gpu/test_every_dtype.py", "tests/gpu/test_executable_scopes.py"]  # fmt: skip
    yield Stage("values", 60, [*tests, "-m", "gpu", *values], CPU_JAX)
    eager = [f"tests/gpu/test_eager{name}.py" for name in ("", "_data_movement", "_tensors")]
    yield Stage("eager", 90, [*tests, "-m", "gpu", *eager, "tests/gpu/test_errors.py"], CPU_JAX)
    whole = ["tests/autograd", "tests/nn", "tests/backends"]
    marks = "not slow and not once and not oracle"
    yield Stage("suite", 400, [*tests, "--backend", "cupy", "-m", marks, *whole], CPU_JAX)


def _pytest(python: str) -> list[str]:
    """On all cores; warnings are told and are no errors: those of NumPy, CuPy and other libraries differ by version."""
    cores = ["-n", "auto", "--maxprocesses", str(WORKERS), "--dist", "worksteal"] if find_spec("xdist") else []  # fmt: skip
    return [python, "-m", "pytest", "-q", *cores, "-W", "default", "-p", "no:cacheprovider", "--tb=short", "--maxfail=40"]  # fmt: skip
