"""The `@op` declaration: one function of `xp`, its gradient rules, and what
is needed to test and document it.

    @op(vjp=dict(x=lambda xp, g, y: g * (1 - y * y)), domain=Domain(x=(-4, 4)))
    def tanh(xp, x):
        \"\"\"Hyperbolic tangent of each element.\"\"\"
        return xp.tanh(x)

Positional parameters are arrays, keyword-only ones are static attributes. A rule begins with `(xp, g)`, the
namespace and the gradient of the result, and then names what it needs: an input, `y` (the result), `x_spec`
or `y_spec` (shape and dtype alone), a static attribute, and `i` (which one) when the input is variadic. Those
names decide what is saved. A rule returns the gradient before unbroadcasting; the graph does that. Every
check of a declaration happens here, at import. Calling an op is in `call.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from backends.contract import Namespace, Spec
from backends.errors import AxisError, DTypeError, GradloomError
from backends.program import Symbol, TraceBackend

from .errors import DeclarationError, RangeError
from .graph import Node, spec_of

Rule = Callable[..., Any]
Pullback = Callable[[Namespace, Any, Sequence[Any], Node], Any]
_EMPTY = inspect.Parameter.empty


class Domain:
    """Where the tests sample each input: an interval, and how far to stay from the kinks inside it.

    `Domain(x=(-4, 4))`; `Domain(x=(-4, 4), kinks=dict(x=(0.0,)))` for an op whose slope jumps at 0.
    """

    def __init__(
        self, kinks: Mapping[str, Sequence[float]] | None = None, **intervals: tuple[float, float]
    ) -> None:
        self.intervals = intervals
        self.kinks = {name: tuple(points) for name, points in (kinks or {}).items()}


class case:
    """Arguments that the tests try: a shape (tuple) or values (list) per array, and static attributes."""

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments


class bad:
    """Arguments that must raise `error` with `text` in its message."""

    def __init__(self, error: type[Exception], text: str, **arguments: Any) -> None:
        self.error = error
        self.text = text
        self.arguments = arguments


class Plan(NamedTuple):
    """What one pattern of tracked inputs saves, and the rules it will run.

    `names` are the saved values in order; `keep` picks them out of (*inputs, y)
    in one C call where that suffices.
    """

    names: tuple[str, ...]
    keep: Callable[[Sequence[Any]], tuple[Any, ...]] | None
    pullbacks: tuple[tuple[int, Pullback], ...]

    def save(self, op: Op, inputs: Sequence[Any], y: Any) -> tuple[Any, ...]:
        if not self.names:
            return ()
        if self.keep is not None:
            return self.keep((*inputs, y))
        return tuple(op.value_of(name, inputs, y) for name in self.names)


class Op:
    """A declaration. The public function that `@op` returns carries it as its attribute `op`."""

    def __init__(
        self,
        forward: Callable[..., Any],
        vjp: Mapping[str, Rule],
        no_gradient: Sequence[str],
        normalise: Callable[..., dict[str, Any]] | None,
        domain: Domain,
        cases: Sequence[case],
        bad: Sequence[bad],
        second_order: str | None,
        check: Callable[..., None] | None,
    ) -> None:
        self.forward = forward
        self.vjp = vjp
        self.no_gradient = frozenset(no_gradient)
        self.normalise = normalise
        self.domain = domain
        self.cases = tuple(cases)
        self.bad = tuple(bad)
        self.second_order = second_order
        self.check = check
        self.name = forward.__name__.rstrip("_")
        self.arrays, self.variadic, self.optional, self.static = self._read_signature()
        self._plans: dict[tuple[bool, ...], Plan | None] = {}
        self._rule_names: dict[str, tuple[str, ...]] = {}
        self._check_rules()

    def _read_signature(self) -> tuple[tuple[str, ...], str | None, frozenset[str], dict[str, Any]]:
        """(arrays, the variadic input, arrays that may be None, static attributes with their defaults)."""
        code, names = self.forward.__code__, argument_names(self.forward)
        if names[:1] != ("xp",):
            raise DeclarationError(f"{self.name}: the first parameter of an op is xp")
        defaults = self.forward.__defaults__ or ()
        given = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
        keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        kept = self.forward.__kwdefaults__ or {}
        variadic = code.co_flags & inspect.CO_VARARGS
        return (
            names[1:],
            code.co_varnames[code.co_argcount + code.co_kwonlyargcount] if variadic else None,
            frozenset(name for name, value in given.items() if value is None),
            {name: kept.get(name, _EMPTY) for name in keywords},
        )

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def _check_rules(self) -> None:
        inputs = set(self.arrays) | ({self.variadic} if self.variadic else set())
        for name in {*self.vjp, *self.no_gradient} - inputs:
            raise DeclarationError(f"{self.name}: {name!r} is not an input; inputs are {sorted(inputs)}")
        if missing := inputs - {*self.vjp, *self.no_gradient}:
            raise DeclarationError(
                f"{self.name}: {sorted(missing)} need a rule in vjp or a place in no_gradient"
            )
        known = {*inputs, *(f"{n}_spec" for n in inputs), "y", "y_spec", *self.static}
        for name, rule in self.vjp.items():
            names = argument_names(rule)
            if names[:2] != ("xp", "g"):
                raise DeclarationError(f"{self.name}: the rule of {name} must begin with (xp, g)")
            allowed = known | ({"i"} if name == self.variadic else set())
            if unknown := set(names[2:]) - allowed:
                raise DeclarationError(
                    f"{self.name}: the rule of {name} names {sorted(unknown)}; it can name {sorted(allowed)}"
                )
            self._rule_names[name] = names[2:]

    def parameter_name(self, position: int) -> str:
        """How messages call the input at `position`."""
        if position < len(self.arrays):
            return self.arrays[position]
        return f"{self.variadic}[{position - len(self.arrays)}]"

    def rule_names(self, name: str) -> tuple[str, ...]:
        """What the gradient rule of input `name` is given after `(xp, g)`, in order."""
        return self._rule_names[name]

    def value_of(self, name: str, inputs: Sequence[Any], y: Any) -> Any:
        """What a rule means by `name`, read at forward time."""
        if name == "y":
            return y
        if name.endswith("_spec") and name not in self.arrays:
            value = self.value_of(name[: -len("_spec")], inputs, y)
            return tuple(map(_spec, value)) if isinstance(value, tuple) else _spec(value)
        if name == self.variadic:
            return tuple(inputs[len(self.arrays) :])
        return inputs[self.arrays.index(name)]

    def plan(self, tracked: tuple[bool, ...]) -> Plan | None:
        """The plan for one pattern of tracked inputs; None when no tracked input has a gradient."""
        try:
            return self._plans[tracked]
        except KeyError:
            plan = self._plans[tracked] = self._make_plan(tracked)
            return plan

    def _make_plan(self, tracked: tuple[bool, ...]) -> Plan | None:
        wanted = []
        for position, is_tracked in enumerate(tracked):
            name = self.arrays[position] if position < len(self.arrays) else str(self.variadic)
            if is_tracked and name in self.vjp:
                wanted.append((position, name))
        if not wanted:
            return None
        free = {n for p, n in enumerate(self.arrays) if p < len(tracked) and tracked[p]}
        saved = tuple(
            dict.fromkeys(
                n
                for _, name in wanted
                for n in self._rule_names[name]
                if n not in self.static
                and n not in ("i", "y_spec")
                and n.removesuffix("_spec") not in free - {n}
            )
        )
        pullbacks = tuple((p, self._make_pullback(p, name, saved)) for p, name in wanted)
        return Plan(saved, self._make_keep(saved), pullbacks)

    def _make_keep(self, saved: tuple[str, ...]) -> Callable[[Sequence[Any]], tuple[Any, ...]] | None:
        places = {name: i for i, name in enumerate(self.arrays)} | {"y": len(self.arrays)}
        if self.variadic or not saved or not set(saved) <= set(places):
            return None
        if len(saved) == 1:
            place = places[saved[0]]
            return itemgetter(slice(place, place + 1))
        return itemgetter(*(places[n] for n in saved))

    def _make_pullback(self, position: int, name: str, saved: tuple[str, ...]) -> Pullback:
        rule, names = self.vjp[name], self._rule_names[name]
        if not names:
            return lambda xp, g, values, node: rule(xp, g)
        if names == saved and not self.static:
            # element by element: no input is larger than the gradient
            return lambda xp, g, values, node: (
                rule(xp, g, *values) if g.size < xp.fuse_from else xp.run(rule, g, *values)
            )
        fetchers = [self._make_fetcher(n, position, saved) for n in names]
        if not set(saved) & {*self.arrays, self.variadic, "y"}:
            # only g and shapes: elements are moved, and there is nothing to fuse
            return lambda xp, g, values, node: rule(xp, g, *[f(values, node) for f in fetchers])

        def pullback(xp: Namespace, g: Any, values: Sequence[Any], node: Node) -> Any:
            given = [f(values, node) for f in fetchers]
            for value in (g, *values):
                if getattr(value, "size", 0) >= xp.fuse_from:
                    return xp.run(rule, g, *given)
            return rule(xp, g, *given)

        return pullback

    def _make_fetcher(
        self, name: str, position: int, saved: tuple[str, ...]
    ) -> Callable[[Sequence[Any], Node], Any]:
        if name in saved:
            place = saved.index(name)
            return lambda values, node: values[place]
        if name in self.static:
            return lambda values, node: node.static[name]
        if name == "i":
            return lambda values, node: position - len(self.arrays)
        if name == "y_spec":
            return lambda values, node: spec_of(node)
        parent = self.arrays.index(name.removesuffix("_spec"))
        return lambda values, node: spec_of(node.parents[parent])

    def canonical(self, inputs: Sequence[Any], static: dict[str, Any]) -> dict[str, Any]:
        """Static attributes as the rules expect them: defaults filled in, axes counted from the front."""
        if len(static) < len(self.static):
            static = {**self.static, **static}
            for name, value in static.items():
                if value is _EMPTY:
                    raise TypeError(f"{self.name}: the argument {name!r} is missing")
        return static if self.normalise is None else self.normalise(*inputs, **static)

    def spec(self, *inputs: Any, **static: Any) -> Spec:
        """Shape and dtype of the result for inputs given as Spec or Python
        numbers: the rule, run on symbols.
        """
        return self.trace(inputs, static)[1].value.spec

    def trace(self, inputs: Sequence[Any], static: dict[str, Any]) -> tuple[TraceBackend, Symbol]:
        """The op alone as a program under construction."""
        xp = TraceBackend()
        names = [self.parameter_name(position) for position in range(len(inputs))]
        symbols = [
            xp.parameter(value, "input", name) if isinstance(value, Spec) else value
            for name, value in zip(names, inputs, strict=True)
        ]
        result = self.forward(xp, *symbols, **self.canonical(symbols, static))
        return xp, result if isinstance(result, Symbol) else xp.asarray(result)

    def explain(self, inputs: Sequence[Any], static: dict[str, Any], error: Exception) -> Exception:
        """The error to raise when an op failed with `error`: what failed,
        what was received, what was expected.

        An error of somebody else's, a deadline say, stays what it is.
        """
        if type(error).__module__.partition(".")[0] not in _EXPLAINED:
            return error
        try:
            self.trace([_spec(v) if hasattr(v, "shape") else v for v in inputs], static)
        except GradloomError as better:
            error = better
        received = ", ".join(f"{self.parameter_name(i)}={_describe(value)}" for i, value in enumerate(inputs))
        settings = "".join(
            f", {name}={value!r}" for name, value in static.items() if value != self.static.get(name)
        )
        message = f"{self.name}: {str(error).rstrip('.')}. Received {received}{settings}."
        if isinstance(error, GradloomError):
            return type(error)(message)
        for builtin, kind in _KINDS.items():
            if isinstance(error, builtin):
                return kind(message)
        error.add_note(message)
        return error


_EXPLAINED = frozenset(("builtins", "numpy", "cupy", "autograd", "backends"))
"""Packages whose errors tell that an op was used in a wrong way."""
_KINDS: dict[type[Exception], type[Exception]] = {
    TypeError: DTypeError,
    IndexError: AxisError,
    ValueError: RangeError,
}


def argument_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The positional parameters, read off the code object: inspect.signature is ten
    times slower, and this runs at import.
    """
    code = function.__code__
    return code.co_varnames[: code.co_argcount]


def _spec(array: Any) -> Any:
    return Spec(tuple(array.shape), array.dtype) if hasattr(array, "shape") else array


def _describe(value: Any) -> str:
    return f"{tuple(value.shape)} {value.dtype}" if hasattr(value, "shape") else repr(value)
