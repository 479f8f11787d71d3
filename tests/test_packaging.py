"""The distribution: one version everywhere, and a source archive that holds all that its tests read."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
from planted.__main__ import copied

import autograd
import backends
import nn

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_sdist(sys.argv[1]))"
OF_THE_CHECKOUT = re.compile(r"\.gitignore|\.ci/.*")
OF_THE_BUILD = re.compile(r"PKG-INFO|setup\.cfg|[^/]*\.egg-info/.*")


def test_there_is_one_version() -> None:
    assert backends.__version__ == autograd.__version__ == nn.__version__
    assert PROJECT["project"]["dynamic"] == ["version"]
    source = PROJECT["tool"]["setuptools"]["dynamic"]["version"]
    assert source == {"attr": "backends.__version__"}


def test_the_changelog_begins_with_what_is_unreleased_and_has_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[([^\]]+)\](?: - (\d{4}-\d\d-\d\d))?$", text, flags=re.MULTILINE)
    assert versions[0] == ("Unreleased", "")
    assert all(date for _, date in versions[1:])
    assert versions[1][0] == backends.__version__
    parts = set(re.findall(r"^### (.*)$", text, flags=re.MULTILINE))
    assert parts <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_sdist_holds_what_git_knows(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    pytest.importorskip(
        "setuptools", minversion="77", reason="setuptools that know how a license is named now"
    )
    source = copied(ROOT, tmp_path / "source")
    expected = {str(p.relative_to(source)) for p in source.rglob("*") if p.is_file()}
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(tmp_path)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (archive,) = tmp_path.glob("*.tar.gz")
    assert archive.name == f"gradloom-{backends.__version__}.tar.gz"
    with tarfile.open(archive) as opened:
        names = {member.name.partition("/")[2] for member in opened if member.isfile()}
    held = {name for name in names if not OF_THE_BUILD.fullmatch(name)}
    wanted = {name for name in expected if not OF_THE_CHECKOUT.fullmatch(name)}
    assert held == {name for name in wanted if not name.endswith(".pyc")}
