"""What Keras keeps in `utils` and scripts written for it ask for."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import autograd as ag
from autograd import Tensor

from . import ops
from .arguments import COUNT
from .backend import clear_session, standardize_dtype
from .data import to_array
from .errors import ArgumentError, DataError, FileError
from .images import array_to_img, img_to_array, load_img, save_img
from .pictures import plot_model
from .progbar import Progbar
from .registry import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from .saving import deserialize_keras_object, serialize_keras_object
from .seed import set_random_seed
from .sequences import PyDataset, pad_sequences, split_dataset, timeseries_dataset_from_array

Sequence = PyDataset

__all__ = [
    "CustomObjectScope", "Progbar", "PyDataset", "Sequence", "array_to_img", "clear_session",
    "custom_object_scope", "deserialize_keras_object", "get_custom_objects", "get_file",
    "get_registered_name", "get_registered_object", "img_to_array", "load_img", "normalize",
    "pack_x_y_sample_weight", "pad_sequences", "plot_model", "register_keras_serializable", "save_img",
    "serialize_keras_object", "set_random_seed", "split_dataset", "standardize_dtype",
    "timeseries_dataset_from_array", "to_categorical", "unpack_x_y_sample_weight",
]  # fmt: skip


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Class numbers (...) as one-hot rows (..., classes), a NumPy array of
    float64; a last axis of 1 is dropped.

    Args:
        x: integers from 0.
        num_classes: default the largest plus 1.

    Raises:
        DataError: for a negative number, a fraction, or one that is too large.

    >>> import nn
    >>> nn.utils.to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    labels = to_array(x, "x")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels.reshape(labels.shape[:-1])
    if not labels.size:
        raise DataError("to_categorical: no labels")
    whole = labels.astype("int64")
    if (whole != labels).any():
        raise DataError("to_categorical: class numbers are integers, some have a fraction")
    low, high = int(whole.min()), int(whole.max())
    classes = COUNT.or_none().checked("to_categorical", "num_classes", num_classes) or high + 1
    if low < 0 or high >= classes:
        raise DataError(
            f"to_categorical: label {low if low < 0 else high} is out of range; labels run from 0 to "
            f"{classes - 1}"
        )
    return ag.one_hot(ag.tensor(whole), classes).to("float64").numpy()


def normalize(x: Any, axis: int = -1, order: Any = 2) -> Any:
    """x over its norm along an axis; rows of zeros stay. A tensor gives a tensor, all else a NumPy array.

    >>> import nn
    >>> nn.utils.normalize([[3.0, 4.0], [0.0, 0.0]]).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    if isinstance(x, Tensor):
        return ops.normalize(x, axis, order)
    array = ag.tensor(to_array(x, "x")).to("float64")
    length = ops.norm(array, order, axis, True)
    return (array / ag.where(length == 0, ag.ones_like(length), length)).numpy()


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of what `train_step` is given, None for what is missing.

    >>> import nn
    >>> nn.utils.unpack_x_y_sample_weight(([1.0], [2.0]))
    ([1.0], [2.0], None)
    """
    parts = tuple(data) if isinstance(data, (tuple, list)) else (data,)
    if len(parts) > 3:
        raise DataError(f"data are x, (x, y) or (x, y, sample_weight), got {len(parts)} parts")
    x, y, weight = (*parts, None, None, None)[:3]
    return x, y, weight


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> tuple[Any, ...]:
    """The inverse of `unpack_x_y_sample_weight`."""
    if y is None:
        return (x,)
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def get_file(
    fname: str | None = None,
    origin: str | None = None,
    file_hash: str | None = None,
    hash_algorithm: str = "auto",
) -> str:
    """The path of a file that is here already; nothing is downloaded, copied or unpacked.

    Args:
        fname: a path, taken where there is no `origin`.
        origin: a path, or an address that begins with file://.
        file_hash: what the bytes have to hash to.
        hash_algorithm: "sha256", "md5", or "auto", which tells by the length.

    Raises:
        ArgumentError: an address of the network.
        FileNotFoundError: there is no such file.
        FileError: another hash.
    """
    place = origin if origin is not None else fname
    if place is None:
        raise ArgumentError("get_file: origin is missing")
    scheme, found, rest = str(place).partition("://")
    if found and scheme != "file":
        raise ArgumentError(
            f"get_file: nothing is downloaded, got {place!r}. Fetch it yourself and give its path, or load "
            "it with pandas or scikit-learn"
        )
    path = os.path.expanduser(rest if found else place)
    if not os.path.exists(path):
        raise FileNotFoundError(f"get_file: there is no file {path!r}")
    if file_hash is not None:
        if hash_algorithm == "auto":
            hash_algorithm = "sha256" if len(file_hash) == 64 else "md5"
        with open(path, "rb") as file:
            is_hash = hashlib.new(hash_algorithm, file.read(), usedforsecurity=False).hexdigest()
        if is_hash != file_hash.lower():
            raise FileError(f"get_file: {path!r} has the {hash_algorithm} {is_hash}, not {file_hash}")
    return os.path.abspath(path)
