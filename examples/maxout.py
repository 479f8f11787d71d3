"""Maxout: a unit that learns its own activation, as the largest of several linear functions.

One maxout unit with k pieces can be any convex function made of k lines. With 2 pieces it can become ReLU or |x|; here
it learns x squared, with 2, 4 and 8 lines, and a network of maxout units learns a function that is not convex.
"""

from __future__ import annotations

import numpy as np
from pictures import options, panels, save

import nn


def learn(layers: list[nn.Module], x: np.ndarray, y: np.ndarray, epochs: int) -> nn.Model:
    """Full batches, so that only the function matters."""
    model = nn.Sequential(layers)
    model.compile(nn.Adam(nn.CosineDecay(0.03, epochs)), "mse")
    model.fit(x, y, batch_size=len(x), epochs=epochs, verbose=0)
    return model


def main() -> None:
    chosen = options(__doc__, "maxout", epochs=1500)
    x = np.linspace(-2, 2, 101)[:, None]
    figure, (left, right) = panels(2, 5.2)
    square = x[:, 0] ** 2
    # pieces that begin alike at 0 learn the same line, and only one of them is ever seen
    different = nn.RandomNormal(stddev=1.0)
    left.plot(x, square, "0.7", linewidth=5, label="x²")
    print("x squared by one maxout unit:")
    for style, pieces in zip((":", "--", "-"), (2, 4, 8), strict=True):
        nn.set_random_seed(2)
        model = learn([nn.Maxout(1, pieces=pieces, bias_initializer=different)], x, square, chosen.epochs)
        seen = model.predict(x)[:, 0]
        print(f"  {pieces} pieces: mean squared error {((seen - square) ** 2).mean():.4f}")
        left.plot(x, seen, style, color="k", label=f"{pieces} pieces")
    left.set(title="one unit", xlabel="x")
    left.legend()

    wave = np.sin(3 * x[:, 0])
    nn.set_random_seed(0)
    model = learn([nn.Maxout(12), nn.Maxout(12), nn.Dense(1)], x, wave, chosen.epochs)
    seen = model.predict(x)[:, 0]
    print(f"sin 3x by two layers of 12 maxout units: mean squared error {((seen - wave) ** 2).mean():.4f}")  # fmt: skip
    right.plot(x, wave, "0.7", linewidth=5, label="sin 3x")
    right.plot(x, seen, "k-", label="2 layers of 12")
    right.set(title="a network of them", xlabel="x")
    right.legend()
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
