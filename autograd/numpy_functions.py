"""NumPy's functions on tensors: the op that means the same, where its arguments say
so; never a gradient that gets lost.

What a call gives by NumPy's names is looked at, not its order:
`np.linalg.norm(x, 1)` is another norm, not an axis.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from .composites import COMPOSITES
from .errors import GradientError
from .mode import mode
from .structure import flatten, unflatten

_RENAMED = {"a_min": "min", "a_max": "max"}
"""NumPy's names of what an op calls otherwise."""
_TRUTHS = {"allclose", "array_equal", "array_equiv", "isclose"}
"""Functions that answer yes or no: no gradient is lost in them."""


@cache
def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


def _given(function: Any, args: Any, kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    """(arguments without a default, by order; others that differ from it, by name)."""
    bound = inspect.signature(function).bind(*args, **kwargs)
    needed: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in _parameters(function).items():
        if name not in bound.arguments:
            continue
        value = bound.arguments[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            needed += value
        elif parameter.kind is parameter.VAR_KEYWORD:
            named |= value
        elif parameter.default is parameter.empty or parameter.kind is parameter.POSITIONAL_ONLY:
            needed.append(value)
        elif value is not parameter.default and not (
            isinstance(value, (str, bool)) and value == parameter.default
        ):
            named[_RENAMED.get(name, name)] = value
    return needed, named


def call(xp: Any, function: Any, args: Any, kwargs: Any) -> Any:
    """`function(*args, **kwargs)`, some of them tensors; `xp` has the ops.

    Raises:
        GradientError: gradients flow to one of the tensors, and there is no op with this meaning.
    """
    needed, named = _given(function, args, kwargs)
    composed = COMPOSITES.get(function.__name__)
    own = getattr(xp, function.__name__, None) if composed is None else None
    if composed is not None and named.keys() <= _parameters(composed).keys():
        result = composed(xp, *needed, **named)
        if result is not NotImplemented:
            return result
    if own is not None and named.keys() <= _parameters(own).keys():
        return own(*needed, **named)
    tree = [list(args), kwargs]
    leaves = list(flatten(tree))
    tensors = [leaf for leaf in leaves if hasattr(leaf, "backward")]
    lost = mode.get().grad and function.__name__ not in _TRUTHS
    if lost and any(t.requires_grad for t in tensors):
        words = f" with {', '.join(sorted(named))}" if named else ""
        raise GradientError(
            f"np.{function.__name__}{words} is no op, and gradients flow to its argument; write it with "
            "ops, or say with x.detach() or x.numpy() that they end here"
        )
    arrays = (leaf.__array__() if hasattr(leaf, "backward") else leaf for leaf in leaves)
    plain, keywords = unflatten(tree, arrays)
    return function(*plain, **keywords)
