"""Passes: epochs over rows in memory that take fewer steps than the rows last for."""

from __future__ import annotations

from typing import Any

from autograd import random


class Passes:
    """Base of rows in memory, cut into batches: where in a pass over them an epoch begins and ends.

    As in Keras, an epoch of `steps` begins where the one before ended, and a pass ends when its rows are used
    up: the last epoch of a pass may be shorter. The order of the rows is drawn once for each pass.
    """

    batch_size: int
    shuffle: bool
    steps: int | None
    taken: int = 0
    """The batches of this pass that belong to the epochs before."""
    _order: Any = None

    def count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    @property
    def whole(self) -> int:
        """Batches of a pass."""
        return -(-self.count() // self.batch_size)

    @property
    def end(self) -> int:
        """The number of the batch in its pass before which the epoch ends."""
        return self.whole if self.steps is None else min(self.taken + self.steps, self.whole)

    def length(self) -> int:
        """Batches of the epoch that begins at `taken`."""
        return self.end - self.taken

    def signature(self) -> list[int | None]:
        """What has to be the same for the middle of a pass to mean the same: [rows, batch size]."""
        return [self.count(), self.batch_size]

    def order(self) -> Any:
        """The order of the rows, drawn now where a pass begins; None as they lie."""
        if self.shuffle and (self._order is None or not self.taken):
            self._order = random.permutation(self.count())
        return self._order

    def advance(self) -> None:
        """An epoch has ended: the next one begins there, or with a new pass."""
        self.taken = self.end % self.whole

    def runs_short(self, epochs: int) -> bool:
        """Whether one of so many epochs, from the beginning of a pass on, is shorter than `steps`."""
        return self.steps is not None and bool(self.whole % self.steps) and epochs * self.steps > self.whole
