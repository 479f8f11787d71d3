"""Normalisation: over the batch (Ioffe & Szegedy 2015) and over the features of each sample (Ba et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from autograd import Tensor, no_grad

from .. import initializers
from ..arguments import axis_numbers, fraction, number, one_axis
from ..forms import FLAG, Form
from ..parameter import Buffer, Parameter
from .base import CONSTRAINT, INITIALIZER, REGULARIZER, Layer, along, axes_of, weight


class _Normalization(Layer):
    """What both share: a scale `gamma` and a shift `beta` after normalising."""

    forms: ClassVar[Mapping[str, Form]] = {
        **dict.fromkeys(("center", "scale"), FLAG),
        **dict.fromkeys(("beta_initializer", "gamma_initializer"), INITIALIZER),
        **dict.fromkeys(("beta_regularizer", "gamma_regularizer"), REGULARIZER),
        **dict.fromkeys(("beta_constraint", "gamma_constraint"), CONSTRAINT),
    }

    def __init__(
        self,
        axis: Any,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        beta_constraint: Any,
        gamma_constraint: Any,
        name: str | None,
        input_shape: tuple[int, ...] | None,
    ) -> None:
        super().__init__(name, input_shape)
        self.axis = axis
        self.epsilon = number(type(self).__name__, "epsilon", epsilon)
        self.center = center
        self.scale = scale
        self.beta_initializer = beta_initializer
        self.gamma_initializer = gamma_initializer
        self.beta_regularizer = beta_regularizer
        self.gamma_regularizer = gamma_regularizer
        self.beta_constraint = beta_constraint
        self.gamma_constraint = gamma_constraint

    def _make(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.gamma: Parameter | None = None
        self.beta: Parameter | None = None
        if self.scale:
            self.gamma = weight(
                shape, dtype, self.gamma_initializer, self.gamma_regularizer, self.gamma_constraint
            )
        if self.center:
            self.beta = weight(
                shape, dtype, self.beta_initializer, self.beta_regularizer, self.beta_constraint
            )

    def _scaled(self, centred: Tensor, variance: Tensor, axes: tuple[int, ...]) -> Tensor:
        factor = (variance + self.epsilon) ** -0.5
        if self.gamma is not None:
            factor = factor * along(centred, self.gamma, axes)
        result = centred * factor
        return result if self.beta is None else result + along(centred, self.beta, axes)


def _buffer(shape: tuple[int, ...], dtype: Any, initializer: Any) -> Buffer:
    return Buffer(initializers.get(initializer)(shape, dtype))


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
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: how they begin.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: as in `Dense`.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.BatchNormalization()([[1.0], [3.0]], training=True).numpy().round(2).tolist()
    [[-1.0], [1.0]]
    """

    forms: ClassVar[Mapping[str, Form]] = {
        "moving_mean_initializer": INITIALIZER,
        "moving_variance_initializer": INITIALIZER,
    }

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            one_axis("BatchNormalization", axis), epsilon, center, scale,
            beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
            beta_constraint, gamma_constraint, name, input_shape,
        )  # fmt: skip
        self.momentum = fraction("BatchNormalization", "momentum", momentum)
        self.moving_mean_initializer = moving_mean_initializer
        self.moving_variance_initializer = moving_variance_initializer

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        (shape,) = shapes
        (axis,) = axes_of(self.title, self.axis, len(shape))
        size = (shape[axis],)
        self._make(size, dtype)
        self.moving_mean = _buffer(size, dtype, self.moving_mean_initializer)
        self.moving_variance = _buffer(size, dtype, self.moving_variance_initializer)

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


class LayerNormalization(_Normalization):
    """`gamma (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance those of each sample over `axis`.

    Args:
        axis: one axis or several, of the features; `gamma` and `beta` have their sizes.
        epsilon, center, scale, beta_*, gamma_*, input_shape, name: as in `BatchNormalization`.

    >>> import nn
    >>> nn.LayerNormalization()([[1.0, 3.0]]).numpy().round(2).tolist()
    [[-1.0, 1.0]]
    """

    def __init__(
        self,
        axis: int | tuple[int, ...] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        axes = axis_numbers("LayerNormalization", axis)
        super().__init__(
            axes if len(axes) > 1 else axes[0], epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, name, input_shape,
        )  # fmt: skip

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
