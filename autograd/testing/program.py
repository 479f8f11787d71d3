"""Random programs: a few ops on shared values, as data that reads as Python and can be called on tensors.

A program is grown step by step. What a step may be comes from the declarations of the ops;
whether it is taken is found by trying: its values must be finite, moderate and inside the
declared interval, and its gradient must not change when they move a little, which keeps kinks,
ties and poles away. Steps that do not count are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from backends.contract import Spec

from ..call import apply
from ..op import Op
from ..ops import NAMESPACE, OPS, PUBLIC
from ..tensor import Tensor
from .draws import Choose
from .samples import OpSubject
from .subject import Function, TensorSubject

NDArray = np.ndarray[Any, Any]

_LARGEST = 12.0
_MOST_ELEMENTS = 60


class Value(NamedTuple):
    """The argument of a step that an earlier one computed: inputs come
    first, then the results of the steps.
    """

    number: int


class Step(NamedTuple):
    """One op on earlier values and constants."""

    op: Op
    arguments: tuple[Any, ...]
    static: dict[str, Any]


class Program(NamedTuple):
    """A function of tensors that is also its own source text: `repr` shows it, Hypothesis shrinks it.

    The inputs are drawn from a seed, uniform between -2 and 2; `inputs()` makes them.

    >>> import autograd as ag
    >>> steps = (Step(ag.tanh.op, (Value(0),), {}), Step(ag.multiply.op, (Value(0), Value(1)), {}))
    >>> Program(((2,),), steps, seed=0)
    def program(x0):  # (2,)
        v0 = ag.tanh(x0)
        v1 = ag.multiply(x0, v0)
        return v1
    """

    shapes: tuple[tuple[int, ...], ...]
    steps: tuple[Step, ...]
    seed: int

    def __call__(self, *inputs: Tensor) -> Tensor:
        return self.run(inputs, self.constants(inputs[0].backend))

    def run(self, inputs: Sequence[Tensor], constants: Sequence[Tensor]) -> Tensor:
        """The program with its constants given as tensors, as a traced step needs them."""
        values, left = list(inputs), iter(constants)
        for step in self.steps:
            arguments = [values[a.number] if isinstance(a, Value) else next(left) for a in step.arguments]
            values.append(apply(step.op, arguments, step.static))
        return values[-1] if self.steps else values[0]

    def constants(self, backend: Any = None) -> list[Tensor]:
        """Those of all steps in order: indices, conditions, targets."""
        return [
            Tensor.from_value(np.array(a), backend=backend)
            for step in self.steps
            for a in step.arguments
            if not isinstance(a, Value)
        ]

    def inputs(self, dtype: Any = "float64") -> list[NDArray]:
        """The inputs that it was made for."""
        generator = np.random.default_rng(self.seed)
        return [generator.uniform(-2, 2, shape).astype(dtype) for shape in self.shapes]

    def subject(self, backend: Any = None) -> ProgramSubject:
        """For the checks; a reproducer then contains the program."""
        function: Function = self.__call__
        return ProgramSubject(self, function, backend)

    def __repr__(self) -> str:
        names = [f"x{i}" for i in range(len(self.shapes))]
        shapes = ", ".join(map(str, self.shapes))
        lines = [f"def program({', '.join(names)}):  # {shapes}"]
        for i, step in enumerate(self.steps):
            parts = [names[a.number] if isinstance(a, Value) else repr(a) for a in step.arguments]
            parts += [f"{name}={value!r}" for name, value in step.static.items()]
            names.append(f"v{i}")
            lines.append(f"    v{i} = {_namespace_of(step.op)}.{step.op.name}({', '.join(parts)})")
        return "\n".join([*lines, f"    return {names[-1] if self.steps else names[0]}"])

    def pruned(self) -> Program:
        """Without the steps that the result does not need, and without
        unused inputs behind the last used one.
        """
        first = len(self.shapes)
        needed = {first + len(self.steps) - 1} if self.steps else {0}
        for i in range(len(self.steps) - 1, -1, -1):
            if first + i in needed:
                needed |= {a.number for a in self.steps[i].arguments if isinstance(a, Value)}
        kept = [i for i in range(len(self.steps)) if first + i in needed]
        used = max((n for n in needed if n < first), default=0) + 1
        place = {**{i: i for i in range(used)}, **{first + old: used + new for new, old in enumerate(kept)}}
        steps = tuple(
            self.steps[i]._replace(
                arguments=tuple(
                    Value(place[a.number]) if isinstance(a, Value) else a for a in self.steps[i].arguments
                )
            )
            for i in kept
        )
        return Program(self.shapes[:used], steps, self.seed)


class ProgramSubject(TensorSubject):
    """A program under test."""

    def __init__(self, program: Program, function: Function, backend: Any) -> None:
        super().__init__(function, backend, "program")
        self.program = program

    def input_name(self, position: int) -> str:
        return f"x{position}"

    def call_text(self) -> str:
        return "program"

    def imports(self) -> tuple[str, ...]:
        text = repr(self.program)
        lines = []
        if "NAMESPACE" in text:
            lines.append("from autograd.ops import NAMESPACE")
        if "Slot(" in text:
            lines.append("from backends.shapes import Slot")
        return (*lines, "", "", text)


def _namespace_of(op: Op) -> str:
    return "ag" if PUBLIC.get(op.name) is getattr(NAMESPACE, op.name) else "NAMESPACE"


def usable_ops() -> list[Op]:
    """The ops that programs are made of: those with a gradient for a floating input, in any dtype."""
    return [op for op in OPS.values() if op.vjp and "dtype" not in op.static]


def grow(choose: Choose, ops: Sequence[Op], most_steps: int = 6, most_inputs: int = 3) -> Program:
    """A random program; `choose` makes every decision, smaller numbers for simpler programs."""
    # always the most inputs: those that are not used are left out in the end, which shrinks better than a
    # count
    shapes = tuple(tuple(choose(1, 3) for _ in range(choose(0, 3))) for _ in range(most_inputs))
    program = Program(shapes, (), choose(0, 999))
    values = program.inputs()
    steps: list[Step] = []
    for _ in range(choose(0, most_steps)):
        op = ops[choose(0, len(ops) - 1)]
        step = _propose(op, len(values), choose)
        result = attempt(step, values)
        if result is not None:
            steps.append(step)
            values.append(result)
    return program._replace(steps=tuple(steps)).pruned()


def _propose(op: Op, count: int, choose: Choose) -> Step:
    """A call of `op` on some of the values, after one of its cases."""

    def operand() -> Value:
        # often the newest, so that programs grow deep; the first input is the simplest choice, so that they
        # shrink: what is no longer used is left out
        return Value(min(choose(0, 2 * count), count - 1))

    if not op.cases:
        return Step(op, tuple(operand() for _ in op.arrays), {})
    given = op.cases[choose(0, len(op.cases) - 1)].arguments
    described = [given[name] for name in op.arrays if name in given]
    described += given.get(str(op.variadic), ())
    arguments = tuple(operand() if isinstance(part, tuple) else part for part in described)
    return Step(op, arguments, {k: v for k, v in given.items() if k in op.static})


def attempt(step: Step, values: Sequence[NDArray]) -> NDArray | None:
    """The result of a step, or None where it fails, leaves moderate numbers, or is not smooth."""
    places = [a.number for a in step.arguments if isinstance(a, Value)]
    arrays = [values[a.number] if isinstance(a, Value) else np.array(a) for a in step.arguments]
    if not places or not _inside(step, arrays):
        return None
    subject = OpSubject(step.op, step.static, "numpy")
    wanted = tuple(i for i, a in enumerate(step.arguments) if isinstance(a, Value))
    try:
        with np.errstate(all="ignore"):
            # stricter than NumPy about what fits together
            step.op.spec(*(Spec(a.shape, a.dtype) for a in arrays), **step.static)
            result = subject.value(arrays)
            moderate = result.size and result.size <= _MOST_ELEMENTS
            if not moderate or not np.abs(result).max() <= _LARGEST:
                return None
            return result if _is_smooth(subject, arrays, wanted, np.ones(result.shape)) else None
    except (ValueError, TypeError, IndexError, ZeroDivisionError):
        return None


def _inside(step: Step, arrays: Sequence[NDArray]) -> bool:
    for position, (argument, array) in enumerate(zip(step.arguments, arrays, strict=True)):
        names = [*step.op.arrays, *[step.op.variadic] * len(arrays)]
        interval = step.op.domain.intervals.get(str(names[position]))
        if isinstance(argument, Value) and interval is not None:
            low, high = interval
            if not ((array >= low) & (array <= high)).all():
                return False
    return True


def _is_smooth(
    subject: TensorSubject, arrays: Sequence[NDArray], wanted: tuple[int, ...], weights: NDArray
) -> bool:
    """Whether the gradient stays about the same when the inputs move by a hundredth, up or down."""
    weights = weights + np.linspace(0, 0.5, weights.size).reshape(weights.shape)
    here = subject.pull(arrays, weights, wanted)
    generator = np.random.default_rng(0)
    for _ in range(3):
        moved = list(arrays)
        for i in wanted:
            moved[i] = arrays[i] + 0.02 * generator.uniform(-1, 1, arrays[i].shape)
        there = subject.pull(moved, weights, wanted)
        for one, other in zip(here, there, strict=True):
            gap = np.abs(one - other).max(initial=0.0)
            if not gap <= 0.25 * np.abs(one).max(initial=0.0) + 1e-9:
                return False
    return True


def mlp(sizes: Sequence[int], activation: Op, loss: str, batch: int, seed: int) -> Program:
    """A multilayer perceptron with its loss as a program of x, and for each layer weights and bias.

    Args:
        sizes: of the input, the hidden layers and the output.
        loss: "squared" (to targets that are an input), "classes" or "binary"
            cross-entropy (targets are constants).
    """
    generator = np.random.default_rng(seed)
    shapes: list[tuple[int, ...]] = [(batch, sizes[0])]
    for n, m in pairwise(sizes):
        shapes += [(n, m), (m,)]
    if loss == "squared":
        shapes.append((batch, sizes[-1]))
    steps: list[Step] = []

    def add(name_or_op: str | Op, *arguments: Any, **static: Any) -> Value:
        op = OPS[name_or_op] if isinstance(name_or_op, str) else name_or_op
        steps.append(Step(op, arguments, static))
        return Value(len(shapes) + len(steps) - 1)

    y = Value(0)
    for layer in range(len(sizes) - 1):
        y = add("linear", y, Value(2 * layer + 1), Value(2 * layer + 2))
        if layer < len(sizes) - 2:
            y = add(activation, y)
    if loss == "squared":
        gap = add("subtract", y, Value(len(shapes) - 1))
        y = add("multiply", gap, gap)
    elif loss == "classes":
        y = add("softmax_cross_entropy", y, generator.integers(0, sizes[-1], batch).tolist())
    else:
        targets = generator.integers(0, 2, (batch, sizes[-1])).astype(float).tolist()
        y = add("sigmoid_cross_entropy", y, targets)
    add("mean", y)
    return Program(tuple(shapes), tuple(steps), seed)
