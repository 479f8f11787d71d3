"""docs/sklearn.md: its code runs in order, with warnings as errors, and prints what it shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
pytest.importorskip("sklearn")
ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "sklearn.md").read_text(encoding="utf-8")


def test_the_code_runs_in_order_and_prints_what_is_shown(tmp_path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
    # compiled on NumPy, which takes less than the native compiler for so few rows
    code = f"import backends\nbackends.set_default('numpy')\n{code}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{code}"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL))


def test_the_table_has_the_arguments_and_their_defaults():
    from inspect import signature

    import nn

    rows = re.findall(r"^\| (`.*?) \| (.*?) \|", PAGE, flags=re.MULTILINE)
    names = [name for cell, _ in rows for name in re.findall(r"`(\w+)`", cell)]
    taken = signature(nn.sklearn.Classifier.__init__).parameters
    assert sorted(names) == sorted(set(taken) - {"self"})
    assert set(signature(nn.sklearn.Regressor.__init__).parameters) == set(taken) - {"class_weight"}
    for cell, defaults in rows:
        shown = [] if not defaults.strip() else [part.strip("`") for part in re.findall(r"`.*?`", defaults)]
        for name, default in zip(re.findall(r"`(\w+)`", cell), shown * (2 if len(shown) == 1 else 1)):
            assert repr(taken[name].default) == repr(eval(default)), name
