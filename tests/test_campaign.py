"""The campaign of docs/reliability.md in short; `python -m tests.campaign reliability` runs the whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from campaign.reliability import PARTS

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.filterwarnings("ignore")
def test_all_is_as_promised(name, tmp_path):
    part, _, few = PARTS[name]
    assert part(few, 7, tmp_path).total() >= 3


def test_the_command(tmp_path):
    command = [sys.executable, "-m", "tests.campaign", "reliability", "--scale", "0.004", "--only", "odd shapes", "--json", str(tmp_path / "counts.json")]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all as promised" in done.stdout
    assert "| odd shapes | dense: predicted | 1 |" in done.stdout
    assert (tmp_path / "counts.json").exists()
