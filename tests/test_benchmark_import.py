"""What a fresh interpreter runs for the contest of starting, and what importing Gradloom is held against."""

from __future__ import annotations

import pytest

from benchmarks.contest import Report
from benchmarks.contests.importing import CODE, CONTEST, GRADIENT, IMPORT, MODEL, script

pytestmark = pytest.mark.once


def imported(own: list[float], numpy: float) -> str:
    found = Report("import", "", "s", {})
    found.figures = {"gradloom": {IMPORT: own, MODEL: own}, "numpy": {IMPORT: [numpy] * 3}}
    assert CONTEST.beside("numpy", IMPORT, numpy, found) == ""
    assert "goal" not in CONTEST.beside("gradloom", MODEL, own[1], found)
    return CONTEST.beside("gradloom", IMPORT, own[1], found)


def test_importing_is_held_against_importing_numpy() -> None:
    assert imported([0.13] * 3, 0.1) == "1.30 [1.30, 1.30] x import numpy, goal 1.35: kept"
    assert imported([0.14] * 3, 0.1) == "1.40 [1.40, 1.40] x import numpy, goal 1.35: MISSED"
    assert imported([0.12, 0.13, 0.15], 0.1) == "1.30 [1.20, 1.50] x import numpy, goal 1.35: no telling"


def test_what_a_fresh_interpreter_runs() -> None:
    assert "nn.Dense(8)" in script("gradloom", MODEL)
    assert "Dense" not in script("gradloom", GRADIENT) + script("gradloom", IMPORT)
    assert "assert (found ==" in script("torch", GRADIENT)
    assert not CODE["jax"].model
