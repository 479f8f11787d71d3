"""Handwritten digits: 1,797 real 8x8 images, ten classes, an MLP with dropout and a decaying learning rate.

Four fifths of the images train, one fifth is held out. Prints the accuracy and draws the learning curves and the
images that the network gets wrong.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from pictures import save
from sklearn.datasets import load_digits

import nn

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent


def draw_mistakes(images: np.ndarray, truth: np.ndarray, guess: np.ndarray, path: Path) -> Path:
    """The first misread images, each with what it is and what was read."""
    wrong = np.flatnonzero(truth != guess)[:10]
    figure, axes = plt.subplots(2, 5, figsize=(7.5, 3.8))
    for axis in axes.flat:
        axis.axis("off")
    for axis, i in zip(axes.flat, wrong, strict=False):
        axis.imshow(images[i].reshape(8, 8), cmap="gray_r")
        axis.set_title(f"{truth[i]} read as {guess[i]}", fontsize=9)
    figure.suptitle(f"{np.sum(truth != guess)} of {len(truth)} held-out digits misread")
    return save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, default=HERE / "out" / "digits.png")
    options = parser.parse_args()

    digits = load_digits()
    order = np.random.default_rng(options.seed).permutation(len(digits.target))
    x, y = digits.data[order] / 16, digits.target[order]
    held_out = len(y) // 5
    x_test, y_test, x_train, y_train = x[:held_out], y[:held_out], x[held_out:], y[held_out:]

    nn.set_random_seed(options.seed)
    model = nn.MLP(hidden=(128, 64), outputs=10, dropout=0.2, output_activation="softmax")
    decay = nn.ExponentialDecay(0.05, decay_steps=100, decay_rate=0.96)
    model.compile(
        optimizer=nn.SGD(decay, momentum=0.9),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(
        x_train, y_train, epochs=options.epochs, validation_data=(x_test, y_test), batch_size=32
    )
    loss, accuracy = model.evaluate(x_test, y_test)
    print(f"held-out loss {loss:.3f}, accuracy {accuracy:.1%}")

    guess = model.predict(x_test).argmax(axis=-1)
    history.plot(options.picture, title="Handwritten digits")
    print("picture:", options.picture)
    mistakes = options.picture.with_stem(options.picture.stem + "_mistakes")
    print("picture:", draw_mistakes(x_test, y_test, guess, mistakes))


if __name__ == "__main__":
    main()
