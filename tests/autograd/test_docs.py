"""The pages of docs/: their code runs, what they show is what is printed, and the table of ops is the declarations'."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autograd.ops import OPS

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
GUIDE = (DOCS / "property-test-your-gradients.md").read_text(encoding="utf-8")


def run(*command, cwd=ROOT):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@functools.cache
def table_of_ops():
    """The page as the declarations have it; made once, for two tests."""
    spec = importlib.util.spec_from_file_location("make_ops", DOCS / "make_ops.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.text()


def test_the_table_of_ops_is_what_the_declarations_say():
    made = table_of_ops()
    assert (DOCS / "ops.md").read_text(encoding="utf-8") == made, "run python docs/make_ops.py"


def test_the_table_has_every_op_and_the_formulas_that_everybody_knows():
    made = table_of_ops()
    rows = [line for line in made.splitlines() if line.startswith("| `")]
    assert len(rows) == len(OPS)
    expected = {
        "tanh": "x: `g * (1 - y * y)`",
        "divide": "a: `g / b`<br>b: `-(g * y / b)`",
        "relu": "x: `where(y <= 0, 0, g)`",
        "matmul": "a: `g @ permute_dims(b, (1, 0))`<br>b: `permute_dims(a, (1, 0)) @ g`",
        "softmax": "x: `g * y - y * sum(g * y, axis=1, keepdims=True)`",
    }
    for name, formula in expected.items():
        (row,) = [line for line in rows if line.startswith(f"| `{name}(")]
        assert formula in row


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


def test_the_code_of_the_guide_runs_in_order():
    """Every block, in one script, on a machine that may be busy."""
    calm = "from hypothesis import HealthCheck, settings\nsettings.register_profile('calm', suppress_health_check=[HealthCheck.too_slow])\nsettings.load_profile('calm')"  # fmt: skip
    done = run(sys.executable, "-W", "error", "-c", "\n".join([calm, *blocks("python")]))
    assert done.returncode == 0, done.stderr
    assert "almost_tanh: the gradient with respect to x (1, 2) is wrong" in done.stdout
    assert "steep_relu: the gradient with respect to x (1,) is wrong" in done.stdout


def test_the_tests_of_the_guide_pass(tmp_path):
    (block,) = blocks("python pytest")
    (tmp_path / "test_mine.py").write_text(block)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    plugin = ["-p", "autograd.testing.plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin, "--strict-markers", "--gradient-examples", "10"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "3 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.oracle
def test_the_bug_in_the_guide_is_found(hips_python):
    """The output in the guide is that of the script, letter for letter."""
    done = run(sys.executable, "docs/find_a_bug.py", hips_python)
    assert done.returncode == 0, done.stderr
    (shown,) = [block for block in blocks("text") if block.startswith("HIPS autograd")]
    assert done.stdout == shown


def test_every_path_exists():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for path in re.findall(r"`((?:autograd|backends|nn|docs|examples|tests)/[\w./-]+)`", text):
            assert (ROOT / path).exists(), f"{page.name}: {path}"
        for link in re.findall(r"\]\((?!http)([^)#]+)", text):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
