"""How much of what devices would run is tried without one: all when what makes kernels has changed, else a part.

The part: NVRTC compiles for one architecture, and fewer models are trained on the substitute for CuPy.

`architectures.txt` holds a digest of the folders below as they were when all tests last passed with every architecture;
the run that did writes it. So what a commit changes is compiled for all until such a run has passed and its note is there.
"""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from .nvrtc import ARCHITECTURES

ROOT = Path(__file__).resolve().parents[2]
MAKERS = ("backends/cuda", "backends/cupy", "backends/program")
NOTE = Path(__file__).with_name("architectures.txt")
ONE = (80,)
"""What most devices of today run; its kernels differ from the others' in nothing that the sources know of."""
ONE_IS_ENOUGH = "GRADLOOM_TEST_ONE_ARCHITECTURE"
"""Set where faults are planted: they change what makes kernels, and are found by what kernels compute."""
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


def all_models() -> bool:
    """Whether every layer, loss and optimizer is trained on the substitute."""
    return _asked_for_all or not unchanged()


def alike() -> bool:
    """Whether one kernel stands for all that differ from it only in numbers."""
    return not _asked_for_all and (unchanged() or bool(os.environ.get(ONE_IS_ENOUGH)))


def chosen() -> tuple[int, ...]:
    """The architectures of this run."""
    return ONE if alike() else ARCHITECTURES


def choice() -> str:
    """What is chosen and why, in a line."""
    names = ", ".join(f"sm_{a}" for a in chosen())
    if alike():
        names += ", one of the kernels that differ only in numbers, without optimizing"
    models = "all models" if all_models() else "some models"
    if _asked_for_all:
        why = "a full run"
    else:
        why = f"{', '.join(MAKERS)} {'un' if unchanged() else ''}changed since all have taken them"
    return f"NVRTC for {names}; {models} on the substitute for CuPy: {why}"


def note() -> None:
    """All architectures have seen the sources as they are."""
    NOTE.write_text(digest() + "\n")
