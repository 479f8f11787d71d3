"""Search of hyperparameters: over a space with Optuna, or by adding layers until
the validation error stops improving.
"""

from ..exports import exported as _exported
from .depth import Depth as Depth
from .depth import DepthSearch as DepthSearch
from .depth import add_layers_until as add_layers_until
from .result import Tuning as Tuning
from .search import tune as tune
from .space import Choice as Choice
from .space import Float as Float
from .space import Int as Int
from .study import Record as Record

__all__ = _exported(__name__)
