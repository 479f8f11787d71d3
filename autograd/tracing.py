"""Capturing a step: run it once on symbols, and what it did becomes a program.

State is named: every tensor that the step may read without being passed it, and every tensor that it
assigns. All else is an argument, or an error. The step itself is ordinary eager code, with
`backward()` and the optimiser inside.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import backends
from backends.contract import Array, Backend, Spec, as_array
from backends.locks import renewed_lock
from backends.program import Program, Symbol, TraceBackend, format_program, interpret

from . import random
from .errors import TraceError, raised_at_the_end
from .graph import Leaf
from .mode import mode, switched
from .notebook import captured_html
from .structure import flatten, unflatten
from .tensor import Tensor

one_at_a_time = renewed_lock()
"""A trace puts symbols into tensors that other threads may see: whoever reads
state for a compiled step waits for it.
"""


class _Before:
    """The gradient that a tensor had before a step: a program cannot know it."""

    def __getattr__(self, name: str) -> Any:
        raise TraceError(
            "the step uses a gradient from before; set .grad = None first, call backward() inside, or "
            "pass the gradient as an argument"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __neg__ = lambda self, *others: self.used()


class Number:
    """A Python float among the arguments of a step: an input that takes the dtype of what it meets."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.symbol: Symbol | None = None
        """What stands for it in a trace."""


class Captured(NamedTuple):
    """A step as a program, tied to its state. Calling it runs the program and assigns the new state.

    `result` has the structure of what the step returned, with numbers in place of its tensors.
    """

    program: Program
    state: Mapping[str, Tensor]
    result: Any
    backend: Backend
    gradients: tuple[str, ...] = ()
    """The state in which the step leaves a gradient."""
    cleared: tuple[str, ...] = ()
    """The state whose gradient the step clears."""

    def program_text(self, scopes: bool = False) -> str:
        """The program, one instruction a line; with `scopes` each tells where it comes from."""
        return format_program(self.program, scopes)

    def _repr_html_(self) -> str:
        return captured_html(self)

    def __call__(self, *args: Any) -> Any:
        """Run on arguments of the shapes and dtypes that were captured;
        state changes only when all went well.
        """
        leaves = [
            a if isinstance(a, Tensor) else Tensor.from_value(a, backend=self.backend)
            for a in flatten(list(args))
        ]
        inputs = {f"argument.{i}": leaf._data for i, leaf in enumerate(leaves)}
        old: dict[str, Array] = {name: tensor._data for name, tensor in self.state.items()}
        new, outputs = interpret(self.program, self.backend, old, inputs)
        for name, tensor in self.state.items():
            if new[name] is not old[name]:
                tensor.assign(Tensor.wrap(as_array(self.backend, new[name]), self.backend))
        return self.finish(outputs)

    def finish(self, outputs: Mapping[str, Array]) -> Any:
        """What the step returned, from the outputs of its program; sets the gradients that it left."""
        tensors = {n: Tensor.wrap(as_array(self.backend, a), self.backend) for n, a in outputs.items()}
        for key in self.cleared:
            self.state[key].grad = None
        for key in self.gradients:
            self.state[key].grad = tensors[f"gradient.{key}"]
        return unflatten(
            self.result, (tensors[f"output{i}"] for i in range(len(tensors) - len(self.gradients)))
        )


def capture(
    step: Callable[..., Any],
    *args: Any,
    state: Mapping[str, Tensor],
    name: str | None = None,
    precision: str | None = None,
    captures: bool = False,
) -> Captured:
    """Trace `step(*args)` to a program.

    Args:
        step: a function of tensors that returns tensors (nested lists, tuples
            and dicts); it may `assign` state.
        args: examples; their shapes and dtypes are captured, their values are not.
        state: every tensor the step uses without being passed it, by name. Unchanged by the capture.
        name: of the program; default the function's name.
        precision: of the products of float32 matrices, as for `jit`.
        captures: let the program hold copies of small arrays (64 kB) that are neither. Whoever
            asks for it looks whether they change.

    Raises:
        TraceError: when the step needs a value, or uses an array that is neither argument nor state.
        DTypeError: an unknown precision.

    >>> import autograd as ag
    >>> w = ag.tensor([1.0, 2.0])
    >>> def decay(rate):
    ...     w.assign(w * rate)
    ...     return w.sum()
    >>> step = ag.capture(decay, ag.tensor(0.5), state={"w": w})
    >>> print(step.program_text(), end="")
    program decay
    %0: float32[2] = state "w"
    %1: float32[] = input "argument.0"
    %2: float32[2] = multiply(%0, %1)
    %3: float32[] = sum(%2, axis=(0,), keepdims=False)
    assign %0 = %2
    return output0=%3
    >>> step(ag.tensor(0.5)).item(), w.tolist()
    (1.5, [0.5, 1.0])
    """
    with one_at_a_time:
        return _captured(step, args, state, name, TraceBackend(precision=precision, captures=captures))


def capture_by(
    trace: TraceBackend,
    step: Callable[..., Any],
    *args: Any,
    state: Mapping[str, Tensor],
    name: str | None = None,
) -> Captured:
    """The same by a trace that the caller keeps, to ask it for more than the program."""
    with one_at_a_time:
        return _captured(step, args, state, name, trace)


def _captured(
    step: Callable[..., Any],
    args: tuple[Any, ...],
    state: Mapping[str, Tensor],
    name: str | None,
    trace: TraceBackend,
) -> Captured:
    generator = random.default_generator()
    # others may draw from the default generator meanwhile, so another one is traced in its place
    stand_in = random.Generator(0)
    own = {id(generator.key): stand_in.key, id(generator.counter): stand_in.counter}
    given, state = state, {key: own.get(id(tensor), tensor) for key, tensor in state.items()}
    numbers = {i: a for i, a in enumerate(args) if isinstance(a, Number)}
    args = tuple(a.tensor if isinstance(a, Number) else a for a in args)
    examples = [a if isinstance(a, Tensor) else Tensor.from_value(a) for a in flatten(list(args))]
    tensors = list(state.values())
    if len({id(t) for t in tensors}) < len(tensors):
        raise TraceError("state: the same tensor has two names")
    backend = common_backend([*given.values(), *examples], "capture")
    saved = [(t, name, getattr(t, name)) for t in tensors for name in ("_data", "_backend", "_node")]
    put_back = itertools.starmap(setattr, saved)
    symbols: dict[str, Symbol] = {}
    try:
        for key, tensor in state.items():
            symbols[key] = trace.parameter(Spec(tensor.shape, tensor.dtype), "state", key)
            tensor._data, tensor._backend = symbols[key], trace
            if isinstance(tensor._node, Leaf):
                had = tensor._node.grad is not None
                tensor._node = Leaf(tensor.shape, tensor.dtype)
                tensor._node.grad = _Before() if had else None  # type: ignore[assignment]
        inputs = [
            Tensor.wrap(
                trace.parameter(Spec(e.shape, e.dtype), "input", f"argument.{i}", weak=i in numbers),
                trace,
            )
            for i, e in enumerate(examples)
        ]
        for i, number in numbers.items():
            number.symbol = inputs[i]._data
        with _recording(trace), random.standing_in(stand_in), raised_at_the_end():
            result = step(*unflatten(list(args), iter(inputs)))
        gradients, cleared = _gradients(given)
        outputs = [*_outputs(result), *((f"gradient.{k}", g._data) for k, g in gradients.items())]
        assigns = [(symbols[k], t._data) for k, t in state.items() if t._data is not symbols[k]]
        program = trace.finish(name or str(getattr(step, "__name__", "step")), assigns, outputs)
    finally:
        # one call into C: a handler of a signal that raised between two tensors would leave symbols in the
        # rest
        deque(put_back, maxlen=0)
    # only the structure of the result: its tensors would keep the traced graph alive
    return Captured(
        program,
        dict(given) | _constants(trace, program, backend),
        unflatten(result, itertools.repeat(0)),
        backend,
        tuple(gradients),
        tuple(cleared),
    )


def _gradients(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """The gradients that a step has left in the state, by name, and the names where it has cleared one."""
    gradients: dict[str, Tensor] = {}
    cleared: list[str] = []
    for key, tensor in state.items():
        leaf = tensor._node
        if isinstance(leaf, Leaf) and leaf.grad is None and leaf.set_by_hand:
            cleared.append(key)
        if not isinstance(leaf, Leaf) or leaf.grad is None or isinstance(leaf.grad, _Before):
            continue
        if not leaf.set_by_hand:
            raise TraceError(
                f"the step adds to the gradient of state {key!r} from call to call, which a program "
                "cannot; set .grad = None before backward(), or return the gradient"
            )
        gradients[key] = leaf.grad
    return gradients, cleared


@contextmanager
def _recording(trace: TraceBackend) -> Iterator[None]:
    """Inside, what runs becomes instructions of `trace`, which is told their scopes."""
    recording = mode.get()._replace(trace=trace, watched=True)
    with backends.use(trace), switched(mode, recording):
        yield


def _constants(trace: TraceBackend, program: Program, backend: Backend) -> dict[str, Tensor]:
    """The arrays that the trace has captured, as state that no step assigns."""
    arrays = {symbol.value: array for symbol, array in trace.captured}
    state = program.named("state").items()
    return {n: Tensor.from_value(arrays[v], backend=backend) for n, v in state if v in arrays}


def _outputs(result: Any) -> list[tuple[str, Symbol]]:
    outputs = []
    for i, leaf in enumerate(flatten(result)):
        if not isinstance(leaf, Tensor) or not isinstance(leaf._data, Symbol):
            raise TraceError(
                f"a traced step returns tensors that it computed, got {type(leaf).__name__} {leaf!r}"
            )
        outputs.append((f"output{i}", leaf._data))
    return outputs


def common_backend(tensors: Iterable[Tensor], name: str) -> Backend:
    """The backend of all tensors; `name` is how an error calls what they were given to."""
    found = {id(t._backend): t._backend for t in tensors}
    if len(found) > 1:
        raise backends.BackendError(
            f"{name}: state and arguments are on {sorted(b.name for b in found.values())}; move them to one"
        )
    return next(iter(found.values()), backends.default())
