"""Regularisation: let every weight cost something, and the network keeps only those that pay for themselves.

The 200 patients again, and beside their 7 measurements 20 columns of pure noise. Without a price the network uses the
noise to learn the patients by heart. L2, factor * sum(w^2), makes all weights small; L1, factor * sum(|w|), drives
those that are of no use to 0. The price belongs to the `loss` that `fit` shows, so the cross-entropy is watched alone.
"""

from __future__ import annotations

import numpy as np
from pictures import INPUTS, options, panels, pima, save

import nn

NOISE = 20
PRICES = {
    "no price": (None, "-", "o"),
    "L2, 0.03": (nn.L2(0.03), "-.", "^"),
    "L1, 0.015": (nn.L1(0.015), "--", "s"),
}


def main() -> None:
    chosen = options(__doc__, "regularization", epochs=80)
    x, y, x_test, y_test = pima()
    generator = np.random.default_rng(0)
    x = np.hstack([x, generator.normal(size=(len(x), NOISE))])
    x_test = np.hstack([x_test, generator.normal(size=(len(x_test), NOISE))])
    names = [*INPUTS, *(["noise"] * NOISE)]

    figure, (left, right) = panels(2, 6.4, 4.2)
    for name, (price, line, marker) in PRICES.items():
        nn.set_random_seed(0)
        model = nn.Sequential([nn.Dense(32, "relu", kernel_regularizer=price), nn.Dense(1, "sigmoid")])
        model.compile(nn.Adam(0.005), "binary_crossentropy", metrics=["binary_crossentropy", "accuracy"])  # fmt: skip
        history = model.fit(x, y, epochs=chosen.epochs, validation_data=(x_test, y_test), verbose=0).history  # fmt: skip
        weights = np.abs(model.get_weights()[0])
        of_input = weights.mean(axis=1)
        real, noise = of_input[: len(INPUTS)].mean(), of_input[len(INPUTS) :].mean()
        print(
            f"{name:<9} cross-entropy: training {history['binary_crossentropy'][-1]:.3f}, held out"
            f" {history['val_binary_crossentropy'][-1]:.3f}; accuracy {history['val_accuracy'][-1]:.1%}"
        )
        print(
            f"          weights below 0.01: {(weights < 0.01).mean():.0%};"
            f" a measurement weighs {real / noise:.1f} times what a noise column does"
        )
        left.plot(range(1, chosen.epochs + 1), history["val_binary_crossentropy"], line, label=name)
        right.plot(of_input, marker, label=name, alpha=0.8)
    left.set(title="held-out patients", xlabel="epoch", ylabel="cross-entropy")
    left.legend()
    right.axvspan(len(INPUTS) - 0.5, len(names) - 0.5, color="0.92", zorder=0)
    right.set_xticks(range(len(INPUTS)), INPUTS, rotation=60)
    right.text(len(INPUTS) + NOISE / 2, 0.97, "20 columns of noise", ha="center", va="top", transform=right.get_xaxis_transform())  # fmt: skip
    right.set(title="how much each input weighs", ylabel="mean |weight|", yscale="log", ylim=(1e-3, 2))
    right.legend(loc="lower left", ncols=3, fontsize=8)
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
