"""Activations by name, with Keras's names, arguments and meanings, and the memory of logits.

A sigmoid or softmax at the end of a model is computed for the prediction, but the loss should see its logits:
from them it is exact everywhere. So inside `remember_logits` each such activation notes what went in and
what came out, and the training step looks there when it meets that very output.

Every function takes a tensor of any shape and works element by element unless it says otherwise. Slopes at a
bend: that of the left side, except where clipping passes the gradient at its bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

import autograd as ag
from autograd import Tensor
from autograd.deferred import Deferred
from autograd.mode import switched

from .arguments import called, takes
from .configured import serialize as described
from .errors import lookup
from .exports import absent

Activation = Callable[[Tensor], Tensor]


class Logits(NamedTuple):
    """What an activation turned into `output`."""

    activation: str
    values: Tensor
    output: Tensor


_memory: ContextVar[list[Logits] | None] = ContextVar("logits", default=None)


@contextmanager
def remember_logits() -> Iterator[None]:
    """Inside, `remembered_logits` knows every sigmoid and softmax."""
    with switched(_memory, []):
        yield


def remembered_logits(output: Tensor) -> Logits | None:
    """What the sigmoid or softmax noted that gave `output` inside of `remember_logits`."""
    memory = _memory.get() or ()
    return next((logits for logits in reversed(memory) if logits.output is output), None)


def _remember(activation: str, x: Tensor, output: Tensor) -> Tensor:
    memory = _memory.get()
    if memory is not None:
        memory.append(Logits(activation, x, output))
    return output


def _tensor(x: Any) -> Tensor:
    made: Any = x if isinstance(x, (Tensor, Deferred)) else ag.tensor(x)
    result: Tensor = made
    return result


def linear(x: Tensor) -> Tensor:
    """x itself."""
    return x


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), stable for every x."""
    x = _tensor(x)
    return _remember("sigmoid", x, ag.sigmoid(x))


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """exp(x) / sum(exp(x)) over `axis`.

    >>> import nn
    >>> nn.activations.softmax([[1.0, 1.0]]).tolist()
    [[0.5, 0.5]]
    """
    x = _tensor(x)
    output = ag.softmax(x, axis=axis)
    return _remember("softmax", x, output) if axis in (-1, x.ndim - 1) else output


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """The logarithm of `softmax`, finite where that is 0."""
    return ag.log_softmax(x, axis=axis)


def log_sigmoid(x: Tensor) -> Tensor:
    """The logarithm of `sigmoid`, finite where that is 0."""
    return ag.log_sigmoid(x)


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return ag.tanh(x)


def relu(
    x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """x above `threshold`, at most `max_value`; below, `negative_slope * (x - threshold)`.

    >>> import nn
    >>> nn.activations.relu([-1.0, 2.0, 9.0], max_value=6.0).tolist()
    [0.0, 2.0, 6.0]
    """
    if not negative_slope and max_value is None and not threshold:
        return ag.relu(x)
    if max_value is None and not threshold:
        return ag.leaky_relu(x, slope=negative_slope)
    x = _tensor(x)
    above = ag.where(x > threshold, x, 0.0) if threshold else ag.relu(x)
    if max_value is not None:
        above = above.clip(0.0, max_value)
    return above - negative_slope * ag.relu(threshold - x) if negative_slope else above


def relu6(x: Tensor) -> Tensor:
    """min(max(x, 0), 6)."""
    return relu(x, max_value=6.0)


def leaky_relu(x: Tensor, negative_slope: float = 0.1) -> Tensor:
    """x where positive, else `negative_slope * x`. The slope is 0.1 by default (Keras: 0.2).

    >>> import nn
    >>> nn.activations.leaky_relu([-4.0, 2.0], negative_slope=0.5).tolist()
    [-2.0, 2.0]
    """
    return ag.leaky_relu(x, slope=negative_slope)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x where positive, else alpha (exp(x) - 1). Clevert et al. 2016."""
    return ag.elu(x, alpha=alpha)


def selu(x: Tensor) -> Tensor:
    """1.0507 elu(x, 1.67326): keeps mean 0 and variance 1 after `lecun_normal`. Klambauer et al. 2017."""
    return ag.selu(x)


def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x where positive, else alpha (exp(x / alpha) - 1): slope 1 at 0 for every alpha. Barron 2017.

    >>> import nn
    >>> [round(v, 4) for v in nn.activations.celu([-2.0, 1.0], alpha=2.0).tolist()]
    [-1.2642, 1.0]
    """
    x = _tensor(x)
    # the exponential of a large x would overflow, and 0 times infinity is NaN in backward
    below = alpha * ag.expm1(ag.where(x > 0, 0.0, x) / alpha)
    return ag.where(x > 0, x, below)


def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """x Phi(x), Phi the normal distribution function; `approximate` for the form
    with tanh. Hendrycks & Gimpel 2016.
    """
    return ag.gelu(x, approximate="tanh" if approximate else "none")


def silu(x: Tensor) -> Tensor:
    """x sigmoid(x), also called swish. Ramachandran et al. 2017."""
    return ag.silu(x)


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), without overflow."""
    return ag.softplus(x)


def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return ag.softsign(x)


def exponential(x: Tensor) -> Tensor:
    """exp(x)."""
    return ag.exp(x)


def mish(x: Tensor) -> Tensor:
    """x tanh(softplus(x)). Misra 2019."""
    x = _tensor(x)
    return x * ag.tanh(ag.softplus(x))


def squareplus(x: Tensor, b: float = 4.0) -> Tensor:
    """(x + sqrt(x^2 + b)) / 2, a smooth relu without exponentials. Barron 2021."""
    x = _tensor(x)
    return 0.5 * (x + ag.sqrt(x * x + b))


def hard_sigmoid(x: Tensor) -> Tensor:
    """x / 6 + 1/2, between 0 and 1."""
    return (_tensor(x) / 6.0 + 0.5).clip(0.0, 1.0)


def hard_silu(x: Tensor) -> Tensor:
    """x hard_sigmoid(x), also called hard swish. Howard et al. 2019."""
    x = _tensor(x)
    return x * hard_sigmoid(x)


def hard_tanh(x: Tensor) -> Tensor:
    """x, between -1 and 1."""
    return _tensor(x).clip(-1.0, 1.0)


def tanh_shrink(x: Tensor) -> Tensor:
    """x - tanh(x)."""
    x = _tensor(x)
    return x - ag.tanh(x)


def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """x moved towards 0 by `threshold`, and 0 when it is nearer than that.

    >>> import nn
    >>> nn.activations.soft_shrink([-2.0, 0.25, 2.0]).tolist()
    [-1.5, 0.0, 1.5]
    """
    x = _tensor(x)
    return ag.where(x > threshold, x - threshold, ag.where(x < -threshold, x + threshold, 0.0))


def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """x where |x| > threshold, else 0."""
    x = _tensor(x)
    return ag.where(abs(x) > threshold, x, 0.0)


def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """x where x > threshold, else `default_value`.

    >>> import nn
    >>> nn.activations.threshold([0.5, 2.0], 1.0, -1.0).tolist()
    [-1.0, 2.0]
    """
    x = _tensor(x)
    return ag.where(x > threshold, x, float(default_value))


def sparse_plus(x: Tensor) -> Tensor:
    """0 up to -1, (x + 1)^2 / 4 up to 1, then x."""
    x = _tensor(x)
    bend = x.clip(-1.0, 1.0) + 1.0
    return ag.where(x > 1.0, x, 0.25 * (bend * bend))


def sparse_sigmoid(x: Tensor) -> Tensor:
    """(x + 1) / 2, between 0 and 1. Blondel et al. 2019."""
    return 0.5 * (_tensor(x) + 1.0).clip(0.0, 2.0)


def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """The point of the probability simplex nearest to x, along `axis`: like softmax with true zeros.

    max(x - tau, 0), tau such that the sum is 1. Martins & Astudillo 2016.

    >>> import nn
    >>> nn.activations.sparsemax([[1.0, 0.5, -1.0]]).tolist()
    [[0.75, 0.25, 0.0]]
    """
    x = _tensor(x)
    fixed = x.detach()
    falling = -ag.sort(-fixed, axis=axis)
    sums = ag.cumsum(falling, axis=axis)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    count = ag.arange(1, x.shape[axis] + 1).to(x.dtype).reshape(tuple(shape))
    in_support = (falling * count - sums + 1.0 > 0).to(x.dtype)
    size = in_support.sum(axis=axis, keepdims=True)
    level = ((falling * in_support).sum(axis=axis, keepdims=True) - 1.0) / size
    # the same level again, now as a function of x: which elements are in the support does not change nearby
    chosen = (fixed > level).to(x.dtype)
    tau = ((x * chosen).sum(axis=axis, keepdims=True) - 1.0) / chosen.sum(axis=axis, keepdims=True)
    return ag.relu(x - tau)


def glu(x: Tensor, axis: int = -1) -> Tensor:
    """a sigmoid(b), a and b the halves of x along `axis`, which becomes half as long. Dauphin et al. 2017.

    >>> import nn
    >>> nn.activations.glu([[3.0, 0.0]]).tolist()
    [[1.5]]
    """
    a, b = ag.split(_tensor(x), 2, axis=axis)
    return a * ag.sigmoid(b)


def maxout(x: Tensor, pieces: int = 2) -> Tensor:
    """The largest of each `pieces` neighbours on the last axis, which becomes that many times shorter.

    max(w1 x + b1, w2 x + b2) of Goodfellow et al. 2013: a dense layer of 2 n units
    with this activation has n outputs.

    >>> import nn
    >>> nn.activations.maxout([[1.0, 3.0, 5.0, 2.0]]).tolist()
    [[3.0, 5.0]]
    """
    return ag.maxout(x, pieces=pieces)


def _is_activation(name: str, thing: Any) -> bool:
    """A public function of this module that needs x alone; `threshold` needs more."""
    own = getattr(thing, "__module__", None) == __name__ and not name.startswith("_")
    return own and hasattr(thing, "__code__") and thing.__code__.co_varnames[:1] == ("x",) and takes(thing, 1)


ACTIVATIONS: dict[str, Activation] = {
    name: thing for name, thing in [*globals().items()] if _is_activation(name, thing)
}
ACTIVATIONS |= {"swish": silu, "hard_swish": hard_silu}


# scripts for Keras write activations.swish as well
swish, hard_swish = silu, hard_silu


def get(identifier: str | Activation | None) -> Activation:
    """An activation by name, the function itself, or `linear` for None."""
    if identifier is None:
        return linear
    if called("activation", identifier, 1, "a tensor") is not None:
        return identifier  # type: ignore[return-value]
    function: Any = lookup("activation", identifier, ACTIVATIONS)
    return function  # type: ignore[no-any-return]


def serialize(activation: Activation) -> str:
    """The name of an activation, of one's own the name of the function.

    Raises:
        ArgumentError: it has none.

    >>> import nn
    >>> nn.activations.serialize(nn.activations.get("swish"))
    'silu'
    """
    name: str = name_of(activation) or described(activation)
    return name


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Activation:
    """The activation of a name that `serialize` gave; `custom_objects` are functions of one's own by name."""
    own = dict(custom_objects or {})
    return get(own.get(config, config) if isinstance(config, str) else config)


def name_of(function: Any) -> str | None:
    """The name under which `get` gives this very function; None for others."""
    return next((name for name, known in ACTIVATIONS.items() if known is function), None)


if not TYPE_CHECKING:
    __getattr__ = absent(__name__)
