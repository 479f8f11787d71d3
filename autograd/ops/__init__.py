"""Every op, and the namespace that carries rules over tensors.

`OPS` is read off the modules: a declaration anywhere in them is an op, and no second list exists. `NAMESPACE` offers
the ops under the names of primitives, so that a gradient rule run with `xp=NAMESPACE` builds a graph.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import backends

from ..op import Op
from ..tensor import Tensor
from . import activation, compare, elementwise, index, linalg, loss, reduce, shape, softmax

_FUNCTIONS = {
    name: member
    for module in (elementwise, activation, compare, reduce, softmax, loss, shape, index, linalg)
    for name, member in vars(module).items()
    if isinstance(getattr(member, "op", None), Op)
}
OPS: dict[str, Op] = {name: function.op for name, function in _FUNCTIONS.items()}


def _create(primitive: str) -> Any:
    def create(**static: Any) -> Tensor:
        backend = backends.default()
        return Tensor.wrap(getattr(backend, primitive)(**static), backend)

    return create


NAMESPACE = SimpleNamespace(
    **_FUNCTIONS, index=index.index, full=_create("full"), arange=_create("arange")
)
Tensor._xp = NAMESPACE
