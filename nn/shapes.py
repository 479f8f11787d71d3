"""The shape of what a module returns, without data: it runs once on zeros, and stays as it was."""

from __future__ import annotations

import copy
from typing import Any

import autograd as ag
from autograd import Tensor, no_grad

from .added import gathered_losses
from .building import samples
from .errors import ArgumentError
from .module import Module
from .restore import preserved

Shape = tuple[int | None, ...]


def shape_of_output(module: Module, input_shape: Any) -> Any:
    """The shape of the output for inputs of a shape such as (None, 7), or of a list of them.

    Raises:
        ArgumentError: another size than the batch is None; or the module returns no tensors.
    """
    first = input_shape[0] if isinstance(input_shape, (list, tuple)) and input_shape else None
    several = isinstance(first, (list, tuple))
    shapes = samples(type(module).__name__, (input_shape,))
    rows: Any = first[0] if several and first else first
    # its weights are made for the shape, and belong to none of them
    twin = module if module.built else copy.deepcopy(module)
    dtype = getattr(module, "dtype_of_x", None) or getattr(module, "dtype", None) or "float32"
    with preserved(twin), no_grad(), gathered_losses():
        result = twin(*(ag.zeros(shape, dtype) for shape in shapes), training=False)
    return _shapes(module, result, rows)


def _shapes(module: Module, result: Any, rows: int | None) -> Any:
    if isinstance(result, (list, tuple)):
        return [_shapes(module, item, rows) for item in result]
    if not isinstance(result, Tensor):
        raise ArgumentError(f"{type(module).__name__} returns {type(result).__name__}, which has no shape")
    return (rows, *result.shape[1:])
