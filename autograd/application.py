"""An op with its settings, applied later: what a graph of layers holds of `x * 2.0`, and a file of it.

Settings and other constants are written as JSON; what JSON has no word for becomes {"kind": contents}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from backends.contract import Spec, resolve_dtype
from backends.shapes import Slot

from .call import apply
from .creation import tensor
from .errors import DTypeError, ProgramError
from .op import Op
from .ops import OPS
from .tensor import Tensor


class Application(NamedTuple):
    """`op` with `static` settings, to be given its inputs.

    >>> import autograd as ag
    >>> doubled = Application(ag.multiply.op, {})
    >>> doubled([ag.tensor([1.0, 2.0]), 2.0]).tolist()
    [2.0, 4.0]
    >>> doubled.spec([ag.zeros((3, 1)), 2.0]).shape
    (3, 1)
    """

    op: Op
    static: Mapping[str, Any]

    def __call__(self, inputs: Sequence[Any]) -> Tensor:
        """The result for tensors, arrays and numbers."""
        return apply(self.op, inputs, dict(self.static))

    def spec(self, inputs: Sequence[Any]) -> Spec:
        """Shape and dtype of the result. An input is a number, or whatever has a shape and a dtype."""
        known = [_spec(value) for value in inputs]
        try:
            return self.op.spec(*known, **self.static)
        except Exception as error:
            raise self.op.explain(known, dict(self.static), error) from error

    def __reduce__(self) -> Any:
        return Application.from_description, (self.described(),)

    def __deepcopy__(self, memo: Any) -> Application:
        return self

    def described(self) -> dict[str, Any]:
        """As JSON.

        Raises:
            ProgramError: the op is not one of this package, or a setting is nothing that a file can hold.
        """
        if OPS.get(self.op.name) is not self.op:
            raise ProgramError(f"the op {self.op.name!r} is not one of autograd's, and a file holds no code")
        return {"op": self.op.name, "static": encoded(dict(self.static))}

    @staticmethod
    def from_description(description: Mapping[str, Any]) -> Application:
        """The inverse of `described`.

        Raises:
            ProgramError: there is no such op, or it makes no sense.
        """
        name = description["op"]
        if name not in OPS:
            raise ProgramError(f"there is no op {name!r}")
        return Application(OPS[name], decoded(description["static"]))


def _spec(value: Any) -> Any:
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    found = value if hasattr(value, "dtype") and hasattr(value, "shape") else tensor(value)
    return Spec(tuple(found.shape), found.dtype)


def encoded(value: Any, other: Callable[[Any], Any] = lambda value: None) -> Any:
    """A constant as JSON; `other` may know more kinds, and gives None for what it does not know.

    >>> encoded((slice(None, 2), [1.5]))
    {'tuple': [{'slice': [None, 2, None]}, [1.5]]}
    """
    known = other(value)
    if known is not None:
        return known
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Slot):
        return {"slot": value.position}
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    if value is Ellipsis:
        return {"ellipsis": 0}
    if isinstance(value, tuple):
        return {"tuple": [encoded(item, other) for item in value]}
    if isinstance(value, list):
        return [encoded(item, other) for item in value]
    if isinstance(value, dict):
        return {"dict": [[encoded(k), encoded(v, other)] for k, v in value.items()]}
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        array = value if isinstance(value, Tensor) else tensor(value)
        return {"array": [array.dtype.name, array.tolist()]}
    try:
        return {"dtype": resolve_dtype(value).name}
    except (DTypeError, TypeError):
        raise ProgramError(f"no file can hold a {type(value).__name__}") from None


def decoded(value: Any, other: Callable[[str, Any], Any] = lambda kind, contents: None) -> Any:
    """The inverse of `encoded`.

    Raises:
        ProgramError: it is nothing that `encoded` gives.
    """
    if isinstance(value, list):
        return [decoded(item, other) for item in value]
    if not isinstance(value, dict):
        return value
    try:
        ((kind, contents),) = value.items()
        known = other(kind, contents)
        return _of_kind(kind, contents, other) if known is None else known
    except (DTypeError, TypeError, ValueError, KeyError) as error:
        raise ProgramError(f"a constant makes no sense: {str(value)[:80]} ({error})") from error


def _of_kind(kind: str, contents: Any, other: Callable[[str, Any], Any]) -> Any:
    match kind:
        case "slot":
            return Slot(contents)
        case "slice":
            start, stop, step = contents
            return slice(start, stop, step)
        case "ellipsis":
            return ...
        case "tuple":
            return tuple(decoded(item, other) for item in contents)
        case "dict":
            return {decoded(k): decoded(v, other) for k, v in contents}
        case "array":
            dtype, items = contents
            return tensor(items, dtype)
        case "dtype":
            return resolve_dtype(contents)
    raise ValueError(f"unknown kind {kind!r}")
