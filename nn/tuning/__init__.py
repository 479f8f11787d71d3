"""Search of hyperparameters: over a space with Optuna, or by adding layers until the validation error stops improving."""

from .depth import Depth, DepthSearch, add_layers_until
from .result import Tuning
from .search import tune
from .space import Choice, Float, Int
from .study import Record

__all__ = [
    "Choice",
    "Depth",
    "DepthSearch",
    "Float",
    "Int",
    "Record",
    "Tuning",
    "add_layers_until",
    "tune",
]
