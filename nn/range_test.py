"""The learning-rate range test: which rates does this model learn from on this data?

The rate grows exponentially from batch to batch while the loss is watched; the model is then put back as it
was. Here are the numbers, in `nn.plots` is the picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .arguments import MODEL, POSITIVE, SHARE, at_least
from .batches import ArrayData, Data, check_repeatable, is_iterable_of_batches
from .data import Rows, check_batch_size
from .errors import ArgumentError
from .fit_arguments import batches_of, given, refuse_beside_batches, rows_of
from .host_inputs import host_inputs
from .restore import preserved
from .step import task_of, train_step

if TYPE_CHECKING:
    from .model import Model

FEWEST_STEPS = 10
FLAT = 1e-6
"""A fall by less than this part of the loss is rounding."""


class RangeTest(NamedTuple):
    """What `learning_rate_range_test` returns.

    `losses[i]` was measured before the update with `rates[i]`; `smoothed` are their running means;
    `suggestion` is the rate where the smoothed loss falls fastest, None where it never fell;
    `diverged` says that the test was cut short.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    suggestion: float | None
    diverged: bool


def learning_rate_range_test(
    model: Model,
    x: Any,
    y: Any = None,
    minimum: float = 1e-6,
    maximum: float = 10.0,
    steps: int = 200,
    batch_size: int = 32,
    smoothing: float = 0.9,
    divergence: float = 4.0,
) -> RangeTest:
    """Train on mini-batches while the learning rate grows from `minimum` to `maximum`, and watch the loss.

    Smith 2017, "Cyclical learning rates for training neural networks", section 3.3, with rates that grow by a
    constant factor. Afterwards weights, optimizer, metrics and random generators are bit for bit as before;
    only a model that was not built yet has been built, as `fit` would do.

    Args:
        model: a compiled model.
        x, y: data as for `fit`; batches come in random order, and again from the start when they are used up.
        minimum, maximum: the first and the last learning rate.
        steps: how many mini-batches, at least 10.
        batch_size: rows in a mini-batch; use the size that you will train with.
        smoothing: from 0 to below 1; how much of the running mean of the loss each step keeps.
        divergence: stop when the smoothed loss exceeds its least value so
            far by this factor, or is not finite.

    Returns:
        The `RangeTest`: rates, losses, smoothed losses, the suggested rate.

    Raises:
        ArgumentError: rates that do not grow, too few steps, or a factor out of range.
        NotCompiledError: before `compile`.

    >>> import nn
    >>> model = nn.Sequential([nn.Dense(1, input_shape=(1,))])
    >>> model.compile("sgd", "mse")
    >>> test = nn.learning_rate_range_test(model, [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], steps=50)
    >>> test.rates[0], len(test.rates) == len(test.losses)
    (1e-06, True)
    """
    MODEL.checked("learning_rate_range_test", "model", model)
    _check(minimum, maximum, steps, smoothing, divergence)
    data = _data(model, x, y, batch_size)
    growth = (maximum / minimum) ** (1 / (steps - 1))
    rates: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    mean, diverged = 0.0, False
    with preserved(model):
        task = task_of(model)
        model.train()
        for step, batch in zip(range(steps), _endless(data), strict=False):
            rate = minimum * growth**step
            task.optimizer.learning_rate = rate
            task.metrics[0].reset()
            train_step(task, batch.x, given(batch.y), batch.weight)
            loss = float(task.metrics[0].result())
            diverged = not math.isfinite(loss)
            if diverged:
                break
            rates.append(rate)
            losses.append(loss)
            # the mean starts at 0: the division corrects for that, as in Adam
            mean = smoothing * mean + (1 - smoothing) * loss
            smoothed.append(mean / (1 - smoothing ** (step + 1)))
            least = min(smoothed)
            high = smoothed[-1] > least + (divergence - 1) * abs(least)
            diverged = len(smoothed) >= FEWEST_STEPS and high
            if diverged:
                break
    if not rates:
        raise ArgumentError(
            "learning_rate_range_test: the loss of the first batch is NaN or infinite, before any step. "
            "Look for NaN in x and y."
        )
    return RangeTest(rates, losses, smoothed, _steepest(rates, smoothed), diverged)


def _check(minimum: Any, maximum: Any, steps: Any, smoothing: Any, divergence: Any) -> None:
    owner = "learning_rate_range_test"
    POSITIVE.checked(owner, "minimum", minimum)
    POSITIVE.checked(owner, "maximum", maximum)
    if not minimum < maximum:
        raise ArgumentError(f"{owner}: expected 0 < minimum < maximum, got {minimum!r} and {maximum!r}")
    at_least(FEWEST_STEPS).checked(owner, "steps", steps)
    SHARE.checked(owner, "smoothing", smoothing)
    POSITIVE.but(words="is a factor above 1", least=1.0).checked(owner, "divergence", divergence)


def _data(model: Model, x: Any, y: Any, batch_size: Any) -> Data:
    """Where the batches of an epoch come from; the model is built afterwards."""
    model.compiled_loss("learning_rate_range_test")
    x = host_inputs(model, x)
    if not is_iterable_of_batches(x):
        size = check_batch_size(batch_size)
        return ArrayData(rows_of(model, x, y, None, None), size, shuffle=True)
    check_repeatable("x", x, epochs=2)
    refuse_beside_batches(y=y)
    data = batches_of(model, x)
    if not model.built:
        next(data.epoch())
    return data


def _endless(data: Data) -> Iterator[Rows]:
    while True:
        yield from data.epoch()


def _steepest(rates: Sequence[float], smoothed: Sequence[float]) -> float | None:
    """The rate in the middle of the fastest fall, before the least loss;
    differences over a tenth of the steps.
    """
    lowest = min(range(len(smoothed)), key=smoothed.__getitem__)
    reach = max(len(smoothed) // 20, 1)
    slopes = [
        (smoothed[i + reach] - smoothed[i - reach], i)
        for i in range(reach, min(lowest + 1, len(smoothed) - reach))
    ]
    if not slopes or min(slopes)[0] > -FLAT * max(map(abs, smoothed)):
        return None
    return rates[min(slopes)[1]]
