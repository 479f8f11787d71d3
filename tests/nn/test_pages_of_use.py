"""docs/serving.md and docs/interchange.md: their code runs in order, warnings as errors, and prints what they show."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("page", ["serving", "interchange"])
def test_the_code_of_the_page_runs_in_order_and_prints_what_is_shown(page: str, full: bool) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    script = "\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))
    if not full:
        # most of the time would go into compiling its networks
        script = f"import backends\nbackends.set_default('numpy')\n{script}"
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(re.findall(r"```text\n(.*?)```", text, flags=re.DOTALL))
