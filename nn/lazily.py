"""Names of a package that are imported when they are first asked for: SPEC 1 of Scientific Python."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from typing import Any


def attach(
    package: str, modules: str, names: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` for `package`.

    Args:
        package: its name.
        modules: its public modules, with spaces between them.
        names: by module, which need not be public, the names that it gives to the package.
    """
    module_of = dict.fromkeys(modules.split(), "") | {n: m for m, ns in names.items() for n in ns.split()}
    here = sys.modules[package]

    def find(name: str) -> Any:
        if name not in module_of:
            # a module that is no part of the public names is found as if it had been imported
            if name.isidentifier() and importlib.util.find_spec(f"{package}.{name}") is not None:
                return importlib.import_module(f"{package}.{name}")
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=here)
        if module := module_of[name]:
            thing = getattr(importlib.import_module(f"{package}.{module}"), name)
        else:
            thing = importlib.import_module(f"{package}.{name}")
        # from now on it is found at once
        setattr(here, name, thing)
        return thing

    def listed() -> list[str]:
        return sorted({*vars(here), *module_of})

    return find, listed, sorted(module_of)
