"""The processor that machine code is made for: the one here, or a lesser one that GRADLOOM_CPU names.

LLVM knows what the processor is; asking it takes as long as loading its library. Where the system describes
the processor (Linux), the answer is kept on disk beside the kernels, under that description.
"""

from __future__ import annotations

import logging
import os
import platform
from functools import cache
from pathlib import Path
from typing import NamedTuple

from . import store
from .errors import BackendError

_log = logging.getLogger("gradloom")
_DESCRIPTION = Path("/proc/cpuinfo")
_DECIDES = {
    *("vendor_id", "cpu family", "model", "model name", "stepping", "flags"),
    *("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision", "Features"),
}
"""What of the description decides the answer; clocks and numbers of cores change."""
_V2 = ("cx16", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2", "ssse3")
_V3 = (*_V2, "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "xsave")
_V4 = (*_V3, "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl")
_LEVELS = {"x86-64": (), "x86-64-v2": _V2, "x86-64-v3": _V3, "x86-64-v4": _V4}
"""The levels of the x86-64 psABI: what a processor of each has beyond the first."""


class Processor(NamedTuple):
    """A processor by LLVM's name, and the features that it has.

    >>> Processor("x86-64-v3", frozenset({"avx2"})).width
    8
    """

    name: str
    features: frozenset[str]
    refused: frozenset[str] = frozenset()
    """Features that LLVM knows by name and this processor does not have."""

    @property
    def has_wide_vectors(self) -> bool:
        """Whether there are registers of 512 bits."""
        return "avx512f" in self.features

    @property
    def width(self) -> int:
        """How many float32 a register holds."""
        return 16 if self.has_wide_vectors else 8 if "avx2" in self.features else 4

    @property
    def attributes(self) -> str:
        """The features as LLVM takes them."""
        has, lacks = (sorted(names) for names in (self.features, self.refused))
        return ",".join([*(f"+{n}" for n in has), *(f"-{n}" for n in lacks)])


def is_x86() -> bool:
    """Whether this is an x86-64 processor."""
    return platform.machine().lower() in ("x86_64", "amd64")


@cache
def here() -> Processor:
    """The processor that code is made for.

    Raises:
        BackendError: GRADLOOM_CPU names none that is known, or one with more than the processor here has.
    """
    wanted = os.environ.get("GRADLOOM_CPU") or "native"
    host = _host()
    if wanted == "native":
        return host
    if wanted == "generic":
        return Processor("x86-64" if is_x86() else "generic", frozenset())
    known = _LEVELS if is_x86() else {}
    if wanted not in known:
        raise BackendError(
            f"GRADLOOM_CPU={wanted!r} is no processor that is known here; known are "
            f"{', '.join(('native', 'generic', *known))}"
        )
    if missing := set(known[wanted]) - host.features:
        raise BackendError(
            f"GRADLOOM_CPU={wanted}: the processor here ({host.name}) has no {', '.join(sorted(missing))}"
        )
    return Processor(wanted, frozenset(known[wanted]))


@cache
def llvm_version() -> str:
    """The version of llvmlite; without loading LLVM."""
    import llvmlite

    return str(llvmlite.__version__)


def _host() -> Processor:
    described = _description()
    if not described:
        return _parsed(_ask())
    told = f"processor\n{llvm_version()}\n{described}"
    return _parsed(store.kept(told, "processor", _ask))


def _description() -> str:
    """What Linux tells of the first processor; empty elsewhere."""
    try:
        first = _DESCRIPTION.read_text().partition("\n\n")[0]
    except OSError as error:
        if error.errno is None:
            raise
        return ""
    return "\n".join(line for line in first.splitlines() if line.partition(":")[0].strip() in _DECIDES)


def _ask() -> bytes:
    """LLVM's answer, as it is kept."""
    import llvmlite.binding as llvm

    features: dict[str, bool] = llvm.get_host_cpu_features()
    words = [f"{'+' if has else '-'}{name}" for name, has in sorted(features.items())]
    return "\n".join(["processor", llvm.get_host_cpu_name(), *words]).encode()


def _parsed(kept: bytes) -> Processor:
    _, name, *words = kept.decode().split("\n")
    return Processor(
        name,
        frozenset(w[1:] for w in words if w.startswith("+")),
        frozenset(w[1:] for w in words if w.startswith("-")),
    )
