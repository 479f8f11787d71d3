"""NumPy's arrays, with kernels compiled by Numba's LLVM for whole rules on arrays
that are large enough to gain from it.
"""

from .backend import NumbaBackend

__all__ = ["NumbaBackend"]
