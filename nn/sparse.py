"""Sparse matrices (SciPy's, by what they offer) as inputs: the rows of a batch become dense, no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from autograd import random

from .data import Rows
from .errors import DataError


def is_sparse(value: Any) -> bool:
    """Whether it is a matrix that keeps its numbers sparsely."""
    return hasattr(value, "toarray") and hasattr(value, "tocsr") and len(getattr(value, "shape", ())) == 2


@dataclass(eq=False, repr=False)
class SparseData:
    """Rows of a sparse matrix, cut into batches. Each epoch is shuffled anew when `shuffle`.

    Args:
        matrix: (n, features).
        inputs: from the dense rows of a batch and what to call them to the tensors that the model takes.
        rows: with the targets and weights of all rows, and no x.
        batch_size: rows per step.
        shuffle: a new order each epoch, drawn when the epoch is entered.
        steps: the most steps of an epoch.
    """

    matrix: Any
    inputs: Callable[[Any, str], Any]
    rows: Rows
    batch_size: int
    shuffle: bool = False
    steps: int | None = None

    def __post_init__(self) -> None:
        self.matrix = self.matrix.tocsr()
        if not self.matrix.shape[0]:
            raise DataError(f"x is empty: shape {self.matrix.shape}. At least one row is needed.")

    def length(self) -> int:
        """Batches of an epoch."""
        whole: int = -(-self.matrix.shape[0] // self.batch_size)
        return whole if self.steps is None else min(whole, self.steps)

    def signature(self) -> list[int | None]:
        """See `ArrayData`."""
        return [self.matrix.shape[0], self.batch_size]

    def epoch(self, skip: int = 0) -> Iterator[Rows]:
        """The batches of one epoch, without the first `skip`."""
        count = self.matrix.shape[0]
        order = random.permutation(count).tolist() if self.shuffle else list(range(count))
        size = self.batch_size
        return (
            self._batch(order[number * size : (number + 1) * size]) for number in range(skip, self.length())
        )

    def _batch(self, positions: list[int]) -> Rows:
        return self.rows.others(positions)._replace(x=self.inputs(self.matrix[positions].toarray(), "x"))
