"""docs/tuning.md: its code runs in order, and what it shows is what is printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

pytest.importorskip("optuna")
pytest.importorskip("matplotlib")
ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")


def test_the_code_runs_in_order_and_prints_what_is_shown(tmp_path, full):
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
    code = code.replace('"nn/', f'"{ROOT.as_posix()}/nn/')
    # each trial is a network of its own, which has to be compiled
    assert code.count("trials=15") == code.count("runs=3") == code.count("epochs=15") - 1 == 1
    if full:
        code = code.replace("trials=15", "trials=5")
    else:
        code = (
            code.replace("trials=15", "trials=4")
            .replace("runs=3", "runs=2")
            .replace("epochs=15", "epochs=6")
            .replace("    trials=4,\n", "    trials=2,\n    epochs=2,\n")
            .replace("trials=4, epochs=5", "trials=4, epochs=2")
            .replace("trials=6, epochs=5", "trials=6, epochs=2")
        )
        code = f"import backends\nbackends.set_default('numpy')\n{code}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{code}\nassert accuracy > 0.7\n"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    shown = re.findall(r"```text\n(.*?)\n", PAGE)
    assert len(shown) == 2
    for header in shown:
        assert header.split() in [line.split() for line in printed]
    assert printed[-2:] == ["6", "2 True"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["depth.png", "search.db", "search.png"]  # fmt: skip
