"""Keras's `ops`, on tensors of `autograd`: the same names, arguments and meanings.

What `autograd` has under the same name and arguments is that very function; the rest is made from its
ops in the files here, so all of it has gradients, and kernels in compiled steps. Inputs are tensors,
arrays, lists or numbers. Dtypes follow `autograd`, which is NumPy's promotion: float64 stays float64.

>>> import nn
>>> x = nn.ops.convert_to_tensor([[1.0, 2.0], [3.0, 4.0]])
>>> nn.ops.concatenate([x, x], axis=-1).shape, nn.ops.mean(nn.ops.square(x)).item()
((2, 4), 7.5)
"""

from __future__ import annotations

from typing import Any

from autograd.errors import nearest

from . import creation, elementwise, network, reductions, shapes
from .common import SAME as _SAME
from .common import same as _same

_here = globals()
_here.update(_same(_SAME))
for _module in (creation, elementwise, network, reductions, shapes):
    _here.update({name: getattr(_module, name) for name in _module.__all__})

numpy = linalg = nn = (
    None  # Keras's sub-modules hold the same functions once more; `ops.nn.relu` is `ops.relu`
)
del numpy, linalg, nn

__all__ = sorted(
    {*_SAME.split(), *(n for m in (creation, elementwise, network, reductions, shapes) for n in m.__all__)}
)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(
        f"nn.ops has no {name!r}. {nearest(name, __all__)} docs/keras.md lists what is missing and why."
    )
