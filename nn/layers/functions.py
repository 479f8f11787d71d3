"""Layers that are a function: the same, a multiple of it, or whatever the user wrote."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import autograd as ag
from autograd import ShapeError, Tensor

from .. import activations
from ..arguments import COUNT, FLOAT, form, shown, takes
from ..calling import told
from ..configuration import config_of
from ..constructors import argument, constructor
from ..errors import ArgumentError
from ..structured import mapped, rows_in
from .base import Layer


@constructor
class Identity(Layer):
    """The input itself.

    >>> import nn
    >>> nn.layers.Identity()([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """

    saved_as: ClassVar[str] = "layers.Identity"
    """There is an initializer of that name."""

    def call(self, x: Tensor) -> Tensor:
        return x


@form("is a number or a list of numbers")
def ONE_OR_MANY(value: Any) -> Any:
    """A float, or a tuple of them, one for each channel."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, (tuple, list)):
        return FLOAT.keep(value)
    if not value:
        raise ValueError
    return tuple(map(FLOAT.keep, value))


@constructor
class Rescaling(Layer):
    """`x * scale + offset`: pixels from 0 to 255 become numbers from 0 to 1. Integers become float32.

    Args:
        scale: a number, or one for each channel, which are the last axis.
        offset: likewise.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.Rescaling(1 / 127.5, offset=-1)([0, 255]).tolist()
    [-1.0, 1.0]
    """

    scale: float | Sequence[float] = argument(ONE_OR_MANY)
    offset: float | Sequence[float] = argument(ONE_OR_MANY, default=0.0)

    def call(self, x: Tensor) -> Tensor:
        if x.dtype.kind != "f":
            x = x.to("float32")
        for name, value in (("scale", self.scale), ("offset", self.offset)):
            count = len(value) if isinstance(value, tuple) else 1
            if count > 1 and (not x.ndim or x.shape[-1] != count):
                raise ShapeError(
                    f"{self.title}: {name} has {count} numbers, one for each channel; received "
                    f"{x.shape} {x.dtype}"
                )
        scale, offset = (
            ag.tensor(v, dtype=x.dtype) if isinstance(v, tuple) else v for v in (self.scale, self.offset)
        )
        return x * scale + offset


@form("is a function of a tensor")
def FUNCTION(value: Any) -> Any:
    """Kept as it is given; a file may hold the name of an activation."""
    if isinstance(value, str):
        activations.get(value)
    elif not callable(value) or isinstance(value, type):
        raise TypeError
    return value


@form("is a tuple of sizes >= 1 without the batch, or a function of the shape of the input")
def OUTPUT_SHAPE(value: Any) -> Any:
    if callable(value) and not isinstance(value, type):
        return value
    return tuple(map(COUNT.keep, value if isinstance(value, (tuple, list)) else (value,)))


@form("is a dict from names to values")
def NAMED(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise TypeError
    return dict(value)


@form("is None, since layers here know no masks;")
def NO_MASK(value: Any) -> None:
    if value is not None:
        raise TypeError


@constructor
class Lambda(Layer):
    """A function of the user's as a layer.

    It is kept by reference. A file holds no code: a function that was made by `def` is saved by its name and
    given to `nn.load(path, custom_objects={name: function})`; a model with a lambda cannot be saved.

    Args:
        function: of the input, and of `training` where it names that.
        output_shape: that of one sample, or a function from the shape of the input to that of the result,
            batch included; the result has to have it. None: whatever the function gives.
        mask: None; layers here know no masks.
        arguments: what else the function is given, by name.
        input_shape, name: as in `Layer`.

    Raises:
        ShapeError: the result has another shape than `output_shape` says.

    >>> import nn
    >>> nn.Lambda(lambda x, by: x * by, arguments={"by": 3.0})([1.0, 2.0]).tolist()
    [3.0, 6.0]
    """

    runs_code_of_users: ClassVar[bool] = True
    function: Any = argument(FUNCTION)
    output_shape: Any = argument(takes=OUTPUT_SHAPE.or_none(), default=None)
    mask: None = argument(NO_MASK, default=None)
    arguments: Mapping[str, Any] | None = argument(NAMED.or_none(), default=None)

    def __post_init__(self) -> None:
        # the attribute of that name is what was seen, as in every layer
        self._given_shape, self.output_shape = self.output_shape, None
        if isinstance(self.function, str):
            self._function, self._knows_training = activations.get(self.function), False
            return
        self._function, self._knows_training = self.function, _names_training(self.function)
        named = dict(self.arguments or {}) | ({"training": False} if self._knows_training else {})
        if not takes(self._function, 1, **named):
            raise ArgumentError(
                f"Lambda: function takes a tensor{''.join(f', {name}=' for name in named)}; got "
                f"{shown(self.function)}"
            )

    @told
    def call(self, x: Any) -> Any:
        named = dict(self.arguments or {})
        if self._knows_training:
            named["training"] = self.is_training
        result = self._function(x, **named)
        given: Any = self._given_shape
        if given is not None:
            shapes = mapped(x, lambda leaf: leaf.shape)
            own: Any = given(shapes) if callable(given) else (rows_in(x), *given)
            wanted = tuple(own)
            if tuple(result.shape) != wanted:
                raise ShapeError(
                    f"{self.title}: output_shape says {wanted}, and the function gave {result.shape}"
                )
        return result

    def get_config(self) -> dict[str, Any]:
        return config_of(self) | {"output_shape": self._given_shape}


def _names_training(function: Any) -> bool:
    """Whether it has an argument of that name."""
    try:
        return "training" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
