"""Tracing is just another backend: its arrays are symbols, and a primitive on them writes an instruction.

The ordinary eager step runs on it unchanged. Shapes and dtypes come from the rules of the
vocabulary; whatever would need a value (`item()`, a mask as an index, an undeclared array)
raises TraceError with the way out.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, Literal

import numpy as np

from ..carrier import Carrier
from ..contract import SUPPORTED, Array, DType, Namespace, Shape, Spec, float32
from ..errors import ConcretizationError, TraceError
from ..formats import resolve_precision
from ..primitives import PRIMITIVES, Primitive
from .ir import Instruction, Operand, Parameter, Program, Value
from .verify import verify

_MOST_WRITTEN = 64
"""Numbers of a list that are written into a program."""
_MOST_CAPTURED = 1 << 16
"""Bytes of an undeclared array that a program holds a copy of."""
_NUMBERS = (bool, int, float)
_ASTYPE = PRIMITIVES["astype"]


class Symbol(Carrier):
    """An array of a trace: a shape, a dtype and a place in the program, but no values."""

    __slots__ = ("_xp", "value", "weak")

    def __init__(self, xp: Namespace, value: Value, weak: bool = False) -> None:
        self._xp = xp
        self.value = value
        self.weak = weak
        """Whether it promotes like a Python float: it stands for one."""

    @property
    def shape(self) -> Shape:
        return self.value.spec.shape

    @property
    def dtype(self) -> DType:
        return self.value.spec.dtype

    @property
    def ndim(self) -> int:
        return len(self.value.spec.shape)

    @property
    def size(self) -> int:
        return self.value.spec.size

    def __repr__(self) -> str:
        return f"{self.value}: {self.value.spec}"

    def __bool__(self) -> bool:
        raise TraceError("a branch on a value cannot be traced; write it with where(condition, a, b)")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TraceError("a traced array has no values yet, so it cannot become a NumPy array")

    def __dlpack__(self, **kwargs: Any) -> Any:
        raise TraceError("a traced array has no values yet, so no other library can take them")

    def __dlpack_device__(self) -> Any:
        return self.__dlpack__()


class TraceBackend:
    """Writes a program. One object per trace; `finish` gives the result.

    Args:
        name: of the backend.
        precision: a format of `backends.formats`: products of float32 are written with it.
        captures: take a copy of small arrays that are used undeclared, instead of refusing them.
    """

    array_type: type = Symbol
    fuse_from: int = sys.maxsize

    def __init__(self, name: str = "trace", precision: str | None = None, captures: bool = False) -> None:
        self.name = name
        self.captured: list[tuple[Symbol, np.ndarray[Any, Any]]] = []
        """Small arrays that the step used without declaring them: state that no step assigns."""
        self._captures = captures
        self.precision = resolve_precision(precision)
        self.scope = ""
        """What the next instructions carry as theirs."""
        self._thread = threading.get_ident()
        self._parameters: list[Parameter] = []
        self._instructions: list[Instruction] = []
        self._count = 0
        for row in PRIMITIVES.values():
            setattr(self, row.name, partial(self._emit, row))

    def parameter(self, spec: Spec, role: Literal["state", "input"], name: str, weak: bool = False) -> Symbol:
        """A symbol for an array that exists before the program runs."""
        value = self._new(spec)
        self._parameters.append(Parameter(value, role, name))
        return Symbol(self, value, weak)

    def finish(
        self, name: str, assigns: list[tuple[Symbol, Symbol]], outputs: list[tuple[str, Symbol]]
    ) -> Program:
        """The verified program of everything emitted so far."""
        returned = tuple((key, self._strong(output).value) for key, output in outputs)
        return verify(
            Program(
                name,
                tuple(self._parameters),
                tuple(self._instructions),
                tuple((state.value, new.value) for state, new in assigns),
                returned,
            )
        )

    def _new(self, spec: Spec) -> Value:
        self._count += 1
        return Value(self._count - 1, spec)

    def _strong(self, symbol: Symbol, dtype: DType = float32) -> Symbol:
        """`symbol` as an array of `dtype`, if it stands for a Python number."""
        return self._emit(_ASTYPE, symbol, dtype=dtype) if symbol.weak else symbol

    def _with_weak(self, row: Primitive, arrays: tuple[Any, ...]) -> tuple[tuple[Any, ...], bool]:
        """(operands in which numbers have the dtype of the arrays that they
        meet, whether the result is one, too).
        """
        strong = [a.dtype for a in arrays if isinstance(a, Symbol) and not a.weak]
        if row.kind == "elementwise" and not strong:
            return arrays, True
        dtype = np.result_type(*strong, 1.0) if strong else float32
        changed = (self._strong(a, dtype) if isinstance(a, Symbol) else a for a in arrays)
        return tuple(changed), False

    def _emit(self, row: Primitive, *arrays: Any, **static: Any) -> Symbol:
        self._check_thread()
        weak = False
        if row is not _ASTYPE and any(isinstance(a, Symbol) and a.weak for a in arrays):
            arrays, weak = self._with_weak(row, arrays)
        operands = tuple(self._operand(array) for array in arrays)
        specs = [o.spec if isinstance(o, Value) else o for o in operands]
        if (
            row.kind == "product"
            and self.precision is not None
            and all(isinstance(s, Spec) and s.dtype == float32 for s in specs)
        ):
            static["precision"] = self.precision
        result = self._new(row.infer(specs, static))
        made = Instruction(result, row.name, operands, tuple(static.items()), self.scope)
        self._instructions.append(made)
        return Symbol(self, result, weak and result.spec.dtype.kind == "f")

    def _operand(self, array: Any) -> Operand:
        if isinstance(array, Symbol):
            if array._xp is not self:
                raise TraceError(
                    "a symbol of another trace; a traced step may not keep tensors of an earlier one"
                )
            return array.value
        if type(array) in _NUMBERS:
            return array  # type: ignore[no-any-return]
        raise TraceError(_undeclared(array))

    def run(self, rule: Callable[..., Any], *args: Any, **static: Any) -> Any:
        return rule(self, *args, **static)

    def compile(self, program: Program, feeds: Any = None) -> Any:
        raise TraceError("nothing is compiled inside a trace")

    def asarray(self, value: Any, dtype: DType | None = None) -> Symbol:
        """A number, or a short list of numbers, is written into the
        program; anything larger must be declared.
        """
        if isinstance(value, Symbol):
            return value if dtype is None else self.astype(value, dtype=dtype)  # type: ignore[attr-defined]
        if isinstance(value, (*_NUMBERS, np.generic)):
            number = value.item() if isinstance(value, np.generic) else value
            kind = np.asarray(value).dtype if dtype is None else dtype
            found = SUPPORTED[kind.name]
            one: Symbol = self.full(shape=(), value=number, dtype=found)  # type: ignore[attr-defined]
            return one
        if _is_written(value):
            return self._constant(np.asarray(value, dtype))
        return self._copied(value, dtype)

    def _copied(self, value: Any, dtype: DType | None = None) -> Symbol:
        """A small array of numbers as state that stays what it is."""
        is_array = isinstance(value, np.ndarray) or _is_list_of_numbers(value)
        numbers = np.array(value, dtype) if is_array and self._captures else None
        if numbers is None or numbers.nbytes > _MOST_CAPTURED or numbers.dtype.name not in SUPPORTED:
            raise TraceError(_undeclared(value))
        for symbol, known in self.captured:
            if (
                numbers.dtype == known.dtype
                and numbers.shape == known.shape
                and numbers.tobytes() == known.tobytes()
            ):
                return symbol
        spec = Spec(numbers.shape, SUPPORTED[numbers.dtype.name])
        symbol = self.parameter(spec, "state", f"constant.{len(self.captured)}")
        self.captured.append((symbol, numbers))
        return symbol

    def _constant(self, numbers: np.ndarray[Any, Any]) -> Symbol:
        """A few numbers that stand in the code of a step."""
        dtype = SUPPORTED[numbers.dtype.name]
        make, join, shaped = self.full, self.concat, self.reshape  # type: ignore[attr-defined]
        pieces = [make(shape=(1,), value=number, dtype=dtype) for number in numbers.ravel().tolist()]
        whole = join(*pieces, axis=0) if pieces else make(shape=(0,), value=0, dtype=dtype)
        return shaped(whole, shape=numbers.shape)  # type: ignore[no-any-return]

    def from_dlpack(self, value: Any) -> Symbol:
        raise TraceError(_undeclared(value))

    def owned(self, array: Symbol, shared: bool = False) -> Symbol:
        return array

    def accumulate(self, total: Symbol, term: Symbol) -> Any:
        return total + term

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        self._check_thread()
        if isinstance(array, Symbol) and array.weak:
            raise ConcretizationError(
                "a traced step has no value yet for a number among its arguments", array
            )
        raise TraceError(
            "item() and numpy() need a value, and a traced step has none yet; return the tensor instead"
        )

    def _check_thread(self) -> None:
        if threading.get_ident() != self._thread:
            raise TraceError(
                "another thread is tracing a step with this tensor as state; use it when that is done, "
                "or hand each thread its own model"
            )

    def quiet(self) -> nullcontext[None]:
        return nullcontext()

    def index(self, value: Any) -> tuple[Symbol, ...]:
        if isinstance(value, Symbol) and value.dtype.kind in "iu":
            return (value,)
        if isinstance(value, Symbol):
            raise TraceError("the shape of x[mask] depends on values; use where(mask, x, 0) instead")
        write = self._constant if _is_written(value) else self._copied
        if write == self._copied and not isinstance(value, np.ndarray) and not _is_list_of_numbers(value):
            raise TraceError(_undeclared(value))
        numbers = np.asarray(value)
        if numbers.dtype.kind == "b":
            return tuple(write(places) for places in numbers.nonzero())
        return (write(numbers if numbers.size else numbers.astype(np.int64)),)


def _is_written(value: Any) -> bool:
    """Whether this is a short list of numbers, as a step may have in its code."""
    return _is_list_of_numbers(value, _MOST_WRITTEN)


def _is_list_of_numbers(value: Any, most: int = _MOST_CAPTURED) -> bool:
    if not isinstance(value, (list, tuple)):
        return False
    leaves, waiting = 0, list(value)
    while waiting:
        one = waiting.pop()
        if isinstance(one, (list, tuple)):
            waiting += one
        elif type(one) in _NUMBERS:
            leaves += 1
        else:
            return False
    return leaves <= most


def _undeclared(value: Any) -> str:
    shape = getattr(value, "shape", None)
    what = type(value).__name__ + (f" of shape {tuple(shape)}" if shape is not None else "")
    return (
        f"an undeclared {what} was used inside a traced step. "
        "Pass it as an argument of the step, or list its tensor in state="
    )
