"""`run.py test` and what it stands on: what is chosen after a change, what is estimated, what a group of cases is."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import choosing
import pytest
from grouping import by, grouped
from progress import Estimate, in_words
from substitute import architectures, nvrtc

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.once
PACKAGES = ("autograd", "backends", "gradloom", "nn")
FILES = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")}


def test_every_file_of_the_packages_has_tests_that_are_near() -> None:
    sources = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    without = [str(p) for p in sources if not choosing.tests_for(str(p.relative_to(ROOT)))]
    assert without == []


def test_the_table_names_paths_and_tests_that_exist() -> None:
    for start, patterns in choosing.TESTS:
        assert (ROOT / start).exists(), start
        for pattern in patterns:
            assert list(ROOT.glob(pattern)), pattern
    assert set(choosing.CORE) <= FILES


def test_the_longest_start_decides_and_a_test_is_its_own() -> None:
    assert "tests/nn/test_losses_keras.py" in choosing.tests_for("nn/losses/base.py")
    assert "tests/nn/test_losses_keras.py" not in choosing.tests_for("nn/model.py")
    assert choosing.tests_for("tests/nn/test_fit.py") == ["tests/nn/test_fit.py"]
    assert choosing.tests_for("tests/nn/test_that_was_deleted.py") == []
    assert choosing.tests_for("LICENSE") == []


def test_a_choice_keeps_to_its_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    near = choosing.tests_for("nn/losses/base.py")
    costs = dict.fromkeys(choosing.CORE, 5.0) | dict.fromkeys(near, 10.0)
    monkeypatch.setattr(choosing, "seconds", lambda: costs)
    core = 5.0 * len(choosing.CORE)
    chosen, left_out = choosing.choose(["nn/losses/base.py"], core + 25)
    assert chosen == [*near[:2], *choosing.CORE]
    assert left_out == near[2:]
    assert choosing.choose([], core) == (list(choosing.CORE), [])


def test_changes_are_those_since_the_last_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "ROOT", tmp_path)
    assert choosing.changed() == [], "no repository"
    git = ["git", "-c", "user.name=n", "-c", "user.email=e"]
    (tmp_path / "old.py").write_text("1\n")
    (tmp_path / "same.py").write_text("1\n")
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "first"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    (tmp_path / "old.py").write_text("2\n")
    (tmp_path / "new.py").write_text("1\n")
    assert choosing.changed() == ["new.py", "old.py"]


def test_seconds_are_known_of_files_that_exist() -> None:
    assert set(choosing.seconds()) <= FILES | {
        str(p.relative_to(ROOT)) for package in PACKAGES for p in (ROOT / package).rglob("*.py")
    }
    assert len(choosing.seconds()) > 0.9 * len(FILES)


def test_an_estimate_begins_with_what_was_and_ends_with_what_is() -> None:
    estimate = Estimate({"a": 60.0, "b": 20.0}, Counter(a=6, b=2))
    assert estimate.left(0, 2) == 40
    for name in "aaa":
        estimate.add(name)
    assert estimate.share == pytest.approx(3 / 8)
    assert estimate.left(30, 2) == pytest.approx(50), "at the pace of this run"
    for name in "aaabb":
        estimate.add(name)
    assert (estimate.share, estimate.left(50, 2)) == (1.0, 0.0)
    assert Estimate({}, Counter()).left(0, 2) == 0


def test_seconds_in_words() -> None:
    assert [in_words(x) for x in (0.4, 59.6, 61, 605)] == [
        "0 s",
        "1 min 0 s",
        "1 min 1 s",
        "10 min 5 s",
    ]


SUITE = """
import pytest

@pytest.mark.parametrize("n", range(3))
def test_good(n): pass

def test_bad(): assert False

def test_skipped(): pytest.skip("no reason")
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_progress_in_the_place_of_dots(tmp_path: Path, workers: str) -> None:
    (tmp_path / "test_some.py").write_text(SUITE)
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'tests')!r})\nimport progress\nprogress.EVERY = 0.0\n"
        "def pytest_addoption(parser):\n    parser.addoption('--progress', action='store_true')\n    parser.addoption('--seconds')\n"
        "def pytest_configure(config):\n    if not hasattr(config, 'workerinput'):\n        config.pluginmanager.register(progress.Progress(config))\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        workers,
        "--progress",
        "--seconds",
        "seconds.json",
        "-p",
        "no:randomly",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "5 tests, about 0 s" in done.stdout
    assert "FAILED test_some.py::test_bad" in done.stdout
    assert "100 % 5 of 5 tests, 1 failed, 0 s left" in done.stdout
    assert "1 failed, 3 passed, 1 skipped" in done.stdout
    assert "..." not in done.stdout.replace("no:randomly", "")
    assert '"test_some.py"' in (tmp_path / "seconds.json").read_text()


def test_a_group_is_one_test_that_names_the_case(tmp_path: Path) -> None:
    assert by([3, 1, 4, 1, 5], lambda n: n % 2) == {"1": [3, 1, 1, 5], "0": [4]}
    seen = []

    @grouped("case", by([1, 2, 3], lambda n: "all"))
    def check(case: int, other: str) -> None:
        seen.append((case, other))
        assert case < 3

    (mark,) = check.pytestmark
    assert mark.args[0] == "group"
    with pytest.raises(AssertionError) as caught:
        check(*mark.args[1], other="o")
    assert seen == [(1, "o"), (2, "o"), (3, "o")]
    assert caught.value.__notes__ == ["case 2: 3"]


def test_all_architectures_are_for_full_runs_and_for_what_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(architectures, "NOTE", tmp_path / "note")
    monkeypatch.setattr(architectures, "_asked_for_all", False)
    assert architectures.chosen() == nvrtc.ARCHITECTURES
    assert "changed since" in architectures.choice()
    architectures.note()
    assert architectures.chosen() == (80,)
    assert re.search("sm_80.* unchanged since", architectures.choice())
    architectures.ask_for_all()
    assert architectures.chosen() == nvrtc.ARCHITECTURES
    assert "a full run" in architectures.choice()
