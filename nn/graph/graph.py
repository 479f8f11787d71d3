"""The graph of layers between some placeholders and others: its order, what it computes, and a file of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Self

from autograd import ProgramError
from autograd.application import decoded, encoded
from autograd.structure import flatten, keys_of, unflatten

from ..errors import ArgumentError, FileError
from ..layers.operation import Operation
from ..module import Module
from ..summary import layer_names, name_layers
from ..weights import given_name
from .history import calls_of
from .symbols import Call, InputLayer, SymbolicTensor, called, operated, replaced


class Graph:
    """What leads from `inputs` to `outputs`.

    Layers stand in Keras's order: by the length of the longest way to an output, the farthest first; among
    those of one length in the order in which they are met when one walks back from the outputs.

    Args:
        inputs, outputs: a placeholder, or a list, tuple or dict of them; a list of one is that one.

    Raises:
        ArgumentError: an output does not come from the inputs alone, or two layers have one name.
    """

    def __init__(self, inputs: Any, outputs: Any) -> None:
        self.inputs = placeholders("inputs", inputs)
        self.outputs = placeholders("outputs", outputs)
        self.sources: list[SymbolicTensor] = flatten(self.inputs)
        self.targets: list[SymbolicTensor] = flatten(self.outputs)
        if len(set(map(id, self.sources))) < len(self.sources):
            raise ArgumentError("Model: the same input twice")
        order = self._in_order()
        self.calls = [call for call in order if not isinstance(call.layer, InputLayer)]
        met = {id(call.layer): call.layer for call in order if not isinstance(call.layer, Operation)}
        self.layers: tuple[Module, ...] = tuple(met.values())
        names = [name for layer in self.layers if (name := given_name(layer)) is not None]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ArgumentError(
                f"Model: two layers are called {twice[0]!r}; names of layers are unique in a model"
            )
        name_layers(self.layers)

    def _in_order(self) -> list[Call]:
        """The calls in Keras's order, those of the inputs too."""
        given = {id(symbol) for symbol in self.sources}
        order, place = self._walked_back(given)
        depths: dict[int, int] = {}
        of_layer: dict[int, int] = {}
        for call in reversed(order):
            depth = max(depths.get(id(call), 0), of_layer.get(id(call.layer), 0))
            depths[id(call)] = of_layer[id(call.layer)] = depth
            for source in call.sources():
                depths[id(source.call)] = max(depth + 1, depths.get(id(source.call), 0))
        return sorted(order, key=lambda call: (-depths[id(call)], place[id(call.layer)]))

    def _walked_back(self, given: set[int]) -> tuple[list[Call], dict[int, int]]:
        """The calls, each behind those that it needs; and when each layer was met first."""
        unused = [symbol.call for symbol in self.sources]
        order: list[Call] = []
        place: dict[int, int] = {}
        seen: set[int] = set()
        stack = [(target, False) for target in reversed(self.targets)]
        while stack:
            symbol, done = stack.pop()
            call, is_entry = symbol.call, isinstance(symbol.call.layer, InputLayer)
            if done:
                order.append(call)
                continue
            if id(call) in seen or (id(symbol) in given and not is_entry):
                continue
            if is_entry and id(symbol) not in given:
                raise ArgumentError(
                    f"Model: an output needs {symbol!r}, which is none of the inputs "
                    f"({', '.join(map(repr, self.sources))}); give it as an input, too"
                )
            seen.add(id(call))
            place.setdefault(id(call.layer), len(place))
            stack.append((symbol, True))
            stack += [(source, False) for source in reversed(call.sources())]
        for call in unused:
            if id(call) not in seen and isinstance(call.layer, InputLayer):
                order.append(call)
                place[id(call.layer)] = -1
        return order, place

    @property
    def is_chain(self) -> bool:
        """Whether each layer takes what the one before it gives, and nothing else."""
        names = list(self.connections().values())
        return len(self.sources) == len(self.targets) == 1 and all(len(found) <= 1 for found in names)

    def connections(self) -> dict[int, list[str]]:
        """By identity of a layer, the names of the layers that it takes from, through operations between."""
        names = dict(zip(map(id, self.layers), layer_names(self.layers), strict=True))
        found: dict[int, list[str]] = {}
        through: dict[int, list[str]] = {}
        for call in self.calls:
            given: list[str] = []
            for source in call.sources():
                maker = source.call.layer
                given += through[id(maker)] if isinstance(maker, Operation) else [names[id(maker)]]
            if isinstance(call.layer, Operation):
                through[id(call.layer)] = list(dict.fromkeys(given))
            else:
                found.setdefault(id(call.layer), []).extend(given)
        return found

    def shapes(self) -> Any:
        """The shape of the output; of several, the structure of shapes."""
        return unflatten(self.outputs, (symbol.shape for symbol in self.targets))

    @property
    def single(self) -> bool:
        """Whether there is one input, given as it is."""
        return isinstance(self.inputs, SymbolicTensor)

    def input_names(self) -> list[str]:
        """How `fit` may call the inputs: the keys of a dict, else the names of their layers."""
        return self._names(self.inputs)

    def output_names(self) -> list[str]:
        """How losses, metrics and targets may call the outputs; likewise."""
        return self._names(self.outputs)

    def _names(self, tree: Any) -> list[str]:
        if isinstance(tree, Mapping):
            return [str(key) for key in keys_of(dict(tree))]
        known = dict(zip(map(id, self.layers), layer_names(self.layers), strict=True))
        known |= self._operation_names(set(known.values()))
        given = [str(known.get(id(symbol.call.layer), symbol.name)) for symbol in flatten(tree)]
        names: list[str] = []
        for i, name in enumerate(given):
            names.append(_free(name, {*given, *names}) if name in given[:i] else name)
        return names

    def _operation_names(self, taken: set[str]) -> dict[int, str]:
        """By identity of an operation: add, add_1 ..., as Keras numbers them."""
        found: dict[int, str] = {}
        for call in self.calls:
            if isinstance(call.layer, Operation):
                name = _free(call.layer.kind, taken)
                taken.add(name)
                found[id(call.layer)] = name
        return found

    def arranged(self, x: Any, what: str, convert: Callable[[Any, SymbolicTensor, str], Any]) -> Any:
        """`x` as a user gives it, each part converted for its input: by order or by name.

        Raises:
            ArgumentError: other names, or another number.
        """
        if self.single:
            symbol = self.sources[0]
            if isinstance(x, Mapping) and list(x) == self.input_names():
                (x,) = x.values()
            elif isinstance(x, (list, tuple)) and len(x) == 1 and getattr(x[0], "ndim", 0) == symbol.ndim:
                x = x[0]
            elif isinstance(x, Mapping) or _holds_several(x, symbol.ndim):
                known = f"this model has one input, called {self.input_names()[0]!r}"
                _tensor(x, symbol, f"{what}: {known}")
            return convert(x, symbol, what)
        if len(self.sources) == 1 and not isinstance(x, (Mapping, list, tuple)):
            x = [x]  # the only input of a dict may be given without its name
        if isinstance(x, Mapping):
            names = self.input_names()
            named = dict(zip(names, self.sources, strict=True))
            if set(x) != set(named):
                raise ArgumentError(f"{what}: the inputs of this model are {names}, got {list(x)}")
            return {name: convert(x[name], named[name], f"{what}[{name!r}]") for name in names}
        if not isinstance(x, (list, tuple)) or len(x) != len(self.sources):
            names = self.input_names()
            count = len(x) if isinstance(x, (list, tuple)) else f"one {type(x).__name__}"
            raise ArgumentError(
                f"{what}: this model has {len(names)} inputs; give a list of {len(names)} arrays, or a dict "
                f"with the names {names}, got {count}"
            )
        pairs = zip(x, self.sources, strict=True)
        return [convert(part, symbol, f"{what}[{i}]") for i, (part, symbol) in enumerate(pairs)]

    def run(self, x: Any) -> Any:
        """The outputs for tensors in the place of the inputs."""
        values: dict[int, Any] = {}
        parts = self.arranged(x, "x", _tensor)
        if self.single:
            parts = [parts]
        elif isinstance(parts, dict):  # in the order of the inputs
            parts = list(parts.values())
        for symbol, value in zip(self.sources, parts, strict=True):
            entry = symbol.call.layer
            values[id(symbol)] = entry(value) if isinstance(entry, InputLayer) else value
        for call in self.calls:
            given = replaced(call.inputs, lambda symbol: values[id(symbol)])
            # here, and not in a method of the call: models inside models take a frame less for each
            if isinstance(call.layer, Operation):
                result = call.layer.operate(given)
            else:
                named = replaced(call.named, lambda symbol: values[id(symbol)]) if call.named else {}
                result = call.layer(*given, training=call.training, **named)
            for symbol, value in zip(flatten(call.outputs), flatten(result), strict=True):
                values.setdefault(id(symbol), value)
        return replaced(self.outputs, lambda symbol: values[id(symbol)])

    def get_config(self) -> dict[str, Any]:
        """Layers, calls and ends, as JSON but for the layers themselves."""
        layers = [*self.layers, *(c.layer for c in self.calls if isinstance(c.layer, Operation))]
        number = {id(layer): i for i, layer in enumerate(layers)}
        made: list[SymbolicTensor] = []
        inner = [s for s in self.sources if not isinstance(s.call.layer, InputLayer)]
        if inner:
            raise ArgumentError(f"save: the input {inner[0]!r} is the output of a layer; begin with nn.Input")

        def symbols(value: Any) -> Any:
            if not isinstance(value, SymbolicTensor):
                return None
            return {"symbol": next(i for i, known in enumerate(made) if known is value)}

        made += self.sources
        calls = []
        try:
            for call in self.calls:
                words = {"layer": number[id(call.layer)], "inputs": encoded(call.inputs, symbols)}
                words |= {} if call.training is None else {"training": call.training}
                calls.append(words | ({"named": encoded(call.named, symbols)} if call.named else {}))
                made += flatten(call.outputs)
            ends = {"inputs": encoded(self.inputs, symbols), "outputs": encoded(self.outputs, symbols)}
        except ProgramError as error:
            raise ArgumentError(
                f"save: in the graph of layers: {error}; put it into a layer's call"
            ) from error
        entries = [number[id(symbol.call.layer)] for symbol in self.sources]
        return {"layers": layers, "entries": entries, "calls": calls, **ends}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The graph again: its layers are called as they were, those of a graph already made anew."""
        return cls.again(config, [_apart(layer) for layer in config["layers"]])

    @classmethod
    def again(
        cls, config: Mapping[str, Any], layers: list[Any], sources: list[SymbolicTensor] | None = None
    ) -> Self:
        """The graph with `layers` in the place of its own, from its own inputs or from `sources`."""
        made = [calls_of(layers[i])[0].outputs for i in config["entries"]] if sources is None else [*sources]

        def symbols(kind: str, contents: Any) -> Any:
            return made[contents] if kind == "symbol" else None

        try:
            for words in config["calls"]:
                layer = layers[words["layer"]]
                inputs = decoded(words["inputs"], symbols)
                if isinstance(layer, Operation):
                    result = operated(layer.applied, inputs)
                else:
                    named = decoded(words["named"], symbols) if "named" in words else {}
                    result = called(layer, inputs, words.get("training"), named)
                made += flatten(result)
            return cls(decoded(config["inputs"], symbols), decoded(config["outputs"], symbols))
        except (ProgramError, IndexError, AttributeError) as error:
            raise FileError(f"the graph of layers makes no sense: {error}") from error

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles, which go through a state in order and hold each object once.

        Models inside come first, the innermost first, and then the calls, each behind those that it needs: so
        what one refers to is always known already, and neither a long chain of layers nor models in models in
        models reach Python's recursion limit.
        """
        calls = self._ancestry()
        layers = {id(call.layer): call.layer for call in calls}
        inner: dict[int, Any] = {}
        for layer in layers.values():
            below = [layer, *(module for _, module in layer.tree().modules)]
            inner |= {id(one): one for one in below if isinstance(getattr(one, "graph", None), Graph)}
        known = set(map(id, calls))
        history = [c for layer in layers.values() for c in calls_of(layer) if id(c) in known]
        return {"inner": [*inner.values()][::-1], "ancestry": calls, "history": history, **vars(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Also lets the layers know where they stand."""
        vars(self).update(state)
        for name in ("inner", "ancestry"):
            del vars(self)[name]
        for call in vars(self).pop("history"):
            if call not in calls_of(call.layer):
                calls_of(call.layer).append(call)

    def _ancestry(self) -> list[Call]:
        """All calls that lead to the ends, beyond the inputs, too; each behind those that it needs."""
        order: dict[int, Call] = {}
        stack = [(symbol.call, False) for symbol in [*self.targets, *self.sources]]
        while stack:
            call, done = stack.pop()
            if done:
                order.setdefault(id(call), call)
            elif id(call) not in order:
                stack.append((call, True))
                stack += [(source.call, False) for source in call.sources()]
        return [*order.values()]


def _free(name: str, taken: set[str]) -> str:
    """The name; where it is taken name_1, name_2 ..., the first that is not."""
    numbered = (f"{name}_{number}" for number in itertools.count(1))
    return next(one for one in itertools.chain([name], numbered) if one not in taken)


def _apart(layer: Module) -> Module:
    """A layer that stands in no graph: this one, or one like it."""
    used = isinstance(layer, InputLayer) or (calls_of(layer) and not isinstance(layer, Operation))
    return type(layer).from_config(layer.get_config()) if used else layer


def _tensor(x: Any, symbol: SymbolicTensor, what: str) -> Any:
    """`x`, which is no list or dict.

    Raises:
        ArgumentError: it is one.
    """
    if not isinstance(x, (list, tuple, Mapping)):
        return x
    found = f"a dict with {list(x)}" if isinstance(x, Mapping) else f"a list of {len(x)}"
    raise ArgumentError(f"{what}: one array of shape {symbol.shape} is expected, got {found}")


def _holds_several(x: Any, ndim: int) -> bool:
    """Whether it is a list of arrays that have the rows each, and no list of rows."""
    return isinstance(x, (list, tuple)) and any(getattr(part, "ndim", 0) >= ndim for part in x)


def placeholders(what: str, tree: Any) -> Any:
    """`tree`: placeholders, one or in a flat list, tuple or dict; a list of one is that one.

    Raises:
        ArgumentError: it is something else.
    """
    items = list(tree.values()) if isinstance(tree, Mapping) else tree
    one = not isinstance(items, (list, tuple))
    for symbol in [items] if one else items:
        if not isinstance(symbol, SymbolicTensor):
            raise ArgumentError(
                f"Model: {what} are placeholders, from nn.Input and the layers that were called on them, or "
                f"lists or dicts of them, got {type(symbol).__name__}"
            )
    if not one and not len(items):
        raise ArgumentError(f"Model: there are no {what}")
    if isinstance(tree, (list, tuple)) and len(tree) == 1:
        return tree[0]
    return dict(tree) if isinstance(tree, Mapping) else tree
