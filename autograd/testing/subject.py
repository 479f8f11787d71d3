"""What the checks need to know of a function, in NumPy arrays alone: `Subject`,
and the one for functions of tensors.

A subject gives values, gradients of weighted sums, forward-mode changes and the gradient as a new subject. It
hides the framework: the checks never see a tensor, and a function written in any framework can be attacked by
a subject of a few lines, made from `BaseSubject`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

import backends
from backends.contract import Backend

from ..creation import zeros_like
from ..functional import jvp, vjp
from ..mode import enable_grad
from ..ops import PUBLIC
from ..tensor import Tensor

NDArray = np.ndarray[Any, Any]
Function = Callable[..., Tensor]


@runtime_checkable
class Subject(Protocol):
    """A function of arrays under test, and the derivatives that its framework claims for it.

    `arrays` are all inputs in order, those that cannot have a gradient (integers, booleans) included.
    Floating ones have one dtype, in which the framework must compute; weights and tangents come in it too. No
    method may change an array that it is given: the checks look whether one does.
    """

    name: str

    def value(self, arrays: Sequence[NDArray]) -> NDArray:
        """The function, computed in the dtype of the arrays."""
        ...

    def pull(self, arrays: Sequence[NDArray], weights: NDArray, wanted: tuple[int, ...]) -> list[NDArray]:
        """Reverse mode: gradients of `sum(weights * value)` at the inputs
        `wanted`, zeros where it ignores one.
        """
        ...

    def push(self, arrays: Sequence[NDArray], tangents: Mapping[int, NDArray]) -> NDArray | None:
        """Forward mode: the change of the value along `tangents` (others
        stay); None where there is no such mode.
        """
        ...

    def gradient(
        self, wanted: tuple[int, ...], weights: NDArray, directions: Sequence[NDArray]
    ) -> Subject | None:
        """The subject `arrays -> sum over wanted of (direction * pull)`, for
        second order; None when it cannot.
        """
        ...

    def input_name(self, position: int) -> str:
        """How messages call the input at `position`."""
        ...

    def call_text(self) -> str:
        """An expression that is this subject, or the function, in a script: `ag.multiply`, or `f`."""
        ...

    def imports(self) -> tuple[str, ...]:
        """The lines that a script needs before `call_text()`, beyond numpy and
        autograd (`import autograd as ag`).
        """
        ...


class BaseSubject:
    """The answers that most frameworks share: reverse mode alone, first order
    alone, names read off the function.

    An adapter adds `value` and `pull`, and overrides what its framework can do besides.
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        self.function = function
        self.name = name or name_of(function)

    def push(self, arrays: Sequence[NDArray], tangents: Mapping[int, NDArray]) -> NDArray | None:
        return None

    def gradient(
        self, wanted: tuple[int, ...], weights: NDArray, directions: Sequence[NDArray]
    ) -> Subject | None:
        return None

    def input_name(self, position: int) -> str:
        try:
            names = list(inspect.signature(self.function).parameters.values())
        except (TypeError, ValueError):
            return f"input {position}"
        if position < len(names) and names[position].kind is not inspect.Parameter.VAR_POSITIONAL:
            return names[position].name
        return f"input {position}"

    def call_text(self) -> str:
        return importable(self.function)[1]

    def imports(self) -> tuple[str, ...]:
        return importable(self.function)[0]


class TensorSubject(BaseSubject):
    """A function of this library's tensors.

    Args:
        function: takes tensors, returns one tensor.
        backend: that of the tensors; default `backends.default()` at each call.
        name: for messages; default that of the op or the function.

    >>> import numpy as np, autograd as ag
    >>> from autograd.testing import TensorSubject
    >>> square = TensorSubject(lambda x: x * x, name="square")
    >>> square.pull([np.array([1.0, 3.0])], np.array([1.0, 10.0]), (0,))
    [array([ 2., 60.])]
    >>> square.push([np.array([1.0, 3.0])], {0: np.array([0.5, 1.0])})
    array([1., 6.])
    """

    def __init__(
        self, function: Function, backend: str | Backend | None = None, name: str | None = None
    ) -> None:
        super().__init__(function, name)
        self.backend = backend

    def value(self, arrays: Sequence[NDArray]) -> NDArray:
        return _to_numpy(self._result(self.function(*self.tensors(arrays))))

    def pull(self, arrays: Sequence[NDArray], weights: NDArray, wanted: tuple[int, ...]) -> list[NDArray]:
        tensors = self.tensors(arrays)
        for i in wanted:
            tensors[i].requires_grad = True
        with backends.use(self._chosen_backend()):
            found = self._gradients(tensors, wanted, weights, create_graph=False)
        return [_to_numpy(gradient) for gradient in found]

    def push(self, arrays: Sequence[NDArray], tangents: Mapping[int, NDArray]) -> NDArray | None:
        tensors, moving = self.tensors(arrays), list(tangents)
        directions = self.tensors([tangents[i] for i in moving])
        with backends.use(self._chosen_backend()):
            _, change = jvp(
                lambda *xs: self._result(self.function(*_replaced(tensors, moving, xs))),
                [tensors[i] for i in moving],
                directions,
            )
        return _to_numpy(change)

    def gradient(
        self, wanted: tuple[int, ...], weights: NDArray, directions: Sequence[NDArray]
    ) -> Subject | None:
        def projected(*tensors: Tensor) -> Tensor:
            leaves = [t if t.requires_grad or i not in wanted else _leaf(t) for i, t in enumerate(tensors)]
            backend = leaves[0].backend
            total = Tensor(0.0, leaves[wanted[0]].dtype, backend=backend)
            gradients = self._gradients(leaves, wanted, weights, create_graph=True)
            for gradient, direction in zip(gradients, directions, strict=True):
                total = total + (gradient * Tensor(direction, gradient.dtype, backend=backend)).sum()
            return total

        return _Gradient(self, projected)

    def input_name(self, position: int) -> str:
        op = getattr(self.function, "op", None)
        return str(op.parameter_name(position)) if op is not None else super().input_name(position)

    def tensors(self, arrays: Sequence[NDArray]) -> list[Tensor]:
        """Around the arrays themselves where the backend takes NumPy's, so
        that their strides are tested too.
        """
        backend = self._chosen_backend()
        if backend.array_type is np.ndarray:
            return [Tensor.wrap(np.asarray(array), backend) for array in arrays]
        return [Tensor.from_value(array, backend=backend) for array in arrays]

    def _chosen_backend(self) -> Backend:
        return backends.default() if self.backend is None else backends.get(self.backend)

    def _result(self, result: Any) -> Tensor:
        if isinstance(result, Tensor):
            return result
        raise TypeError(
            f"{self.name}: returned {type(result).__name__}; expected one tensor. "
            "Check the results of a function one by one: lambda x: f(x)[0]"
        )

    def _gradients(
        self, leaves: Sequence[Tensor], wanted: tuple[int, ...], weights: NDArray, create_graph: bool
    ) -> list[Tensor]:
        """What `backward` leaves in `grad`; zeros where the function does not depend on an input."""
        for i in wanted:
            leaves[i].grad = None
        with enable_grad():
            result = self._result(self.function(*leaves))
            if result.requires_grad:
                result.backward(
                    Tensor(weights, result.dtype, backend=result.backend), create_graph=create_graph
                )
        found = [leaves[i].grad for i in wanted]
        for i in wanted:
            leaves[i].grad = None
        return [zeros_like(leaves[i]) if g is None else g for i, g in zip(wanted, found, strict=True)]


class _Derived(TensorSubject):
    """Made from another subject, after which it names its inputs and is written in scripts."""

    def __init__(self, origin: TensorSubject, function: Function, name: str) -> None:
        super().__init__(function, origin.backend, name)
        self.origin = origin

    def input_name(self, position: int) -> str:
        return self.origin.input_name(position)

    def call_text(self) -> str:
        return self.origin.call_text()

    def imports(self) -> tuple[str, ...]:
        return self.origin.imports()


class VjpSubject(_Derived):
    """The same function, with the gradients that the transform `autograd.vjp` gives instead of `backward`."""

    def __init__(self, origin: TensorSubject) -> None:
        super().__init__(origin, origin.function, origin.name)

    def value(self, arrays: Sequence[NDArray]) -> NDArray:
        tensors = self.tensors(arrays)
        moving = [i for i, array in enumerate(arrays) if array.dtype.kind == "f"]
        value, _ = vjp(
            lambda *xs: self.function(*_replaced(tensors, moving, xs)),
            *(tensors[i] for i in moving),
        )
        return _to_numpy(value)

    def pull(self, arrays: Sequence[NDArray], weights: NDArray, wanted: tuple[int, ...]) -> list[NDArray]:
        tensors = self.tensors(arrays)
        with backends.use(self._chosen_backend()):
            value, pull = vjp(
                lambda *xs: self.function(*_replaced(tensors, wanted, xs)),
                *(tensors[i] for i in wanted),
            )
            return [_to_numpy(g) for g in pull(Tensor(weights, value.dtype, backend=value.backend))]


class _Gradient(_Derived):
    """The gradient of a subject along fixed directions."""

    def __init__(self, origin: TensorSubject, projected: Function) -> None:
        super().__init__(origin, projected, f"gradient of {origin.name}")


def subject_of(function: Subject | Function) -> Subject:
    """`function` if it is a subject, else the subject of a function of tensors.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(function, Subject):
        return function
    if not callable(function):
        raise TypeError(
            f"expected a function of tensors or a Subject, got {type(function).__name__} {function!r}"
        )
    return TensorSubject(function)


def name_of(function: Any) -> str:
    """The name of the op, or of the function."""
    op = getattr(function, "op", None)
    return str(op.name if op is not None else getattr(function, "__name__", function))


def importable(function: Any) -> tuple[tuple[str, ...], str]:
    """(lines, expression) that give `function` in a script; a comment and
    `f` where no module holds it by name.
    """
    name = str(getattr(function, "__name__", ""))
    if name and PUBLIC.get(name) is function:
        return (), f"ag.{name}"
    module = str(getattr(function, "__module__", ""))
    if (
        name.isidentifier()
        and getattr(sys.modules.get(module), name, None) is function
        and module != "__main__"
    ):
        return (f"from {module} import {name}",), name
    code = getattr(function, "__code__", None)
    where = f" at {code.co_filename}:{code.co_firstlineno}" if code is not None else ""
    return (f"# f: your function, {name_of(function)}{where}",), "f"


def _to_numpy(tensor: Tensor) -> NDArray:
    return np.asarray(tensor.numpy())


def _leaf(tensor: Tensor) -> Tensor:
    fresh = tensor.detach()
    fresh.requires_grad = True
    return fresh


def _replaced(tensors: Sequence[Tensor], positions: Sequence[int], new: Sequence[Tensor]) -> list[Tensor]:
    result = list(tensors)
    for position, tensor in zip(positions, new, strict=True):
        result[position] = tensor
    return result
