"""The tester finds a real bug in a released library: the gradient of `prod` in HIPS autograd 1.9.1.

The product of three numbers has a slope by each of them, also where one is zero. Run it with the interpreter of an
environment that has HIPS autograd, since both projects are imported as `autograd`:

    python -m venv .venv-hips
    .venv-hips/bin/python -m pip install autograd==1.9.1
    python docs/find_a_bug.py .venv-hips/bin/python
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import autograd as ag
from autograd.testing import GradientMismatch, adapters, check_grad

SOURCE = """
import autograd.numpy as np

def product(x):
    return np.prod(x)
"""
POINTS = ([0.5, 2.0, 3.0], [0.0, 2.0, 3.0])


def main(python: str) -> None:
    """Check the products of HIPS autograd and of this package at a point without and one with a zero."""
    with adapters.hips(SOURCE, python=python, function="product") as theirs:
        for name, product in ((f"HIPS autograd {theirs.version}", theirs), ("ours", ag.prod)):
            for x in POINTS:
                try:
                    check_grad(product, x)
                    print(f"{name}, at {x}: the gradient is right")
                except GradientMismatch as error:
                    print(f"{name}, at {x}: {str(error).splitlines()[0]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
