"""Programs as text, run as machine code beside the interpreter."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("llvmlite")
from backends.native import Executable
from backends.native.driver import BARRIER
from backends.program import parse_program


def numbers(spec, rng):
    if spec.dtype.kind == "f":
        return rng.standard_normal(spec.shape).astype(spec.dtype)
    return np.asarray(rng.integers(0, 2, spec.shape)).astype(spec.dtype)


def differences(text, seed=0, **given):
    """The largest difference of each value of a program from the interpreter's."""
    program = parse_program(text)
    rng = np.random.default_rng(seed)
    machine = Executable(program)
    made = {role: {n: given.get(n, numbers(v.spec, rng)) for n, v in program.named(role).items()} for role in ("state", "input")}  # fmt: skip
    return machine.compare(made["state"], made["input"])


def assert_close(text, tolerance=2e-6, **given):
    """Every value of a program, to `tolerance`; there has to be one."""
    found = differences(text, **given)
    assert found
    for kernel, value, difference in found:
        assert difference <= tolerance, (kernel, value, difference)


def joined(texts):
    """Programs side by side in one, since a compiler takes longer to start than for a loop: `x` of the second is `x_1`."""
    parameters, body, assigns, outputs, base = [], [], [], [], 0
    for number, text in enumerate(texts):
        moved = re.sub(r"%(\d+)", lambda found, base=base: f"%{int(found[1]) + base}", text)
        base += 1 + max(int(n) for n in re.findall(r"%(\d+)", text))
        for line in filter(None, map(str.strip, moved.splitlines())):
            if re.search(r'= (input|state) "', line):
                parameters.append(re.sub(r'"(.*)"', rf'"\1_{number}"', line))
            elif line.startswith("return"):
                outputs += [
                    re.sub("=", f"_{number}=", one, count=1) for one in line.removeprefix("return").split(",")
                ]
            elif not line.startswith("program"):
                (assigns if line.startswith("assign") else body).append(line)
    return "\n".join(["program p", *parameters, *body, *assigns, f"return {','.join(outputs)}"])


def in_all(count, **given):
    """The same arrays for each of so many programs."""
    return {f"{name}_{number}": array for name, array in given.items() for number in range(count)}


def assert_nothing_is_overwritten_early(machine):
    """No result lies where a value is that another thread may still be reading: since all met, nobody else touched it."""
    offsets = machine.layout.offsets
    touched = {}
    for call, flags in machine.placed:
        if flags & BARRIER:
            touched.clear()
        for root in call.writes:
            for other, partitions in touched.items():
                shares = root in offsets and other in offsets and offsets[root] == offsets[other] and root != other  # fmt: skip
                assert not shares or partitions == {call.writes[root]}, (call.label, root, other)
        for root, partition in (*call.reads.items(), *call.writes.items()):
            touched.setdefault(root, set()).add(partition)


def product(rows, columns, terms, turned="", then="", setting=""):
    """A product, with a `setting` of its own, with a row added to it; `then` stands behind."""
    a, b = (terms, rows) if "a" in turned else (rows, terms), (columns, terms) if "b" in turned else (terms, columns)  # fmt: skip
    lines = [f'%0: float32[{a[0]}, {a[1]}] = input "a"', f'%1: float32[{b[0]}, {b[1]}] = input "b"', f'%9: float32[{columns}] = input "c"']  # fmt: skip
    left, right = "%0", "%1"
    if "a" in turned:
        lines.append(f"%2: float32[{rows}, {terms}] = permute_dims(%0, axes=(1, 0))")
        left = "%2"
    if "b" in turned:
        lines.append(f"%3: float32[{terms}, {columns}] = permute_dims(%1, axes=(1, 0))")
        right = "%3"
    lines += [
        f"%4: float32[{rows}, {columns}] = matmul({left}, {right}{setting})",
        f"%5: float32[{rows}, {columns}] = add(%4, %9)",
    ]
    return "\n".join([*lines, then or "return y=%5"])
