"""Parameters and buffers: the tensors that belong to a module."""

from __future__ import annotations

from typing import Any

from autograd import Tensor

from .arguments import BACKEND, FLAG, function
from .regularizers import Rule

_RULE = function("is a function of the parameter", 1).or_none()


def _placed(kind: str, requires_grad: Any, backend: Any) -> tuple[bool, Any]:
    """What a tensor is made with, once it is known to be that."""
    return FLAG.checked(kind, "requires_grad", requires_grad), BACKEND.checked(kind, "backend", backend)


class Parameter(Tensor):
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


class Buffer(Tensor):
    """A tensor that belongs to a module and is saved with it, but is not trained: a moving average."""

    def __init__(
        self, data: Any, dtype: Any = None, requires_grad: bool = False, backend: Any = None
    ) -> None:
        super().__init__(data, dtype, *_placed("Buffer", requires_grad, backend))
