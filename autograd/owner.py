"""Who may have the array of a tensor: only a tensor whose array nobody can have is written in place.

Such a tensor has another class for the time being, whose attribute `_data` is a property: whoever
asks for the array is noticed, at no cost to all other tensors. This is exact on every
interpreter, which reference counts are not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backends.contract import Array, Backend
from backends.errors import TraceError

assignments = [0]
"""How often any tensor was given another array, or made to require gradients or not, or had its array
asked for where that was private: while it stands still, a compiled step need not look again."""


class ArrayOwner:
    """Has an array, which may be private."""

    __slots__ = ("_data", "_writer")

    _data: Array
    _writer: Any
    """The lock of those who write into the array, once it has been private."""


_DATA: Any = ArrayOwner.__dict__["_data"]
_WRITER: Any = ArrayOwner.__dict__["_writer"]


def _asked_for(owner: Any) -> Array:
    """From now on the array is no longer private, for whoever asks may keep it."""
    with _WRITER.__get__(owner):
        if is_private(owner):  # no other thread has asked meanwhile
            owner.__class__ = type(owner).public
            assignments[0] += 1
        return array_of(owner)


def _given(owner: Any, array: Array) -> None:
    with _WRITER.__get__(owner):
        if is_private(owner):
            owner.__class__ = type(owner).public
        _DATA.__set__(owner, array)


def _of_array(name: str) -> property:
    return property(lambda owner: getattr(array_of(owner), name))


_private: dict[type, type] = {}


def _private_type(kind: type) -> type:
    """The class of tensors of class `kind` with a private array."""
    if kind in _private:
        return _private[kind]
    inside = {n: _of_array(n) for n in ("shape", "ndim", "size", "dtype")}
    told = {
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
    }
    made = _private[kind] = type(kind)(
        kind.__name__,
        (kind,),
        {"__slots__": (), "public": kind, "_data": property(_asked_for, _given), **inside, **told},
    )
    return made


def public_type(owner: Any) -> Any:
    """The class of a tensor, whoever has its array."""
    return type(owner).public if is_private(owner) else type(owner)


def array_of(owner: ArrayOwner) -> Array:
    """The array of a tensor, for whoever looks at it and keeps neither it nor a view of it."""
    array: Array = _DATA.__get__(owner)
    return array


def looked_at(owner: ArrayOwner, look: Callable[[Array], Any]) -> Any:
    """`look` of the array, which it copies from: never half-way through a step of another thread."""
    if not is_private(owner):
        return look(array_of(owner))
    with _WRITER.__get__(owner):
        return look(array_of(owner))


def writer_of(owner: ArrayOwner) -> Any:
    """The lock of those who write into the array; None where it was never private."""
    try:
        return _WRITER.__get__(owner)
    except AttributeError:
        return None


def is_private(owner: ArrayOwner) -> bool:
    """Whether nobody can have the array: it was made private, and nobody has asked for it since."""
    return "public" in type(owner).__dict__


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
    owner._writer = writer
    _DATA.__set__(owner, array)
    if not is_private(owner):
        owner.__class__ = _private_type(type(owner))


def carried(tensor: Any, target: Backend) -> Array:
    """The values of `tensor` as an array of another backend.

    Raises:
        TraceError: `target` is a trace: it may hold arrays of numbers as constants, but
            no tensors, which can be assigned.
    """
    if target.name == "trace":
        raise TraceError(
            f"an undeclared tensor of shape {tensor.shape} was used inside a traced step. "
            "Pass it as an argument of the step, or list it in state="
        )
    return looked_at(tensor, lambda array: target.asarray(tensor._backend.to_numpy(array)))
