"""What Keras keeps in `backend`, known as K, and the functions that K had in Keras 2.

The functions are those of `nn.ops`; other names and arguments of Keras 2 are adapted here.

>>> import nn
>>> from nn import backend as K
>>> def rmse(y_true, y_pred):
...     return K.sqrt(K.mean(K.square(y_pred - y_true), axis=-1) + K.epsilon())
>>> float(f"{rmse(nn.ops.array([[1.0]]), nn.ops.array([[3.0]])).tolist()[0]:.4f}")
2.0
"""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor
from autograd.errors import nearest

from . import activations, ops
from . import random as draws
from .config import backend as backend
from .config import epsilon as epsilon
from .config import floatx as floatx
from .config import image_data_format as image_data_format
from .config import set_epsilon as set_epsilon
from .config import set_floatx as set_floatx
from .config import set_image_data_format as set_image_data_format
from .errors import ArgumentError
from .ops.common import tensor

_AS_OPS = (
    "abs all any arange argmax argmin cast concatenate cos cumsum dtype expand_dims eye exp log "
    "logsumexp max maximum mean min minimum ndim not_equal equal greater greater_equal less less_equal "
    "one_hot ones ones_like prod repeat reshape round sigmoid sign sin softmax softplus softsign sqrt "
    "square squeeze stack std stop_gradient sum tanh tile transpose var zeros zeros_like hard_sigmoid "
    "binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy"
)
globals().update({name: getattr(ops, name) for name in _AS_OPS.split()})

_uids: dict[str, int] = {}


def clear_session(free_memory: bool = True) -> None:
    """Forget the numbers of `get_uid`; nothing else is kept here, models are freed when unused."""
    if free_memory not in (True, False):
        raise ArgumentError(f"clear_session: free_memory is True or False, got {free_memory!r}")
    _uids.clear()


def get_uid(prefix: str = "") -> int:
    """1, 2 ... for each prefix.

    >>> from nn import backend as K
    >>> K.clear_session(); K.get_uid("dense"), K.get_uid("dense")
    (1, 2)
    """
    _uids[prefix] = _uids.get(prefix, 0) + 1
    return _uids[prefix]


def is_float_dtype(dtype: Any) -> bool:
    """Whether a dtype has floating numbers."""
    return standardize_dtype(dtype).startswith(("float", "bfloat"))


def is_int_dtype(dtype: Any) -> bool:
    """Whether a dtype has whole numbers."""
    return standardize_dtype(dtype).startswith(("int", "uint"))


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype; None is that of `floatx`."""
    return floatx() if dtype is None else str(ag.zeros((), dtype).dtype.name)


def int_shape(x: Any) -> tuple[int, ...]:
    """The sizes of the axes."""
    return tensor(x).shape


def shape(x: Any) -> tuple[int, ...]:
    """The sizes of the axes."""
    return tensor(x).shape


def clip(x: Any, min_value: Any, max_value: Any) -> Tensor:
    """Between two numbers."""
    return ops.clip(x, min_value, max_value)


def pow(x: Any, a: Any) -> Tensor:
    """x to the power a."""
    return ag.power(x, a)


def relu(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """x from the threshold on, below it `negative_slope` (x - threshold), at most `max_value`."""
    return activations.relu(tensor(x), negative_slope, max_value, threshold)


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """x where it is positive, else alpha (exp(x) - 1)."""
    return ag.elu(x, alpha=alpha)


def dot(x: Any, y: Any) -> Tensor:
    """Sums of products over the last axis of x and the last but one of y."""
    return ag.dot(x, y)


def flatten(x: Any) -> Tensor:
    """One axis."""
    return ops.ravel(x)


def batch_flatten(x: Any) -> Tensor:
    """Two axes: the first, and all others."""
    x = tensor(x)
    return ag.reshape(x, (x.shape[0], -1))


def permute_dimensions(x: Any, pattern: Any) -> Tensor:
    """The axes in another order."""
    return ag.permute_dims(x, tuple(pattern))


def gather(reference: Any, indices: Any) -> Tensor:
    """Rows by number."""
    return ops.take(reference, indices, axis=0)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """One of two tensors, element by element; functions are called for them."""
    first, second = (e() if callable(e) else e for e in (then_expression, else_expression))
    return ops.where(condition, first, second)


def l2_normalize(x: Any, axis: Any = None) -> Tensor:
    """x over its length along an axis; squares count as 1e-12 at least."""
    x = tensor(x)
    return x / ag.sqrt(ag.maximum(ag.sum(ag.square(x), axis=axis, keepdims=True), 1e-12))


def constant(value: Any, dtype: Any = None, shape: Any = None) -> Tensor:
    """A tensor of `value`, in a shape where one is given."""
    made = tensor(value, dtype or floatx())
    return made if shape is None else ag.broadcast_to(made, tuple(shape))


def cast_to_floatx(x: Any) -> Tensor:
    """As float32."""
    return tensor(x, floatx())


def eval(x: Any) -> Any:
    """The values as a NumPy array."""
    return tensor(x).numpy()


def get_value(x: Any) -> Any:
    """The values as a NumPy array, or the number of a tensor without axes."""
    found = x.numpy() if isinstance(x, Tensor) else x
    return found.item() if getattr(found, "ndim", 1) == 0 else found


def set_value(x: Tensor, value: Any) -> None:
    """Set a parameter, or a rate that an optimizer keeps as a tensor; a number is set by an assignment.

    Raises:
        ArgumentError: x is no tensor.
    """
    if not isinstance(x, Tensor):
        raise ArgumentError(
            f"set_value: a {type(x).__name__} cannot be set in its place; assign it, as in "
            "optimizer.learning_rate = 0.01"
        )
    x.assign(ag.tensor(value, dtype=x.dtype))


def random_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Normal numbers."""
    return draws.normal(shape, mean, stddev, dtype, seed)


def random_uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Numbers between two others."""
    return draws.uniform(shape, minval, maxval, dtype, seed)


__all__ = sorted(
    name
    for name, thing in globals().items()
    if callable(thing)
    and name[0] != "_"
    and name not in ("Any", "Tensor", "ArgumentError", "nearest", "tensor")
)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(
        f"nn.backend has no {name!r}. {nearest(name, __all__)} See also nn.ops and docs/keras.md."
    )
