"""Reverse-mode automatic differentiation over pluggable array backends.

Written by `python docs/make_stubs.py` from the declarations of ops and the sources; do not edit it.
"""

import os
from . import random as random
from . import testing as testing
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any
from typing import Concatenate
from typing import ParamSpec
from typing import overload
from autograd.call import Function
from autograd.errors import AnomalyError as AnomalyError
from autograd.errors import DeclarationError as DeclarationError
from autograd.errors import DrawingError as DrawingError
from autograd.errors import GradientError as GradientError
from autograd.errors import MissingExtraError as MissingExtraError
from autograd.errors import RangeError as RangeError
from autograd.functional import T
from autograd.functional import TensorT
from autograd.jitted import Jitted as Jitted
from autograd.mode import P
from autograd.mode import R
from autograd.mode import _Switch
from autograd.op import Domain as Domain
from autograd.op import Rule
from autograd.op import bad as bad
from autograd.op import case as case
from autograd.ops.windows import PaddingLike
from autograd.ops.windows import PairLike
from autograd.random import Generator
from autograd.random import Size
from autograd.scopes import named_scope as named_scope
from autograd.svg import Picture
from autograd.tensor import Tensor as Tensor
from autograd.tracekeys import State
from autograd.tracing import Captured as Captured
from autograd.typing import ArrayLike
from autograd.typing import AxisLike
from autograd.typing import DTypeLike
from autograd.typing import ShapeLike
from autograd.typing import SupportsArray
from backends.contract import Backend
from backends.errors import AxisError as AxisError
from backends.errors import BackendError as BackendError
from backends.errors import DTypeError as DTypeError
from backends.errors import DeviceMemoryError as DeviceMemoryError
from backends.errors import GradloomError as GradloomError
from backends.errors import ProgramError as ProgramError
from backends.errors import ShapeError as ShapeError
from backends.errors import TraceError as TraceError

__version__: str

_P = ParamSpec("_P")

def _op(rule: Callable[_P, Tensor]) -> Function[_P]: ...
@_op
def abs(x: ArrayLike) -> Tensor:
    """Absolute value; slope 0 at 0."""

@_op
def add(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a + b`, elementwise with broadcasting."""

@_op
def all(x: ArrayLike, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
    """Whether every element over `axis` is true (not 0)."""

@_op
def any(x: ArrayLike, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
    """Whether some element over `axis` is true (not 0)."""

def arange(
    start: float,
    stop: float | None = None,
    step: float = 1,
    dtype: DTypeLike | None = None,
    backend: str | Backend | None = None,
) -> Tensor:
    """Numbers from `start` up to, not including, `stop`; int64 when all arguments are ints, else float32."""

@_op
def arccos(x: ArrayLike) -> Tensor:
    """The angle in [0, pi] whose cosine is x; NaN outside of [-1, 1]."""

@_op
def arccosh(x: ArrayLike) -> Tensor:
    """The number >= 0 whose hyperbolic cosine is x; NaN below 1."""

@_op
def arcsin(x: ArrayLike) -> Tensor:
    """The angle in [-pi/2, pi/2] whose sine is x; NaN outside of [-1, 1]."""

@_op
def arcsinh(x: ArrayLike) -> Tensor:
    """The number whose hyperbolic sine is x."""

@_op
def arctan(x: ArrayLike) -> Tensor:
    """The angle in [-pi/2, pi/2] whose tangent is x."""

@_op
def arctan2(a: ArrayLike, b: ArrayLike) -> Tensor:
    """The angle in [-pi, pi] of the point with height a above and distance b beside the origin."""

@_op
def arctanh(x: ArrayLike) -> Tensor:
    """The number whose hyperbolic tangent is x; NaN outside of [-1, 1]."""

@_op
def argmax(x: ArrayLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Position of the first largest element along `axis`, or in the flattened array."""

@_op
def argmin(x: ArrayLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Position of the first smallest element along `axis`, or in the flattened array."""

@_op
def argsort(x: ArrayLike, axis: int = -1) -> Tensor:
    """Positions that sort x along `axis`; equal elements keep their order."""

@_op
def astype(x: ArrayLike, dtype: DTypeLike) -> Tensor:
    """The same values in another dtype; gradients come back in the old one."""

@_op
def avg_pool2d(
    x: ArrayLike,
    kernel_size: PairLike,
    stride: PairLike | None = None,
    padding: PaddingLike = 0,
    count_include_pad: bool = True,
    data_format: str = "NCHW",
) -> Tensor:
    """The mean of each window; `count_include_pad=False` leaves padding out of the
    count. Stride None: the kernel size.
    """

@_op
def broadcast_to(x: ArrayLike, shape: Sequence[int]) -> Tensor:
    """x repeated to `shape` by the rules of broadcasting. The graph sums
    the gradient over the repetitions.
    """

def capture(
    step: Callable[..., Any],
    *args: Any,
    state: Mapping[str, Tensor],
    name: str | None = None,
    precision: str | None = None,
    captures: bool = False,
) -> Captured:
    """Trace `step(*args)` to a program."""

@_op
def ceil(x: ArrayLike) -> Tensor:
    """The smallest integer not below each element; its gradient is 0."""

def checkpoint(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, computed without keeping the inside of its graph; backward runs it a second time."""

@_op
def clip(x: ArrayLike, min: float | None = None, max: float | None = None) -> Tensor:
    """x limited to `[min, max]`; gradients pass at the bounds."""

@_op
def concat(*arrays: ArrayLike, axis: int = 0) -> Tensor:
    """Arrays joined along an existing axis: `concat([a, b], axis=0)`."""

@_op
def conv2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: PairLike = 1,
    padding: PaddingLike = 0,
    dilation: PairLike = 1,
    groups: int = 1,
    data_format: str = "NCHW",
) -> Tensor:
    """Cross-correlation of images with kernels, as in PyTorch: x (N, C, H, W),
    weight (O, C/groups, kh, kw), bias (O,).
    """

@_op
def cos(x: ArrayLike) -> Tensor:
    """Cosine of each element, in radians."""

@_op
def cosh(x: ArrayLike) -> Tensor:
    """Hyperbolic cosine of each element."""

@_op
def cumsum(x: ArrayLike, axis: int | None = None) -> Tensor:
    """Running sum along `axis`, or of the flattened array."""

@contextmanager
def debug(level: int = 1) -> Iterator[None]:
    """Inside, compiled steps print what they are made of, to standard error."""

@overload
def detect_anomaly() -> _Switch: ...
@overload
def detect_anomaly(function: Callable[P, R]) -> Callable[P, R]:
    """Stop at the op that produces the first NaN or infinity, in forward or
    backward, and name the calling line."""

@_op
def divide(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a / b`, elementwise with broadcasting; integers give floats."""

@_op
def dot(a: ArrayLike, b: ArrayLike) -> Tensor:
    """numpy.dot: inner product of vectors, matrix product, and sums over the last axis of a in general."""

def draw(
    tensor: Tensor,
    values: bool = False,
    gradients: bool = False,
    path: str | os.PathLike[str] | None = None,
    names: Mapping[str, Tensor] | None = None,
    max_nodes: int = 200,
) -> Picture:
    """The graph from which `tensor` was computed, as SVG: leaves, constants, ops, shapes and dtypes."""

def dropout(
    x: ArrayLike,
    rate: float = 0.5,
    training: bool = True,
    key: Generator | int | None = None,
    noise_shape: Size | None = None,
) -> Tensor:
    """x with each element set to 0 with probability `rate`, the others
    divided by 1 - rate (inverted dropout).
    """

def einsum(equation: str, *operands: ArrayLike) -> Tensor:
    """Sums of products over named axes, as in NumPy: `einsum("ij,jk->ik", a, b)` is the matrix product."""

@_op
def elu(x: ArrayLike, alpha: float = 1.0) -> Tensor:
    """x where positive, else `alpha * (exp(x) - 1)` (Clevert et al. 2016)."""

@overload
def enable_grad() -> _Switch: ...
@overload
def enable_grad(function: Callable[P, R]) -> Callable[P, R]:
    """Undo an outer `no_grad`."""

@_op
def equal(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a == b`, elementwise."""

@_op
def erf(x: ArrayLike) -> Tensor:
    """Error function, `2/sqrt(pi)` times the integral of `exp(-t^2)` from 0 to x."""

@_op
def exp(x: ArrayLike) -> Tensor:
    """e to the power of each element."""

@_op
def expand_dims(x: ArrayLike, axis: AxisLike) -> Tensor:
    """New axes of size 1 at the positions `axis` of the result."""

@_op
def expm1(x: ArrayLike) -> Tensor:
    """`exp(x) - 1`, exact for small x."""

def eye(
    n: int,
    m: int | None = None,
    dtype: DTypeLike = "float32",
    backend: str | Backend | None = None,
) -> Tensor:
    """A matrix (n, m) with ones on its diagonal."""

@_op
def flip(x: ArrayLike, axis: AxisLike | None = None) -> Tensor:
    """The elements in reverse order along `axis` (None: along all)."""

@_op
def floor(x: ArrayLike) -> Tensor:
    """The largest integer not above each element; its gradient is 0."""

@_op
def floor_divide(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a // b`: the largest integer not above the quotient; its gradient is 0."""

def from_dlpack(x: Any) -> Tensor:
    """A tensor that shares its memory with `x`, an array of any library that speaks
    DLPack: on the CPU or a CUDA device.
    """

def full(
    shape: int | Sequence[int],
    value: float,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    backend: str | Backend | None = None,
) -> Tensor:
    """A tensor of `shape` with every element `value`; dtype by the kind of `value` (float32, int64, bool)."""

@_op
def gelu(x: ArrayLike, approximate: str = "none") -> Tensor:
    """`x Phi(x)`, Phi the normal distribution function; `approximate="tanh"`
    for the tanh form of the same paper.
    """

def getitem(x: ArrayLike, key: Any) -> Tensor:
    """`x[key]` with NumPy's indexing: ints, slices, None, Ellipsis, integer arrays and boolean masks."""

@overload
def grad(function: Callable[Concatenate[TensorT, P], Any]) -> Callable[Concatenate[TensorT, P], TensorT]: ...
@overload
def grad(function: Callable[Concatenate[T, P], Any]) -> Callable[Concatenate[T, P], T]: ...
@overload
def grad(function: Callable[P, Any], argnums: int) -> Callable[P, Any]: ...
@overload
def grad(function: Callable[P, Any], argnums: Sequence[int]) -> Callable[P, tuple[Any, ...]]:
    """A function that returns the gradient of `function` with respect to the arguments `argnums`. Nests."""

@_op
def greater(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a > b`, elementwise."""

@_op
def greater_equal(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a >= b`, elementwise."""

@overload
def hessian(
    function: Callable[Concatenate[TensorT, P], Any],
) -> Callable[Concatenate[TensorT, P], TensorT]: ...
@overload
def hessian(function: Callable[Concatenate[T, P], Any]) -> Callable[Concatenate[T, P], Any]: ...
@overload
def hessian(function: Callable[P, Any], argnums: int | Sequence[int]) -> Callable[P, Any]:
    """A function that returns all second derivatives of a single number: the jacobian of the gradient."""

@overload
def hvp(function: Callable[[Tensor], Any], x: ArrayLike, vector: ArrayLike) -> Tensor: ...
@overload
def hvp(function: Callable[[T], Any], x: T, vector: T) -> T:
    """The Hessian of `function` at `x` times `vector`, without the Hessian: the gradient of an inner product."""

@_op
def hypot(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`sqrt(a**2 + b**2)`, without overflow; slopes 0 where both are 0."""

@_op
def index_add(values: ArrayLike, *indices: ArrayLike, key: Any, shape: Any) -> Tensor:
    """Zeros of `shape` with `values` added at `key`; the transpose of getitem."""

@_op
def isfinite(x: ArrayLike) -> Tensor:
    """True where x is neither NaN nor infinite."""

@_op
def isinf(x: ArrayLike) -> Tensor:
    """True where x is infinite."""

@_op
def isnan(x: ArrayLike) -> Tensor:
    """True where x is NaN."""

@overload
def jacobian(function: Callable[Concatenate[TensorT, P], R]) -> Callable[Concatenate[TensorT, P], R]: ...
@overload
def jacobian(function: Callable[Concatenate[T, P], Any]) -> Callable[Concatenate[T, P], Any]: ...
@overload
def jacobian(function: Callable[P, Any], argnums: int | Sequence[int]) -> Callable[P, Any]:
    """A function that returns all derivatives of `function` with respect to the arguments `argnums`."""

@overload
def jit(
    f: Callable[P, R],
    state: State = None,
    donate: bool = False,
    name: str | None = None,
    precision: str | None = None,
) -> Jitted[P, R]: ...
@overload
def jit(
    f: None = None,
    state: State = None,
    donate: bool = False,
    name: str | None = None,
    precision: str | None = None,
) -> Callable[[Callable[P, R]], Jitted[P, R]]:
    """`f`, compiled: traced at the first call with arguments of some shapes
    and dtypes, then run as one program.
    """

def jvp(function: Callable[..., R], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[R, R]:
    """(value, change): how `function(*primals)` changes when the primals move along the tangents."""

@_op
def leaky_relu(x: ArrayLike, slope: float = 0.1) -> Tensor:
    """x where positive, else `slope * x`; the slope at 0 is `slope`."""

@_op
def less(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a < b`, elementwise."""

@_op
def less_equal(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a <= b`, elementwise."""

@_op
def linear(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> Tensor:
    """`x @ weight + bias`: x (..., n), weight (n, units), bias (units,)."""

def linspace(
    start: float,
    stop: float,
    num: int = 50,
    dtype: DTypeLike = "float32",
    backend: str | Backend | None = None,
) -> Tensor:
    """`num` evenly spaced numbers from `start` to `stop`, both included."""

@_op
def log(x: ArrayLike) -> Tensor:
    """Natural logarithm; NaN for negative elements, -inf at 0."""

@_op
def log10(x: ArrayLike) -> Tensor:
    """Logarithm to base 10; NaN for negative elements, -inf at 0."""

@_op
def log1p(x: ArrayLike) -> Tensor:
    """`log(1 + x)`, exact for small x."""

@_op
def log2(x: ArrayLike) -> Tensor:
    """Logarithm to base 2; NaN for negative elements, -inf at 0."""

@_op
def log_sigmoid(x: ArrayLike) -> Tensor:
    """`log(sigmoid(x))`, finite for every finite x; slope 1/2 at 0."""

@_op
def log_softmax(x: ArrayLike, axis: AxisLike | None = -1) -> Tensor:
    """`log(softmax(x))` over `axis`, finite where softmax underflows."""

@_op
def logaddexp(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`log(exp(a) + exp(b))`, without overflow."""

@_op
def logical_and(a: ArrayLike, b: ArrayLike) -> Tensor:
    """True where both are."""

@_op
def logical_not(x: ArrayLike) -> Tensor:
    """True where x is not."""

@_op
def logical_or(a: ArrayLike, b: ArrayLike) -> Tensor:
    """True where either is."""

@_op
def logical_xor(a: ArrayLike, b: ArrayLike) -> Tensor:
    """True where one alone is."""

@_op
def logsumexp(x: ArrayLike, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
    """`log(sum(exp(x)))` over `axis` without overflow; -inf entries count as absent."""

@_op
def masked_scale(x: ArrayLike, keep: ArrayLike, scale: Any) -> Tensor:
    """`x * scale` where `keep`, else 0: what dropout does once its mask is drawn."""

@_op
def matmul(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a @ b`: the last axis of a against the second to last of b, broadcast over the others."""

@_op
def max(x: ArrayLike, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
    """Largest element over `axis`; m equal ones get 1/m of the gradient each."""

@_op
def max_pool2d(
    x: ArrayLike,
    kernel_size: PairLike,
    stride: PairLike | None = None,
    padding: PaddingLike = 0,
    data_format: str = "NCHW",
    dilation: PairLike = 1,
) -> Tensor:
    """The largest element of each window; m equal ones get 1/m of the gradient
    each. Stride None: the kernel size.
    """

@_op
def maximum(a: ArrayLike, b: ArrayLike) -> Tensor:
    """The larger of each pair; a tie shares its gradient by halves. NaN where either is NaN."""

@_op
def maxout(x: ArrayLike, pieces: int = 2, axis: int = -1) -> Tensor:
    """The largest of each `pieces` neighbours along `axis` (Goodfellow et
    al. 2013); ties share the gradient.
    """

@_op
def mean(x: ArrayLike, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
    """Arithmetic mean over `axis`."""

@_op
def min(x: ArrayLike, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
    """Smallest element over `axis`; m equal ones get 1/m of the gradient each."""

@_op
def minimum(a: ArrayLike, b: ArrayLike) -> Tensor:
    """The smaller of each pair; a tie shares its gradient by halves. NaN where either is NaN."""

@_op
def multiply(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a * b`, elementwise with broadcasting."""

@_op
def negative(x: ArrayLike) -> Tensor:
    """`-x`."""

@overload
def no_grad() -> _Switch: ...
@overload
def no_grad(function: Callable[P, R]) -> Callable[P, R]:
    """Results are not tracked: no graph is built and nothing is saved. As `with no_grad():` or `@no_grad()`."""

@_op
def norm(x: ArrayLike, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
    """Euclidean length over `axis`; slope 0 at the origin. Integers are squared as float64."""

@_op
def not_equal(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a != b`, elementwise."""

@_op
def one_hot(indices: ArrayLike, num_classes: int, dtype: DTypeLike = "float32") -> Tensor:
    """Rows of zeros with a one at each index, on a new last axis; IndexError for
    one that is negative or too large.
    """

def ones(
    shape: int | Sequence[int],
    dtype: DTypeLike = "float32",
    requires_grad: bool = False,
    backend: str | Backend | None = None,
) -> Tensor:
    """A tensor of ones."""

def ones_like(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """Ones with the shape, backend and (unless given) dtype of `x`."""

def op(
    vjp: dict[str, Rule] | None = None,
    *,
    no_gradient: Sequence[str] = (),
    normalise: Callable[..., dict[str, Any]] | None = None,
    domain: Domain | None = None,
    cases: Sequence[case] = (),
    bad: Sequence[bad] = (),
    second_order: str | None = None,
    check: Callable[..., None] | None = None,
) -> Callable[[Callable[..., Any]], Function[...]]:
    """Declare an op: the decorated function computes it from primitives of `xp`, the arguments say the rest."""

@_op
def outer(a: ArrayLike, b: ArrayLike) -> Tensor:
    """Every element of a times every element of b, both flattened: shape (a.size, b.size)."""

@_op
def pad(
    x: ArrayLike,
    pad_width: int | Sequence[int] | Sequence[Sequence[int]],
    value: float = 0.0,
) -> Tensor:
    """x with `value` around it; `pad_width` is a number, a pair, or a pair per axis, as in NumPy."""

@_op
def permute_dims(x: ArrayLike, axes: Sequence[int] | None) -> Tensor:
    """The dimensions in the order `axes`."""

@_op
def positive(x: ArrayLike) -> Tensor:
    """`+x`: the same values."""

@_op
def power(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a ** b`, elementwise. The slope of `x**2` at 0 is 0, that of
    `0**b` with respect to b is 0 for b > 0.
    """

@_op
def prod(x: ArrayLike, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
    """Product over `axis`; gradients are right with zeros among the factors."""

@_op
def reciprocal(x: ArrayLike) -> Tensor:
    """`1 / x`; integers give floats."""

@_op
def relu(x: ArrayLike) -> Tensor:
    """`max(x, 0)`; slope 0 at 0, and 1 at NaN, which is to be seen."""

@_op
def remainder(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a % b`, with the sign of b: `a - b * floor_divide(a, b)`."""

def repeat(x: ArrayLike, repeats: ArrayLike, axis: int | None = None) -> Tensor:
    """Each element `repeats` times in a row along `axis`, or of the flattened array;
    a number, or one for each element.
    """

@_op
def reshape(x: ArrayLike, shape: ShapeLike) -> Tensor:
    """The same elements in row-major order under another shape; one size may be -1."""

@_op
def right_shift(a: ArrayLike, b: ArrayLike) -> Tensor:
    """Integer `a` without its lowest `b` bits."""

@_op
def rint(x: ArrayLike) -> Tensor:
    """The nearest integer to each element, of two the even one; its gradient is 0."""

@_op
def selu(x: ArrayLike) -> Tensor:
    """Scaled elu that keeps mean 0 and variance 1 through layers (Klambauer et al. 2017)."""

@_op
def sigmoid(x: ArrayLike) -> Tensor:
    """Logistic function `1 / (1 + exp(-x))`, accurate for every x."""

@_op
def sigmoid_cross_entropy(logits: ArrayLike, targets: ArrayLike) -> Tensor:
    """Binary cross-entropy of `sigmoid(logits)` with targets in [0, 1], elementwise and stable."""

@_op
def sign(x: ArrayLike) -> Tensor:
    """-1, 0 or 1 by the sign of each element; its gradient is 0."""

@_op
def silu(x: ArrayLike) -> Tensor:
    """`x * sigmoid(x)`, also called swish."""

@_op
def sin(x: ArrayLike) -> Tensor:
    """Sine of each element, in radians."""

@_op
def sinh(x: ArrayLike) -> Tensor:
    """Hyperbolic sine of each element."""

@_op
def softmax(x: ArrayLike, axis: AxisLike | None = -1) -> Tensor:
    """`exp(x) / sum(exp(x))` over `axis`, without overflow."""

@_op
def softmax_cross_entropy(logits: ArrayLike, targets: ArrayLike) -> Tensor:
    """Cross-entropy of `softmax(logits)` over the last axis, from the logits and stable everywhere."""

@_op
def softplus(x: ArrayLike) -> Tensor:
    """`log(1 + exp(x))`, the smooth relu; slope 1/2 at 0."""

@_op
def softsign(x: ArrayLike) -> Tensor:
    """`x / (1 + |x|)`."""

@_op
def sort(x: ArrayLike, axis: int = -1) -> Tensor:
    """x in rising order along `axis`; each gradient goes back where its element came from."""

def split(
    x: ArrayLike,
    indices_or_sections: int | Sequence[int] | SupportsArray,
    axis: int = 0,
) -> list[Tensor]:
    """x in pieces along `axis`: a number of equal ones, or cut before each index, as in NumPy."""

@_op
def sqrt(x: ArrayLike) -> Tensor:
    """Square root; the slope at 0 is infinite."""

@_op
def square(x: ArrayLike) -> Tensor:
    """`x * x`."""

@_op
def squeeze(x: ArrayLike, axis: AxisLike | None = None) -> Tensor:
    """Without the axes of size 1, or without those in `axis`."""

@_op
def stack(*arrays: ArrayLike, axis: int = 0) -> Tensor:
    """Arrays of equal shape joined along a new axis: `stack([a, b], axis=0)`."""

@_op
def std(x: ArrayLike, axis: AxisLike | None = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
    """Standard deviation over `axis`; the slope of a constant is 0."""

@_op
def subtract(a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a - b`, elementwise with broadcasting."""

@_op
def sum(x: ArrayLike, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
    """Sum over `axis` (an int, a tuple, or None for all)."""

@_op
def swapaxes(x: ArrayLike, axis1: int, axis2: int) -> Tensor:
    """Two dimensions exchanged."""

@_op
def take(x: ArrayLike, indices: ArrayLike, axis: int | None = None) -> Tensor:
    """Elements of x at `indices` along `axis`, or of the flattened array."""

@_op
def take_along_axis(x: ArrayLike, indices: ArrayLike, axis: int | None) -> Tensor:
    """For each position of `indices`, the element of x that far along `axis`, or
    in the flattened x with `axis=None`.
    """

@_op
def tan(x: ArrayLike) -> Tensor:
    """Tangent of each element, in radians."""

@_op
def tanh(x: ArrayLike) -> Tensor:
    """Hyperbolic tangent of each element."""

def tensor(
    data: ArrayLike,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    backend: str | Backend | None = None,
) -> Tensor:
    """A tensor with a copy of `data`; see `Tensor` for dtypes and errors."""

@_op
def tile(x: ArrayLike, reps: ShapeLike) -> Tensor:
    """x laid out `reps` times along each axis."""

@_op
def transpose(x: ArrayLike, axes: Sequence[int] | None = None) -> Tensor:
    """The dimensions in reverse order, or in the order `axes`."""

@_op
def trunc(x: ArrayLike) -> Tensor:
    """Each element without its fraction; its gradient is 0."""

@overload
def value_and_grad(
    function: Callable[Concatenate[TensorT, P], R],
) -> Callable[Concatenate[TensorT, P], tuple[R, TensorT]]: ...
@overload
def value_and_grad(function: Callable[Concatenate[T, P], R]) -> Callable[Concatenate[T, P], tuple[R, T]]: ...
@overload
def value_and_grad(function: Callable[P, R], argnums: int) -> Callable[P, tuple[R, Any]]: ...
@overload
def value_and_grad(
    function: Callable[P, R],
    argnums: Sequence[int],
) -> Callable[P, tuple[R, tuple[Any, ...]]]:
    """A function that returns (value, gradient) of `function` with respect to the arguments `argnums`."""

@_op
def var(x: ArrayLike, axis: AxisLike | None = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
    """Variance over `axis`, divided by n - ddof; NaN where that is not above 0."""

def vjp(function: Callable[..., R], *args: Any) -> tuple[R, Callable[[Any], tuple[Any, ...]]]:
    """(value, pullback): `pullback(g)` gives the gradient of the sum of
    `value * g` with respect to each argument.
    """

@_op
def where(condition: ArrayLike, a: ArrayLike, b: ArrayLike) -> Tensor:
    """a where `condition`, else b. The branch not taken gets an exact 0."""

@_op
def windows(
    x: ArrayLike,
    axes: ShapeLike,
    size: PairLike,
    stride: PairLike = 1,
    dilation: PairLike = 1,
) -> Tensor:
    """Windows of `size` over `axes`: their positions in place of those
    axes, their insides as new last axes.
    """

@_op
def windows_add(
    values: ArrayLike,
    *,
    axes: ShapeLike,
    size: PairLike,
    stride: PairLike = 1,
    dilation: PairLike = 1,
    shape: Sequence[int],
) -> Tensor:
    """Zeros of `shape` with each window added where it came from; the transpose of windows."""

def zeros(
    shape: int | Sequence[int],
    dtype: DTypeLike = "float32",
    requires_grad: bool = False,
    backend: str | Backend | None = None,
) -> Tensor:
    """A tensor of zeros."""

def zeros_like(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """Zeros with the shape, backend and (unless given) dtype of `x`."""
