"""Derivatives of functions, rather than of results: grad, value_and_grad, vjp, jvp, hvp, jacobian, hessian.

Each gives the function private copies of its arguments as the variables, so nothing is left behind in
`.grad`, and transforms nest: where an argument is itself tracked, or the function uses tracked tensors,
gradients are built as a graph and can be differentiated again.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, TypeVar, overload

from .creation import arange, zeros, zeros_like
from .differentiate import walk
from .errors import DTypeError, GradientError, RangeError, ShapeError
from .graph import Leaf, Node, Vertex
from .mode import P, R, enable_grad, mode
from .ops.shape import reshape, stack
from .structure import flatten, unflatten
from .tensor import Tensor

if TYPE_CHECKING:
    from .typing import ArrayLike

T = TypeVar("T")
"""What a derivative is by: it has the same structure."""
TensorT = TypeVar("TensorT", bound=Tensor)


def _variable(value: Any) -> Tensor:
    """A tensor of the same values with a place of its own in the graph."""
    tensor = value if isinstance(value, Tensor) else Tensor.from_value(value)
    if tensor._node is not None:
        return reshape(tensor, shape=tensor.shape)
    fresh = tensor.detach()
    fresh.requires_grad = True
    return fresh


def _is_nested(output: Tensor, variables: Sequence[Tensor]) -> bool:
    """Whether `output` depends on tracked tensors of the caller, so that
    it stays part of a graph of theirs.
    """
    if output._node is None:
        return False
    own = {v._node for v in variables if v._node is not None}
    return any(isinstance(vertex, Node) for vertex in own) or _beyond(output._node, own)


def _beyond(root: Vertex, variables: set[Vertex]) -> bool:
    """Whether the graph holds anything that could be differentiated besides the variables."""
    seen: set[Vertex] = {root}
    waiting = [root]
    while waiting:
        vertex = waiting.pop()
        if vertex in variables:
            continue
        if isinstance(vertex, Leaf):
            return True
        for parent in vertex.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return False


def _pull(
    output: Tensor, gradient: Any, variables: Sequence[Tensor], nested: bool, retain: bool
) -> list[Tensor]:
    """Gradients of `output` at `variables`, as a graph if `nested`; zeros where it does not depend on one."""
    targets: set[Vertex] = {v._node for v in variables if v._node is not None}
    found: dict[Vertex, Tensor] = {}
    if output._node is not None:
        found = dict(walk(output, gradient, targets, retain or nested, nested))
    return [found[v._node] if v._node in found else zeros_like(v) for v in variables]


def _chosen(name: str, argnums: int | Sequence[int], count: int) -> tuple[int, ...]:
    """`argnums` counted from the front, of `count` arguments by position.

    Raises:
        DTypeError: they are no integers.
        RangeError: there is no such argument, or one is named twice.
    """
    try:
        given = tuple(map(operator.index, argnums if isinstance(argnums, Sequence) else (argnums,)))
    except TypeError as error:
        raise DTypeError(f"{name}: argnums is an integer or a tuple of them, got {argnums!r}") from error
    numbers = tuple(n + count if n < 0 else n for n in given)
    if any(not 0 <= n < count for n in numbers) or len(set(numbers)) < len(numbers) or not numbers:
        raise RangeError(f"{name}: argnums={argnums!r} of {count} arguments by position")
    return numbers


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
    function: Callable[P, R], argnums: Sequence[int]
) -> Callable[P, tuple[R, tuple[Any, ...]]]: ...


def value_and_grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that returns (value, gradient) of `function` with respect to the arguments `argnums`.

    The value must be a single number. Arguments may be nested lists, tuples and dicts of tensors;
    the gradient has the same structure.

    Raises:
        GradientError: when the value is not a single number.

    >>> import autograd as ag
    >>> value, gradient = ag.value_and_grad(lambda x: (x**2).sum())(ag.tensor([1.0, 3.0]))
    >>> value.item(), gradient.tolist()
    (10.0, [2.0, 6.0])
    """

    @functools.wraps(function)
    def transformed(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        outer = mode.get().grad
        numbers = _chosen("grad", argnums, len(args))
        wanted = [args[n] for n in numbers]
        with enable_grad():
            variables = [_variable(leaf) for leaf in flatten(wanted)]
            replaced = list(args)
            for n, tree in zip(numbers, unflatten(wanted, iter(variables)), strict=True):
                replaced[n] = tree
            value = function(*replaced, **kwargs)
        if not isinstance(value, Tensor) or value.size != 1:
            shape = getattr(value, "shape", type(value).__name__)
            raise GradientError(
                f"grad needs a function that returns a single number, this one returned {shape}"
            )
        nested = outer and _is_nested(value, variables)
        gradients = unflatten(wanted, iter(_pull(value, None, variables, nested, retain=False)))
        if not nested:
            value = value.detach()
        return value, tuple(gradients) if isinstance(argnums, Sequence) else gradients[0]

    return transformed


@overload
def grad(
    function: Callable[Concatenate[TensorT, P], Any],
) -> Callable[Concatenate[TensorT, P], TensorT]: ...


@overload
def grad(function: Callable[Concatenate[T, P], Any]) -> Callable[Concatenate[T, P], T]: ...


@overload
def grad(function: Callable[P, Any], argnums: int) -> Callable[P, Any]: ...


@overload
def grad(function: Callable[P, Any], argnums: Sequence[int]) -> Callable[P, tuple[Any, ...]]: ...


def grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that returns the gradient of `function` with respect to the arguments `argnums`. Nests.

    >>> import autograd as ag
    >>> slope = ag.grad(lambda x: x**3)
    >>> slope(ag.tensor(2.0)).item(), ag.grad(slope)(ag.tensor(2.0)).item()
    (12.0, 12.0)
    """
    both = value_and_grad(function, argnums)

    @functools.wraps(function)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return transformed


def vjp(function: Callable[..., R], *args: Any) -> tuple[R, Callable[[Any], tuple[Any, ...]]]:
    """(value, pullback): `pullback(g)` gives the gradient of the sum of
    `value * g` with respect to each argument.

    `g` has the structure of the value. `pull` may be called any number of times.

    >>> import autograd as ag
    >>> value, pullback = ag.vjp(lambda x: x * x, ag.tensor([1.0, 3.0]))
    >>> pullback(ag.tensor([1.0, 10.0]))[0].tolist()
    [2.0, 60.0]
    """
    outer = mode.get().grad
    with enable_grad():
        variables = [_variable(leaf) for leaf in flatten(list(args))]
        value = function(*unflatten(list(args), iter(variables)))
    outputs = flatten(value)
    nested = [outer and _is_nested(output, variables) for output in outputs]

    def pullback(gradient: Any) -> tuple[Any, ...]:
        total: list[Tensor] | None = None
        for output, weight, inner in zip(outputs, flatten(gradient), nested, strict=True):
            # the result depends on the weights too, and they may be tracked
            tracked = isinstance(weight, Tensor) and weight.requires_grad and mode.get().grad
            terms = _pull(output, weight, variables, inner or tracked, retain=True)
            total = terms if total is None else [a + b for a, b in zip(total, terms, strict=True)]
        return tuple(unflatten(list(args), iter(total or [])))

    returned = [output if inner else output.detach() for output, inner in zip(outputs, nested, strict=True)]
    result: R = unflatten(value, iter(returned))
    return result, pullback


def _inner_product(left: Sequence[Tensor], right: Sequence[Tensor]) -> Tensor:
    """The sum of all products of corresponding elements."""
    products = [(a * b).sum() for a, b in zip(left, right, strict=True)]
    return functools.reduce(lambda total, term: total + term, products)


def _directions(name: str, tangents: Any, primals: Sequence[Tensor]) -> list[Tensor]:
    """One direction for each variable, of its shape."""
    directions = [t if isinstance(t, Tensor) else Tensor.from_value(t) for t in flatten(tangents)]
    shapes = [d.shape for d in directions], [p.shape for p in primals]
    if shapes[0] != shapes[1]:
        raise ShapeError(f"{name}: directions of shapes {shapes[0]} for inputs of shapes {shapes[1]}")
    return directions


def jvp(function: Callable[..., R], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[R, R]:
    """(value, change): how `function(*primals)` changes when the primals move along the tangents.

    The change has the structure of the value. Computed as the derivative of `vjp` with respect to its
    weights, in which it is linear, so every op has it without a rule of its own.

    Raises:
        ShapeError: when the tangents do not have the shapes of the primals.

    >>> import autograd as ag
    >>> value, change = ag.jvp(lambda x: x * x, [ag.tensor([1.0, 3.0])], [ag.tensor([1.0, 0.5])])
    >>> change.tolist()
    [2.0, 3.0]
    """
    outer = mode.get().grad
    with enable_grad():
        variables = [_variable(leaf) for leaf in flatten(list(primals))]
        directions = _directions("jvp", list(tangents), variables)
        value = function(*unflatten(list(primals), iter(variables)))
        outputs = flatten(value)
        nested = [outer and _is_nested(output, variables) for output in outputs]
        weights = [_variable(zeros_like(output)) for output in outputs]
        pulled = [
            _inner_product(_pull(output, weight, variables, True, True), directions)
            for output, weight in zip(outputs, weights, strict=True)
        ]
    kept = outer and (any(nested) or any(d.requires_grad for d in directions))
    changes = [
        _pull(total, None, [weight], kept, retain=True)[0]
        for total, weight in zip(pulled, weights, strict=True)
    ]
    returned = [o if inner else o.detach() for o, inner in zip(outputs, nested, strict=True)]
    return unflatten(value, iter(returned)), unflatten(value, iter(changes))


@overload
def hvp(function: Callable[[Tensor], Any], x: ArrayLike, vector: ArrayLike) -> Tensor: ...


@overload
def hvp(function: Callable[[T], Any], x: T, vector: T) -> T: ...


def hvp(function: Callable[..., Any], x: Any, vector: Any) -> Any:
    """The Hessian of `function` at `x` times `vector`, without the Hessian: the gradient of an inner product.

    `function` returns a single number; `x`, `vector` and the result share one structure of tensors.

    >>> import autograd as ag
    >>> ag.hvp(lambda x: (x**3).sum(), ag.tensor([1.0, 2.0]), ag.tensor([1.0, 10.0])).tolist()
    [6.0, 120.0]
    """
    slope = grad(function)

    def along(point: Any) -> Tensor:
        gradient = flatten(slope(point))
        return _inner_product(gradient, _directions("hvp", vector, gradient))

    return grad(along)(x)


@overload
def jacobian(function: Callable[Concatenate[TensorT, P], R]) -> Callable[Concatenate[TensorT, P], R]: ...


@overload
def jacobian(function: Callable[Concatenate[T, P], Any]) -> Callable[Concatenate[T, P], Any]: ...


@overload
def jacobian(function: Callable[P, Any], argnums: int | Sequence[int]) -> Callable[P, Any]: ...


def jacobian(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that returns all derivatives of `function` with respect to the arguments `argnums`.

    For a tensor of shape (n, ...) and a result of shape (m, ...) the derivatives have shape (m,
    ..., n, ...). In nested structures, every result holds the structure of the argument, or of
    the tuple of those that `argnums` names.

    Raises:
        RangeError: there is no such argument.

    >>> import autograd as ag
    >>> ag.jacobian(lambda x: x * x)(ag.tensor([1.0, 3.0])).tolist()
    [[2.0, 0.0], [0.0, 6.0]]
    """

    @functools.wraps(function)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        numbers = _chosen("jacobian", argnums, len(args))
        wanted = tuple(args[n] for n in numbers) if isinstance(argnums, Sequence) else args[numbers[0]]

        def of_chosen(chosen: Any) -> Any:
            replaced = list(args)
            for n, tree in zip(numbers, chosen if isinstance(argnums, Sequence) else (chosen,), strict=True):
                replaced[n] = tree
            return function(*replaced, **kwargs)

        value, pullback = vjp(of_chosen, wanted)
        outputs = flatten(value)
        inputs = flatten(wanted)
        blocks = []
        for which, output in enumerate(outputs):
            positions = arange(output.size, backend=output._backend).reshape(output.shape)
            rows = []
            for i in range(output.size):
                weights = [zeros_like(o) for o in outputs]
                weights[which] = (positions == i).to(output.dtype)
                rows.append(flatten(pullback(unflatten(value, iter(weights)))[0]))
            stacked = [_stack_rows([row[k] for row in rows], output, leaf) for k, leaf in enumerate(inputs)]
            blocks.append(unflatten(wanted, iter(stacked)))
        return unflatten(value, iter(blocks))

    return transformed


def _stack_rows(rows: Sequence[Tensor], output: Tensor, leaf: Any) -> Tensor:
    shape = (*output.shape, *getattr(leaf, "shape", ()))
    return reshape(stack(rows), shape=shape) if rows else zeros(shape, output.dtype, backend=output._backend)


@overload
def hessian(
    function: Callable[Concatenate[TensorT, P], Any],
) -> Callable[Concatenate[TensorT, P], TensorT]: ...


@overload
def hessian(function: Callable[Concatenate[T, P], Any]) -> Callable[Concatenate[T, P], Any]: ...


@overload
def hessian(function: Callable[P, Any], argnums: int | Sequence[int]) -> Callable[P, Any]: ...


def hessian(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that returns all second derivatives of a single number: the jacobian of the gradient.

    With several `argnums`, a tuple of tuples: the derivatives by the first and then by the second.

    >>> import autograd as ag
    >>> ag.hessian(lambda x: x[0] ** 2 * x[1])(ag.tensor([3.0, 5.0])).tolist()
    [[10.0, 6.0], [6.0, 0.0]]
    """
    slope: Callable[..., Any] = grad(function, argnums)
    return jacobian(slope, argnums)
