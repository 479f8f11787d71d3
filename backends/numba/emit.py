"""From a row plan to the source text of a kernel that needs no other file.

A kernel is a C function over raw memory: `begin` and `end` select rows (elements where a plan has neither rows nor
reductions), `columns` is the length of a row, then come the parameters, the result, room for saved elements and the
numbers that may change from call to call. So one kernel serves every size. Arithmetic is printed exactly as the
primitives say, without contraction or reordering, and gives NumPy's bits; only sums are reordered (they run in
float64), and the functions of `mathematics` differ from libm in the last bit.

The text is Python that Numba compiles, so that there is something to hold `translate` against, which writes it for LLVM.
"""

from __future__ import annotations

import inspect
import math
import re
from typing import Any, NamedTuple

import numpy as np

from ..contract import DType, Scalar, bool_, float32, float64, int64
from ..primitives import PRIMITIVES, written
from ..program.ir import Instruction, Operand, Value
from ..program.rows import RowPlan, Stage
from . import mathematics

DTYPES = frozenset(map(np.dtype, ("bool", "int32", "int64", "uint32", "float32", "float64")))
_CALL = re.compile(r"math\.(\w+)\(\{0\}\)")
_NATIVE = {"sqrt": "math.sqrt({0})", "isfinite": "math.isfinite({0})", "floor": "np.floor({0})"}
"""Functions that LLVM turns into vector instructions by itself."""
_POWERS = {
    1: "{0}",
    2: "({0} * {0})",
    3: "({0} * {0} * {0})",
    0.5: "math.sqrt({0})",
    -1: "(1 / {0})",
}
"""Exponents that need no pow, which is libm's."""
_COMPARISONS = frozenset(("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"))
_LOGIC = frozenset(("logical_and", "logical_or", "logical_not"))
_KEPT = (0, 1, 2, 0.5)
"""Numbers printed into the source, where the compiler can use them; all others are passed at each call."""
_PLACES = {"full": "base + j", "row": "r", "column": "j"}
_FUNCTIONS = {name: f for name, f in vars(mathematics).items() if inspect.isfunction(f)}


class Kernel(NamedTuple):
    """Source text, and what a call passes behind the parameters: result, `saved` rows, `numbers`."""

    source: str
    saved: tuple[DType, ...]
    numbers: tuple[Scalar, ...]
    flat: bool


def accepts(instruction: Instruction) -> bool:
    """Whether a kernel can compute this elementwise instruction in vector code."""
    result, primitive, operands, _ = instruction
    specs = [o.spec for o in operands if isinstance(o, Value)]
    if any(spec.dtype not in DTYPES for spec in (*(specs), result.spec)):
        return False
    text = PRIMITIVES[primitive].numba
    if text is None:
        return False
    if primitive == "power":
        exponent = operands[1]
        return result.spec.dtype.kind == "f" and not isinstance(exponent, Value) and exponent in _POWERS  # fmt: skip
    if result.spec.dtype == bool_:
        # arithmetic of booleans is logic in NumPy, and casts to bool ask for != 0
        return primitive in _COMPARISONS | _LOGIC | {"where", "isfinite"}
    if "math." in text:
        return result.spec.dtype.kind == "f" and _function(text, result.spec.dtype) is not None
    if "**" in text or (primitive == "divide" and result.spec.dtype.kind != "f"):
        return False
    return result.spec.dtype.kind == "f" or primitive not in ("sign", "right_shift")


def _function(template: str, dtype: DType) -> str | None:
    """The template of a call of libm as a call of something that vectorises."""
    called = _CALL.fullmatch(template)
    if called is None:
        return None
    name = called[1]
    if name in _NATIVE:
        return _NATIVE[name]
    if f"{name}_single" not in _FUNCTIONS:
        return None
    return f"{name}_{'single' if dtype == float32 else 'double'}({{0}})"


def emit(plan: RowPlan, single: frozenset[Value]) -> Kernel:
    """The kernel of `plan`; the parameters in `single` hold one number each, whatever their shape."""
    return _Emitter(plan, single).kernel()


class _Emitter:
    def __init__(self, plan: RowPlan, single: frozenset[Value]) -> None:
        self.plan = plan
        self.layouts = {**plan.layouts, **dict.fromkeys(single, "scalar")}
        self.numbers: dict[str, Scalar] = {}
        self.names = {value: f"p{i}" for i, value in enumerate(plan.parameters)}
        self.rooms = {value: f"s{i}" for i, value in enumerate(plan.saved)}
        self.flat = plan.rows == 1 and len(plan.stages) == 1 and not plan.stages[0].reductions
        self.lines: list[str] = []

    def kernel(self) -> Kernel:
        plan, result = self.plan, self.plan.result
        body = self._body()
        pointers = [
            *((name, v.spec.dtype) for v, name in self.names.items()),
            ("y", result.spec.dtype),
            *((name, v.spec.dtype) for v, name in self.rooms.items()),
        ]
        numbers = {key: float64 if isinstance(n, float) else int64 for key, n in self.numbers.items()}  # fmt: skip
        names = ["begin", "end", "columns", *(name for name, _ in pointers), *numbers]
        types = ["types.int64"] * 3
        types += [f"types.CPointer(types.{_numba_type(dtype)})" for _, dtype in pointers]
        types += [f"types.{dtype}" for dtype in numbers.values()]
        text = "\n".join(body)
        source = "\n".join(
            [
                '"""A kernel made by gradloom from a row program."""',
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
        return Kernel(
            source,
            tuple(v.spec.dtype for v in plan.saved),
            tuple(self.numbers.values()),
            self.flat,
        )

    def _body(self) -> list[str]:
        if self.flat:
            self._line(1, "for j in range(begin, end):")
            stage = self.plan.stages[0]
            self._loads((*stage.numbers, *stage.elements), 2, flat=True)
            for instruction in (*stage.numbers, *stage.elements):
                self._compute(2, instruction)
            self._line(2, f"y[j] = {self._stored(self.plan.result)}")
            return self.lines
        self._line(1, "for r in range(begin, end):")
        self._line(2, "base = r * columns")
        rows = [v for v in self.plan.parameters if self.layouts[v] in ("row", "scalar")]
        for value in rows:
            self._line(2, f"v{value.number} = {self._loaded(value)}")
        for stage in self.plan.stages:
            self._stage(stage)
        if self.layouts[self.plan.result] in ("row", "scalar"):
            self._line(2, f"y[r] = {self._stored(self.plan.result)}")
        return self.lines

    def _stage(self, stage: Stage) -> None:
        for instruction in stage.numbers:
            self._compute(2, instruction)
        writes = stage is self.plan.stages[-1] and self.layouts[self.plan.result] in ("full", "column")  # fmt: skip
        if not (stage.elements or stage.reductions or writes):
            return
        for reduction in stage.reductions:
            self._start(reduction)
        self._line(2, "for j in range(columns):")
        self._loads((*stage.elements, *stage.reductions), 3, flat=False)
        made = {i.result for i in stage.elements}
        for instruction in stage.elements:
            self._compute(3, instruction)
            if instruction.result in self.rooms:
                self._line(
                    3, f"{self.rooms[instruction.result]}[j] = {self._stored(instruction.result)}"
                )
        for reduction in stage.reductions:
            self._gather(reduction)
        if writes:
            result = self.plan.result
            if result not in made:
                self._line(3, f"v{result.number} = {self._loaded(result)}")
            self._line(3, f"y[base + j] = {self._stored(result)}")
        for reduction in stage.reductions:
            self._close(reduction)

    def _loads(self, instructions: tuple[Instruction, ...], depth: int, flat: bool) -> None:
        """Read what the pass needs from memory: elements of parameters, and saved elements of earlier passes."""
        made = {i.result for i in instructions}
        wanted = dict.fromkeys(
            o for i in instructions for o in i.operands if isinstance(o, Value) and o not in made
        )
        for value in wanted:
            in_memory = value in self.names or value in self.rooms
            if in_memory and (flat or self.layouts[value] in ("full", "column")):
                self._line(depth, f"v{value.number} = {self._loaded(value)}")

    def _loaded(self, value: Value) -> str:
        if value in self.rooms:
            text = f"{self.rooms[value]}[j]"
        else:
            places = {"full": "j", "column": "j"} if self.flat else _PLACES
            text = f"{self.names[value]}[{places.get(self.layouts[value], '0')}]"
        return f"({text} != 0)" if value.spec.dtype == bool_ else text

    def _stored(self, value: Value) -> str:
        return f"np.uint8(v{value.number})" if value.spec.dtype == bool_ else f"v{value.number}"

    def _compute(self, depth: int, instruction: Instruction) -> None:
        self._line(depth, f"v{instruction.result.number} = {self._expression(instruction)}")

    def _expression(self, instruction: Instruction) -> str:
        result, primitive, operands, static = instruction
        dtype = result.spec.dtype
        if primitive == "arange":
            settings = dict(static)
            start, step = self._number(settings["start"], dtype), self._number(settings["step"], dtype)  # fmt: skip
            return f"np.{dtype}({start} + j * {step})"
        if primitive in ("reshape", "broadcast_to"):
            return self._operand(operands[0], dtype)
        row = PRIMITIVES[primitive]
        template = str(row.numba) if primitive != "power" else _POWERS[operands[1]]  # type: ignore[index]
        if primitive in _LOGIC:
            inner = bool_
        elif primitive in _COMPARISONS or primitive == "isfinite":
            inner = row_dtype(operands)
        else:
            inner = dtype
        if "math." in template:
            template = _function(template, inner) or template
        texts = [self._operand(o, inner) for o in operands]
        if primitive == "where":
            texts[0] = self._operand(operands[0], bool_)
        expression = written(template, texts, dict(static))
        return expression if dtype == bool_ else f"np.{dtype}({expression})"

    def _operand(self, operand: Operand, dtype: DType) -> str:
        """An operand as a number of `dtype`."""
        if isinstance(operand, Value) and operand in self.plan.constants:
            operand = self.plan.constants[operand]
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
            known = {(type(n), n if not math.isnan(n) else "nan"): k for k, n in self.numbers.items()}  # fmt: skip
            text = known.get(key) or f"c{len(self.numbers)}"
            self.numbers[text] = number
        return f"np.{dtype}({text})"

    def _start(self, reduction: Instruction) -> None:
        value, dtype = reduction.result.number, _source(reduction).spec.dtype
        if reduction.primitive == "sum":
            self._line(2, f"a{value} = np.{'float64(0.0)' if dtype.kind == 'f' else 'int64(0)'}")
            return
        lowest = reduction.primitive == "max"
        width = 32 if dtype == float32 else 64
        bound = -(2 ** (width - 1)) if lowest else 2 ** (width - 1) - 1
        self._line(2, f"a{value} = np.int{width}({bound})")
        self._line(2, f"b{value} = np.int{width}(0)")

    def _gather(self, reduction: Instruction) -> None:
        value, source = reduction.result.number, _source(reduction)
        dtype = source.spec.dtype
        given = f"v{source.number}"
        if reduction.primitive == "sum":
            wide = "float64" if dtype.kind == "f" else "int64"
            adder = "add_in_any_order" if dtype.kind == "f" else "add_integers"
            self._line(3, f"a{value} = {adder}(a{value}, np.{wide}({given}))")
            return
        if dtype.kind == "f":
            width = 32 if dtype == float32 else 64
            self._line(3, f"b{value} |= np.int{width}({given} != {given})")
            given = f"order_{width}({given})"
        compare = ">" if reduction.primitive == "max" else "<"
        self._line(3, f"k{value} = {given}")
        self._line(3, f"a{value} = k{value} if k{value} {compare} a{value} else a{value}")

    def _close(self, reduction: Instruction) -> None:
        result, dtype = reduction.result, _source(reduction).spec.dtype
        text = f"a{result.number}"
        if reduction.primitive != "sum" and dtype.kind == "f":
            width = 32 if dtype == float32 else 64
            text = f"(NAN if b{result.number} != 0 else value_{width}(a{result.number}))"
        self._line(2, f"v{result.number} = np.{result.spec.dtype}({text})")

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)


def row_dtype(operands: tuple[Operand, ...]) -> DType:
    """The dtype in which operands are compared."""
    return np.result_type(*(o.spec.dtype if isinstance(o, Value) else o for o in operands))


def _source(reduction: Instruction) -> Value:
    operand = reduction.operands[0]
    assert isinstance(operand, Value)
    return operand


def _numba_type(dtype: DType) -> str:
    return "uint8" if dtype == bool_ else dtype.name


def _prelude(body: str) -> list[str]:
    """The functions and constants that `body` reads, directly or through others."""
    wanted: dict[str, None] = {}

    def visit(text: str) -> None:
        for name in re.findall(r"\w+", text):
            if name in _FUNCTIONS and name not in wanted:
                source = inspect.getsource(_FUNCTIONS[name])
                visit(source.partition("\n")[2])
                wanted[name] = None

    visit(body)
    sources = [inspect.getsource(_FUNCTIONS[name]) for name in wanted]
    used = set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", "\n".join([*sources, body])))
    lines: list[str] = ["F = np.float32"]
    for name, value in vars(mathematics).items():
        if name in used and isinstance(value, (int, float)):
            lines.append(f"{name} = {_literal(value)}")
    for name, source in zip(wanted, sources, strict=True):
        flags = "'contract', 'reassoc', 'nsz'" if name == "add_in_any_order" else "'contract'"
        lines += [f"@njit(fastmath={{{flags}}}, error_model='numpy', forceinline=True)", source]
    return lines


def _literal(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)
