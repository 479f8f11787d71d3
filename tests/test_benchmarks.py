"""The benchmarks run: one short round of each contestant, its result checked, nothing asserted about time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.step.names import CONTESTANTS

ROOT = Path(__file__).resolve().parent.parent


def smoke(command: str, folder: Path) -> tuple[dict[str, Any], str]:
    """The report of one short round, and what was printed."""
    report = folder / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", command, "--smoke", "--json", report],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(report.read_text()), done.stdout


def test_overhead_smoke(tmp_path: Path) -> None:
    content, printed = smoke("overhead", tmp_path)
    tasks = {"add, building graph", "mul-add-sum and backward"}
    assert set(content["figures"]["gradloom"]) == tasks
    assert "gradloom" in printed
    assert set(content["figures"]) | set(content["skipped"]) == {"gradloom", "torch"}


def test_ops_smoke(tmp_path: Path) -> None:
    content, _ = smoke("ops", tmp_path)
    assert set(content["figures"]) | set(content["skipped"]) == {"numba", "numpy"}
    assert {"tanh", "silu, gradient of x", "softmax"} <= set(content["figures"]["numpy"])


def test_step_smoke(tmp_path: Path) -> None:
    content, printed = smoke("step", tmp_path)
    assert set(content["figures"]) | set(content["skipped"]) == set(CONTESTANTS)
    assert {"gradloom", "numpy"} <= set(content["figures"])
    for figures in content["figures"].values():
        assert set(figures) == {"tiny"}
        assert figures["tiny"][0] > 0
    assert not content["notes"], "every contestant was checked"
    assert "tiny: batch 32, 8-12-8-2, 0.03379 MFLOP in products" in printed
    assert all(f"skipped {name}: " in printed for name in content["skipped"])
    again = subprocess.run(
        [sys.executable, "-m", "benchmarks", "step", "--read", tmp_path / "report.json"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert again.stdout == printed
