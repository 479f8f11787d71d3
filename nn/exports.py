"""What `from package import *` gives, read off what the package's `__init__`
holds: no name stands there twice.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

from autograd.errors import nearest


def exported(package: str, *more: str) -> list[str]:
    """The public functions and classes of `package` that were imported in
    it, and `more`: modules and tables.
    """
    own = {package, *(name for name in sys.modules if name.startswith(f"{package}."))}
    found = vars(sys.modules[package]).items()
    public = [n for n, thing in found if not n.startswith("_") and getattr(thing, "__module__", "") in own]
    return sorted([*public, *more])


def absent(package: str, **elsewhere: str) -> Callable[[str], Any]:
    """`__getattr__` for `package`: what is not there is said with the nearest name that is.

    Args:
        package: its name.
        elsewhere: names of what is made only when it is asked for, as "module.name".
    """

    def missing(name: str) -> Any:
        if name in elsewhere:
            module, _, there = elsewhere[name].rpartition(".")
            return getattr(importlib.import_module(module), there)
        if name.startswith("__"):
            raise AttributeError(name)
        near = nearest(name, [known for known in vars(sys.modules[package]) if known[0] != "_"])
        raise AttributeError(
            f"{package} has no {name!r}. {near} docs/keras.md lists what is missing and why.",
            name=name,
            obj=sys.modules[package],
        )

    return missing
