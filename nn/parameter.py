"""Parameters and buffers: the tensors that belong to a module. Both are variables, with Keras's methods."""

from __future__ import annotations

from typing import Any, Self

import autograd as ag
from autograd import Tensor, no_grad

from . import initializers
from .arguments import BACKEND, FLAG, TEXT, function
from .errors import ArgumentError
from .regularizers import Rule

_RULE = function("is a function of the parameter", 1).or_none()


def _placed(kind: str, requires_grad: Any, backend: Any) -> tuple[bool, Any]:
    """What a tensor is made with, once it is known to be that."""
    return FLAG.checked(kind, "requires_grad", requires_grad), BACKEND.checked(kind, "backend", backend)


class _Kind(type):
    """`Variable(...)` itself makes a parameter or a buffer."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs) if cls is not Variable else variable(*args, **kwargs)


class Variable(Tensor, metaclass=_Kind):
    """A tensor that belongs to a module: a `Parameter` where it is trained, else a `Buffer`.

    Args:
        initializer: the values; or with `shape` an initializer or its name.
        shape: of the values, where `initializer` makes them.
        dtype: default float32, or that of the values.
        trainable: a parameter.
        name: how `path` and messages call it.

    >>> import nn
    >>> v = nn.Variable([1.0, 2.0], name="pair")
    >>> v.assign_add([1.0, 1.0]).tolist(), v.trainable, v.name
    ([2.0, 3.0], True, 'pair')
    >>> nn.Variable("zeros", shape=(2,), trainable=False)  # doctest: +ELLIPSIS
    Buffer([0., 0.]...
    """

    name: str = "variable"
    path: str = "variable"
    """The name, behind that of the layer where it is one's: "dense/kernel"."""

    @property
    def value(self) -> Self:
        """The variable itself: it is a tensor."""
        return self

    @property
    def trainable(self) -> bool:
        """Whether training changes it."""
        return bool(self.requires_grad)

    @trainable.setter
    def trainable(self, wanted: bool) -> None:
        wanted = FLAG.checked(type(self).__name__, "trainable", wanted)
        if wanted and not isinstance(self, Parameter):
            raise ArgumentError(
                f"{self.name} is a Buffer, which is never trained; make it with trainable=True"
            )
        self.requires_grad = wanted

    def assign_add(self, value: Any) -> Self:
        """Add `value` in place; no gradient flows."""
        with no_grad():
            return self.assign(self + value)

    def assign_sub(self, value: Any) -> Self:
        """Subtract `value` in place; no gradient flows."""
        with no_grad():
            return self.assign(self - value)

    def named(self, name: str, owner: str = "") -> Self:
        """The same variable, from now on called so; `owner` is the name of its layer."""
        self.name, self.path = name, f"{owner}/{name}" if owner else name
        return self


class Parameter(Variable):
    """A tensor that training changes: a leaf that requires gradients.

    Args:
        data, dtype, requires_grad, backend: as for `ag.tensor`.
        regularizer: a function of the parameter to a number that is added to the loss.
        constraint: a function of the parameter to the nearest allowed one, applied after each update.

    >>> import nn
    >>> nn.Parameter([1.0, 2.0]).requires_grad
    True
    """

    def __init__(
        self,
        data: Any,
        dtype: Any = None,
        requires_grad: bool = True,
        backend: Any = None,
        regularizer: Rule | None = None,
        constraint: Rule | None = None,
    ) -> None:
        super().__init__(data, dtype, *_placed("Parameter", requires_grad, backend))
        self.regularizer = _RULE.checked("Parameter", "regularizer", regularizer)
        self.constraint = _RULE.checked("Parameter", "constraint", constraint)


class Buffer(Variable):
    """A tensor that belongs to a module and is saved with it, but is not trained: a moving average."""

    def __init__(
        self, data: Any, dtype: Any = None, requires_grad: bool = False, backend: Any = None
    ) -> None:
        super().__init__(data, dtype, *_placed("Buffer", requires_grad, backend))


class RandomWord(Buffer):
    """Part of where a generator of a layer's own stands. Saved with the model, but no weight: `get_weights`,
    counts of parameters and what puts back the best weights pass it over.
    """


def variable(
    initializer: Any,
    shape: Any = None,
    dtype: Any = None,
    trainable: bool = True,
    autocast: bool = True,
    aggregation: str = "none",
    synchronization: str = "auto",
    name: str | None = None,
    regularizer: Rule | None = None,
    constraint: Rule | None = None,
) -> Parameter | Buffer:
    """What `Variable(...)` makes, with Keras's arguments.

    Raises:
        ArgumentError: an initializer without a shape; a trainable variable of integers; a rule for one that
            is not trained; `autocast`, `aggregation` or `synchronization` other than the default.
    """
    trainable = FLAG.checked("Variable", "trainable", trainable)
    TEXT.or_none().checked("Variable", "name", name)
    for what, value, only in (
        ("autocast", autocast, True),
        ("aggregation", aggregation, "none"),
        ("synchronization", synchronization, "auto"),
    ):
        if value != only:
            raise ArgumentError(f"Variable: {what} is {only!r} here, nothing else is known; got {value!r}")
    if isinstance(initializer, (str, type)) or (
        callable(initializer) and not isinstance(initializer, Tensor)
    ):
        if shape is None:
            raise ArgumentError(f"Variable: the initializer {initializer!r} needs a shape")
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        initializer = initializers.get(initializer)(sizes, dtype or "float32")
    values = ag.tensor(initializer, dtype)
    if shape is not None and values.shape != tuple([shape] if isinstance(shape, int) else shape):
        raise ArgumentError(f"Variable: values of shape {values.shape}, and shape={shape!r}")
    if trainable and values.dtype.kind != "f":
        raise ArgumentError(
            f"Variable: {values.dtype.name} cannot be trained; give dtype='float32', or trainable=False"
        )
    if not trainable and not (regularizer is None and constraint is None):
        raise ArgumentError("Variable: a regularizer or constraint is for what is trained")
    made = Parameter(values, None, True, None, regularizer, constraint) if trainable else Buffer(values)
    return made.named(name) if name else made
