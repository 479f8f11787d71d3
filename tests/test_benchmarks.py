"""The benchmarks run: one short round, every result checked, nothing asserted about time."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command_line
from benchmarks.contest import Contest, Report
from benchmarks.contests import MODULES, find
from benchmarks.contests.overhead import TASKS

ROOT = Path(__file__).resolve().parent.parent
HERE = {
    "step": "gradloom,numpy,openblas",
    "ops": "numba,numpy",
    "overhead": "gradloom",
    "import": "gradloom,numpy",
    "compile": "gradloom,numpy",
    "memory": "gradloom,numpy",
    "lab": "gradloom,numpy",
    "predict": "gradloom,numpy",
    "scaling": "gradloom,numpy",
}
"""Who needs no other framework; the others take part where they are installed, in the tests marked `oracle`."""

pytestmark = pytest.mark.once


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )  # fmt: skip


def smoke(name: str, folder: Path, *words: str) -> tuple[dict[str, Any], str]:
    """The report of one short round, and what was printed."""
    done = run(name, "--smoke", "--json", folder / "report.json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "report.json").read_text()), done.stdout


@pytest.mark.parametrize("name", MODULES)
def test_every_benchmark_runs(name: str, tmp_path: Path) -> None:
    report, printed = smoke(name, tmp_path, "--contestants", HERE[name])
    assert not report["failed"]
    assert set(report["figures"]) | set(report["skipped"]) == set(HERE[name].split(","))
    own = find(name).first
    if own not in report["skipped"]:
        missing = (
            report["tasks"].keys()
            - report["figures"][own].keys()
            - report["left_out"].get(own, {}).keys()
        )
        assert not missing
        assert all(value >= 0 for (value,) in report["figures"][own].values())
        assert own in printed
    again = run(name, "--read", tmp_path / "report.json")
    assert again.stdout == printed


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["step", "overhead", "import", "predict"])
def test_every_peer_runs(name: str, tmp_path: Path) -> None:
    """torch.compile takes half a minute and shares all but its compiler with PyTorch."""
    known = [peer for peer in find(name).contestants if peer != "torch-compile"]
    report, printed = smoke(name, tmp_path, "--contestants", ",".join(known))
    assert not report["failed"]
    assert set(report["figures"]) | set(report["skipped"]) == set(known)
    assert not any(
        "not checked" in text for notes in report["notes"].values() for text in notes.values()
    )
    assert all(f"skipped {peer}: " in printed for peer in report["skipped"])


def test_overhead_says_what_was_timed(tmp_path: Path) -> None:
    report, _ = smoke("overhead", tmp_path, "--contestants", "gradloom")
    assert set(report["figures"]["gradloom"]) == set(TASKS)


def test_ops_are_read_off_the_declarations() -> None:
    tasks = find("ops").tasks(argparse.Namespace(smoke=True))
    assert {"tanh", "silu, gradient of x", "softmax"} <= set(tasks)


def test_all_in_turn_within_a_budget_and_going_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: dict[str, argparse.Namespace] = {}

    def measure(contest: Contest, options: argparse.Namespace) -> Report:
        done[contest.name] = options
        if contest.name == "memory":
            raise SystemExit("no memory")
        report = Report(contest.name, contest.title, contest.unit, {}, rounds=1)
        report.write(options.json)
        return report

    monkeypatch.setattr(command_line, "measure", measure)
    options = command_line.parser().parse_args(["all", "--into", str(tmp_path), "--minutes", "100"])
    options.run(options)
    assert set(done) == set(MODULES)
    assert done["overhead"].minutes == pytest.approx(2, abs=0.1)
    assert done["ops"].minutes == pytest.approx(100, rel=0.01), "what the others left"
    assert done["step"].plot == tmp_path / "step.png"
    done.clear()
    options.run(options)
    assert set(done) == {"memory"}, "the others are finished"


def test_without_a_gpu_the_contest_on_it_says_so() -> None:
    done = run("step", "--backend", "cupy", "--smoke")
    if done.returncode:
        assert "step --backend cupy needs an NVIDIA GPU and CuPy: " in done.stderr
        assert "Traceback" not in done.stderr
    else:
        assert "gradloom" in done.stdout


def test_other_precisions_are_for_the_gpu() -> None:
    done = run("step", "--precision", "tf32", "--smoke")
    assert done.returncode
    assert "--precision tf32 needs --backend cupy" in done.stderr


def test_unknown_names_are_refused() -> None:
    done = run("step", "--contestants", "gradloom,caffe")
    assert done.returncode
    assert "contestant 'caffe' is none of: gradloom, torch" in done.stderr
    done = run("predict", "--only", "tiny/1")
    assert done.returncode
    assert "task 'tiny/1' is none of: small/1" in done.stderr


def test_all_of_them_into_a_folder_and_from_there_a_page(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "reports").mkdir()
    smoke("step", tmp_path, "--contestants", "gradloom,numpy", "--plot", str(tmp_path / "reports" / "step.png"))  # fmt: skip
    (tmp_path / "report.json").rename(tmp_path / "reports" / "step.json")
    on_gpu = Report.read(tmp_path / "reports" / "step.json")
    on_gpu.settings["device"] = "cuda"
    on_gpu.write(tmp_path / "reports" / "step-h100.json")
    done = run("publish", tmp_path / "reports", "--to", tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "BENCHMARKS.md").read_text()
    assert "## One training step" in page
    assert "## One training step, on a GPU" in page
    assert "tiny: batch 32, 8-12-8-2, 0.03379 MFLOP in products" in page
    assert (tmp_path / "benchmarks" / "results" / "step.json").exists()
    assert (tmp_path / "benchmarks" / "results" / "step.png").exists()
    assert run("publish", tmp_path / "nothing").returncode
