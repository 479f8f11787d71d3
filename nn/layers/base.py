"""What layers share: a name, the shape of a sample when it is the first, and the making of weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, overload

from autograd import ShapeError, Tensor

from .. import activations, constraints, initializers, regularizers
from ..arguments import COUNT, FLAG, TEXT, Checked, choice, floating, form, shown
from ..configuration import config_of, takes_keywords
from ..constructors import argument, common
from ..errors import ArgumentError
from ..graph.history import Called
from ..held import metrics_below
from ..metrics.base import Metric
from ..module import Module
from ..notebook import layer_html
from ..parameter import Parameter
from ..shapes import shape_of_output
from ..weights import given_name

if TYPE_CHECKING:
    from ..graph.symbols import SymbolicTensor

IMAGES = {
    "NHWC": "(batch, height, width, channels)",
    "NCHW": "(batch, channels, height, width)",
    "NWC": "(batch, steps, channels)",
    "NCW": "(batch, channels, steps)",
}
"""What the letters of a data format stand for."""


@form("is a tuple of sizes >= 1 without the batch")
def sample_of(value: Any) -> tuple[int, ...]:
    """The sizes of one sample; one number is the size of a vector."""
    return tuple(map(COUNT.keep, value if isinstance(value, (tuple, list)) else (value,)))


SAMPLE_SHAPE = sample_of.but(optional=True)


@form("is an initializer or its name")
def INITIALIZER(value: Any) -> Any:
    """Kept as it is given."""
    if isinstance(value, Module):
        raise TypeError
    initializers.get(value)
    return value


@form("is a function of a tensor, its name or None")
def ACTIVATION(value: Any) -> Any:
    """Kept as the function that it names."""
    return activations.get(value)


@form("is the name of a floating dtype")
def DTYPE(value: Any) -> str:
    """Policies are refused with what there is instead."""
    name = str(getattr(value, "name", value))
    if name.startswith("mixed_"):
        raise ArgumentError(
            f"the policy {name!r} is no dtype of a layer; a model has compile(mixed_precision="
            f"{name.removeprefix('mixed_')!r})"
        )
    return floating(value)


REGULARIZER = form("is a regularizer, its name or None")(regularizers.get)
CONSTRAINT = form("is a constraint, its name or None")(constraints.get)
DATA_FORMAT = choice("channels_last", "channels_first").but(optional=True)


class LayerDtype(Module):
    """A module with `dtype`: that of its weights, to which floating inputs are cast where it was chosen."""

    @property
    def dtype(self) -> str | None:
        """What was chosen; else that of the weights; else float32."""
        first = next((w.dtype.name for w in self.weights if w.dtype.kind == "f"), "float32")
        return self._chosen_dtype or first

    @dtype.setter
    def dtype(self, dtype: str | None) -> None:
        self._chosen_dtype = dtype
        self._special = self._special or dtype is not None


@common
class Layer(Checked, Called, LayerDtype):
    """Base of layers.

    Args:
        name: shown in summaries; default the class and a number.
        input_shape: of one sample, so that a model that begins with this layer is built before it sees data.
        trainable: whether training changes the weights; may be set later, too.
        dtype: of the weights, to which floating inputs are cast; default that of the input.
        activity_regularizer: "l1", "l2" or an object; the penalty of the output, over
            the number of rows, is added to the loss of training.

    A layer of one's own is a subclass with `call(self, x)`, and `build(self, input_shape)` with `add_weight`:

    >>> import nn
    >>> class Linear(nn.Layer):
    ...     def __init__(self, units, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.units = units
    ...     def build(self, input_shape):
    ...         self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
    ...     def call(self, x):
    ...         return x @ self.kernel
    >>> layer = Linear(2, name="first"); layer([[1.0, 2.0, 3.0]]).shape, layer.kernel.path
    ((1, 2), 'first/kernel')
    """

    input_shape: tuple[int, ...] | None = argument(default=None, takes=SAMPLE_SHAPE)
    name: str | None = argument(TEXT.or_none(), default=None)
    trainable: bool = argument(default=True, unset=True)
    dtype: str | None = argument(DTYPE.or_none(), default=None, unset=True)
    activity_regularizer: Any = argument(REGULARIZER, default=None, unset=True)

    if TYPE_CHECKING:

        @overload
        def __call__(  # pyright: ignore[reportOverlappingOverload]
            self,
            inputs: SymbolicTensor | Sequence[SymbolicTensor],
            *more: Any,
            training: bool | None = None,
            **named: Any,
        ) -> SymbolicTensor: ...

        @overload
        def __call__(self, *inputs: Any, training: bool | None = None, **named: Any) -> Tensor: ...

        def __call__(self, *inputs: Any, training: bool | None = None, **named: Any) -> Any: ...

    def __init__(
        self,
        name: str | None = None,
        input_shape: tuple[int, ...] | None = None,
        trainable: bool = True,
        dtype: str | None = None,
        activity_regularizer: Any = None,
        **old: Any,
    ) -> None:
        kind = type(self).__name__
        if old.pop("autocast", True) is not True:
            raise ArgumentError(f"{kind}: autocast is True here, nothing else is known")
        if "input_dim" in old:
            input_shape = (COUNT.checked(kind, "input_dim", old.pop("input_dim")),)
        for name_of_old in old:
            raise ArgumentError(f"{kind}: unknown argument {name_of_old!r}, got {shown(old[name_of_old])}")
        self.name = name  # pyright: ignore[reportIncompatibleMethodOverride]
        self.input_shape = SAMPLE_SHAPE.checked(kind, "input_shape", input_shape)
        if trainable is not True:
            self.trainable = trainable  # pyright: ignore[reportIncompatibleMethodOverride]
        if dtype is not None:
            self.dtype = dtype  # pyright: ignore[reportIncompatibleMethodOverride]
        if activity_regularizer is not None:
            self.activity_regularizer = activity_regularizer

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "activity_regularizer":
            self._adds_losses = type(self)._adds_losses or value is not None
            self._special = self._special or value is not None

    def _repr_html_(self) -> str:
        return layer_html(self)

    @property
    def metrics(self) -> list[Metric]:
        """The metrics that are attributes of the layer and of those inside, also in lists and dicts."""
        return [metric for _, metric in metrics_below(self)]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output for inputs of a shape such as (None, 7), or of a list of them.

        >>> import nn
        >>> nn.Dense(2).compute_output_shape((None, 7))
        (None, 2)
        """
        return shape_of_output(self, input_shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this layer again; of those that all layers take, what is no default.

        In a class whose constructor takes `**kwargs`, also those of `Layer` that it hands on. A `get_config`
        of one's own adds to `super().get_config()`, as in Keras.
        """
        config = config_of(self, lenient=type(self).get_config is not Layer.get_config)
        if (name := activations.name_of(config.get("activation"))) is not None:
            config["activation"] = name
        given = {
            "input_shape": self.input_shape,
            "name": given_name(self),
            "trainable": self.trainable,
            "dtype": self._chosen_dtype,
            "activity_regularizer": self.activity_regularizer,
        }
        names = set(config) if not takes_keywords(type(self)) else set(given)
        always = ("input_shape", "name") if names <= set(config) else ()
        usual = {
            "input_shape": None,
            "name": None,
            "trainable": True,
            "dtype": None,
            "activity_regularizer": None,
        }
        for name in names & set(given):
            config.pop(name, None)
            if name in always or given[name] is not usual[name]:
                config[name] = given[name]
        return config

    @property
    def title(self) -> str:
        """How errors call this layer: its class, and its name if it was given one."""
        kind = type(self).__name__
        return kind if given_name(self) is None else f"{kind} {given_name(self)!r}"

    def needs_images(self, shape: tuple[int, ...], letters: str = "NHWC") -> None:
        """Raise when an input is no batch of images; of sequences, where the letters say so."""
        if len(shape) != len(letters):
            one_less = len(shape) == len(letters) - 1
            hint = " For one channel use x.reshape(*x.shape, 1)." if one_less else ""
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
    """A layer with `data_format`: "channels_last", the default, or "channels_first".

    Images have two spatial axes. Sequences have one: for the ops they are images of height 1.
    """

    data_format: str | None = None
    rank: ClassVar[int] = 2
    """How many spatial axes there are."""

    @property
    def letters(self) -> str:
        """The axes of an input, a letter each: N samples, C channels, H and W the places."""
        places = "HW"[-self.rank :]
        return f"NC{places}" if self.data_format == "channels_first" else f"N{places}C"

    @property
    def image_letters(self) -> str:
        """Those of the op."""
        return "NCHW" if self.data_format == "channels_first" else "NHWC"

    @property
    def spatial(self) -> tuple[int, ...]:
        """The axes of the places."""
        return tuple(i for i, letter in enumerate(self.letters) if letter in "HW")

    def as_image(self, x: Tensor) -> Tensor:
        """What the op takes: a sequence gets a height of 1."""
        return x if self.rank == 2 else x.expand_dims(self.spatial[0])

    def from_image(self, y: Tensor) -> Tensor:
        """The inverse, for a result."""
        return y if self.rank == 2 else y.squeeze(self.spatial[0])


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


def weight(layer: Layer, name: str, shape: tuple[int, ...], dtype: Any, stem: str = "") -> Parameter:
    """A parameter with the initializer, regularizer and constraint that the layer has for that name.

    Args:
        stem: how these begin, where not with the name.
    """
    stem = stem or name
    start = initializers.initial_values(getattr(layer, f"{stem}_initializer"), shape, dtype)
    rules = (getattr(layer, f"{stem}_{what}") for what in ("regularizer", "constraint"))
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
