"""Weights under PyTorch's names and in its layouts: from a state dict or its safetensors file, and back.

What differs is the order of axes. A kernel has its units first there and last here, an image its channels
first there and, unless told otherwise, last here; so a dense layer behind a `Flatten` has its inputs in
another order. `torch_layouts` says which weight is which; all is checked before the first weight is set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any, NamedTuple, cast

import autograd as ag
from autograd import Tensor
from autograd.errors import nearest
from autograd.tracing import one_at_a_time

from ..arguments import shown
from ..errors import ArgumentError, FileError
from ..model import Model
from ..module import Module
from ..summary import all_names
from .container import read
from .explaining import explained
from .fields import check_arrays
from .files import Place
from .torch_layouts import Piece, layers_with_weights, pieces_of
from .torch_order import may_make_images, turned_by

_COUNT = "num_batches_tracked"
"""What PyTorch's batch normalisation counts besides, and needs only without a momentum."""


_Orders = tuple[Mapping[str, Iterable[int]] | None, Mapping[str, Iterable[int]] | None]
"""The arguments `flattened` and `reshaped`."""


class _Expected(NamedTuple):
    """What an array of PyTorch has to be."""

    shape: tuple[int, ...]
    dtype: Any


def from_torch(
    model: Model,
    source: Mapping[str, Any] | Place,
    names: Mapping[str, str] | None = None,
    flattened: Mapping[str, Iterable[int]] | None = None,
    reshaped: Mapping[str, Iterable[int]] | None = None,
) -> None:
    """Set the weights of a model from those of the same network in PyTorch.

    Args:
        model: built; its layers are `Dense`, convolutions (transposed and depthwise ones, too),
            normalisations of batches, layers and groups, and `Embedding`, besides any without weights.
        source: a state dict, of arrays or tensors of PyTorch, or the path of a safetensors file of one.
        names: for each layer with weights, by the name that `summary()` prints ("block/dense" inside of a
            model), the module there ("features.0"). Without it they are taken in order: that of a dict, or,
            in a file, which has none, that of the numbers in the names.
        flattened: for layers behind a `Flatten` of images their sizes (..., channels) before it, and for a
            `LayerNormalization` over all axes those of images; only needed where the model is no chain of
            layers or the order cannot be told. {} says that there is none.
        reshaped: likewise, for layers whose outputs a `Reshape` makes images, the sizes behind it.

    Raises:
        ArgumentError: the model is not built, or a layer has no counterpart; of a dict, lists what is
            missing, unexpected or of another shape. Nothing has changed then.
        FileError: the same of a file.

    >>> import nn
    >>> model = nn.Sequential([nn.Dense(2, input_shape=(3,))])
    >>> nn.from_torch(model, {"0.weight": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "0.bias": [0.0, 1.0]})
    >>> model([[1.0, 0.0, 0.0]]).tolist()
    [[1.0, 5.0]]
    """
    if isinstance(source, Mapping):
        arrays = _arrays(source)
        try:
            _set(model, arrays, _order_of(arrays), names, (flattened, reshaped))
        except FileError as error:
            raise ArgumentError(f"from_torch: {error}") from None
        return
    header, arrays = read(source)
    with explained(source, "weights of PyTorch"):
        if header is not None:
            raise FileError("it was written by this library; model.load_weights reads it")
        _set(
            model, arrays, None if names is not None else _order_in_file(arrays), names, (flattened, reshaped)
        )


def to_torch(
    model: Model,
    names: Mapping[str, str] | None = None,
    flattened: Mapping[str, Iterable[int]] | None = None,
    reshaped: Mapping[str, Iterable[int]] | None = None,
) -> dict[str, Any]:
    """The weights of a model under PyTorch's names and in its layouts, as NumPy arrays.

    `safetensors.numpy.save_file` writes them; `module.load_state_dict` takes them as tensors.

    Args:
        model: as in `from_torch`.
        names: as there; default the names of the layers here.
        flattened, reshaped: as there.

    Raises:
        ArgumentError: the model is not built, or a layer has no counterpart in PyTorch.

    >>> import nn
    >>> model = nn.Sequential([nn.Dense(2, input_shape=(3,))])
    >>> {name: array.shape for name, array in nn.to_torch(model, {"dense": "0"}).items()}
    {'0.weight': (2, 3), '0.bias': (2,)}
    """
    layers = _layers("to_torch", model, (flattened, reshaped))
    own = {name: name.replace("/", ".") for name in layers}
    prefixes = own if names is None else _named("to_torch", layers, names)
    _check_apart("to_torch", prefixes)
    found: dict[str, Any] = {}
    with one_at_a_time:
        for name, pieces in layers.items():
            found |= {_join(prefixes[name], piece.name): piece.as_torch() for piece in pieces}
            if any(piece.name == "running_mean" for piece in pieces):
                found[_join(prefixes[name], _COUNT)] = ag.zeros((), "int64").numpy()
    return found


def _arrays(source: Mapping[Any, Any]) -> dict[str, Any]:
    """The arrays of a state dict.

    Raises:
        ArgumentError: it is something else, such as a checkpoint that has one inside.
    """
    found: dict[str, Any] = {}
    for name, value in source.items():
        if not isinstance(name, str):
            raise ArgumentError(f"from_torch: the names of a state dict are texts, got {shown(name)}")
        if isinstance(value, Mapping):
            raise ArgumentError(
                f"from_torch: {name!r} is a dict, so this is a checkpoint, which may have the state dict "
                f"inside; give that, checkpoint[{name!r}] perhaps"
            )
        found[name] = _array(name, value)
    return found


def _array(name: str, value: Any) -> Any:
    """An array of NumPy's kind of anything that a state dict may hold."""
    ours = isinstance(value, Tensor)
    if not ours and hasattr(value, "transpose") and hasattr(value, "dtype") and not hasattr(value, "detach"):
        return value
    try:
        if ours or not hasattr(value, "detach"):
            return ag.tensor(value).numpy()
        # NumPy has no bfloat16, whose numbers float32 has, too
        narrow = str(getattr(value, "dtype", "")) == "torch.bfloat16"
        return (value.float() if narrow else value).numpy(force=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(f"from_torch: {name} is no array: {error}") from None


def _layers(what: str, model: Model, orders: _Orders) -> dict[str, list[Piece]]:
    """By name, each layer that has weights, with its weights."""
    if not isinstance(model, Model):
        raise ArgumentError(f"{what}: a model is expected, got {type(model).__name__}")
    if not model.built:
        raise ArgumentError(f"{what}: the model is not built yet; call it on some input")
    names = all_names(model, path=True)
    layers: list[Module] = layers_with_weights(model)
    known = {names.get(id(layer), type(layer).__name__): layer for layer in layers}
    ins, outs = _said_or_found(what, model, names, known, orders)
    return {
        name: pieces_of(what, name, layer, ins.get(id(layer)), outs.get(id(layer)))
        for name, layer in known.items()
    }


def _said_or_found(
    what: str, model: Model, names: dict[int, str], known: Mapping[str, Module], given: _Orders
) -> tuple[dict[int, tuple[int, ...]], dict[int, tuple[int, ...]]]:
    """By identity of a layer the sizes of its inputs, and of its outputs: as said, else as found."""
    ins, outs = (
        None if sizes is None else _sizes(what, argument, sizes, known)
        for argument, sizes in zip(("flattened", "reshaped"), given, strict=True)
    )
    if ins is not None and outs is not None:
        return ins, outs
    try:
        found = turned_by(what, model, names)
    except ArgumentError:
        if ins is None:
            raise
        if may_make_images(model):
            raise ArgumentError(
                f"{what}: whether units of a dense layer become images, in another order than in PyTorch, "
                "cannot be told here; say reshaped={name of the layer: (height, width, channels)}, or {} "
                "where none do"
            ) from None
        return ins, {}
    return (found.flattened if ins is None else ins, found.reshaped if outs is None else outs)


def _sizes(
    what: str, argument: str, given: Mapping[str, Iterable[int]], known: Mapping[str, Module]
) -> dict[int, tuple[int, ...]]:
    """By identity of a layer its sizes.

    Raises:
        ArgumentError: they are none, or of a layer that is not there.
    """
    form = "a dict from names of layers to their sizes (..., channels), whole numbers >= 1"
    if not isinstance(given, Mapping):
        raise ArgumentError(f"{what}: {argument} is {form}, got {shown(given)}")
    _check_known(what, argument, given, known)
    found = {}
    for name, sizes in given.items():
        whole = isinstance(sizes, Iterable) and not isinstance(sizes, (str, bytes))
        kept = tuple(sizes) if whole else ()
        if not kept or any(isinstance(n, bool) or not isinstance(n, Integral) or n < 1 for n in kept):
            raise ArgumentError(f"{what}: {argument} is {form}; {name} has {shown(sizes)}")
        found[id(known[name])] = tuple(map(int, kept))
    return found


def _check_known(what: str, argument: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for name in given:
        if name not in known:
            raise ArgumentError(
                f"{what}: {argument}: no layer with weights is called {name!r}. {nearest(name, known)}"
            )


def _named(what: str, layers: Mapping[str, Any], names: Mapping[str, str]) -> Mapping[str, str]:
    """The names, which are those of all layers."""
    if not isinstance(names, Mapping):
        raise ArgumentError(
            f"{what}: names is a dict from names of layers to those of modules, got {shown(names)}"
        )
    _check_known(what, "names", names, layers)
    if missing := [name for name in layers if name not in names]:
        raise ArgumentError(f"{what}: names has nothing for {', '.join(missing)}")
    for name in layers:
        if not isinstance(names[name], str):
            raise ArgumentError(
                f"{what}: names are texts, of layers and of modules; {name} has {shown(names[name])}"
            )
    _check_apart(what, {name: names[name] for name in layers})
    return names


def _check_apart(what: str, modules: Mapping[str, str]) -> None:
    """Raise where two layers have one module, of which one would lose its weights."""
    first: dict[str, str] = {}
    for name, module in modules.items():
        if module in first:
            raise ArgumentError(
                f"{what}: the layers {first[module]} and {name} have one module, {module!r}; names= gives "
                "each its own"
            )
        first[module] = name


def _prefix(name: str) -> str:
    return name.rpartition(".")[0]


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _order_of(arrays: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(map(_prefix, arrays)))


def _order_in_file(arrays: Mapping[str, Any]) -> list[str]:
    """The modules in the order of the numbers in their names.

    Raises:
        FileError: the names differ in more than that, so nothing says which comes first.
    """
    modules = _order_of(arrays)
    if len({re.sub(r"\d+", "#", module) for module in modules}) > 1:
        raise FileError(
            "a file has no order, and the names of its modules differ in more than numbers: "
            f"{', '.join(sorted(modules))}; say with names= which layer is which"
        )
    return sorted(modules, key=lambda module: [int(number) for number in re.findall(r"\d+", module)])


def _set(
    model: Model,
    arrays: Mapping[str, Any],
    order: list[str] | None,
    names: Mapping[str, str] | None,
    orders: _Orders,
) -> None:
    layers = _layers("from_torch", model, orders)
    if names is not None:
        prefixes = _named("from_torch", layers, names)
    else:
        order = order or []
        if len(order) != len(layers):
            raise FileError(
                f"weights of {len(order)} modules ({', '.join(order)}), the model has {len(layers)} layers "
                f"with weights ({', '.join(layers)})"
            )
        prefixes = dict(zip(layers, order, strict=True))
    wanted = {_join(prefixes[name], piece.name): piece for name, pieces in layers.items() for piece in pieces}
    found = {
        name: array
        for name, array in arrays.items()
        if not (name.rpartition(".")[2] == _COUNT and _join(_prefix(name), "running_mean") in wanted)
    }
    expected = {name: _Expected(piece.shape, piece.variable.dtype) for name, piece in wanted.items()}
    check_arrays("the weights", cast("Mapping[str, Tensor]", expected), found, casts=True)
    new = [
        (piece.variable, ag.tensor(piece.from_torch(found[name]), dtype=piece.variable.dtype))
        for name, piece in wanted.items()
    ]
    with one_at_a_time:
        for variable, value in new:
            variable.assign(value)
