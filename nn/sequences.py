"""Data sets as Keras's utilities make them: batches by number, windows, rows of one length, halves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd import random

from .arguments import COUNT, COUNT_OR_ZERO, FLAG, SEED, choice
from .batches import ByNumber
from .data import to_array
from .errors import ArgumentError, DataError

_SIDE = choice("pre", "post")


class PyDataset(ByNumber):
    """Batches by number, for `fit`: a subclass defines `__len__` and `__getitem__(index)`.

    `on_epoch_begin` and `on_epoch_end` are called around each pass; `fit` draws the order of the batches
    unless `shuffle=False`.

    Args:
        workers, use_multiprocessing, max_queue_size: batches are made where they are used: 0 or 1 worker,
            no processes, and so no queue.

    Raises:
        ArgumentError: more workers, or processes.

    >>> import nn
    >>> class Pairs(nn.utils.PyDataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         return [[float(index)]], [2.0 * index]
    >>> model = nn.Sequential([nn.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> len(model.fit(Pairs(), epochs=3, verbose=0).history["loss"])
    3
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        kind = type(self).__name__
        self.workers = COUNT_OR_ZERO.checked(kind, "workers", workers)
        self.use_multiprocessing = FLAG.checked(kind, "use_multiprocessing", use_multiprocessing)
        self.max_queue_size = COUNT.checked(kind, "max_queue_size", max_queue_size)
        if self.workers > 1 or self.use_multiprocessing:
            raise ArgumentError(
                f"{kind}: batches are made where they are used; workers is 0 or 1 and use_multiprocessing "
                f"False, got {workers!r} and {use_multiprocessing!r}"
            )

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} defines no __getitem__(self, index), the batch of a number"
        )

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} defines no __len__(self), the number of batches")

    @property
    def num_batches(self) -> int:
        """How many batches an epoch has."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """Before each pass over the batches."""

    def on_epoch_end(self) -> None:
        """After each pass."""


class Slices:
    """Rows in batches, to be read again and again: what Keras gives as a data set of TensorFlow."""

    def __init__(self, parts: Sequence[Any], batch_size: int | None) -> None:
        self.parts = list(parts)
        self.batch_size = batch_size

    def __len__(self) -> int:
        rows = len(self.parts[0])
        return rows if self.batch_size is None else -(-rows // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        for number in range(len(self)):
            rows: Any = number
            if self.batch_size is not None:
                rows = slice(number * self.batch_size, (number + 1) * self.batch_size)
            picked: list[Any] = [part[rows] for part in self.parts]
            yield tuple(picked) if len(picked) > 1 else picked[0]

    def batch(self, batch_size: int) -> Slices:
        """The same rows in batches of another size."""
        return Slices(self.parts, COUNT.checked("batch", "batch_size", batch_size))


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> tuple[Slices, Slices]:
    """Rows in two parts, which yield one row at a time; `.batch(32)` gives batches for `fit`.

    Args:
        dataset: an array, or a tuple of arrays of the same length, such as (x, y).
        left_size, right_size: a share of the rows, or how many; one of them will do.
        shuffle: draw the order first; `seed` repeats it.

    Raises:
        ArgumentError: sizes that leave a part empty or are more than there is.

    >>> import nn
    >>> left, right = nn.utils.split_dataset(([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1]), left_size=0.75)
    >>> len(left), [(float(x), int(y)) for x, y in right]
    (3, [(4.0, 1)])
    """
    given = list(dataset) if isinstance(dataset, tuple) else [dataset]
    arrays = [to_array(part, "dataset") for part in given]
    n = len(arrays[0])
    if any(len(part) != n for part in arrays):
        raise DataError(f"split_dataset: parts of different lengths, {[len(part) for part in arrays]}")
    left, right = _sizes(n, left_size, right_size)
    order = np.arange(n)
    if FLAG.checked("split_dataset", "shuffle", shuffle):
        order = np.asarray(random.permutation(n, SEED.checked("split_dataset", "seed", seed)))
    rows = order[:left], order[left : left + right]
    first, second = (Slices([part[some] for part in arrays], None) for some in rows)
    return first, second


def _sizes(n: int, left: Any, right: Any) -> tuple[int, int]:
    if left is None and right is None:
        raise ArgumentError("split_dataset: left_size or right_size is needed")
    counts = [None if s is None else round(s * n) if isinstance(s, float) else int(s) for s in (left, right)]
    first = n - counts[1] if counts[0] is None and counts[1] is not None else counts[0] or 0
    second = n - first if counts[1] is None else counts[1]
    if first < 1 or second < 1 or first + second > n:
        raise ArgumentError(
            f"split_dataset: left_size={left!r} and right_size={right!r} of {n} rows make parts of {first} "
            f"and {second}"
        )
    return first, second


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float = 0.0,
) -> Any:
    """Lists of numbers as rows (n, maxlen, ...) of one length, a NumPy array.

    Args:
        maxlen: default that of the longest.
        padding, truncating: "pre" fills, and cuts, at the beginning, "post" at the end.
        value: what is filled in.

    Raises:
        DataError: items that are no lists, or of different shapes.

    >>> import nn
    >>> nn.utils.pad_sequences([[1], [2, 3]]).tolist()
    [[0, 1], [2, 3]]
    """
    padding = _SIDE.checked("pad_sequences", "padding", padding)
    truncating = _SIDE.checked("pad_sequences", "truncating", truncating)
    for number, item in enumerate(sequences):
        if not hasattr(item, "__len__") or isinstance(item, (str, bytes)):
            raise DataError(f"pad_sequences: item {number} is no list of numbers, got {item!r}")
    longest = COUNT.or_none().checked("pad_sequences", "maxlen", maxlen) or max(
        map(len, sequences), default=0
    )
    shapes = {np.asarray(item).shape[1:] for item in sequences if len(item)} or {()}
    if len(shapes) > 1:
        raise DataError(f"pad_sequences: items of different shapes: {sorted(shapes)}")
    rows = np.full((len(sequences), longest, *shapes.pop()), value, dtype=dtype)
    for row, item in zip(rows, sequences, strict=True):
        if kept := len(item) and min(len(item), longest):
            part = np.asarray(item[-kept:] if truncating == "pre" else item[:kept], dtype=dtype)
            row[-kept:] = part if padding == "pre" else row[-kept:]
            if padding == "post":
                row[:kept] = part
    return rows


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
) -> Slices:
    """Windows of a series (steps, ...) as batches (batch, sequence_length, ...), with their targets.

    Args:
        data: the series; its first axis is time.
        targets: `targets[i]` belongs to the window that begins at i; None for windows alone.
        sequence_length, sampling_rate: steps of a window, and the distance of two of them.
        sequence_stride: the distance of two windows.
        batch_size: None yields single windows.
        shuffle: windows in random order, drawn once; `seed` repeats it.
        start_index, end_index: the part of the series that is used.

    Raises:
        ArgumentError: there is not one whole window.

    >>> import nn
    >>> windows = nn.utils.timeseries_dataset_from_array(list(range(6)), None, 3, batch_size=4)
    >>> next(iter(windows)).tolist()
    [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]
    """
    owner = "timeseries_dataset_from_array"
    for name, number in (
        ("sequence_length", sequence_length),
        ("sequence_stride", sequence_stride),
        ("sampling_rate", sampling_rate),
    ):
        COUNT.checked(owner, name, number)
    batch_size = COUNT.or_none().checked(owner, "batch_size", batch_size)
    series = to_array(data, "data")
    begin = COUNT_OR_ZERO.or_none().checked(owner, "start_index", start_index) or 0
    end = COUNT.or_none().checked(owner, "end_index", end_index) or len(series)
    count = min(end, len(series)) - begin - (sequence_length - 1) * sampling_rate
    labels = None if targets is None else to_array(targets, "targets")[begin:end]
    if labels is not None:
        count = min(count, len(labels))
    starts = np.arange(0, max(count, 0), sequence_stride)
    if not len(starts):
        raise ArgumentError(f"{owner}: the series of {len(series)} steps has no whole window there")
    if FLAG.checked(owner, "shuffle", shuffle):
        starts = starts[np.asarray(random.permutation(len(starts), SEED.checked(owner, "seed", seed)))]
    windows = series[begin + starts[:, None] + np.arange(sequence_length) * sampling_rate]
    return Slices([windows] if labels is None else [windows, labels[starts]], batch_size)
