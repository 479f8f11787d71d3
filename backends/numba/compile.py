"""Source text to machine code, once per machine: compiled by the LLVM of
Numba, kept as object code by `store`.

Only llvmlite is imported, for Numba itself takes a third of a second to import. A stored kernel is loaded in
about a millisecond. What decides its content is the source, the versions and the processor.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.metadata
import inspect
import logging
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from .. import store
from ..errors import CodeError
from ..locks import renewed_lock
from . import translate
from .workers import uninterrupted

_log = logging.getLogger("gradloom")
_lock = renewed_lock()
_loaded: dict[str, Callable[..., None]] = {}
_engines: list[Any] = []
"""MCJIT engines own the machine code; one that is collected takes its functions with it."""
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
                told = f"{_translation()}\n{source}"
                _loaded[source] = _bind(source, kept(told, translate.SYMBOL, lambda: _compile(source)))
            function = _loaded[source]
    return function


@cache
def has_wide_vectors() -> bool:
    """Whether the processor has registers of 512 bits."""
    import llvmlite.binding as llvm

    return bool(llvm.get_host_cpu_features().get("avx512f", False))


@cache
def _machine() -> str:
    """What besides the source decides the machine code."""
    import llvmlite.binding as llvm

    version = importlib.metadata.version("llvmlite")
    features = llvm.get_host_cpu_features().flatten()
    return "\n".join([version, sys.platform, llvm.get_host_cpu_name(), features, str(sys.version_info[:2])])


@cache
def _translation() -> str:
    """What stands between a source and LLVM, as a part of names: a stored
    kernel is of the translation as it is.
    """
    return hashlib.sha256(inspect.getsource(translate).encode()).hexdigest()


def kept(source: str, symbol: str, make: Callable[[], bytes]) -> bytes:
    """The object code of `source` for this processor, which defines `symbol`:
    from disk, or made now and kept there.
    """
    return store.kept(f"{_machine()}\n{source}", symbol, make)


def _compile(source: str) -> bytes:
    """Object code whose function `translate.SYMBOL` is the kernel."""
    _log.info("compiling a kernel, once for this machine")
    return object_code(translate.llvm_text(source, has_wide_vectors()), 3, vectorized=True)


@cache
def _target_machine(level: int) -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=level,
        jit=True,
        codemodel="jitdefault",
    )


def object_code(text: str, level: int, vectorized: bool) -> bytes:
    """An object file of LLVM text, optimized at `level`; `vectorized` has LLVM
    make vectors of loops and unroll them.

    Raises:
        CodeError: LLVM refuses the text.
    """
    return uninterrupted(lambda: _object_code(text, level, vectorized))


def _object_code(text: str, level: int, vectorized: bool) -> bytes:
    import llvmlite.binding as llvm

    machine = _target_machine(level)
    try:
        module = llvm.parse_assembly(text)
        module.triple = llvm.get_default_triple()
        module.data_layout = str(machine.target_data)
        module.verify()
    except RuntimeError as error:
        if type(error) is not RuntimeError:  # llvmlite has no class of its own, others have
            raise
        raise CodeError(f"LLVM refuses the text: {error}") from error
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    options.loop_vectorization, options.slp_vectorization = vectorized, False
    if not vectorized:
        options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    code: bytes = machine.emit_object(module)
    return code


def loaded(codes: Sequence[bytes]) -> Any:
    """An engine that holds object files as long as it lives itself."""
    return uninterrupted(lambda: _loaded_engine(codes))


def _loaded_engine(codes: Sequence[bytes]) -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True, codemodel="jitdefault")
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    for code in codes:
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def _bind(source: str, code: bytes) -> Callable[..., None]:
    prototype = ctypes.CFUNCTYPE(None, *_argument_types(source))
    engine = loaded([code])
    _engines.append(engine)
    return prototype(engine.get_function_address(translate.SYMBOL))


def _argument_types(source: str) -> Sequence[Any]:
    """The C types of the kernel, read off its own declaration: pointers are addresses."""
    declared = re.search(r"@cfunc\(types\.void\((.*)\), error_model", source)
    assert declared is not None
    return [_ARGUMENTS.get(name, ctypes.c_void_p) for name in declared[1].split(", ")]
