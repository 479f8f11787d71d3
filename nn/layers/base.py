"""What layers share: a name, the shape of a sample when it is the first, and the making of weights."""

from __future__ import annotations

from typing import Any

from autograd import ShapeError, Tensor

from .. import budget, constraints, initializers, regularizers
from ..errors import ArgumentError
from ..module import Module, Parameter
from .input import Input


class Layer(Module):
    """Base of layers.

    Args:
        name: shown in summaries; default the class and a number.
        input_shape: of one sample, so that a model that begins with this layer is built before it sees data.
    """

    def __init__(self, name: str | None = None, input_shape: tuple[int, ...] | None = None) -> None:
        self.name = name
        self.input_shape = None if input_shape is None else Input(input_shape).shape

    @property
    def title(self) -> str:
        """How errors call this layer: its class, and its name if it was given one."""
        kind = type(self).__name__
        return kind if self.name is None else f"{kind} {self.name!r}"

    def needs_dimensions(self, shape: tuple[int, ...], count: int, axes: str) -> None:
        """Raise when an input has another number of dimensions."""
        if len(shape) != count:
            raise ShapeError(
                f"{self.title}: the input has {len(shape)} dimensions, shape {shape}; expected {axes}"
            )


class Affine(Layer):
    """Base of layers with a kernel and a bias per unit.

    Args:
        use_bias: add a bias per unit.
        kernel_initializer, bias_initializer: how they begin.
        kernel_regularizer, bias_regularizer: "l1", "l2" or an object; its penalty is added to the loss of training.
        kernel_constraint, bias_constraint: "max_norm", "unit_norm" or an object; applied after each update.
        name, input_shape: as in `Layer`.
    """

    def __init__(
        self,
        use_bias: bool,
        kernel_initializer: Any,
        kernel_regularizer: Any,
        kernel_constraint: Any,
        bias_initializer: Any,
        bias_regularizer: Any,
        bias_constraint: Any,
        name: str | None,
        input_shape: tuple[int, ...] | None,
    ) -> None:
        super().__init__(name, input_shape)
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_initializer = bias_initializer
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.bias_constraint = constraints.get(bias_constraint)
        initializers.get(kernel_initializer), initializers.get(bias_initializer)

    def make_weights(self, shape: tuple[int, ...], units: int, dtype: Any) -> None:
        """The kernel of `shape`, and a bias for each of `units`."""
        self.kernel = weight(
            shape, dtype, self.kernel_initializer, self.kernel_regularizer, self.kernel_constraint
        )
        self.bias: Parameter | None = None
        if self.use_bias:
            self.bias = weight(
                (units,), dtype, self.bias_initializer, self.bias_regularizer, self.bias_constraint
            )


def weight(
    shape: tuple[int, ...], dtype: Any, initializer: Any, regularizer: Any, constraint: Any
) -> Parameter:
    """A parameter that begins as the initializer says."""
    budget.claim(shape)
    start = initializers.get(initializer)(shape, dtype)
    return Parameter(start, regularizer=regularizer, constraint=constraint)


def whole(owner: str, name: str, value: Any, least: int = 1) -> int:
    """`value` as an int when it is an integer >= `least`."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < least:
        raise ArgumentError(f"{owner}: {name} is an integer >= {least}, got {value!r}")
    return int(value)


def pair(owner: str, name: str, value: Any) -> tuple[int, int]:
    """(height, width) from one integer or two."""
    parts = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(parts) != 2:
        raise ArgumentError(f"{owner}: {name} is an integer or two of them, got {value!r}")
    return whole(owner, name, parts[0]), whole(owner, name, parts[1])


def fraction(owner: str, name: str, value: Any) -> float:
    """`value` when it lies between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ArgumentError(f"{owner}: {name} lies between 0 and 1, got {value!r}")
    return value


def one_of(owner: str, name: str, value: Any, known: tuple[str, ...]) -> str:
    """`value` when it is one of the known words."""
    if value not in known:
        words = ", ".join(map(repr, known))
        raise ArgumentError(f"{owner}: {name} is one of {words}, got {value!r}")
    return str(value)


def axes_of(owner: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes as sorted numbers >= 0, for inputs of `ndim` dimensions."""
    given = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    found = sorted(a.__index__() % ndim if -ndim <= a.__index__() < ndim else -1 for a in given)
    if found[0] < 1 or len(set(found)) < len(found):
        raise ArgumentError(
            f"{owner}: axis {axis!r} for inputs of {ndim} dimensions; the first axis counts samples"
        )
    return tuple(found)


def along(x: Tensor, values: Tensor, axes: tuple[int, ...]) -> Tensor:
    """`values` with axes of 1, so that they broadcast against x along `axes`."""
    if axes == tuple(range(x.ndim - len(axes), x.ndim)):
        return values
    return values.reshape(tuple(n if i in axes else 1 for i, n in enumerate(x.shape)))


def channels_axis(owner: str, data_format: str | None) -> str:
    """The letters of the op for Keras's word: "channels_last" (the default) or "channels_first"."""
    word = "channels_last" if data_format is None else data_format
    one_of(owner, "data_format", word, ("channels_last", "channels_first"))
    return "NHWC" if word == "channels_last" else "NCHW"
