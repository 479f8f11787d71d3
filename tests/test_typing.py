"""What type checkers are told in `typing/` is what happens: the scripts run, the mistakes raise; and mypy and pyright
take every line of the scripts and none of the mistakes.
"""

from __future__ import annotations

import ast
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import autograd as ag

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "typing"
IGNORED = re.compile(r"  # type: ignore\[[a-z-]+\]$", re.MULTILINE)
AS_USERS_DO = f"""
[mypy]
strict = true
python_version = 3.11
mypy_path = {ROOT}
"""


def mistakes(name):
    """The lines of the function `mistakes` of a script, by number."""
    tree = ast.parse((FOLDER / name).read_text(encoding="utf-8"))
    functions = (part for part in tree.body if isinstance(part, ast.FunctionDef) and part.name == "mistakes")
    return {line.lineno: ast.unparse(line) for line in next(functions).body[1:]}


WRONG = [(name, line) for name in ("user.py", "mistakes.py") for line in mistakes(name).values()]


@pytest.fixture(scope="module")
def scripts():
    return {name: runpy.run_path(str(FOLDER / name)) for name in ("user.py", "mistakes.py")}


def test_what_a_user_writes_runs(scripts):
    user = scripts["user.py"]
    assert user["stop"].epochs == [0, 1]
    assert user["step"].traces == 1
    assert {"loss", "mae", "val_within_one"} <= set(user["history"].history)


def test_a_script_of_every_area_runs():
    script = runpy.run_path(str(FOLDER / "script.py"))
    assert script["epochs"].seen == 2
    assert script["step"].traces == 1
    assert (script["again"].predict(script["x_test"]) == script["model"].predict(script["x_test"])).all()


def test_a_search_of_a_user_runs(scripts):
    pytest.importorskip("optuna")
    assert scripts["user.py"]["search"]().layers[0].units in (2, 4)


def test_estimators_of_a_user_run(scripts):
    pytest.importorskip("sklearn")
    assert 0 <= scripts["user.py"]["estimate"]() <= 1


def test_the_page_for_users_says_what_is_so():
    """`docs/editors.md`, one piece of code after the other."""
    page = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")
    space = {}
    for piece in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(piece, space)
    assert space["slope"].tolist() == pytest.approx([0.6, 0.8])
    assert space["model"].predict(space["x"], verbose=0).shape == (2, 1)


@pytest.mark.parametrize(("name", "line"), WRONG)
def test_what_is_a_mistake_for_type_checkers_raises(scripts, name, line):
    with pytest.raises((TypeError, AttributeError, ag.GradloomError)):
        exec(line, scripts[name])


def of_mypy(folder, files):
    """The lines that mypy refuses, by file."""
    (folder / "mypy.ini").write_text(AS_USERS_DO)
    words = [
        "--config-file",
        str(folder / "mypy.ini"),
        "--cache-dir",
        str(ROOT / ".mypy_cache" / "of_users"),
        "--no-pretty",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *words, "--no-error-summary", "--hide-error-context", *files],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not done.stderr
    found = re.findall(r"^(\w+\.py):(\d+): error: ", done.stdout, re.MULTILINE)
    return {name: {int(line) for where, line in found if where == name} for name in files}, done.stdout


def of_pyright(folder, files):
    """The same of pyright."""
    settings = {"extraPaths": [str(ROOT)], "pythonVersion": "3.11", "typeCheckingMode": "basic"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, *files],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = json.loads(done.stdout)["generalDiagnostics"]
    places = [(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in said]
    return {name: {line for where, line in places if where == name} for name in files}, done.stdout


@pytest.mark.parametrize("checker", [of_mypy, of_pyright])
def test_type_checkers_take_the_scripts_and_refuse_every_mistake(checker, tmp_path):
    """As in a project of a user's, who has none of the settings of this one."""
    pytest.importorskip(checker.__name__.removeprefix("of_"))
    files = ("script.py", "user.py", "mistakes.py")
    for name in files:
        text = (FOLDER / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(IGNORED.sub("", text), encoding="utf-8")
    found, said = checker(tmp_path, files)
    assert len(mistakes("mistakes.py")) > 20
    for name in files:
        wanted = set() if name == "script.py" else set(mistakes(name))
        assert found[name] == wanted, said
