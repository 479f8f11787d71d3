"""Losses by class, by function and by name."""

from __future__ import annotations

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any

from ..arguments import called
from ..configured import deserializer as _deserializer
from ..configured import is_description as _is_description
from ..configured import serialize as serialize
from ..errors import lookup
from ..exports import absent as _absent
from ..exports import exported as _exported
from .base import FunctionLoss as FunctionLoss
from .base import Loss as Loss
from .crossentropy import BinaryCrossentropy as BinaryCrossentropy
from .crossentropy import BinaryFocalCrossentropy as BinaryFocalCrossentropy
from .crossentropy import CategoricalCrossentropy as CategoricalCrossentropy
from .crossentropy import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from .crossentropy import binary_crossentropy as binary_crossentropy
from .crossentropy import binary_focal_crossentropy as binary_focal_crossentropy
from .crossentropy import categorical_crossentropy as categorical_crossentropy
from .crossentropy import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from .margin import CategoricalHinge as CategoricalHinge
from .margin import Hinge as Hinge
from .margin import SquaredHinge as SquaredHinge
from .margin import categorical_hinge as categorical_hinge
from .margin import hinge as hinge
from .margin import squared_hinge as squared_hinge
from .overlap import Dice as Dice
from .overlap import Tversky as Tversky
from .overlap import dice as dice
from .overlap import tversky as tversky
from .regression import CosineSimilarity as CosineSimilarity
from .regression import Huber as Huber
from .regression import KLDivergence as KLDivergence
from .regression import LogCosh as LogCosh
from .regression import MeanAbsoluteError as MeanAbsoluteError
from .regression import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from .regression import MeanSquaredError as MeanSquaredError
from .regression import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from .regression import Poisson as Poisson
from .regression import cosine_similarity as cosine_similarity
from .regression import huber as huber
from .regression import kl_divergence as kl_divergence
from .regression import log_cosh as log_cosh
from .regression import mean_absolute_error as mean_absolute_error
from .regression import mean_absolute_percentage_error as mean_absolute_percentage_error
from .regression import mean_squared_error as mean_squared_error
from .regression import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from .regression import poisson as poisson
from .robust import CategoricalFocalCrossentropy as CategoricalFocalCrossentropy
from .robust import CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy
from .robust import categorical_focal_crossentropy as categorical_focal_crossentropy
from .robust import categorical_generalized_cross_entropy as categorical_generalized_cross_entropy

__all__ = _exported(__name__, "LOSSES", "deserialize", "get", "serialize")

_FUNCTIONS: list[Any] = [f for f in map(globals().get, __all__) if hasattr(f, "short")]
LOSSES: dict[str, type[Loss]] = {name: f.loss for f in _FUNCTIONS for name in (f.__name__, *f.short)}
"""The names of Keras's functions, and the short ones: what an error message suggests."""
_ALSO: dict[str, type[Loss]] = {
    name: f.loss for f in _FUNCTIONS for name in (f.loss.__name__, *(short.upper() for short in f.short))
}


def get(identifier: Any) -> Loss:
    """A loss by name, the object itself, a function of (y_true, y_pred), or what `serialize` gave.

    A function of this module stands for its class, so that the whole target is
    checked and the model can be saved.

    Raises:
        ArgumentError: an unknown name, with the nearest known one.
    """
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if _is_description(identifier):
        made: Loss = deserialize(identifier)
        return made
    for function in _FUNCTIONS:
        if identifier is function:
            chosen: Loss = function.loss()
            return chosen
    if called("loss", identifier, 2, "(y_true, y_pred)") is not None:
        return FunctionLoss(identifier)
    return lookup("loss", identifier, LOSSES, _ALSO)()


deserialize = _deserializer("loss", get, {f.loss.__name__: f.loss for f in _FUNCTIONS})

if not _TYPE_CHECKING:
    __getattr__ = _absent(__name__)
