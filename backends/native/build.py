"""LLVM text to machine code, kernel by kernel, kept on disk by `store`.

Programs share kernels: another width, or a model with a layer that is known, compiles only what is new. The
driver is compiled once for all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache, partial
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from ..locks import renewed_lock
from ..numba.compile import has_wide_vectors, kept, loaded, object_code
from .driver import DRIVER, driver_text

_lock = renewed_lock()


class Function(NamedTuple):
    """LLVM text of a function that is called `@NAME` there, and what it declares."""

    text: str
    declared: tuple[str, ...] = ()


class Code:
    """A function's machine code in memory, as long as somebody holds this object."""

    def __init__(self, engine: Any, symbol: str) -> None:
        self.engine = engine
        self.address = int(engine.get_function_address(symbol))


_engines: list[Any] = []
_held: WeakValueDictionary[Function, Code] = WeakValueDictionary()


def vector_width() -> int:
    """How many float32 a register of the processor holds."""
    import llvmlite.binding as llvm

    if has_wide_vectors():
        return 16
    features = llvm.get_host_cpu_features()
    return 8 if features.get("avx2", False) else 4


def listing(functions: Sequence[Function]) -> str:
    """All functions, as `@k0`, `@k1` and so on, and the driver in one module, to be read."""
    declared = dict.fromkeys(line for function in functions for line in function.declared)
    texts = [f.text.replace("@NAME", f"@k{k}", 1) for k, f in enumerate(functions)]
    return _module([*texts, driver_text()], list(declared))


def build(functions: Sequence[Function]) -> list[Code]:
    """The machine code of each function, compiled at most once for this machine."""
    with _lock:
        codes = {function: _held.get(function) for function in functions}
        new = [function for function, code in codes.items() if code is None]
        if new:
            codes.update(zip(new, _loaded(new), strict=True))
        return [code for f in functions if (code := codes[f]) is not None]


def _loaded(functions: Sequence[Function]) -> list[Code]:
    texts, symbols = [], []
    for function in functions:
        # object files that are loaded together have to differ in their symbols
        symbol = f"k{hashlib.sha256(function.text.encode()).hexdigest()[:32]}"
        texts.append(_module([function.text.replace("@NAME", f"@{symbol}", 1)], function.declared))
        symbols.append(symbol)
    engine = loaded(
        [kept(text, symbol, partial(_compile, text)) for text, symbol in zip(texts, symbols, strict=True)]
    )
    codes = [Code(engine, symbol) for symbol in symbols]
    _held.update(zip(functions, codes, strict=True))
    return codes


@cache
def driver() -> dict[str, int]:
    """The addresses of the driver's functions, which stay for as long as the process lives."""
    text = _module([driver_text()], ())
    with _lock:
        engine = loaded([kept(text, DRIVER[0], partial(_compile, text))])
    _engines.append(engine)
    return {name: int(engine.get_function_address(name)) for name in DRIVER}


def _module(texts: Sequence[str], declared: Sequence[str]) -> str:
    wide = '"prefer-vector-width"="512" ' if has_wide_vectors() else ""
    lines = [
        "; made by gradloom from a program",
        *declared,
        *texts,
        f"attributes #0 = {{ nounwind {wide}}}",
        "attributes #1 = { nounwind }",
    ]
    return "\n".join([*lines, ""])


def _compile(text: str) -> bytes:
    # vectors are written out already
    return object_code(text, 2, vectorized=False)
