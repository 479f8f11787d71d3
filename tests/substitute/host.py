"""CUDA C sources on a CPU: compiled by a C++ compiler, run block by block, thread by thread.

The same text that a device gets; `host.hpp` supplies what CUDA C has beyond C++. Barriers and exchanges between lanes are
real: a kernel that forgets one gives wrong numbers, one that not all threads reach ends the process.
"""

from __future__ import annotations

import contextlib
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
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backends.cuda.prelude import PRELUDE
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
PRELUDE_ON_HOST = _PACKS.sub(r"*host::aligned(\1)", PRELUDE)
_MOST_THREADS, _MOST_BLOCKS = 1024, (2**31 - 1, 65535)
_ONE_AT_A_TIME = threading.RLock()
"""A device is one; its threads are coroutines, which cannot change places with those of another kernel."""


_FLAGS = ("-std=c++17", "-nostdinc++", "-O0", "-fwrapv", "-ffp-contract=off", "-fno-strict-aliasing", "-U_FORTIFY_SOURCE", "-w", "-fPIC")  # fmt: skip

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
def _scratch(size: int) -> int:
    """The address of the stacks of all threads; pages that nobody touches take no memory."""
    room = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    _rooms.append(room)
    return ctypes.addressof(ctypes.c_char.from_buffer(room))


_rooms: list[mmap.mmap] = []


class _Text:
    """A source as the host compiles it.

    Args:
        source: in CUDA C.
    """

    def __init__(self, source: str) -> None:
        begin = source.find(PRELUDE) + len(PRELUDE) if PRELUDE in source else source.find("__global__")
        # kernels whose threads never wait need no coroutines
        self.straight = not re.search(r"__syncthreads|total<|total_down<|across\(|__shfl", source[begin:])
        self.digest = hashlib.sha256(f"{self.straight} {source}".encode()).hexdigest()[:24]
        self.names = _NAME.findall(source)
        host = _PACKS.sub(r"*host::aligned(\1)", source)
        end = host.find(PRELUDE_ON_HOST) + len(PRELUDE_ON_HOST) if PRELUDE_ON_HOST in host else 0
        self.head, body = host[:end], host[end:].replace('extern "C" ', "")
        entries = "\n".join(
            f"static void call_{n}() {{ host::apply({n}); }}\n"
            f'extern "C" bool run_{self.digest}_{n}(void** a, int gx, int gy, int bx) {{ return host::run({n}, call_{n}, a, gx, gy, bx, {int(self.straight)}); }}'
            for n in self.names
        )
        self.body = f"namespace k{self.digest} {{\n{body}\n{entries}\n}}\n"

    @property
    def library(self) -> Path:
        return _folder() / f"{self.digest}.so"


def prepare(sources: Iterable[str]) -> None:
    """Compile what will be used soon, as few texts: most of the time of a small one goes into starting a compiler.

    Whatever is refused is left to who uses it.
    """
    groups = defaultdict[str, list[_Text]](list)
    for source in dict.fromkeys(sources):
        text = _Text(source)
        if text.head and not text.library.exists():
            groups[text.head].append(text)
    for group in groups.values():
        with contextlib.suppress(SyntaxError), _ONE_AT_A_TIME:
            _compile(group)


def _compile(texts: Sequence[_Text]) -> None:
    """One library of sources with the same head, under the name of each."""
    whole = texts[0].head + "".join(t.body for t in texts)
    source, made = (_folder() / f"{texts[0].digest}-{os.getpid()}{end}" for end in (".cpp", ".so"))
    source.write_text(whole)
    command = [str(COMPILER), *_FLAGS, "-include", str(_header()), "-Wl,-Bsymbolic", *_LIBRARIES, "-shared", "-o", str(made), str(source)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    source.unlink()
    if done.returncode:
        raise SyntaxError(f"{done.stderr[:3000]}\n{whole}")
    for text in texts:
        other = made.with_name(f"{text.digest}-{os.getpid()}.so.new")
        os.link(made, other)
        other.replace(text.library)
    made.unlink()


class HostModule:
    """A compiled source; `launch` runs one of its kernels.

    Args:
        source: in CUDA C.
        options: with which a device would get it.

    Raises:
        SyntaxError: with the compiler's words when it refuses.
    """

    def __init__(self, source: str, options: Sequence[str] = OPTIONS) -> None:
        self.text = _Text(source)
        with _ONE_AT_A_TIME:
            if not self.text.library.exists():
                _compile([self.text])
        self.library = ctypes.CDLL(str(self.text.library))
        if not self.text.straight:
            self.library.host_room_size.restype = ctypes.c_size_t
            self.library.host_use_room(ctypes.c_void_p(_scratch(self.library.host_room_size())))
        beside.submit(source, options)

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
        run = getattr(self.library, f"run_{self.text.digest}_{name}")
        run.restype = ctypes.c_bool
        with _ONE_AT_A_TIME:
            aligned = run(pointers, x, y, threads)
        if not aligned:
            raise CUDARuntimeError(716)
