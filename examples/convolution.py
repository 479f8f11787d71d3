"""A convolutional network on handwritten digits: the same small filters look everywhere, pooling forgets the place.

Beside it a multilayer perceptron of about as many weights. Then both read the digits moved by one pixel, which neither
has seen: what is learned with filters is right also elsewhere.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from pictures import digits, options, save

import nn


def train(model: nn.Model, x: np.ndarray, y: np.ndarray, epochs: int) -> nn.Model:
    """Adam with a falling rate."""
    steps = -(-len(y) // 32) * epochs
    model.compile(nn.Adam(nn.CosineDecay(0.005, steps)), "sparse_categorical_crossentropy", metrics=["accuracy"])  # fmt: skip
    model.fit(x, y, epochs=epochs, verbose=0)
    return model


def main() -> None:
    chosen = options(__doc__, "convolution", epochs=12)
    x, y, x_test, y_test = digits()
    images, test = x.reshape(-1, 8, 8, 1), x_test.reshape(-1, 8, 8, 1)
    moved = np.roll(test, 1, axis=2)

    nn.set_random_seed(0)
    cnn = nn.Sequential(
        [
            nn.Conv2D(16, 3, padding="same", activation="relu", input_shape=(8, 8, 1)),
            nn.MaxPooling2D(),
            nn.Conv2D(32, 3, padding="same", activation="relu"),
            nn.MaxPooling2D(),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Dense(10, "softmax"),
        ]
    )
    mlp = nn.Sequential([nn.Flatten(input_shape=(8, 8, 1)), nn.Dense(82, "relu"), nn.Dropout(0.3), nn.Dense(10, "softmax")])  # fmt: skip
    for name, model in (("convolutional", cnn), ("perceptron", mlp)):
        train(model, images, y, chosen.epochs)
        weights = sum(p.size for p in model.parameters())
        _, still = model.evaluate(test, y_test, verbose=0)
        _, shifted = model.evaluate(moved, y_test, verbose=0)
        print(f"{name:<14} {weights} weights, held-out accuracy {still:.1%}, moved by a pixel {shifted:.1%}")  # fmt: skip

    figure, axes = plt.subplots(3, 8, figsize=(10, 4.4))
    filters = cnn.get_weights()[0]
    seen = nn.Sequential(cnn.layers[:1]).predict(test[:1])[0]
    for i in range(8):
        for axis, picture, title in zip(
            axes[:, i], (test[i, :, :, 0], filters[:, :, 0, i], seen[:, :, i]),
            (f"digit {y_test[i]}", f"filter {i + 1}", f"its view of {y_test[0]}"), strict=True,
        ):  # fmt: skip
            axis.imshow(picture, cmap="gray_r")
            axis.set_title(title, fontsize=8)
            axis.axis("off")
    figure.suptitle("Digits, eight of the first layer's filters, and what they see in the first digit")
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
