"""README is tested: its code runs in order, its commands exist, its first example is short and its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


def test_the_code_runs_in_order() -> None:
    script = "\n".join(BLOCKS)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    assert printed[0].startswith("Tensor([0.6666667, 1.3333334, 2.")
    first, last = (float(word) for word in re.findall(r"[\d.]+", printed[2]))
    assert last < first / 50
    assert printed[4:] == ["mine", "y = 3.00 x + 1.00, loss 0.0000, traces 1"]


def test_the_first_example_has_twenty_lines() -> None:
    assert len([line for line in BLOCKS[0].splitlines() if line.strip()]) <= 20


def test_the_commands_exist() -> None:
    commands = set(re.findall(r"python3 run\.py (\w+)", TEXT))
    usage = subprocess.run(
        [sys.executable, "run.py", "nonsense"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert usage.returncode == 1
    assert {"lab", "test"} <= commands <= set(re.findall(r"\w+", usage.stderr))


def test_every_path_exists() -> None:
    paths = re.findall(r"`((?:\w+/)+[\w.]*|\w+\.py)`", TEXT)
    assert "autograd/graph.py" in paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
