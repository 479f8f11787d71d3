"""Activations side by side: each function of the course, and its derivative as automatic differentiation sees it.

What to look for: where the derivative is small, learning is slow (sigmoid and tanh far from 0); where it is 0, it
stops (ReLU to the left); leaky ReLU and ELU keep a little slope there.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from pictures import options, save

import autograd as ag

X = np.linspace(-4, 4, 401)
# maxout of x and 1 - x/2: the larger of two linear functions
FUNCTIONS = {
    "sigmoid": ag.sigmoid,
    "tanh": ag.tanh,
    "ReLU": ag.relu,
    "leaky ReLU, max(0.1x, x)": ag.leaky_relu,
    "ELU": ag.elu,
    "maxout, max(x, 1 - x/2)": lambda x: ag.maximum(x, 1 - x / 2),
    "softplus": ag.softplus,
    "GELU": ag.gelu,
}


def main() -> None:
    chosen = options(__doc__, "activations")
    figure, axes = plt.subplots(2, 4, figsize=(13, 6), sharex=True)
    print(f"{'activation':<26} value at -2, 2    slope at -2, 2    largest slope")
    for axis, (name, function) in zip(axes.flat, FUNCTIONS.items(), strict=True):
        x = ag.tensor(X, requires_grad=True)
        y = function(x)
        y.sum().backward()
        values, slopes = y.numpy(), x.grad.numpy()
        at = [np.abs(X - place).argmin() for place in (-2, 2)]
        print(
            f"{name:<26} {values[at[0]]:6.3f} {values[at[1]]:6.3f}     {slopes[at[0]]:6.3f} {slopes[at[1]]:6.3f}"
            f"     {slopes.max():.3f}"
        )
        axis.plot(X, values, label="function", linewidth=2)
        axis.plot(X, slopes, "--", label="derivative", color="tab:red")
        axis.set_title(name)
        axis.set_ylim(-1.3, 3)
        axis.grid(alpha=0.3)
    axes[0, 0].legend()
    for axis in axes[1]:
        axis.set_xlabel("x")

    # ten in a row: the slopes multiply, and a sigmoid's is at most 1/4
    for name in ("sigmoid", "tanh", "ReLU"):
        x = ag.tensor(0.5, requires_grad=True)
        y = x
        for _ in range(10):
            y = FUNCTIONS[name](y)
        y.backward()
        print(f"slope through ten of {name} in a row, from 0.5: {x.grad.item():.2g}")
    figure.suptitle("Activations and their derivatives")
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
