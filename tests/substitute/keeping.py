"""Where compiled kernels of tests lie, so that workers, stages and later runs share them: in one cache with the library's own."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path

_PLACE = Path(
    os.environ.get("GRADLOOM_CACHE_DIR")
    or Path(tempfile.gettempdir()) / f"gradloom-tests-{getattr(os, 'getuid', int)()}"
)
"""Read once: tests set the variable for the library."""
_DAYS = 14
"""What has not been made anew for so long goes."""


def kept(name: str) -> Path:
    """A folder in that cache."""
    folder = _PLACE / "tests" / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else: its machine code must not be run")
    oldest = time.time() - _DAYS * 86_400
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.is_file() and path.stat().st_mtime < oldest:
                path.unlink()
    return folder
