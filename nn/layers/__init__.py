"""Layers, one small file each."""

from .activation import Activation
from .dense import Dense
from .dropout import Dropout
from .flatten import Flatten
from .input import Input

__all__ = ["Activation", "Dense", "Dropout", "Flatten", "Input"]
