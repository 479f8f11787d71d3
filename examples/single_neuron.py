"""One neuron: weights, a bias, a sigmoid. It learns AND and OR; XOR it cannot, and a hidden layer can.

A neuron splits the plane by one straight line. For AND and OR such a line exists. For XOR the ones lie on one
diagonal and the zeros on the other, so no line parts them, and the best a single neuron can do is to know nothing:
weights 0, probability 1/2 everywhere, loss log 2 = 0.693. The picture shows each decision boundary.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from pictures import save

import autograd as ag
import nn

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
POINTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
TABLES = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}


def train_neuron(table: list[int], steps: int) -> tuple[ag.Tensor, ag.Tensor, list[float]]:
    """Gradient descent by hand: forward, loss, backward, update. Returns weights, bias and the losses."""
    x, target = ag.tensor(POINTS), ag.tensor(table, dtype="float32")
    weights = ag.tensor(ag.random.normal(2, key=3), requires_grad=True)
    bias = ag.zeros((), requires_grad=True)
    losses = []
    for _ in range(steps):
        logits = x @ weights + bias
        loss = ag.sigmoid_cross_entropy(logits, target).mean()
        loss.backward()
        for parameter in (weights, bias):
            parameter.assign(parameter.detach() - 1.0 * parameter.grad)
            parameter.grad = None
        losses.append(loss.item())
    return weights, bias, losses


def train_mlp(table: list[int], steps: int) -> nn.Sequential:
    """Two layers: the hidden neurons draw lines, the output neuron combines them."""
    nn.set_random_seed(1)
    model = nn.Sequential([nn.Dense(8, activation="tanh"), nn.Dense(1, activation="sigmoid")])
    model.compile(optimizer=nn.SGD(0.5, momentum=0.9), loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(POINTS, table, batch_size=4, epochs=steps, verbose=0)
    return model


def draw(axis: plt.Axes, title: str, table: list[int], probability: np.ndarray, grid: np.ndarray) -> None:
    """Shade the plane by the probability of 1, draw the boundary at 1/2, and mark the four points."""
    axis.contourf(grid, grid, probability, levels=20, cmap="Blues", vmin=-0.1, vmax=1.4)
    if np.ptp(probability) > 0.1:
        axis.contour(grid, grid, probability, levels=[0.5], colors="black")
    for (a, b), value in zip(POINTS, table, strict=True):
        axis.plot(a, b, "o" if value else "s", color="white", markeredgecolor="black", markersize=14)
        axis.text(a, b, str(value), ha="center", va="center")
    axis.set(title=title, xlabel="first input", ylabel="second input", aspect="equal")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--picture", type=Path, default=HERE / "out" / "single_neuron.png")
    options = parser.parse_args()

    grid = np.linspace(-0.5, 1.5, 81, dtype=np.float32)
    plane = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    figure, axes = plt.subplots(1, 4, figsize=(15, 4.2))
    for axis, (name, table) in zip(axes, TABLES.items(), strict=False):
        weights, bias, losses = train_neuron(table, options.steps)
        right = int((((POINTS @ weights.numpy() + bias.item()) > 0) == table).sum())
        verdict = f"{right} of 4 right" if right == 4 else "no line parts the points, it says 1/2 to all"
        print(f"one neuron, {name}: {verdict}, loss {losses[0]:.3f} -> {losses[-1]:.3f}")
        probability = ag.sigmoid(ag.tensor(plane) @ weights + bias).numpy()
        title = f"one neuron: {name}, {right} of 4" if right == 4 else f"one neuron: {name}, 1/2 everywhere"
        draw(axis, title, table, probability.reshape(81, 81), grid)

    model = train_mlp(TABLES["XOR"], options.steps)
    loss, accuracy = model.evaluate(POINTS, TABLES["XOR"])
    print(f"eight hidden neurons, XOR: {round(4 * accuracy)} of 4 right, loss {loss:.3f}")
    probability = model.predict(plane).reshape(81, 81)
    draw(
        axes[3],
        f"with a hidden layer: XOR, {round(4 * accuracy)} of 4",
        TABLES["XOR"],
        probability,
        grid,
    )
    print("picture:", save(figure, options.picture))


if __name__ == "__main__":
    main()
