"""Cross-validated trials: each trains once for every fold, and its value is the mean over them.

The folds are the same in all trials. A trial has no model of its own: the best parameters are trained once
more, on all rows, for as many epochs as the folds needed on average.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from operator import index
from random import Random
from typing import Any

import autograd as ag
from autograd import Tensor

from ..arguments import KEY, shown
from ..batches import is_iterable_of_batches
from ..checkpoint.container import as_json, sha256
from ..data import Rows, sample_weights
from ..errors import ArgumentError
from ..model import Model
from .samples import Samples
from .trial import Outcome, Report, Trainer, trial_seed

Positions = list[tuple[list[int], list[int]]]


class CrossTrainer:
    """Runs trials of one builder on the folds of one set of samples.

    Args:
        whole: what the best parameters are trained with in the end.
        parts: samples of each fold.
        positions: what the folds are, for the settings of a study.
    """

    def __init__(self, whole: Trainer, parts: Sequence[Samples], positions: Positions) -> None:
        self.whole = whole
        self.monitor, self.maximize = whole.monitor, whole.maximize
        self.parts = [_with_samples(whole, samples) for samples in parts]
        self.described = f"{len(parts)} folds {sha256(as_json(positions).encode())[:16]}"

    def run(self, parameters: Mapping[str, Any], seed: int, report: Report) -> Outcome:
        """Train on every fold; `report` is told (fold, mean so far) after each and may end the trial."""
        outcomes: list[Outcome] = []
        state = "complete"
        for number, trainer in enumerate(self.parts):
            outcomes.append(trainer.run(parameters, trial_seed(seed, number, "fold"), lambda _, value: False))
            if outcomes[-1].state != "complete":
                state = outcomes[-1].state
                break
            if report(number, _mean(outcomes)) and number + 1 < len(self.parts):
                state = "pruned"
                break
        last = outcomes[-1]
        done = [one for one in outcomes if one.value is not None]
        best = round(math.fsum(one.best_epoch or 0 for one in done) / len(done)) if done else None
        return Outcome(
            state,
            None if state == "failed" or not done else _mean(done),
            sum(one.epochs for one in outcomes),
            best,
            math.fsum(one.seconds for one in outcomes),
            last.error,
            last.exception,
        )

    def refit(self, parameters: Mapping[str, Any], seed: int, epochs: int) -> Model:
        """A model trained on all rows."""
        return self.whole.refit(parameters, seed, epochs)


def cross_trainer(
    cv: Any,
    build: Any,
    x: Any,
    y: Any,
    weights: tuple[Any, Any],
    tuned: Mapping[str, Any],
    fixed: Mapping[str, Any],
    watched: tuple[str, str],
) -> CrossTrainer:
    """What runs the cross-validated trials of `tune`.

    Args:
        cv: a number of folds, an object with `split`, which is given the class of each row where targets have
            a single 1, or pairs of positions.
        weights: (sample_weight, class_weight).
        watched: (monitor, mode).

    Raises:
        ArgumentError: batches, or folds that are none.
    """
    if is_iterable_of_batches(x):
        raise ArgumentError("tune: cv cuts rows, and x is an iterable of batches; give arrays")
    KEY.checked("tune", "monitor", watched[0])
    sample_weight, class_weight = weights
    whole = Trainer(build, Samples(x, y, 0.0, None, "loss", *weights), tuned, fixed, *watched)
    given = Samples(x, y, 0.0, None, "loss", sample_weight).fit_arguments
    rows = Rows(given["x"], given["y"], given["sample_weight"])
    positions = positions_of(cv, rows)
    return CrossTrainer(whole, [_part(rows, *pair, class_weight) for pair in positions], positions)


def positions_of(cv: Any, rows: Rows) -> Positions:
    """(rows to train on, rows to judge by) of each fold.

    Raises:
        ArgumentError: they are no folds of these rows.

    >>> import autograd as ag
    >>> from nn.data import Rows
    >>> from nn.tuning.folds import positions_of
    >>> folds = positions_of(2, Rows(ag.zeros((4, 1)), ag.tensor([0, 1, 0, 1])))
    >>> sorted(folds[0][1] + folds[1][1])
    [0, 1, 2, 3]
    """
    n = rows.number
    pairs: Any = cv
    if hasattr(cv, "split") and not isinstance(cv, (str, bytes)):
        pairs = _split(cv, n, _labels(rows.y))
    elif isinstance(cv, int) and not isinstance(cv, bool):
        pairs = _dealt(cv, n, rows.y.tolist())
    try:
        found = [([*map(index, train)], [*map(index, test)]) for train, test in pairs]
    except (TypeError, ValueError):
        raise ArgumentError(
            "tune: cv is a number of folds, an object with split(x, y), or pairs of positions to train on "
            f"and to judge by, got {shown(cv)}"
        ) from None
    for train, test in found:
        if not train or not test or not all(0 <= i < n for i in (*train, *test)) or set(train) & set(test):
            raise ArgumentError(
                f"tune: cv: a fold is two lists of positions from 0 to {n - 1} that share none, got one with "
                f"{len(train)} and {len(test)} rows"
            )
    if not found:
        raise ArgumentError("tune: cv gives no fold")
    return found


def _split(cv: Any, n: int, labels: list[Any]) -> list[Any]:
    """The folds of an object, whose own words are passed on where it makes none."""
    try:
        return [*cv.split([*range(n)], labels)]
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"tune: cv={shown(cv)} gives no folds: {error}. It is given x and y, and no groups; folds that "
            "need more are given as pairs: cv=[*cv.split(x, y, groups)]"
        ) from error


def _labels(y: Tensor) -> list[Any]:
    """A value for each row, by which an object may deal out rows: the class, where rows have a single 1."""
    values = y.reshape(y.shape[0], -1)
    if values.shape[1] > 1:
        hot = ((values == 0) | (values == 1)).all() & (values.sum(1) == 1).all()
        values = values.argmax(1).reshape(-1, 1) if hot.item() else values
    found: list[Any] = values[:, 0].tolist()
    return found


def _dealt(folds: int, n: int, targets: list[Any]) -> Positions:
    """Rows in random order, always the same, dealt out by target: every fold gets as many of each class."""
    if not 2 <= folds <= n:
        raise ArgumentError(f"tune: cv is a number of folds from 2 to {n}, the number of rows, got {folds}")
    order = [*range(n)]
    Random(0).shuffle(order)
    order.sort(key=lambda i: targets[i])
    tests = [sorted(order[k::folds]) for k in range(folds)]
    return [([i for i in range(n) if i not in held], sorted(held)) for held in map(set, tests)]


def _part(rows: Rows, train: list[int], test: list[int], class_weight: Any) -> Samples:
    training, held_out = (rows.pick(ag.tensor(part, "int64")) for part in (train, test))
    if class_weight is not None:
        training = training._replace(weight=sample_weights(training.y, training.weight, class_weight))
    return Samples.of_rows(training, held_out)


def _with_samples(trainer: Trainer, samples: Samples) -> Trainer:
    twin = copy.copy(trainer)
    twin.samples = samples
    return twin


def _mean(outcomes: Sequence[Outcome]) -> float:
    return math.fsum(one.value or 0.0 for one in outcomes) / len(outcomes)
