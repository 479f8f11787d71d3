"""The forward pass of a model, compiled for few numbers of rows and used for all.

A model computes each row by itself in evaluation, as a rule; where its trace proves that, a part with another
number of rows is filled up to one of the sizes below, and what was added is cut off. So the programs, and
with them the bits of a prediction, depend on nothing but the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import autograd as ag
from autograd import Tensor
from autograd.errors import is_refusal
from autograd.rowwise import Rowwise
from autograd.structure import flatten

from .added import gathered_losses
from .compiled import say, tried
from .data import Run, cuts, in_parts
from .overriding import overrides
from .precision import precision_of
from .step import checked_output
from .structured import mapped, picked, rows_in
from .tree import Tree, changes

if TYPE_CHECKING:
    from .model import Model

ROWS = (32, 256)
"""Rows of a part, besides one row: many are cut into parts of the larger size, then of the smaller."""


class Shortcut(NamedTuple):
    """From array to array, while the model is what it was; one object, for other threads set theirs."""

    batch_size: int
    changes: int
    tree: Tree
    quick: Callable[[Any], Any]


def joined(parts: Sequence[Any]) -> Any:
    """The rows of structures of tensors one after another."""
    leaves = zip(*map(flatten, parts), strict=True)
    found: list[list[Any]] = [list(each) for each in leaves]
    whole = iter([ag.concat(each, axis=0) if len(each) > 1 else each[0] for each in found])
    return mapped(parts[0], lambda _: next(whole))


class Predictor:
    """The forward pass of a model, compiled."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.precision = precision_of(model)
        self._jitted = ag.jit(self.forward, state=model, name="predict", precision=self.precision)
        self.jit = model.jit
        self.compiles = model.jit is not False
        self._rowwise = Rowwise(self._jitted)
        self._ways: dict[int, Callable[[Any], Any] | None] = {}
        """By size, from array to array."""
        self._short: Shortcut | None = None

    def jit_key(self) -> Any:
        """What a trace of the forward pass depends on."""
        return self.model.jit_key()

    def forward(self, x: Any) -> Any:
        model = self.model
        with gathered_losses(wanted=False):
            own = overrides(model, "predict_step")
            output = model.predict_step((x,)) if own else model(x, training=False)
        return checked_output(model, output, x)

    def batches(self, x: Any, batch_size: int) -> Any:
        """The outputs for inputs that are, or give, structures of several tensors: a program for each number
        of rows in a batch.
        """
        parts = [
            self._exactly(picked(x, slice(start, start + batch_size)))
            for start in range(0, rows_in(x), batch_size)
        ]
        return joined(parts)

    def __call__(self, x: Tensor, batch_size: int) -> tuple[Tensor, list[Run]]:
        """The outputs (n, ...) for inputs (n, ...), computed in batches, without graph; and their parts."""
        with ag.no_grad():
            runs = list(self._runs_of(x, batch_size))
        parts = [part for run in runs for part in self._outputs(x, *run)]
        return (parts[0] if len(parts) == 1 else ag.concat(parts, axis=0)), runs

    def _runs_of(self, x: Tensor, batch_size: int) -> Iterator[Run]:
        """The parts of each batch. Batches of just the rows of a program are one run of parts."""
        rows = x.shape[0]
        last = rows - rows % batch_size
        sizes = self._sizes_for(x[:batch_size]) if last else ()
        if last and not sizes:
            yield 0, last, batch_size
        for first in range(0, last if sizes else 0, batch_size):
            yield from ((first + start, first + stop, size) for start, stop, size in cuts(batch_size, sizes))
        if last < rows:
            sizes = self._sizes_for(x[last:]) or (rows - last,)
            yield from ((last + start, last + stop, size) for start, stop, size in cuts(rows - last, sizes))

    def _outputs(self, x: Tensor, start: int, stop: int, size: int) -> Iterator[Tensor]:
        """The outputs for rows `start` to `stop`, `size` rows at a time; the last are filled up."""
        while start < stop:
            part, count = x[start : start + size], min(size, stop - start)
            if count < size:
                part = ag.take(x, [min(i, stop - 1) for i in range(start, start + size)], axis=0)
            yield self._exactly(part)[:count]
            start += count
            # asked for right after it ran, and where predictions are asked for
            way = self._ways[size] = self._jitted.quick(part.numpy(), parts=True) if self.compiles else None
            whole = stop - (stop - start) % size
            found = None if way is None or start >= whole else way(x[start:whole].numpy())
            if found is not None:
                yield ag.tensor(found)
                start = whole

    def _sizes_for(self, x: Tensor) -> Sequence[int]:
        """The sizes of parts in which `x` may be computed; none where that is all at once."""
        rows = x.shape[0]
        if rows in (0, 1, *ROWS) or not self.compiles or not self._is_rowwise(x, ROWS[0]):
            return ()
        return ROWS if rows >= ROWS[-1] and self._is_rowwise(x, ROWS[-1]) else ROWS[:1]

    def _is_rowwise(self, x: Tensor, size: int) -> bool:
        """Whether the program for `size` rows serves `x`. Nobody has given so many:
        what is wrong with them is no answer.
        """
        example = ag.zeros((size, *x.shape[1:]), x.dtype, backend=x.backend)
        try:
            return self._call_of(example)[1] is None and self._rowwise.serves(x, size)
        except Exception as error:
            if not is_refusal(error):
                raise
            return False

    def _call_of(self, x: Any) -> tuple[Callable[[], Any] | None, Exception | None]:
        """The compiled call on `x`, or why there is none."""
        call = self._jitted.ready(x)
        if call is not None:
            return call, None
        make = partial(self._jitted.made_ready, x)
        call, error = tried(self.model, make, "predict")
        if error is not None and not all(module.built for _, module in self.model.named_modules()):
            # a layer that was put into a model in use; the model builds it, as at its first call
            self.forward(x)
            call, error = tried(self.model, make, "predict")
        return call, error

    def _exactly(self, x: Any) -> Any:
        """The outputs of a program for just so many rows."""
        with ag.no_grad():
            call, error = self._call_of(x) if self.compiles else (None, None)
            if error is not None and self.jit is True:
                raise error
            result = self.forward(x) if call is None else call()
        if error is not None:
            # the forward pass itself was fine, so it is the trace that was not
            say("predict", error, self.precision)
            self.compiles = False
        return result

    def remember(self, x: Any, batch_size: int, runs: list[Run]) -> None:
        """`x` has just been predicted, in `runs`: find a short way for arrays like it."""
        self._short = None
        count, tree = changes[0], self.model.tree()
        if not self.compiles or not hasattr(x, "flags") or not self.model.is_plain():
            return
        quick: Callable[[Any], Any] | None = None
        if runs == [(0, x.shape[0], x.shape[0])]:
            quick = self._jitted.quick(x)
        else:
            ways = [self._ways.get(size) for *_, size in runs]
            if None not in ways:
                quick = partial(in_parts, x.shape, runs, ways)
        if quick is not None:
            self._short = Shortcut(batch_size, count, tree, quick)

    def quickly(self, x: Any, batch_size: int) -> Any:
        """The outputs for an array like the last one, where nothing has changed; None otherwise."""
        short = self._short
        if short is None or short.changes != changes[0] or batch_size != short.batch_size:
            return None
        return short.quick(x) if short.tree.holds() else None
