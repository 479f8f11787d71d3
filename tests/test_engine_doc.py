"""The page on the compiled engine: its code runs in order and prints what stands below it, whatever the processor.

GRADLOOM_RENEW=1 writes what is printed into the page; then read the diff.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path

import pytest

import autograd as ag
import backends
from backends import processor

pytestmark = pytest.mark.once
pytest.importorskip("llvmlite")
pytest.importorskip("numba")
from backends.native import blas, cache, threads  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "engine.md"
BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```\n)?", re.DOTALL)


def outputs(text):
    """What each block of code printed, in order."""
    names = {"__name__": "engine_page"}
    for block in BLOCK.finditer(text):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block["code"], str(PAGE), "exec"), names)
        yield printed.getvalue()


@pytest.mark.parametrize(("width", "has_blas"), [(4, False), (8, True), (16, True)])
def test_the_code_prints_what_the_page_says(width, has_blas, monkeypatch):
    monkeypatch.setattr(cache, "_made", {})
    monkeypatch.setattr(processor.Processor, "width", width)
    monkeypatch.setattr(threads, "limit", None)
    if not has_blas:
        monkeypatch.setattr(blas, "is_here", lambda: False)
    text = PAGE.read_text(encoding="utf-8")
    ag.random.seed(0)
    with backends.use("numba"):
        printed = iter(list(outputs(text)))

    def renewed(block):
        new = next(printed)
        shown = f"\n```text\n{new}```\n" if new or block["output"] is not None else ""
        return f"```python\n{block['code']}```\n{shown}"

    now = BLOCK.sub(renewed, text)
    if os.environ.get("GRADLOOM_RENEW") == "1":
        PAGE.write_text(now, encoding="utf-8")
        return
    assert now == text


def test_every_file_and_every_link_exists():
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[a-z]+/.*?) \|", text, flags=re.MULTILINE)
    assert len(rows) > 8
    for row in rows:
        folder = ""
        for name in re.findall(r"`([\w/]+\.py)`", row):
            folder = str(Path(name).parent) if "/" in name else folder
            assert (ROOT / folder / Path(name).name).exists(), (row, name)
    for target in re.findall(r"\]\(([\w./-]+\.md)(?:#[\w-]+)?\)", text):
        assert (ROOT / "docs" / target).exists(), target
    templates = re.findall(r"^\| [\w ]+ \| (`\w+\.py`(?:, `\w+\.py`)*) \|", text, flags=re.MULTILINE)  # fmt: skip
    names = re.findall(r"`(\w+\.py)`", " ".join(templates))
    assert "columns.py" in names
    assert [name for name in names if not (ROOT / "backends" / "native" / name).exists()] == []
    assert {
        "GRADLOOM_NUM_THREADS",
        "GRADLOOM_CACHE_DIR",
        "GRADLOOM_DEBUG",
        "GRADLOOM_RENEW",
    } == set(re.findall(r"GRADLOOM_[A-Z_]+", text))
