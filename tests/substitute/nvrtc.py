"""NVRTC on every kernel that the tests make: what runs on the host here must also compile for a device.

NVRTC needs no GPU. It runs in a process of its own (`python nvrtc.py LIBRARY FOLDER`), beside the tests: sources go there
one by one, refusals are gathered at the end. A source that has been compiled for all architectures is not compiled again.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ARCHITECTURES = (70, 80, 90)
"""Volta, Ampere and Hopper: the first with independent threads, what most have, and what is newest in data centres."""
REASON = "NVRTC is not installed: pip install nvidia-cuda-nvrtc-cu12"
_OF_CUPY = ("-ftz=true", "--device-as-default-execution-space")
"""What CuPy adds by itself."""
_OWN = ("-diag-suppress=177,186", "--ptxas-options=-v")
"""Unused variables and unsigned numbers beside 0 are no mistake here; what a kernel takes of a multiprocessor is told in the log."""


class Refused(Exception):  # noqa: N818 - it is NVRTC's verdict
    """NVRTC's words."""


class NVRTC:
    """A shared library of NVRTC."""

    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)

    def version(self) -> tuple[int, int]:
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
        return major.value, minor.value

    def architectures(self) -> list[int]:
        """Those it compiles for."""
        count = ctypes.c_int()
        self._library.nvrtcGetNumSupportedArchs(ctypes.byref(count))
        found = (ctypes.c_int * count.value)()
        self._library.nvrtcGetSupportedArchs(found)
        return list(found)

    def compile(self, source: str, options: Sequence[str], architecture: int) -> tuple[int, str]:
        """Bytes of machine code, and the log.

        Raises:
            Refused: with the log, also for warnings that say more than "unused".
        """
        library, program = self._library, ctypes.c_void_p()
        if library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None):  # fmt: skip
            raise Refused("no program could be made")
        try:
            given = [o.encode() for o in (*options, *_OF_CUPY, *_OWN, f"--gpu-architecture=sm_{architecture}")]  # fmt: skip
            status = library.nvrtcCompileProgram(program, len(given), (ctypes.c_char_p * len(given))(*given))  # fmt: skip
            size = ctypes.c_size_t()
            library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
            log = ctypes.create_string_buffer(max(size.value, 1))
            library.nvrtcGetProgramLog(program, log)
            text = log.value.decode()
            library.nvrtcGetCUBINSize(program, ctypes.byref(size))
        finally:
            library.nvrtcDestroyProgram(ctypes.byref(program))
        if status or not size.value or "): warning" in text:
            raise Refused(f"status {status}, {size.value} bytes\n{text}")
        return size.value, text


@functools.cache
def find() -> str | None:
    """The library of the wheel for CUDA 12, which knows every architecture, else one that the system has."""
    try:
        spec = importlib.util.find_spec("nvidia.cuda_nvrtc")
    except ModuleNotFoundError:
        spec = None
    wheels = [path for place in (spec.submodule_search_locations or () if spec else ()) for path in Path(place).rglob("libnvrtc.so.12")]  # fmt: skip
    for name in (*map(str, wheels), "libnvrtc.so.12", "libnvrtc.so.13"):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    return None


def digest(source: str, options: Sequence[str]) -> str:
    return hashlib.sha256(repr((source, tuple(options), _OF_CUPY, _OWN)).encode()).hexdigest()[:32]


class Beside:
    """The process that compiles.

    Args:
        library: where NVRTC is.
        folder: where it notes what was compiled.
    """

    def __init__(self, library: str, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()
        self._found = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(
            [sys.executable, __file__, library, str(folder)],
            stdin=subprocess.PIPE,
            stdout=self._found,
            text=True,
        )

    def submit(self, source: str, options: Sequence[str]) -> None:
        """Compile a source, unless that has been done."""
        name = digest(source, options)
        if name in self._seen:
            return
        self._seen.add(name)
        if (self._folder / name).exists() or self._process.stdin is None:
            return
        test = os.environ.get("PYTEST_CURRENT_TEST", "no test")
        print(json.dumps((name, source, list(options), test)), file=self._process.stdin, flush=True)

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
    folder = Path(tempfile.gettempdir()) / f"gradloom-nvrtc-{version}-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    return Beside(library, folder)


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


def _serve(path: str, folder: Path) -> None:
    """Compile what comes line by line; a line for each refusal."""
    nvrtc = NVRTC(path)
    known = [a for a in ARCHITECTURES if a in nvrtc.architectures()]

    def one(line: str) -> None:
        name, source, options, test = json.loads(line)
        for architecture in known:
            try:
                nvrtc.compile(source, options, architecture)
            except Refused as refused:
                print(json.dumps((f"a kernel of {test} for sm_{architecture}:", str(refused), source)), flush=True)  # fmt: skip
                return
        (folder / name).touch()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, sys.stdin))


if __name__ == "__main__":
    _serve(sys.argv[1], Path(sys.argv[2]))
