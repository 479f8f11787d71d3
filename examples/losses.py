"""Losses compared: what each asks for, and what that does to what is learned.

Regression: a line through points of which a few are badly wrong; squared errors follow the outliers, absolute ones and
Huber's do not. Classification: how strongly each loss punishes a wrong and rewards a right answer.
"""

from __future__ import annotations

import numpy as np
from pictures import options, panels, save

import autograd as ag
import nn


def line_through(x: np.ndarray, y: np.ndarray, loss: nn.Loss, epochs: int) -> tuple[float, float]:
    """(slope, offset) of the line that minimises the loss."""
    nn.set_random_seed(0)
    model = nn.Sequential([nn.Dense(1, input_shape=(1,))], dtype="float64")
    model.compile(nn.Adam(nn.CosineDecay(0.1, epochs)), loss)
    model.fit(x, y, batch_size=len(x), epochs=epochs, verbose=0)
    kernel, bias = model.get_weights()
    return float(kernel[0, 0]), float(bias[0])


def main() -> None:
    chosen = options(__doc__, "losses", epochs=400)
    generator = np.random.default_rng(0)
    x = np.linspace(0, 4, 40)[:, None]
    y = 2 * x[:, 0] + 1 + generator.normal(0, 0.3, 40)
    y[32::2] -= 9  # four wrong measurements
    figure, (left, middle, right) = panels(3)

    left.plot(x, y, "k.", label="points, 4 wrong")
    robust = {"MSE": nn.MeanSquaredError(), "MAE": nn.MeanAbsoluteError(), "Huber": nn.Huber()}
    print("the points follow 2x + 1, four of them are wrong:")
    for style, (name, loss) in zip(("-", "--", ":"), robust.items(), strict=True):
        slope, offset = line_through(x, y, loss, chosen.epochs)
        print(f"  {name:<6} finds {slope:.2f} x {offset:+.2f}")
        left.plot(x, slope * x + offset, style, label=name, linewidth=2)
    left.set(title="regression with outliers", xlabel="x", ylabel="y")
    left.legend()

    # binary: the target is 1, the model says z (a logit; hinge takes it as it is)
    z = np.linspace(-4, 4, 200)
    binary = {
        "binary cross-entropy": nn.BinaryCrossentropy(from_logits=True, reduction=None),
        "hinge": nn.Hinge(reduction=None),
        "squared hinge": nn.SquaredHinge(reduction=None),
    }
    print("target 1, answers -2 / 0 / 2:")
    for style, (name, loss) in zip(("-", "--", ":"), binary.items(), strict=True):
        answers = ag.tensor(z[:, None], requires_grad=True)
        values = loss(ag.ones((200, 1), "float64"), answers)
        values.sum().backward()
        three = [values.numpy()[np.abs(z - place).argmin()] for place in (-2, 0, 2)]
        print(f"  {name:<21}" + " / ".join(f"{value:.3f}" for value in three))
        middle.plot(z, values.numpy(), style, label=name, linewidth=2)
        right.plot(z, answers.grad.numpy()[:, 0], style, label=name, linewidth=2)
    middle.set(title="loss when the target is 1", xlabel="answer z", ylim=(0, 6))
    middle.legend()
    right.set(title="its slope: the push to the right", xlabel="answer z", ylim=(-4, 0.5))
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
