"""How two values are compared that a trace has read: by what makes another program of them."""

from __future__ import annotations

from types import CellType
from typing import Any

from .reach import FIXED
from .tensor import Tensor

_DEEPEST = 16
_CONSTANTS = (slice, range, type(...), type(NotImplemented))
_VALUES = ("numpy", "datetime", "decimal", "fractions", "pathlib", "re", "uuid")
"""Objects of these modules that are equal are the same, and stay so: dtypes, dates, fractions."""
_BYTES = 1 << 16
"""Of a larger array the content is not looked at."""
missing = object()


def snapshot(value: Any, depth: int = 0) -> Any:
    """A copy of numbers and texts, also in lists, dicts and sets; `missing` of all else.

    >>> snapshot([1, {"rate": 0.5}]), snapshot(object()) is missing
    ([1, {'rate': 0.5}], True)
    """
    kind = type(value)
    if kind in FIXED:
        return value
    if depth > _DEEPEST:  # perhaps it holds itself
        return missing
    if kind in (list, tuple, set, frozenset):
        copies = [snapshot(item, depth + 1) for item in list(value)]
        return missing if any(copy is missing for copy in copies) else kind(copies)
    if kind is dict:
        items = {key: snapshot(item, depth + 1) for key, item in list(value.items()) if type(key) in FIXED}
        return missing if len(items) < len(value) or any(v is missing for v in items.values()) else items
    if (
        kind.__module__ == "numpy"
        and hasattr(kind, "tobytes")
        and not hasattr(kind, "__setitem__")
        and getattr(value, "shape", None) == ()
    ):
        return value  # one of NumPy's scalars
    module = kind.__module__.partition(".")[0]
    has_hash = getattr(kind, "__hash__", None) is not None
    compares = module in _VALUES and has_hash and not _is_by_identity(kind)
    return value if isinstance(value, _CONSTANTS) or compares else missing


def _is_by_identity(kind: type) -> bool:
    return all("__eq__" not in vars(base) for base in kind.__mro__[:-1])


def differs(new: Any, old: Any) -> bool:
    """Whether two values make different programs: 1, 1.0 and True do, and
    so do 0.0 and -0.0; two NaN do not.
    """
    if type(new) is not type(old):
        return True
    if isinstance(old, (list, tuple)):
        return len(new) != len(old) or any(
            a is not b and differs(a, b) for a, b in zip(new, old, strict=True)
        )
    if isinstance(old, dict):
        return differs(list(new), list(old)) or differs(list(new.values()), list(old.values()))
    if isinstance(old, (set, frozenset)):
        return sorted(map(repr, new)) != sorted(map(repr, old))
    if isinstance(old, (float, complex)) or type(old) not in FIXED:
        return repr(new) != repr(old)
    return bool(new != old)


def array_content(array: Any) -> tuple[Any, ...] | None:
    """(class, shape, dtype, content); None of a large array, and of one of objects."""
    if array.nbytes > _BYTES or array.dtype.kind == "O":
        return None
    return type(array), array.shape, array.dtype, array.tobytes()


def is_other_array(new: Any, old: tuple[Any, ...]) -> bool:
    """Whether an array is not of this (class, shape, dtype, content)."""
    return (type(new), new.shape, new.dtype, new.tobytes()) != old


def is_other_tensor(new: Any, old: tuple[Any, ...]) -> bool:
    """Whether a tensor is not of this (shape, dtype, requires_grad, whether it has no gradient)."""
    return not isinstance(new, Tensor) or (new.shape, new.dtype, new.requires_grad, new.grad is None) != old


def is_other_list(new: list[Any], old: list[Any]) -> bool:
    """Whether two lists hold other things, objects by identity."""
    return len(new) != len(old) or any(a is not b and differs(a, b) for a, b in zip(new, old, strict=True))


def is_other_set(new: list[int], old: list[int]) -> bool:
    """Whether two lists hold other numbers, in any order."""
    return set(new) != set(old)


def is_empty(cell: CellType) -> bool:
    """Whether a variable of a closure is not bound."""
    try:
        return cell.cell_contents is missing
    except ValueError:
        return True


COMPARISONS = {
    f.__name__: f for f in (differs, is_other_array, is_other_tensor, is_other_list, is_other_set, is_empty)
}
