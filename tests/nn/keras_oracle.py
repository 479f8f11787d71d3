"""Keras with float64 on PyTorch, for the tests that compare with it; on JAX with KERAS_BACKEND=jax.

What is compared is written in Keras above its backends. JAX compiles every primitive for every shape, which
takes a thousand times as long as PyTorch takes for these arrays.
"""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest


def import_keras():
    """The keras module; the calling test module is skipped where it is not installed."""
    backend = os.environ.setdefault("KERAS_BACKEND", "torch")
    os.environ.setdefault("KERAS_TORCH_DEVICE", "cpu")
    pytest.importorskip(backend)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras = pytest.importorskip("keras")
        if backend == "jax":
            import jax

            jax.config.update("jax_enable_x64", True)
        keras.config.set_floatx("float64")
        # Keras turns float64 into float32 inside means, products and more; here it must not
        from keras.src.backend.common import dtypes
        from keras.src.ops import nn

        dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
        # on PyTorch it takes a kernel for the last axes for others, too; its own formula is right for all
        nn.is_continuous_axis = lambda axis: False
    return keras


def as_array(value):
    """A tensor of Keras's backend, or what else NumPy takes."""
    return np.asarray(value.detach() if hasattr(value, "detach") else value)


def vjp(function, *inputs):
    """What a function of Keras's tensors gives for arrays, and the function from its slope to theirs."""
    if os.environ["KERAS_BACKEND"] == "jax":
        import jax

        value, pull = jax.vjp(function, *map(jax.numpy.asarray, inputs))
        return np.asarray(value), lambda slope: [np.asarray(s) for s in pull(jax.numpy.asarray(slope))]
    import torch

    leaves = [torch.tensor(x, requires_grad=True) for x in inputs]
    value = function(*leaves)
    if not value.requires_grad:  # nothing depends on them
        return as_array(value), lambda slope: [np.zeros_like(x) for x in inputs]
    return as_array(value), lambda slope: [
        s.numpy() for s in torch.autograd.grad(value, leaves, torch.tensor(slope), materialize_grads=True)
    ]  # fmt: skip
