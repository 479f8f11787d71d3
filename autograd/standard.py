"""What the Python array API standard asks of an array beside methods and operators that are ops: the
namespace it belongs to, the device it is on, and operators on bits.

The namespace is imported when it is first asked for, so whoever does without it does not wait for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import backends

from .errors import BackendError, ShapeError
from .methods import TensorMethods

if TYPE_CHECKING:
    from .tensor import Tensor


def _namespace() -> Any:
    return importlib.import_module("autograd.array_api")


def _is_whole(x: Any) -> bool:
    """Whether it is, or holds, integers; booleans are none."""
    return type(x) is int or getattr(getattr(x, "dtype", None), "kind", "") in ("i", "u")


class StandardArray(TensorMethods):
    """Mixin of `Tensor`. `&`, `|`, `^` and `~` work on bits of integers, on the truth of anything else."""

    __slots__ = ()

    if TYPE_CHECKING:
        _backend: Any

        @property
        def dtype(self) -> Any: ...

        @property
        def ndim(self) -> int: ...

        @property
        def shape(self) -> Any: ...

        def item(self) -> Any: ...

        def _to_backend(self, target: Any) -> Tensor: ...

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """The functions of the array API standard for tensors, the module `autograd.array_api`.

        Raises:
            ValueError: another version than 2024.12 and those before it.

        >>> import autograd as ag
        >>> x = ag.tensor([1.0, 4.0])
        >>> xp = x.__array_namespace__()
        >>> xp.sum(xp.sqrt(x)).item()
        3.0
        """
        return _namespace().of_version(api_version)

    @property
    def device(self) -> str:
        """The name of the backend that holds the values: what the standard calls a device."""
        return str(self._backend.name)

    def to_device(self, device: Any, /, *, stream: Any = None) -> Tensor:
        """This tensor on another backend, as `to` moves it.

        Args:
            device: the name of a backend.
            stream: None; the work waits for no stream.
        """
        if stream is not None:
            raise BackendError(f"to_device: stream is None, got {stream!r}")
        return self._to_backend(backends.get(device))

    @property
    def mT(self) -> Tensor:
        """The last two dimensions exchanged.

        Raises:
            ShapeError: there are less than two.
        """
        if self.ndim < 2:
            raise ShapeError(f"mT: at least two dimensions are needed, this tensor has shape {self.shape}")
        return self._xp.swapaxes(self, axis1=-2, axis2=-1)

    def __complex__(self) -> complex:
        return complex(self.item())

    def _bits_or_truth(self, name: str, a: Any, b: Any) -> Any:
        if self.dtype.kind != "f" and (_is_whole(a) or _is_whole(b)):
            return getattr(_namespace(), f"bitwise_{name}")(a, b)
        return getattr(self._xp, f"logical_{name}")(a, b)

    def __and__(self, other: Any) -> Any:
        return self._bits_or_truth("and", self, other)

    def __rand__(self, other: Any) -> Any:
        return self._bits_or_truth("and", other, self)

    def __or__(self, other: Any) -> Any:
        return self._bits_or_truth("or", self, other)

    def __ror__(self, other: Any) -> Any:
        return self._bits_or_truth("or", other, self)

    def __xor__(self, other: Any) -> Any:
        return self._bits_or_truth("xor", self, other)

    def __rxor__(self, other: Any) -> Any:
        return self._bits_or_truth("xor", other, self)

    def __invert__(self) -> Any:
        return _namespace().bitwise_invert(self) if _is_whole(self) else self._xp.logical_not(self)

    def __lshift__(self, other: Any) -> Any:
        return _namespace().bitwise_left_shift(self, other)

    def __rlshift__(self, other: Any) -> Any:
        return _namespace().bitwise_left_shift(other, self)

    def __rshift__(self, other: Any) -> Any:
        return self._xp.right_shift(self, other)

    def __rrshift__(self, other: Any) -> Any:
        return self._xp.right_shift(other, self)
