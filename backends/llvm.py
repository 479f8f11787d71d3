"""LLVM text to object code, by the LLVM that comes with Numba; and object code to memory.

Here alone llvmlite is imported, and only when something has to be compiled: what lies on disk is found under
a name that asks LLVM nothing, and loaded without it where `objects` can.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from . import imported_at, processor, store
from .cores import usable_cores
from .errors import CodeError
from .numba.workers import apart
from .objects import Image, UnknownObjectError

_GAINS = (" sdiv ", " @meet(")
"""What text holds where LLVM's optimizations gain something: places that are computed from those of windows,
and the driver, whose calls become jumps. Remainders of a counter alone (a mask of dropout) gain nothing.
"""


class Source(NamedTuple):
    """What an object file is made of.

    Attributes:
        signature: what decides the text, for the code that writes it.
        symbol: the function that is looked up in it.
        text: gives LLVM text.
        vectorized: whether LLVM makes vectors of loops and unrolls them; else they are written out already.
    """

    signature: str
    symbol: str
    text: Callable[[], str]
    vectorized: bool = False


@cache
def writers() -> str:
    """A hash of the code that writes texts: with it a signature decides the text. Empty where that
    code cannot be read, or has changed since it was imported: then the files are not what runs here.
    """
    folder = Path(__file__).parent
    others = ("cuda", "cupy")
    files = sorted(p for p in folder.glob("**/*.py") if p.relative_to(folder).parts[0] not in others)
    told, changed = hashlib.sha256(), 0.0
    for file in files:
        told.update(file.read_bytes())
        # when it was put there counts too: a file from an archive keeps the time at which it was written
        facts = file.stat()
        changed = max(changed, facts.st_mtime, facts.st_ctime)
    return told.hexdigest() if files and changed < imported_at else ""


@cache
def _machine(here: processor.Processor) -> str:
    """What besides a text decides the machine code."""
    versions = f"{processor.llvm_version()}\n{sys.platform}\n{sys.version_info[:2]}"
    return f"{versions}\n{here.name}\n{here.attributes}"


def _key(source: Source) -> str:
    """Everything that decides the machine code."""
    told = f"{writers()}\n{source.signature}" if writers() else source.text()
    return f"{_machine(processor.here())}\n{source.vectorized}\n{told}"


def object_codes(sources: Sequence[Source]) -> list[bytes]:
    """The object files, from disk, or made now and kept there.

    Raises:
        CodeError: LLVM refuses a text.
    """
    keys = [_key(source) for source in sources]
    found = [store.found(key, source.symbol) for key, source in zip(keys, sources, strict=True)]
    new = [i for i, code in enumerate(found) if code is None]
    if new:
        made = compiled([sources[i] for i in new])
        for i, code in zip(new, made, strict=True):
            store.keep(keys[i], code)
            found[i] = code
    return [code for code in found if code is not None]


def compiled(sources: Sequence[Source]) -> list[bytes]:
    """The object files, made by all cores: while one thread writes a text, others are in LLVM.

    Raises:
        CodeError: LLVM refuses a text.
    """
    made: dict[int, bytes] = {}
    # the longest first, so that the cores end together
    left = deque(sorted(range(len(sources)), key=lambda i: -len(sources[i].signature)))
    failed: list[BaseException] = []

    def some(compiler: _Compiler | None = None) -> None:
        while left and not failed:
            try:
                i = left.popleft()
            except IndexError:
                return
            try:
                text = sources[i].text()
                compiler = compiler or _Compiler()
                made[i] = compiler.object_code(text, sources[i].vectorized)
            except BaseException as error:  # whatever it is: it is raised by the thread that asked
                failed.append(error)

    apart([lambda: some(_Compiler()), *[some] * (min(usable_cores(), len(sources)) - 1)])
    if failed:
        raise failed[0]
    return [made[i] for i in range(len(sources))]


def _binding() -> Any:
    """LLVM, ready to write code for the processor here."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


class _Compiler:
    """LLVM in one thread: it is safe to use where threads share no context and no target machine."""

    def __init__(self) -> None:
        self.llvm = _binding()
        self.context = self.llvm.create_context()
        self.machines: dict[int, Any] = {}

    def machine(self, level: int) -> Any:
        if level not in self.machines:
            here = processor.here()
            self.machines[level] = self.llvm.Target.from_default_triple().create_target_machine(
                cpu=here.name, features=here.attributes, opt=level, jit=True, codemodel="jitdefault"
            )
        return self.machines[level]

    def object_code(self, text: str, vectorized: bool) -> bytes:
        level = 3 if vectorized else 2
        machine = self.machine(level)
        try:
            module = self.llvm.parse_assembly(text, context=self.context)
            module.triple = self.llvm.get_default_triple()
            module.data_layout = str(machine.target_data)
            module.verify()
        except RuntimeError as error:
            if type(error) is not RuntimeError:  # llvmlite has no class of its own, others have
                raise
            raise CodeError(f"LLVM refuses the text: {error}") from error
        options = self.llvm.create_pipeline_tuning_options(speed_level=level)
        options.loop_vectorization, options.slp_vectorization = vectorized, False
        options.loop_unrolling = vectorized
        builder = self.llvm.create_pass_builder(machine, options)
        if vectorized or any(word in text for word in _GAINS):
            builder.getModulePassManager().run(module, builder)
        else:
            # Where vectors are written out, all that LLVM's 2nd level gains is the shape of loops: kernels
            # take the same time, and compile in half of it.
            passes = self.llvm.create_new_function_pass_manager()
            passes.add_loop_rotate_pass()
            for function in module.functions:
                if not function.is_declaration:
                    passes.run(function, builder)
        return _emitted(machine, module)


def _emitted(machine: Any, module: Any) -> bytes:
    """`machine.emit_object(module)` without the lock that llvmlite holds around each call."""
    from llvmlite.binding import ffi

    emit = getattr(ffi.lib.LLVMPY_TargetMachineEmitToMemory, "_cfn", None)
    if emit is None:
        code: bytes = machine.emit_object(module)
        return code
    with ffi.OutputString() as told:
        buffer = emit(machine, module, 1, told)
        if not buffer:
            raise CodeError(f"LLVM refuses the text: {told}")
    try:
        start, size = ffi.lib.LLVMPY_GetBufferStart(buffer), ffi.lib.LLVMPY_GetBufferSize(buffer)
        return ctypes.string_at(start, size)
    finally:
        ffi.lib.LLVMPY_DisposeMemoryBuffer(buffer)


def loaded(codes: Sequence[bytes]) -> Any:
    """What holds object files in memory as long as it lives, and gives a function's address by its name."""
    try:
        return Image(codes)
    except UnknownObjectError:
        found: list[Any] = []
        apart([partial(_by_llvm, codes, found)])
        return found[0]


def _by_llvm(codes: Sequence[bytes], found: list[Any]) -> None:
    llvm = _binding()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True, codemodel="jitdefault")
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    for code in codes:
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    found.append(engine)


def _renew() -> None:
    """In a child of a fork: the lock of llvmlite is free, whichever thread held it in the parent."""
    library = getattr(sys.modules.get("llvmlite.binding.ffi"), "lib", None)
    held = getattr(getattr(library, "_lock", None), "_lock", None)
    if held is not None:
        held._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
