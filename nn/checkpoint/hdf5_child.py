"""HDF5 from standard input to safetensors on standard output: a program, run by `keras_files.py`.

The library that reads HDF5 is written in C, and a damaged file can end its process. So it has one of its own.
No link is followed, and no array is read that would take much more memory than the file has bytes.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

ATTRIBUTES = ("layer_names", "weight_names", "model_config", "training_config")
DEEPEST = 64
MOST_TIMES = 64
"""Bytes of arrays to a byte of the file."""


def contents(data: bytes) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]:
    """The arrays by path, and of each group the attributes that count."""
    import h5py

    arrays: dict[str, Any] = {}
    groups: list[tuple[str, dict[str, Any]]] = []
    left, seen = MOST_TIMES * len(data), set[int]()

    def visit(group: Any, path: str) -> None:
        nonlocal left
        place = h5py.h5o.get_info(group.id).addr  # pyright: ignore[reportAttributeAccessIssue]
        if path.count("/") > DEEPEST or place in seen:
            raise ValueError("groups in groups in groups")
        seen.add(place)
        groups.append((path, {name: _texts(group.attrs[name]) for name in ATTRIBUTES if name in group.attrs}))
        for name in group:
            if type(group.get(name, getlink=True)).__name__ != "HardLink":
                raise ValueError(f"{path}/{name} is a link, and links are not followed")
            item, below = group[name], f"{path}/{name}"
            if isinstance(item, h5py.Group):
                visit(item, below)
                continue
            if item.is_virtual or item.external or item.dtype.kind not in "fiub":
                raise ValueError(f"{below} is no array of numbers in this file")
            stored = item.id.get_storage_size()
            if item.nbytes > MOST_TIMES * max(stored, 1):
                raise ValueError(f"{below} has {item.nbytes} bytes, of which {stored} are there")
            left -= item.nbytes
            if left < 0:
                raise ValueError(f"its arrays have more than {MOST_TIMES} times the bytes of the file")
            arrays[below] = item[...]  # also of no dimension an array

    with h5py.File(io.BytesIO(data), "r") as file:
        visit(file, "")
    return arrays, groups


def _texts(value: Any) -> Any:
    """An attribute as text, or as a list of texts."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_texts(item) for item in value]
    return value.decode() if isinstance(value, bytes) else str(value)


def main() -> None:
    """Standard input to standard output; what is wrong goes to standard error."""
    import safetensors.numpy

    try:
        arrays, groups = contents(sys.stdin.buffer.read())
        sys.stdout.buffer.write(safetensors.numpy.save(arrays, {"groups": json.dumps(groups)}))
    except Exception as error:  # whatever it is, the one who asked is told
        sys.exit(str(error) or type(error).__name__)


if __name__ == "__main__":
    main()
