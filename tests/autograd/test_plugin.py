"""The pytest plugin, in a pytest of its own: what it finds, what its options do, and that it is inert unless used."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

import autograd as ag
from autograd.testing import GradientMismatch, Undecided
from autograd.testing.gradcheck import Gradcheck
from autograd.testing.strategies import arrays

pytestmark = pytest.mark.once

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(pytester, monkeypatch):
    """Run pytest on a test file with no other plugin than this one; where `apart`, in a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(source, *options, plugin=True, apart=False):
        pytester.makepyfile(source)
        chosen = ["-p", "autograd.testing.plugin"] if plugin else []
        start = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        return start(*chosen, "-p", "no:cacheprovider", *options)

    return run


FUNCTIONS = """
    import numpy as np
    import pytest
    import autograd as ag

    @ag.op(vjp=dict(x=lambda xp, g, x: g * xp.cos(x) * 1.01))
    def sine(xp, x):
        return xp.sin(x)

    def norm(x, w):
        return ag.relu(x @ w).sum()
"""


def test_the_fixture_passes_right_gradients_and_reports_wrong_ones(run):
    result = run(
        FUNCTIONS
        + """
    def test_right(gradcheck):
        gradcheck(norm, (2, 3), (3,))
        gradcheck(ag.relu, (4,), special=("zeros",))
        gradcheck(ag.log)
        gradcheck(lambda x: x ** 0.5, (3,), interval=(0.5, 2.0))

    def test_wrong(gradcheck):
        gradcheck(sine, (1,))
    """,
        "--gradient-examples",
        "10",
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*GradientMismatch: sine: the gradient with respect to x (1,) is wrong*",
            "*To repeat it:*",
            "*check_grad(sine, *inputs*",
        ]
    )


def test_options_and_markers_decide_how_many_examples(run):
    source = """
    import pytest

    def count(gradcheck):
        return gradcheck.number(), gradcheck.settings

    def test_plain(gradcheck):
        print("plain", count(gradcheck))

    @pytest.mark.gradients(examples=7, order=2)
    def test_marked(gradcheck):
        print("marked", count(gradcheck))

    @pytest.mark.gradients(profile="thorough")
    def test_profile(gradcheck):
        print("profile", count(gradcheck))
    """
    result = run(source, "-s", "--strict-markers")
    result.stdout.fnmatch_lines(["*plain (50, {})*", "*marked (7, {'order': 2})*", "*profile (1000, {})*"])
    result = run(source, "-s", "--gradient-profile", "quick")
    result.stdout.fnmatch_lines(["*plain (10, {})*", "*marked (7, {'order': 2})*", "*profile (1000, {})*"])
    result = run(source, "-s", "--gradient-examples", "3")
    result.stdout.fnmatch_lines(["*plain (3, {})*", "*marked (3, {'order': 2})*", "*profile (3, {})*"])
    result.assert_outcomes(passed=3)


def test_the_marker_sets_the_check(run):
    result = run(
        """
    import autograd as ag
    import pytest

    @ag.op(vjp=dict(x=lambda xp, g, x: xp.multiply(g, 2.0 * (x.detach() if isinstance(x, ag.Tensor) else x))))
    def square(xp, x):
        return xp.multiply(x, x)

    @pytest.mark.gradients(examples=5)
    def test_first_order(gradcheck):
        gradcheck(square, (1,))

    @pytest.mark.gradients(order=2, examples=5)
    def test_second_order(gradcheck):
        gradcheck(square, (1,))

    @pytest.mark.gradients(order=1, examples=5)
    def test_the_call_knows_better(gradcheck):
        gradcheck(square, (1,), order=2)
    """
    )
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*gradient of square*"])


def test_a_test_file_that_does_not_use_it_sees_nothing_of_it(run):
    source = """
    import sys

    def test_nothing():
        assert "hypothesis" not in sys.modules
        assert "autograd.testing.gradcheck" not in sys.modules
    """
    with_plugin = run(source, "-q", apart=True)
    with_plugin.assert_outcomes(passed=1)
    without = run(source, "-q", plugin=False, apart=True)
    # but for the seconds
    texts = [[line.split(" in ")[0] for line in r.outlines] for r in (with_plugin, without)]
    assert texts[0] == texts[1]


def test_wrong_use_is_explained(run):
    result = run(
        """
    import pytest

    @pytest.mark.gradients(50)
    def test_positional(gradcheck):
        pass

    @pytest.mark.gradients(profile="slow")
    def test_unknown(gradcheck):
        gradcheck(lambda x: x, (2,))

    def test_no_inputs(gradcheck):
        gradcheck(lambda x: x)

    def test_odd_input(gradcheck):
        gradcheck(lambda x: x, "two")
    """
    )
    result.assert_outcomes(failed=3, errors=1)
    result.stdout.fnmatch_lines_random(
        [
            "*the marker gradients takes keywords alone*",
            "*unknown profile 'slow'; known are default, quick, thorough*",
            "*gradcheck: no inputs; give a shape*",
            "*an input is a shape (a tuple of ints), a strategy or a NumPy array, got str 'two'*",
        ]
    )


def test_it_is_announced_to_pytest():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    entry = project["project"]["entry-points"]["pytest11"]
    assert entry == {"gradloom": "autograd.testing.plugin"}


def test_without_pytest():
    gradcheck = Gradcheck(examples=8)
    gradcheck(lambda x, i: x[i], (4,), np.array([0, 2, 2]))
    gradcheck(ag.maximum, (3,), (3,), special=("zeros",), order=2)
    gradcheck(lambda x: x.sum(), arrays(dtype="float32"), dtype="float32")
    with pytest.raises(GradientMismatch) as caught:
        gradcheck(lambda x: x * x.detach(), (3,))
    assert "np.array([" in caught.value.reproducer


def test_a_function_that_is_never_finite_is_not_passed_in_silence():
    with pytest.raises(Undecided, match=r"none of .* could be judged"):
        Gradcheck(examples=10)(lambda x: x * float("nan"), (2,))
