"""Activations as layers of their own."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import ShapeError, Tensor

from .. import activations
from ..added import regularize_activity
from ..arguments import COUNT, FLOAT, FLOAT_NOT_NEGATIVE, INTEGER, NOT_NEGATIVE, form
from ..configuration import config_of
from ..constructors import argument, common_argument, constructor
from ..regularizers import L1L2
from .base import ACTIVATION, CONSTRAINT, INITIALIZER, REGULARIZER, Layer, axes_of, weight


@form("is an axis >= 1 or several, each once")
def SHARED(value: Any) -> tuple[int, ...]:
    axes = tuple(map(COUNT.keep, value if isinstance(value, (tuple, list)) else (value,)))
    if not axes or len(set(axes)) < len(axes):
        raise ValueError
    return axes


@constructor
class Activation(Layer):
    """An activation by name or function, element by element (softmax: over the last axis).

    >>> import nn
    >>> nn.Activation("relu")([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """

    activation: Any = argument(ACTIVATION)

    def call(self, x: Tensor) -> Tensor:
        result: Tensor = self.activation(x)
        return result


@constructor
class ActivityRegularization(Layer):
    """The input. Its penalty `l1 * sum(|x|) + l2 * sum(x**2)`, over the number of rows, is added to the loss.

    Args:
        l1, l2: the factors, >= 0.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> layer = nn.ActivityRegularization(l2=0.5)
    >>> layer([[1.0], [3.0]]).tolist(), [loss.item() for loss in layer.losses]
    ([[1.0], [3.0]], [2.5])
    """

    l1: float = argument(NOT_NEGATIVE, default=0.0)
    l2: float = argument(NOT_NEGATIVE, default=0.0)

    _adds_losses = True

    def call(self, x: Tensor) -> Tensor:
        regularize_activity(self, L1L2(self.l1, self.l2), x)
        return x


@constructor
class ReLU(Layer):
    """max(x, 0); its slope at 0 is 0.

    With arguments: x where it is above `threshold`, but `max_value` at most;
    else `negative_slope (x - threshold)`.

    Args:
        max_value: the highest output; None for no limit.
        negative_slope: of what is not above the threshold.
        threshold: where the unit wakes up.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.ReLU(max_value=6.0)([-1.0, 2.0, 7.0]).tolist()
    [0.0, 2.0, 6.0]
    """

    max_value: float | None = argument(FLOAT_NOT_NEGATIVE.or_none(), default=None)
    negative_slope: float = argument(FLOAT_NOT_NEGATIVE, default=0.0)
    threshold: float = argument(FLOAT_NOT_NEGATIVE, default=0.0)

    def call(self, x: Tensor) -> Tensor:
        if self.threshold:
            y = ag.where(x > self.threshold, x, (x - self.threshold) * self.negative_slope)
        else:
            y = ag.leaky_relu(x, self.negative_slope) if self.negative_slope else ag.relu(x)
        return y if self.max_value is None else y.clip(max=self.max_value)


@constructor
class LeakyReLU(Layer):
    """x where it is positive, else `negative_slope` x. The default slope is the course's 0.1 (Keras: 0.3).

    Args:
        negative_slope: of what is not positive.
        alpha: its name in older scripts; it is kept as `negative_slope`.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.LeakyReLU(0.5)([-1.0, 2.0]).tolist()
    [-0.5, 2.0]
    """

    negative_slope: float = argument(FLOAT_NOT_NEGATIVE, default=0.1)
    alpha: float | None = common_argument(FLOAT_NOT_NEGATIVE.or_none(), default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.alpha is not None:
            self.negative_slope = self.alpha

    def get_config(self) -> dict[str, Any]:
        return config_of(self) | {"alpha": None}

    def call(self, x: Tensor) -> Tensor:
        return ag.leaky_relu(x, self.negative_slope)


@constructor
class PReLU(Layer):
    """x where it is positive, else `alpha` x, with a learned `alpha` for each feature; its slope at 0 is
    0. He et al. 2015.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of `alpha`, which has the shape of a sample.
        shared_axes: along these there is one `alpha` for all; (1, 2) for one per channel of an image.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.PReLU(alpha_initializer="ones")([[-1.0, 2.0]]).tolist()
    [[-1.0, 2.0]]
    """

    alpha_initializer: Any = argument(INITIALIZER, default="zeros")
    alpha_regularizer: Any = argument(REGULARIZER, default=None)
    alpha_constraint: Any = argument(CONSTRAINT, default=None)
    shared_axes: Any = argument(SHARED.or_none(), default=None)

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        (shape,) = shapes
        if len(shape) < 2:
            raise ShapeError(f"{self.title}: expected (batch, features), received the shape {shape}")
        shared = () if self.shared_axes is None else axes_of(self.title, self.shared_axes, len(shape))
        sizes = tuple(1 if axis in shared else n for axis, n in enumerate(shape) if axis)
        self.alpha = weight(self, "alpha", sizes, dtype)

    def call(self, x: Tensor) -> Tensor:
        sizes, shared = self.alpha.shape, self.shared_axes or ()
        if x.ndim != len(sizes) + 1:
            raise ShapeError(
                f"{self.title}: the layer was built for inputs of {len(sizes) + 1} dimensions; received "
                f"{x.shape} {x.dtype}"
            )
        own = tuple(axis for axis in range(1, x.ndim) if axis not in shared)
        self.needs_features(x, own, tuple(sizes[axis - 1] for axis in own))
        return ag.relu(x) - self.alpha * ag.relu(-x)


@constructor
class ELU(Layer):
    """x where it is positive, else `alpha (e^x - 1)`.

    >>> import nn
    >>> nn.ELU()([0.0, 2.0]).tolist()
    [0.0, 2.0]
    """

    alpha: float = argument(FLOAT, default=1.0)

    def call(self, x: Tensor) -> Tensor:
        return ag.elu(x, self.alpha)


@constructor
class Softmax(Layer):
    """Probabilities along `axis`; as the last layer, over the last axis,
    the loss is computed from its logits.

    >>> import nn
    >>> nn.Softmax()([[0.0, 0.0]]).tolist()
    [[0.5, 0.5]]
    """

    axis: int = argument(INTEGER, default=-1)

    def call(self, x: Tensor) -> Tensor:
        if self.axis in (-1, x.ndim - 1):
            return activations.softmax(x)
        return ag.softmax(x, self.axis)
