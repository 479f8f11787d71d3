"""Keras with float64 on JAX, for the tests that compare with it."""

from __future__ import annotations

import os
import warnings

import pytest


def import_keras():
    """The keras module; the calling test module is skipped where it is not installed."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    pytest.importorskip("jax")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras = pytest.importorskip("keras")
        import jax

        jax.config.update("jax_enable_x64", True)
        keras.config.set_floatx("float64")
        # on JAX, Keras turns float64 into float32 inside means, products and more; here it must not
        from keras.src.backend.common import dtypes

        dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    return keras
