"""A model from a file of Keras: architecture, weights, and how it was compiled."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ..errors import FileError
from ..model import Model
from ..restore import undone_on_error
from .explaining import explained
from .files import Place, name_of
from .keras_configs import KERAS_CLASSES, from_keras
from .keras_files import assign, opened
from .limits import check_sample, load_limits

_log = logging.getLogger("gradloom")


def load_keras(place: Place, classes: Mapping[str, Any], compiled: bool) -> Model:
    """The model in a `.keras` file, or in a `.h5` file with an architecture.

    Raises:
        FileError: it is damaged, or has something that this library lacks, by name.
        MissingExtraError: without h5py.
    """
    with explained(place, "a model of Keras"), undone_on_error(), opened(place) as file:
        known = {**classes, **KERAS_CLASSES}
        with load_limits(None, file.sizes()):
            model = from_keras(file.description, known)
            if not isinstance(model, Model):
                raise FileError(f"holds a {type(model).__name__}, not a model")
            shape = file.input_shape
            if not model.built and shape is not None:
                check_sample(shape)
                model.build((None, *shape))
        if not model.built:
            raise FileError("the shape of the inputs is missing")
        assign(file.weights_of(model))
        if compiled and file.compiled:
            _compile(model, file.compiled, known)
            _log.warning("%s: compiled as in the file; what its optimizer kept begins anew", name_of(place))
    return model


_COMPILE_IDLE = {
    "loss_weights": None,
    "weighted_metrics": None,
    "steps_per_execution": 1,
    "sample_weight_mode": None,
}


def _compile(model: Model, config: Any, classes: Mapping[str, Any]) -> None:
    """Compile as Keras was: optimizer, loss, metrics."""
    if not isinstance(config, dict):
        raise FileError("how the model was compiled is no dict")
    for name, idle in _COMPILE_IDLE.items():
        if config.get(name, idle) != idle:
            raise FileError(f"{name}={config[name]!r} of compile is not read; load with compile=False")
    try:
        model.compile(
            from_keras(config.get("optimizer", "rmsprop"), classes),
            _single(from_keras(config.get("loss"), classes)),
            _single(from_keras(config.get("metrics"), classes)) or (),
            run_eagerly=config.get("run_eagerly") or False,
        )
    except FileError as error:
        raise FileError(f"{error} (compile=False leaves optimizer, loss and metrics aside)") from error


def _single(value: Any) -> Any:
    """The value in lists of one list, as Keras 2 wrote metrics of one output."""
    while isinstance(value, (list, tuple)) and len(value) == 1 and isinstance(value[0], (list, tuple)):
        (value,) = value
    return value
