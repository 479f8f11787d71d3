"""The machine for NVIDIA GPUs: the primitives on CuPy's arrays. CuPy is imported when
a backend is asked for, not before.
"""

from .backend import CuPyBackend, on_device

__all__ = ["CuPyBackend", "on_device"]
