"""The page on training: its code runs in order, with warnings as errors, and prints what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")


def test_the_code_of_the_guide_runs_in_order(full):
    pytest.importorskip("optuna")
    script = "\n".join(re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL))
    if not full:
        # most of the time would go into compiling its networks
        script = f"import backends\nbackends.set_default('numpy')\n{script}"
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    names, graph, frozen, own, half, early, resumed, tuned = done.stdout.splitlines()
    assert graph == "['loss', 'price_loss', 'sold_accuracy', 'sold_loss'] (200, 1)"
    assert own == "[(2,), (2, 1), (1,)]"
    assert frozen == "True"
    assert names == "['accuracy', 'auc', 'loss', 'val_accuracy', 'val_auc', 'val_loss']"
    assert half == "True 32768.0"
    assert (early, resumed, tuned) == ("True True", "True", "True")
