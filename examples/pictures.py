"""Learning curves as a PNG. Colour, marker and text carry the same information, so they survive grey printing."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

import nn

mpl.use("Agg")
import matplotlib.pyplot as plt


def learning_curves(history: nn.History, path: Path, title: str) -> Path:
    """Loss and accuracy over epochs, training and validation, the best validation epoch marked."""
    metrics = [name for name in history.history if not name.startswith("val_")]
    figure, axes = plt.subplots(1, len(metrics), figsize=(5.2 * len(metrics), 3.8), squeeze=False)
    epochs = [epoch + 1 for epoch in history.epoch]
    for axis, name in zip(axes[0], metrics, strict=True):
        axis.plot(epochs, history.history[name], label="training", color="tab:blue")
        held_out = history.history.get(f"val_{name}")
        if held_out:
            pick = min if name == "loss" else max
            best = held_out.index(pick(held_out))
            axis.plot(epochs, held_out, label="held out", color="tab:orange", linestyle="--")
            label = f"best held out: {held_out[best]:.3f}, epoch {epochs[best]}"
            axis.plot(epochs[best], held_out[best], "ko", markersize=5, label=label)
        axis.set(xlabel="epoch", ylabel=name)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.suptitle(title)
    return save(figure, path)


def save(figure: plt.Figure, path: Path) -> Path:
    """Write a figure and free it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
