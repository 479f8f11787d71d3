"""Speed by commit: what is kept of a run, what is refused, and the tables of it on the page."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command_line
from benchmarks import everything, history
from benchmarks.contest import Report

pytestmark = pytest.mark.once

FACTS = {
    "processor": "P",
    "cores": 2,
    "threads": 2,
    "gpu": None,
    "python": "3.11",
    "numpy": "2.4",
    "commit": "abc",
}


def report(*values: float, **facts: Any) -> Report:
    found = Report(
        "step", "One training step", "us", FACTS | {"changed": None} | facts, date="2026-01-02 03:04"
    )
    found.figures = {"gradloom": {"tiny": list(values), "wide": [12000.0]}, "torch": {"tiny": [150.0]}}
    found.tasks = {name: {"title": name, "group": 1, "flop": None} for name in ("tiny", "wide")}
    found.rounds = len(values)
    return found


def written(folder: Path, *values: float, **facts: Any) -> Path:
    report(*values, **facts).write(folder / "report.json")
    return folder / "report.json"


def step(*words: str | Path) -> argparse.Namespace:
    return command_line.parser().parse_args(["step", *map(str, words)])


def test_a_run_is_put_behind_the_others(tmp_path: Path) -> None:
    path = tmp_path / "results" / history.FILE
    history.append(report(2.0, 4.0, 3.0), path, allowed=False)
    history.append(report(1.0, commit="def"), path, allowed=False)
    first, second = history.read(path)
    assert (first["commit"], second["commit"]) == ("abc", "def")
    assert first["us per step"]["tiny"] == {"median": 3.0, "least": 2.0, "most": 4.0, "rounds": 3}
    kept = {"date": "2026-01-02 03:04", "processor": "P", "python": "3.11", "numpy": "2.4"}
    assert kept.items() <= first.items()
    assert "torch" not in json.dumps(first)


def test_by_the_command_from_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = step("--read", written(tmp_path, 2.0), "--history", tmp_path / history.FILE)
    options.run(options)
    assert [entry["commit"] for entry in history.read(tmp_path / history.FILE)] == ["abc"]
    assert "tiny" in capsys.readouterr().out
    options = step("--read", tmp_path / "report.json")
    options.run(options)
    assert len(history.read(tmp_path / history.FILE)) == 1, "kept when that is asked for"


def test_a_changed_tree_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "changed", lambda: " M nn/model.py")
    monkeypatch.setattr(command_line, "Run", lambda *args: pytest.fail("it was measured"))
    options = step("--history", tmp_path / history.FILE)
    with pytest.raises(
        SystemExit, match=r"not that of its commit \( M nn/model.py\); commit first, or say --allow"
    ):
        options.run(options)
    options = step("--history", tmp_path / history.FILE, "--smoke")
    with pytest.raises(SystemExit, match="a smoke run mean nothing"):
        options.run(options)


def test_a_report_of_a_changed_tree_is_refused_unless_told(tmp_path: Path) -> None:
    path = written(tmp_path, 2.0, changed="?? new.py")
    words = ("--read", path, "--history", tmp_path / history.FILE)
    options = step(*words)
    with pytest.raises(SystemExit, match=r"new\.py"):
        options.run(options)
    assert not (tmp_path / history.FILE).exists()
    options = step(*words, "--allow-dirty")
    options.run(options)
    (entry,) = history.read(tmp_path / history.FILE)
    assert "| abc, changed | 2026-01-02 | 2.00 (2.00-2.00) | 12,000 (12,000-12,000) |" in "".join(
        history.page([entry])
    )


def test_what_means_nothing_is_refused(tmp_path: Path) -> None:
    unknown = report(1.0, commit=None)
    with pytest.raises(SystemExit, match="no commit is known"):
        history.entry_of(unknown)
    with pytest.raises(SystemExit, match="keeps the steps of gradloom, and there are none"):
        history.entry_of(Report("step", "", "us", FACTS))
    (tmp_path / history.FILE).write_text('[{"commit": "abc"}]')
    with pytest.raises(SystemExit, match="is no history of steps"):
        history.read(tmp_path / history.FILE)


def test_machines_have_tables_of_their_own_on_the_page(tmp_path: Path) -> None:
    results = tmp_path / "benchmarks" / "results"
    for facts in ({}, {"processor": "Q", "commit": "q1"}, {"commit": "def"}):
        history.append(report(2.0, **facts), results / history.FILE, allowed=False)
    written(results, 2.0).rename(results / "step.json")
    everything.write(results, tmp_path)
    page = (tmp_path / "BENCHMARKS.md").read_text()
    _, first, second = page.split("| commit | date | tiny | wide |")
    assert "P, 2 cores, float32, Python 3.11, NumPy 2.4:" in page
    assert ["| abc " in first, "| def " in first, "| q1 " in first] == [True, True, False]
    assert ["| abc " in second, "| def " in second, "| q1 " in second] == [False, False, True]


def test_the_committed_history_can_be_read() -> None:
    entries = history.read(history.PLACE)
    assert entries
    assert "".join(history.page(entries)).count("| commit |") >= 1
