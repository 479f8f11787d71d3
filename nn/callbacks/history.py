"""History: the log of a run."""

from __future__ import annotations

from .base import Callback, Logs


class History(Callback):
    """What `fit` returns: `history[name]` has one value per epoch, `epoch` their numbers from 0."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        last = {name: round(values[-1], 4) for name, values in self.history.items()}
        return f"History({len(self.epoch)} epochs, last {last})"
