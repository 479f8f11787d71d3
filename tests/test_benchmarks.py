"""The benchmarks run: one short round, every result checked, nothing asserted about time."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command_line
from benchmarks.contest import Contest, Report
from benchmarks.contests import MODULES, find, ops
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
    "tune": "gradloom,gradloom-numpy",
    "predict": "gradloom,numpy",
    "serve": "gradloom,numpy",
    "scaling": "gradloom,numpy",
}
"""Who needs no other framework; the others take part where they are installed, in the tests marked `oracle`."""

FEW = {"ops": slice(0, 12, 3), "lab": slice(1), "scaling": slice(2, 4)}
"""Of the tasks of these, which take long; all of them with `--full`."""
ALONE = {"scaling": "gradloom"}
PEERS = ("step", "overhead", "predict", "serve", "import", "tune")

pytestmark = pytest.mark.once


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )  # fmt: skip


def here(*words: str | Path) -> str:
    """What a command prints, run in this process: contestants have their own in any case."""
    options = command_line.parser().parse_args([str(word) for word in words])
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        options.run(options)
    return printed.getvalue()


def smoke(name: str, folder: Path, *words: str | Path) -> tuple[dict[str, Any], str]:
    """The report of one short round, and what was printed."""
    printed = here(name, "--smoke", "--json", folder / "report.json", *words)
    return json.loads((folder / "report.json").read_text()), printed


def runs(name: str, folder: Path, contestants: str, *words: str | Path) -> dict[str, Any]:
    """One short round finds what it should and can be read again; its report."""
    report, printed = smoke(name, folder, "--contestants", contestants, *words)
    assert not report["failed"]
    assert set(report["figures"]) | set(report["skipped"]) == set(contestants.split(","))
    own = find(name).first
    if own not in report["skipped"]:
        missing = (
            report["tasks"].keys() - report["figures"][own].keys() - report["left_out"].get(own, {}).keys()
        )
        assert not missing
        assert all(value >= 0 for (value,) in report["figures"][own].values())
        assert own in printed
    assert here(name, "--read", folder / "report.json") == printed
    return report


@pytest.mark.parametrize("name", [name for name in MODULES if name != "step"])
def test_every_benchmark_runs(name: str, full: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contest = type(find(name))
    every, part = contest.tasks, slice(None) if full else FEW.get(name, slice(None))
    # here tasks are listed only; contestants measure them, with arrays of their full size
    monkeypatch.setattr(ops, "ROWS", 10)
    monkeypatch.setattr(contest, "tasks", lambda *args: dict(list(every(*args).items())[part]))
    report = runs(name, tmp_path, HERE[name] if full else ALONE.get(name, HERE[name]))
    if name == "overhead":
        assert set(report["figures"]["gradloom"]) == set(TASKS)


@pytest.mark.oracle
@pytest.mark.parametrize("name", PEERS)
def test_every_peer_runs(name: str, full: bool, tmp_path: Path) -> None:
    """torch.compile takes half a minute and shares all but its compiler with PyTorch; `.ci/run` runs it.

    Without `--full` those are left out that need no framework, and run above, and those whose networks
    `test_benchmark_networks.py` holds against the reference, too.
    """
    if name in ("import", "tune") and not full:
        pytest.skip("the others import and train them, too; with --full")
    if importlib.util.find_spec("torch") is None:
        pytest.skip("no other framework is installed; what needs none is run above")
    known = [peer for peer in find(name).contestants if peer != "torch-compile"]
    if not full:
        without = set(HERE[name].split(",")) | {"openblas-1-core", "jax-scan"}
        known = [peer for peer in known if peer == "gradloom" or peer not in without]
        known = ["gradloom", "keras-jax"] if name == "predict" else known
    report, printed = smoke(name, tmp_path, "--contestants", ",".join(known))
    assert not report["failed"]
    assert set(report["figures"]) | set(report["skipped"]) == set(known)
    assert not any("not checked" in text for notes in report["notes"].values() for text in notes.values())
    assert all(f"skipped {peer}: " in printed for peer in report["skipped"])


def test_ops_are_read_off_the_declarations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops, "ROWS", 10)
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


def refused(*words: str) -> str:
    """Why a command does not run."""
    with pytest.raises(SystemExit) as caught:
        here(*words)
    return str(caught.value)


def test_without_a_gpu_the_contest_on_it_says_so() -> None:
    """By the command itself: its exit status and its last words."""
    done = run("step", "--backend", "cupy", "--smoke")
    if done.returncode:
        assert "step --backend cupy needs an NVIDIA GPU and CuPy: " in done.stderr
        assert "Traceback" not in done.stderr
    else:
        assert "gradloom" in done.stdout


def test_other_precisions_are_for_the_gpu() -> None:
    reason = refused("step", "--precision", "tf32", "--smoke")
    assert "--precision tf32 needs --backend cupy" in reason


def test_unknown_names_are_refused() -> None:
    reason = refused("step", "--contestants", "gradloom,caffe")
    assert "contestant 'caffe' is none of: gradloom, torch" in reason
    reason = refused("predict", "--only", "tiny/1")
    assert "task 'tiny/1' is none of: small/1" in reason


@pytest.mark.filterwarnings("ignore:Attempt to set non-positive:UserWarning")
def test_one_training_step_and_a_page_made_of_its_report(tmp_path: Path) -> None:
    """What a call takes may be less than what is taken off for calling, and has no place on a logarithmic axis."""
    pytest.importorskip("matplotlib")
    (tmp_path / "reports").mkdir()
    runs("step", tmp_path, HERE["step"], "--plot", tmp_path / "reports" / "step.png")
    (tmp_path / "report.json").rename(tmp_path / "reports" / "step.json")
    on_gpu = Report.read(tmp_path / "reports" / "step.json")
    on_gpu.settings["device"] = "cuda"
    on_gpu.write(tmp_path / "reports" / "step-h100.json")
    here("publish", tmp_path / "reports", "--to", tmp_path)
    page = (tmp_path / "BENCHMARKS.md").read_text()
    assert "## One training step" in page
    assert "## One training step, on a GPU" in page
    assert "tiny: batch 32, 8-12-8-2, 0.03379 MFLOP in products" in page
    assert (tmp_path / "benchmarks" / "results" / "step.json").exists()
    assert (tmp_path / "benchmarks" / "results" / "step.png").exists()
    with pytest.raises(SystemExit):
        here("publish", tmp_path / "nothing")
