"""What `nn` gives is imported when it is asked for, and editors are told of all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nn

STUB = Path(nn.__file__).with_suffix(".pyi")


def stub():
    """The text of `__init__.pyi`."""
    lines = [f'"""{nn.__doc__}"""', ""]
    modules = [*nn._MODULES.split(), *nn._EXTRAS.split()]
    lines += [f"from . import {name} as {name}" for name in modules]
    lines += [
        f"from .{m} import {name} as {name}" for m, names in nn._NAMES.items() for name in names.split()
    ]
    return "\n".join([*lines, "", "__version__: str", ""])


def in_a_fresh_process(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


def test_the_stub_names_what_there_is():
    if os.environ.get("GRADLOOM_RENEW") == "1":
        STUB.write_text(stub(), encoding="utf-8")
    assert STUB.read_text(encoding="utf-8") == stub()


def test_every_name_is_found_where_the_table_says():
    for name in nn.__all__:
        assert getattr(nn, name) is not None
    public = {n for n, thing in vars(nn).items() if getattr(thing, "__module__", "").split(".")[0] == "nn" and n[0] != "_"}  # fmt: skip
    assert public <= set(nn.__all__)


def test_importing_imports_little():
    loaded = in_a_fresh_process("import sys, nn; print(*(m for m in sys.modules if m.startswith('nn')))")
    assert sorted(loaded) == ["nn", "nn._conflict", "nn.lazily"]


def test_dir_and_star_know_all():
    code = "import nn; before = set(dir(nn)); from nn import *; print(*(set(nn.__all__) - before), Dense.__name__, layers.__name__)"
    assert in_a_fresh_process(code) == ["Dense", "nn.layers"]


def test_modules_are_attributes_before_anybody_has_imported_them():
    code = (
        "import nn; print(nn.errors.ArgumentError.__name__, nn.checkpoint.__name__, hasattr(nn, 'nowhere'))"
    )
    assert in_a_fresh_process(code) == ["ArgumentError", "nn.checkpoint", "False"]


def test_what_is_not_there():
    with pytest.raises(AttributeError, match="module 'nn' has no attribute 'Dens'"):
        _ = nn.Dens
    with pytest.raises(ImportError, match="cannot import name 'Dens'"):
        from nn import Dens  # noqa: F401
