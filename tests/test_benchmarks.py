"""The benchmarks run: one short round of each contestant, its result checked, nothing asserted about time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_overhead_smoke(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "overhead", "--smoke", "--json", report],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    content = json.loads(report.read_text())
    assert set(content["figures"]["gradloom"]) == {
        "add, building graph",
        "mul-add-sum and backward",
    }
    assert "gradloom" in done.stdout
    assert set(content["figures"]) | set(content["skipped"]) == {"gradloom", "torch"}


def test_ops_smoke(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "ops", "--smoke", "--json", report],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    content = json.loads(report.read_text())
    assert set(content["figures"]) | set(content["skipped"]) == {"numba", "numpy"}
    assert {"tanh", "silu, gradient of x", "softmax"} <= set(content["figures"]["numpy"])
