"""LLVM text to machine code, kernel by kernel, kept on disk by `store`.

Programs share kernels: another width, or a model with a layer that is known, compiles only what is new. The
driver is compiled once for all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from .. import llvm, processor
from ..locks import renewed_lock
from .driver import DRIVER, driver_text
from .kernel import Kernel

_lock = renewed_lock()
_lock_of_texts = renewed_lock()
"""Another one: texts are written in the threads that compile, while the first is held."""


class Function:
    """A kernel's function, told apart by what decides its text, which is written when somebody needs it."""

    def __init__(self, kernel: Kernel) -> None:
        self.signature = kernel.signature()
        self._kernel = kernel
        self._text = ""

    @property
    def text(self) -> str:
        """LLVM text, in which the function is called `@NAME`."""
        # not a `cached_property`: its lock, one for the class, would stay held in a child of a fork
        with _lock_of_texts:
            self._text = self._text or self._kernel.text()
            return self._text

    @property
    def declared(self) -> tuple[str, ...]:
        """What the text declares."""
        return tuple(self._kernel.code.declared) if self.text else ()

    def module(self, name: str) -> str:
        """The function alone, called `name`, in a module."""
        return _module([self.text.replace("@NAME", f"@{name}", 1)], self.declared)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Function) and self.signature == other.signature

    def __hash__(self) -> int:
        return hash(self.signature)


class Code:
    """A function's machine code in memory, as long as somebody holds this object."""

    def __init__(self, image: Any, symbol: str) -> None:
        self.image = image
        self.address = int(image.get_function_address(symbol))


_images: list[Any] = []
_driver: dict[str, int] = {}
_held: WeakValueDictionary[str, Code] = WeakValueDictionary()


def listing(functions: Sequence[Function]) -> str:
    """All functions, as `@k0`, `@k1` and so on, and the driver in one module, to be read."""
    declared = dict.fromkeys(line for function in functions for line in function.declared)
    texts = [f.text.replace("@NAME", f"@k{k}", 1) for k, f in enumerate(functions)]
    return _module([*texts, driver_text()], list(declared))


def build(functions: Sequence[Function]) -> list[Code]:
    """The machine code of each function, compiled at most once for this machine."""
    with _lock:
        codes = {function: _held.get(function.signature) for function in functions}
        new = [function for function, code in codes.items() if code is None]
        if new:
            codes.update(zip(new, _loaded(new), strict=True))
        return [code for f in functions if (code := codes[f]) is not None]


def _loaded(functions: Sequence[Function]) -> list[Code]:
    # object files that are loaded together have to differ in their symbols
    symbols = [f"k{hashlib.sha256(f.signature.encode()).hexdigest()[:32]}" for f in functions]
    sources = [
        llvm.Source(f.signature, s, partial(f.module, s)) for f, s in zip(functions, symbols, strict=True)
    ]
    image = llvm.loaded(_objects(sources))
    codes = [Code(image, symbol) for symbol in symbols]
    _held.update(zip((f.signature for f in functions), codes, strict=True))
    return codes


def driver() -> dict[str, int]:
    """The addresses of the driver's functions, which stay for as long as the process lives."""
    with _lock:
        if not _driver:
            _objects([])
        return _driver


def _objects(sources: Sequence[llvm.Source]) -> list[bytes]:
    """Their object files. With the first ones the driver is compiled, beside them."""
    if _driver:
        return llvm.object_codes(sources)
    text = _module([driver_text()], ())
    *codes, code = llvm.object_codes([*sources, llvm.Source(text, DRIVER[0], lambda: text)])
    image = llvm.loaded([code])
    _images.append(image)
    _driver.update({name: int(image.get_function_address(name)) for name in DRIVER})
    return codes


def _module(texts: Sequence[str], declared: Sequence[str]) -> str:
    wide = '"prefer-vector-width"="512" ' if processor.here().has_wide_vectors else ""
    lines = [
        "; made by gradloom from a program",
        *declared,
        *texts,
        f"attributes #0 = {{ nounwind {wide}}}",
        "attributes #1 = { nounwind }",
    ]
    return "\n".join([*lines, ""])
