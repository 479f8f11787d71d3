"""What layers share: a name, the shape of a sample when it is the first, and the making of weights."""

from __future__ import annotations

from typing import Any

from autograd import ShapeError, Tensor

from .. import activations, constraints, initializers, regularizers
from ..arguments import COUNT, FLAG, TEXT, Checked, choice, form
from ..constructors import argument, common
from ..errors import ArgumentError
from ..module import Module
from ..parameter import Parameter

IMAGES = {"NHWC": "(batch, height, width, channels)", "NCHW": "(batch, channels, height, width)"}
"""What the letters of a data format stand for."""


@form("is a tuple of sizes >= 1 without the batch")
def _sample_shape(value: Any) -> tuple[int, ...]:
    """The sizes of one sample; one number is the size of a vector."""
    return tuple(map(COUNT.keep, value if isinstance(value, (tuple, list)) else (value,)))


SAMPLE_SHAPE = _sample_shape.but(optional=True)


@form("is an initializer or its name")
def INITIALIZER(value: Any) -> Any:
    """Kept as it is given."""
    if isinstance(value, Module):
        raise TypeError
    initializers.get(value)
    return value


@form("is a function of a tensor, its name or None")
def ACTIVATION(value: Any) -> Any:
    """Kept as it is given."""
    activations.get(value)
    return value


REGULARIZER = form("is a regularizer, its name or None")(regularizers.get)
CONSTRAINT = form("is a constraint, its name or None")(constraints.get)
DATA_FORMAT = choice("channels_last", "channels_first").but(optional=True)


class Input:
    """`nn.Sequential([nn.Input((7,)), ...])`: samples of shape (7,).

    >>> import nn
    >>> model = nn.Sequential([nn.Input((7,)), nn.Dense(2)])
    >>> model.output_shape
    (None, 2)
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = _sample_shape.checked("Input", "shape", shape)


@common
class Layer(Checked, Module):
    """Base of layers.

    Args:
        name: shown in summaries; default the class and a number.
        input_shape: of one sample, so that a model that begins with this layer is built before it sees data.
    """

    checks = {"name": TEXT.or_none()}
    input_shape: tuple[int, ...] | None = argument(default=None, takes=SAMPLE_SHAPE)
    name: str | None = None

    def __init__(self, name: str | None = None, input_shape: tuple[int, ...] | None = None) -> None:
        self.name = name
        self.input_shape = SAMPLE_SHAPE.checked(type(self).__name__, "input_shape", input_shape)

    @property
    def title(self) -> str:
        """How errors call this layer: its class, and its name if it was given one."""
        kind = type(self).__name__
        return kind if self.name is None else f"{kind} {self.name!r}"

    def needs_images(self, shape: tuple[int, ...], letters: str = "NHWC") -> None:
        """Raise when an input is no batch of images."""
        if len(shape) != 4:
            hint = " For one channel use x.reshape(*x.shape, 1)." if len(shape) == 3 else ""
            raise ShapeError(
                f"{self.title}: the input has {len(shape)} dimensions, shape {shape}; expected "
                f"{IMAGES[letters]}.{hint}"
            )

    def needs_features(self, x: Tensor, axes: tuple[int, ...], sizes: tuple[int, ...]) -> None:
        """Raise when an input has other sizes along `axes` than the layer was built for."""
        found = tuple(x.shape[axis] for axis in axes)
        if found != sizes:
            raise ShapeError(
                f"{self.title}: axis {', '.join(map(str, axes))} of the input has to be "
                f"{', '.join(map(str, sizes))}, which the layer was built for. Received {x.shape} {x.dtype}."
            )


class ImageFormat:
    """A layer with `data_format`: "channels_last", the default, or "channels_first"."""

    data_format: str | None

    @property
    def letters(self) -> str:
        """Those of the op for it."""
        return "NCHW" if self.data_format == "channels_first" else "NHWC"


@common
class Affine(Layer):
    """Base of layers with a kernel and a bias per unit.

    Args:
        use_bias: add a bias per unit.
        kernel_initializer, bias_initializer: how they begin.
        kernel_regularizer, bias_regularizer: "l1", "l2" or an object; its
            penalty is added to the loss of training.
        kernel_constraint, bias_constraint: "max_norm", "unit_norm" or an object; applied after each update.
        name, input_shape: as in `Layer`.
    """

    use_bias: bool = argument(FLAG, default=True)
    kernel_initializer: Any = argument(INITIALIZER, default="glorot_uniform")
    kernel_regularizer: Any = argument(REGULARIZER, default=None)
    kernel_constraint: Any = argument(CONSTRAINT, default=None)
    bias_initializer: Any = argument(INITIALIZER, default="zeros")
    bias_regularizer: Any = argument(REGULARIZER, default=None)
    bias_constraint: Any = argument(CONSTRAINT, default=None)

    def make_weights(self, shape: tuple[int, ...], units: int, dtype: Any) -> None:
        """The kernel of `shape`, and a bias for each of `units`."""
        self.kernel = weight(self, "kernel", shape, dtype)
        self.bias = weight(self, "bias", (units,), dtype) if self.use_bias else None


def weight(layer: Layer, name: str, shape: tuple[int, ...], dtype: Any) -> Parameter:
    """A parameter with the initializer, regularizer and constraint that the layer has for that name."""
    start = initializers.initial_values(getattr(layer, f"{name}_initializer"), shape, dtype)
    rules = (getattr(layer, f"{name}_{what}") for what in ("regularizer", "constraint"))
    return Parameter(start, None, True, None, *rules)


def axes_of(owner: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes as sorted numbers >= 0, for inputs of `ndim` dimensions."""
    if ndim < 2:
        raise ShapeError(f"{owner}: the input has {ndim or 'no'} dimensions; expected (batch, features)")
    given = axis if isinstance(axis, tuple) else (axis,)
    found = sorted(a % ndim if -ndim <= a < ndim else -1 for a in given)
    if found[0] < 1 or len(set(found)) < len(found):
        raise ArgumentError(
            f"{owner}: axis {axis!r} for inputs of {ndim} dimensions; the first axis counts samples, "
            f"so use axes from 1 to {ndim - 1}, each once"
        )
    return tuple(found)


def along(x: Tensor, values: Tensor, axes: tuple[int, ...]) -> Tensor:
    """`values` with axes of 1, so that they broadcast against x along `axes`."""
    if axes == tuple(range(x.ndim - len(axes), x.ndim)):
        return values
    return values.reshape(tuple(n if i in axes else 1 for i, n in enumerate(x.shape)))
