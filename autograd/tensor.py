"""Tensor: an array of some backend, and its place in the computation graph.

A tensor is a value. Nothing in this library writes into its array; `assign` gives it another one. So what a
graph has saved stays true, whatever happens to parameters between forward and backward.

Operators and methods call the ops of `autograd.ops`, which are declared after
this class and handed to it as `_xp`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Self

import backends
from backends.contract import Array, Backend, DType, NumPyArray, Shape, resolve_dtype

from . import numpy_functions
from .differentiate import accumulate_gradients
from .errors import BackendError, DTypeError, GradientError, ShapeError
from .graph import Leaf, Vertex
from .mode import mode
from .notebook import tensor_html
from .owner import ArrayOwner, array_of, assignments, carried, looked_at, public_type
from .standard import StandardArray
from .taken import check_cut, check_known, untracked

_new = object.__new__


class Tensor(StandardArray, ArrayOwner):
    """An n-dimensional array that knows how it was computed.

    Args:
        data: a number, nested lists of numbers, an array, or a tensor. The values are copied.
        dtype: a name such as "float64". Default: that of an array; float32 for Python floats, int64 for ints.
        requires_grad: collect the gradient in `grad`; needs a floating dtype.
        backend: where the values live; default `backends.default()`.

    Raises:
        DTypeError: for text, ragged lists, unsupported dtypes, or `requires_grad` on integers.
        GradientError: for a list with a tensor through which gradients flow; `stack` keeps them.

    >>> import autograd as ag
    >>> x = ag.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    Tensor([2., 4.], dtype=float32, backend=numpy)
    """

    __slots__ = ("__weakref__", "_backend", "_node")
    __array_priority__ = 1000
    _backend: Backend
    _data: Array
    _node: Vertex | None

    def __init__(
        self,
        data: Any,
        dtype: Any = None,
        requires_grad: bool = False,
        backend: str | Backend | None = None,
    ) -> None:
        source = self.from_value(data, dtype, backend)
        self._data = source._data
        self._backend = source._backend
        self._node = None
        if requires_grad:
            self.requires_grad = True

    @staticmethod
    def wrap(array: Array, backend: Backend, node: Vertex | None = None) -> Tensor:
        """A tensor around an array of `backend`, without a copy."""
        tensor: Tensor = _new(Tensor)
        tensor._data = array
        tensor._backend = backend
        tensor._node = node
        return tensor

    @staticmethod
    def from_value(value: Any, dtype: Any = None, backend: str | Backend | None = None) -> Tensor:
        """An untracked tensor with a copy of `value`; see the class for the rules of dtypes."""
        wanted = None if dtype is None else resolve_dtype(dtype)
        if isinstance(value, Tensor):
            if backend is not None and backends.get(backend) is not value._backend:
                value = value.to(backend)
            return value.detach() if wanted is None else value.detach().to(wanted)
        target = backends.default() if backend is None else backends.get(backend)
        # not isinstance: numpy.float64 is a subclass of float, and like any NumPy value keeps its dtype
        if wanted is None and type(value) is float:
            wanted = resolve_dtype("float32")
        array = target.asarray(untracked(value), wanted)
        if wanted is None and not hasattr(value, "dtype") and array.dtype.name == "float64":
            array = target.asarray(array, resolve_dtype("float32"))
        return Tensor.wrap(array, target)

    @property
    def data(self) -> Array:
        """The array of the backend. To be read; `assign` or `x.data = array` replace it."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        self.assign(value)

    @property
    def shape(self) -> Shape:
        return self._data.shape

    @property
    def ndim(self) -> int:
        return self._data.ndim

    @property
    def size(self) -> int:
        return self._data.size

    @property
    def dtype(self) -> DType:
        return self._data.dtype

    @property
    def backend(self) -> str:
        """The name of the backend that holds the values."""
        return self._backend.name

    @property
    def T(self) -> Tensor:
        """The dimensions in reverse order."""
        return self._xp.transpose(self)

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this tensor, as a leaf or on their way to one."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        assignments[0] += 1
        if wanted and self._node is None:
            if self.dtype.kind != "f":
                raise DTypeError(
                    f"only floating tensors can require gradients, this one is {self.dtype}. "
                    "Write 1.0 instead of 1, or convert with .to('float32')."
                )
            self._node = Leaf(self.shape, self.dtype)
            made = mode.get().made
            if made is not None:
                made.ids.add(id(self._node))
        elif not wanted and self._node is not None:
            if not isinstance(self._node, Leaf):
                raise GradientError("this tensor is the result of an op; use detach() to cut it off")
            self._node = None

    @property
    def is_leaf(self) -> bool:
        """True unless an op on tracked tensors made it."""
        return self._node is None or isinstance(self._node, Leaf)

    @property
    def grad(self) -> Tensor | None:
        """The gradient collected by `backward`, with the shape and dtype of this tensor; None before."""
        return self._node.grad if isinstance(self._node, Leaf) else None

    @grad.setter
    def grad(self, value: Any) -> None:
        if not isinstance(self._node, Leaf):
            if value is None:
                return
            raise GradientError("only leaf tensors with requires_grad=True hold a gradient")
        if value is not None:
            value = self.from_value(value, self.dtype, self._backend)
            if value.shape != self.shape:
                raise ShapeError(f"grad of shape {value.shape} for a tensor of shape {self.shape}")
        self._node.grad = value
        self._node.set_by_hand = True

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """Add d(self)/d(leaf) to `grad` of every leaf that this tensor was computed from.

        Args:
            gradient: the weight of each element, of this tensor's shape; may be left out for a single number.
            retain_graph: keep the graph for another backward. Default: the value of `create_graph`.
            create_graph: make the gradients themselves differentiable.

        Raises:
            GradientError: not a single number and no `gradient`; no leaf below; the graph was freed.
        """
        accumulate_gradients(
            self, gradient, create_graph if retain_graph is None else retain_graph, create_graph
        )

    def detach(self) -> Tensor:
        """The same values, cut off from the graph. Shares memory."""
        return Tensor.wrap(self._data, self._backend)

    def item(self) -> Any:
        """The value as a Python number.

        Raises:
            ShapeError: when there is more than one element.
        """
        if self.size != 1:
            raise ShapeError(f"item() needs exactly one element, this tensor has shape {self.shape}")
        check_known(self, "item()")
        return looked_at(self, lambda array: self._backend.to_numpy(array).item())

    def numpy(self) -> NumPyArray:
        """A NumPy array with a copy of the values; gradients do not flow through it.

        Raises:
            GradientError: inside a layer, of a result whose gradient that would cut off in silence.
        """
        check_known(self, "numpy()")
        check_cut(self, "numpy()")
        return looked_at(self, lambda array: self._backend.to_numpy(array).copy())

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        check_known(self, "tolist()")
        return looked_at(self, lambda array: self._backend.to_numpy(array).tolist())

    def to(self, target: Any) -> Tensor:
        """This tensor with another dtype, or on another backend.

        >>> import autograd as ag
        >>> ag.tensor([1, 2]).to("float32").dtype
        dtype('float32')
        """
        known = isinstance(target, str) and target.partition(":")[0] in backends.names()
        if known or hasattr(target, "array_type"):
            return self._to_backend(backends.get(target))
        try:
            dtype = resolve_dtype(target)
        except DTypeError as error:
            raise BackendError(
                f"to({target!r}): neither a backend ({', '.join(backends.names())}) nor a dtype"
            ) from error
        return self if dtype == self.dtype else self._xp.astype(self, dtype=dtype)

    def _to_backend(self, target: Backend) -> Tensor:
        if target is self._backend:
            return self
        if not self.is_leaf:
            raise GradientError(
                "a result in the middle of a graph cannot change its backend; detach() it, or move the inputs"
            )
        moved = Tensor.wrap(carried(self, target), target)
        moved.requires_grad = self.requires_grad
        return moved

    def assign(self, value: Any) -> Self:
        """Replace the values, in place of an in-place update. Keeps dtype, gradient and identity.

        A tensor's array is taken over without a copy; anything else is copied.

        Raises:
            ShapeError: when the shape differs.
            GradientError: when this tensor is the result of an op on tracked tensors.
        """
        if not self.is_leaf:
            raise GradientError(
                "assign: this tensor is the result of an op; only leaf tensors can be assigned"
            )
        new = value if isinstance(value, Tensor) else self.from_value(value, self.dtype, self._backend)
        if new._backend is not self._backend:
            raise BackendError(
                f"assign: a tensor on {new.backend!r} to one on {self.backend!r}; move it with "
                f".to({self.backend!r})"
            )
        if new.shape != self.shape:
            raise ShapeError(f"assign: shape {new.shape} to a tensor of shape {self.shape}")
        assignments[0] += 1
        self._data = new.detach().to(self.dtype)._data
        return self

    def __getitem__(self, key: Any) -> Tensor:
        return self._xp.index(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError(
            "tensors are values and have no item assignment; build a new one with where(), concat() or "
            "one_hot(), then assign() it"
        )

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a tensor without dimensions")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ShapeError(f"the truth of a tensor of shape {self.shape} is ambiguous; use any() or all()")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise DTypeError(f"only integer tensors can be used as an index, this one is {self.dtype}")
        return int(self.item())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """For NumPy, to be read only: a tensor is a value."""
        check_known(self, "np.asarray()")
        check_cut(self, "np.asarray()")
        array = self._backend.to_numpy(self._data)
        if dtype is not None and dtype != array.dtype:
            return array.astype(dtype)
        if copy:
            return array.copy()
        seen = array.view()
        seen.flags.writeable = False
        return seen

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """`np.exp(tensor)` and `np_array * tensor` are the op of the same name, so no gradient gets lost."""
        name = "abs" if ufunc.__name__ == "absolute" else ufunc.__name__
        function = getattr(self._xp, name, None)
        if method != "__call__" or kwargs or function is None:
            return NotImplemented
        return function(*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """`np.sum(tensor)` is the op of the same meaning; see `numpy_functions`."""
        return numpy_functions.call(self._xp, function, args, kwargs)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: Any = None,
        dl_device: Any = None,
        copy: bool | None = None,
    ) -> Any:
        """The memory of this tensor for another library, which must only
        read it. `stream` is the consumer's.
        """
        asked = {"max_version": max_version, "dl_device": dl_device, "copy": copy}
        given = {name: value for name, value in asked.items() if value is not None}
        return self._data.__dlpack__(stream=stream, **given)

    def __dlpack_device__(self) -> Any:
        return self._data.__dlpack_device__()

    def __reduce__(self) -> Any:
        self._check_leaf("pickle")
        more = getattr(self, "__dict__", None)
        return (
            public_type(self)._rebuild,
            (self.numpy(), self.requires_grad, self.backend),
            more or None,
        )

    @classmethod
    def _rebuild(cls, values: Any, requires_grad: bool, backend: str) -> Self:
        return cls(values, requires_grad=requires_grad, backend=backend)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A leaf with a copy of the values, of the gradient and of what else it holds."""
        self._check_leaf("deepcopy")
        new = memo[id(self)] = public_type(self)._rebuild(self.numpy(), self.requires_grad, self.backend)
        if self.grad is not None:
            new.grad = copy.deepcopy(self.grad.detach(), memo)
        getattr(new, "__dict__", {}).update(copy.deepcopy(getattr(self, "__dict__", {}), memo))
        return new

    def _check_leaf(self, what: str) -> None:
        if not self.is_leaf:
            raise GradientError(
                f"{what}: this tensor is the result of an op, and its graph stays here; {what} "
                "x.detach(), or compute it under no_grad()"
            )

    def _repr_html_(self) -> str:
        return tensor_html(self)

    def __repr__(self) -> str:
        array = array_of(self)
        if self.backend == "trace":
            return f"Tensor({array!r})"
        text = looked_at(self, lambda array: repr(self._backend.to_numpy(array))).removeprefix("array(")
        values = text[: text.rindex("]") + 1] if "]" in text else text.rstrip(")").split(",")[0]
        values = values.replace("\n", "\n ")
        state = ""
        if isinstance(self._node, Leaf):
            state = ", requires_grad=True"
        elif self._node is not None:
            state = f", grad_fn={self._node.op.name}"
        return f"{type(self).__name__}({values}, dtype={array.dtype}, backend={self.backend}{state})"
