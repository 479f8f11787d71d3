"""What Keras keeps in `models` and scripts written for it ask for."""

from .checkpoint.loading import load as load_model
from .model import Model
from .saving import save_model
from .sequential import Sequential

__all__ = ["Model", "Sequential", "load_model", "save_model"]
