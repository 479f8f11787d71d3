"""Python's operators over the vocabulary, for anything that carries values through a rule.

Symbols of a trace and tensors share these one-liners: `a + b` means `xp.add(a, b)` with the
namespace that the carrier names. Arrays have their own operators; this is what makes a rule such
as `g * (1 - y * y)` run on all of them.
"""

from __future__ import annotations

from typing import Any, Self

from .contract import Namespace


class Carrier:
    """Mixin: a class with `_xp`, the namespace of functions that its operators call."""

    __slots__ = ()
    _xp: Namespace

    def __add__(self, other: Any) -> Self:
        return self._xp.add(self, other)

    def __radd__(self, other: Any) -> Self:
        return self._xp.add(other, self)

    def __sub__(self, other: Any) -> Self:
        return self._xp.subtract(self, other)

    def __rsub__(self, other: Any) -> Self:
        return self._xp.subtract(other, self)

    def __mul__(self, other: Any) -> Self:
        return self._xp.multiply(self, other)

    def __rmul__(self, other: Any) -> Self:
        return self._xp.multiply(other, self)

    def __truediv__(self, other: Any) -> Self:
        return self._xp.divide(self, other)

    def __rtruediv__(self, other: Any) -> Self:
        return self._xp.divide(other, self)

    def __floordiv__(self, other: Any) -> Self:
        return self._xp.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Self:
        return self._xp.floor_divide(other, self)

    def __mod__(self, other: Any) -> Self:
        return self._xp.remainder(self, other)

    def __rmod__(self, other: Any) -> Self:
        return self._xp.remainder(other, self)

    def __divmod__(self, other: Any) -> tuple[Self, Self]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Self, Self]:
        return other // self, other % self

    def __pow__(self, other: Any) -> Self:
        return self._xp.power(self, other)

    def __rpow__(self, other: Any) -> Self:
        return self._xp.power(other, self)

    def __matmul__(self, other: Any) -> Self:
        return self._xp.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Self:
        return self._xp.matmul(other, self)

    def __eq__(self, other: object) -> Self:  # type: ignore[override]
        # nothing is None but None, and no array of comparisons tells so
        return False if other is None else self._xp.equal(self, other)  # type: ignore[return-value]

    def __ne__(self, other: object) -> Self:  # type: ignore[override]
        return True if other is None else self._xp.not_equal(self, other)  # type: ignore[return-value]

    def __lt__(self, other: Any) -> Self:
        return self._xp.less(self, other)

    def __le__(self, other: Any) -> Self:
        return self._xp.less_equal(self, other)

    def __gt__(self, other: Any) -> Self:
        return self._xp.greater(self, other)

    def __ge__(self, other: Any) -> Self:
        return self._xp.greater_equal(self, other)

    __hash__ = object.__hash__

    def __pos__(self) -> Self:
        return self

    def __neg__(self) -> Self:
        return self._xp.negative(self)

    def __abs__(self) -> Self:
        return self._xp.abs(self)

    def __and__(self, other: Any) -> Self:
        return self._xp.logical_and(self, other)

    def __or__(self, other: Any) -> Self:
        return self._xp.logical_or(self, other)

    def __invert__(self) -> Self:
        return self._xp.logical_not(self)
