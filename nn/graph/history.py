"""Where a layer stands in graphs: its calls on placeholders; the first is what `layer.output` means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ArgumentError
from ..tree import Node


class hideable:
    """A property of an object that an attribute of the same name, set on the object, hides.

    Args:
        function: from the object to the value.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        return self if owner is None else self.function(owner)


class Called(Node):
    """Mixin of layers: `input` and `output` as in Keras, to make models of parts of models."""

    __slots__ = ()

    @hideable
    def input(self) -> Any:
        """The placeholder, or the list of them, that the layer was called on first.

        Raises:
            ArgumentError: the layer is in no graph.
        """
        given = self._first_call().inputs
        return given[0] if len(given) == 1 else given

    @hideable
    def output(self) -> Any:
        """The placeholder for what the layer gave when it was called first.

        >>> import nn
        >>> model = nn.Sequential([nn.Input((3,)), nn.Dense(4), nn.Dense(1)])
        >>> features = nn.Model(model.input, model.layers[0].output)
        >>> features.predict([[1.0, 2.0, 3.0]], verbose=0).shape
        (1, 4)

        Raises:
            ArgumentError: the layer is in no graph.
        """
        return self._first_call().outputs

    def _first_call(self) -> Any:
        owner = getattr(self, "_owner", None)
        if not calls_of(self) and owner is not None:
            owner.drawn()
        if not calls_of(self):
            raise ArgumentError(
                f"{type(self).__name__} was never called on a placeholder, so it has no input and no output; "
                "call it on one, nn.Input(shape), or put it into an nn.Sequential that is built"
            )
        return calls_of(self)[0]


def calls_of(layer: Node) -> list[Any]:
    """The calls of a layer or model on placeholders, in order; kept beside its attributes."""
    if not hasattr(layer, "_calls"):
        object.__setattr__(layer, "_calls", [])
    return layer._calls


def own(layer: Node, owner: Node) -> None:
    """Let `layer` know the `nn.Sequential` that it is in."""
    object.__setattr__(layer, "_owner", owner)
