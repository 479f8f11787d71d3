"""The planted faults still fit the code; whether the tests find them is seen by `python3 run.py planted`, in an hour."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from planted import __main__ as command
from planted.fault import FOLDER, Fault, faults, read, table

ROOT = Path(__file__).resolve().parent.parent
FAULTS = faults()
pytestmark = [pytest.mark.once, pytest.mark.skipif(shutil.which("git") is None, reason="no git")]


def test_every_patch_is_read_and_there_are_many_of_every_part() -> None:
    assert {fault.path for fault in FAULTS} == set(FOLDER.rglob("*.patch"))
    assert len(FAULTS) >= 60
    packages = [Path(file).parts[0] for fault in FAULTS for file in fault.files]
    assert min(packages.count(name) for name in ("autograd", "backends", "nn")) >= 20
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def moved(fault: Fault, folder: str) -> str:
    """The patch for a checkout in a folder."""
    _, start, diff = fault.path.read_text(encoding="utf-8").partition("diff --git ")
    text = start + diff
    for file in fault.files:
        text = text.replace(f" a/{file}", f" a/{folder}/{file}").replace(f" b/{file}", f" b/{folder}/{file}")  # fmt: skip
    return text


def test_every_patch_fits_and_leaves_python(tmp_path: Path) -> None:
    """All of them by one call of git, each in a folder of its own; where one does not fit, one by one to name it."""
    for number, fault in enumerate(FAULTS):
        for file in fault.files:
            (tmp_path / str(number) / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, tmp_path / str(number) / file)
    patches = "".join(moved(fault, str(number)) for number, fault in enumerate(FAULTS))
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn"], cwd=tmp_path, input=patches, capture_output=True, text=True, check=False
    )  # fmt: skip
    for number, fault in enumerate(FAULTS):
        place = tmp_path / str(number)
        if done.returncode:
            fault.apply(place)
        for file in fault.files:
            text = (place / file).read_text(encoding="utf-8")
            assert text != (ROOT / file).read_text(encoding="utf-8"), fault
            compile(text, file, "exec")


@pytest.mark.parametrize(
    ("text", "words"), [("diff --git a/x b/x\n", "first what"), ("A story.\n", "then a patch")]
)
def test_a_file_without_story_or_patch_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "bad.patch").write_text(text)
    with pytest.raises(ValueError, match=words):
        read(tmp_path / "bad.patch")


PATCH = """It says 2.

diff --git a/thing.py b/thing.py
--- a/thing.py
+++ b/thing.py
@@ -1 +1 @@
-ANSWER = 1
+ANSWER = 2
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one line, with a test that sees the line and one that does not; of plugins they need xdist alone."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p xdist")
    place = tmp_path / "project"
    (place / "tests").mkdir(parents=True)
    (place / "thing.py").write_text("ANSWER = 1\n")
    (place / "tests" / "test_thing.py").write_text(
        "import thing\ndef test_answer(): assert thing.ANSWER == 1\n"
    )
    (place / "tests" / "test_other.py").write_text("def test_nothing(): pass\n")
    subprocess.run(["git", "init", "--quiet"], cwd=place, check=True)
    return place


def fault_in(folder: Path) -> Fault:
    path = folder / "area" / "wrong_answer.patch"
    path.parent.mkdir()
    path.write_text(PATCH)
    return read(path)


def shown(caught: command.Caught) -> str:
    """Its row in the table."""
    return table([(caught.fault.area, caught.fault.name, caught.by, caught.seconds)])


def test_a_fault_is_caught_and_the_checkout_stays_as_it_was(checkout: Path, tmp_path: Path) -> None:
    caught = command.attempt(fault_in(tmp_path), checkout, None, whole=True)
    assert caught.by == "tests/test_thing.py::test_answer"
    assert (checkout / "thing.py").read_text() == "ANSWER = 1\n"
    assert "| area: wrong answer | `tests/test_thing.py::test_answer` |" in shown(caught)


def test_what_no_test_sees_is_said(checkout: Path, tmp_path: Path) -> None:
    (checkout / "tests" / "test_thing.py").unlink()
    caught = command.attempt(fault_in(tmp_path), checkout, None, whole=True)
    assert caught.by is None
    assert "NOTHING" in shown(caught)


def test_a_patch_that_does_not_fit_is_an_error(checkout: Path, tmp_path: Path) -> None:
    (checkout / "thing.py").write_text("ANSWER = 3\n")
    with pytest.raises(ValueError, match="area/wrong_answer does not fit"):
        command.attempt(fault_in(tmp_path), checkout, None, whole=True)


def test_the_command_lists_and_refuses() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "planted", "--list", "nn"],
        cwd=ROOT / "tests",
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(listed.stdout.splitlines()) == sum(fault.area == "nn" for fault in FAULTS)
    with pytest.raises(SystemExit):
        command.main(["no_such_fault"])
