"""Image helpers at their old place; what is gone says what to use."""

from typing import Any

from ..errors import ArgumentError
from ..utils import array_to_img as array_to_img
from ..utils import img_to_array as img_to_array
from ..utils import load_img as load_img
from ..utils import save_img as save_img

__all__ = ["ImageDataGenerator", "array_to_img", "img_to_array", "load_img", "save_img"]


class ImageDataGenerator:
    """Gone, as in Keras 3: the layers that change images take its place.

    Raises:
        ArgumentError: always.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        raise ArgumentError(
            "ImageDataGenerator is no part of Keras 3: put nn.RandomFlip, nn.RandomTranslation and the like "
            "into the model, and scale the array before fit"
        )
