"""Kernels on the CPU: found again by what decides their text, linked without LLVM, made for the processor that is asked for."""

from __future__ import annotations

import ctypes
import math
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from interrupting import Foreign

import autograd as ag
import nn
from autograd.ops import OPS
from autograd.testing import samples

pytest.importorskip("llvmlite", reason="the extra gradloom[cpu] is not installed")

import llvmlite.binding as binding

from backends import llvm, objects, processor, store
from backends.native import build
from backends.native.driver import driver_text
from backends.native.lower import lower
from backends.native.vectors import VectorBuilder

KINDS = ("sgd", "adam")


def step_of(sample):
    """The program of an op and of all its gradients."""

    def step(*inputs):
        leaves = [ag.tensor(x, requires_grad=i in sample.floating) for i, x in enumerate(inputs)]
        y = sample.subject()._call(*leaves)
        if not y.requires_grad:
            return (y,)
        (y * y).sum().backward()
        return (y, *(leaf.grad for leaf in leaves if leaf.grad is not None))

    return ag.capture(step, *(ag.tensor(x) for x in sample.inputs), state={}).program


def programs_of_ops():
    for op in OPS.values():
        for dtype in ("float32", "float64"):
            for sample in samples(op, dtype):
                try:
                    yield step_of(sample)
                except ag.GradloomError:
                    # needs values, so it is no part of a program
                    continue


def programs_of_models():
    for optimizer in KINDS:
        for units, rate in ((4, 0.2), (5, 0.2), (4, 0.3)):
            model = nn.MLP(hidden=(units, units), outputs=3, dropout=rate, output_activation="softmax")
            model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
            yield nn.capture_train_step(model, ag.zeros((8, 5)), ag.zeros(8, "int64")).program


def test_a_signature_decides_the_text():
    """Over all ops, their gradients and some models: kernels of one signature have one text, and few texts have two."""
    texts, signatures = {}, {}
    for number, program in enumerate((*programs_of_models(), *programs_of_ops())):
        for width in (4, 16) if number < 6 else (8,):
            for call in lower(program, width, False).calls:
                if call.function is not None:
                    written = call.function.text, call.function.declared
                    assert texts.setdefault(call.function.signature, written) == written, call.label
                    signatures.setdefault(written, set()).add(call.function.signature)
    assert len(texts) > 500
    assert sum(map(len, signatures.values())) < 1.2 * len(signatures)


def test_a_signature_is_no_signature_without_what_writes_it(monkeypatch):
    """Where the sources cannot be read, the text itself is the name."""
    model = nn.MLP(hidden=(3,), outputs=1, dropout=0.25)
    model.compile("sgd", "mse")
    program = nn.capture_train_step(model, ag.zeros((8, 5)), ag.zeros((8, 1))).program
    functions = [c.function for c in lower(program, processor.here().width, False).calls if c.function is not None]  # fmt: skip
    told, llvm_writers = [], llvm.writers()
    monkeypatch.setattr(
        llvm, "object_codes", lambda sources: told.append([(s, llvm._key(s)) for s in sources]) or []
    )
    monkeypatch.setattr(llvm, "loaded", lambda codes: type("Image", (), {"get_function_address": lambda self, name: 1})())  # fmt: skip
    build._loaded(functions)
    monkeypatch.setattr(llvm, "writers", lambda: "")
    build._loaded(functions)
    by_signature, by_text = told
    assert all(
        key.endswith(f"{llvm_writers}\n{f.signature}")
        for f, (_, key) in zip(functions, by_signature, strict=True)
    )
    assert all("define void @" in key and key.endswith(s.text()) for s, key in by_text)


def test_the_hash_of_the_writers_is_that_of_their_files(monkeypatch):
    hashed = llvm.writers.__wrapped__
    monkeypatch.setattr(llvm, "imported_at", math.inf)
    assert len(hashed()) == 64
    # a file that came later is not the code that runs here: the hash would give its name to kernels of the old one
    newest = max(p.stat().st_ctime for p in Path(build.__file__).parent.parent.glob("native/*.py"))
    monkeypatch.setattr(llvm, "imported_at", newest - 1)
    assert hashed() == ""


def functions_of_a_model():
    """Functions whose text nobody has asked for."""
    model = nn.MLP(hidden=(3,), outputs=1, dropout=0.25)
    model.compile("sgd", "mse")
    program = nn.capture_train_step(model, ag.zeros((8, 5)), ag.zeros((8, 1))).program
    return [c.function for c in lower(program, 8, False).calls if c.function is not None]


def test_a_text_that_was_interrupted_is_written_anew(monkeypatch):
    whole = [f.text for f in functions_of_a_model()]
    functions = functions_of_a_model()

    def interrupted(self, text):
        real(self, text)
        if len(self.lines) > 12:
            raise Foreign

    real = VectorBuilder.line
    monkeypatch.setattr(VectorBuilder, "line", interrupted)
    for function in functions:
        with pytest.raises(Foreign):
            _ = function.text
    monkeypatch.undo()
    assert [f.text for f in functions] == whole


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_was_forked_while_another_thread_wrote_a_text(monkeypatch):
    function, other = functions_of_a_model()[:2]
    begun, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(function._kernel, "prologue", lambda: begun.set() or go_on.wait(60))
    thread = threading.Thread(target=lambda: function.text)
    thread.start()
    assert begun.wait(60)
    child = os.fork()
    if not child:
        # waits for ever where the lock of the other thread is not free here
        signal.alarm(20)
        os._exit(0 if "@NAME" in other.text else 1)
    go_on.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_was_forked_while_another_thread_was_in_llvm():
    text = "define void @nothing() {\n  ret void\n}"
    llvm.compiled([source(text)])
    begun, go_on = threading.Event(), threading.Event()

    def in_llvm():
        with binding.ffi.lib._lock:
            begun.set()
            go_on.wait(60)

    thread = threading.Thread(target=in_llvm)
    thread.start()
    assert begun.wait(60)
    child = os.fork()
    if not child:
        signal.alarm(20)
        # asked here, where no new thread may by chance have the identity of the one that held the lock
        os._exit(0 if binding.get_host_cpu_name() and llvm.compiled([source(text)]) else 1)
    go_on.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


def source(text):
    """What `compiled` takes."""
    return llvm.Source(text, "f", lambda: text)


# object files
ADD = """
declare double @llvm.sin.f64(double)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
@table = private constant [4 x double] [double 1.0, double 2.0, double 4.0, double 8.0]
define double @add(i64 %i, double %x, ptr %zeroed) {
  %p = getelementptr double, ptr @table, i64 %i
  %t = load double, ptr %p
  %s = call double @llvm.sin.f64(double %x)
  %r = fadd double %t, %s
  call void @llvm.memset.p0.i64(ptr %zeroed, i8 0, i64 4096, i1 false)
  ret double %r
}
"""
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other formats are LLVM's to load")


def added(image):
    """What the function gives for 2 and 0.5, when it has cleared the memory that it was given."""
    memory = np.ones(512)
    function = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64, ctypes.c_double, ctypes.c_void_p)
    found = function(image.get_function_address("add"))(2, 0.5, memory.ctypes.data)
    assert not memory.any()
    return found


@linux
def test_constants_and_functions_of_the_system_are_linked():
    image = objects.Image(llvm.compiled([source(ADD)]))
    assert added(image) == 4 + np.sin(0.5)


@pytest.mark.parametrize(
    "damage",
    {
        "another processor": lambda code: code[:18] + b"\xb7" + code[19:],
        "no object file": lambda code: b"something else" * 50,
    }.items(),
    ids=lambda item: item[0],
)
def test_what_is_not_understood_is_for_llvm(damage):
    (code,) = llvm.compiled([source(ADD)])
    with pytest.raises(objects.UnknownObjectError):
        objects.Image([damage[1](code)])


@pytest.mark.parametrize("text", ["@there = global i64 0", "declare void @nowhere()"])
def test_data_that_is_written_and_functions_that_nobody_has_are_for_llvm(text):
    body = "call void @nowhere()" if "nowhere" in text else "store i64 1, ptr @there"
    (code,) = llvm.compiled([source(f"{text}\ndefine void @f() {{\n {body}\n ret void\n}}")])
    with pytest.raises(objects.UnknownObjectError):
        objects.Image([code])


def test_llvm_loads_the_same(monkeypatch):
    codes = llvm.compiled([source(ADD)])

    def refused(codes):
        raise objects.UnknownObjectError

    monkeypatch.setattr(llvm, "Image", refused)
    assert added(llvm.loaded(codes)) == 4 + np.sin(0.5)


def test_one_text_that_is_refused_fails_the_whole():
    sources = [source(ADD.replace("@add", f"@add{i}")) for i in range(4)]
    with pytest.raises(ag.GradloomError, match="LLVM refuses"):
        llvm.compiled([*sources, source("define nonsense")])
    assert len(set(llvm.compiled(sources))) == 4


def test_what_cannot_be_written_is_told_by_the_thread_that_asked():
    def broken():
        raise OverflowError("no text")

    with pytest.raises(OverflowError, match="no text"):
        llvm.compiled([source(ADD), llvm.Source("broken", "f", broken), source(ADD)])
    assert len(llvm.compiled([source(ADD)])) == 1


@pytest.mark.parametrize(
    ("machine", "triple", "expected"),
    [
        ("x86_64", "x86_64-unknown-linux-gnu", ("ldmxcsr", "pause")),
        ("AMD64", "x86_64-pc-windows-msvc", ("ldmxcsr", "pause")),
        ("aarch64", "aarch64-unknown-linux-gnu", ("FPCR", "yield")),
        ("arm64", "arm64-apple-macosx", ("FPCR", "yield")),
        ("riscv64", "x86_64-unknown-linux-gnu", ()),
    ],
)
def test_every_processor_is_told_what_to_do_with_small_numbers(machine, triple, expected):
    """Twice a run: the mode is set, and put back."""
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    module = binding.parse_assembly(f"{driver_text(machine)}\nattributes #1 = {{ nounwind }}")
    module.verify()
    target = binding.Target.from_triple(triple).create_target_machine(opt=2)
    assembly = target.emit_assembly(module)
    for word in expected:
        assert len(re.findall(rf"\b{word}\b", assembly)) >= (4 if word in ("ldmxcsr", "FPCR") else 1), (
            assembly
        )
    if not expected:
        assert "mxcsr" not in assembly


# the processor
CODE = """
import numpy as np
import autograd as ag, nn
nn.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
model = nn.MLP(hidden=(16, 8), outputs=3, dropout=0.25, output_activation="softmax")
model.compile("adam", "sparse_categorical_crossentropy")
history = model.fit(x, (x.sum(1) > 0).astype("int64"), epochs=2, verbose=0)
import sys
from pathlib import Path
from backends.processor import here
print(ag.ones(1).backend, here().width, "llvmlite.binding" in sys.modules, history.history["loss"][-1])
"""


def run(code, **environment):
    return subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True)  # fmt: skip


@pytest.mark.parametrize("name", ["generic", "x86-64-v2", "x86-64-v3", "x86-64-v4"])
def test_training_for_a_lesser_processor(name, tmp_path):
    known = processor._LEVELS.get(name, ())
    if missing := set(known) - processor._host().features:
        pytest.skip(f"this processor has no {', '.join(sorted(missing))}")
    # one folder: each processor has kernels of its own in it
    first, again, native = (
        run(CODE, GRADLOOM_CPU=cpu, GRADLOOM_CACHE_DIR=str(tmp_path)) for cpu in (name, name, "native")
    )
    assert first.returncode == 0, first.stderr
    backend, width, compiled, loss = first.stdout.split()
    assert (backend, width, compiled) == (
        "numba",
        {"x86-64-v3": "8", "x86-64-v4": "16"}.get(name, "4"),
        "True",
    )
    assert again.stdout.split() == [backend, width, "False", loss]
    assert float(native.stdout.split()[-1]) == pytest.approx(float(loss), rel=1e-5)


@pytest.mark.parametrize("name", ["i386", "x86-64-v9"])
def test_a_processor_that_is_not_known_is_an_error(name):
    done = run("import autograd as ag; ag.ones(2)", GRADLOOM_CPU=name)
    assert f"BackendError: GRADLOOM_CPU={name!r} is no processor that is known here" in done.stderr


def test_a_processor_with_more_than_this_one_is_an_error(monkeypatch):
    monkeypatch.setenv("GRADLOOM_CPU", "x86-64-v4")
    monkeypatch.setattr(processor, "_host", lambda: processor.Processor("znver3", frozenset(processor._V3)))
    monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")
    with pytest.raises(ag.BackendError, match=r"the processor here \(znver3\) has no avx512bw"):
        processor.here.__wrapped__()


def test_what_the_processor_is_is_kept_and_believed_only_whole(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADLOOM_CACHE_DIR", str(tmp_path))
    asked = []
    real = processor._ask
    monkeypatch.setattr(processor, "_ask", lambda: asked.append(1) or real())
    monkeypatch.setattr(processor, "_description", lambda: "model: any")
    store.folder.cache_clear()
    try:
        first = processor._host()
        assert processor._host() == first
        assert len(asked) == 1
        (file,) = (tmp_path / "kernels").iterdir()
        file.write_bytes(file.read_bytes()[:-1])
        assert processor._host() == first
        # another processor under the same folder
        monkeypatch.setattr(processor, "_description", lambda: "model: another")
        assert processor._host() == first
        assert len(asked) == 3
    finally:
        store.folder.cache_clear()
