"""The Python array API standard, 2024.12, for tensors: what `Tensor.__array_namespace__()` returns.

An op of `autograd` that has a name of the standard is here under that name, by being declared; what the
standard calls otherwise, or gives other arguments, is made of ops in the files of this package. Gradients
flow through all of it. Tensors are values: what the standard says of writing into arrays is not offered.

>>> import autograd as ag
>>> from autograd import array_api as xp
>>> x = ag.tensor([3.0, 4.0], requires_grad=True)
>>> xp.linalg.vector_norm(x).backward()
>>> x.grad
Tensor([0.6, 0.8], dtype=float32, ...)
"""

from __future__ import annotations

import importlib
from typing import Any

import autograd as ag

from . import bits, creation, data_types, elementwise, linalg, manipulation, names, searching, statistics
from .information import __array_namespace_info__ as __array_namespace_info__

__array_api_version__ = "2024.12"
_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")


def of_version(api_version: str | None) -> Any:
    """This module, which is the namespace of version 2024.12 and of those before it.

    Raises:
        ValueError: for any other version.
    """
    if api_version is not None and api_version not in _VERSIONS:
        raise ValueError(
            f"__array_namespace__: api_version is one of {', '.join(_VERSIONS)}, got {api_version!r}"
        )
    return importlib.import_module(__name__)


_PUBLIC = frozenset(vars(ag)["__all__"])
_FOUND: dict[str, Any] = {
    # what autograd calls as the standard does, with the arguments of the standard
    **{name: getattr(ag, name) for name in " ".join(names.STANDARD.values()).split() if name in _PUBLIC},
    **{name: getattr(ag, own) for name, own in names.RENAMED.items()},
    **data_types.DTYPES,
    **data_types.CONSTANTS,
    **{
        name: getattr(module, name)
        for module in (bits, creation, data_types, elementwise, manipulation, searching, statistics)
        for name in module.__all__
    },
    **{name: getattr(linalg, name) for name in names.OF_LINALG},
    "linalg": linalg,
}
globals().update(_FOUND)
__all__ = [*sorted(_FOUND), "__array_api_version__", "__array_namespace_info__"]


def __getattr__(name: str) -> Any:
    raise AttributeError(names.why_not("autograd.array_api", name))


def __dir__() -> list[str]:
    return sorted(__all__)
