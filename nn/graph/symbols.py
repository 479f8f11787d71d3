"""Placeholders for tensors, and the calls of layers that made them: what graphs of layers are read off.

A layer that is called on a placeholder is built, computes one sample of zeros, which tells the shape of its
output, and gives a placeholder again. So do the ops of `autograd`, through `Operation`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, cast

import autograd as ag
from autograd import ShapeError, Tensor
from autograd.application import Application
from autograd.deferred import Deferred
from autograd.structure import flatten, unflatten

from ..added import gathered_losses
from ..arguments import COUNT, TEXT, form, shown
from ..constructors import snake_case
from ..errors import ArgumentError
from ..layers.base import Layer, sample_of
from ..layers.operation import Operation
from ..module import Module
from ..restore import undone_on_error
from ..weights import given_name
from .history import calls_of

Shape = tuple[int | None, ...]


class SymbolicTensor(Deferred):
    """A placeholder for a tensor; Keras calls it KerasTensor. It has a shape and no values.

    `shape` begins with None, the number of rows. Operators, methods and functions of `autograd` give
    placeholders again.

    >>> import nn
    >>> x = nn.Input((3,))
    >>> (nn.Dense(2)(x) * 2.0).shape
    (None, 2)
    """

    __slots__ = ("call", "dtype", "name", "shape")

    def __init__(self, shape: Shape, dtype: Any, call: Call, name: str) -> None:
        self.shape = shape
        self.dtype = ag.zeros((), dtype).dtype
        self.call = call
        self.name = name

    @property
    def sample(self) -> tuple[int, ...]:
        """The shape of one row."""
        return cast("tuple[int, ...]", self.shape[1:])

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def apply_op(self, op: Any, inputs: Sequence[Any], static: Mapping[str, Any]) -> SymbolicTensor:
        """The placeholder for what the op gives."""
        if op.name == "reshape":
            static = {"shape": self._resolved(static["shape"])}
        return operated(Application(op, dict(static)), list(inputs))

    def _resolved(self, shape: Any) -> Any:
        """A shape to reshape to, where None stands for the number of rows, as in `x.shape`."""
        if not isinstance(shape, (list, tuple)) or None not in shape:
            return shape
        sizes = list(shape[1:])
        if None in sizes:
            raise ArgumentError(f"reshape: None is the number of rows and comes first, got shape {shape}")
        if sizes.count(-1) == 1 and 0 not in sizes:
            sizes[sizes.index(-1)] = -math.prod(self.sample) // math.prod(sizes)
        if math.prod(sizes) != math.prod(self.sample):
            raise ShapeError(f"reshape: rows of shape {self.sample} do not become {tuple(shape[1:])}")
        return (-1, *sizes)

    def record(
        self, layer: Module, inputs: list[Any], training: bool | None, named: Mapping[str, Any]
    ) -> Any:
        """What `layer` gives for `inputs`, of which this is one."""
        return called(layer, inputs, training, named)

    def detach(self) -> NoReturn:
        raise ArgumentError(
            f"{self!r} is no tensor yet, so no gradient can be cut off; write nn.Lambda(nn.ops.stop_gradient)"
        )

    def __repr__(self) -> str:
        return f"<SymbolicTensor {self.name!r}, shape {self.shape}, {self.dtype}>"

    def __getitem__(self, key: Any) -> Any:
        return ag.getitem(self, key)

    __hash__ = object.__hash__

    def _valueless(self, *_: Any, **__: Any) -> NoReturn:
        raise ArgumentError(
            f"{self!r} stands for values that come when the model is called, so it has none now. In place of "
            "if, float() or NumPy's functions use ag.where and the functions of autograd, or write the "
            "computation into the call of a layer of your own"
        )

    __array__ = __bool__ = __float__ = __int__ = __len__ = __iter__ = item = numpy = tolist = _valueless


class Call:
    """A layer called on placeholders; `outputs` are those it gave.

    Args:
        layer: what was called.
        inputs: its arguments by position; lists, tuples and dicts hold placeholders and constants.
        training: whether it always computes as in training, never, or as the model is called (None).
        named: its arguments by name; likewise.
    """

    __slots__ = ("inputs", "layer", "named", "outputs", "training")

    def __init__(
        self, layer: Module, inputs: list[Any], training: bool | None, named: Mapping[str, Any]
    ) -> None:
        self.layer = layer
        self.inputs = inputs
        self.training = training
        self.named = dict(named)
        self.outputs: Any = None

    def sources(self) -> list[SymbolicTensor]:
        """The placeholders among its arguments, in order."""
        return [leaf for leaf in flatten([self.inputs, self.named]) if isinstance(leaf, SymbolicTensor)]


def replaced(tree: Any, change: Callable[[SymbolicTensor], Any]) -> Any:
    """`tree` with each placeholder changed, and what is none as it is."""
    leaves = (change(leaf) if isinstance(leaf, SymbolicTensor) else leaf for leaf in flatten(tree))
    return unflatten(tree, leaves)


def called(
    layer: Module, inputs: list[Any], training: bool | None, named: Mapping[str, Any] | None = None
) -> Any:
    """The placeholders for what `layer` gives; builds it.

    Raises:
        ArgumentError: it gives anything but tensors with a row for each.
    """
    named = dict(named or {})
    examples, by_name = replaced([inputs, named], lambda leaf: ag.zeros((1, *leaf.sample), leaf.dtype))
    with undone_on_error(layer), ag.no_grad(), gathered_losses():
        result = layer(*examples, training=False, **by_name)
    for leaf in flatten(result):
        if not isinstance(leaf, Tensor) or leaf.shape[:1] != (1,):
            found = f"a tensor of shape {leaf.shape}" if isinstance(leaf, Tensor) else type(leaf).__name__
            raise ArgumentError(f"{type(layer).__name__} gave {found} for one row; it has to be a row")
    return recorded(
        layer, inputs, training, result, lambda leaf: ((None, *leaf.shape[1:]), leaf.dtype), named
    )


def recorded(
    layer: Module,
    inputs: list[Any],
    training: bool | None,
    result: Any,
    spec: Callable[[Any], tuple[Shape, Any]],
    named: Mapping[str, Any] | None = None,
) -> Any:
    """Placeholders in the place of the leaves of `result`."""
    call = Call(layer, inputs, training, named or {})
    kind = layer.kind if isinstance(layer, Operation) else snake_case(type(layer).__name__)
    name = getattr(layer, "name", None) or kind
    call.outputs = unflatten(result, (SymbolicTensor(*spec(leaf), call, name) for leaf in flatten(result)))
    calls_of(layer).append(call)
    return call.outputs


def operated(applied: Application, inputs: list[Any]) -> SymbolicTensor:
    """The placeholder for the result of an op; a size that grows with the rows is None."""
    few, more = (
        applied.spec([_Rows(leaf, rows) if isinstance(leaf, SymbolicTensor) else leaf for leaf in inputs])
        for rows in (2, 3)
    )
    if len(few.shape) != len(more.shape) or few.shape[:1] != (2,) or more.shape[:1] != (3,):
        raise ShapeError(
            f"{applied.op.name}: the result has shape {few.shape} for 2 rows and {more.shape} for 3; in a "
            "graph of layers every result has a row for each of the input"
        )
    shape: Shape = (None, *few.shape[1:])
    symbol: SymbolicTensor = recorded(Operation(applied), inputs, None, 0, lambda _: (shape, few.dtype))
    return symbol


class _Rows:
    """Shape and dtype of a placeholder for so many rows."""

    def __init__(self, symbol: SymbolicTensor, rows: int) -> None:
        self.shape = (rows, *symbol.shape[1:])
        self.dtype = symbol.dtype


@form("is the name of a dtype")
def VALUES(value: Any) -> str:
    name: str = ag.zeros((), value).dtype.name
    return name


class InputLayer(Layer):
    """What a graph of layers begins with. `nn.Input` makes one and gives its placeholder.

    Args:
        shape: of one sample, without the batch.
        batch_size: the number of rows, where it is always the same.
        dtype: of the values.
        name: by which `fit` and `predict` may name the input.
        given: `batch_shape`, as of `Input`; or an old name, `input_shape` or `batch_input_shape`.

    >>> import nn
    >>> nn.InputLayer((3,)).output.shape, nn.InputLayer(input_shape=(3,)).output.shape
    ((None, 3), (None, 3))
    """

    checks = {"dtype": VALUES}
    dtype: Any = "float32"  # of the values, whole numbers too; there are no weights
    says_dtype: bool = False
    """Whether the dtype was given."""

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        name: str | None = None,
        **given: Any,
    ) -> None:
        super().__init__(name)
        shape, batch_size = _sizes(shape, batch_size, given)
        self.shape = sample_of.checked("Input", "shape", shape)
        self.batch_size = COUNT.or_none().checked("Input", "batch_size", batch_size)
        self.says_dtype = dtype is not None
        self.dtype = "float32" if dtype is None else dtype
        self.input_shape, self.output_shape = self.shape, (self.batch_size, *self.shape)
        self.built = True
        recorded(self, [], None, 0, lambda _: ((self.batch_size, *self.shape), self.dtype))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this layer again."""
        own = {"shape": self.shape, "batch_size": self.batch_size, "dtype": self.dtype}
        return own | {"name": given_name(self)}

    def call(self, x: Any) -> Any:
        if x.shape[1:] != self.shape or self.batch_size not in (None, x.shape[0]):
            raise ShapeError(f"{self.title}: expected {self.output_shape}, received {x.shape} {x.dtype}")
        return x


def _sizes(shape: Any, batch_size: Any, given: dict[str, Any]) -> tuple[Any, Any]:
    """(shape, batch_size) from all names that they have."""
    for name, old in (("shape", "input_shape"), ("batch_shape", "batch_input_shape")):
        if old in given:
            given.setdefault(name, given.pop(old))
    batch_shape = given.pop("batch_shape", None)
    sizes = [one for one in (shape, given.pop("shape", None), batch_shape) if one is not None]
    for name in given:
        raise ArgumentError(f"InputLayer: unknown argument {name!r}, got {shown(given[name])}")
    if len(sizes) != 1:
        raise ArgumentError("Input takes shape, the sizes of one sample, or batch_shape, one of them")
    if batch_shape is None:
        return sizes[0], batch_size
    if not isinstance(batch_shape, (tuple, list)) or not batch_shape or batch_size is not None:
        raise ArgumentError("Input: batch_shape is (rows or None, sizes of a sample ...)")
    return tuple(batch_shape[1:]), batch_shape[0]


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    name: str | None = None,
    batch_shape: Sequence[int | None] | None = None,
) -> SymbolicTensor:
    """A placeholder for the samples that a model is given: where a graph of layers or a `Sequential` begins.

    Args:
        shape: of one sample, without the batch.
        batch_size: the number of rows, where it is always the same.
        dtype: of the values; default float32.
        name: by which `fit` and `predict` may name the input.
        batch_shape: `shape` with the number of rows (or None) in front, in the place of both.

    Raises:
        ArgumentError: no sizes, or both kinds.

    >>> import nn
    >>> x = nn.Input((7,))
    >>> model = nn.Model(x, nn.Dense(2)(x))
    >>> model.output_shape
    (None, 2)
    """
    name = TEXT.or_none().checked("Input", "name", name)
    layer = InputLayer(shape, batch_size, dtype, name, batch_shape=batch_shape)
    output: SymbolicTensor = calls_of(layer)[0].outputs
    return output
