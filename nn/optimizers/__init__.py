"""Optimisers by class and by name; the schedules of their learning rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any

from ..configured import described as _described
from ..configured import is_description as _is_description
from ..configured import serialize as serialize
from ..errors import lookup
from ..exports import absent as _absent
from ..exports import exported as _exported
from . import schedules as schedules
from .adam import Adam as Adam
from .adam import Adamax as Adamax
from .adam import AdamW as AdamW
from .adam import Lamb as Lamb
from .adam import Nadam as Nadam
from .base import Optimizer as Optimizer
from .scaled import Adadelta as Adadelta
from .scaled import Adagrad as Adagrad
from .scaled import Ftrl as Ftrl
from .scaled import Lion as Lion
from .scaled import RMSprop as RMSprop
from .sgd import SGD as SGD

__all__ = _exported(__name__, "OPTIMIZERS", "deserialize", "get", "legacy", "schedules", "serialize")

OPTIMIZERS: dict[str, type[Optimizer]] = {
    optimizer.__name__.lower(): optimizer
    for optimizer in (SGD, Adam, AdamW, RMSprop, Adagrad, Nadam, Adamax, Adadelta, Lion, Ftrl, Lamb)
}


def get(identifier: Any) -> Optimizer:
    """An optimiser by name (upper or lower case), the object itself, or what `serialize` gave."""
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()  # type: ignore[call-arg]
    if _is_description(identifier):
        return deserialize(identifier)
    name = identifier.lower() if isinstance(identifier, str) else identifier
    return lookup("optimizer", name, OPTIMIZERS)()  # type: ignore[call-arg]


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
    """The optimizer that `serialize` described; `custom_objects` are classes of one's own by name."""
    own = dict(custom_objects or {})
    name = config.get("class_name") if _is_description(config) else None
    if isinstance(name, str) and name not in own and name.lower() in OPTIMIZERS:
        config = {**config, "class_name": OPTIMIZERS[name.lower()].__name__}
    known = {kind.__name__: kind for kind in OPTIMIZERS.values()} | schedules.schedule_classes()
    return get(_described("optimizer", config, known, own))


class _Legacy:
    """What `keras.optimizers.legacy` was, which Keras 3 has no more."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"optimizers.legacy is not of Keras 3 any more; use nn.optimizers.{name}", name=name
        )


legacy = _Legacy()

if not _TYPE_CHECKING:
    __getattr__ = _absent(__name__)
