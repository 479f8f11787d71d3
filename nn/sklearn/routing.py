"""Arguments with a prefix, as scikeras routes them: `model__units`, `optimizer__beta_1`, `fit__epochs`.

What has a prefix goes there alone and counts before the argument of the wrapper itself. Everything else
that is no argument of the wrapper goes to the function that builds the model. A name that nothing takes is
refused.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from autograd.errors import nearest

from .. import losses
from ..arguments import shown
from ..callbacks import Callback
from ..configured import Configured
from ..errors import ArgumentError
from ..losses import Loss
from ..model import Model
from ..optimizers import Optimizer
from ..tuning.samples import callbacks_of as copies_of
from .building import fresh_loss, fresh_optimizer

PREFIXES = ("model", "fit", "compile", "optimizer", "loss", "metrics", "callbacks", "predict")
FIT = (
    "batch_size", "epochs", "verbose", "callbacks", "validation_split", "validation_data", "shuffle",
    "validation_batch_size", "validation_steps", "validation_freq", "steps_per_epoch", "initial_epoch",
)  # fmt: skip
"""What `fit` of a model is given, by the wrapper's own argument or with the prefix `fit__`."""
COMPILE = (
    "optimizer", "loss", "metrics", "loss_weights", "weighted_metrics", "run_eagerly", "jit", "jit_compile",
    "mixed_precision", "steps_per_execution",
)  # fmt: skip
PREDICT = ("batch_size", "verbose", "steps", "callbacks")


class Unsaid(str):
    """A default that gives way to the default of the function that builds the model.

    It is equal to the text, of which a type of its own tells it, also in a copy or a pickle: a search may ask
    for the very value that is the default.
    """

    __slots__ = ()


RMSPROP = Unsaid("rmsprop")


def routed(parameters: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Those with the prefix, without it.

    >>> from nn.sklearn.routing import routed
    >>> routed({"model__units": 8, "epochs": 2}, "model")
    {'units': 8}
    """
    start = f"{prefix}__"
    return {name.removeprefix(start): value for name, value in parameters.items() if name.startswith(start)}


def check_names(owner: str, extra: Mapping[str, Any]) -> None:
    """Refuse a prefix that is none, and an argument that `fit`, `compile` or `predict` does not have."""
    for name in extra:
        prefix, routes, rest = name.partition("__")
        if not routes:
            continue
        if prefix not in PREFIXES:
            raise ArgumentError(
                f"{owner}: {name!r} goes nowhere. {nearest(prefix, PREFIXES)} There are "
                f"{', '.join(f'{p}__' for p in PREFIXES)}."
            )
        known = {"fit": FIT, "compile": COMPILE, "predict": PREDICT}.get(prefix)
        if known is not None and rest not in known:
            raise ArgumentError(f"{owner}: {name!r}: {prefix} takes no {rest!r}. {nearest(rest, known)}")


def chosen(parameters: Mapping[str, Any], where: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Arguments of `fit`, `compile` or `predict`: the wrapper's own, and over them those with the prefix."""
    own = {name: parameters[name] for name in names if name in parameters}
    return own | routed(parameters, where)


def optimizer_of(owner: str, given: Any, arguments: Mapping[str, Any]) -> Optimizer:
    """The optimizer that a name or class makes with `arguments`; one like the object that is given.

    Raises:
        ArgumentError: arguments beside an object.
    """
    if isinstance(given, Optimizer) and arguments:
        raise ArgumentError(
            f"{owner}: optimizer is an object, and optimizer__{next(iter(arguments))} would make another; "
            "give its class or its name"
        )
    kind = type(fresh_optimizer(given))
    return kind(**arguments) if arguments else fresh_optimizer(given)


def loss_of(owner: str, given: Any, arguments: Mapping[str, Any]) -> Any:
    """The loss that a name or class makes with `arguments`; one like the object that is given."""
    if not arguments:
        return fresh_loss(given)
    if given is None or isinstance(given, Loss):
        raise ArgumentError(
            f"{owner}: loss__{next(iter(arguments))} is for a loss that is given by its name or class"
        )
    kind: Any = type(losses.get(given))
    if not issubclass(kind, Configured):
        raise ArgumentError(f"{owner}: a loss that is a function takes no loss__ arguments")
    return kind(**arguments)


def check_compiled_with(owner: str, said: Iterable[str], model: Model, arguments: Mapping[str, Any]) -> None:
    """Refuse a compiled model that has not what its function was given for `compile`.

    Args:
        said: names of arguments, with their prefixes.
        arguments: what the function was given.
    """
    twin = copy.deepcopy(model)
    loss = arguments["loss"]
    twin.compile(**{**arguments, "loss": fresh_loss(model.loss) if loss is None else loss})
    watched = [{metric.name for metric in one.watched} for one in (model, twin)]
    same = {
        "optimizer": type(model.optimizer) is type(twin.optimizer),
        "loss": _kind(model.loss) == _kind(twin.loss),
        "metrics": watched[1] <= watched[0],
        "weighted_metrics": watched[1] <= watched[0],
        "run_eagerly": model.jit == twin.jit,
        "jit": model.jit == twin.jit,
        "jit_compile": model.jit == twin.jit,
        "mixed_precision": model.mixed_precision == twin.mixed_precision,
    }
    for name in said:
        prefix, _, rest = name.rpartition("__")
        if prefix in ("optimizer", "loss"):
            own, given = (getattr(one, prefix).get_config().get(rest) for one in (model, twin))
            taken = own == given
        else:
            taken = same.get(rest, True)
        if not taken:
            raise ArgumentError(
                f"{owner}: {name} is in the compile_kwargs of the function that built the model, which "
                "compiled it with something else; let it take model.compile(**compile_kwargs), or leave the "
                "argument out"
            )


def _kind(loss: Any) -> Any:
    """What a loss is, whatever object: its class, and the function that it may hold."""
    return type(loss), getattr(loss, "function", None)


def metrics_of(owner: str, given: Any, arguments: Mapping[str, Any]) -> Any:
    """Metrics that no other model has, where they are objects.

    Raises:
        ArgumentError: `metrics__` arguments.
    """
    if arguments:
        raise ArgumentError(
            f"{owner}: metrics__{next(iter(arguments))} is not routed; give a metric as an object, with its "
            "arguments"
        )
    return copy.deepcopy(given)


def callbacks_of(owner: str, given: Any, arguments: Mapping[str, Any]) -> list[Callback]:
    """Callbacks of one run: copies of objects, or what a class makes with `arguments`.

    Raises:
        ArgumentError: arguments beside something else than one class, or what is no callback.
    """
    if isinstance(given, type) and issubclass(given, Callback):
        return [given(**arguments)]
    if arguments:
        raise ArgumentError(
            f"{owner}: callbacks__{next(iter(arguments))} is for a callback that is given as one class"
        )
    if isinstance(given, Mapping):
        raise ArgumentError(f"{owner}: callbacks is a list of nn.Callback objects, got {shown(given)}")
    listed: Any = given
    if isinstance(given, (list, tuple)):
        kinds = [isinstance(one, type) and issubclass(one, Callback) for one in given]
        listed = [one() if kind else one for one, kind in zip(given, kinds, strict=True)]
    return copies_of(listed)
