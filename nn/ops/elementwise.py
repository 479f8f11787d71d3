"""Keras's ops of single elements that `autograd` has under another name, or made of its ops."""

from __future__ import annotations

import math
from typing import Any

import autograd as ag
from autograd import Tensor

from .common import alike, floating, pairs, plain, tensor

_pairs = pairs()
globals().update(_pairs)

__all__ = [
    "absolute", "allclose", "arccosh", "arcsinh", "arctanh", "array", "cast", "cbrt", "clip",
    "convert_to_numpy", "convert_to_tensor", "copy", "deg2rad", "divide_no_nan", "dtype", "exp2",
    "fabs", "fmax", "fmin", "heaviside", "is_tensor", "isclose", "isneginf", "isposinf", "logaddexp2",
    "logical_xor", "mod", "nan_to_num", "ndim", "rad2deg", "round", "rsqrt", "shape", "sinc", "size",
    "stop_gradient", "true_divide", "where",
]  # fmt: skip
__all__ += list(_pairs)

absolute = fabs = ag.abs


def true_divide(x1: Any, x2: Any) -> Tensor:
    """x1 / x2."""
    return ag.divide(x1, x2)


def mod(x1: Any, x2: Any) -> Tensor:
    """The rest of x1 / x2, with the sign of x2."""
    return ag.remainder(x1, x2)


def convert_to_tensor(x: Any, dtype: Any = None) -> Tensor:
    """`x` as a tensor, cast to `dtype` where one is given.

    >>> import nn
    >>> nn.ops.convert_to_tensor([1, 2], "float32").tolist()
    [1.0, 2.0]
    """
    return tensor(x, dtype)


def array(x: Any, dtype: Any = None) -> Tensor:
    """`x` as a tensor."""
    return tensor(x, dtype)


def cast(x: Any, dtype: Any) -> Tensor:
    """`x` in another dtype; the gradient passes between floating ones."""
    return tensor(x).to(dtype)


def convert_to_numpy(x: Any) -> Any:
    """`x` as a NumPy array, without its gradient."""
    return tensor(x).numpy()


def copy(x: Any) -> Tensor:
    """The same values in a new tensor."""
    return ag.positive(tensor(x))


def is_tensor(x: Any) -> bool:
    """Whether it is a tensor of `autograd`."""
    return isinstance(x, Tensor)


def shape(x: Any) -> tuple[int, ...]:
    """The sizes of the axes."""
    return tensor(x).shape


def size(x: Any) -> int:
    """How many elements."""
    return tensor(x).size


def ndim(x: Any) -> int:
    """How many axes."""
    return tensor(x).ndim


def dtype(x: Any) -> str:
    """The name of the dtype."""
    return tensor(x).dtype.name


def stop_gradient(variable: Any) -> Tensor:
    """The same values, which no gradient passes."""
    return plain(variable)


def clip(x: Any, x_min: Any, x_max: Any) -> Tensor:
    """Between numbers (the gradient passes at the bounds) or tensors (where equal ones share it)."""
    numbers = all(isinstance(bound, (int, float)) or bound is None for bound in (x_min, x_max))
    return ag.clip(x, x_min, x_max) if numbers else ag.minimum(ag.maximum(x, x_min), x_max)


def where(condition: Any, x1: Any, x2: Any) -> Tensor:
    """x1 where the condition holds, x2 elsewhere."""
    return ag.where(tensor(condition).to("bool"), *alike(x1, x2))


def rsqrt(x: Any) -> Tensor:
    """1 / sqrt(x)."""
    return ag.reciprocal(ag.sqrt(x))


def exp2(x: Any) -> Tensor:
    """2 to the power x."""
    return ag.power(2.0, floating(x))


def _sign(x: Tensor) -> Tensor:
    """1 or -1, also at 0, where a slope is that of the right side."""
    return ag.where(plain(x) < 0, -ag.ones_like(x), ag.ones_like(x)).detach()


def cbrt(x: Any) -> Tensor:
    """The cube root, of negative numbers too."""
    x = floating(x)
    sign = _sign(x)
    return sign * ag.power(sign * x, 1.0 / 3.0)


def arcsinh(x: Any) -> Tensor:
    """The inverse of sinh, exact for small numbers too."""
    return ag.arcsinh(floating(x))


def arccosh(x: Any) -> Tensor:
    """The inverse of cosh, for x >= 1."""
    return ag.arccosh(floating(x))


def arctanh(x: Any) -> Tensor:
    """The inverse of tanh."""
    return ag.arctanh(floating(x))


def deg2rad(x: Any) -> Tensor:
    """Degrees as radians."""
    return floating(x) * (math.pi / 180.0)


def rad2deg(x: Any) -> Tensor:
    """Radians as degrees."""
    return floating(x) * (180.0 / math.pi)


def divide_no_nan(x1: Any, x2: Any) -> Tensor:
    """x1 / x2, and 0 where x2 is 0; its slopes are 0 there.

    >>> import nn
    >>> nn.ops.divide_no_nan([1.0, 4.0], [0.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    first, second = alike(x1, x2)
    nothing = plain(second) == 0
    quotient = first / ag.where(nothing, ag.ones_like(second), second)
    return ag.where(nothing, ag.zeros_like(quotient), quotient)


def fmax(x1: Any, x2: Any) -> Tensor:
    """The larger, and the number where one is NaN."""
    a, b = alike(x1, x2)
    return ag.where(ag.isnan(a), b, ag.where(ag.isnan(b), a, ag.maximum(a, b)))


def fmin(x1: Any, x2: Any) -> Tensor:
    """The smaller, and the number where one is NaN."""
    a, b = alike(x1, x2)
    return ag.where(ag.isnan(a), b, ag.where(ag.isnan(b), a, ag.minimum(a, b)))


def heaviside(x1: Any, x2: Any) -> Tensor:
    """0 below 0, 1 above, x2 at 0."""
    a, b = alike(x1, x2)
    a, b = a + ag.zeros_like(b), b + ag.zeros_like(a)
    step = ag.where(a < 0, ag.zeros_like(b), ag.where(a == 0, b, ag.ones_like(b)))
    return ag.where(ag.isnan(a), a, step) if a.dtype.kind == "f" else step


def isposinf(x: Any) -> Tensor:
    """Whether each is infinite and positive."""
    return tensor(x) == math.inf


def isneginf(x: Any) -> Tensor:
    """Whether each is infinite and negative."""
    return tensor(x) == -math.inf


def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether abs(x1 - x2) <= atol + rtol abs(x2), element by element."""
    a, b = (floating(x) for x in alike(x1, x2))
    near = ag.logical_and(ag.abs(a - b) <= atol + rtol * ag.abs(b), ag.isfinite(b))
    found = ag.logical_or(near, a == b)
    return ag.logical_or(found, ag.logical_and(ag.isnan(a), ag.isnan(b))) if equal_nan else found


def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether all are close."""
    return ag.all(isclose(x1, x2, rtol, atol, equal_nan))


def logical_xor(x1: Any, x2: Any) -> Tensor:
    """Whether one alone is true."""
    return tensor(x1).to("bool") != tensor(x2).to("bool")


def logaddexp2(x1: Any, x2: Any) -> Tensor:
    """log2(2 ** x1 + 2 ** x2), stable."""
    a, b = (floating(x) for x in alike(x1, x2))
    return ag.logaddexp(a * math.log(2.0), b * math.log(2.0)) * (1.0 / math.log(2.0))


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Numbers in the place of NaN and infinities; None is the largest, and the smallest, of the dtype."""
    x = tensor(x)
    if x.dtype.kind != "f":
        return x
    kind = x.dtype.name
    most = {"float16": 65504.0, "float32": (2.0 - 2.0**-23) * 2.0**127, "float64": 1.7976931348623157e308}[
        kind
    ]
    for found, number in (
        (ag.isnan(x), nan),
        (isposinf(x), most if posinf is None else posinf),
        (isneginf(x), -most if neginf is None else neginf),
    ):
        x = ag.where(found, ag.full((), number, kind), x)
    return x


def round(x: Any, decimals: int = 0) -> Tensor:
    """To so many digits after the point; halves go to the even number."""
    if not decimals:
        return ag.rint(x)
    scale = 10.0**decimals
    return ag.rint(floating(x) * scale) / scale


def sinc(x: Any) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0."""
    x = floating(x) * math.pi
    nothing = plain(x) == 0
    inner = ag.where(nothing, ag.ones_like(x), x)
    return ag.where(nothing, ag.ones_like(x), ag.sin(inner) / inner)
