"""The harness: turns, failures that leave the others alone, budgets, comparison. Contestants here are made up."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import compare, contest, environments, intervals, machine
from benchmarks.contest import Contest, Report, Run, messages
from benchmarks.contestant import compete
from benchmarks.tables import table
from benchmarks.work import Figure, Skip, Work

pytestmark = pytest.mark.once

FACTS = {
    "processor": "P",
    "cores": 2,
    "threads": 2,
    "system": "S",
    "gpu": None,
    "python": "3",
    "commit": "abc",
}


def script(*lines: str) -> list[str]:
    return [sys.executable, "-c", "\n".join(["import json, sys, os, time", *lines])]


def say(**event: Any) -> str:
    return f"print({json.dumps(json.dumps(event))}, flush=True)"


BEHAVIOUR: dict[str, list[str]] = {
    "good": [say(version="1"), say(start="a"), say(task="a", value=2.0, note="n"), say(start="b"), say(task="b", value=4.0, note="")],
    "fails": [say(version="2"), "if 'a' in json.loads(sys.argv[1]):", " " + say(task="a", failed="no"), say(start="b"), say(task="b", value=8.0, note="")],
    "dies": [say(version="3"), say(start="a"), "if 'a' in json.loads(sys.argv[1]): os._exit(7)", say(start="b"), say(task="b", value=1.0, note="")],
    "hangs": [say(version="4"), "asked = json.loads(sys.argv[1])", "print(json.dumps({'start': asked[0]}), flush=True)", "time.sleep(600)"],
    "absent": [say(skipped="not installed")],
    "stays": [say(version="5"), "def turn(tasks):", " for task in tasks: print(json.dumps({'task': task, 'value': os.getpid(), 'note': ''}), flush=True)", " " + say(waits=True), "turn(json.loads(sys.argv[1]))", "for line in sys.stdin: turn(json.loads(line))"],
    "leaves": [say(version="6"), say(task="a", value=1.0, note=""), say(task="b", value=1.0, note=""), say(waits=True), "os._exit(3)"],
    "mute": ["sys.exit('I have no words')"],
}  # fmt: skip


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """A run of made-up contestants."""
    monkeypatch.setattr(
        contest,
        "_command",
        lambda name, who, settings: [*script(*BEHAVIOUR[who]), json.dumps(settings["tasks"])],
    )

    def make(*names: str, patience: float = 30.0) -> Run:
        class Made(Contest):
            name, title, unit, contestants, first = "made", "Made up", "s", names, "good"

            def tasks(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
                return {name: {"title": f"task {name}"} for name in "ab"}

            def enter(self, name: str, settings: dict[str, Any]) -> Work:
                raise AssertionError("its contestants are scripts")

        made = Made()
        return Run(made, names, made.tasks(argparse.Namespace()), {}, dict(machine.environment(1)), patience, lambda text: None)  # fmt: skip

    return make


def test_contestants_take_turns_and_all_figures_are_kept(start: Callable[..., Run]) -> None:
    run, seen = start("good", "absent"), []
    report = run.rounds(3, keep=lambda report: seen.append(len(report.figures["good"]["a"])))
    assert report.figures == {"good": {"a": [2.0] * 3, "b": [4.0] * 3}}
    assert report.skipped == {"absent": "not installed"}
    assert report.notes == {"good": {"a": "n"}}
    assert seen == [1, 1, 2, 2, 3, 3, 3], "kept after every turn"
    assert report.rounds == 3


def test_who_fails_leaves_the_reason_and_the_other_tasks_alone(start: Callable[..., Run]) -> None:
    run = start("fails", "dies", "mute", "good")
    report = run.rounds(2)
    assert report.failed["fails"] == {"a": "no"}
    assert report.failed["dies"] == {"a": "exit code 7: no word"}
    assert report.figures["fails"] == {"b": [8.0, 8.0]}
    assert report.figures["dies"] == {"b": [1.0, 1.0]}
    assert report.failed["mute"] == dict.fromkeys("ab", "exit code 1: I have no words")
    text = table(report, run.contest)
    assert "fails               FAILED: no" in text
    assert "FAILED: exit code 1: I have no words" in text
    assert "2.00 x" in text


def test_who_stays_is_asked_again(start: Callable[..., Run]) -> None:
    report = start("stays", "leaves", "good").rounds(3)
    process, *others = report.figures["stays"]["a"]
    assert others == [process] * 2
    assert report.figures["leaves"] == {"a": [1.0], "b": [1.0]}
    assert report.failed == {"leaves": dict.fromkeys("ab", "exit code 3: no word")}
    with pytest.raises(ProcessLookupError):
        os.kill(int(process), 0)


def test_who_hangs_is_ended(start: Callable[..., Run]) -> None:
    run = start("hangs", "good", patience=1.0)
    run.report.tasks.update((name, {"title": name}) for name in "cd")
    report = run.rounds(1)
    late = "nothing new within 1 s"
    assert report.failed["hangs"] == {"a": late, "b": late, "c": late, "d": contest.UNTRIED}
    assert set(report.figures) == {"good"}


def test_the_budget_ends_a_run_with_what_there_is(
    start: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start("good")
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(contest.time, "monotonic", lambda: float(next(clock)))
    report = run.rounds(100, minutes=1)
    assert report.stopped.startswith("1 minutes were up in round")
    assert 1 <= len(report.figures["good"]["a"]) < 10


def test_an_interruption_loses_nothing(start: Callable[..., Run]) -> None:
    run, kept = start("good", "fails"), []

    def keep(report: Report) -> None:
        kept.append(report.figures)
        if len(kept) == 2:
            raise KeyboardInterrupt

    report = run.rounds(5, keep=keep)
    assert report.stopped == "stopped by hand in round 1 of 5"
    assert report.figures["good"]["a"] == [2.0]
    assert len(kept) == 3, "written once more at the end"


def test_what_a_contestant_prints_besides_is_no_answer(tmp_path: Path) -> None:
    """Frameworks print as they like; answers have the output to themselves."""
    code = (
        "import sys; from benchmarks import contestant, contests; from benchmarks.work import Work\n"
        "class Loud:\n"
        "    def enter(self, name, settings):\n"
        "        print('hello'); return Work('1', lambda task: print('noise') or 3.0)\n"
        "contests.find = lambda name: Loud()\n"
        "sys.argv = ['', 'made', 'loud', '{\"tasks\": [\"a\"], \"stays\": false}']\n"
        "contestant.main()"
    )
    found = list(messages([sys.executable, "-c", code], machine.environment(1), 30.0))
    assert [event.get("value") for event in found] == [None, None, 3.0]


def test_inside_a_contestant() -> None:
    def figure(task: str) -> Figure | float:
        if task == "skip":
            raise Skip("not written")
        if task == "wrong":
            raise AssertionError("the loss is another one")
        return 1.0

    said: list[dict[str, Any]] = []
    compete(lambda: Work("1", figure), [["skip", "wrong", "right"], ["right"]], said.append)
    assert [event for event in said if "start" not in event] == [
        {"version": "1"},
        {"task": "skip", "left out": "not written"},
        {"task": "wrong", "failed": "AssertionError: the loss is another one"},
        {"task": "right", "value": 1.0, "note": ""},
        {"task": "right", "value": 1.0, "note": ""},
    ]

    def absent() -> Work:
        raise ImportError("No module named 'x'")

    said.clear()
    compete(absent, [["right"]], said.append)
    assert said == [{"skipped": "No module named 'x'"}]


def test_contestants_start_without_what_holds_openblas_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    found = machine.environment(3)
    assert "OPENBLAS_CORETYPE" not in found
    assert found["OMP_NUM_THREADS"] == "3"
    assert found["JAX_PLATFORMS"] == "cpu"
    assert machine.machine_facts()["left out of the environment"][:1] == ["OPENBLAS_CORETYPE"]


def test_cores_that_are_not_there() -> None:
    if not hasattr(machine.os, "sched_setaffinity"):
        pytest.skip("the system does not let a process choose its cores")
    with pytest.raises(SystemExit, match="--cores: from 1 to"):
        machine.use_cores(10_000)


def test_a_peer_of_another_environment_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADLOOM_BENCH_DIR", str(tmp_path))
    monkeypatch.setattr(environments.importlib.util, "find_spec", lambda name: None)
    assert environments.python_for("keras-tensorflow") == Path(sys.executable)
    package = tmp_path / "tensorflow" / "lib" / "python3.11" / "site-packages" / "tensorflow"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    assert environments.python_for("keras-tensorflow") == tmp_path / "tensorflow" / "bin" / "python"


def test_intervals() -> None:
    same = intervals.ratio_interval([1.0, 1.1, 0.9, 1.0, 1.05], [1.0, 0.95, 1.1, 1.0, 1.02])
    assert same[0] == 1.0
    assert same[1] < 1 < same[2]
    ratio, low, high = intervals.ratio_interval([2.0, 2.02, 1.98, 2.0, 2.01], [1.0, 1.01, 0.99, 1.0, 1.0])  # fmt: skip
    assert ratio == 2.0
    assert 1.9 < low <= 2.0 <= high < 2.1
    assert intervals.exponent([(1, 3.0), (10, 300.0), (100, 30000.0)]) == pytest.approx(2.0)
    assert str(intervals.exponent([(5, 1.0)])) == "nan"


def written(path: Path, values: list[float], **facts: Any) -> Path:
    report = Report("step", "One training step", "us", FACTS | facts, date="2026-01-02 03:04")
    report.figures = {"gradloom": {"tiny": values}, "numpy": {"tiny": [7.0] * len(values)}}
    report.versions = {"gradloom": "1", "numpy": "2"}
    report.write(path)
    return path


def test_compare(tmp_path: Path) -> None:
    old = written(tmp_path / "old.json", [10.0, 10.1, 9.9, 10.0, 10.2])
    new = written(tmp_path / "new.json", [5.0, 5.1, 4.9, 5.0, 5.1])
    lines = [" ".join(line.split()) for line in compare.compare(old, new).splitlines()]
    assert any(line.startswith("gradloom, tiny 0.500 [0.4") and line.endswith("less") for line in lines)
    assert any(line.startswith("numpy, tiny 1.000 [1.000, 1.000] no difference seen") for line in lines)  # fmt: skip
    assert compare.verdict([5.0] * 5, [6.0] * 5).endswith("MORE")
    assert compare.verdict([5.0] * 3, [6.0] * 3).endswith("too few rounds to tell")


def test_compare_refuses_other_machines(tmp_path: Path) -> None:
    old = written(tmp_path / "old.json", [1.0])
    new = written(tmp_path / "new.json", [1.0], processor="Q", threads=1)
    with pytest.raises(SystemExit, match=r"different machines.*processor was 'P' and is 'Q'; threads was 2 and is 1"):  # fmt: skip
        compare.compare(old, new)
    (tmp_path / "none.json").write_text("{}")
    with pytest.raises(SystemExit, match="is no report of a benchmark"):
        compare.compare(old, tmp_path / "none.json")


def test_setup_reports_what_could_not_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADLOOM_BENCH_DIR", str(tmp_path))
    commands: list[list[Any]] = []

    def failing(command: list[Any], check: bool) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(environments.venv, "create", lambda path, with_pip: None)
    monkeypatch.setattr(environments.subprocess, "run", failing)
    with pytest.raises(SystemExit, match="could not install tensorflow"):
        environments.setup(["tensorflow"])
    assert "tensorflow-cpu" in commands[0]
