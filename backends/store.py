"""Executable code on disk: one folder, which only the user may write, of files that
are believed only when all is right.

A file is named by a hash of all that decides its content and begins with a hash of that name and the content,
so one that is damaged, cut short, or has the content of another is compiled again instead of being run. The
folder is opened once and files are reached through it, so nobody can put another in its place. Files are
written under another name and renamed: any number of processes may share the folder. It has a bound, beyond
which the files that were used longest ago go.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import secrets
import stat
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

_log = logging.getLogger("gradloom")
_HASH = hashlib.sha256().digest_size
_SUFFIX, _NEW = ".kernel", ".new"
_LIMIT = 256
"""Megabytes, where GRADLOOM_CACHE_SIZE says nothing else."""
_EVICTED_TO = 0.8
"""The part of the bound that is left when files have to go, so that not every new one asks for it."""
_ABANDONED = 3600.0
"""Seconds after which a file that is being written belongs to nobody."""
_BY_DESCRIPTOR = {
    os.open,
    os.stat,
    os.rename,
    os.unlink,
} <= os.supports_dir_fd and os.listdir in os.supports_fd
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH


class Entry(NamedTuple):
    """A file of the folder: its size in bytes, and when it was last used, in seconds since 1970."""

    name: str
    size: int
    used: float


class Folder:
    """An open folder of compiled code.

    Args:
        path: made where it is missing, with its parents.

    Raises:
        PermissionError: others could write into it, or put another in its place.
        OSError: it cannot be made or opened.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = None
        self.refused: set[int] = set()
        """Errors of the system that the log has told."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path.resolve()
        self._size: int | None = None
        if _BY_DESCRIPTOR:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            self._descriptor = os.open(self.path, flags)
            weakref.finalize(self, os.close, self._descriptor)
            _check_safe(self.path, os.fstat(self._descriptor))

    def read(self, name: str) -> bytes | None:
        """The content of a file, when it is what was written under this
        name; from now on it counts as used.
        """
        with _without_system_errors(), open(self._place(name), "rb", opener=self._opener) as file:
            if not _is_own(os.fstat(file.fileno())):
                return None
            digest, content = file.read(_HASH), file.read()
            if digest != _digest(name, content):
                return None
            with _without_system_errors():
                os.utime(file.fileno() if os.utime in os.supports_fd else self._place(name))
            return content
        return None

    def write(self, name: str, content: bytes) -> None:
        """Keep `content`.

        Raises:
            OSError: it cannot be written.
        """
        new = f"{name}.{secrets.token_hex(8)}{_NEW}"
        try:
            with open(self._place(new), "xb", opener=self._opener) as file:
                file.write(_digest(name, content))
                file.write(content)
            os.replace(
                self._place(new), self._place(name), src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor
            )
        except BaseException:
            self._remove(new)
            raise
        if self._size is None:
            self._size = sum(entry.size for entry in self.entries())
        self._size += _HASH + len(content)
        if self._size > limit():
            self.evict(limit())

    def entries(self) -> list[Entry]:
        """The files, those that were used longest ago first."""
        found = []
        for name in os.listdir(self.path if self._descriptor is None else self._descriptor):
            if name.endswith((_SUFFIX, _NEW)):
                with _without_system_errors():  # another process has removed it
                    facts = os.stat(self._place(name), dir_fd=self._descriptor, follow_symlinks=False)
                    if not stat.S_ISDIR(facts.st_mode):
                        found.append(Entry(name, facts.st_size, facts.st_mtime))
        return sorted(found, key=lambda entry: entry.used)

    def evict(self, bound: float) -> int:
        """Remove what was used longest ago until there is less than
        `bound` bytes; returns how many files.

        Another process may do the same at the same time: a file that is gone counts as removed.
        """
        entries = self.entries()
        size, count, now = sum(entry.size for entry in entries), 0, time.time()
        for entry in entries:
            is_new = entry.name.endswith(_NEW)
            if size <= bound * _EVICTED_TO and not is_new:
                continue
            if is_new and now - entry.used < _ABANDONED and bound:
                continue
            self._remove(entry.name)
            size, count = size - entry.size, count + 1
        self._size = size
        return count

    def _place(self, name: str) -> str:
        return name if self._descriptor is not None else str(self.path / name)

    def _opener(self, name: str, flags: int) -> int:
        # one that is no plain file must neither be followed nor waited for
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        return os.open(name, flags, 0o600, dir_fd=self._descriptor)

    def _remove(self, name: str) -> None:
        with _without_system_errors():
            os.unlink(self._place(name), dir_fd=self._descriptor)


@contextmanager
def _without_system_errors() -> Iterator[None]:
    """What the system has against a file is no error here; a TimeoutError that a
    handler of a signal raises is no such.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise


def _digest(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + content).digest()


def _is_own(facts: os.stat_result) -> bool:
    """Whether this is a plain file that nobody but the user can have written."""
    if not stat.S_ISREG(facts.st_mode):
        return False
    return not hasattr(os, "getuid") or (facts.st_uid == os.getuid() and not facts.st_mode & _WRITABLE)


def _check_safe(path: Path, facts: os.stat_result) -> None:
    """Refuse a folder whose machine code somebody else could have written."""
    if facts.st_uid != os.getuid() or facts.st_mode & _WRITABLE:
        raise PermissionError(f"{path} can be written by others")
    for parent in path.parents:
        above = parent.stat()
        by_others = above.st_mode & stat.S_IWOTH or (
            above.st_mode & stat.S_IWGRP and above.st_gid not in (0, os.getegid())
        )
        if by_others and not above.st_mode & stat.S_ISVTX:
            raise PermissionError(
                f"{path}: {parent} can be written by others, who could put another folder in its place"
            )


def limit() -> float:
    """The bound of the folder in bytes: GRADLOOM_CACHE_SIZE megabytes; what is no
    such number is said once and not used.
    """
    return _limit(os.environ.get("GRADLOOM_CACHE_SIZE") or str(_LIMIT)) * 1e6


@cache
def _limit(text: str) -> float:
    try:
        size = float(text)
    except ValueError:
        size = math.nan
    if not 0 <= size < math.inf:
        _log.warning("GRADLOOM_CACHE_SIZE=%r is no number of megabytes; it is %s", text, _LIMIT)
        return float(_LIMIT)
    return size


@cache
def folder() -> Folder | None:
    """Where code is kept: GRADLOOM_CACHE_DIR, or the user's cache
    folder. None when neither can be trusted.
    """
    try:
        chosen = os.environ.get("GRADLOOM_CACHE_DIR")
        if not chosen:
            import platformdirs

            chosen = platformdirs.user_cache_dir("gradloom", appauthor=False)
        return Folder(Path(chosen) / "kernels")
    except PermissionError as error:
        _log.warning("kernels are not kept on disk: %s", error)
    except (ImportError, OSError) as error:
        if isinstance(error, OSError) and error.errno is None:
            raise
        _log.warning("kernels are not kept on disk, each process compiles its own: %s", error)
    return None


def found(told: str, symbol: str) -> bytes | None:
    """Object code that defines `symbol`, from the folder; None where there is none that can be believed.

    Args:
        told: all that decides the content.
        symbol: the function that is looked up in it.
    """
    here = folder()
    code = None if here is None else here.read(_name(told))
    return code if code is not None and symbol.encode() in code else None


def keep(told: str, code: bytes) -> None:
    """Put object code into the folder; the log tells when that cannot be, once for each reason."""
    here = folder()
    if here is None:
        return
    try:
        here.write(_name(told), code)
    except OSError as error:
        if error.errno is None:
            raise
        if error.errno not in here.refused:
            here.refused.add(error.errno)
            _log.warning("a kernel could not be kept in %s: %s", here.path, error)
        if not here.path.exists():
            folder.cache_clear()


def kept(told: str, symbol: str, make: Callable[[], bytes]) -> bytes:
    """Object code from the folder, or made now and put there; see `found`."""
    code = found(told, symbol)
    if code is None:
        code = make()
        keep(told, code)
    return code


def _name(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest() + _SUFFIX
