"""What Keras has left in its cache, read and checked; nothing is downloaded, and no code in a file is run."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from .shipped import Array

SAFE = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}
"""What arrays are made of when they are read; all else that a pickle names is refused."""


def place_of(name: str | os.PathLike[str]) -> Path:
    """Where Keras keeps a file: in `datasets` of KERAS_HOME, by default ~/.keras."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home).expanduser() / "datasets" / name


def found(dataset: str, name: str | os.PathLike[str], address: str, instead: str) -> Path:
    """The path of a file or folder.

    Raises:
        FileNotFoundError: it is not there; the message says where it is from, and what to take instead.
    """
    path = place_of(name)
    if not path.exists():
        raise FileNotFoundError(
            f"datasets.{dataset}: no file {path}. This library downloads nothing: get it from {address} and "
            f"put it there, as Keras does (another folder than ~/.keras is named by KERAS_HOME). "
            f"nn.datasets.{instead}.load_data() is in the package and stands in for it."
        )
    return path


class _Unpickler(pickle.Unpickler):
    """One that makes arrays, lists, dicts, texts and numbers, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in SAFE:
            raise DataError(f"it would run {module}.{name}, which no data needs")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def unpickled(path: Path, data: bytes) -> Any:
    """The object in a pickle.

    Raises:
        DataError: it is damaged, or would run something.
    """
    try:
        return _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except (
        DataError,
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        ImportError,
    ) as error:
        raise DataError(f"{path}: no data as Keras leaves it: {error}") from error


def arrays_of(path: Path, *names: str) -> list[Array]:
    """Arrays of an npz file; those of objects (rows of different lengths) are read without running code."""
    try:
        with zipfile.ZipFile(path) as file:
            held = {name.removesuffix(".npy"): name for name in file.namelist()}
            missing = [name for name in names if name not in held]
            if missing:
                raise DataError(f"{path}: holds {', '.join(held)}, and no {', '.join(missing)}")
            return [_array(path, file.read(held[name])) for name in names]
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: no npz file: {error}") from error


def _array(path: Path, data: bytes) -> Array:
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if not dtype.hasobject:
        return np.asarray(np.lib.format.read_array(io.BytesIO(data), allow_pickle=False))
    return np.asarray(unpickled(path, file.read()), dtype=object).reshape(shape)


def checked(
    path: Path, arrays: Mapping[str, Array], shape: tuple[int, ...], classes: int | None = None
) -> None:
    """That inputs are of `shape` and there is a target for each row; x before its y in `arrays`.

    Raises:
        DataError: they are not.
    """
    names = list(arrays)
    for x_name, y_name in zip(names[::2], names[1::2], strict=True):
        x, y = arrays[x_name], arrays[y_name]
        if x.shape[1:] != shape or len(x) != y.size or not len(x):
            raise DataError(
                f"{path}: {x_name} has shape {x.shape} and {y_name} {y.shape}; expected (n, "
                f"{', '.join(map(str, shape))}) and (n,)"
            )
        if classes is not None and (y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= classes):
            raise DataError(f"{path}: {y_name} are not the numbers of {classes} classes")
