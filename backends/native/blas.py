"""The private BLAS of scipy-openblas32, for products that do not fit the caches.

Programs call its functions by address, each thread for its own part of a product, so inside a step it runs single
threads. What threadpoolctl has set is read first and put back.
"""

from __future__ import annotations

import ctypes
import glob
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from ..locks import renewed_lock

_lock = renewed_lock()
_depth = [0, 0]


@cache
def _library() -> Any:
    """The library, or None."""
    if importlib.util.find_spec("scipy_openblas32") is None:
        return None
    import scipy_openblas32

    folder = scipy_openblas32.get_lib_dir()
    for path in sorted(glob.glob(os.path.join(folder, "*openblas*"))):
        if path.endswith((".so", ".dylib", ".dll")):
            try:
                return ctypes.CDLL(path)
            except OSError:
                continue
    return None


def is_here() -> bool:
    """Whether there is a BLAS to call."""
    return _library() is not None


@cache
def function(name: str) -> int:
    """The address of a function of CBLAS."""
    return ctypes.cast(getattr(_library(), f"scipy_cblas_{name}"), ctypes.c_void_p).value or 0


def allowed_threads() -> int:
    """How many threads BLAS may use now: threadpoolctl's limit, where one is set."""
    library = _library()
    if library is None or _depth[0]:
        return 1 << 30 if library is None else _depth[1]
    return int(library.scipy_openblas_get_num_threads())


@contextmanager
def single() -> Iterator[None]:
    """Inside, BLAS runs in the thread that calls it."""
    library = _library()
    if library is None:
        yield
        return
    with _lock:
        if not _depth[0]:
            _depth[1] = int(library.scipy_openblas_get_num_threads())
            if _depth[1] != 1:
                library.scipy_openblas_set_num_threads(1)
        _depth[0] += 1
    try:
        yield
    finally:
        with _lock:
            _depth[0] -= 1
            if not _depth[0] and _depth[1] != 1:
                library.scipy_openblas_set_num_threads(_depth[1])
