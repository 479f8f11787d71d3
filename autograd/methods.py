"""The methods of a tensor that are an op of the same name: one line each, NumPy's names and argument order.

What they do is written at the op. `_xp` is the namespace of ops, handed over once they are declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.carrier import Carrier

from .errors import GradientError

if TYPE_CHECKING:
    from backends.contract import Shape

    from .tensor import Tensor
    from .typing import ArrayLike, AxisLike


class TensorMethods(Carrier):
    """Mixin with the methods; operators come from `Carrier`."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def is_leaf(self) -> bool: ...

        @property
        def requires_grad(self) -> bool: ...

        def item(self) -> Any: ...

    def __format__(self, spec: str) -> str:
        """A single number as a number: `f"{loss:.3f}"`."""
        return format(self.item(), spec) if spec else str(self)

    def __round__(self, digits: int | None = None) -> Any:
        """A single number, rounded as Python does."""
        return round(self.item(), digits)

    def _in_place(self, other: Any) -> Any:
        """`w -= step` makes a new tensor, and the name lets go of the parameter that was to be trained.

        Raises:
            GradientError: for a leaf that requires gradients.
        """
        if self.requires_grad and self.is_leaf:
            raise GradientError(
                "+=, -= and the like would make a new tensor and leave this one, which requires gradients, "
                "as it is; write w.assign(w.detach() - step)"
            )
        return NotImplemented

    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ipow__ = __imatmul__ = __ifloordiv__ = __imod__ = (
        _in_place
    )

    def add(self, other: ArrayLike) -> Tensor:
        return self._xp.add(self, other)

    def subtract(self, other: ArrayLike) -> Tensor:
        return self._xp.subtract(self, other)

    def multiply(self, other: ArrayLike) -> Tensor:
        return self._xp.multiply(self, other)

    def divide(self, other: ArrayLike) -> Tensor:
        return self._xp.divide(self, other)

    def negative(self) -> Tensor:
        return self._xp.negative(self)

    def maximum(self, other: ArrayLike) -> Tensor:
        return self._xp.maximum(self, other)

    def minimum(self, other: ArrayLike) -> Tensor:
        return self._xp.minimum(self, other)

    def exp(self) -> Tensor:
        return self._xp.exp(self)

    def log(self) -> Tensor:
        return self._xp.log(self)

    def log1p(self) -> Tensor:
        return self._xp.log1p(self)

    def expm1(self) -> Tensor:
        return self._xp.expm1(self)

    def sqrt(self) -> Tensor:
        return self._xp.sqrt(self)

    def abs(self) -> Tensor:
        return self._xp.abs(self)

    def sign(self) -> Tensor:
        return self._xp.sign(self)

    def sin(self) -> Tensor:
        return self._xp.sin(self)

    def cos(self) -> Tensor:
        return self._xp.cos(self)

    def tanh(self) -> Tensor:
        return self._xp.tanh(self)

    def erf(self) -> Tensor:
        return self._xp.erf(self)

    def sigmoid(self) -> Tensor:
        return self._xp.sigmoid(self)

    def relu(self) -> Tensor:
        return self._xp.relu(self)

    def floor(self) -> Tensor:
        return self._xp.floor(self)

    def sum(self, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
        return self._xp.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
        return self._xp.mean(self, axis=axis, keepdims=keepdims)

    def max(self, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
        return self._xp.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
        return self._xp.min(self, axis=axis, keepdims=keepdims)

    def prod(self, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
        return self._xp.prod(self, axis=axis, keepdims=keepdims)

    def any(self, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
        return self._xp.any(self, axis=axis, keepdims=keepdims)

    def all(self, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
        return self._xp.all(self, axis=axis, keepdims=keepdims)

    def norm(self, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
        return self._xp.norm(self, axis=axis, keepdims=keepdims)

    def logsumexp(self, axis: AxisLike | None = None, keepdims: bool = False) -> Tensor:
        return self._xp.logsumexp(self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        return self._xp.argmax(self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        return self._xp.argmin(self, axis=axis, keepdims=keepdims)

    def var(self, axis: AxisLike | None = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
        return self._xp.var(self, axis=axis, ddof=ddof, keepdims=keepdims)

    def std(self, axis: AxisLike | None = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
        return self._xp.std(self, axis=axis, ddof=ddof, keepdims=keepdims)

    def softmax(self, axis: int = -1) -> Tensor:
        return self._xp.softmax(self, axis=axis)

    def log_softmax(self, axis: int = -1) -> Tensor:
        return self._xp.log_softmax(self, axis=axis)

    def sort(self, axis: int = -1) -> Tensor:
        return self._xp.sort(self, axis=axis)

    def argsort(self, axis: int = -1) -> Tensor:
        return self._xp.argsort(self, axis=axis)

    def cumsum(self, axis: int | None = None) -> Tensor:
        return self._xp.cumsum(self, axis=axis)

    def squeeze(self, axis: AxisLike | None = None) -> Tensor:
        return self._xp.squeeze(self, axis=axis)

    def flip(self, axis: AxisLike | None = None) -> Tensor:
        return self._xp.flip(self, axis=axis)

    def expand_dims(self, axis: AxisLike) -> Tensor:
        return self._xp.expand_dims(self, axis=axis)

    def clip(self, min: float | None = None, max: float | None = None) -> Tensor:
        return self._xp.clip(self, min=min, max=max)

    def broadcast_to(self, shape: Shape) -> Tensor:
        return self._xp.broadcast_to(self, shape=shape)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        return self._xp.swapaxes(self, axis1=axis1, axis2=axis2)

    def where(self, condition: ArrayLike, other: ArrayLike) -> Tensor:
        """These values where `condition`, else those of `other`."""
        return self._xp.where(condition, self, other)

    def take(self, indices: ArrayLike, axis: int | None = None) -> Tensor:
        return self._xp.take(self, indices, axis=axis)

    def matmul(self, other: ArrayLike) -> Tensor:
        return self._xp.matmul(self, other)

    def dot(self, other: ArrayLike) -> Tensor:
        return self._xp.dot(self, other)

    def outer(self, other: ArrayLike) -> Tensor:
        return self._xp.outer(self, other)

    def astype(self, dtype: Any) -> Tensor:
        return self._xp.astype(self, dtype=dtype)

    def split(self, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
        return self._xp.split(self, indices_or_sections, axis)

    def repeat(self, repeats: Any, axis: int | None = None) -> Tensor:
        return self._xp.repeated(self, repeats, axis)

    def reshape(self, *shape: Any) -> Tensor:
        """`x.reshape(2, 3)` or `x.reshape((2, 3))`; one size may be -1."""
        sizes = shape[0] if len(shape) == 1 else shape
        return self._xp.reshape(self, shape=sizes)

    def transpose(self, *axes: Any) -> Tensor:
        """`x.transpose()` reverses the dimensions; `x.transpose(1, 0)` or
        `x.transpose((1, 0))` orders them.
        """
        order = axes[0] if len(axes) == 1 else axes or None
        return self._xp.transpose(self, axes=order)

    def permute_dims(self, *axes: Any) -> Tensor:
        """`x.permute_dims(1, 0)` or `x.permute_dims((1, 0))`: the dimensions in that order."""
        return self._xp.permute_dims(self, axes=axes[0] if len(axes) == 1 else axes)

    def permute(self, *axes: Any) -> Tensor:
        """PyTorch's name of `permute_dims`."""
        return self.permute_dims(*axes)

    def tile(self, *reps: Any) -> Tensor:
        """`x.tile(2, 1)` or `x.tile((2, 1))`."""
        return self._xp.tile(self, reps=reps[0] if len(reps) == 1 else reps)

    def flatten(self) -> Tensor:
        """All elements in one dimension, in row-major order."""
        return self._xp.reshape(self, shape=(-1,))

    def ravel(self) -> Tensor:
        """NumPy's other name of `flatten`."""
        return self.flatten()
