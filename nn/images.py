"""Image files and arrays as Keras's utilities have them; files need Pillow."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .arguments import FLAG, choice
from .errors import ArgumentError, DataError, MissingExtraError

_FORMAT = choice("channels_last", "channels_first")
_COLOURS = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}
_WAYS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError("image files need Pillow: pip install pillow") from error
    return Image


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
) -> Any:
    """The image of a file, as Pillow has it; `img_to_array` makes an array of it.

    Args:
        path: a name, or a file object.
        color_mode: "rgb", "rgba" or "grayscale".
        target_size: (height, width) to resize to.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".

    Raises:
        MissingExtraError: without Pillow.
    """
    library = _pillow()
    mode = choice(*_COLOURS).checked("load_img", "color_mode", color_mode)
    way = choice(*_WAYS).checked("load_img", "interpolation", interpolation)
    with library.open(path if hasattr(path, "read") else os.fspath(path)) as file:
        image = file.convert(_COLOURS[mode])
    if target_size is not None:
        height, width = target_size
        image = image.resize((width, height), getattr(library.Resampling, way.upper()))
    return image


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> Any:
    """An image as an array (height, width, channels), float32 unless `dtype` says otherwise.

    >>> import nn
    >>> nn.utils.img_to_array([[1, 2], [3, 4]]).shape
    (2, 2, 1)
    """
    kind = _FORMAT.checked("img_to_array", "data_format", data_format or "channels_last")
    array = np.asarray(img, dtype=dtype or "float32")
    if array.ndim == 2:
        return array[..., None] if kind == "channels_last" else array[None]
    if array.ndim != 3:
        raise DataError(f"img_to_array: an image has two axes or three, got shape {array.shape}")
    return array.transpose(2, 0, 1) if kind == "channels_first" else array


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """An array (height, width, channels) as Pillow's image; `scale` spreads its values over 0 to 255.

    Raises:
        MissingExtraError: without Pillow.
        DataError: there are not 1, 3 or 4 channels.
    """
    library = _pillow()
    kind = _FORMAT.checked("array_to_img", "data_format", data_format or "channels_last")
    array = np.asarray(x, dtype=dtype or "float32")
    if array.ndim != 3:
        raise DataError(f"array_to_img: three axes are expected, got shape {array.shape}")
    array = array.transpose(1, 2, 0) if kind == "channels_first" else array
    if FLAG.checked("array_to_img", "scale", scale):
        array = array - array.min()
        array = array * (255.0 / (array.max() or 1.0))
    if array.shape[-1] not in (1, 3, 4):
        raise DataError(f"array_to_img: there are 1, 3 or 4 channels, got {array.shape[-1]}")
    image: Any = array.astype("uint8")
    return library.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def save_img(
    path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True
) -> None:
    """Write an array as an image file; the name tells the format unless `file_format` does."""
    image = array_to_img(x, data_format, scale)
    if image.mode == "RGBA" and (
        file_format in ("jpg", "jpeg") or str(path).lower().endswith((".jpg", ".jpeg"))
    ):
        raise ArgumentError("save_img: a JPEG has no transparency; write a PNG, or three channels")
    image.save(path, format="jpeg" if file_format == "jpg" else file_format)
