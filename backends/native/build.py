"""LLVM text to machine code, kept on disk; the folder, its permissions and its checks are those of `numba.compile`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

from ..locks import renewed_lock
from ..numba.compile import has_wide_vectors, kept, loaded
from .driver import driver_text

_lock = renewed_lock()
_modules: WeakValueDictionary[str, Module] = WeakValueDictionary()


class Module:
    """Machine code in memory, as long as somebody holds this object."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine

    def address(self, name: str) -> int:
        return int(self.engine.get_function_address(name))


def vector_width() -> int:
    """How many float32 a register of the processor holds."""
    import llvmlite.binding as llvm

    if has_wide_vectors():
        return 16
    features = llvm.get_host_cpu_features()
    return 8 if features.get("avx2", False) else 4


def module_text(functions: Sequence[str], declared: Sequence[str]) -> str:
    """A whole module: the functions, what they declare, and the driver."""
    wide = '"prefer-vector-width"="512" ' if has_wide_vectors() else ""
    lines = dict.fromkeys([*declared, *driver_text().splitlines()[:1]])
    return "\n".join(
        [
            "; made by gradloom from a program",
            *(line for line in lines if line),
            *functions,
            *driver_text().splitlines()[1:],
            f"attributes #0 = {{ nounwind {wide}}}",
            "attributes #1 = { nounwind }",
            "",
        ]
    )


def build(text: str) -> Module:
    """The module of `text`, compiled at most once for this machine."""
    with _lock:
        module = _modules.get(text)
        if module is None:
            module = _modules[text] = Module(loaded(kept(text, lambda: _compile(text))))
        return module


def _compile(text: str) -> bytes:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=2,
        jit=True,
        codemodel="jitdefault",
    )
    module = llvm.parse_assembly(text)
    module.triple = llvm.get_default_triple()
    module.data_layout = str(machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    # vectors are written out already
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    code: bytes = machine.emit_object(module)
    return code
