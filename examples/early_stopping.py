"""Early stopping: watch data that is not trained on, stop when it no longer gets better, keep the best weights.

The same network once for all epochs, once with `EarlyStopping`, which takes fewer. The test rows are split: one half
decides when to stop, the other judges. Mind both numbers there: a network that has learned its patients by heart may be
right as often, and still have a far higher loss, because it is just as sure where it is wrong.
"""

from __future__ import annotations

from pictures import options, panels, pima, save

import nn


def network() -> nn.Model:
    """The same start each time."""
    nn.set_random_seed(0)
    model = nn.MLP((64, 64), 1, dropout=0.0, output_activation="sigmoid")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def main() -> None:
    chosen = options(__doc__, "early_stopping", epochs=120)
    x, y, x_test, y_test = pima()
    watched, judge = (x_test[::2], y_test[::2]), (x_test[1::2], y_test[1::2])

    free = network()
    history = free.fit(x, y, epochs=chosen.epochs, validation_data=watched, verbose=0)
    stopped = network()
    stop = nn.EarlyStopping("val_loss", patience=10, restore_best_weights=True)
    short = stopped.fit(x, y, epochs=chosen.epochs, validation_data=watched, callbacks=stop, verbose=0)  # fmt: skip

    results = {"all epochs": free.evaluate(*judge, verbose=0), "early stopping": stopped.evaluate(*judge, verbose=0)}  # fmt: skip
    for (name, (loss, accuracy)), run in zip(results.items(), (history, short), strict=True):
        print(f"{name:<15} {len(run.epoch):>3} epochs, unseen patients: loss {loss:.3f}, accuracy {accuracy:.1%}")  # fmt: skip
    print(f"stopped after epoch {len(short.epoch)}, kept the weights of epoch {stop.best_epoch + 1}")

    figure, (axis,) = panels(1, 7.5, 4)
    epochs = range(1, chosen.epochs + 1)
    axis.plot(epochs, history.history["loss"], label="training")
    axis.plot(epochs, history.history["val_loss"], "--", label="held out")
    axis.axvline(stop.best_epoch + 1, color="k", linewidth=1, label=f"best: epoch {stop.best_epoch + 1}")  # fmt: skip
    axis.axvline(len(short.epoch), color="k", linestyle=":", label=f"stops: epoch {len(short.epoch)}")  # fmt: skip
    axis.set(title="when to stop", xlabel="epoch", ylabel="loss")
    axis.legend()
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
