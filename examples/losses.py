"""Losses compared: what each asks for, and what that does to what is learned.

Regression: a line through points of which a few are badly wrong; squared errors follow the outliers, absolute ones and
Huber's do not. Classification: how strongly each loss punishes a wrong and rewards a right answer, and where one neuron
puts the border between two kinds of iris: nearly in the same place, but cross-entropy is never content, and goes on to
make right answers surer, where a hinge leaves alone what is right by a margin of 1.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from pictures import options, save
from sklearn.datasets import load_iris

import autograd as ag
import nn

STYLES = ("-", "--", ":")
BINARY = {
    "binary cross-entropy": (nn.BinaryCrossentropy, {"from_logits": True}),
    "hinge": (nn.Hinge, {}),
    "squared hinge": (nn.SquaredHinge, {}),
}


def one_neuron(x: np.ndarray, y: np.ndarray, loss: nn.Loss, epochs: int) -> nn.Model:
    """A neuron without activation that minimises the loss, all rows a step."""
    nn.set_random_seed(0)
    model = nn.Sequential([nn.Dense(1, input_shape=x.shape[1:])], dtype="float64")
    model.compile(nn.Adam(nn.CosineDecay(0.1, epochs)), loss)
    model.fit(x, y, batch_size=len(x), epochs=epochs, verbose=0)
    return model


def regression(axis: plt.Axes, epochs: int) -> None:
    """The line that each loss draws through points with four outliers."""
    x = np.linspace(0, 4, 40)[:, None]
    y = 2 * x[:, 0] + 1 + np.random.default_rng(0).normal(0, 0.3, 40)
    y[32::2] -= 9  # four wrong measurements
    axis.plot(x, y, "k.", label="points, 4 wrong")
    robust = {"MSE": nn.MeanSquaredError(), "MAE": nn.MeanAbsoluteError(), "Huber": nn.Huber()}
    print("the points follow 2x + 1, four of them are wrong:")
    for style, (name, loss) in zip(STYLES, robust.items(), strict=True):
        kernel, bias = one_neuron(x, y, loss, epochs).get_weights()
        print(f"  {name:<6} finds {kernel[0, 0]:.2f} x {bias[0]:+.2f}")
        axis.plot(x, kernel[0, 0] * x + bias[0], style, label=name, linewidth=2)
    axis.set(title="regression with outliers", xlabel="x", ylabel="y")


def answers(losses: plt.Axes, slopes: plt.Axes) -> None:
    """Each binary loss and its slope when the target is 1 and the neuron says z."""
    z = np.linspace(-4, 4, 201)
    print("target 1, answers -2 / 0 / 2:")
    for style, (name, (loss, settings)) in zip(STYLES, BINARY.items(), strict=True):
        said = ag.tensor(z[:, None], requires_grad=True)
        values = loss(**settings, reduction=None)(ag.ones((201, 1), "float64"), said)
        values.sum().backward()
        three = [values.numpy()[np.abs(z - place).argmin()] for place in (-2, 0, 2)]
        print(f"  {name:<21}" + " / ".join(f"{value:.3f}" for value in three))
        losses.plot(z, values.numpy(), style, label=name, linewidth=2)
        slopes.plot(z, said.grad.numpy()[:, 0], style, label=name, linewidth=2)
    losses.set(title="loss when the target is 1", xlabel="answer z", ylabel="loss", ylim=(0, 6))
    slopes.set(title="its slope: the push upwards", xlabel="answer z", ylabel="d loss / d z", ylim=(-4, 0.5))  # fmt: skip


def decisions(axis: plt.Axes, epochs: int) -> None:
    """The border that each binary loss draws between two kinds of iris."""
    flowers = load_iris()
    rows = flowers.target > 0  # versicolor and virginica; setosa is far away
    size, y = flowers.data[rows][:, 2:], flowers.target[rows] - 1
    x = (size - size.mean(axis=0)) / size.std(axis=0)
    for kind, marker in enumerate("ox"):
        axis.plot(*size[y == kind].T, marker, color="0.5", markersize=4, label=flowers.target_names[1 + kind])  # fmt: skip
    print("one neuron between two kinds of iris:")
    lengths = np.array([3.8, 6.2])
    for style, (name, (loss, settings)) in zip(STYLES, BINARY.items(), strict=True):
        model = one_neuron(x, y, loss(**settings), epochs)
        z = model.predict(x)[:, 0]
        margin = np.where(y == 1, z, -z)
        print(f"  {name:<21}{(margin > 0).sum()} of {len(y)} right, half of all answers beyond {np.median(margin):.1f}")  # fmt: skip
        (a, b), bias = model.get_weights()[0][:, 0], model.get_weights()[1][0]
        across = -(a * (lengths - size[:, 0].mean()) / size[:, 0].std() + bias) / b
        axis.plot(lengths, across * size[:, 1].std() + size[:, 1].mean(), style, label=name, linewidth=2)  # fmt: skip
    axis.set(title="the border it draws", xlabel="petal length, cm", ylabel="petal width, cm", xlim=(2.9, 7), ylim=(0.9, 3.2))  # fmt: skip


def main() -> None:
    chosen = options(__doc__, "losses", epochs=400)
    figure, axes = plt.subplots(2, 2, figsize=(11, 8))
    regression(axes[0, 0], chosen.epochs)
    answers(axes[0, 1], axes[1, 0])
    decisions(axes[1, 1], chosen.epochs)
    for axis in axes.flat:
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8, loc="upper left" if axis is axes[1, 1] else "best")
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
