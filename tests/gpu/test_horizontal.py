"""Kernels that run side by side: never before what they read, and fewer launches a step."""

from __future__ import annotations

import numpy as np
import pytest
from descending import put, put_on_the_stream_by
from hypothesis import given
from hypothesis import strategies as st

import nn
from backends.contract import Spec
from backends.cuda.calls import Call
from backends.cuda.horizontal import fused_horizontally
from backends.cuda.kernel import THREADS, Kernel
from backends.program.ir import Value

pytestmark = pytest.mark.once
ROOTS = [Value(number, Spec((4,), np.dtype(np.float32))) for number in range(7)]
KINDS = ["small", "small", "small", "large", "product"]


def call_of(label, reads, writes, kind):
    kernel = Kernel(label, "", "", "", (), (), (), (5000 if kind == "large" else 1, 1), THREADS, False)
    given, made = dict.fromkeys(reads, "all"), dict.fromkeys(writes, "all")
    return Call(label, (*given, *made), given, made, kernel=None if kind == "product" else kernel)


def left_by(parts):
    """What lies in each root in the end: who wrote it, from what; those that run at once all read first."""
    memory = {root: (str(root.number),) for root in ROOTS}
    for calls in parts:
        found = [{w: (name, *(memory[r] for r in reads)) for w in writes} for name, reads, writes in calls]
        for one in found:
            memory.update(one)
    return memory


@given(st.lists(st.tuples(st.sets(st.sampled_from(ROOTS), max_size=3), st.sets(st.sampled_from(ROOTS), min_size=1, max_size=2), st.sampled_from(KINDS)), max_size=14))  # fmt: skip
def test_every_value_is_made_of_what_it_was_made_of(drawn):
    written = {
        f"k{number}": (sorted(reads), sorted(writes)) for number, (reads, writes, _) in enumerate(drawn)
    }
    calls = [call_of(name, *written[name], kind) for name, (_, _, kind) in zip(written, drawn, strict=True)]
    fused = fused_horizontally(calls)
    parts = [[(name, *written[name]) for name in call.label.split(" | ")] for call in fused]
    assert sorted(name for part in parts for name, _, _ in part) == sorted(written)
    assert left_by(parts) == left_by([[(name, *both)] for name, both in written.items()])
    for part in parts:
        # at once: none writes what another one reads or writes
        for name, _, writes in part:
            others = {v for other, *both in part if other != name for values in both for v in values}
            assert not others & set(writes)


def test_what_is_large_or_no_kernel_stays_alone():
    calls = [
        call_of(f"k{k}", [], [root], kind) for k, (root, kind) in enumerate(zip(ROOTS, KINDS, strict=False))
    ]
    assert [len(call.label.split(" | ")) for call in fused_horizontally(calls)] == [3, 1, 1]


NETWORKS = {
    "tiny": ((8, 12, 8, 2), 32, 0.0),
    "small": ((64, 128, 64, 10), 32, 0.2),
    "mnist": ((784, 512, 256, 10), 128, 0.2),
}
NODES = {"tiny": 8, "small": 9, "mnist": 15}
"""Launches of a step; 17, 20 and 27 before kernels ran side by side and made their random bits themselves."""


@pytest.mark.parametrize("name", NETWORKS)
def test_launches_of_a_step(machine, monkeypatch, backend, name):
    put_on_the_stream_by("graphs", monkeypatch)
    widths, batch, rate = NETWORKS[name]
    hidden = [
        layer for n in widths[1:-1] for layer in (nn.Dense(n, "relu"), *([nn.Dropout(rate)] if rate else []))
    ]
    model = nn.Sequential([nn.Input((widths[0],)), *hidden, nn.Dense(widths[-1], "softmax")])
    model.compile(nn.SGD(0.01, momentum=0.9), "sparse_categorical_crossentropy")
    x = np.zeros((2 * batch, widths[0]), np.float32)
    model.fit(x, np.zeros(2 * batch, np.int32), batch, 1, verbose=0)
    assert {int(what.split()[-1]) for what in put(machine, "graph of")} == {NODES[name]}
