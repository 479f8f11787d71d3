"""Batch size: how many samples to look at before each step.

A batch stands for all samples: the smaller it is, the less its gradient points where the gradient of all points, but
the more steps an epoch has. An epoch of small batches therefore gets further, and takes far longer, for each step costs
time by itself. All samples a step: the right direction, and hardly a step. The usual 32 is in between.
"""

from __future__ import annotations

import time

import numpy as np
from pictures import digits, options, panels, save

import autograd as ag
import nn

SIZES = {1: "o-", 8: "s--", 32: "^-.", 256: "x:"}


def network() -> nn.Model:
    """The same start each time."""
    nn.set_random_seed(1)
    model = nn.MLP((32,), 10, dropout=0.0, output_activation="softmax")
    model.compile(nn.SGD(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def starting_weights(x: np.ndarray) -> list[np.ndarray]:
    """The weights that every run begins with."""
    model = network()
    model.ensure_built(ag.tensor(x))
    return model.get_weights()


def gradient(model: nn.Model, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The direction in which these rows push all the weights."""
    for parameter in model.parameters():
        parameter.grad = None
    nn.SparseCategoricalCrossentropy()(y, model(ag.tensor(x))).backward()
    flat = np.concatenate([parameter.grad.numpy().ravel() for parameter in model.parameters()])
    return flat / np.linalg.norm(flat)


def main() -> None:
    chosen = options(__doc__, "batch_size", epochs=8, draws=100)
    x, y, x_test, y_test = digits()
    generator = np.random.default_rng(0)
    # the weights at which every size is asked for its direction: those after one epoch
    early = network()
    early.fit(x, y, verbose=0)
    true = gradient(early, x, y)

    figure, (left, middle, right) = panels(3, 4.6, 4)
    agreement, seconds = {}, {}
    for size, style in (SIZES | {len(y): "v-"}).items():
        draws = [generator.choice(len(y), size, replace=False) for _ in range(chosen.draws)]
        agreement[size] = [float(true @ gradient(early, x[rows], y[rows])) for rows in draws]
        model = network()
        # compiled before the clock runs; the last batch is left out, so that all are of one size
        model.fit(x[:size], y[:size], batch_size=size, verbose=0)
        model.set_weights(starting_weights(x))
        rows = len(y) // size * size
        start = time.perf_counter()
        history = model.fit(x[:rows], y[:rows], batch_size=size, epochs=chosen.epochs, validation_data=(x_test, y_test), verbose=0)  # fmt: skip
        seconds[size] = time.perf_counter() - start
        accuracy = history.history["val_accuracy"]
        print(
            f"batch size {size:>4}: direction right to {np.mean(agreement[size]):.2f} of 1;"
            f" {rows // size * chosen.epochs:>5} steps in {seconds[size]:.2f} s, held-out accuracy {accuracy[-1]:.1%}"
        )
        left.plot(range(1, chosen.epochs + 1), accuracy, style, label=f"{size}")
    left.set(title="how far so many epochs get", xlabel="epoch", ylabel="held-out accuracy", ylim=(0, 1))  # fmt: skip
    left.legend(title="batch size")
    labels = [str(size) for size in agreement]
    middle.boxplot(list(agreement.values()), tick_labels=labels, showfliers=False)
    middle.set(title=f"noise: {chosen.draws} batches against all samples", xlabel="batch size", ylabel="cosine of the two gradients")  # fmt: skip
    right.bar(labels, [seconds[size] / chosen.epochs * 1000 for size in seconds], color="0.5")
    right.set(title="what an epoch costs", xlabel="batch size", ylabel="milliseconds", yscale="log")
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
