"""What the files of `nn.ops` share: inputs as tensors, and functions taken from `autograd` as they are."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import autograd as ag
from autograd import Tensor
from autograd.deferred import Deferred

SAME = (
    "abs all any arccos arcsin arctan argmax argmin argsort broadcast_to ceil cos cosh einsum erf exp expm1 "
    "expand_dims flip floor isfinite isinf isnan log log10 log1p log2 logical_not logsumexp mean negative "
    "reciprocal repeat sign sin sinh sort sqrt square squeeze sum swapaxes tan tanh transpose trunc"
)
"""Names of `autograd` that mean in Keras what they mean there."""
_PAIRS = (
    "add arctan2 divide dot equal floor_divide greater greater_equal hypot less less_equal logaddexp "
    "logical_and logical_or matmul maximum minimum multiply not_equal outer power subtract"
)
"""Those of two operands, which Keras calls x1 and x2."""


def tensor(x: Any, dtype: Any = None) -> Tensor:
    """A tensor or a placeholder for one as it is, anything else as a tensor."""
    made: Any = x if isinstance(x, (Tensor, Deferred)) else ag.tensor(x)
    result: Tensor = made if dtype is None else made.to(dtype)
    return result


def same(names: str) -> dict[str, Callable[..., Any]]:
    """The functions of `autograd` of these names."""
    return {name: getattr(ag, name) for name in names.split()}


def alike(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """Two operands as tensors; a Python number takes the dtype of the other."""
    if isinstance(x1, (bool, int, float)) and not isinstance(x2, (bool, int, float)):
        second = tensor(x2)
        return ag.tensor(x1, dtype=ag.add(second, x1).dtype), second
    first = tensor(x1)
    plain = isinstance(x2, (bool, int, float))
    return first, ag.tensor(x2, dtype=ag.add(first, x2).dtype) if plain else tensor(x2)


def pairs() -> dict[str, Callable[..., Any]]:
    """The ops of two operands, with Keras's names for them."""
    return {name: _pair(getattr(ag, name)) for name in _PAIRS.split()}


def _pair(op: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(op)
    def function(x1: Any, x2: Any) -> Any:
        return op(x1, x2)

    vars(function).pop("__wrapped__")
    vars(function).pop("op", None)  # its arguments are not those of the declaration
    function.__signature__ = inspect.signature(lambda x1, x2: None)  # type: ignore[attr-defined]
    return function


def floating(x: Any) -> Tensor:
    """Whole numbers and booleans as float32, as Keras makes them."""
    made = tensor(x)
    return made if made.dtype.kind == "f" else made.to("float32")


def plain(x: Any) -> Tensor:
    """Without a gradient: what decides which branch is taken."""
    return tensor(x).detach()
