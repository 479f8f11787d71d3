"""One clear error when the other distribution that imports as `autograd` is installed beside this one."""

from __future__ import annotations

import os
import sys


def check() -> None:
    """Look for it on the import path by file name, which costs less than asking for package metadata."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.startswith("autograd-") and name.endswith((".dist-info", ".egg-info")):
                raise ImportError(
                    f"the distribution 'autograd' ({name} in {folder}) also imports as 'autograd' and hides "
                    "parts of gradloom. Keep the two in separate environments: pip uninstall autograd, "
                    "then reinstall gradloom."
                )
