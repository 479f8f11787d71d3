"""NVRTC on every kernel that the tests make: what runs on the host here must also compile for a device.

It compiles beside the tests, in a process of its own: sources go there one by one, refusals are gathered at the end. A
source that has been compiled for all architectures asked for is not compiled again.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from backends.cuda.prelude import PRELUDE

from . import nvrtc
from .architectures import alike, chosen
from .keeping import kept
from .nvrtc import ARCHITECTURES, NVRTC, OF_CUPY, OWN, Source, find

_NUMBER = re.compile(r"(?<![\w.])(?:0[xX][0-9a-fA-F]+|(\d+\.\d*(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)|\d+)")
QUICKLY = ("-G",)
"""Without optimizing: a quarter of the time, the same refusals of what is no CUDA C or takes more than a device has."""


def folded(source: str) -> str:
    """The source with its numbers gone, whole ones and others; names and suffixes, which are types, stay."""
    return _NUMBER.sub(lambda found: "1.0" if found[1] else "1", source)


def digest(source: str, options: Sequence[str], architectures: Sequence[int] = ARCHITECTURES) -> str:
    return hashlib.sha256(
        repr((source, tuple(options), OF_CUPY, OWN, tuple(architectures))).encode()
    ).hexdigest()[:32]


class Beside:
    """The process that compiles.

    Args:
        library: where NVRTC is.
        folder: where it notes what was compiled.
        architectures: for which it compiles.
        alike: one source stands for all that differ from it only in numbers, and is not optimized.
    """

    def __init__(
        self,
        library: str,
        folder: Path,
        architectures: Sequence[int] = ARCHITECTURES,
        alike: bool = False,
    ) -> None:
        self._alike = alike
        self._folder = folder
        self._architectures = architectures
        self._seen: set[str] = set()
        self._lock = threading.Lock()  # lines of two threads would mix
        self._found = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(
            [sys.executable, nvrtc.__file__, library, str(folder), *map(str, architectures)],
            stdin=subprocess.PIPE,
            stdout=self._found,
            text=True,
        )

    def submit(self, source: str, options: Sequence[str]) -> None:
        """Compile a source, unless that has been done."""
        options = (*options, *QUICKLY) if self._alike else options
        name = digest(folded(source) if self._alike else source, options, self._architectures)
        if name in self._seen:
            return
        self._seen.add(name)
        if (self._folder / name).exists() or self._process.stdin is None:
            return
        test = os.environ.get("PYTEST_CURRENT_TEST", "no test")
        head = source[: source.find(PRELUDE) + len(PRELUDE)] if PRELUDE in source else ""
        given = Source(name, head, source[len(head) :], options, test)
        with self._lock:
            print(json.dumps(given), file=self._process.stdin, flush=True)

    def finish(self) -> list[str]:
        """Wait for all of it; what was refused, with the test that made it."""
        self._process.communicate()
        self._found.seek(0)
        refused = self._found.read().splitlines()
        self._found.close()
        if self._process.returncode:
            return [f"the process ended with {self._process.returncode}", *refused]
        return ["\n".join(json.loads(line)) for line in refused]


@functools.cache
def _session() -> Beside | None:
    """That of these tests; None: there is no NVRTC."""
    library = find()
    if library is None:
        return None
    version = ".".join(map(str, NVRTC(library).version()))
    folder = kept(f"nvrtc-{version}")
    return Beside(library, folder, chosen(), alike())


def submit(source: str, options: Sequence[str]) -> None:
    """Compile a source beside the tests, where there is NVRTC."""
    beside = _session()
    if beside is not None:
        beside.submit(source, options)


def finish() -> list[str]:
    """What was refused of all that these tests made."""
    beside = _session() if _session.cache_info().currsize else None
    _session.cache_clear()
    return [] if beside is None else beside.finish()
