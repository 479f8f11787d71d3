"""From a nest of loops to the source text of a kernel that needs no other file.

A kernel is a C function over raw memory: `begin` and `end` select rows (elements where the whole domain is
one row without reductions, columns where rows are reduced), `columns` is the length of a row, then come the
parameters, the result, scratch memory for elements and accumulators, and the numbers that may change from
call to call, steps through memory among them. So one kernel serves every size. Arithmetic is printed exactly
as the primitives say, without contraction or reordering, and gives NumPy's bits; only sums are reordered
(they run in float64), and the functions of `mathematics` differ from libm in the last bit.

The text is Python that Numba compiles, so that there is something to hold `translate`
against, which writes it for LLVM.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..contract import DType, Scalar, bool_, float32, float64, int64
from ..primitives import PRIMITIVES, is_reduction, written
from ..program.access import Access
from ..program.arithmetic import working_dtype
from ..program.ir import Instruction, Operand, Value, operands_of
from ..program.nest import Nest, Pass, count_strides, only_for, passes_of, scratch_values
from . import mathematics
from .forms import FUNCTIONS, loops_of, steps_of, vectorised

_NAMES = frozenset(vars(mathematics))
_KEPT = (0, 1, 2, 0.5)
"""Numbers printed into the source, where the compiler can use them; all others are passed at each call."""


class Kernel(NamedTuple):
    """Source text, and what a call passes behind the parameters: result, `saved` rows, `numbers`."""

    source: str
    saved: tuple[DType, ...]
    numbers: tuple[Scalar, ...]
    flat: bool


def emit(nest: Nest, parameters: Sequence[Value], single: Collection[Value]) -> Kernel:
    """The kernel of a nest; the parameters in `single` hold one number each, whatever their shape."""
    return _Emitter(nest, parameters, single).kernel()


class _Emitter:
    def __init__(self, nest: Nest, parameters: Sequence[Value], single: Collection[Value]) -> None:
        self.nest = nest
        self.group = nest.group
        self.loops = loops_of(nest)
        self.numbers: dict[str, Scalar] = {}
        self.pointers = {value: f"p{i}" for i, value in enumerate(parameters)}
        ((self.result, _),) = nest.writes.items()
        self.passes = passes_of(nest.group)
        one_pass = self.loops.flat or nest.group.kind == "columns"
        saved = [] if one_pass else scratch_values(nest.group, 0)
        self.scratches = {value: f"s{i}" for i, value in enumerate(saved)}
        self.scratch = [(name, value.spec.dtype) for value, name in self.scratches.items()]
        self.at = ""
        """Where an accumulator is: a number, but of each column where rows are gone down."""
        if nest.group.kind == "columns":
            self.at = "[j]"
            self.reductions = [s for s in nest.group.steps if is_reduction(s.primitive)]
            self.scratch = [(n, dtype) for s in self.reductions for n, dtype, _ in self._accumulators(s)]
        self.places: dict[Value, str] = {}
        self.along: set[Value] = set(self.scratches)
        """What is read anew for each element."""
        for value, access in nest.reads.items():
            self.places[value] = self._place(value, access, access.root in single)
        self.lines: list[str] = []

    def _place(self, value: Value, access: Access, single: bool) -> str:
        """Where in memory an operand is, at row `r` and column `j`."""
        along, down = steps_of(access.strides, self.group.domain, self.loops.kept)
        if single or (along, down, access.offset) == (0, 0, 0):
            return "0"
        rows, columns = self.loops.rows, self.loops.columns
        terms: list[str] = []
        if access.offset:
            terms.append(self._step(access.offset))
        if along and (down == columns or (rows == 1 and access.root.spec.size == columns)):
            # also of the only row there is, so that the text is that for many
            terms += [] if self.loops.flat else ["base"]
        elif down:
            terms.append("r" if down == 1 else f"r * {self._step(down)}")
        if along:
            self.along.add(value)
            terms.append("j")
        return " + ".join(terms) or "0"

    def _step(self, number: int) -> str:
        """The name of an argument that says how memory lies."""
        name = f"t{len(self.numbers)}"
        self.numbers[name] = number
        return name

    def kernel(self) -> Kernel:
        body = self._body()
        pointers = [
            *((name, v.spec.dtype) for v, name in self.pointers.items()),
            ("y", self.result.spec.dtype),
            *self.scratch,
        ]
        numbers = {key: float64 if isinstance(n, float) else int64 for key, n in self.numbers.items()}
        names = ["begin", "end", "columns", *(name for name, _ in pointers), *numbers]
        types = ["types.int64"] * 3
        types += [f"types.CPointer(types.{'uint8' if d == bool_ else d.name})" for _, d in pointers]
        types += [f"types.{dtype}" for dtype in numbers.values()]
        text = "\n".join(body)
        source = "\n".join(
            [
                '"""A kernel made by gradloom from a nest of loops."""',
                "import math",
                "import numpy as np",
                "from numba import cfunc, njit, types",
                *_prelude(text),
                f"@cfunc(types.void({', '.join(types)}), error_model='numpy')",
                f"def kernel({', '.join(names)}):",
                text,
                "",
            ]
        )
        saved = tuple(dtype for _, dtype in self.scratch)
        is_flat = self.loops.flat or self.group.kind == "columns"
        return Kernel(source, saved, tuple(self.numbers.values()), is_flat)

    def _body(self) -> list[str]:
        steps = self.group.steps
        if self.group.kind == "columns":
            return self._down()
        if self.loops.flat:
            self._line(1, "for j in range(begin, end):")
            self._loads(self._read_by(steps), 2)
            for step in steps:
                self._compute(2, step)
            self._line(2, f"y[j] = {self._stored(self.result)}")
            return self.lines
        self._line(1, "for r in range(begin, end):")
        self._line(2, "base = r * columns")
        self._loads((v for v in self._read_by(steps) if v not in self.along), 2)
        for one in self.passes:
            self._pass(one)
        if not self.group.is_element(self.result):
            self._line(2, f"y[r] = {self._stored(self.result)}")
        return self.lines

    def _down(self) -> list[str]:
        """All rows for the columns of a thread: what they reduce is gathered for each column."""
        plain = [s for s in self.group.steps if not is_reduction(s.primitive)]
        before = only_for([_source(s) for s in self.reductions], plain)
        after = only_for([self.result], plain, [s.result for s in self.reductions])
        self._line(1, "for j in range(begin, end):")
        for reduction in self.reductions:
            self._start(reduction)
        self._line(1, f"for r in range({self._step(self.loops.rows)}):")
        self._line(2, "base = r * columns")
        made = {s.result for s in before}
        read = [v for v in self._read_by((*before, *self.reductions)) if v not in made]
        self._loads((v for v in read if v not in self.along), 2)
        self._line(2, "for j in range(begin, end):")
        self._loads((v for v in read if v in self.along), 3)
        for step in before:
            self._compute(3, step)
        for reduction in self.reductions:
            self._gather(reduction)
        self._line(1, "for j in range(begin, end):")
        for reduction in self.reductions:
            self._close(reduction)
        self._loads(self._read_by(after), 2)
        for step in after:
            self._compute(2, step)
        self._line(2, f"y[j] = {self._stored(self.result)}")
        return self.lines

    def _pass(self, one: Pass) -> None:
        for step in one.numbers:
            self._compute(2, step)
        writes = any(step.result == self.result for step in one.elements)
        if not (one.elements or one.reductions):
            return
        for reduction in one.reductions:
            self._start(reduction)
        self._line(2, "for j in range(columns):")
        made = {step.result for step in one.elements}
        read = self._read_by((*one.elements, *one.reductions))
        self._loads((v for v in read if v in self.along and v not in made), 3)
        for step in one.elements:
            self._compute(3, step)
            if step.result in self.scratches:
                self._line(3, f"{self.scratches[step.result]}[j] = {self._stored(step.result)}")
        for reduction in one.reductions:
            self._gather(reduction)
        if writes:
            self._line(3, f"y[base + j] = {self._stored(self.result)}")
        for reduction in one.reductions:
            self._close(reduction)

    def _read_by(self, steps: Iterable[Instruction]) -> list[Value]:
        """What the steps find in memory: parts of parameters, and saved elements of earlier passes."""
        wanted = dict.fromkeys(o for step in steps for o in operands_of(step))
        return [v for v in wanted if v in self.places or v in self.scratches]

    def _loads(self, values: Iterable[Value], depth: int) -> None:
        for value in values:
            if value in self.scratches:
                text = f"{self.scratches[value]}[j]"
            else:
                text = f"{self.pointers[self.nest.reads[value].root]}[{self.places[value]}]"
            loaded = f"({text} != 0)" if value.spec.dtype == bool_ else text
            self._line(depth, f"v{value.number} = {loaded}")

    def _stored(self, value: Value) -> str:
        return f"np.uint8(v{value.number})" if value.spec.dtype == bool_ else f"v{value.number}"

    def _compute(self, depth: int, instruction: Instruction) -> None:
        self._line(depth, f"v{instruction.result.number} = {self._expression(instruction)}")

    def _expression(self, instruction: Instruction) -> str:
        result, primitive, operands, static = instruction
        dtype, settings = result.spec.dtype, dict(static)
        if primitive == "full":
            return self._number(settings["value"], dtype)
        if primitive == "arange":
            start, step = (self._number(settings[name], dtype) for name in ("start", "step"))
            return f"np.{dtype}({start} + {self._count(result)} * {step})"
        inner = working_dtype(instruction)
        template = str(PRIMITIVES[primitive].numba)
        if "math." in template:
            template = vectorised(template, inner) or template
        texts = [self._operand(o, inner) for o in operands]
        if primitive == "where":
            texts[0] = self._operand(operands[0], bool_)
        expression = written(template, texts, settings)
        return expression if dtype == bool_ else f"np.{dtype}({expression})"

    def _count(self, value: Value) -> str:
        """The place along the axis that a counted value numbers."""
        strides = count_strides(self.group, value)
        along, down = steps_of(strides, self.group.domain, self.loops.kept)
        return "j" if along else "r" if down else "0"

    def _operand(self, operand: Operand, dtype: DType) -> str:
        """An operand as a number of `dtype`."""
        if not isinstance(operand, Value):
            return self._number(operand, dtype)
        text = f"v{operand.number}"
        if operand.spec.dtype == dtype:
            return text
        return f"({text} != 0)" if dtype == bool_ else f"np.{dtype}({text})"

    def _number(self, number: Scalar, dtype: DType) -> str:
        if dtype == bool_:
            return repr(bool(number))
        if abs(number) in _KEPT or isinstance(number, bool):
            text = repr(number)
        else:
            number = float(number) if dtype.kind == "f" else int(number)
            key = (type(number), number if not math.isnan(number) else "nan")
            known = {
                (type(n), n if not math.isnan(n) else "nan"): k
                for k, n in self.numbers.items()
                if k[0] == "c"
            }
            text = known.get(key) or f"c{len(self.numbers)}"
            self.numbers[text] = number
        return f"np.{dtype}({text})"

    def _accumulators(self, reduction: Instruction) -> list[tuple[str, DType, str]]:
        """What a reduction gathers into: names, dtypes, and where they begin."""
        value, dtype = reduction.result.number, _source(reduction).spec.dtype
        if reduction.primitive == "sum":
            return [(f"a{value}", float64, "0.0") if dtype.kind == "f" else (f"a{value}", int64, "0")]
        kind, end = np.dtype(f"int{_width(dtype)}"), 1 << (_width(dtype) - 1)
        first = -end if reduction.primitive == "max" else end - 1
        return [(f"a{value}", kind, str(first)), (f"b{value}", kind, "0")]

    def _start(self, reduction: Instruction) -> None:
        for name, dtype, first in self._accumulators(reduction):
            self._line(2, f"{name}{self.at} = np.{dtype}({first})")

    def _gather(self, reduction: Instruction) -> None:
        value, source = reduction.result.number, _source(reduction)
        dtype, width = source.spec.dtype, _width(source.spec.dtype)
        given, a, b = f"v{source.number}", f"a{value}{self.at}", f"b{value}{self.at}"
        if reduction.primitive == "sum":
            wide = "float64" if dtype.kind == "f" else "int64"
            adder = "add_in_any_order" if dtype.kind == "f" else "add_integers"
            self._line(3, f"{a} = {adder}({a}, np.{wide}({given}))")
            return
        if dtype.kind == "f":
            self._line(3, f"{b} = {b} | np.int{width}({given} != {given})")
            given = f"order_{width}({given})"
        compare = ">" if reduction.primitive == "max" else "<"
        self._line(3, f"k{value} = {given}")
        self._line(3, f"{a} = k{value} if k{value} {compare} {a} else {a}")

    def _close(self, reduction: Instruction) -> None:
        result, dtype = reduction.result, _source(reduction).spec.dtype
        text = f"a{result.number}{self.at}"
        if reduction.primitive != "sum" and dtype.kind == "f":
            text = f"(NAN if b{result.number}{self.at} != 0 else value_{_width(dtype)}({text}))"
        self._line(2, f"v{result.number} = np.{result.spec.dtype}({text})")

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)


def _source(reduction: Instruction) -> Value:
    return operands_of(reduction)[0]


def _width(dtype: DType) -> int:
    """The bits of the integers that floats, and integers of any width, are compared as."""
    return 32 if dtype == float32 else 64


def _prelude(body: str) -> Sequence[str]:
    """The functions and constants that `body` reads, directly or through others."""
    return _definitions(tuple(dict.fromkeys(n for n in re.findall(r"\w+", body) if n in _NAMES)))


@cache
def _definitions(names: Sequence[str]) -> Sequence[str]:
    """The text of `names` and of all that they read: looking it up takes longer than writing a kernel."""
    sources: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in FUNCTIONS and name not in sources:
            source = inspect.getsource(FUNCTIONS[name])
            for other in re.findall(r"\w+", source.partition("\n")[2]):
                visit(other)
            sources[name] = source

    for name in names:
        visit(name)
    used = {*names, *re.findall(r"\b[A-Z][A-Z0-9_]+\b", "\n".join(sources.values()))}
    lines: list[str] = ["F = np.float32"]
    for name, value in vars(mathematics).items():
        if name in used and isinstance(value, (int, float)):
            lines.append(f"{name} = {_literal(value)}")
    for name, source in sources.items():
        flags = "'contract', 'reassoc', 'nsz'" if name == "add_in_any_order" else "'contract'"
        lines += [f"@njit(fastmath={{{flags}}}, error_model='numpy', forceinline=True)", source]
    return lines


def _literal(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)
