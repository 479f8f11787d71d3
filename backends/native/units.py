"""Which unit of the processor multiplies bfloat16, and the system's permission to use it."""

from __future__ import annotations

import ctypes
import logging
import sys
from functools import cache

from .. import processor

_log = logging.getLogger("gradloom")
AMX, DOT = "amx", "avx512_bf16"
"""Tiles of 16 by 16 sums in registers of their own; sums of two products in each lane of a vector."""
_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA = 158, 0x1023, 18
"""The system call of Linux on x86-64 that lets a process use the registers of tiles."""


@cache
def usable() -> tuple[str, ...]:
    """The units that there are and that may be used, the fastest first."""
    features = processor.here().features
    # vectors are converted by instructions of AVX512_BF16 for both
    if not {"avx512f", "avx512bw", "avx512bf16"} <= features:
        return ()
    return (AMX, DOT) if {"amx-tile", "amx-bf16"} <= features and _permitted() else (DOT,)


@cache
def bfloat16_unit() -> str | None:
    """The unit for products of bfloat16; None where float32 is as fast, which the log says.

    `vdpbf16ps` does two products a lane. Published tables have AMD's processors start it as
    often as an FMA; Intel's start it a quarter as often (measured on Emerald Rapids: 89 GFLOP/s
    against 177), so there only tiles pay.
    """
    found = usable()
    if AMX in found:
        return AMX
    if found and processor.here().name.startswith("znver"):
        return DOT
    _log.info(
        "this processor multiplies bfloat16 no faster than float32: operands of products are "
        "rounded to bfloat16 as they should, but nothing is gained"
    )
    return None


def _permitted() -> bool:
    """Whether the system lets this process have the registers of tiles, which it asks for once."""
    if sys.platform != "linux" or not processor.is_x86():
        return False
    try:
        call = ctypes.CDLL(None, use_errno=True).syscall
    except (AttributeError, OSError):
        return False
    call.restype = ctypes.c_long
    granted: int = call(
        ctypes.c_long(_ARCH_PRCTL), ctypes.c_long(_REQUEST_PERMISSION), ctypes.c_long(_TILE_DATA)
    )
    return granted == 0
