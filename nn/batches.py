"""Batches: rows in memory cut into steps, or whatever yields batches (a generator, a data loader).

Both are read an epoch at a time, and an epoch can be entered in the middle, where a saved run stood.
"""

from __future__ import annotations

import array
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Set, ValuesView
from dataclasses import dataclass
from typing import Any

from autograd import Tensor, random
from autograd.structure import flatten

from .data import Rows, check_lengths, sample_weights, targets, warn_not_finite
from .errors import ArgumentError, DataError
from .passes import Passes
from .sparse import SparseData


@dataclass(eq=False, repr=False)
class ArrayData(Passes):
    """Rows in memory. Each pass is shuffled anew when `shuffle`; its last batch may be smaller.

    Args:
        rows: all of them.
        batch_size: rows per step.
        shuffle: a new order each pass, drawn when it is entered.
        steps: the most steps of an epoch.
    """

    rows: Rows
    batch_size: int
    shuffle: bool = False
    steps: int | None = None

    def count(self) -> int:
        return self.rows.number

    def epoch(self, skip: int = 0) -> Iterator[Rows]:
        """The batches of one epoch, without the first `skip`."""
        order = self.order()
        return (self.batch(order, number) for number in range(self.taken + skip, self.end))

    def batch(self, order: Tensor | None, number: int) -> Rows:
        """The rows of one step, by its number in the pass."""
        batch = slice(number * self.batch_size, (number + 1) * self.batch_size)
        return self.rows.pick(batch if order is None else order[batch])


class ByNumber:
    """Base of data sets that give batches by number, whose order `fit` draws anew each epoch."""


@dataclass(eq=False, repr=False)
class IterableData:
    """Batches that the user yields: x, (x, y) or (x, y, weight).

    Args:
        source: iterable anew each epoch; or, with `steps`, any iterator, from which each epoch takes the
            next ones; or an object with `__len__` and `__getitem__` that gives batches by number.
        inputs: from the first part of a batch and what to call it to the tensors that the model takes.
        labels: from the second part, the inputs and what to call it to targets; with `check`.
        check: called with each batch, returns it.
        steps: batches of an epoch.
        shuffle: draw the order of the batches of a `ByNumber`; others come as they come.
        restarts: with `steps`, each epoch takes the first ones, where the source can start again.
        keeps: take the batches of the first epoch again in the others, as an iterator cannot start again.
    """

    source: Any
    inputs: Callable[[Any, str], Any]
    labels: Callable[[Any, Any, str], Any] = lambda y, inputs, what: targets(y, what)
    check: Callable[[Rows], Rows] | None = None
    steps: int | None = None
    shuffle: bool = False
    restarts: bool = False
    keeps: bool = False

    def __post_init__(self) -> None:
        self._endless: Iterator[Any] | None = None
        self._kept: list[Rows] = []

    def length(self) -> int | None:
        """Batches of an epoch, None when unknown."""
        if self.steps is not None:
            return self.steps
        try:
            return len(self.source)
        except (TypeError, NotImplementedError):
            return None

    def signature(self) -> list[int | None]:
        """See `Passes`: [None, batches]."""
        return [None, self.length()]

    def epoch(self, skip: int = 0) -> Iterator[Rows]:
        """The batches of one epoch, without the first `skip`."""
        if self._kept:
            return iter(self._kept[skip:])
        batches = self._checked(itertools.islice(self._one_epoch(), skip, None), skip)
        return self._keeping(batches) if self.keeps else batches

    def _keeping(self, batches: Iterator[Rows]) -> Iterator[Rows]:
        kept = []
        for batch in batches:
            kept.append(batch)
            yield batch
        self._kept = kept

    def _one_epoch(self) -> Iterator[Any]:
        if self.steps is None:
            return self._from_the_start()
        if self.restarts and not isinstance(self.source, Iterator):
            return itertools.islice(self._from_the_start(), self.steps)
        if self._endless is None:
            self._endless = self._again_and_again()
        return itertools.islice(self._endless, self.steps)

    def _from_the_start(self) -> Iterator[Any]:
        if hasattr(self.source, "__iter__"):
            return iter(self.source)
        count = len(self.source)
        drawn = self.shuffle and isinstance(self.source, ByNumber)
        return self._by_number(random.permutation(count).tolist() if drawn else range(count))

    def _by_number(self, order: Iterable[int]) -> Iterator[Any]:
        """The batches of one pass; Keras's data sets are told of its beginning and end."""
        getattr(self.source, "on_epoch_begin", tuple)()
        for number in order:
            yield self.source[number]
        getattr(self.source, "on_epoch_end", tuple)()

    def _again_and_again(self) -> Iterator[Any]:
        while True:
            count = 0
            for item in self._from_the_start():
                count += 1
                yield item
            if not count:
                return

    def _checked(self, items: Iterator[Any], skip: int) -> Iterator[Rows]:
        number = skip - 1
        for number, item in enumerate(items, skip):
            parts = item if isinstance(item, (tuple, list)) else (item,)
            if not 1 <= len(parts) <= 3:
                raise DataError(
                    f"batch {number}: expected x, (x, y) or (x, y, weight), got {len(parts)} parts"
                )
            x = self.inputs(parts[0], f"x of batch {number}")
            y = self.labels(parts[1], x, f"y of batch {number}") if len(parts) > 1 else None
            weight = sample_weights(y, parts[2], None) if len(parts) > 2 else None
            check_lengths(x, y, weight, f"x of batch {number}")
            batch = Rows(x, y, weight)
            if self.check is not None:
                batch = self.check(batch)
            for leaf in flatten(batch.y):
                warn_not_finite(leaf, f"y of batch {number}")
            yield batch
        if number < 0:
            raise DataError("the iterable yielded no batch; one that is used up cannot start again")
        if self.steps is not None and number + 1 < self.steps and not self.restarts:
            raise DataError(f"the iterable is used up after {number + 1} of {self.steps} steps of an epoch")


Data = ArrayData | IterableData | SparseData


def check_repeatable(name: str, source: Any, epochs: int) -> None:
    """Each epoch reads the batches anew, which a generator cannot do."""
    if epochs > 1 and isinstance(source, Iterator):
        raise ArgumentError(
            f"{name} is a {type(source).__name__}, which yields its batches once, and there are {epochs} "
            "epochs. Give an object whose __iter__ starts again, such as a data loader; or say how many "
            "batches make an epoch, steps_per_epoch; or use epochs=1."
        )


def is_iterable_of_batches(value: Any) -> bool:
    """Generators, data loaders and the like: neither an array nor a list of rows."""
    if isinstance(value, (Tensor, list, tuple, range, str, Mapping, Set, ValuesView)):
        return False
    if any(hasattr(value, name) for name in ("to_numpy", "__array__", "toarray")):
        return False
    if isinstance(value, (bytes, bytearray, memoryview, array.array)):
        return False
    by_number = hasattr(value, "__getitem__") and hasattr(value, "__len__")
    return hasattr(value, "__iter__") or by_number
