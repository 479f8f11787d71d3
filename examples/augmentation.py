"""Data augmentation: make more training images out of those there are, by changes that leave the class alone.

Only 200 digits to learn from, all in the middle of their picture. `RandomShift` shows each of them a little elsewhere
every time; a moved 7 is still a 7, so the network learns to read digits that are not in the middle. `RandomFlip` shows
them mirrored, as no one writes them: not a change to expect, and little is gained. In `evaluate` and `predict` both
layers do nothing. What the network need not know costs something too: compare the digits that are in the middle.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from pictures import digits, options, save

import autograd as ag
import nn

AUGMENTATIONS = {
    "none": ([], ":"),
    "flip": ([nn.RandomFlip("horizontal")], "--"),
    "shift": ([nn.RandomShift(0.125, 0.125, fill_mode="constant")], "-"),
}


def network(augmentation: list[nn.Module], steps: int) -> nn.Model:
    """A perceptron, which by itself knows nothing of places."""
    nn.set_random_seed(1)
    model = nn.Sequential([*augmentation, nn.Flatten(), nn.Dense(256, "relu"), nn.Dense(10, "softmax")])
    model.compile(nn.Adam(nn.CosineDecay(0.005, steps)), "sparse_categorical_crossentropy", metrics=["accuracy"])  # fmt: skip
    return model


def main() -> None:
    chosen = options(__doc__, "augmentation", epochs=100)
    x, y, x_test, y_test = digits()
    x, test = x[:200].reshape(-1, 8, 8, 1), x_test.reshape(-1, 8, 8, 1)
    y = y[:200]
    moved = np.roll(test, 1, axis=2)
    seven = int(np.flatnonzero(y == 7)[0])
    steps = -(-len(y) // 32) * chosen.epochs

    figure = plt.figure(figsize=(11, 4))
    grid = figure.add_gridspec(3, 9)
    curves = figure.add_subplot(grid[:, 5:])
    for row, (name, (augmentation, style)) in enumerate(AUGMENTATIONS.items()):
        model = network(augmentation, steps)
        history = model.fit(x, y, epochs=chosen.epochs, validation_data=(moved, y_test), verbose=0).history  # fmt: skip
        _, still = model.evaluate(test, y_test, verbose=0)
        print(f"augmentation {name:<6} training accuracy {history['accuracy'][-1]:.1%}, held out {still:.1%}, held out and moved by a pixel {history['val_accuracy'][-1]:.1%}")  # fmt: skip
        curves.plot(range(1, chosen.epochs + 1), history["val_accuracy"], style, label=name)
        nn.set_random_seed(0)
        for column in range(5):
            image = ag.tensor(x[seven : seven + 1])
            for layer in augmentation:
                image = layer(image, training=True)
            axis = figure.add_subplot(grid[row, column])
            axis.imshow(image.numpy()[0, :, :, 0], cmap="gray_r", vmin=0, vmax=1)
            axis.set(xticks=[], yticks=[])
            if not column:
                axis.set_ylabel(name)
    curves.set(title=f"held-out digits, moved by a pixel ({len(y)} trained)", xlabel="epoch", ylabel="accuracy", ylim=(0, 1))  # fmt: skip
    curves.grid(alpha=0.3)
    curves.legend(title="augmentation")
    figure.suptitle("One training image, as the network sees it five times", x=0.28, y=0.95)
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
