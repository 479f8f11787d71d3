"""An instruction set for arrays, and the machines that run it. It knows nothing of gradients or layers.

>>> import backends
>>> backends.get("numpy").name
'numpy'
"""

import time as _time

from . import philox
from .contract import SUPPORTED, Backend, Spec
from .errors import (
    AxisError,
    BackendError,
    CodeError,
    DeviceMemoryError,
    DTypeError,
    GradloomError,
    ProgramError,
    ShapeError,
    TraceError,
)
from .registry import available, default, get, names, register, set_default, sharing, use

__version__ = "0.1.0"
"""Of all three packages, which are one distribution; pyproject.toml reads it here."""

imported_at = _time.time()
"""In seconds since 1970: a source file that has changed since then may not be the code that runs."""

__all__ = [
    "SUPPORTED",
    "AxisError",
    "Backend",
    "BackendError",
    "CodeError",
    "DTypeError",
    "DeviceMemoryError",
    "GradloomError",
    "ProgramError",
    "ShapeError",
    "Spec",
    "TraceError",
    "available",
    "default",
    "get",
    "names",
    "philox",
    "register",
    "set_default",
    "sharing",
    "use",
]
