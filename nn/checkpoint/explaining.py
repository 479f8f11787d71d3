"""Whatever the contents of a damaged file lead to is one error, which names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import FileError, MissingExtraError
from .container import DAMAGE
from .files import Place, name_of


@contextmanager
def explained(place: Place, what: str) -> Iterator[None]:
    """Inside, whatever damaged contents lead to is a FileError that names the file."""
    try:
        yield
    except MissingExtraError:
        raise
    except FileError as error:
        raise FileError(f"{name_of(place)}: {error}") from error
    except DAMAGE as error:
        raise FileError(f"{name_of(place)}: the file does not describe {what}: {error}") from error
