"""Layers that make one tensor of several: sums, products, extremes, concatenation; and as functions.

As in Keras they are called on a list: `nn.Add()([x, y])`, `nn.layers.add([x, y])`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import FLAG, INTEGER, form
from ..constructors import argument, constructor
from ..errors import ArgumentError
from .base import Layer

_EPSILON = 1e-7
"""Norms are at least that, where `Dot` divides by them."""


class Merging(Layer):
    """Base of layers that are called on a list of tensors with the same rows."""

    least: int = 2
    most: int | None = None

    def call(self, inputs: Any) -> Tensor:
        found = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        if len(found) < self.least or (self.most is not None and len(found) > self.most):
            count = f"exactly {self.most}" if self.least == self.most else f"{self.least} or more"
            raise ArgumentError(
                f"{self.title}: takes a list of {count} tensors, got {len(found)}: call it as layer([x, y])"
            )
        rows = {x.shape[:1] for x in found}
        if len(rows) > 1 or () in rows:
            raise ShapeError(
                f"{self.title}: the inputs have shapes {[x.shape for x in found]}, with other rows"
            )
        return self.merge(found)

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """The result for inputs with equal rows."""
        raise NotImplementedError


class ElementByElement(Merging):
    """Base of those that compute element by element. Sizes of 1 stretch; an input with fewer dimensions gets
    dimensions of 1 behind the batch.
    """

    def merge(self, inputs: list[Tensor]) -> Tensor:
        ndim = max(x.ndim for x in inputs)
        same = [x.reshape(x.shape[0], *(1,) * (ndim - x.ndim), *x.shape[1:]) for x in inputs]
        for sizes in zip(*(x.shape for x in same), strict=True):
            if len({*sizes} - {1}) > 1:
                raise ShapeError(
                    f"{self.title}: inputs of shapes {[x.shape for x in inputs]} do not fit each other"
                )
        return self.merge_same(same)

    def merge_same(self, inputs: list[Tensor]) -> Tensor:
        """The result for inputs with the same number of dimensions."""
        raise NotImplementedError


@constructor
class Add(ElementByElement):
    """The sum of the inputs, element by element.

    >>> import nn
    >>> nn.Add()([nn.Parameter([[1.0, 2.0]]), nn.Parameter([[3.0, 4.0]])]).tolist()
    [[4.0, 6.0]]
    """

    def merge_same(self, inputs: list[Tensor]) -> Tensor:
        return reduce(ag.add, inputs)


@constructor
class Subtract(ElementByElement):
    """The first of two inputs minus the second.

    >>> import nn
    >>> nn.Subtract()([nn.Parameter([[1.0, 2.0]]), nn.Parameter([[3.0, 4.0]])]).tolist()
    [[-2.0, -2.0]]
    """

    least = most = 2

    def merge_same(self, inputs: list[Tensor]) -> Tensor:
        return inputs[0] - inputs[1]


@constructor
class Multiply(ElementByElement):
    """The product of the inputs, element by element."""

    def merge_same(self, inputs: list[Tensor]) -> Tensor:
        return reduce(ag.multiply, inputs)


@constructor
class Average(ElementByElement):
    """The mean of the inputs, element by element."""

    def merge_same(self, inputs: list[Tensor]) -> Tensor:
        return reduce(ag.add, inputs) / len(inputs)


@constructor
class Maximum(ElementByElement):
    """The largest of the inputs, element by element."""

    def merge_same(self, inputs: list[Tensor]) -> Tensor:
        return reduce(ag.maximum, inputs)


@constructor
class Minimum(ElementByElement):
    """The smallest of the inputs, element by element."""

    def merge_same(self, inputs: list[Tensor]) -> Tensor:
        return reduce(ag.minimum, inputs)


@constructor
class Concatenate(Merging):
    """The inputs one after another along an axis, not that of the rows.

    >>> import nn
    >>> nn.Concatenate()([nn.Parameter([[1.0, 2.0]]), nn.Parameter([[3.0]])]).tolist()
    [[1.0, 2.0, 3.0]]
    """

    axis: int = argument(INTEGER, default=-1)

    least = 1

    def merge(self, inputs: list[Tensor]) -> Tensor:
        ndim = inputs[0].ndim
        if not -ndim <= self.axis < ndim or self.axis % ndim == 0:
            raise ArgumentError(
                f"{self.title}: axis {self.axis} of inputs with {ndim} dimensions; axis 0 counts rows"
            )
        return ag.concat(inputs, axis=self.axis)


@form("is an axis >= 1 or negative, or two of them")
def DOT_AXES(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        first, second = (INTEGER.keep(axis) for axis in value)
        return [first, second]
    return INTEGER.keep(value)


@constructor
class Dot(Merging):
    """The dot products of two inputs over an axis of each, row by row.

    Args:
        axes: the axis of both, or a pair; (b, 3, 5) and (b, 10, 3) over (1, 2) give (b, 5, 10).
        normalize: divide by the Euclidean norms first: cosines.

    >>> import nn
    >>> nn.Dot(axes=1)([nn.Parameter([[1.0, 2.0]]), nn.Parameter([[3.0, 4.0]])]).tolist()
    [[11.0]]
    """

    axes: Any = argument(DOT_AXES)
    normalize: bool = argument(FLAG, default=False)

    least = most = 2

    def merge(self, inputs: list[Tensor]) -> Tensor:
        axes = self.axes if isinstance(self.axes, list) else [self.axes] * 2
        found = []
        for x, axis in zip(inputs, axes, strict=True):
            if not -x.ndim <= axis < x.ndim or axis % x.ndim == 0:
                raise ArgumentError(
                    f"{self.title}: axis {axis} of an input of shape {x.shape}; axis 0 counts rows"
                )
            found.append(axis % x.ndim)
        a, b = inputs
        if a.shape[found[0]] != b.shape[found[1]]:
            raise ShapeError(f"{self.title}: axes {found} of {a.shape} and {b.shape} have other sizes")
        if self.normalize:
            a, b = _unit(a, found[0]), _unit(b, found[1])
        letters = iter("bcdefghijklmnopqrstuvw")
        names = [["a", *(next(letters) for _ in x.shape[1:])] for x in (a, b)]
        for name, axis in zip(names, found, strict=True):
            name[axis] = "z"
        rest = [letter for name in names for letter in name[1:] if letter != "z"]
        result = ag.einsum(f"{''.join(names[0])},{''.join(names[1])}->a{''.join(rest)}", a, b)
        return result if rest else result.expand_dims(1)


def _unit(x: Tensor, axis: int) -> Tensor:
    return x / ag.maximum(x.norm(axis=axis, keepdims=True), _EPSILON)


def add(inputs: Sequence[Any]) -> Any:
    """What `Add()` gives."""
    return Add()(inputs)


def subtract(inputs: Sequence[Any]) -> Any:
    """What `Subtract()` gives."""
    return Subtract()(inputs)


def multiply(inputs: Sequence[Any]) -> Any:
    """What `Multiply()` gives."""
    return Multiply()(inputs)


def average(inputs: Sequence[Any]) -> Any:
    """What `Average()` gives."""
    return Average()(inputs)


def maximum(inputs: Sequence[Any]) -> Any:
    """What `Maximum()` gives."""
    return Maximum()(inputs)


def minimum(inputs: Sequence[Any]) -> Any:
    """What `Minimum()` gives."""
    return Minimum()(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1) -> Any:
    """What `Concatenate(axis)` gives.

    >>> import nn
    >>> nn.layers.concatenate([nn.Input((2,)), nn.Input((3,))]).shape
    (None, 5)
    """
    return Concatenate(axis)(inputs)


def dot(inputs: Sequence[Any], axes: Any = -1, normalize: bool = False) -> Any:
    """What `Dot(axes, normalize)` gives."""
    return Dot(axes, normalize)(inputs)
