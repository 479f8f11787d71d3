"""Batch normalisation: keep what flows between layers centred and of size 1, and deep networks train.

A network of eight narrow sigmoid layers: without normalising, signals and gradients fade from layer to layer and the
loss stays where it began; with it, the same network at the same rate learns the digits.
"""

from __future__ import annotations

from pictures import digits, options, panels, save

import autograd as ag
import nn

DEPTH = 8


def network(normalised: bool) -> nn.Model:
    """Eight layers of 32, sigmoid after each."""
    nn.set_random_seed(4)
    layers: list[nn.Module] = []
    for _ in range(DEPTH):
        layers.append(nn.Dense(32))
        if normalised:
            layers.append(nn.BatchNormalization())
        layers.append(nn.Activation("sigmoid"))
    model = nn.Sequential([*layers, nn.Dense(10, "softmax")])
    model.compile(nn.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])  # fmt: skip
    return model


def spread(model: nn.Model, x: ag.Tensor) -> list[float]:
    """How much the output of each activation differs from sample to sample, in training."""
    found = []
    with ag.no_grad():
        for layer in model.layers:
            x = layer(x, training=True)
            if isinstance(layer, nn.Activation):
                found.append(float(x.std(axis=0).mean().item()))
    return found


def main() -> None:
    chosen = options(__doc__, "batch_normalization", epochs=12)
    x, y, x_test, y_test = digits()
    figure, (left, right) = panels(2, 5.2)
    for name, style, normalised in (("without", "--", False), ("with batch normalisation", "-", True)):  # fmt: skip
        model = network(normalised)
        model.ensure_built(ag.tensor(x))
        spreads = spread(model, ag.tensor(x))
        history = model.fit(x, y, epochs=chosen.epochs, validation_data=(x_test, y_test), verbose=0)
        accuracy = history.history["val_accuracy"][-1]
        print(
            f"{name:<25} spread after layer 1 {spreads[0]:.4f}, after layer {DEPTH} {spreads[-1]:.6f}; "
            f"held-out accuracy {accuracy:.1%}"
        )
        left.plot(range(1, chosen.epochs + 1), history.history["loss"], style, label=name)
        right.semilogy(range(1, DEPTH + 1), spreads, f"o{style}", label=name)
    left.set(title="training loss", xlabel="epoch", ylabel="loss")
    left.legend()
    right.set(title="before training: how samples differ", xlabel="layer", ylabel="standard deviation")  # fmt: skip
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
