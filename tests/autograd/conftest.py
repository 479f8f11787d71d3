"""An environment with HIPS autograd, for the tests that compare with it: it cannot live in the environment of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import pytest

_VERSION = "1.9.1"


@pytest.fixture(scope="session")
def hips_python():
    """An interpreter with HIPS autograd: that of GRADLOOM_HIPS_PYTHON, or of an environment made once and kept."""
    given = os.environ.get("GRADLOOM_HIPS_PYTHON")
    if given:
        return given
    folder = Path(tempfile.gettempdir()) / f"gradloom-hips-{_VERSION}-{sys.version_info[0]}.{sys.version_info[1]}"  # fmt: skip
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    done = folder / "complete"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        made = subprocess.run([*pip, f"autograd=={_VERSION}"], capture_output=True, text=True, check=False)  # fmt: skip
        if made.returncode:
            pytest.skip(f"cannot install autograd=={_VERSION}: {made.stderr.strip().splitlines()[-1:]}")  # fmt: skip
        done.touch()
    return str(python)
