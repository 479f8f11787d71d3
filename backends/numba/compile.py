"""Source text to machine code, once per machine: compiled by the LLVM of Numba, kept as object code in a file.

Only llvmlite is imported, for Numba itself takes a third of a second to import. A stored kernel is loaded in about a
millisecond. The file is named by a hash of all that decides its content (source, versions, processor) and begins with a
hash of itself, so a damaged or foreign file is compiled again instead of being run. Files are written to a temporary
name and renamed, so any number of processes may share the folder, which only the user may read or write.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.metadata
import inspect
import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ..locks import renewed_lock
from . import translate

_log = logging.getLogger("gradloom")
_lock = renewed_lock()
_loaded: dict[str, Callable[..., None]] = {}
_engines: list[Any] = []
"""MCJIT engines own the machine code; one that is collected takes its functions with it."""
_HASH = hashlib.sha256().digest_size
_ARGUMENTS = {"types.int64": ctypes.c_int64, "types.float64": ctypes.c_double}


def load(source: str) -> Callable[..., None]:
    """The function `kernel` of `source`, callable with integers, addresses and numbers. It releases the GIL.

    Raises:
        Exception: whatever the translation or LLVM has against the source.
    """
    function = _loaded.get(source)
    if function is None:
        with _lock:
            if source not in _loaded:
                told = f"{_translation()}\n{source}"
                _loaded[source] = _bind(source, kept(told, lambda: _compile(source)))
            function = _loaded[source]
    return function


def clear() -> int:
    """Delete the stored kernels; returns how many there were."""
    folder = cache_folder()
    files = [] if folder is None else list(folder.glob("*.kernel"))
    for file in files:
        file.unlink(missing_ok=True)
    return len(files)


@cache
def cache_folder() -> Path | None:
    """Where kernels are kept: GRADLOOM_CACHE_DIR, or the user's cache folder. None when neither can be trusted."""
    try:
        chosen = os.environ.get("GRADLOOM_CACHE_DIR")
        if chosen:
            folder = Path(chosen)
        else:
            import platformdirs

            folder = Path(platformdirs.user_cache_dir("gradloom", appauthor=False))
        folder = folder / "kernels"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.stat()
        foreign = hasattr(os, "getuid") and (facts.st_uid != os.getuid() or facts.st_mode & 0o022)
        if foreign:
            # machine code that somebody else could have written must not be run
            _log.warning("%s can be written by others: kernels are not kept on disk", folder)
            return None
    except (ImportError, OSError) as error:
        _log.warning("kernels are not kept on disk, each process compiles its own: %s", error)
        return None
    return folder


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
    return "\n".join(
        [version, sys.platform, llvm.get_host_cpu_name(), features, str(sys.version_info[:2])]
    )


@cache
def _translation() -> str:
    """What stands between a source and LLVM, as a part of names: a stored kernel is of the translation as it is."""
    return hashlib.sha256(inspect.getsource(translate).encode()).hexdigest()


def kept(source: str, make: Callable[[], bytes]) -> bytes:
    """The object code of `source`: from the folder, or made now and put there."""
    name = hashlib.sha256(f"{_machine()}\n{source}".encode()).hexdigest()
    folder = cache_folder()
    if folder is None:
        return make()
    path = folder / f"{name}.kernel"
    try:
        content = path.read_bytes()
    except OSError:
        content = b""
    if content[:_HASH] == hashlib.sha256(content[_HASH:]).digest() and len(content) > _HASH:
        return content[_HASH:]
    code = make()
    _store(path, hashlib.sha256(code).digest() + code)
    return code


def _store(path: Path, content: bytes) -> None:
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        _log.warning("a kernel could not be kept in %s: %s", path.parent, error)


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
    """An object file of LLVM text, optimized at `level`; `vectorized` has LLVM make vectors of loops and unroll them."""
    import llvmlite.binding as llvm

    machine = _target_machine(level)
    module = llvm.parse_assembly(text)
    module.triple = llvm.get_default_triple()
    module.data_layout = str(machine.target_data)
    module.verify()
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
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True, codemodel="jitdefault")  # fmt: skip
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
