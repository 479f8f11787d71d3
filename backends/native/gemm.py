"""A product that BLAS computes, as a call between kernels."""

from __future__ import annotations

import numpy as np

from ..contract import NAMES
from ..program.ir import Value
from .kernel import UNIT, Kernel
from .vectors import literal


class GemmCall(Kernel):
    """C = alpha A B + beta C by a function of BLAS, called in each thread for its rows or its columns of C.

    `factor` is a number, or the value that holds alpha with its sign; `old` scales what C holds before.
    """

    def __init__(
        self,
        function: Value,
        a: Value,
        b: Value,
        c: Value,
        size: tuple[int, int, int],
        turned: tuple[bool, bool],
        steps: tuple[int, int],
        width: int,
        alpha: Value | float = 1.0,
        sign: float = 1.0,
        beta: float = 0.0,
    ) -> None:
        roots = [function, a, b, c] + ([alpha] if isinstance(alpha, Value) else [])
        super().__init__(roots, width)
        self.names = [self.pointers[v] for v in (function, a, b, c)]
        self.alpha = self.pointers[alpha] if isinstance(alpha, Value) else float(alpha)
        self.sign, self.beta = sign, beta
        self.size, self.turned, self.steps = size, turned, steps
        self.dtype = c.spec.dtype

    @staticmethod
    def by_rows(rows: int, columns: int) -> bool:
        """Whether threads share the rows: each then reads all of B, so the longer side is cut."""
        return rows >= columns

    def body(self) -> None:
        code = self.code
        function, a, b, c = self.names
        rows, columns, terms = self.size
        by_rows = self.by_rows(rows, columns)
        begin, end = self.share(rows if by_rows else columns, UNIT if by_rows else 16)
        length = code.binary("-", end, begin)
        some = code.compare(">", length, 0)
        inner = "float" if self.dtype == np.float32 else "double"
        turned_a, turned_b = self.turned

        def call() -> None:
            if by_rows:
                place_a = begin if turned_a else code.binary("*", begin, self.steps[0])
                pa, pb = code.at(a, place_a, self.dtype), b
                pc = code.at(c, code.binary("*", begin, columns), self.dtype)
            else:
                place_b = code.binary("*", begin, self.steps[1]) if turned_b else begin
                pa, pb = a, code.at(b, place_b, self.dtype)
                pc = code.at(c, begin, self.dtype)
            short = code.put(f"trunc i64 {length.name} to i32", "int32").name
            m, n = (short, str(columns)) if by_rows else (str(rows), short)
            alpha = self._alpha(inner)
            beta = literal(self.beta, NAMES[self.dtype])
            flags = f"i32 101, i32 {112 if turned_a else 111}, i32 {112 if turned_b else 111}"
            code.line(
                f"call void {function}({flags}, i32 {m}, i32 {n}, i32 {terms}, {inner} {alpha}, ptr {pa}, "
                f"i32 {self.steps[0]}, ptr {pb}, i32 {self.steps[1]}, {inner} {beta}, ptr {pc}, i32 "
                f"{columns})"
            )

        self.when(some, call)

    def _alpha(self, inner: str) -> str:
        code = self.code
        if not isinstance(self.alpha, str):
            return literal(self.alpha * self.sign, NAMES[self.dtype])
        value = code.load(self.alpha, self.dtype)
        return (code.negate(value) if self.sign < 0 else value).name
