"""Source text to machine code, once per machine: compiled by Numba, kept as object code in a file.

A stored kernel needs no Numba to run, only llvmlite: loading one takes about a millisecond, importing Numba a third of
a second. The file is named by a hash of all that decides its content (source, versions, processor) and begins with a
hash of itself, so a damaged or foreign file is compiled again instead of being run. Files are written to a temporary
name and renamed, so any number of processes may share the folder, which only the user may read or write.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.metadata
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
        Exception: whatever Numba has against the source.
    """
    function = _loaded.get(source)
    if function is None:
        with _lock:
            if source not in _loaded:
                _loaded[source] = _bind(source, kept(source, lambda: _compile(source)))
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

    versions = [importlib.metadata.version(name) for name in ("numba", "llvmlite")]
    features = llvm.get_host_cpu_features().flatten()
    return "\n".join(
        [*versions, sys.platform, llvm.get_host_cpu_name(), features, str(sys.version_info[:2])]
    )


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
    """Object code of the kernel. Its only symbol of interest is the C function, whose name stands in front."""
    _log.info("compiling a kernel, once for this machine")
    namespace: dict[str, Any] = {"__name__": "gradloom_kernel"}
    exec(compile(source, "<gradloom kernel>", "exec"), namespace)
    kernel = namespace["kernel"]
    code: bytes = kernel._library.serialize_using_object_code()[2][0]
    symbol: bytes = kernel.native_name.encode()
    return len(symbol).to_bytes(4, "little") + symbol + code


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


def _bind(source: str, stored: bytes) -> Callable[..., None]:
    length = int.from_bytes(stored[:4], "little")
    symbol, code = stored[4 : 4 + length].decode(), stored[4 + length :]
    prototype = ctypes.CFUNCTYPE(None, *_argument_types(source))
    engine = loaded([code])
    _engines.append(engine)
    return prototype(engine.get_function_address(symbol))


def _argument_types(source: str) -> Sequence[Any]:
    """The C types of the kernel, read off its own declaration: pointers are addresses."""
    declared = re.search(r"@cfunc\(types\.void\((.*)\), error_model", source)
    assert declared is not None
    return [_ARGUMENTS.get(name, ctypes.c_void_p) for name in declared[1].split(", ")]
