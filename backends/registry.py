"""Which backends exist, which one is the default, and a helpful error when one is missing.

A backend is loaded at its first `get`, so that importing the package costs no more than NumPy. The default is
a value of the context: two threads, or two tasks, can each have their own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .contract import Backend
from .errors import BackendError
from .numba import NumbaBackend
from .numpy import NumPyBackend
from .suggest import nearest
from .switching import switched


def _on_device(device: int | None = None) -> Backend:
    # late: whoever asks for no device need not load what makes kernels for one
    from .cupy import on_device

    return on_device(device)  # type: ignore[no-any-return]


_factories: dict[str, Callable[[], Backend]] = {
    "numpy": NumPyBackend,
    "numba": NumbaBackend,
    "cupy": _on_device,
}
_numbered: dict[str, Callable[[int], Backend]] = {"cupy": _on_device}
"""Backends that have a device, which a number behind the name chooses. They keep their own objects: which
one the plain name means may change."""
_loaded: dict[str, Backend] = {}
_process_default: Backend | None = None
_HOST_MEMORY = (1, 3)
_CUDA_MEMORY = (2, 13)
"""DLPack's kinds of devices: CPU and pinned; CUDA and CUDA managed."""
_context_default: ContextVar[Backend | None] = ContextVar("default_backend", default=None)


def register(name: str, factory: Callable[[], Backend]) -> None:
    """Make a backend known under `name`.

    `factory` is called at the first `get(name)`; an ImportError that it raises
    becomes the reason in `available()`.

    Raises:
        BackendError: when the name is taken.
    """
    if name in _factories:
        raise BackendError(f"there is already a backend named {name!r}")
    _factories[name] = factory


def get(name: str | Backend) -> Backend:
    """The backend called `name`; always the same object. A backend is returned as it is.

    "cupy" is the CUDA device that is current in CuPy at the call, "cupy:1" is device 1.

    Raises:
        BackendError: when it is unknown or cannot be loaded here; the message names those that can.
    """
    if not isinstance(name, str):
        return name
    if name in _loaded:
        return _loaded[name]
    base, colon, number = name.partition(":")
    if base not in _factories or (colon and base not in _numbered):
        raise BackendError(f"unknown backend {name!r}. {nearest(name, _factories)}")
    if colon and not number.isdecimal():
        raise BackendError(f"backend {name!r}: a device is a number, as in '{base}:0'")
    try:
        if base in _numbered:
            return _numbered[base](int(number)) if colon else _factories[base]()
        return _loaded.setdefault(name, _factories[name]())
    except ImportError as error:
        raise BackendError(f"backend {name!r} cannot be loaded here: {error}") from error


def names() -> list[str]:
    """Every known backend, whether it can be used here or not. Nothing is loaded.

    >>> "cupy" in names()
    True
    """
    return list(_factories)


def sharing(value: Any) -> Backend:
    """The backend that can share the memory of `value`, an object with `__dlpack_device__`: by its device.

    Raises:
        BackendError: for a device that no backend here has.
    """
    kind, number = value.__dlpack_device__()
    if int(kind) in _HOST_MEMORY:
        here = default()
        return here if here.name in ("numpy", "numba") else get("numpy")
    if int(kind) in _CUDA_MEMORY:
        return get(f"cupy:{number}")
    raise BackendError(
        f"{type(value).__name__} is on a device of DLPack's kind {int(kind)}; there are backends for "
        "CPUs and CUDA"
    )


def available() -> dict[str, str]:
    """Every known backend with "available", or the reason why it cannot be used here.

    >>> available()["numpy"]
    'available'
    """
    report = {}
    for name in _factories:
        try:
            get(name)
            report[name] = "available"
        except BackendError as error:
            report[name] = str(error)
    return report


def default() -> Backend:
    """The backend of new tensors: that of the innermost `use`, else of `set_default`, else Numba or NumPy."""
    return _context_default.get() or _process_default or _preferred()


@functools.cache
def _preferred() -> Backend:
    """Numba where it is installed."""
    try:
        return get("numba")
    except BackendError as error:
        if not isinstance(error.__cause__, ImportError):
            raise
        return get("numpy")


def set_default(name: str | Backend) -> None:
    """Make `name` the default of the whole process, wherever no `use` is active."""
    global _process_default
    _process_default = get(name)


@contextmanager
def use(name: str | Backend) -> Iterator[Backend]:
    """Make `name` the default inside a `with` block, for this thread or task alone.

    >>> with use("numpy") as backend:
    ...     backend.name
    'numpy'
    """
    backend = get(name)
    with switched(_context_default, backend):
        yield backend
