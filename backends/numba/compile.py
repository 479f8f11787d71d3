"""Source text of kernels to functions, once per machine; see `llvm`."""

from __future__ import annotations

import ctypes
import logging
import re
from collections.abc import Callable, Sequence
from typing import Any

from .. import llvm, processor
from ..locks import renewed_lock
from . import translate

_log = logging.getLogger("gradloom")
_lock = renewed_lock()
_loaded: dict[str, Callable[..., None]] = {}
_images: list[Any] = []
"""They own the machine code; one that is collected takes its functions with it."""
_ARGUMENTS = {"types.int64": ctypes.c_int64, "types.float64": ctypes.c_double}


def load(source: str) -> Callable[..., None]:
    """The function `kernel` of `source`, callable with integers, addresses and numbers. It releases the GIL.

    Raises:
        CodeError: whatever the translation or LLVM has against the source.
    """
    function = _loaded.get(source)
    if function is None:
        with _lock:
            if source not in _loaded:
                _loaded[source] = _bind(source, _object_code(source))
            function = _loaded[source]
    return function


def _object_code(source: str) -> bytes:
    """Object code whose function `translate.SYMBOL` is the kernel."""
    (code,) = llvm.object_codes(
        [llvm.Source(source, translate.SYMBOL, lambda: _text(source), vectorized=True)]
    )
    return code


def _text(source: str) -> str:
    _log.info("compiling a kernel, once for this machine")
    return translate.llvm_text(source, processor.here().has_wide_vectors)


def _bind(source: str, code: bytes) -> Callable[..., None]:
    prototype = ctypes.CFUNCTYPE(None, *_argument_types(source))
    image = llvm.loaded([code])
    _images.append(image)
    return prototype(image.get_function_address(translate.SYMBOL))


def _argument_types(source: str) -> Sequence[Any]:
    """The C types of the kernel, read off its own declaration: pointers are addresses."""
    declared = re.search(r"@cfunc\(types\.void\((.*)\), error_model", source)
    assert declared is not None
    return [_ARGUMENTS.get(name, ctypes.c_void_p) for name in declared[1].split(", ")]
