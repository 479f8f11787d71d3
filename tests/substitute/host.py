"""CUDA C sources on a CPU: compiled by a C++ compiler, run block by block, thread by thread.

The same text that a device gets; `host.hpp` supplies what CUDA C has beyond C++. Barriers and exchanges between lanes are
real: a kernel that forgets one gives wrong numbers, one that not all threads reach ends the process.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import mmap
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backends.cupy.launching import OPTIONS

from . import beside
from .errors import CUDARuntimeError
from .keeping import kept

HEADER = Path(__file__).parent / "host.hpp"
COMPILER = shutil.which("g++") or shutil.which("clang++")
REASON = "no C++ compiler on this machine"
_NAME = re.compile(r"__global__\s+void\s+(?:__launch_bounds__\(\d+\)\s+)?(\w+)\s*\(")
_PACKS = re.compile(r"\*(reinterpret_cast<(?:const )?Pack<T, N>\*>\(p\))")
"""Several elements at once, which the host reads and writes at whatever address."""
_MOST_THREADS, _MOST_BLOCKS = 1024, (2**31 - 1, 65535)
_ONE_AT_A_TIME = threading.RLock()
"""A device is one; its threads are coroutines, which cannot change places with those of another kernel."""


_FLAGS = ("-std=c++17", "-O1", "-fwrapv", "-ffp-contract=off", "-fno-strict-aliasing", "-U_FORTIFY_SOURCE", "-w", "-fPIC")  # fmt: skip

_LIBRARIES = ("-nostartfiles", "-nodefaultlibs", "-lm", "-lc")
"""Without those of C++, which kernels do not need and a linker takes its time to read."""


@functools.cache
def _folder() -> Path:
    """Where kernels lie, for this compiler, these flags and this header."""
    version = subprocess.run([str(COMPILER), "--version"], capture_output=True, text=True, check=True).stdout
    facts = (version, _FLAGS, _LIBRARIES, HEADER.read_text())
    return kept(f"host-{hashlib.sha256(repr(facts).encode()).hexdigest()[:16]}")


@functools.cache
def _header() -> Path:
    """The header, compiled beforehand: most of the time would go into reading it."""
    place = _folder() / "header"
    header = place / HEADER.name
    if header.exists():
        return header
    # made elsewhere and moved when complete, since other processes may be making it too
    with tempfile.TemporaryDirectory(dir=_folder(), prefix="header-") as temporary:
        own = Path(temporary) / "header"
        own.mkdir()
        shutil.copy(HEADER, own)
        subprocess.run([str(COMPILER), *_FLAGS, "-x", "c++-header", "-o", f"{own / HEADER.name}.gch", str(own / HEADER.name)], check=True)  # fmt: skip
        try:
            own.rename(place)
        except OSError:  # another process was first
            assert header.exists()
    return header


@functools.cache
def _room(size: int) -> int:
    """The address of the stacks of all threads; pages that nobody touches take no memory."""
    room = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    _rooms.append(room)
    return ctypes.addressof(ctypes.c_char.from_buffer(room))


_rooms: list[mmap.mmap] = []


class HostModule:
    """A compiled source; `launch` runs one of its kernels.

    Args:
        source: in CUDA C.
        options: with which a device would get it.

    Raises:
        SyntaxError: with the compiler's words when it refuses.
    """

    def __init__(self, source: str, options: Sequence[str] = OPTIONS) -> None:
        self.names = _NAME.findall(source)
        # kernels whose threads never wait need no coroutines
        bodies = source[source.find("__global__") :]
        self.straight = not re.search(r"__syncthreads|total<|total_down<|across\(|__shfl", bodies)
        entries = "\n".join(
            f"static void call_{n}() {{ host::apply({n}); }}\n"
            f'extern "C" bool run_{n}(void** a, int gx, int gy, int bx) {{ return host::run({n}, call_{n}, a, gx, gy, bx, {int(self.straight)}); }}'
            for n in self.names
        )
        body = _PACKS.sub(r"*host::aligned(\1)", source)
        text = f"{body}\n{entries}\n"
        path = _folder() / hashlib.sha256(text.encode()).hexdigest()[:24]
        library = path.with_suffix(".so")
        with _ONE_AT_A_TIME:
            self._compile(text, path, library)
        self.library = ctypes.CDLL(str(library))
        if not self.straight:
            self.library.host_room_size.restype = ctypes.c_size_t
            self.library.host_use_room(ctypes.c_void_p(_room(self.library.host_room_size())))
        beside.submit(source, options)

    @staticmethod
    def _compile(text: str, path: Path, library: Path) -> None:
        if library.exists():
            return
        source, made = (path.with_name(f"{path.name}-{os.getpid()}{end}") for end in (".cpp", ".so"))
        source.write_text(text)
        command = [str(COMPILER), *_FLAGS, "-include", str(_header()), "-Wl,-Bsymbolic", *_LIBRARIES, "-shared", "-o", str(made), str(source)]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SyntaxError(f"{done.stderr[:3000]}\n{text}")
        source.unlink()
        made.replace(library)

    def launch(self, name: str, grid: Sequence[int], block: Sequence[int] | int, args: Sequence[Any]) -> None:  # fmt: skip
        """Run a kernel; `args` are addresses (int), and values of ctypes or NumPy of the exact types.

        Raises:
            CUDARuntimeError: for sizes that no device takes, and when an operand was not aligned.
        """
        held = [ctypes.c_void_p(a) if isinstance(a, int) else np.asarray(a) if isinstance(a, np.generic) else a for a in args]  # fmt: skip
        places = [h.ctypes.data if isinstance(h, np.ndarray) else ctypes.addressof(h) for h in held]
        pointers = (ctypes.c_void_p * max(len(places), 1))(*places)
        # CuPy launches no fewer than one
        x, y = (max(int(n), 1) for n in (*grid, 1)[:2])
        threads = int(block if isinstance(block, int) else block[0])
        if x > _MOST_BLOCKS[0] or y > _MOST_BLOCKS[1] or not 0 < threads <= _MOST_THREADS:
            raise CUDARuntimeError(9)
        run = getattr(self.library, f"run_{name}")
        run.restype = ctypes.c_bool
        with _ONE_AT_A_TIME:
            aligned = run(pointers, x, y, threads)
        if not aligned:
            raise CUDARuntimeError(716)
