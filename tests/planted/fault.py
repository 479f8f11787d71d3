"""A fault as a patch: plain lines that say what it is, then what `git apply` takes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).with_name("faults")


class Fault(NamedTuple):
    """One patch; `files` are those that it changes, relative to the root of the checkout."""

    path: Path
    area: str
    name: str
    story: str
    files: tuple[str, ...]

    def apply(self, checkout: Path, *options: str) -> None:
        """Change the files of a checkout.

        Raises:
            ValueError: the lines are not there any more, with git's words.
        """
        command = ["git", "apply", "--whitespace=nowarn", *options, str(self.path)]
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ValueError(f"{self.area}/{self.name} does not fit: {done.stderr.strip()}")


def read(path: Path) -> Fault:
    """A fault from its file.

    Raises:
        ValueError: it does not say what it is, or changes nothing.
    """
    text = path.read_text(encoding="utf-8")
    story, _, diff = text.partition("diff --git ")
    files = tuple(re.findall(r"^\+\+\+ b/(\S+)", diff, flags=re.MULTILINE))
    if not story.strip() or not files:
        raise ValueError(f"{path}: first what the fault is, then a patch")
    return Fault(path, path.parent.name, path.stem, " ".join(story.split()), files)


def faults() -> list[Fault]:
    """All of them, by area and name."""
    return [read(path) for path in sorted(FOLDER.glob("*/*.patch"))]


def table(found: Iterable[tuple[str, str, str | None, float]]) -> str:
    """Markdown of (area, name, the test that failed, seconds): a row for each fault."""
    rows = ["| fault | caught by | seconds |", "|---|---|---:|"]
    for area, name, by, seconds in found:
        caught = "NOTHING" if by is None else f"`{by}`"
        rows.append(f"| {area}: {name.replace('_', ' ')} | {caught} | {seconds:.0f} |")
    return "\n".join(rows)
