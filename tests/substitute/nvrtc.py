"""NVRTC, which needs no GPU, and a process that compiles what comes (`python nvrtc.py LIBRARY FOLDER ARCHITECTURE ...`): see `beside`."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ARCHITECTURES = (70, 80, 90)
"""Volta, Ampere and Hopper: the first with independent threads, what most have, and what is newest in data centres."""
REASON = "NVRTC is not installed: pip install nvidia-cuda-nvrtc-cu12"
OF_CUPY = ("-ftz=true", "--device-as-default-execution-space")
"""What CuPy adds by itself."""
OWN = ("-diag-suppress=177,186", "--ptxas-options=-v")
"""Unused variables and unsigned numbers beside 0 are no mistake here; what a kernel takes of a multiprocessor is told in the log."""


_TOGETHER = 16


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
            given = [o.encode() for o in (*options, *OF_CUPY, *OWN, f"--gpu-architecture=sm_{architecture}")]  # fmt: skip
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


class Source(NamedTuple):
    """A kernel to compile: what many begin with (may be empty), and the rest of it; `test` made it."""

    name: str
    head: str
    body: str
    options: Sequence[str]
    test: str

    @property
    def text(self) -> str:
        return self.head + self.body


def _together(sources: Sequence[Source]) -> str:
    """One text of several: half of the time for a short one goes into what it shares with all others."""
    bodies = (s.body.replace('extern "C" ', "") for s in sources)
    return sources[0].head + "\n".join(f"namespace n{i} {{\n{body}\n}}" for i, body in enumerate(bodies))  # fmt: skip


class _Server:
    """Compiles groups of sources for every architecture.

    Args:
        library: where NVRTC is.
        folder: gets an empty file for each source that compiles.
        architectures: for which; those that this NVRTC does not know are left out.
    """

    def __init__(self, library: str, folder: Path, architectures: Sequence[int]) -> None:
        self._nvrtc = NVRTC(library)
        self._known = [a for a in architectures if a in self._nvrtc.architectures()]
        self._folder = folder

    def compile(self, group: Sequence[Source]) -> None:
        """Sources with the same head and options; a line for each refusal."""
        # another process may have been faster
        group = [s for s in group if not (self._folder / s.name).exists()]
        if not group:
            return
        first = group[0]
        text = first.text if len(group) == 1 else _together(group)
        for architecture in self._known:
            try:
                self._nvrtc.compile(text, first.options, architecture)
            except Refused as refused:
                if len(group) > 1:
                    for source in group:
                        self.compile([source])
                else:
                    report = json.dumps((f"a kernel of {first.test} for sm_{architecture}:", str(refused), first.text))  # fmt: skip
                    sys.stdout.write(f"{report}\n")
                return
        for source in group:
            (self._folder / source.name).touch()


def _serve(library: str, folder: Path, architectures: Sequence[int]) -> None:
    """Compile what comes line by line, as soon as there are enough that can go together."""
    server, groups = (
        _Server(library, folder, architectures),
        defaultdict[tuple[object, ...], list[Source]](list),
    )
    with ThreadPoolExecutor(2) as pool:
        running = []
        for line in sys.stdin:
            source = Source(*json.loads(line))
            key = (source.head, *source.options) if source.head else (source.name,)
            groups[key].append(source)
            if len(groups[key]) == _TOGETHER:
                running.append(pool.submit(server.compile, groups.pop(key)))
        running += [pool.submit(server.compile, group) for group in groups.values()]
    for one in running:
        one.result()


if __name__ == "__main__":
    _serve(sys.argv[1], Path(sys.argv[2]), [int(a) for a in sys.argv[3:]])
