"""Files on disk: written complete or not at all, and folders or files that
one process has for itself at a time.

What is written stands beside its place until it is complete, so a reader never sees half of it,
and a full disk or a power failure leaves the old file. Locks are the operating system's: they end
with their process, however it ends.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

from ..arguments import FLAG
from ..errors import ArgumentError, FileError

try:
    import fcntl
except ImportError:  # Windows: there two processes at once in one place are not noticed
    fcntl = None  # type: ignore[assignment]

Place = str | os.PathLike[str] | IO[bytes]
"""A path, or a binary file object."""

_OF_KERAS = (".keras", ".h5", ".hdf5")
_log = logging.getLogger("gradloom")
_said = set[str]()
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM)
"""What file systems say that cannot flush a folder, or do not let us open one."""


def name_of(place: Place) -> str:
    """A path as text; of a file object its name, for messages."""
    if isinstance(place, (str, os.PathLike)):
        return os.fspath(place)
    return str(getattr(place, "name", None) or f"<{type(place).__name__}>")


def write(place: Place, parts: Sequence[bytes | memoryview]) -> None:
    """Write parts one after the other to a path, atomically, or to an open binary file.

    Raises:
        OSError: of the class that the system's error has, with the path; a
            file that was there before is whole.
    """
    if isinstance(place, (str, os.PathLike)):
        try:
            # through a symbolic link: the link stays and its target is replaced
            _replace(os.path.realpath(place), parts)
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), os.fspath(place)) from error
        return
    if not hasattr(place, "write") or isinstance(place, io.TextIOBase):
        raise ArgumentError(f"a path or a file of mode 'wb' is expected, got {type(place).__name__}")
    for part in parts:
        _write_all(place, part)


def _write_all(file: IO[bytes], part: bytes | memoryview) -> None:
    left = memoryview(part)
    while left:
        written = file.write(left)
        if not written:
            raise OSError(errno.EIO, f"{len(left)} bytes were not taken", name_of(file))
        left = left[written:]


def _replace(path: str, parts: Sequence[bytes | memoryview]) -> None:
    remove_left_overs(path)
    temporary = f"{path}.{os.getpid()}-{os.urandom(4).hex()}.part"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            if fcntl is not None:
                with contextlib.suppress(OSError):  # a file system without locks
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(os.path.dirname(path) or ".")


def _sync_folder(folder: str) -> None:
    """The new name of a file is safe from a power failure when its folder is on the disk, too."""
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def nothing_skipped(skip_mismatch: Any) -> None:
    """Keras's `skip_mismatch` of `load_weights`, which is False here."""
    if FLAG.checked("load_weights", "skip_mismatch", skip_mismatch):
        raise ArgumentError("load_weights: skip_mismatch=True is not known here; every weight has to fit")


def may_write(what: str, place: Any, overwrite: Any) -> None:
    """Whether a file may be written there; says, once for each, what a name that is Keras's will hold.

    Raises:
        ArgumentError: it is there, and `overwrite` is False.
    """
    overwrite = FLAG.checked(what, "overwrite", overwrite)
    if not isinstance(place, (str, os.PathLike)):
        return
    path = os.fspath(place)
    if not overwrite and os.path.exists(path):
        raise ArgumentError(f"{what}: {path} is there, and overwrite=False")
    suffix = os.path.splitext(path)[1]
    if suffix in _OF_KERAS and suffix not in _said:
        _said.add(suffix)
        _log.warning("%s: %s is written in Gradloom's own format, which Keras does not read", what, path)


def remove_left_overs(path: str) -> None:
    """Remove what processes that are dead, killed say, have written beside `path` and not finished."""
    folder, name = os.path.split(path)
    part = re.compile(re.escape(name) + r"\.(\d+)-[0-9a-f]{8}\.part")
    with contextlib.suppress(OSError), os.scandir(folder or ".") as entries:
        for entry in entries:
            match = part.fullmatch(entry.name)
            if match and not _is_alive(int(match[1])) and not _is_locked(entry.path):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


def _is_alive(process: int) -> bool:
    # on Windows 0 is a signal like others; a file that is open cannot be removed there
    if fcntl is None:
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _is_locked(path: str) -> bool:
    """Whether a process holds it, one on another machine, say, whose number means nothing here."""
    if fcntl is None:
        return False
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


@dataclass(eq=False, repr=False)
class Lock:
    """A file that one holder at a time has locked; it says who that is.

    Args:
        path: the file; made when locked, removed when released.
        owner: what the holder is, for the message: "search".
        place: what it is about, for the message.
    """

    path: str
    owner: str
    place: str
    _file: Any = None

    def acquire(self) -> None:
        """Lock it; does nothing when this object holds it already and the file is still there.

        Raises:
            FileError: another holder has it.
        """
        if fcntl is None or (self._file is not None and self._is_still()):
            return
        self._close()
        while True:
            self._file = open(self.path, "ab+")  # noqa: SIM115 - open as long as it is held
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                self._refuse(error)
            if self._is_still():  # else its last holder removed it in between
                break
            self._close()
        self._file.truncate(0)
        self._file.write(f"{os.getpid()} on {os.uname().nodename}".encode())
        self._file.flush()

    def release(self) -> None:
        """Remove it, so that others can go on; does nothing when it is not held."""
        if self._file is not None:
            if self._is_still():
                with contextlib.suppress(OSError):
                    os.unlink(self.path)
            self._close()

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def _refuse(self, error: OSError) -> None:
        self._file.seek(0)
        holder = self._file.read(200).decode(errors="replace")
        self._close()
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise OSError(error.errno, error.strerror, self.path) from error
        raise FileError(
            f"{self.place}: another {self.owner} is at work here, that of process {holder or 'unknown'}; "
            "wait for it, or use another place"
        ) from error

    def _is_still(self) -> bool:
        try:
            return os.stat(self.path).st_ino == os.fstat(self._file.fileno()).st_ino
        except FileNotFoundError:
            return False

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
