"""A model from a file. Only classes listed here, or given by the caller, are made; it cannot name others."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from .. import constraints, initializers, layers, losses, metrics, optimizers, regularizers
from ..arguments import FLAG
from ..errors import FileError
from ..layers.operation import Operation
from ..losses.several import OutputLosses, WeightedLoss
from ..metrics.of_output import OutputMetric
from ..model import Model
from ..optimizers import schedules
from ..precision import LossScale
from ..registry import checked_objects, known_objects
from ..restore import undone_on_error
from ..sequential import MLP, Sequential
from .container import read_model
from .description import check_header, describe, make
from .explaining import explained
from .files import Place, name_of
from .keras_files import is_keras_file
from .keras_models import load_keras
from .limits import load_limits
from .restore import build, restore

_MODULES = (constraints, initializers, layers, losses, metrics, optimizers, regularizers, schedules)
_OTHERS = (LossScale, MLP, Model, Operation, OutputLosses, OutputMetric, Sequential, WeightedLoss)
CLASSES: dict[str, type] = {
    vars(member).get("saved_as", name): member
    for held in (*map(vars, _MODULES), {kind.__name__: kind for kind in _OTHERS})
    for name, member in held.items()
    if inspect.isclass(member) and member.__module__.startswith("nn.")
}
OF_TRAINING = ("optimizer", "loss", "metrics", "mixed_precision", "loss_scale", "run")
"""Fields of a description without which a model is one that is not compiled."""


def load(
    path: Place,
    custom_objects: Mapping[str, Any] | None = None,
    verify: bool = True,
    compile: bool = True,
) -> Model:
    """The model that `model.save(path)` wrote: architecture, weights,
    optimizer with its state, loss, metrics.

    The default random generator is set where it was too, so what follows is bit for bit what would have
    followed there. A file written during `fit` also holds the place in the run: `fit(..., initial_epoch=k)`,
    with the k epochs that were finished, goes on there (in the middle of an epoch, if it was written there).

    Args:
        path: the file, or a file object opened for reading bytes.
        custom_objects: your own classes and functions by name.
        verify: compare the checksum of the whole file, at some 0.7 GB a second.
        compile: False leaves optimizer, loss, metrics and the place in a run aside.

    A file that Keras wrote (`.keras`, or `.h5` with the architecture) is read, too, where h5py is installed:
    layers, weights and how it was compiled; the optimizer begins anew. What we lack is refused by name.

    Raises:
        FileNotFoundError: there is no such file.
        FileError: the file is damaged, truncated, or not a model; or it names an unknown class. The
            random generators are then as before.

    >>> import io, nn
    >>> model, file = nn.Sequential([nn.Dense(1, input_shape=(2,))]), io.BytesIO()
    >>> model.save(file); _ = file.seek(0)
    >>> bool((nn.load(file).predict([[1.0, 2.0]]) == model.predict([[1.0, 2.0]])).all())
    True
    """
    classes = known_objects(CLASSES, checked_objects("load", custom_objects))
    verify, compiled = FLAG.checked("load", "verify", verify), FLAG.checked("load", "compile", compile)
    if is_keras_file(path):
        return load_keras(path, classes, compiled)
    header, arrays = read_model(path, verify)
    if not compiled:
        header = {name: value for name, value in header.items() if name not in OF_TRAINING}
        arrays = {name: array for name, array in arrays.items() if name.startswith("model.")}
    with explained(path, "a model"), undone_on_error():
        check_header(header, arrays)
        with load_limits(header["input_shape"], arrays):
            model = make(header["model"], classes)
            if not isinstance(model, Model):
                raise FileError(f"holds a {type(model).__name__}, not a model")
            if not model.built and header["input_shape"] is None:
                raise FileError("the shape of the inputs is missing")
            build(model, header)
            if describe(model.sample_shape) != header["input_shape"]:
                raise FileError(f"inputs of shape {header['input_shape']} are not those of its model")
        if "frozen" in header:
            _freeze(model, **header["frozen"])
        if "optimizer" in header:
            _compile(model, header, classes)
        restore(model, header, arrays, name_of(path))
    return model


def _freeze(model: Model, modules: Sequence[str], parameters: Sequence[str]) -> None:
    """What did not train when the file was written."""
    known = dict(model.named_modules())
    for name in modules:
        known[name]._trainable = False
    tensors = dict(model.named_tensors())
    for name in parameters:
        tensors[name].requires_grad = False


def _compile(model: Model, header: dict[str, Any], classes: Mapping[str, Any]) -> None:
    model.compile(
        make(header["optimizer"], classes),
        make(header["loss"], classes),
        [make(metric, classes) for metric in header["metrics"]],
        mixed_precision=header.get("mixed_precision"),
    )
    scale = make(header.get("loss_scale"), classes)
    if scale is not None and not isinstance(scale, LossScale):
        raise FileError(f"the loss scale is a {type(scale).__name__}")
    model.loss_scale = scale
