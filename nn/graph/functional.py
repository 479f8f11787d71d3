"""What a model made of placeholders, `nn.Model(inputs, outputs)`, has beside other models."""

from __future__ import annotations

import inspect
from typing import Any, Self

from autograd.structure import unflatten

from ..errors import ArgumentError
from ..model_views import ModelViews
from .graph import Graph
from .history import hideable


class Functional(ModelViews):
    """Base of models: their graph of layers, where they were made of one."""

    graph: Graph | None = None
    layers: Any
    seed: int | None

    def wanted_graph(self) -> Graph:
        """The graph.

        Raises:
            ArgumentError: the model has none.
        """
        if self.graph is None:
            raise ArgumentError(
                f"{type(self).__name__} was not made of placeholders, so it has no inputs and outputs: "
                "nn.Model(inputs, outputs) and a built nn.Sequential have"
            )
        return self.graph

    @hideable
    def inputs(self) -> list[Any]:
        """The placeholders of the inputs."""
        return list(self.wanted_graph().sources)

    @hideable
    def outputs(self) -> list[Any]:
        """The placeholders of the outputs."""
        return list(self.wanted_graph().targets)

    @hideable
    def input(self) -> Any:
        """The placeholder of the input; of several, the structure of them."""
        return self.wanted_graph().inputs

    @hideable
    def output(self) -> Any:
        """The placeholder of the output; of several, the structure of them."""
        return self.wanted_graph().outputs

    @hideable
    def input_names(self) -> list[str]:
        """The names by which `fit` and `predict` may be given the inputs, as a dict."""
        return self.wanted_graph().input_names()

    @hideable
    def output_names(self) -> list[str]:
        """The names by which losses, metrics and targets may be given, as a dict."""
        return self.wanted_graph().output_names()

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; of a model of placeholders its graph in the place of these."""
        if "inputs" not in inspect.signature(type(self).__init__).parameters:
            return super().get_config()
        config: dict[str, Any] = {} if self.graph is None else {"graph": self.graph.get_config()}
        config |= {"name": self.name, "dtype": self.dtype}
        return config if self.seed is None else config | {"seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        if "graph" not in config:
            return super().from_config(config)
        return cls.of_graph(Graph.from_config(config["graph"]), config)

    @classmethod
    def of_graph(cls, graph: Graph, config: dict[str, Any]) -> Self:
        """The model of a graph, with the other arguments of `config`."""
        # the dtype is that of the placeholders
        others = {name: value for name, value in config.items() if name not in ("graph", "dtype")}
        make: Any = cls
        model: Self = make(inputs=graph.inputs, outputs=graph.outputs, **others)
        return model

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: the graph first, which has its placeholders in order; an attribute that
        holds one of them would begin in the middle.
        """
        state = super().__getstate__()
        return state if self.graph is None else {"graph": self.graph, **state}

    def take_graph(self, inputs: Any, outputs: Any, dtype: str | None) -> None:
        """Be the model from `inputs` to `outputs`, whose layers are built.

        Raises:
            ArgumentError: only one of them is given, or another dtype than that of the placeholders.
        """
        if inputs is None or outputs is None:
            raise ArgumentError(
                "Model takes inputs and outputs, both; or neither, in a class with a call of its own"
            )
        graph = Graph(inputs, outputs)
        floats = (symbol.dtype.name for symbol in graph.sources if symbol.dtype.kind == "f")
        self.dtype = next(floats, "float32")
        if dtype not in (None, self.dtype):
            raise ArgumentError(
                f"{type(self).__name__}: dtype {dtype!r}, and the placeholders are {self.dtype}: a model "
                f"of placeholders has their dtype. Write nn.Input(..., dtype={dtype!r})"
            )
        self.graph, self.layers = graph, graph.layers
        self.built = True
        self.input_shape = graph.sources[0].shape[1:] if graph.single else None
        self.output_shape = graph.shapes()
        self.seen_shape = unflatten(graph.inputs, ((1, *symbol.shape[1:]) for symbol in graph.sources))
