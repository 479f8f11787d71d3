"""The private BLAS of scipy-openblas32, for products that do not fit the caches.

Programs call its functions by address, each thread for its own part of a product, so inside a step it runs
single threads. What threadpoolctl has set is read first and put back.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
from functools import cache
from typing import Any
from weakref import WeakSet

from ..locks import renewed_lock

_lock = renewed_lock()
_TIMEOUT, _SHORTEST = "OPENBLAS_THREAD_TIMEOUT", "4"
"""How long a thread of OpenBLAS without work looks for some: two to this power of cycles, at least 2^4."""
_users: WeakSet[single] = WeakSet()
"""Who is inside `single`."""
_before: list[int] = []
"""How many threads BLAS had before the first of them; empty when nobody is."""


@cache
def _library() -> Any:
    """The library, or None."""
    # the package itself is not imported: what it is in Python takes longer than the library
    spec = importlib.util.find_spec("scipy_openblas32")
    for package in spec.submodule_search_locations or () if spec is not None else ():
        folder = os.path.join(package, "lib")
        for name in sorted(os.listdir(folder)):
            if "openblas" in name and name.endswith((".so", ".dylib", ".dll")):
                try:
                    return _loaded(os.path.join(folder, name))
                except OSError:
                    continue
    return None


def _loaded(path: str) -> Any:
    """The library, whose own threads sleep from the start on.

    They are never called here, and would look for work for a tenth of a second first: while a program is
    compiled, and its first steps run. The library reads the variable when it is loaded and never again.
    """
    chosen = os.environ.get(_TIMEOUT)
    os.environ[_TIMEOUT] = _SHORTEST if chosen is None else chosen
    try:
        return ctypes.CDLL(path)
    finally:
        if chosen is None:
            os.environ.pop(_TIMEOUT, None)


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
    if library is None:
        return 1 << 30
    return _before[0] if _before else int(library.scipy_openblas_get_num_threads())


class single:
    """Inside `with`, BLAS runs in the thread that calls it.

    A handler of a signal may raise at the first instruction of `__exit__`: then this object goes without
    having left, and the next one to leave gives the threads back.
    """

    def __enter__(self) -> None:
        library = _library()
        if library is None:
            return
        with _lock:
            if not _users:
                if not _before:
                    _before.append(int(library.scipy_openblas_get_num_threads()))
                if _before[0] != 1:
                    library.scipy_openblas_set_num_threads(1)
            _users.add(self)

    def __exit__(self, *exception: object) -> None:
        with _lock:
            _users.discard(self)
            if _before and not _users:
                if _before[0] != 1:
                    _library().scipy_openblas_set_num_threads(_before[0])
                _before.clear()
