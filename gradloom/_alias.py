"""How `gradloom.nn.layers` is found: it is the module `nn.layers`, never a second copy of it.

The finder stands first in `sys.meta_path`: the path of `gradloom.nn` is that of `nn`, and Python's own finder
would load what lies there once more, under the other name. What is loaded already is entered under both names
at once, since Python sets a module that it has loaded as an attribute of its parent: `import
gradloom.autograd.tensor` would put the module in the place of the function `autograd.tensor`. A module
`nn` of someone else, which lies first on the import path, is no part of this: it is refused.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

ALIAS = "gradloom"
PACKAGES = ("autograd", "backends", "nn")
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _is_ours(package: str) -> bool:
    """Whether the import path leads to the package that lies beside this one.

    Raises:
        ModuleNotFoundError: it leads to none.
    """
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # one that was made by hand, and lies nowhere
        return False
    if spec is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    own = os.path.realpath(os.path.join(_ROOT, package))
    return any(os.path.realpath(place) == own for place in spec.submodule_search_locations or ())


def check(package: str) -> None:
    """See that `package` is not a module of someone else.

    Raises:
        ImportError: it is; with its place.
    """
    if _is_ours(package):
        return
    there = sys.modules.get(package)
    spec = importlib.util.find_spec(package) if there is None else there.__spec__
    place = "made by hand" if spec is None else spec.origin or "a folder without __init__.py"
    raise ImportError(
        f"'{package}' is another module here ({place}), not the part of gradloom, which it hides. Rename it, "
        "or take its folder off the import path.",
        name=package,
    )


class _SameModule(Loader):
    """Gives the module of another name, and leaves it as it is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # the import system has given it the spec of the alias, by which it would import its own parts
        module.__spec__ = self._spec


class _Finder(MetaPathFinder):
    """Finds the parts of `gradloom`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """None for what is no part of it, and where there is no such module.

        Raises:
            ImportError: a module of someone else has the name of the package.
        """
        top, _, name = fullname.partition(".")
        if top != ALIAS or name.partition(".")[0] not in PACKAGES:
            return None
        check(name.partition(".")[0])
        ours = [package for package in PACKAGES if package in sys.modules and _is_ours(package)]
        for loaded, module in list(sys.modules.items()):
            # not this one: what is there once it is found would be loaded by its own spec, again
            if loaded.partition(".")[0] in ours and loaded != name:
                sys.modules.setdefault(f"{ALIAS}.{loaded}", module)
        if importlib.util.find_spec(name) is None:
            return None
        return ModuleSpec(fullname, _SameModule(name), origin=name)


def install() -> None:
    """Let the import system ask the finder, once."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
