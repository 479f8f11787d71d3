"""Who takes part, by name, without importing any of them; and how many threads all use."""

from __future__ import annotations

import os

FRAMEWORKS = (
    "gradloom", "torch", "torch-compile", "jax", "jax-scan", "keras-jax", "keras-tensorflow", "numpy",
)  # fmt: skip
PRODUCTS = ("openblas", "openblas-1-core")
CONTESTANTS = (*FRAMEWORKS, *PRODUCTS)


def threads_here() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
