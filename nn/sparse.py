"""Sparse matrices (SciPy's, by what they offer) as inputs: the rows of a batch become dense, no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .data import Rows
from .errors import DataError
from .passes import Passes


def is_sparse(value: Any) -> bool:
    """Whether it is a matrix that keeps its numbers sparsely."""
    return hasattr(value, "toarray") and hasattr(value, "tocsr") and len(getattr(value, "shape", ())) == 2


@dataclass(eq=False, repr=False)
class SparseData(Passes):
    """Rows of a sparse matrix, cut into batches. Each pass is shuffled anew when `shuffle`.

    Args:
        matrix: (n, features).
        inputs: from the dense rows of a batch and what to call them to the tensors that the model takes.
        rows: with the targets and weights of all rows, and no x.
        batch_size: rows per step.
        shuffle: a new order each pass, drawn when it is entered.
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

    def count(self) -> int:
        rows: int = self.matrix.shape[0]
        return rows

    def epoch(self, skip: int = 0) -> Iterator[Rows]:
        """The batches of one epoch, without the first `skip`."""
        drawn, size = self.order(), self.batch_size
        order = list(range(self.count())) if drawn is None else drawn.tolist()
        return (
            self._batch(order[number * size : (number + 1) * size])
            for number in range(self.taken + skip, self.end)
        )

    def _batch(self, positions: list[int]) -> Rows:
        return self.rows.others(positions)._replace(x=self.inputs(self.matrix[positions].toarray(), "x"))
