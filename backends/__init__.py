"""An instruction set for arrays, and the machines that run it. It knows nothing of gradients or layers.

>>> import backends
>>> backends.get("numpy").name
'numpy'
"""

from . import philox
from .contract import SUPPORTED, Backend, Spec
from .errors import (
    AxisError,
    BackendError,
    DTypeError,
    GradloomError,
    ProgramError,
    ShapeError,
    TraceError,
)
from .registry import available, default, get, register, set_default, use

__all__ = [
    "SUPPORTED",
    "AxisError",
    "Backend",
    "BackendError",
    "DTypeError",
    "GradloomError",
    "ProgramError",
    "ShapeError",
    "Spec",
    "TraceError",
    "available",
    "default",
    "get",
    "philox",
    "register",
    "set_default",
    "use",
]
