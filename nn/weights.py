"""The weights of a module under Keras's names: lists of variables, arrays in and out, and `add_weight`.

Where they are found, and their paths, is decided in `tree.py`; the order here is Keras's: of each module what
is trained before what is not, then the modules in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import autograd as ag
from autograd import ShapeError

from . import constraints, initializers, regularizers
from .arguments import COUNT_OR_ZERO, FLAG, TEXT, form
from .building import dtype_being_built
from .constructors import snake_case
from .errors import ArgumentError
from .parameter import Buffer, Parameter, RandomWord, Variable, variable
from .tree import ADDED, Node


@form("is a tuple of sizes")
def SIZES(value: Any) -> tuple[int, ...]:
    """One number is the size of a vector."""
    return tuple(map(COUNT_OR_ZERO.keep, value if isinstance(value, (tuple, list)) else (value,)))


class Weighted(Node):
    """Base of modules: a name, and the variables below."""

    _name: str | None = None
    _automatic_name: str | None = None
    """What the model around calls it: "dense_1"."""
    _chosen_dtype: str | None = None
    """That of the weights, where the constructor was told."""

    @property
    def name(self) -> str | None:
        """The name that was given; else that in the model, as `summary()` prints it; else the class's."""
        return self._name or self._automatic_name or snake_case(type(self).__name__)

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = name

    @property
    def weights(self) -> list[Variable]:
        """All variables, of this module and of those below: `trainable_weights` and others.

        >>> import nn
        >>> layer = nn.BatchNormalization(); _ = layer([[1.0, 2.0]])
        >>> [w.path for w in layer.weights][2:], layer.count_params()
        (['batch_normalization/moving_mean', 'batch_normalization/moving_variance'], 8)
        """
        found: dict[int, Variable] = {}
        for node in (self, *(node for _, node in self.tree().modules)):
            own = [v for _, v in node.children() if isinstance(v, Variable) and not isinstance(v, RandomWord)]
            for wanted in (Parameter, Buffer):
                found |= {id(v): v for v in own if isinstance(v, wanted) and id(v) not in found}
        return list(found.values())

    @property
    def variables(self) -> list[Variable]:
        """The same as `weights`: random generators and metrics keep no variables here."""
        return self.weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """Those that training changes."""
        return [weight for weight in self.weights if weight.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Those that it does not: moving averages, and what is frozen."""
        return [weight for weight in self.weights if not weight.trainable]

    trainable_variables, non_trainable_variables = trainable_weights, non_trainable_weights

    def count_params(self) -> int:
        """Numbers in all variables."""
        return sum(weight.size for weight in self.weights)

    def get_weights(self) -> list[Any]:
        """All variables as NumPy arrays, in the order of `weights`."""
        return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: Iterable[Any]) -> None:
        """Set all variables from `get_weights`; all shapes are checked before the first is set.

        Raises:
            ArgumentError: another number of arrays.
            ShapeError: an array of another shape.
        """
        own, values = self.weights, list(weights)
        if len(own) != len(values):
            names = ", ".join(weight.path for weight in own[:4])
            kind = type(self).__name__
            raise ArgumentError(
                f"set_weights: {kind} has {len(own)} arrays ({names}{' ...' if len(own) > 4 else ''}), got "
                f"{len(values)}"
            )
        new = [ag.tensor(value, dtype=weight.dtype) for weight, value in zip(own, values, strict=True)]
        for weight, value in zip(own, new, strict=True):
            if weight.shape != value.shape:
                raise ShapeError(
                    f"set_weights: {weight.path} has shape {weight.shape}, received {value.shape}"
                )
        for weight, value in zip(own, new, strict=True):
            weight.assign(value)

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Any:
        """Make a variable of this layer, in `__init__` or in `build`.

        Args:
            shape: its sizes; () when left out.
            initializer: default "glorot_uniform", "zeros" for integers and truth values.
            dtype: default that of the layer, or of the input for which it is being built.
            trainable: a `Parameter`, else a `Buffer`.
            regularizer, constraint: as in `Dense`.
            autocast, aggregation, overwrite_with_gradient: the defaults alone.
            name: in `path` and messages.

        >>> import nn
        >>> class Scale(nn.Layer):
        ...     def build(self, input_shape):
        ...         self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")
        ...     def call(self, x):
        ...         return x * self.scale
        >>> Scale()([[1.0, 2.0]]).tolist()
        [[1.0, 2.0]]
        """
        kind = type(self).__name__
        sizes = SIZES.checked(kind, "add_weight: shape", () if shape is None else shape)
        chosen = ag.zeros((), dtype or self._dtype_of_weights()).dtype
        if initializer is None:
            initializer = "glorot_uniform" if chosen.kind == "f" else "zeros"
        if FLAG.checked(kind, "add_weight: overwrite_with_gradient", overwrite_with_gradient):
            raise ArgumentError(f"{kind}: add_weight: overwrite_with_gradient is not known here")
        TEXT.or_none().checked(kind, "add_weight: name", name)
        values = initializers.get(initializer)(sizes, chosen.name)
        made = variable(
            values,
            None,
            chosen.name,
            trainable,
            autocast,
            aggregation,
            regularizer=regularizers.get(regularizer),
            constraint=constraints.get(constraint),
        )
        added = vars(self).setdefault(ADDED, {})
        made.named(name or f"variable_{len(added)}" if added else name or "variable", self.name or "")
        if not self._trains() and isinstance(made, Parameter):
            made.requires_grad = False
        key = made.name if made.name not in added else f"{made.name}_{len(added)}"
        setattr(self, ADDED, {**added, key: made})
        return made

    def _trains(self) -> bool:
        return cast("bool", getattr(self, "_trainable", True))

    def _dtype_of_weights(self) -> str:
        """What a weight without a dtype of its own gets."""
        return self._chosen_dtype or dtype_being_built() or str(getattr(self, "dtype", "float32"))


def given_name(thing: Any) -> Any:
    """The name that the user gave a module, or None: what is automatic is no name."""
    if isinstance(thing, Weighted) and type(thing).name is Weighted.name:
        return thing._name
    return getattr(thing, "name", None)
