"""Gradloom under its own name: `nn`, `autograd` and `backends` as parts of one package.

They are the same modules under both names, and `nn` is imported when it is first asked for.

>>> import gradloom as gl
>>> import nn
>>> gl.nn is nn
True
>>> from gradloom.nn.layers import Dense
>>> Dense is nn.Dense
True
"""

from __future__ import annotations

import importlib as _importlib
from typing import Any

from ._alias import PACKAGES as _PACKAGES
from ._alias import install as _install
from ._conflict import __version__ as __version__

__all__ = [*_PACKAGES]

_install()


def __getattr__(name: str) -> Any:
    """The packages; each is imported when it is first asked for."""
    if name not in _PACKAGES:
        raise AttributeError(f"module 'gradloom' has no attribute {name!r}")
    globals()[name] = _importlib.import_module(f"gradloom.{name}")
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_PACKAGES})
