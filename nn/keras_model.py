"""What scripts for Keras ask of a model besides training: layers by name, building by a shape, one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, cast

import autograd as ag
from autograd.errors import nearest

from .arguments import INTEGER, TEXT, shown
from .building import samples
from .errors import ArgumentError
from .module import Module
from .overridable import Overridable
from .shapes import shape_of_output
from .summary import layer_names, name_layers, sublayers

if TYPE_CHECKING:
    from .model import Model


class _Layers:
    """`model.layers` of a model that keeps no list of that name itself."""

    def __get__(self, model: KerasMethods | None, kind: type) -> Any:
        if model is None:
            return self
        found = sublayers(model)
        name_layers(found)
        return found


class KerasMethods(Overridable):
    """Base of models: Keras's methods that are not training, files or pictures."""

    layers: Any = _Layers()
    """The modules directly inside, in the order in which they were set."""

    def get_layer(self, name: str | None = None, index: int | None = None) -> Module:
        """The layer of that name, as `summary()` prints it, or at that place.

        Raises:
            ArgumentError: there is none; with the nearest name.

        >>> import nn
        >>> model = nn.Sequential([nn.Dense(4, input_shape=(3,)), nn.Dense(1)])
        >>> model.get_layer("dense_1") is model.get_layer(index=-1) is model.layers[1]
        True
        """
        layers = list(self.layers)
        if (name is None) == (index is None):
            raise ArgumentError("get_layer: either name= or index= is expected")
        if index is not None:
            place = INTEGER.checked("get_layer", "index", index)
            if not -len(layers) <= place < len(layers):
                raise ArgumentError(f"get_layer: the model has {len(layers)} layers, got index {place}")
            return cast("Module", layers[place])
        found = dict(zip(layer_names(layers), layers, strict=True))
        wanted: str = TEXT.checked("get_layer", "name", name)
        if wanted not in found:
            raise ArgumentError(f"get_layer: no layer is called {wanted!r}. {nearest(wanted, found)}")
        return cast("Module", found[wanted])

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`, those of what `evaluate` returns: the loss first, once there was a
        `compile`.
        """
        return list(dict.fromkeys(metric.name for metric in self.metrics if metric.logged))

    def build(self, *args: Any, **kwargs: Any) -> None:
        """Build the model for inputs of a shape such as (None, 7), by calling it on zeros."""

    def _built_by_hand(self, shapes: tuple[Any, ...], dtype: str | None) -> None:
        (shape,) = samples(type(self).__name__, shapes)
        model = cast("Model", self)
        model.ensure_built(ag.zeros(shape, dtype or model.dtype_of_x))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output for inputs of a shape such as (None, 7), or of a list of them.

        >>> import nn
        >>> nn.Sequential([nn.Dense(2), nn.Dense(1)]).compute_output_shape((None, 7))
        (None, 1)
        """
        return shape_of_output(self, input_shape)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Loss and metrics on one batch, as `evaluate` returns them."""
        return cast("Model", self).evaluate(x, y, _rows(x), 0, sample_weight, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as a NumPy array."""
        return cast("Model", self).predict(x, _rows(x), verbose=0)

    def reset_states(self) -> NoReturn:
        """Refused: Keras 3 has none on models either."""
        raise ArgumentError(
            "reset_states: a model keeps no state between batches; reset_metrics() lets the metrics begin "
            "again"
        )


def _rows(x: Any) -> int:
    try:
        return max(len(x), 1)
    except TypeError:
        raise ArgumentError(f"one batch of inputs (n, ...) is expected, got {shown(x)}") from None


# so that `_compute` does not take it for one that makes weights
KerasMethods._has_build = False
