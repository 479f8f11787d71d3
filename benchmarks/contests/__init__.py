"""What is compared: one file per benchmark, each with a `CONTEST`; `find` imports the one that is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..contest import Contest

MODULES = {
    "step": "step",
    "ops": "ops",
    "overhead": "overhead",
    "import": "importing",
    "compile": "compiling",
    "memory": "memory",
    "lab": "lab",
    "tune": "tuning",
    "predict": "predicting",
    "serve": "serving",
    "scaling": "scaling",
}


def find(name: str) -> Contest:
    """The contest of that name."""
    contest: Contest = importlib.import_module(f"benchmarks.contests.{MODULES[name]}").CONTEST
    return contest
