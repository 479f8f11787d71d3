"""Where a study is kept: in memory, in an SQLite file or in a journal. Optuna
is imported here and nowhere else.

A file belongs to one process at a time: a lock that the operating system drops when the process dies, however
it dies. So a trial that is found running was killed, and is tried anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from autograd import GradloomError

from ..arguments import PATH
from ..checkpoint.container import DAMAGE, parse
from ..checkpoint.files import Lock
from ..errors import ArgumentError, FileError, MissingExtraError

DATABASE = (".db", ".sqlite", ".sqlite3")
JOURNAL = (".journal", ".log")
FIRST = b'{"op_code"'
"""How every journal begins."""


def optuna_library() -> Any:
    """The optuna package, or the error that says how to install it."""
    try:
        import optuna
        import optuna.storages.journal
    except ImportError as error:
        raise MissingExtraError("nn.tune needs optuna: pip install 'gradloom[tune]'") from error
    return optuna


@contextmanager
def quiet(library: Any) -> Iterator[None]:
    """Inside, Optuna reports nothing below an error; afterwards what the user had set holds again."""
    level = library.logging.get_verbosity()
    library.logging.set_verbosity(library.logging.ERROR)
    try:
        yield
    finally:
        library.logging.set_verbosity(level)


@contextmanager
def opened(library: Any, storage: Any) -> Iterator[Any]:
    """The Optuna storage for None (memory), or a path that ends in .db or .journal.

    Raises:
        ArgumentError: another ending.
        FileError: another process works on the file, or it cannot be read.
    """
    if storage is None:
        yield library.storages.InMemoryStorage()
        return
    path = _path(storage)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with Lock(f"{path}.lock", "search", path), explained(path, *database_errors(library)):
        if path.endswith(JOURNAL):
            yield _journal(library, path)
            return
        with explained(path, *DAMAGE):
            database = _database(library, path)
        try:
            with explained(path, *DAMAGE):
                _check_pages(database)
            yield database
        finally:
            database.remove_session()
            database.engine.dispose()


@contextmanager
def explained(path: Any, *errors: type[BaseException]) -> Iterator[None]:
    """Inside, these errors mean that the file is damaged, or cannot be written; all name it."""
    try:
        yield
    except GradloomError as error:
        if isinstance(error, FileError) and path is not None and str(path) not in str(error):
            raise FileError(f"{path}: {error}") from error
        raise
    except errors as error:
        raise FileError(f"{path}: not a study that can be read and written ({error})") from error


def database_errors(library: Any) -> tuple[type[BaseException], ...]:
    """What a database that is damaged, or on a full disk, ends in."""
    import sqlalchemy.exc

    return sqlalchemy.exc.SQLAlchemyError, library.exceptions.OptunaError


def _check_pages(database: Any) -> None:
    with database.engine.connect() as connection:
        found = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise FileError(f"{database.engine.url.database}: damaged ({'; '.join(found)})")


def _path(storage: Any) -> str:
    path: str = os.path.abspath(PATH.checked("tune", "storage", storage))
    if "://" in str(storage) or not path.endswith(DATABASE + JOURNAL):
        raise ArgumentError(
            "storage is a path that ends in .db (an SQLite file) or .journal (a text file), got "
            f"{str(storage)!r}"
        )
    return path


def _database(library: Any, path: str) -> Any:
    if os.path.exists(path) and os.path.getsize(path):
        with open(path, "rb") as file:
            if file.read(15) != b"SQLite format 3":
                raise FileError(f"{path}: not an SQLite file")
    return library.storages.RDBStorage(f"sqlite:///{path}")


def _journal(library: Any, path: str) -> Any:
    """The journal, without a last line that a killed process left half-written."""
    with open(path, "ab+") as file:
        file.seek(0)
        content = file.read()
        if not (content.startswith(FIRST) or FIRST.startswith(content)):
            raise FileError(f"{path}: not a journal of a study")
        end = content.rfind(b"\n") + 1
        with explained(path, *DAMAGE):
            for line in content[:end].splitlines():
                int(parse(line)["op_code"])
        file.truncate(end)
    backend = library.storages.journal.JournalFileBackend(path, lock_obj=_Unlocked())
    with explained(path, AssertionError, *DAMAGE):
        return library.storages.JournalStorage(backend)


class _Unlocked:
    """Optuna's lock of a single write, which would outlive a process that is
    killed; `Lock` locks the whole search.
    """

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass
