"""Sequential and MLP: models that are a list of layers.

The model has one dtype, in which its weights are; what comes in has that of the `Input` at its beginning,
where this says one. Whole numbers stay whole numbers until a layer makes others of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, overload

import autograd as ag
from autograd.mode import switched

from .arguments import COUNT, RATE, floating, numbers, shown
from .building import default_float
from .calling import told
from .errors import ArgumentError
from .graph.graph import Graph
from .graph.history import own
from .graph.symbols import VALUES, Input, InputLayer, SymbolicTensor
from .layers import Dense, Dropout, Maxout
from .layers.base import ACTIVATION
from .layers.host import HostLayer, check_place
from .model import Model
from .module import Module
from .restore import undone_on_error
from .summary import name_layers
from .weights import given_name

if TYPE_CHECKING:
    from autograd.typing import NumPyArray


class Sequential(Model):
    """Layers one after another.

    Args:
        layers: modules; an `Input` first, or a first layer with `input_shape`, builds the model at once.
        dtype: of parameters and inputs; default that of the `Input` where it says a floating one, else
            float32. An `Input` of whole numbers says the dtype of the inputs alone.
        name: shown in summaries.
        seed: gives the model a generator of its own (`Model`).
        trainable: False freezes the model from the start.

    Raises:
        ArgumentError: no modules, two of one name, or an `Input` of another floating dtype than `dtype`.

    >>> import nn
    >>> model = nn.Sequential([nn.Dense(12, activation="relu", input_shape=(7,)), nn.Dense(1)])
    >>> model.output_shape
    (None, 1)
    """

    takes_structures = False
    _says_dtype = True

    if TYPE_CHECKING:

        @overload
        def __call__(  # pyright: ignore[reportOverlappingOverload]
            self, inputs: SymbolicTensor, *more: Any, training: bool | None = None, **named: Any
        ) -> SymbolicTensor: ...

        @overload
        def __call__(self, *inputs: Any, training: bool | None = None, **named: Any) -> ag.Tensor: ...

        def __call__(self, *inputs: Any, training: bool | None = None, **named: Any) -> Any: ...

        def predict(
            self,
            x: Any,
            batch_size: int | None = None,
            verbose: Any = "auto",
            steps: int | None = None,
            callbacks: Any = None,
        ) -> NumPyArray: ...

    def __init__(
        self,
        layers: Sequence[Module | SymbolicTensor] | None = None,
        dtype: str | None = None,
        name: str | None = None,
        seed: int | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, dtype=None if dtype is None else floating(dtype), seed=seed)
        self._says_dtype = dtype is not None
        self.layers: list[Module] = []
        self.input_shape: tuple[int, ...] | None = None
        self._extend(() if layers is None else layers)
        self._build_if_known()
        if trainable is not True:
            self.trainable = trainable

    def add(self, layer: Module | SymbolicTensor) -> None:
        """Append a layer; one that does not fit is refused, and the model stays as it was."""
        with undone_on_error(self):
            self._extend([layer])
            self.built = False
            self._build_if_known()

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A model of the same layers, made anew where they are those of a model already."""
        own = {name: value for name, value in config.items() if name != "input_dtype"}
        model = cls(**({**own, "layers": [*map(_apart, own["layers"])]} if "layers" in own else own))
        if config.get("input_dtype") is not None:
            model._input_dtype = VALUES.checked(cls.__name__, "input_dtype", config["input_dtype"])
        return model

    def pop(self) -> Module | None:
        """Remove the last layer and return it; None where there is none."""
        if not self.layers:
            return None
        with undone_on_error(self):
            last = self.layers.pop()
            last._automatic_name = None
            self.built, self.output_shape = False, None
            self._build_if_known()
        return last

    def _extend(self, layers: Iterable[Any]) -> None:
        objects = {id(layer) for layer in self.layers}
        names = {given_name(layer) for layer in self.layers}
        if not isinstance(layers, Iterable) or isinstance(layers, (str, bytes, Mapping)):
            raise ArgumentError(f"layers are a list of nn.Module objects, got {shown(layers)}")
        for layer in layers:
            if isinstance(layer, SymbolicTensor):
                layer = layer.call.layer
            if isinstance(layer, InputLayer):
                if self.layers:
                    raise ArgumentError("Input comes first in a model")
                self._begin(layer)
                continue
            if not isinstance(layer, Module):
                raise ArgumentError(f"layers are nn.Module objects, got {type(layer).__name__} {layer!r}")
            if isinstance(layer, Model) and self in (layer, *(below for _, below in layer.tree().modules)):
                raise ArgumentError(
                    f"{given_name(layer) or type(layer).__name__} is this model or has it inside, and a "
                    "model cannot be a layer of itself"
                )
            if id(layer) in objects:
                raise ArgumentError("the same layer object twice in one model; make two layers")
            name = given_name(layer)
            if name is not None and name in names:
                raise ArgumentError(f"two layers are called {name!r}; names of layers are unique in a model")
            if not self.layers and layer.input_shape is not None:
                self.input_shape = layer.input_shape
            check_place(layer, bool(self.layers))
            self.layers.append(layer)
            own(layer, self)
            objects.add(id(layer))
            names.add(name)
        name_layers(self.layers)

    def _begin(self, source: InputLayer) -> None:
        """Take what comes in from the layer of an `Input`."""
        self.input_shape, self._input_dtype = source.shape, None
        if not source.says_dtype:
            return
        said = VALUES.checked("Input", "dtype", source.dtype)
        if ag.zeros((), said).dtype.kind != "f":
            self._input_dtype = said
        elif not self._says_dtype:
            self.dtype = said
        elif said != self.dtype:
            raise ArgumentError(
                f"{type(self).__name__}: dtype {self.dtype!r}, and its Input is {said}; they are the same, "
                "or one of them is left out"
            )

    def _build_if_known(self) -> None:
        if self.layers and self.input_shape is not None:
            self.ensure_built(ag.zeros((1, *self.input_shape), self.dtype_of_x))

    @property
    def host_layer(self) -> HostLayer | None:
        return getattr(self.layers[0], "host_layer", None) if self.layers else None

    @told
    def call(self, x: Any) -> Any:
        if not self.built and self._input_dtype is not None:
            # whole numbers do not tell the layers in what dtype the model computes
            with switched(default_float, self.dtype):
                return self._through(x)
        return self._through(x)

    def _through(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer.passed(x) if isinstance(layer, HostLayer) else layer(x)
        return x

    def wanted_graph(self) -> Graph:
        """Its layers as a graph, for models of parts of this one."""
        return Graph(*self.drawn())

    def drawn(self) -> tuple[SymbolicTensor, SymbolicTensor]:
        """The placeholders of input and output; the layers are called on those between once.

        Raises:
            ArgumentError: the model is not built.
        """
        known, layers = getattr(self, "_chain", None), [*map(id, self.layers)]
        if known is not None and known[0] == layers:
            return known[1], known[2]
        if self.sample_shape is None:
            raise ArgumentError(
                "this model is not built, so it has no input and no output; begin with nn.Input(shape), or "
                "call it on some input"
            )
        source = x = Input(self.sample_shape, dtype=self.dtype_of_x)
        for layer in self.layers:
            x = layer(x)
        object.__setattr__(self, "_chain", (layers, source, x))
        return source, x

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        for layer in self.layers:
            own(layer, self)

    def get_config(self) -> dict[str, Any]:
        config = {"layers": self.layers, "dtype": self.dtype, "name": given_name(self)}
        config |= {} if self._input_dtype is None else {"input_dtype": self._input_dtype}
        return config if self.seed is None else config | {"seed": self.seed}


def _apart(layer: Any) -> Any:
    """A layer that is no model's and has no weights: this one, or one like it."""
    used = isinstance(layer, Module) and (layer.built or layer._automatic_name is not None)
    return type(layer).from_config(layer.get_config()) if used else layer


class MLP(Sequential):
    """A multilayer perceptron: dense hidden layers, each with an activation and dropout, and a dense output.

    Args:
        hidden: units of each hidden layer.
        outputs: units of the last layer.
        activation: of the hidden layers; "maxout" makes them `Maxout` layers.
        dropout: rate after each hidden layer; 0 for none.
        output_activation: of the last layer ("sigmoid", "softmax", or None for logits or regression).
        dtype: of parameters and inputs.
        name: shown in summaries.
        seed: gives the model a generator of its own (`Model`).

    >>> import nn
    >>> len(nn.MLP(hidden=(8, 4), outputs=3, dropout=0.5).layers)
    5
    """

    def __init__(
        self,
        hidden: Sequence[int] = (128, 64),
        outputs: int = 10,
        activation: Any = "relu",
        dropout: float = 0.2,
        output_activation: Any = None,
        dtype: str = "float32",
        name: str | None = None,
        seed: int | None = None,
    ) -> None:
        outputs = COUNT.checked("MLP", "outputs", outputs)
        dropout = RATE.checked("MLP", "dropout", dropout)
        hidden = numbers(COUNT).checked("MLP", "hidden", hidden)
        named = isinstance(activation, str) and activation == "maxout"
        if not named:
            ACTIVATION.checked("MLP", "activation", activation)
        ACTIVATION.checked("MLP", "output_activation", output_activation)
        layers: list[Module] = []
        for units in hidden:
            layers.append(Maxout(units) if named else Dense(units, activation))
            if dropout:
                layers.append(Dropout(dropout))
        super().__init__([*layers, Dense(outputs, output_activation)], floating(dtype), name, seed)
        self._own_layers = len(self.layers)
        self.hidden = tuple(hidden)
        self.outputs: Any = outputs  # pyright: ignore[reportAttributeAccessIssue]
        self.activation = activation
        self.dropout = dropout
        self.output_activation = output_activation

    def get_config(self) -> dict[str, Any]:
        names = ("hidden", "outputs", "activation", "dropout", "output_activation", "dtype", "name")
        config = {name: getattr(self, name) for name in names} | {"name": given_name(self)}
        config |= {} if self.seed is None else {"seed": self.seed}
        added = self.layers[self._own_layers :]
        return config | ({"added": added} if added else {})

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        model = cls(**{name: value for name, value in config.items() if name != "added"})
        model._extend(map(_apart, config.get("added", ())))
        if len(model.layers) > model._own_layers:
            model.built = False
            model._build_if_known()
        return model
