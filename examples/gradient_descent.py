"""Gradient descent on a two-dimensional bowl: plain, with momentum, with Nesterov's, and with a rate that is too large.

The bowl is ten times steeper one way than the other. Plain descent crawls along the valley, momentum gathers speed in
it, and beyond a rate of 2 / steepness each step across it lands higher than it began.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from pictures import options, save

import autograd as ag
import nn

STEEP = 10.0
START = (-4.0, 1.5)
RUNS = {
    "plain, rate 0.05": lambda: nn.SGD(0.05),
    "momentum 0.8, rate 0.05": lambda: nn.SGD(0.05, momentum=0.8),
    "Nesterov 0.8, rate 0.05": lambda: nn.SGD(0.05, momentum=0.8, nesterov=True),
    "plain, rate 0.205: too large": lambda: nn.SGD(0.205),
}


def bowl(point: ag.Tensor) -> ag.Tensor:
    """(x^2 + 10 y^2) / 2."""
    return (point[0] ** 2 + STEEP * point[1] ** 2) / 2


def descend(optimizer: nn.Optimizer, steps: int) -> np.ndarray:
    """The way from the start, (steps + 1, 2)."""
    point = nn.Parameter(START, dtype="float64")
    way = [point.numpy()]
    slope = ag.grad(bowl)
    for _ in range(steps):
        optimizer.apply([slope(point)], [point])
        way.append(point.numpy())
    return np.array(way)


def main() -> None:
    chosen = options(__doc__, "gradient_descent", steps=30)
    x, y = np.meshgrid(np.linspace(-5, 3, 200), np.linspace(-2.2, 2.2, 200))
    height = (x**2 + STEEP * y**2) / 2
    figure, axes = plt.subplots(2, 2, figsize=(11, 7), sharex=True, sharey=True)
    for axis, (name, make) in zip(axes.flat, RUNS.items(), strict=True):
        way = descend(make(), chosen.steps)
        end = float((way[-1, 0] ** 2 + STEEP * way[-1, 1] ** 2) / 2)
        print(f"{name:<30} height after {chosen.steps} steps {end:.3g}")
        axis.contour(x, y, height, levels=[0.1, 0.5, 1.5, 3, 6, 10, 16, 24], colors="0.75")
        axis.plot(way[:, 0], way[:, 1], "o-", markersize=3.5, linewidth=1.2)
        axis.plot(0, 0, "k*", markersize=11)
        axis.set(
            title=f"{name}: ends at height {end:.{2 if end < 1 else 3}g}",
            xlim=(-5, 3),
            ylim=(-2.2, 2.2),
        )
    for axis in axes[:, 0]:
        axis.set_ylabel("y, steep")
    for axis in axes[1]:
        axis.set_xlabel("x, flat")
    figure.suptitle(f"{chosen.steps} steps down (x² + 10 y²) / 2; the star is the lowest point")
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
