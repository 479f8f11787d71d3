"""Looking inside: reports, profiles, debug levels, comparing with the interpreter."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from steps import big_step, counter, ones

import autograd as ag
from autograd.profiling import Profile
from backends.contract import ProfileRow

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[3]


def test_reports(tmp_path):
    w, step, x = big_step()
    total = step(x).item()
    before = w.numpy()
    assert step.program_text().startswith("program step\n%0: float32[96, 128] = state")
    kernels = step.kernels()
    assert any("matmul" in line for line in kernels)
    assert "bytes" in step.memory_report()
    assert "step" in step.memory_report()
    assert len(step.source()) > 50
    found = step.compare(x)
    assert found
    assert max(difference for _, _, difference in found) < 1e-5
    assert w.numpy().tobytes() == before.tobytes()
    profile = step.profile(lambda: [step(x) for _ in range(3)])
    assert len(profile.rows) > 0
    assert all(row.seconds >= 0 and row.bytes > 0 for row in profile.rows)
    assert profile.seconds > 0
    assert "kernel" in str(profile)
    pytest.importorskip("matplotlib")
    profile.plot(tmp_path / "profile.png")
    assert (tmp_path / "profile.png").read_bytes().startswith(b"\x89PNG")
    assert total != step(x).item()


def test_the_table_of_a_profile():
    rows = [
        ProfileRow("add", 1e-6, 3_000, 2_000),
        ProfileRow("matmul", 3e-6, 6_000, 90_000, "layers.0 Dense"),
    ]
    profile = Profile("step", rows)
    _, _, add, matmul = str(profile).splitlines()
    assert add.split() == ["1.00", "25.0%", "3.0", "2.0", "add"]
    assert matmul.split() == ["3.00", "75.0%", "2.0", "30.0", "matmul", "[layers.0", "Dense]"]


def test_a_profile_in_which_nothing_runs_and_of_small_steps():
    w, add = counter()
    add(ones())
    assert add.profile(lambda: None).seconds == 0.0
    profile = add.profile(lambda: [add(ones()) for _ in range(5)])
    assert profile.seconds > 0
    assert w.tolist() == [6.0, 6.0]
    add(ones())
    assert w.tolist() == [7.0, 7.0]


@pytest.mark.parametrize("level", range(5))
def test_debug_levels(level, capsys, caplog):
    caplog.set_level(logging.INFO, "gradloom")
    w = ag.ones(3)

    @ag.jit(state=[w])
    def grow(x):
        w.assign(w * 2 + x)
        return w.sum()

    with ag.debug(level):
        assert grow(ones(3)).item() == 9.0
        assert grow(ones(3)).item() == 21.0
    shown = capsys.readouterr().err
    assert ("== grow:" in shown) == (level >= 1)
    assert ("program grow" in shown) == (level >= 2)
    assert shown.count("== grow:") <= 1
    beside = [r.getMessage() for r in caplog.records if "beside the interpreter" in r.getMessage()]
    assert bool(beside) == (level == 4)
    assert w.tolist() == [7.0] * 3
    assert grow(ones(3)).item() == 45.0
    assert capsys.readouterr().err == ""


@pytest.mark.host
def test_the_level_of_the_environment(backend, everything):
    code = f"import autograd as ag, backends; backends.set_default({backend!r}); ag.jit(lambda x: x + 1.0, name='one')(ag.ones(2))"
    for level in ("1", "0", "much") if everything else ("1",):
        done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "GRADLOOM_DEBUG": level}, cwd=ROOT, capture_output=True, text=True, check=True)  # fmt: skip
        assert ("== one:" in done.stderr) == (level == "1")


def test_an_unknown_debug_level():
    with pytest.raises(ag.RangeError, match="between 0 and 4, got 5"), ag.debug(5):
        pass


def test_comparing_draws_nothing_and_changes_nothing():
    w = ag.ones(20)

    def step(x):
        w.assign(ag.dropout(w, 0.5) + x)

    f = ag.jit(step, state=[w])
    ag.random.seed(2)
    found = f.compare(ones(20))
    assert max(d for _, _, d in found) < 1e-6
    assert w.tolist() == [1.0] * 20
    f(ones(20))
    got = w.tolist()
    ag.random.seed(2)
    w.assign(ag.ones(20))
    step(ones(20))
    assert got == w.tolist()
