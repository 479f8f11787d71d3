"""What `from package import *` gives, read off what the package's `__init__`
holds: no name stands there twice.
"""

from __future__ import annotations

import sys


def exported(package: str, *more: str) -> list[str]:
    """The public functions and classes of `package` that were imported in
    it, and `more`: modules and tables.
    """
    own = {package, *(name for name in sys.modules if name.startswith(f"{package}."))}
    found = vars(sys.modules[package]).items()
    public = [n for n, thing in found if not n.startswith("_") and getattr(thing, "__module__", "") in own]
    return sorted([*public, *more])
