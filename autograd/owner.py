"""Who may have the array of a tensor: only a tensor whose array nobody can have is written in place.

The array of such a tensor is in a place where no code looks for it, so that whoever does ask for it is noticed, at no cost
to all other tensors. This is exact on every interpreter, which reference counts are not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backends.contract import Array, Backend, DType, Shape
from backends.errors import TraceError

assignments = [0]
"""How often any tensor was given another array, or made to require gradients or not, or had its array asked for where that
was private: while it stands still, a compiled step need not look again."""


class ArrayOwner:
    """Has an array, which may be private."""

    __slots__ = ("_data", "_private", "_writer")

    _data: Array
    _private: Array
    _writer: Any
    """The lock of those who write into the private array."""

    def __getattr__(self, name: str) -> Any:
        """Called for what is not there: from now on the array is no longer private, for whoever asks for it may keep it."""
        if name == "_data":
            with _WRITER.__get__(self):
                if not is_private(self):  # another thread has asked meanwhile
                    return _data_of(self)
                array = _PRIVATE.__get__(self)
                self._data = array
                del self._private
                assignments[0] += 1
            return array
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)  # fmt: skip

    @property
    def shape(self) -> Shape:
        try:
            found: Shape = _data_of(self).shape
        except AttributeError:
            found = array_of(self).shape
        return found

    @property
    def ndim(self) -> int:
        try:
            found: int = _data_of(self).ndim
        except AttributeError:
            found = array_of(self).ndim
        return found

    @property
    def size(self) -> int:
        try:
            found: int = _data_of(self).size
        except AttributeError:
            found = array_of(self).size
        return found

    @property
    def dtype(self) -> DType:
        try:
            found: DType = _data_of(self).dtype
        except AttributeError:
            found = array_of(self).dtype
        return found


_DATA: Any = ArrayOwner.__dict__["_data"]
_PRIVATE: Any = ArrayOwner.__dict__["_private"]
_WRITER: Any = ArrayOwner.__dict__["_writer"]
_data_of: Callable[[Any], Array] = _DATA.__get__
"""The array of a tensor where it is not private; AttributeError where it is."""


def array_of(owner: ArrayOwner) -> Array:
    """The array of a tensor, for whoever looks at it and keeps neither it nor a view of it."""
    try:
        return _data_of(owner)
    except AttributeError:
        array: Array = _PRIVATE.__get__(owner)
        return array


def looked_at(owner: ArrayOwner, look: Callable[[Array], Any]) -> Any:
    """`look` of the array, which it copies from: never half-way through a step of another thread."""
    try:
        array = _data_of(owner)
    except AttributeError:
        with _WRITER.__get__(owner):
            return look(array_of(owner))
    return look(array)


def writer_of(owner: ArrayOwner) -> Any:
    """The lock of those who write into the array; None where it was never private."""
    try:
        return _WRITER.__get__(owner)
    except AttributeError:
        return None


def is_private(owner: ArrayOwner) -> bool:
    """Whether nobody can have the array: it was made private, and nobody has asked for it since."""
    try:
        _data_of(owner)
    except AttributeError:
        return True
    return False


def make_private(owner: ArrayOwner, array: Array, writer: Any) -> None:
    """Let `array` be that of `owner` alone; whoever writes into it holds the lock `writer`.

    >>> import autograd as ag, threading
    >>> w = ag.zeros(2)
    >>> make_private(w, w.numpy(), threading.RLock()); is_private(w)
    True
    >>> w.tolist(), is_private(w)
    ([0.0, 0.0], True)
    >>> kept = w.detach(); is_private(w)
    False
    """
    owner._private, owner._writer = array, writer
    if not is_private(owner):
        del owner._data


def carried(tensor: Any, target: Backend) -> Array:
    """The values of `tensor` as an array of another backend.

    Raises:
        TraceError: `target` is a trace: it may hold arrays of numbers as constants, but no tensors, which can be assigned.
    """
    if target.name == "trace":
        raise TraceError(
            f"an undeclared tensor of shape {tensor.shape} was used inside a traced step. "
            "Pass it as an argument of the step, or list it in state="
        )
    return looked_at(tensor, lambda array: target.asarray(tensor._backend.to_numpy(array)))
