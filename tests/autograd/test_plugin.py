"""The pytest plugin, used as a project of its own would use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PLUGIN = ["-p", "autograd.testing.plugin", "-p", "no:cacheprovider", "--strict-markers"]

TESTS = """
import numpy as np
import pytest

import autograd as ag


@ag.op(vjp=dict(x=lambda xp, g, x: g * xp.cos(x) * 1.001))
def wrong_sine(xp, x):
    return xp.sin(x)


@pytest.mark.gradients((3, 4), (4,), domain=(-2, 2), order=2)
def test_right(gradcheck):
    gradcheck(lambda x, bias: ag.tanh(x + bias))


def test_at_a_point(gradcheck):
    gradcheck(ag.tanh, [0.5, -1.0])


def test_kinks(gradcheck):
    gradcheck(ag.relu, (2, 3))
    gradcheck(ag.maximum, (2, 3), (3,))


@pytest.mark.gradients((3,))
def test_wrong(gradcheck):
    gradcheck(wrong_sine)


def test_no_inputs(gradcheck):
    gradcheck(ag.tanh)


def test_count(gradcheck):
    points = []

    def counted(x):
        points.append(x.tolist())
        return ag.tanh(x)

    from hypothesis import strategies as st

    gradcheck(counted, st.floats(-1, 1).map(np.asarray))
    print("calls", len(points))
"""


@pytest.fixture
def run(tmp_path):
    """Runs the tests above with more arguments, as a project in a folder of its own."""
    (tmp_path / "test_gradients.py").write_text(TESTS)

    def run(*arguments):
        command = [sys.executable, "-m", "pytest", *PLUGIN, *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False,
            env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)},
        )  # fmt: skip
        return done.stdout + done.stderr

    return run


def test_right_gradients_pass_and_wrong_ones_fail(run):
    printed = run("-q")
    assert "2 failed, 4 passed" in printed
    assert "FAILED test_gradients.py::test_wrong" in printed
    assert "FAILED test_gradients.py::test_no_inputs" in printed


def test_a_failure_shows_what_is_needed_and_no_more(run):
    printed = run("-q", "-k", "test_wrong")
    for part in ("GradientMismatch: wrong_sine", "backward gives", "differences give", "To repeat it", "check_grad(wrong_sine"):  # fmt: skip
        assert part in printed, part
    assert "hypothesis" not in printed.lower()
    assert len(printed.splitlines()) < 50
    assert run("-q", "-k", "test_wrong").splitlines()[:-1] == printed.splitlines()[:-1]


def test_a_test_without_inputs_says_what_to_write(run):
    assert "gradcheck: no inputs; give arrays or shapes" in run("-q", "-k", "test_no_inputs")


def calls(printed):
    return int(printed.split("calls ")[1].split()[0])


def test_options(run):
    few = calls(run("-q", "-s", "-k", "test_count", "--gradient-profile", "quick"))
    more = calls(run("-q", "-s", "-k", "test_count"))
    most = calls(run("-q", "-s", "-k", "test_count", "--gradient-examples", "60"))
    assert few < more < most
    helped = run("--help")
    assert "--gradient-examples" in helped
    assert "--gradient-profile" in helped
    assert "invalid choice" in run("--gradient-profile", "sloppy")


def test_the_marker_is_known(run):
    assert "gradients(*shapes, domain=(low, high), order=1)" in run("--markers")


def test_a_project_that_does_not_use_it_sees_no_difference(tmp_path):
    (tmp_path / "test_other.py").write_text(
        "import sys\n\n\ndef test_other():\n    assert 'hypothesis.strategies' not in sys.modules\n"
        "    assert 'numba' not in sys.modules\n"
    )
    printed = []
    for plugin in (PLUGIN, PLUGIN[2:]):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:hypothesispytest", *plugin],
            cwd=tmp_path, capture_output=True, text=True, check=False,
            env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        printed.append(done.stdout.partition(" in ")[0])
    assert printed[0] == printed[1]
