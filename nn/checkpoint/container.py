"""The file format: a description and arrays to bytes, and bytes back to what is in them and nothing else.

The file is safetensors: a length, a JSON table of arrays, the arrays one after the other. The description,
JSON too, stands in the table. All of the table is checked before any array is made: no key twice, no array
over another, none beyond the end of the file. So what a file can make a reader allocate is at most a few
times its own size. A checksum covers every byte of what Gradloom writes.
"""

from __future__ import annotations

import io
import math
import os
from collections import Counter
from collections.abc import Callable, Collection
from typing import IO, Any

from autograd import GradloomError, Tensor

from ..errors import ArgumentError, FileError
from .files import Place, name_of

FORMAT = "gradloom-2"
UNSUMMED = "gradloom-1"
"""The format before, which is read, too: the same without a checksum."""
DIGEST, NO_DIGEST = rb"\"sha256\": \"%s\"", b"0" * 64
"""The checksum in the head of a file, which is that of the file with zeros in its place. The description is a
text in JSON, so its quotes have backslashes."""
LONGEST_TABLE = 16 << 20
"""Bytes of what stands before the arrays: parsed, they take some 25 times the memory."""
SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2,
    "I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8,
}  # fmt: skip
"""Bytes per number of the dtypes of safetensors that NumPy has."""
MOST_AXES = 64
"""Of an array of NumPy."""

# what reading arbitrary bytes as a description can end in
DAMAGE = (
    GradloomError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


def _safetensors() -> Any:
    """The package. Like the two below it is imported late: most programs save nothing, and need not wait."""
    import safetensors.numpy

    return safetensors


def _json() -> Any:
    import json

    return json


def sha256(*parts: bytes | memoryview) -> str:
    """The checksum of parts one after the other."""
    import hashlib

    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()


def as_json(value: Any) -> str:
    """JSON text."""
    return str(_json().dumps(value))


def parse(text: str | bytes) -> Any:
    """JSON; a key that stands twice is an error."""
    return _json().loads(text, object_pairs_hook=_without_twins)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twin = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {twin!r} twice")
    return found


def plain(
    value: Any,
    other: Callable[[Any, str], Any],
    name: str = "",
    marks: Collection[frozenset[str]] = (),
) -> Any:
    """`value` as JSON: numbers, texts, lists and dicts as they are, all else as `other(value, its name)`.

    A dict with keys that are not texts is something else: JSON would give it back with other keys. So is one
    with exactly the keys of one of `marks`, which would be read as what they mark.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(item, other, f"{name}.{i}", marks) for i, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(k, str) for k in value) and value.keys() not in marks:
        return {key: plain(item, other, f"{name}.{key}", marks) for key, item in value.items()}
    return other(value, name)


def pack(value: Any, arrays: dict[str, Any], name: str) -> Any:
    """`value` as JSON, its arrays moved to `arrays` under `name` and named there."""

    def moved(array: Any, name: str) -> dict[str, str]:
        if not hasattr(array, "__array__"):
            raise ArgumentError(
                f"save: {name} is a {type(array).__name__}; the state of a run is made of numbers, "
                "texts and arrays"
            )
        arrays[name] = array.numpy() if isinstance(array, Tensor) else array
        return {"array": name}

    return plain(value, moved, name)


def unpack(value: Any, arrays: dict[str, Any]) -> Any:
    """The inverse of `pack`; takes what it needs out of `arrays`."""
    if isinstance(value, list):
        return [unpack(item, arrays) for item in value]
    if isinstance(value, dict):
        if set(value) == {"array"}:
            return arrays.pop(value["array"])
        return {key: unpack(item, arrays) for key, item in value.items()}
    return value


def contents(what: str, header: dict[str, Any], arrays: dict[str, Any]) -> list[bytes | memoryview]:
    """The bytes of a file: its head, with the checksum of them all, and its arrays."""
    # first, so that it is found before whatever else the description holds
    summed = {"sha256": NO_DIGEST.decode(), "format": FORMAT, **header}
    metadata = {"gradloom": as_json(summed)}
    data = _safetensors().numpy.save(arrays, metadata=metadata)
    start = 8 + int.from_bytes(data[:8], "little")
    if start - 8 > LONGEST_TABLE:
        raise ArgumentError(
            f"{what}: the description and the names of the arrays take {start - 8} bytes; a file with more "
            f"than {LONGEST_TABLE} would not be read again"
        )
    digest = DIGEST % sha256(data).encode()
    return [data[:start].replace(DIGEST % NO_DIGEST, digest, 1), memoryview(data)[start:]]


def read(place: Place, verify: bool = True) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The description and the arrays of a path, or of what is left of an open binary file.

    There is no description where Gradloom has not written it.

    Raises:
        FileNotFoundError: there is no such file.
        FileError: it is damaged, or no safetensors file.
    """
    name = name_of(place)
    library = _safetensors()
    try:
        data = _bytes_of(place)
        table, start = _checked_table(data)
        header = _header(table.get("__metadata__", {}), data[:start], data, verify)
        return header, dict(library.numpy.load(data))
    except (FileNotFoundError, ArgumentError):
        raise
    except (library.SafetensorError, OSError, *DAMAGE) as error:
        raise FileError(f"{name}: damaged or not a safetensors file ({error})") from error


def load_table(data: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """The arrays and the metadata of safetensors that this library has written itself."""
    table, _ = _checked_table(data)
    return dict(_safetensors().numpy.load(data)), table.get("__metadata__", {})


def read_model(place: Place, verify: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:
    """(description, arrays) of a file that `Model.save` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        FileError: it is damaged, or not a model.
    """
    header, arrays = read(place, verify)
    if header is None:
        raise FileError(f"{name_of(place)}: a safetensors file, but not a model of format {FORMAT}")
    if "model" not in header:
        raise FileError(f"{name_of(place)}: it holds weights alone; model.load_weights reads it")
    return header, arrays


def _bytes_of(place: Place) -> bytes:
    if isinstance(place, (str, os.PathLike)):
        if not os.path.isfile(place):
            raise FileNotFoundError(f"no file {os.fspath(place)}")
        with open(place, "rb") as file:
            return _rest_of(file)
    if not hasattr(place, "read") or isinstance(place, io.TextIOBase):
        raise ArgumentError(f"a path or a file of mode 'rb' is expected, got {type(place).__name__}")
    return _rest_of(place)


def _rest_of(file: IO[bytes]) -> bytes:
    """All of a file; not before its first bytes say that this is worth while."""
    first = _read(file, 8)
    if len(first) < 8:
        raise ValueError(f"it ends after {len(first)} bytes")
    length = int.from_bytes(first, "little")
    if length > LONGEST_TABLE:
        raise ValueError(f"a table of {length} bytes; at most {LONGEST_TABLE} are read")
    return first + _read(file)


def _read(file: IO[bytes], count: int = -1) -> bytes:
    """`count` bytes, or all: an unbuffered stream may give fewer at a time."""
    parts: list[bytes] = []
    left = count
    while left and (part := file.read(left)):
        parts.append(part)
        left -= len(part) if count > 0 else 0
    return b"".join(parts)


def _header(metadata: Any, head: bytes, data: bytes, verify: bool) -> dict[str, Any] | None:
    """The description, when its checksum is right; files of the first format have none."""
    if "gradloom" not in metadata:
        return None
    if set(metadata) != {"gradloom"}:
        raise ValueError(f"metadata of others beside those of a model: {', '.join(metadata)}")
    header = parse(metadata["gradloom"])
    if not isinstance(header, dict) or header.get("format") not in (FORMAT, UNSUMMED):
        raise ValueError(f"not a model of format {FORMAT}")
    digest = header.pop("sha256", None)
    if (digest is None) != (header["format"] == UNSUMMED):
        raise ValueError(f"format {header['format']} and the checksum {digest}")
    if verify and digest is not None:
        # the checksum is that of the file with zeros in its place
        emptied = head.replace(DIGEST % digest.encode(), DIGEST % NO_DIGEST, 1)
        if digest != sha256(emptied, memoryview(data)[len(head) :]):
            raise ValueError("its bytes are not those that were written: the checksum differs")
    return header


def _checked_table(data: bytes) -> tuple[dict[str, Any], int]:
    """The table, and where the arrays begin."""
    length = int.from_bytes(data[:8], "little")
    start = 8 + length
    if start > len(data):
        raise ValueError(f"a table of {length} bytes in a file of {len(data)}")
    table = parse(data[8:start])
    if not isinstance(table, dict) or not isinstance(table.get("__metadata__", {}), dict):
        raise ValueError("the table of arrays is no table")
    spans = []
    for name, entry in table.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            if entry["dtype"] not in SIZES:
                raise ValueError(f"the array {name!r} holds {entry['dtype']}, which is not read here")
            if len(entry["shape"]) > MOST_AXES:
                raise ValueError(f"the array {name!r} has {len(entry['shape'])} axes")
            count = math.prod(entry["shape"])
            if not 0 <= begin <= end or (end - begin) != count * SIZES[entry["dtype"]]:
                raise ValueError(f"the array {name!r} has {end - begin} bytes for {count} numbers")
            spans.append((begin, end, name))
    position = 0
    for begin, end, name in sorted(spans):
        if begin != position:
            what = "overlaps another" if begin < position else "leaves a hole"
            raise ValueError(f"the array {name!r} {what}")
        position = end
    if position != len(data) - start:
        raise ValueError(f"{len(data) - start} bytes of arrays, the table has {position}")
    return table, start


def part(arrays: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The arrays under `prefix`, by their names without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
