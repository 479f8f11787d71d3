"""The machine that every other one is held against: plain NumPy, one call per primitive."""

from .backend import NumPyBackend

__all__ = ["NumPyBackend"]
