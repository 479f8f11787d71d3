"""Forward and back propagation by hand, against ours: the same numbers.

A network of 2 inputs, 3 hidden units (tanh) and 1 output (sigmoid), one sample, binary cross-entropy. By hand means
NumPy and the chain rule, written out from the last line back to the first; ours means `loss.backward()`.
"""

from __future__ import annotations

import numpy as np
from pictures import options, panels, save

import autograd as ag


def by_hand(x: np.ndarray, t: float, w1: np.ndarray, b1: np.ndarray, w2: np.ndarray, b2: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:  # fmt: skip
    """The loss, and its derivative by every weight."""
    # forward
    z1 = x @ w1 + b1
    h = np.tanh(z1)
    z2 = h @ w2 + b2
    p = 1 / (1 + np.exp(-z2))
    loss = -(t * np.log(p) + (1 - t) * np.log(1 - p))
    # backward: what the loss does when each number of the forward pass grows a little
    d_p = -(t / p) + (1 - t) / (1 - p)
    d_z2 = d_p * p * (1 - p)  # which is p - t
    d_w2 = np.outer(h, d_z2)
    d_b2 = d_z2
    d_h = w2 @ d_z2
    d_z1 = d_h * (1 - h**2)
    d_w1 = np.outer(x, d_z1)
    d_b1 = d_z1
    return float(loss[0]), {"w1": d_w1, "b1": d_b1, "w2": d_w2, "b2": d_b2}


def ours(x: np.ndarray, t: float, weights: dict[str, ag.Tensor]) -> ag.Tensor:
    """The same forward pass on tensors; nothing is said about derivatives."""
    h = ag.tanh(ag.tensor(x) @ weights["w1"] + weights["b1"])
    p = ag.sigmoid(h @ weights["w2"] + weights["b2"])
    return -(t * p.log() + (1 - t) * (1 - p).log()).sum()


def main() -> None:
    chosen = options(__doc__, "backpropagation", steps=60)
    generator = np.random.default_rng(1)
    x, t = np.array([0.5, -1.2]), 1.0
    start = {"w1": generator.normal(size=(2, 3)), "b1": np.zeros(3), "w2": generator.normal(size=(3, 1)), "b2": np.zeros(1)}  # fmt: skip

    loss, hand = by_hand(x, t, **start)
    weights = {name: ag.tensor(value, requires_grad=True) for name, value in start.items()}
    total = ours(x, t, weights)
    total.backward()
    print(f"loss by hand {loss:.12f}, ours {total.item():.12f}")
    worst = 0.0
    for name, gradient in hand.items():
        difference = np.abs(gradient - weights[name].grad.numpy()).max()
        worst = max(worst, difference)
        print(f"d loss / d {name}: by hand {np.round(gradient.ravel()[:3], 4)}, largest difference {difference:.1e}")  # fmt: skip
    print(f"equal to rounding: {bool(worst < 1e-12)}")

    # and with these derivatives the network learns: one sample, gradient descent
    losses = []
    for _ in range(chosen.steps):
        value, hand = by_hand(x, t, **start)
        losses.append(value)
        start = {name: w - 0.3 * hand[name] for name, w in start.items()}
    print(f"loss after {chosen.steps} steps: {losses[-1]:.4f}")

    figure, (left, right) = panels(2)
    mine = np.concatenate([weights[n].grad.numpy().ravel() for n in hand])
    _, first = by_hand(x, t, **{name: w.numpy() for name, w in weights.items()})
    left.plot(np.concatenate([first[n].ravel() for n in first]), mine, "o")
    left.axline((0, 0), slope=1, color="grey", linestyle="--", linewidth=1)
    left.set(title="13 derivatives", xlabel="by hand", ylabel="by backward()")
    right.plot(losses, linewidth=2)
    right.set(title="learning one sample", xlabel="step", ylabel="loss")
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
