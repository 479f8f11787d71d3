"""The steps that several tests compile."""

from __future__ import annotations

import numpy as np

import autograd as ag


def ones(n=2, dtype="float32"):
    return ag.ones(n, dtype)


def counter():
    """A tensor and a step that adds to it."""
    w = ag.zeros(2)

    @ag.jit(state=[w])
    def add(x):
        w.assign(w + x)

    return w, add


def big_step(rows=64):
    """A step with enough work for two threads, and its state.

    Args:
        rows: up to 16 OpenBLAS takes one thread for each product, as NumPy and scipy-openblas32 have it.
    """
    draw = np.random.default_rng(0)
    w = ag.tensor(draw.standard_normal((96, 128)).astype(np.float32))

    @ag.jit(state=[w])
    def step(x):
        w.assign(w + (x.T @ ag.tanh(x @ w)) * 0.01)
        return w.sum()

    return w, step, ag.tensor(draw.standard_normal((rows, 96)).astype(np.float32))
