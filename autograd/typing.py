"""What functions of this package take and give, for annotations: `ArrayLike`, `AxisLike`, `DTypeLike`,
`ShapeLike`, `NumPyArray`.

Whatever NumPy makes an array of is one here, too, except text. A placeholder of a graph of layers stands
for a tensor: type checkers take an op of one for a tensor.

>>> import autograd as ag
>>> from autograd.typing import ArrayLike
>>> def doubled(x: ArrayLike) -> ag.Tensor:
...     return ag.multiply(x, 2.0)
>>> doubled([1.0, 2.0]).tolist()
[2.0, 4.0]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from backends.contract import DType, NumPyArray

from .deferred import Deferred
from .tensor import Tensor

__all__ = ["ArrayLike", "AxisLike", "DTypeLike", "NumPyArray", "ShapeLike", "SupportsArray"]


class SupportsArray(Protocol):
    """An array of any library: NumPy can read it."""

    def __array__(self) -> Any: ...


ArrayLike = float | Tensor | Deferred | SupportsArray | list[Any] | tuple[Any, ...] | Sequence[float]
"""A number, a tensor, an array, or lists and tuples of these, nested or not; no text, and no dict."""
AxisLike = int | tuple[int, ...] | list[int]
"""One axis or several."""
DTypeLike = str | type[Any] | DType
"""A name such as "float64", a scalar type or a dtype of NumPy."""
ShapeLike = int | tuple[int, ...] | list[int]
"""The sizes of a shape; one number for one dimension."""
