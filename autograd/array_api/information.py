"""What the namespace can do, for programs that ask it. A device is a backend here."""

from __future__ import annotations

from typing import Any

import backends
from backends.contract import float32, int64

from .data_types import DTYPES, isdtype

_MOST_DIMENSIONS = 64


class __array_namespace_info__:
    """Capabilities, devices and dtypes.

    >>> info = __array_namespace_info__()
    >>> info.default_dtypes()["real floating"]
    dtype('float32')
    """

    def capabilities(self) -> dict[str, Any]:
        """Masks pick elements; some shapes depend on values; how many dimensions there may be."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": _MOST_DIMENSIONS}

    def default_device(self) -> str:
        """The default backend."""
        return backends.default().name

    def devices(self) -> list[str]:
        """The backends that can be used here."""
        return [name for name, state in backends.available().items() if state == "available"]

    def default_dtypes(self, *, device: Any = None) -> dict[str, Any]:
        """By kind, the dtype of what is made without one; the same on every device."""
        self._known(device)
        return {"real floating": float32, "integral": int64, "indexing": int64}

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, Any]:
        """The dtypes by name, all or those of a kind; the same on every device.

        float16 is there besides, and no dtype of the standard.
        """
        self._known(device)
        standard = {name: dtype for name, dtype in DTYPES.items() if name != "float16"}
        return {n: d for n, d in standard.items() if kind is None or isdtype(d, kind)}

    @staticmethod
    def _known(device: Any) -> None:
        """Raises BackendError where there is no such device."""
        if device is not None:
            backends.get(device)
