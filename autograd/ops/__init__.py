"""Every op, what of it is public, and the namespace that carries rules over tensors.

`OPS` is read off the modules: a declaration anywhere in them is an op, and no second list exists. `PUBLIC` is
what `autograd` exports. `NAMESPACE` offers the ops under the names of primitives, so that a gradient rule run
with `xp=NAMESPACE` builds a graph.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import backends

from ..call import Function
from ..deferred import Deferred
from ..op import Op
from ..tensor import Tensor
from . import (
    activation,
    analysis,
    compare,
    conv,
    einsum,
    elementwise,
    index,
    linalg,
    loss,
    pool,
    reduce,
    rounding,
    shape,
    softmax,
    windows,
)

_FUNCTIONS: dict[str, Function[...]] = {
    name: member
    for module in (
        elementwise,
        analysis,
        rounding,
        activation,
        compare,
        reduce,
        softmax,
        loss,
        shape,
        index,
        linalg,
        einsum,
        windows,
        conv,
        pool,
    )
    for name, member in vars(module).items()
    if isinstance(getattr(member, "op", None), Op)
}
OPS: dict[str, Op] = {name: function.op for name, function in _FUNCTIONS.items()}
# users write x[key], not the canonical key and index arrays that the op takes, and the equation of einsum
# first
PUBLIC: dict[str, Callable[..., Any]] = {
    **_FUNCTIONS,
    "getitem": index.index,
    "split": index.split,
    "repeat": index.repeated,
    "einsum": einsum.einsum_of,
}


def _create(primitive: str) -> Any:
    def create(*, backend: Any = None, **static: Any) -> Tensor:
        target = backends.default() if backend is None else backend
        return Tensor.wrap(getattr(target, primitive)(**static), target)

    return create


NAMESPACE = SimpleNamespace(
    **_FUNCTIONS,
    fuse_from=sys.maxsize,
    index=index.index,
    split=index.split,
    repeated=index.repeated,
    divmod=lambda a, b: (rounding.floor_divide(a, b), rounding.remainder(a, b)),
    full=_create("full"),
    arange=_create("arange"),
)
Tensor._xp = Deferred._xp = NAMESPACE
