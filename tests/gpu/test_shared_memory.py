"""Arrays that share memory: what CuPy's own say of it, and what becomes of them as data and as state."""

from __future__ import annotations

import numpy as np
import pytest
import substitute

import autograd as ag
import nn

pytestmark = pytest.mark.once

SHARING = {
    "slice": (lambda xp, x: x[2:], True),
    "number": (lambda xp, x: x[0], True),
    "ellipsis": (lambda xp, x: x[...], True),
    "reshape": (lambda xp, x: x.reshape(2, 8), True),
    "ravel": (lambda xp, x: x.ravel(), True),
    "transpose": (lambda xp, x: x.transpose(1, 0), True),
    "T": (lambda xp, x: x.T, True),
    "view": (lambda xp, x: x.view(), True),
    "view of another dtype": (lambda xp, x: x.view(np.int32), True),
    "broadcast_to": (lambda xp, x: xp.broadcast_to(x, (3, 4, 4)), True),
    "as_strided": (lambda xp, x: xp.lib.stride_tricks.as_strided(x, (2, 2), (16, 4)), False),
    "from_dlpack": (lambda xp, x: xp.from_dlpack(x), False),
    "a place in memory": (lambda xp, x: xp.ndarray((4,), x.dtype, x.data), False),
}
"""What gives an array of the same memory, and whether CuPy sets its `base`: `_ndarray_base._view` does, in
`cupy/_core/core.pyx`, and nothing else; `as_strided` (`cupy/lib/stride_tricks.py`) and `from_dlpack`
(`cupy/_core/dlpack.pyx`) make an `ndarray` of a pointer. Read in 14.2.0."""


@pytest.mark.parametrize("name", SHARING)
def test_the_substitute_says_of_its_arrays_what_cupy_says(name):
    make, has_base = SHARING[name]
    x = substitute.cupy.ndarray((4, 4), np.float32)
    made = make(substitute.cupy, x)
    assert made._mem is x._mem or np.shares_memory(made._host, x._host)
    assert (made.base is not None) == has_base


def test_every_name_that_shares_memory_stands_in_the_table():
    """Whatever the substitute's array and functions give for one array, without computing."""
    found = set()
    x = substitute.cupy.array(np.ones((4, 4), np.float32))
    for name in ("T", "view", "ravel", "transpose", "copy", "astype", "reshape"):
        member = getattr(x, name)
        arguments = {"astype": (np.float64,), "reshape": (2, 8)}.get(name, ())
        made = member(*arguments) if callable(member) else member
        if np.shares_memory(made._host, x._host):
            found.add(name)
    for name in ("array", "asarray", "ascontiguousarray", "broadcast_to", "from_dlpack"):
        made = getattr(substitute.cupy, name)(x, *[(3, 4, 4)] * (name == "broadcast_to"))
        if made is not x and np.shares_memory(made._host, x._host):
            found.add(name)
    assert found <= set(SHARING)


def test_windows_without_overlap_are_data_of_a_model(either_backend):
    """They begin 4 bytes behind an address that kernels can read."""
    series = ag.arange(0.0, 1.0, 1 / 65, dtype="float32")[:65]
    x = ag.windows(series[1:], axes=0, size=8, stride=8)
    y = ag.ones((8, 1))
    found = {}
    for jit in (True, False):
        nn.utils.set_random_seed(0)
        model = nn.Sequential([nn.Input((8,)), nn.Dense(1)])
        model.compile("sgd", "mse", jit=jit)
        found[jit] = model.fit(x, y, epochs=3, batch_size=4, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(found[True], found[False], 1e-5)


@pytest.mark.parametrize("donate", [False, True])
def test_a_state_that_is_a_window_leaves_what_it_was_cut_from_alone(either_backend, donate):
    whole = ag.tensor(np.zeros(16, np.float32))
    window = ag.windows(whole, axes=0, size=8, stride=8)

    @ag.jit(state=[window], donate=donate)
    def step():
        window.assign(window + 1.0)

    step()
    step()
    assert window.numpy().tolist() == [[2.0] * 8] * 2
    assert whole.numpy().tolist() == [0.0] * 16
