"""The nearest known name, for errors about an unknown one."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """ "Did you mean 'relu'?", or the list of known names where none is close."""
    # imported here because only an error needs it, and it would be a tenth of the import time of the package
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names)}."
