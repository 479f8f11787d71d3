"""What a model is given that begins with a layer of the host (texts, rows of a table), as numbers.

`fit`, `evaluate` and `predict` ask here once, before their input becomes tensors. A model without such a
layer gets back what it gave.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from autograd import Tensor

from .batches import is_iterable_of_batches
from .errors import ArgumentError

if TYPE_CHECKING:
    from .layers.host import HostLayer
    from .model import Model


class HostBatches:
    """Batches x, (x, y) or (x, y, weight) with their x made numbers; iterable as often as the source is.

    Args:
        layer: makes them.
        dtype: of the numbers.
        source: what the user gave.
    """

    def __init__(self, layer: HostLayer, dtype: str, source: Any) -> None:
        self.layer, self.dtype, self.source = layer, dtype, source

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[Any]:
        if hasattr(self.source, "__iter__"):
            return map(self._made, self.source)
        return (self._made(self.source[number]) for number in range(len(self.source)))

    def _made(self, batch: Any) -> Any:
        if isinstance(batch, (tuple, list)):
            return (_numbers(self.layer, batch[0], self.dtype), *batch[1:]) if batch else batch
        return _numbers(self.layer, batch, self.dtype)


def host_inputs(model: Model, x: Any) -> Any:
    """Inputs, or an iterable of batches with such, as what the model's steps take.

    Raises:
        ArgumentError: a tensor, which a layer of the host does not take.
    """
    layer = model.host_layer
    if layer is None or x is None:
        return x
    if is_iterable_of_batches(x):
        batches = HostBatches(layer, model.dtype, x)
        # what yields its batches once has to look like it
        return iter(batches) if isinstance(x, Iterator) else batches
    return _numbers(layer, x, model.dtype)


def host_validation(model: Model, data: Any) -> Any:
    """The same for `validation_data`: (x, y), (x, y, weight), or an iterable of batches."""
    if model.host_layer is None or not isinstance(data, (tuple, list)) or not data:
        return host_inputs(model, data)
    return (host_inputs(model, data[0]), *data[1:])


def host_call(model: Model, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs of a direct call; a tensor is one that the layer has made."""
    layer = model.host_layer
    if layer is None or not inputs or isinstance(inputs[0], Tensor):
        return inputs
    return (_numbers(layer, inputs[0], model.dtype), *inputs[1:])


def _numbers(layer: HostLayer, x: Any, dtype: str) -> Any:
    """The numbers as an array, as if they had been given."""
    if isinstance(x, Tensor):
        raise ArgumentError(
            f"{layer.title}: the model begins with it, and it takes arrays, lists, columns or rows of a "
            "table, not a tensor"
        )
    made = layer.encoded(x)
    array = made.numpy() if isinstance(made, Tensor) else made
    return array.astype(dtype, copy=False)
