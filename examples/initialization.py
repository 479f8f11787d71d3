"""Weight initialisation: where the weights begin decides whether a deep network can learn at all.

Ten ReLU layers. Every layer multiplies the spread of what flows through by about (size of the weights) * sqrt(width / 2):
begin a little too small and the signal fades on its way, a little too large and it grows, layer by layer. He's rule
divides by that very factor, so that the last layer sees as much as the first. All zeros is worst: every unit is the
same, and no gradient can tell them apart.
"""

from __future__ import annotations

import numpy as np
from pictures import digits, options, panels, save

import autograd as ag
import nn

DEPTH, WIDTH = 10, 64
STARTS = {
    "all zeros": ("zeros", "x:"),
    "too small: normal, 0.05": (nn.RandomNormal(stddev=0.05), "v--"),
    "too large: normal, 0.25": (nn.RandomNormal(stddev=0.25), "^-."),
    "Glorot uniform": ("glorot_uniform", "s--"),
    "He normal": ("he_normal", "o-"),
}


def network(start: str | nn.Initializer) -> nn.Model:
    """Ten layers of 64 with ReLU; only the way the hidden weights begin differs."""
    nn.set_random_seed(2)
    hidden = [nn.Dense(WIDTH, "relu", kernel_initializer=start) for _ in range(DEPTH)]
    model = nn.Sequential([*hidden, nn.Dense(10, "softmax")])
    model.compile(nn.SGD(0.02, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])  # fmt: skip
    return model


def sizes(model: nn.Model, x: np.ndarray) -> list[float]:
    """The root mean square of what comes out of each hidden layer."""
    found, signal = [], ag.tensor(x)
    with ag.no_grad():
        for layer in model.layers[:DEPTH]:
            signal = layer(signal)
            found.append(float((signal * signal).mean().sqrt().item()))
    return found


def main() -> None:
    chosen = options(__doc__, "initialization", epochs=12)
    x, y, x_test, y_test = digits()
    figure, (left, right) = panels(2, 5.8, 4.2)
    layers, epochs = range(1, DEPTH + 1), range(1, chosen.epochs + 1)
    for name, (start, style) in STARTS.items():
        model = network(start)
        model.ensure_built(ag.tensor(x))
        signal = sizes(model, x)
        history = model.fit(x, y, epochs=chosen.epochs, validation_data=(x_test, y_test), verbose=0)
        accuracy = history.history["val_accuracy"]
        print(
            f"{name:<24} signal after layer 1 {signal[0]:.3f}, after layer {DEPTH} {signal[-1]:.2g};"
            f" held-out accuracy {accuracy[-1]:.1%}"
        )
        left.plot(layers, signal, style, label=name)
        right.plot(epochs, accuracy, style, label=name)
    left.set_yscale("log")
    left.set(title="before training: the signal on its way", xlabel="layer", ylabel="root mean square (zeros: off the scale)")  # fmt: skip
    right.set(title="training from there", xlabel="epoch", ylabel="held-out accuracy", ylim=(0, 1))
    left.legend(fontsize=8)
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
