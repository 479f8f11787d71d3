"""A small step of gradient descent, and how machines put their steps on a stream."""

from __future__ import annotations

import numpy as np

import autograd as ag
from backends.cupy import executable as machine_module
from backends.cupy import graphs

WAYS = ("graphs", "no graphs", "one kernel")


def put_on_the_stream_by(way, monkeypatch):
    """Graphs, also where one kernel would do; no graphs; or one kernel for small steps, from the first one on."""
    if way == "graphs":
        monkeypatch.setattr(machine_module, "together", lambda calls: None)
    elif way == "no graphs":
        monkeypatch.setenv("GRADLOOM_CUDA_GRAPHS", "0")
    else:
        monkeypatch.setattr(graphs, "ONE_KERNEL_AFTER", 0)


def put(machine, *beginnings):
    """What was put on streams since the last look, as far as it begins so."""
    found = [what for _, what in machine.log if what.startswith(beginnings)]
    machine.log.clear()
    return found


def descent(w, rate=0.25, **options):
    @ag.jit(state=[w], **options)
    def step(x):
        w.grad = None
        loss = ((x * w) ** 2).sum()
        loss.backward()
        w.assign(w.detach() - w.grad * rate)
        return loss.detach()

    return step


def start():
    return ag.tensor(np.arange(4, dtype=np.float32), requires_grad=True)
