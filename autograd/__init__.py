"""Reverse-mode automatic differentiation over pluggable array backends.

>>> import autograd as ag
>>> x = ag.tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> loss = (x * x).mean()
>>> loss.backward()
>>> x.grad.tolist()
[0.6666666865348816, 1.3333333730697632, 2.0]

The functions of tensors (`ag.exp`, `ag.sum`, `ag.matmul` ...) are read off the declarations in
`autograd.ops`; a new op is exported by being declared. What type checkers and editors are told of all this is
made from the declarations, too: `__init__.pyi`.
"""

import importlib
from typing import Any

from backends import __version__ as __version__

from . import _conflict, ops, random
from .call import op
from .checkpoint import checkpoint
from .creation import (
    arange,
    eye,
    from_dlpack,
    full,
    linspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from .debugging import debug
from .draw import draw
from .errors import (
    AnomalyError,
    AxisError,
    BackendError,
    DeclarationError,
    DeviceMemoryError,
    DrawingError,
    DTypeError,
    GradientError,
    GradloomError,
    MissingExtraError,
    ProgramError,
    RangeError,
    ShapeError,
    TraceError,
)
from .functional import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .jit import jit
from .mode import detect_anomaly, enable_grad, no_grad
from .op import Domain, bad, case
from .random import dropout
from .scopes import named_scope
from .tensor import Tensor
from .tracing import Captured, capture


def __getattr__(name: str) -> Any:
    """The tester of gradients and what compiles functions are imported when they are first asked for."""
    if name == "testing":
        return importlib.import_module("autograd.testing")
    if name == "Jitted":
        return importlib.import_module("autograd.jitted").Jitted
    raise AttributeError(f"module 'autograd' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), "Jitted", "testing"})


__all__ = [
    "AnomalyError",
    "AxisError",
    "BackendError",
    "Captured",
    "DTypeError",
    "DeclarationError",
    "DeviceMemoryError",
    "Domain",
    "DrawingError",
    "GradientError",
    "GradloomError",
    "Jitted",
    "MissingExtraError",
    "ProgramError",
    "RangeError",
    "ShapeError",
    "Tensor",
    "TraceError",
    "arange",
    "bad",
    "capture",
    "case",
    "checkpoint",
    "debug",
    "detect_anomaly",
    "draw",
    "dropout",
    "enable_grad",
    "eye",
    "from_dlpack",
    "full",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jit",
    "jvp",
    "linspace",
    "named_scope",
    "no_grad",
    "ones",
    "ones_like",
    "op",
    "random",
    "tensor",
    "testing",
    "value_and_grad",
    "vjp",
    "zeros",
    "zeros_like",
]
__all__ += sorted(ops.PUBLIC)
globals().update(ops.PUBLIC)

_conflict.check()
