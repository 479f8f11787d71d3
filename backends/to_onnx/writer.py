"""Nodes, names and constants of a file under construction.

Here a value is a constant whose numbers are known, a tensor that a node makes, a Python number, or a number
that follows the number of rows. `name_of` gives the name of any of them in the dtype that a node wants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..contract import SUPPORTED, DType, Scalar, bool_, int64
from .sizes import Rows, Size

NDArray = np.ndarray[Any, Any]
_INT32 = SUPPORTED["int32"]


class Node(NamedTuple):
    """`outputs = kind(inputs, **attributes)`; an input that is left out has the name of no letters."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    name: str
    attributes: Mapping[str, Any]


class Constant(NamedTuple):
    """Numbers that are known, and what they might be called."""

    array: NDArray
    wish: str


class Named(NamedTuple):
    """What a node or an input gives."""

    name: str
    shape: tuple[Size, ...]
    dtype: DType


Operand = Constant | Named | Scalar | Rows


def dtype_of(operand: Operand) -> DType | Scalar:
    """The dtype of an array; a number stands for itself, as in the rules of primitives."""
    if isinstance(operand, Constant):
        dtype: DType = operand.array.dtype
        return dtype
    if isinstance(operand, Named):
        return operand.dtype
    return 1 if isinstance(operand, Rows) else operand


def shape_of(operand: Operand) -> tuple[Size, ...]:
    if isinstance(operand, Constant):
        sizes: tuple[int, ...] = operand.array.shape
        return sizes
    return operand.shape if isinstance(operand, Named) else ()


def computed_in(dtype: DType) -> DType:
    """In which dtype a node computes what has this one: not every runtime has small integers."""
    if dtype.kind == "f" or dtype in (bool_, int64, _INT32):
        return dtype
    return int64


class Writer:
    """A graph under construction.

    Args:
        source: the name of an input whose first axis has the number of rows.
        taken: names that no node may have.
        opset: which nodes there are.
    """

    def __init__(self, source: str, taken: Sequence[str], opset: int) -> None:
        self.source, self.opset = source, opset
        self.nodes: list[Node] = []
        self.constants: dict[str, NDArray] = {}
        self.wishes: dict[str, str] = {}
        """What the constants would be called if each had a name for itself alone."""
        self.scope = ""
        """What the next nodes belong to: "layers.0 Dense"."""
        self._taken = set(taken)
        self._counts: dict[str, int] = {}
        self._known: dict[Any, str] = {}
        self._rows: str | None = None
        self._makers: dict[str, Node] = {}
        self.seen: dict[str, Named] = {}
        """Values of the program that nodes and inputs give, by name."""

    def unique(self, wish: str) -> str:
        """`wish`, with a number behind it where it is taken."""
        name = wish
        while name in self._taken:
            self._counts[wish] = self._counts.get(wish, 0) + 1
            name = f"{wish}_{self._counts[wish]}"
        self._taken.add(name)
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Append a node; the name of what it gives."""
        return self.nodes_of(kind, inputs, 1, attributes)[0]

    def nodes_of(
        self, kind: str, inputs: tuple[str, ...], count: int, attributes: Mapping[str, Any]
    ) -> tuple[str, ...]:
        """The same for a node that gives several."""
        wish = f"{self.scope.replace(' ', '/')}/{kind}".lstrip("/")
        outputs = tuple(self.unique(wish) for _ in range(count))
        made = Node(kind, inputs, outputs, outputs[-1], attributes)
        self.nodes.append(made)
        self._makers |= dict.fromkeys(outputs, made)
        return outputs

    def maker(self, name: str) -> Node | None:
        """The node that gives `name`; None of an input or a constant."""
        return self._makers.get(name)

    def constant(self, array: NDArray, wish: str = "") -> str:
        """The name of an initializer with these numbers."""
        content = array.tobytes()
        key = (array.dtype.str, array.shape, wish, hash(content))
        known = self._known.get(key)
        if known is None or self.constants[known].tobytes() != content:
            known = self._known[key] = self.unique(wish or "constant")
            self.constants[known], self.wishes[known] = array, wish
        return known

    def number(self, value: Scalar, dtype: DType) -> str:
        """The name of one number."""
        with np.errstate(all="ignore"):
            return self.constant(np.asarray(value).astype(dtype))

    def name_of(self, operand: Operand, dtype: DType | None = None) -> str:
        """The name of `operand`, in `dtype`."""
        if isinstance(operand, Constant):
            array = operand.array
            if dtype is not None and array.dtype != dtype:
                with np.errstate(all="ignore"):
                    array = array.astype(dtype)
            return self.constant(array, operand.wish)
        if isinstance(operand, Named):
            return operand.name if dtype is None else self.cast(operand.name, operand.dtype, dtype)
        if isinstance(operand, Rows):
            number = self.node("Squeeze", self.vector([operand]))
            return self.cast(number, int64, dtype or int64)
        return self.number(operand, dtype or np.asarray(operand).dtype)

    def cast(self, name: str, old: DType, new: DType) -> str:
        """What `name` has, in another dtype."""
        return name if old == new else self.node("Cast", name, to=new)

    def vector(self, sizes: Sequence[Size]) -> str:
        """A list of sizes, int64."""
        parts: list[str] = []
        fixed: list[int] = []
        for size in sizes:
            if not isinstance(size, Rows):
                fixed.append(size)
                continue
            if fixed:
                parts.append(self._integers(fixed))
            parts.append(self._line(size))
            fixed = []
        if fixed or not parts:
            parts.append(self._integers(fixed))
        return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0)

    def axes(self, axes: Sequence[int]) -> str:
        """A list of axes, which is an input of newer nodes."""
        return self._integers(axes)

    def _integers(self, numbers: Sequence[int]) -> str:
        return self.constant(np.array(numbers, np.int64))

    def _line(self, size: Rows) -> str:
        """A list of this one size."""
        key = ("rows", size)
        if key in self._known:
            return self._known[key]
        if self._rows is None:
            self._rows = self.node("Shape", self.source, start=0, end=1)
        name = self._rows
        if size.times != 1:
            name = self.node("Mul", name, self._integers([size.times]))
        if size.more:
            name = self.node("Add", name, self._integers([size.more]))
        self._known[key] = name
        return name

    def reshaped(self, name: str, shape: Sequence[Size]) -> str:
        """`name` in another shape; a single size that follows the rows is worked out."""
        moving = [i for i, size in enumerate(shape) if isinstance(size, Rows)]
        if len(moving) == 1 and 0 not in shape:
            return self.node(
                "Reshape", name, self._integers([-1 if isinstance(n, Rows) else n for n in shape])
            )
        return self.node("Reshape", name, self.vector(shape), **({"allowzero": 1} if 0 in shape else {}))

    def transposed(self, name: str, axes: Sequence[int]) -> str:
        """`name` with its axes in another order; two orders in a row are one."""
        before = self.maker(name)
        if before is not None and before.kind == "Transpose":
            (name,) = before.inputs
            axes = [before.attributes["perm"][axis] for axis in axes]
        return name if list(axes) == list(range(len(axes))) else self.node("Transpose", name, perm=list(axes))

    def expanded(self, name: str, old: Sequence[Size], new: Sequence[Size]) -> str:
        """`name` of shape `old` repeated to `new`; where both agree the node asks for nothing."""
        known = [1] * (len(new) - len(old)) + list(old)
        wanted = [1 if a == b else b for a, b in zip(known, new, strict=True)]
        if len(old) == len(new) and all(size == 1 for size in wanted):
            return name
        return self.node("Expand", name, self.vector(wanted))
