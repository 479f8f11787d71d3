"""Normalisation: over the batch (Ioffe & Szegedy 2015) and over the
features of each sample (Ba et al. 2016).
"""

from __future__ import annotations

from typing import Any

from autograd import ShapeError, Tensor, no_grad

from .. import initializers
from ..arguments import FLAG, FLOAT_NOT_NEGATIVE, INTEGER, RATE, form
from ..calling import told
from ..constructors import argument, common, common_argument, constructor
from ..parameter import Buffer
from .base import CONSTRAINT, INITIALIZER, REGULARIZER, Layer, along, axes_of, weight


@common
class _Normalization(Layer):
    """What both share: a scale `gamma` and a shift `beta` after normalising."""

    axis: Any
    epsilon: float = argument(FLOAT_NOT_NEGATIVE, default=1e-3)
    center: bool = argument(FLAG, default=True)
    scale: bool = argument(FLAG, default=True)
    beta_initializer: Any = argument(INITIALIZER, default="zeros")
    gamma_initializer: Any = argument(INITIALIZER, default="ones")
    beta_regularizer: Any = argument(REGULARIZER, default=None)
    gamma_regularizer: Any = argument(REGULARIZER, default=None)
    beta_constraint: Any = argument(CONSTRAINT, default=None)
    gamma_constraint: Any = argument(CONSTRAINT, default=None)

    def _make(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.gamma = weight(self, "gamma", shape, dtype) if self.scale else None
        self.beta = weight(self, "beta", shape, dtype) if self.center else None

    def _scaled(self, centred: Tensor, variance: Tensor, axes: tuple[int, ...]) -> Tensor:
        factor = (variance + self.epsilon) ** -0.5
        if self.gamma is not None:
            factor = factor * along(centred, self.gamma, axes)
        return self._shifted(centred * factor, axes)

    def _shifted(self, scaled: Tensor, axes: tuple[int, ...]) -> Tensor:
        return scaled if self.beta is None else scaled + along(scaled, self.beta, axes)


def _buffer(shape: tuple[int, ...], dtype: Any, initializer: Any) -> Buffer:
    return Buffer(initializers.get(initializer)(shape, dtype))


@constructor
class BatchNormalization(_Normalization):
    """`gamma (x - mean) / sqrt(variance + epsilon) + beta` for each feature.

    In training mean and (biased) variance are those of the batch, and moving averages follow them:
    `moving = momentum moving + (1 - momentum) of the batch`. Else they are the moving averages.

    Args:
        axis: of the features; -1 for (batch, features) and (batch, height, width, channels).
        momentum: of the moving averages.
        epsilon: added to the variance.
        center: learn `beta`.
        scale: learn `gamma`.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: how they
        begin. beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: as in `Dense`.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.BatchNormalization()([[1.0], [3.0]], training=True).numpy().round(2).tolist()
    [[-1.0], [1.0]]
    """

    axis: int = argument(INTEGER, default=-1)
    momentum: float = argument(RATE, default=0.99)
    moving_mean_initializer: Any = common_argument(
        INITIALIZER, default="zeros", after="gamma_initializer", kw_only=True
    )
    moving_variance_initializer: Any = common_argument(
        INITIALIZER, default="ones", after="moving_mean_initializer", kw_only=True
    )

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        (shape,) = shapes
        (axis,) = axes_of(self.title, self.axis, len(shape))
        size = (shape[axis],)
        self._make(size, dtype)
        self.moving_mean = _buffer(size, dtype, self.moving_mean_initializer)
        self.moving_variance = _buffer(size, dtype, self.moving_variance_initializer)

    @told
    def call(self, x: Tensor) -> Tensor:
        axes = axes_of(self.title, self.axis, x.ndim)
        self.needs_features(x, axes, self.moving_mean.shape)
        if not (self.is_training and self.trainable):
            centred = x - along(x, self.moving_mean, axes)
            return self._scaled(centred, along(x, self.moving_variance, axes), axes)
        others = tuple(i for i in range(x.ndim) if i not in axes)
        mean = x.mean(axis=others, keepdims=True)
        centred = x - mean
        variance = (centred * centred).mean(axis=others, keepdims=True)
        with no_grad():
            self._follow(self.moving_mean, mean)
            self._follow(self.moving_variance, variance)
        if axes == (x.ndim - 1,):
            variance = variance.reshape(x.shape[-1])
        return self._scaled(centred, variance, axes)

    def _follow(self, moving: Buffer, now: Tensor) -> None:
        seen = now.detach().reshape(moving.shape)
        moving.assign(moving * self.momentum + seen * (1 - self.momentum))


@form("is an integer or a tuple of them")
def ONE_OR_SEVERAL(value: Any) -> Any:
    given = value if isinstance(value, (tuple, list)) else (value,)
    first, *others = map(INTEGER.keep, given)
    return (first, *others) if others else first


@constructor
class LayerNormalization(_Normalization):
    """`gamma (x - mean) / sqrt(variance + epsilon) + beta`, mean and
    variance those of each sample over `axis`.

    Args:
        axis: one axis or several, of the features; `gamma` and `beta` have their sizes.
        epsilon, center, scale, beta_*, gamma_*, input_shape, name: as in `BatchNormalization`.

    >>> import nn
    >>> nn.LayerNormalization()([[1.0, 3.0]]).numpy().round(2).tolist()
    [[-1.0, 1.0]]
    """

    axis: int | tuple[int, ...] = argument(ONE_OR_SEVERAL, default=-1)

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        (shape,) = shapes
        axes = axes_of(self.title, self.axis, len(shape))
        self._sizes = tuple(shape[axis] for axis in axes)
        self._make(self._sizes, dtype)

    def call(self, x: Tensor) -> Tensor:
        axes = axes_of(self.title, self.axis, x.ndim)
        self.needs_features(x, axes, self._sizes)
        centred = x - x.mean(axis=axes, keepdims=True)
        variance = (centred * centred).mean(axis=axes, keepdims=True)
        return self._scaled(centred, variance, axes)


@form("is an integer >= 1, or -1 for a group per channel;")
def GROUPS(value: Any) -> int:
    count: int = INTEGER.keep(value)
    if count < 1 and count != -1:
        raise ValueError
    return count


@constructor
class GroupNormalization(_Normalization):
    """`gamma (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance those of a group of
    neighbouring channels of a sample, over all places. Wu & He 2018.

    Args:
        groups: how many; they divide the channels equally. 1 is one for all, -1 one for each channel.
        axis: of the channels.
        epsilon, center, scale, beta_*, gamma_*, input_shape, name: as in `BatchNormalization`.

    >>> import nn
    >>> nn.GroupNormalization(groups=2)([[1.0, 3.0, 10.0, 30.0]]).numpy().round(2).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    groups: int = argument(GROUPS, default=32)
    axis: int = argument(INTEGER, default=-1, after="groups")

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        (shape,) = shapes
        (axis,) = axes_of(self.title, self.axis, len(shape))
        if self.groups != -1 and shape[axis] % self.groups:
            raise ShapeError(f"{self.title}: {shape[axis]} channels do not divide into {self.groups} groups")
        self._sizes = (shape[axis],)
        self._make(self._sizes, dtype)

    def call(self, x: Tensor) -> Tensor:
        axes = axes_of(self.title, self.axis, x.ndim)
        self.needs_features(x, axes, self._sizes)
        (axis,), (channels,) = axes, self._sizes
        groups = channels if self.groups == -1 else self.groups
        parted = x.reshape(*x.shape[:axis], groups, channels // groups, *x.shape[axis + 1 :])
        others = tuple(i for i in range(1, parted.ndim) if i != axis)
        centred = parted - parted.mean(axis=others, keepdims=True)
        variance = (centred * centred).mean(axis=others, keepdims=True)
        normal = (centred * (variance + self.epsilon) ** -0.5).reshape(x.shape)
        return self._shifted(normal if self.gamma is None else normal * along(x, self.gamma, axes), axes)


@constructor
class UnitNormalization(Layer):
    """Each sample divided by its length (the square root of the sum of squares) over `axis`; a length
    below 1e-12 counts as that.

    Args:
        axis: one axis or several.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.UnitNormalization()([[2.0, 0.0]]).tolist()
    [[1.0, 0.0]]
    """

    axis: int | tuple[int, ...] = argument(ONE_OR_SEVERAL, default=-1)

    def call(self, x: Tensor) -> Tensor:
        axes = axes_of(self.title, self.axis, x.ndim)
        wide = x.to("float32") if x.dtype.name == "float16" else x
        squares = (wide * wide).sum(axis=axes, keepdims=True)
        # clipped before the root, whose slope at 0 is infinite
        return (wide * squares.clip(min=1e-24) ** -0.5).to(x.dtype)
