"""What Keras keeps in `config`: settings of the process; those that are fixed say so when set."""

from __future__ import annotations

from typing import Any

from .errors import ArgumentError
from .losses.base import EPSILON

__all__ = [
    "backend", "epsilon", "floatx", "image_data_format", "set_backend", "set_epsilon", "set_floatx",
    "set_image_data_format",
]  # fmt: skip


def floatx() -> str:
    """The dtype of parameters and inputs where none is given: "float32".

    >>> import nn
    >>> nn.config.floatx()
    'float32'
    """
    return "float32"


def set_floatx(value: str) -> None:
    """Takes "float32" alone: a model is told its dtype where it is made.

    Raises:
        ArgumentError: another dtype.
    """
    _fixed(
        "set_floatx", value, floatx(), "give the model its dtype, as in nn.Sequential([...], dtype='float64')"
    )


def epsilon() -> float:
    """What keeps logarithms and quotients finite in losses: 1e-7."""
    return EPSILON


def set_epsilon(value: float) -> None:
    """Takes 1e-7 alone.

    Raises:
        ArgumentError: another number.
    """
    _fixed("set_epsilon", value, epsilon(), "layers and optimizers take an epsilon of their own")


def image_data_format() -> str:
    """How images lie where a layer is not told: "channels_last"."""
    return "channels_last"


def set_image_data_format(data_format: str) -> None:
    """Takes "channels_last" alone.

    Raises:
        ArgumentError: another one.
    """
    _fixed("set_image_data_format", data_format, image_data_format(), "give data_format to each layer")


def backend() -> str:
    """The name of what Keras would call its backend.

    >>> import nn
    >>> nn.config.backend()
    'gradloom'
    """
    return "gradloom"


def set_backend(backend: str) -> None:
    """Takes "gradloom" alone.

    Raises:
        ArgumentError: another framework.
    """
    _fixed("set_backend", backend, "gradloom", "arrays are computed by the backends of `backends.get`")


def _fixed(function: str, given: Any, known: Any, instead: str) -> None:
    if given != known:
        raise ArgumentError(f"{function}: it is {known!r} here and stays so, got {given!r}; {instead}")
