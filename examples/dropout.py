"""Overfitting and dropout: a network far too large for 200 patients learns them by heart, unless units drop out.

Without dropout the training loss goes to 0 while the loss on other patients climbs: the network remembers instead of
understanding. Dropout (a good start is 20 %, up to 50 % is usual) makes remembering hard.
"""

from __future__ import annotations

from pictures import options, panels, pima, save

import nn


def train(rate: float, epochs: int) -> nn.History:
    """A network with two wide hidden layers, dropout of `rate` after each."""
    x_train, y_train, x_test, y_test = pima()
    nn.set_random_seed(3)
    model = nn.MLP((128, 128), 1, dropout=rate, output_activation="sigmoid")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model.fit(
        x_train, y_train, epochs=epochs, validation_data=(x_test, y_test), verbose=0
    )  # fmt: skip


def main() -> None:
    chosen = options(__doc__, "dropout", epochs=100)
    rates = (0.0, 0.2, 0.5)
    figure, axes = panels(len(rates))
    last = {}
    for axis, rate in zip(axes, rates, strict=True):
        history = train(rate, chosen.epochs).history
        last[rate] = history["val_loss"][-1]
        best = min(history["val_loss"])
        print(
            f"dropout {rate:.0%}: training loss {history['loss'][-1]:.3f}, held out {last[rate]:.3f}"
            f" (best {best:.3f}, epoch {history['val_loss'].index(best) + 1}), accuracy {history['val_accuracy'][-1]:.1%}"
        )
        epochs = range(1, chosen.epochs + 1)
        axis.plot(epochs, history["loss"], label="training")
        axis.plot(epochs, history["val_loss"], "--", label="held out")
        axis.plot(history["val_loss"].index(best) + 1, best, "k*", markersize=10, label="best")
        axis.set(title=f"dropout {rate:.0%}", xlabel="epoch", ylim=(0, 1.6))
    axes[0].set_ylabel("loss")
    axes[0].legend()
    print(f"held-out loss with 50 % dropout against none: {last[0.5]:.2f} against {last[0.0]:.2f}")
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
