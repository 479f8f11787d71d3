"""Batch size: how many samples to look at before each step. The usual 32 lies between two bad ends.

One sample a step: many steps an epoch, each cheap and noisy. All samples a step: one smooth step an epoch. The same
number of epochs is the same number of samples seen, but not the same number of steps, nor the same time.
"""

from __future__ import annotations

import time

from pictures import digits, options, panels, save

import nn


def main() -> None:
    chosen = options(__doc__, "batch_size", epochs=8)
    x, y, x_test, y_test = digits()
    figure, (left, right) = panels(2, 5.2)
    for style, size in zip(("-", "--", "-.", ":"), (1, 8, 32, len(y)), strict=True):
        nn.set_random_seed(1)
        model = nn.MLP((32,), 10, dropout=0.0, output_activation="softmax")
        model.compile(nn.SGD(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
        single: list[float] = []

        class Watch(nn.Callback):
            """The loss of each batch by itself, out of the running mean of the epoch."""

            def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
                self.total = 0.0

            def on_train_batch_end(self, batch: int, logs: dict[str, float], seen: list[float] = single) -> None:  # fmt: skip
                total = logs["loss"] * (batch + 1)
                seen.append(total - self.total)
                self.total = total

        start = time.perf_counter()
        # the last batch is left out, so that all are of one size
        rows = len(y) // size * size
        history = model.fit(
            x[:rows], y[:rows], batch_size=size, epochs=chosen.epochs, callbacks=Watch(),
            validation_data=(x_test, y_test), verbose=0,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        accuracy = history.history["val_accuracy"]
        print(
            f"batch size {size:>4}: {len(single):>6} steps, {seconds:5.2f} s, held-out accuracy {accuracy[-1]:.1%}"
        )
        left.plot(range(1, len(accuracy) + 1), accuracy, style, label=f"{size}")
        if size in (1, 32):
            right.plot(single[: 40 * 32 // size : max(1, 32 // size)], style, label=f"{size}")
    left.set(title="after so many epochs", xlabel="epoch", ylabel="held-out accuracy")
    left.legend(title="batch size")
    right.set(title="noise: loss of single batches", xlabel="samples seen / 32", ylabel="loss")
    right.legend(title="batch size")
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
