"""Learning-rate decay: large steps to get near, small steps to settle.

The loss of single batches is noisy, so at a constant large rate the weights keep trembling around the best place; at
a constant small rate they take long to get there. Decay has both. The model is linear, so that the least possible loss
is known exactly, and what is above it can be measured: 442 real patients, ten measurements, how their diabetes went.
"""

from __future__ import annotations

import numpy as np
from pictures import options, panels, save
from sklearn.datasets import load_diabetes

import nn


def schedules(steps: int) -> dict[str, float | nn.LearningRateSchedule]:
    """What to compare, for a run of so many steps."""
    return {
        "constant 0.03": 0.03,
        "constant 0.001": 0.001,
        "exponential": nn.ExponentialDecay(0.03, decay_steps=steps / 6, decay_rate=0.4),
        "inverse time": nn.InverseTimeDecay(0.03, decay_steps=steps / 20, decay_rate=1.0),
        "cosine": nn.CosineDecay(0.03, decay_steps=steps),
    }


def main() -> None:
    chosen = options(__doc__, "learning_rate_decay", epochs=40)
    x, y = load_diabetes(return_X_y=True)
    x, y = (x - x.mean(axis=0)) / x.std(axis=0), (y - y.mean()) / y.std()
    solution, *_ = np.linalg.lstsq(x, y, rcond=None)
    least = ((x @ solution - y) ** 2).mean()
    print(f"least possible loss {least:.4f}")

    steps = -(-len(y) // 8) * chosen.epochs
    figure, (left, right) = panels(2, 5.6, 4)
    above = {}
    for style, (name, rate) in zip(("-", "-", "--", ":", "-."), schedules(steps).items(), strict=True):  # fmt: skip
        marker = "v" if name == "constant 0.001" else None
        nn.set_random_seed(1)
        model = nn.Sequential([nn.Dense(1, input_shape=(10,))], dtype="float64")
        model.compile(nn.SGD(rate), "mse")
        # after each epoch the loss of all rows, at the weights of that moment
        history = model.fit(x, y, batch_size=8, epochs=chosen.epochs, validation_data=(x, y), verbose=0)  # fmt: skip
        excess = np.array(history.history["val_loss"]) - least
        above[name] = excess[-5:].mean()
        print(f"{name:<15} in the last epochs {above[name]:.5f} above it")
        left.semilogy(
            range(1, chosen.epochs + 1),
            excess,
            linestyle=style,
            marker=marker,
            markevery=5,
            label=name,
        )
        at = np.arange(steps)
        right.semilogy(at, [rate(s).item() for s in at] if callable(rate) else [rate] * steps, linestyle=style, marker=marker, markevery=steps // 8)  # fmt: skip
    best = min(above, key=above.__getitem__)
    print(f"nearest: {best}, {above['constant 0.03'] / above[best]:.0f} times nearer than the constant rate it starts with")  # fmt: skip
    left.set(
        title="loss above the least possible",
        xlabel="epoch",
        ylabel="mean squared error, less the least",
    )
    left.legend(ncols=2, fontsize=8)
    right.set(title="learning rate", xlabel="step", ylabel="learning rate", ylim=(3e-5, 5e-2))
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
