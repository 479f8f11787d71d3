"""What stands for a tensor of a computation to come: the placeholders of a graph of layers.

It has the methods and operators of tensors. An op that is given one computes nothing, but hands itself over
to `apply_op`; the tensors of a running computation never pay for that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backends.contract import resolve_dtype

from .methods import TensorMethods

if TYPE_CHECKING:
    from .op import Op


class Deferred(TensorMethods):
    """Base of such placeholders. Subclasses have `shape`, `ndim` and `dtype`."""

    __slots__ = ()

    shape: Any
    ndim: Any
    dtype: Any

    def apply_op(self, op: Op, inputs: Sequence[Any], static: Mapping[str, Any]) -> Any:
        """What stands for the result of `op` on `inputs`, of which this is one."""
        raise NotImplementedError

    def to(self, target: Any) -> Any:
        """What stands for the values in another dtype."""
        dtype = resolve_dtype(target)
        return self if dtype == self.dtype else self._xp.astype(self, dtype=dtype)
