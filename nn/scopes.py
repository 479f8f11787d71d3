"""The scope of a layer in a traced step: its path below the module that was called first, and its class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import autograd as ag
from autograd.mode import switched

if TYPE_CHECKING:
    from .module import Module

_paths: ContextVar[Mapping[int, str] | None] = ContextVar("paths", default=None)
"""Of the module that was called first and of all below it, by identity."""


@contextmanager
def layer_scope(module: Module) -> Iterator[None]:
    """Inside, what is traced carries the name of `module`: "layers.0 Dense"; its
    class alone where it is the first.

    >>> import autograd as ag, nn
    >>> model = nn.Sequential([nn.Input((3,)), nn.Dense(1, use_bias=False)])
    >>> step = ag.capture(model, ag.zeros((4, 3)), state=dict(model.named_tensors()))
    >>> step.program_text(scopes=True).splitlines()[-2]
    '%2: float32[4, 1] = matmul(%1, %0)  # layers.0 Dense'
    """
    paths, kind = _paths.get(), type(module).__name__
    if paths is not None:
        with ag.named_scope(f"{paths.get(id(module), '')} {kind}".lstrip()):
            yield
        return
    below = {id(each): path for path, each in module.named_modules()}
    with switched(_paths, below), ag.named_scope(kind):
        yield
