"""For which architectures NVRTC compiles what the tests make: for all when what makes kernels has changed, else for one.

`architectures.txt` holds a digest of the folders below as they were when all tests last passed with every architecture;
the run that did writes it. So what a commit changes is compiled for all until such a run has passed and its note is there.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from .nvrtc import ARCHITECTURES

ROOT = Path(__file__).resolve().parents[2]
MAKERS = ("backends/cuda", "backends/cupy", "backends/program")
NOTE = Path(__file__).with_name("architectures.txt")
ONE = (80,)
"""What most devices of today run; its kernels differ from the others' in nothing that the sources know of."""
_asked_for_all = False


@functools.cache
def digest() -> str:
    """Of all that makes kernels for devices."""
    files = sorted(path for folder in MAKERS for path in (ROOT / folder).rglob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:32]


def ask_for_all() -> None:
    """A full run does."""
    global _asked_for_all
    _asked_for_all = True


def unchanged() -> bool:
    """Whether all architectures have seen the sources as they are."""
    return NOTE.exists() and NOTE.read_text().strip() == digest()


def alike() -> bool:
    """Whether one kernel stands for all that differ from it only in numbers."""
    return unchanged() and not _asked_for_all


def chosen() -> tuple[int, ...]:
    """The architectures of this run."""
    return ONE if alike() else ARCHITECTURES


def choice() -> str:
    """What is chosen and why, in a line."""
    names = ", ".join(f"sm_{a}" for a in chosen())
    if alike():
        names += ", one of the kernels that differ only in numbers, without optimizing"
    if _asked_for_all:
        return f"NVRTC for {names}: a full run"
    why = (
        "unchanged since all have taken them"
        if unchanged()
        else "changed since all have taken them"
    )
    return f"NVRTC for {names}: {', '.join(MAKERS)} {why}"


def note() -> None:
    """All architectures have seen the sources as they are."""
    NOTE.write_text(digest() + "\n")
