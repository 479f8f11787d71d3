"""What every test here shares: a known seed, a backend, Hypothesis that repeats itself, and kernels that are kept.

Tests marked `eager` run twice, on NumPy and on Numba with kernels for arrays of every size. `--backend numba` runs the
whole suite on Numba; `--backend cupy` on a GPU, or on a substitute for CuPy where there is none. `--full` takes every
seed and architecture; the profile "thorough" (`--hypothesis-profile thorough`) draws new and many more examples.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

import compile_clock
import pytest
import substitute
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture import providers
from progress import Progress
from substitute import architectures, beside, nvrtc

import autograd as ag
import backends
from backends.cupy.library import library

# what fails is explained by its smallest example; tracing every line to say more makes the tests of the shrinking slow
PHASES = [phase for phase in Phase if phase is not Phase.explain]
# how long drawing takes says how busy the machine is
CALM = dict(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", derandomize=True, max_examples=30, phases=PHASES, **CALM)
settings.register_profile("full", derandomize=True, max_examples=120, **CALM)
settings.register_profile("thorough", max_examples=2000, **CALM)
settings.load_profile("repeatable")

# Hypothesis draws numbers out of the source of all modules that happen to be imported, too: reading them takes it ten
# seconds in every worker, and what a test draws would depend on the tests before it
if hasattr(providers, "_get_local_constants"):
    providers._get_local_constants = lambda: providers._local_constants

pytest.register_assert_rewrite("blocks", "networks", "programs", "steps")

# doctest would import the conftest files of all folders as one module
# and run the scripts of tutorials where it imports them
collect_ignore_glob = ["*conftest.py", "nn/scripts/*"]


def pytest_addoption(parser):
    group = parser.getgroup("gradloom's own tests")
    group.addoption(
        "--backend",
        help="run everything on this backend; without it on NumPy, and what is marked `eager` on Numba, too",
    )
    group.addoption(
        "--full",
        action="store_true",
        help="every seed, more drawn examples, kernels for every architecture",
    )
    group.addoption(
        "--progress",
        action="store_true",
        help="how far it is and how long it takes, in the place of dots",
    )
    group.addoption("--seconds", metavar="FILE", help="write what each file took")


def pytest_configure(config):
    """Set before the test modules are imported, since some make tensors right there."""
    full = config.getoption("--full")
    if full and not config.getoption("--hypothesis-profile", None):
        settings.load_profile("full")
    if full:
        architectures.ask_for_all()
    if config.getoption("--seconds"):
        compile_clock.start()
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(config), "progress")
    name = config.getoption("--backend") or "numpy"
    if name.startswith("cupy"):
        prepare_cupy()
    backend = backends.get(name)
    if backend.name == "numba":
        backend.fuse_from = 0
    backends.set_default(backend)


def pytest_generate_tests(metafunc):
    """Tests marked `eager` run on both CPU backends; everything else, and all of it under `--backend`, on one."""
    if metafunc.definition.get_closest_marker("eager") and not metafunc.config.getoption("--backend"):
        metafunc.parametrize("eager_backend", ("numpy", "numba"), indirect=True)


@pytest.fixture
def eager_backend(request):
    """The backend that a test runs on; Numba with kernels also where NumPy would be faster."""
    if getattr(request, "param", "numpy") == "numpy":
        yield backends.default()
        return
    pytest.importorskip("numba", reason="the extra gradloom[cpu] is not installed")
    # the one that is found by its name, since a transform may look it up
    numba = backends.get("numba")
    before, numba.fuse_from = numba.fuse_from, 0
    yield numba
    numba.fuse_from = before


@pytest.fixture(scope="session")
def full(request):
    """Whether every seed, sample and backend is wanted."""
    return request.config.getoption("--full")


def prepare_cupy():
    """The real CuPy where it works, else its substitute."""
    try:
        library()
    except ImportError:
        library.cache_clear()
        substitute.install()


def pytest_report_header(config):
    backend = backends.default()
    where = f"; {architectures.choice()}"
    if backend.name.startswith("cupy"):
        pretended = library() is substitute.cupy
        where += ": NO GPU, a substitute for CuPy on the host" if pretended else f": a real GPU, CuPy {library().__version__}"  # fmt: skip
    return f"backend {backend.name}{where}"


@pytest.fixture(autouse=True)
def _known_start(caplog, request, eager_backend):
    before = compile_clock.spent()
    with backends.use(eager_backend):
        ag.random.seed(0)
        yield
    request.node.user_properties.append(("compile", compile_clock.spent() - before))
    fallen_back = [r.getMessage() for r in caplog.records if r.name == "gradloom" and "kernel" in r.msg]  # fmt: skip
    assert not fallen_back


def pytest_collection_modifyitems(config, items):
    """Tests marked `host` look at arrays as NumPy's; their case for devices does not exist."""
    gone = [i for i in items if i.get_closest_marker("host") and i.callspec.params.get("backend") == "cupy"]  # fmt: skip
    config.hook.pytest_deselected(items=gone)
    items[:] = [i for i in items if i not in gone]


def pytest_sessionfinish(session, exitstatus):
    """A whole run for every architecture that passed has shown them the kernels as they are."""
    config = session.config
    some = (
        config.getoption("keyword")
        or config.getoption("markexpr")
        or config.args != config.getini("testpaths")
    )
    if (
        exitstatus == 0
        and not some
        and not hasattr(config, "workerinput")
        and nvrtc.find()
        and not architectures.alike()
    ):
        architectures.note()


@pytest.fixture(scope="session", autouse=True)
def _kernels_compile_for_devices():
    """Whatever kernels the tests of this process make, NVRTC takes them, too; what it refuses is an error after the last test."""
    yield
    refused = beside.finish()
    if refused:
        pytest.fail(f"NVRTC refuses {len(refused)} kernels. The first:\n" + "\n\n".join(refused[:3]), pytrace=False)  # fmt: skip


@pytest.fixture
def on_numpy():
    """For what is true of NumPy alone: eager runs a rule primitive by primitive, as the interpreter does."""
    with backends.use("numpy"):
        yield


HIPS_VERSION = "1.9.1"


@pytest.fixture(scope="session")
def hips_python():
    """An interpreter with HIPS autograd: that of GRADLOOM_HIPS_PYTHON, or of an environment made once and kept."""
    given = os.environ.get("GRADLOOM_HIPS_PYTHON")
    if given:
        return given
    folder = Path(tempfile.gettempdir()) / f"gradloom-hips-{HIPS_VERSION}-{sys.version_info[0]}.{sys.version_info[1]}"  # fmt: skip
    python = Path("Scripts" if os.name == "nt" else "bin") / "python"
    if not folder.exists():
        # made elsewhere and moved when complete, since other processes may be making it too
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="gradloom-hips-") as other:
            new = Path(other) / "environment"
            venv.create(new)
            (modules,) = new.glob("[Ll]ib/**/site-packages")
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", modules]  # fmt: skip
            made = subprocess.run([*pip, f"autograd=={HIPS_VERSION}"], capture_output=True, text=True, check=False)  # fmt: skip
            if made.returncode:
                pytest.skip(f"cannot install autograd=={HIPS_VERSION}: {made.stderr.strip().splitlines()[-1:]}")  # fmt: skip
            try:
                new.rename(folder)
            except OSError:  # another process was first
                assert folder.exists()
    # NumPy, which is all that it needs, is behind it on the path: that of the environment of now
    (modules,) = folder.glob("[Ll]ib/**/site-packages")
    note, here = modules / "numpy.pth", sysconfig.get_path("platlib") + "\n"
    if not note.exists() or note.read_text() != here:
        note.write_text(here)
    return str(folder / python)
