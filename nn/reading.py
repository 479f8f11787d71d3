"""Reading the container of a saved model: bytes to a description and arrays, and nothing that is not in the file.

The file is safetensors: a length, a JSON table of arrays, the arrays one after the other. The table is checked here,
before any array is made: no key twice, no array over another, none beyond the end of the file. So what a file can make
a reader allocate is at most its own size.
"""

from __future__ import annotations

import math
import os
from typing import Any

from autograd import GradloomError

from .errors import FileError
from .saving import FORMAT, safetensors_numpy

SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8,
}  # fmt: skip
"""Bytes per number of the dtypes of safetensors."""
LONGEST_TABLE = 100_000_000
"""Bytes; the limit of safetensors itself."""

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


def read(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(description, arrays) of the file.

    Raises:
        FileNotFoundError: there is no such file.
        FileError: it is damaged, or not a model.
    """
    library = safetensors_numpy()
    if not os.path.isfile(path):
        raise FileNotFoundError(f"no file {path}")
    try:
        text = _checked_table(path).get("__metadata__", {}).get("gradloom")
        header = None if text is None else _parse(text)
        with library.safe_open(path, framework="np") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (library.SafetensorError, OSError, *DAMAGE) as error:
        raise FileError(f"{path}: damaged or not a safetensors file ({error})") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise FileError(f"{path}: a safetensors file, but not a model of format {FORMAT}")
    return header, arrays


def _parse(text: str | bytes) -> Any:
    import json

    return json.loads(text, object_pairs_hook=_without_twins)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} twice")
        found[key] = value
    return found


def _checked_table(path: str) -> dict[str, Any]:
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, LONGEST_TABLE):
            raise ValueError(f"a table of {length} bytes in a file of {size}")
        table = _parse(file.read(length))
    if not isinstance(table, dict):
        raise ValueError("the table of arrays is no table")
    spans = []
    for name, entry in table.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
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
    if position != size - 8 - length:
        raise ValueError(f"{size - 8 - length} bytes of arrays, the table has {position}")
    return table


def unpack(value: Any, arrays: dict[str, Any]) -> Any:
    """The inverse of `saving.pack`."""
    if isinstance(value, list):
        return [unpack(item, arrays) for item in value]
    if isinstance(value, dict):
        if set(value) == {"array"}:
            return arrays[value["array"]]
        return {key: unpack(item, arrays) for key, item in value.items()}
    return value


def part(arrays: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The arrays under `prefix`, by their names without it."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
