"""Calling an op: from tensors to a tensor that remembers how it was made. The hot path of eager mode.

Nothing is checked before the arrays are computed. When computing fails, the op explains it by running its
rule on symbols. One- and two-input ops without static attributes have a path of their own, because a call
costs about a microsecond and half of it would go into being general.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

import backends
from backends.contract import Backend

from .anomaly import check_forward, fingerprint
from .arguments import PLAIN, bind, plain, signature
from .deferred import Deferred
from .errors import BackendError, DTypeError, TraceError
from .graph import Leaf, Node, Parent
from .mode import P, mode
from .op import Domain, Op, Rule, bad, case
from .tensor import Tensor

_new = object.__new__
_NUMBERS = frozenset((bool, int, float))


class Function(Protocol[P]):
    """The public function of an op; P are the arguments that it takes."""

    op: Op
    __name__: str
    __doc__: str | None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Tensor: ...


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
    """Declare an op: the decorated function computes it from primitives of `xp`, the arguments say the rest.

    Args:
        vjp: for each differentiable input a rule `(xp, g, ...)` that returns the gradient with respect to
            it. Like the decorated function, a rule depends on its arguments alone.
        no_gradient: the inputs that have none (indices, conditions).
        normalise: from the inputs and static attributes to canonical static attributes; raises on nonsense.
        domain: where tests sample, and the kinks to keep away from.
        cases: arguments for the generated tests. Elementwise ops need none.
        bad: arguments that must fail, with the error and its text.
        second_order: a reason why second derivatives are not tested; None when they are.
        check: looks at the values of the inputs before computing and raises on those that make no sense.
            Not run in a trace, which has no values.

    Returns:
        A decorator. The public function takes tensors, arrays, lists or numbers and returns a `Tensor`.

    Raises:
        DeclarationError: when rules and parameters do not fit together.

    >>> import autograd as ag
    >>> @ag.op(vjp=dict(x=lambda xp, g, x: g * 3 * x * x))
    ... def cube(xp, x):
    ...     return x * x * x
    >>> x = ag.tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad.item()
    12.0
    """

    def declare(forward: Callable[..., Any]) -> Function[...]:
        declaration = Op(
            forward,
            vjp or {},
            no_gradient,
            normalise,
            domain or Domain(),
            cases,
            bad,
            second_order,
            check,
        )
        return _public_function(declaration)

    return declare


def _public_function(op: Op) -> Function[...]:
    plain = not (op.variadic or op.optional or op.check or op.static or op.normalise)
    # the names of the parameters of the two fastest paths, which users may write
    if plain and op.arrays == ("x",):
        call = _unary(op)
    elif plain and op.arrays == ("a", "b"):
        call = _binary(op)
    elif len(op.arrays) == 1 and not (op.variadic or op.optional or op.check):
        call = _unary_with_settings(op)
    else:
        call = _general(op)
    function: Any = functools.wraps(op.forward)(call)
    function.__name__ = function.__qualname__ = op.name
    function.__signature__ = signature(op)
    function.op = op
    return function  # type: ignore[no-any-return]


def _unary(op: Op) -> Callable[..., Tensor]:
    forward = op.forward
    plan = op.plan((True,))

    def call(x: Any) -> Tensor:
        if not isinstance(x, Tensor):
            return apply(op, [x], {})
        backend = x._backend
        try:
            if x._data.size < backend.fuse_from:
                y = forward(backend, x._data)
            else:
                y = backend.run(forward, x._data)
        except Exception as error:
            raise op.explain([x._data], {}, error) from error
        if type(y) is not backend.array_type:
            y = _result(op, backend, y)
        result: Tensor = _new(Tensor)
        result._data = y
        result._backend = backend
        result._node = None
        parent = x._node
        now = mode.get()
        if parent is not None and now.grad and plan is not None:
            saved = plan.keep((x._data, y)) if plan.keep is not None else plan.save(op, (x._data,), y)
            result._node = Node(op, plan, backend, (parent,), saved, _NO_STATIC, y)
        if now.watched:
            _inspect(op, [x._data], (parent,), result)
        return result

    return call


def _binary(op: Op) -> Callable[..., Tensor]:
    forward = op.forward
    plans = {
        (True, True): op.plan((True, True)),
        (True, False): op.plan((True, False)),
        (False, True): op.plan((False, True)),
    }

    def call(a: Any, b: Any) -> Tensor:
        left: Any
        right: Any
        if isinstance(a, Tensor):
            backend, left, first = a._backend, a._data, a._node
            if isinstance(b, Tensor):
                if b._backend is not backend:
                    raise mixed_backends(op.name, backend, b._backend)
                right, second = b._data, b._node
            elif type(b) in _NUMBERS:
                right, second = b, None
            else:
                return apply(op, [a, b], {})
        elif type(a) in _NUMBERS and isinstance(b, Tensor):
            backend, left, first = b._backend, a, None
            right, second = b._data, b._node
        else:
            return apply(op, [a, b], {})
        try:
            if (left if right is b else right).size < backend.fuse_from:
                y = forward(backend, left, right)
            else:
                y = backend.run(forward, left, right)
        except Exception as error:
            raise op.explain([left, right], {}, error) from error
        if type(y) is not backend.array_type:
            y = _result(op, backend, y)
        result: Tensor = _new(Tensor)
        result._data = y
        result._backend = backend
        result._node = None
        now = mode.get()
        if now.grad and (first is not None or second is not None):
            plan = plans[first is not None, second is not None]
            if plan is not None:
                saved = (
                    plan.keep((left, right, y)) if plan.keep is not None else plan.save(op, (left, right), y)
                )
                result._node = Node(op, plan, backend, (first, second), saved, _NO_STATIC, y)
        if now.watched:
            _inspect(op, [left, right], (first, second), result)
        return result

    return call


def _unary_with_settings(op: Op) -> Callable[..., Tensor]:
    forward, normalise, defaults = op.forward, op.normalise, op.static
    known = defaults.keys()

    def call(*args: Any, **kwargs: Any) -> Tensor:
        if len(args) != 1 or not kwargs.keys() <= known or not isinstance(args[0], Tensor):
            return apply(op, *bind(op, args, kwargs))
        x = args[0]
        backend, data = x._backend, x._data
        for name, value in kwargs.items():
            if type(value) not in PLAIN:
                kwargs[name] = plain(value)
        try:
            static = {**defaults, **kwargs}
            if normalise is not None:
                static = normalise(data, **static)
            if data.size < backend.fuse_from:
                y = forward(backend, data, **static)
            else:
                y = backend.run(forward, data, **static)
        except Exception as error:
            raise op.explain([data], kwargs, error) from error
        return _finish(op, backend, (data,), (x._node,), static, y)

    return call


def _general(op: Op) -> Callable[..., Tensor]:
    def call(*args: Any, **kwargs: Any) -> Tensor:
        return apply(op, *bind(op, args, kwargs))

    return call


_NO_STATIC: dict[str, Any] = {}


def apply(op: Op, inputs: Sequence[Any], static: dict[str, Any]) -> Tensor:
    """Any op on any mixture of tensors, arrays, lists and numbers."""
    backend: Backend | None = None
    arrays: list[Any] = []
    parents: list[Parent] = []
    all_ready = True
    for value in inputs:
        if isinstance(value, Tensor):
            if backend is not value._backend:
                if backend is not None:
                    raise mixed_backends(op.name, backend, value._backend)
                backend = value._backend
            arrays.append(value._data)
            parents.append(value._node)
        else:
            # a Python number stays one where it meets a tensor: it is weak
            all_ready = all_ready and type(value) in _NUMBERS
            arrays.append(value)
            parents.append(None)
    if backend is None or not all_ready:
        for value in inputs:
            if isinstance(value, Deferred):
                deferred: Tensor = value.apply_op(op, inputs, static)
                return deferred
        kept = _NUMBERS if backend is not None else ()
        backend = backend or backends.default()
        arrays = [_as_array(op, i, value, backend, kept) for i, value in enumerate(arrays)]
    try:
        static = op.canonical(arrays, static)
        if op.check is not None and backend.name != "trace":
            op.check(backend, *arrays)
        large = any(getattr(a, "size", 0) >= backend.fuse_from for a in arrays)
        y = backend.run(op.forward, *arrays, **static) if large else op.forward(backend, *arrays, **static)
    except Exception as error:
        raise op.explain(arrays, static, error) from error
    return _finish(op, backend, arrays, parents, static, y)


def _result(op: Op, backend: Backend, y: Any) -> Any:
    """A result that is no array of the backend yet: a scalar of NumPy, or the mistake of a user's own op."""
    if not hasattr(y, "dtype") and type(y) not in _NUMBERS:
        raise DTypeError(
            f"{op.name}: the op returned {type(y).__name__} {y!r}; expected an array made with xp"
        )
    return backend.owned(y)


def _as_array(op: Op, position: int, value: Any, backend: Backend, kept: Collection[type]) -> Any:
    """`value` as an array of `backend`, unless it is one, or of a type that is kept, or absent as allowed."""
    if type(value) is backend.array_type or type(value) in kept:
        return value
    if kept and isinstance(value, float):
        return float(value)  # numpy.float64 is a float: weak like one
    name = op.parameter_name(position)
    if value is None:
        if name in op.optional:
            return None
        raise DTypeError(f"{op.name}: {name} is None; expected a tensor, an array or a number")
    try:
        return Tensor.from_value(value, backend=backend)._data
    except DTypeError as error:
        raise DTypeError(f"{op.name}: {name}: {error}") from None


def _finish(
    op: Op,
    backend: Backend,
    arrays: Sequence[Any],
    parents: Sequence[Parent],
    static: dict[str, Any],
    y: Any,
) -> Tensor:
    """The result as a tensor, with a node where an input is tracked."""
    if type(y) is not backend.array_type:
        y = _result(op, backend, y)
    result = Tensor.wrap(y, backend)
    now = mode.get()
    if now.grad:
        tracked = tuple([parent is not None for parent in parents])
        plan = op.plan(tracked) if True in tracked else None
        if plan is not None and y.dtype.kind == "f":
            result._node = Node(op, plan, backend, parents, plan.save(op, arrays, y), static, y)
    if now.watched:
        _inspect(op, arrays, parents, result)
    return result


def mixed_backends(name: str, first: Backend, second: Backend) -> Exception:
    """The error for two backends in one operation."""
    for traced, other in ((first, second), (second, first)):
        if traced.name == "trace" and backends.default().name != "trace":
            return TraceError(
                f"{name}: another thread is tracing a step with one of these tensors as state, or a traced "
                "step has leaked it; use it when that is done, or hand each thread its own model"
            )
        if traced.name == "trace":
            return TraceError(
                f"{name}: an undeclared tensor of backend {other.name!r} was used inside a traced step. "
                "Pass it as an argument of the step, or list it in state="
            )
    return BackendError(
        f"{name}: tensors of two backends, {first.name!r} and {second.name!r}. "
        f"Move one of them: x.to({first.name!r})."
    )


def _inspect(op: Op, arrays: Sequence[Any], parents: Sequence[Parent], result: Tensor) -> None:
    """Notes the node for a checkpoint, and its scope for a trace. The checks of detect_anomaly; stores the
    user's line in the node for backward."""
    now = mode.get()
    if now.trace is not None and isinstance(result._node, Node):
        result._node.scope = now.trace.scope
    if now.made is not None and result._node is not None:
        now.made.ids.add(id(result._node))
        now.made.arrays.update(p for p in zip(parents, arrays, strict=True) if type(p[0]) is Leaf)
    if not now.anomaly:
        return
    names, values, data = [], [], []
    for position, (array, parent) in enumerate(zip(arrays, parents, strict=True)):
        if hasattr(array, "shape"):
            names.append(op.parameter_name(position))
            values.append(array)
            data.append(not isinstance(parent, Node))
    where = check_forward(op.name, names, result._backend, values, data, result._data)
    if isinstance(result._node, Node):
        result._node.where = where
        if result._backend.name != "trace":
            result._node.fingerprint = fingerprint(result._node)
