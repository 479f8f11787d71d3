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
from . import elementwise, index, linalg, reduce, shape

OPS: dict[str, Op] = {
    name: member.op
    for module in (elementwise, reduce, shape, index, linalg)
    for name, member in vars(module).items()
    if isinstance(getattr(member, "op", None), Op)
}


def _create(primitive: str) -> Any:
    def create(**static: Any) -> Tensor:
        backend = backends.default()
        return Tensor.wrap(getattr(backend, primitive)(**static), backend)

    return create


NAMESPACE = SimpleNamespace(
    **{
        name: member
        for module in (elementwise, reduce, shape, index, linalg)
        for name, member in vars(module).items()
        if isinstance(getattr(member, "op", None), Op)
    },
    index=index.index,
    full=_create("full"),
    arange=_create("arange"),
)
Tensor._xp = NAMESPACE
