"""Who takes part, by name: the module that a contestant needs, and where its trainer is. Imports none of them."""

from __future__ import annotations

from typing import NamedTuple


class Peer(NamedTuple):
    """`needs` is a module that must be importable; `trainer` is `module:function` in `benchmarks.networks`."""

    needs: str
    trainer: str = ""


PEERS = {
    "gradloom": Peer("numpy", "with_gradloom:prepare"),
    "gradloom-numpy": Peer("numpy", "with_gradloom:on_numpy"),
    "torch": Peer("torch", "with_torch:eager"),
    "torch-compile": Peer("torch", "with_torch:compiled"),
    "torch-graph": Peer("torch", "with_torch_graph:whole_step"),
    "jax": Peer("jax", "with_jax:per_step"),
    "jax-scan": Peer("jax", "with_jax:per_epoch"),
    "keras-jax": Peer("jax", "with_keras:on_jax"),
    "keras-tensorflow": Peer("tensorflow", "with_keras:on_tensorflow"),
    "tensorflow": Peer("tensorflow"),
    "scikit-learn": Peer("sklearn", "with_sklearn:prepare"),
    "mygrad": Peer("mygrad", "with_mygrad:prepare"),
    "tinygrad": Peer("tinygrad", "with_tinygrad:prepare"),
    "numpy": Peer("numpy", "by_hand:prepare"),
    "numba": Peer("numba"),
    "onnxruntime": Peer("onnxruntime", "with_onnxruntime:prepare"),
    "openblas": Peer("scipy_openblas32"),
    "openblas-1-core": Peer("scipy_openblas32"),
    "cublas": Peer("numpy"),
    "reference": Peer("numpy"),
}
FRAMEWORKS = (
    "gradloom", "torch", "torch-compile", "jax", "jax-scan", "keras-jax", "keras-tensorflow", "scikit-learn", "mygrad",
    "tinygrad", "numpy",
)  # fmt: skip
"""Those that train networks on the CPU."""
ON_GPU = ("gradloom", "torch", "torch-compile", "torch-graph", "jax", "jax-scan")
IN_BFLOAT16 = ("gradloom", "torch", "torch-compile", "jax", "jax-scan")
"""Those that have products of bfloat16 on the CPU."""
PRODUCTS = ("openblas", "openblas-1-core", "cublas")
"""Matrix products alone."""
