"""Keep adding layers until the validation error stops improving: the first search that a course teaches."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..arguments import COUNT_OR_ZERO
from ..errors import ArgumentError, TuningError
from ..model import Model
from ..notebook import search_html
from .pictures import depth_figure
from .samples import Samples
from .table import Progress, text_table
from .trial import Outcome, Trainer, drawn_seed, trial_seed


class Depth(NamedTuple):
    """A number of hidden layers, and what came of it.

    `value` is the mean of `values`, one for each run; None when a run failed, whose error is in `error`.
    `epochs` and `seconds` are sums over the runs.
    """

    layers: int
    value: float | None
    values: tuple[float, ...]
    epochs: int
    seconds: float
    error: str | None


class DepthSearch:
    """What `nn.add_layers_until` returns.

    Attributes:
        depths: a `Depth` for each number of layers tried.
        best_layers, best_value: the best depth and its mean.
        best_model: the best run of that depth, with the weights of its best epoch.
        monitor: what was compared.
        stopped: why no further layer was added.
    """

    def __init__(self, depths: list[Depth], best: Depth, model: Model, monitor: str, stopped: str):
        self.depths = depths
        self.best_layers = best.layers
        self.best_value = float(best.value or 0.0)
        self.best_model = model
        self.monitor = monitor
        self.stopped = stopped

    def to_dicts(self) -> list[dict[str, Any]]:
        """A dict per depth, for a data frame."""
        rows = []
        for depth in self.depths:
            row = depth._asdict()
            rows.append({"layers": row.pop("layers"), self.monitor: row.pop("value")} | row)
        return rows

    def table(self) -> str:
        """The depths as text, the best one marked; a spread where there were several runs."""
        header, rows, errors = self._rows()
        return "\n".join([text_table(header, rows), *errors, self.stopped])

    def _rows(self) -> tuple[list[str], list[list[Any]], list[str]]:
        """The header, the rows and the errors of the table."""
        several = any(len(depth.values) > 1 for depth in self.depths)
        header = ["layers", self.monitor, *(["from", "to"] if several else []), "epochs", "seconds", ""]
        rows = []
        for depth in self.depths:
            spread = [min(depth.values), max(depth.values)] if depth.values else [None, None]
            mark = "failed" if depth.error else "best" if depth.layers == self.best_layers else ""
            rows.append(
                [
                    depth.layers,
                    depth.value,
                    *(spread if several else []),
                    depth.epochs,
                    round(depth.seconds, 2),
                    mark,
                ]
            )
        return header, rows, [f"{d.layers} layers failed: {d.error}" for d in self.depths if d.error]

    def plot(self, path: Any = None) -> Any:
        """A picture of the watched number by depth; returns the
        matplotlib figure, and writes it to `path`.
        """
        layers, values, means = zip(*((d.layers, d.values, d.value) for d in self.depths))
        return depth_figure(layers, values, means, self.best_layers, self.monitor, path)

    def _repr_html_(self) -> str:
        return search_html(self, *self._rows())

    def __repr__(self) -> str:
        tried = ", ".join(str(depth.layers) for depth in self.depths)
        return (
            f"DepthSearch(best {self.best_layers} layers with {self.monitor} {self.best_value:.4g}; tried "
            f"{tried})"
        )


def add_layers_until(
    build: Callable[..., Model] | None = None,
    x: Any = None,
    y: Any = None,
    patience: int = 1,
    max_layers: int = 8,
    min_layers: int = 1,
    runs: int = 1,
    min_delta: float = 0.0,
    monitor: str = "val_loss",
    mode: str = "auto",
    validation_split: float | None = None,
    validation_data: Any = None,
    seed: int | None = None,
    verbose: Any = "auto",
    **fixed: Any,
) -> DepthSearch:
    """Add hidden layers until the validation error stops improving, and keep the best depth.

    Args:
        build: `build(layers=..., **fixed)` returns a model; None or `nn.MLP` for a perceptron that fits y.
        patience: how many depths in a row may be no better than the best before it ends.
        max_layers, min_layers: where it ends at the latest, and begins.
        runs: networks per depth, from different seeds; their mean is compared, since one run is noisy.
        min_delta: how much better a depth has to be to count.
        monitor, mode, validation_split, validation_data, seed, verbose, fixed: as in `tune`.

    Every depth is judged on the same rows, and leaves the random generators
    as they were. Optuna is not needed.

    Raises:
        ArgumentError, DataError: before the first network.
        TuningError: no depth gave a finite number.

    >>> import nn
    >>> x = [[7 * i % 40 / 20] for i in range(40)]
    >>> y = [a[0] ** 2 for a in x]
    >>> found = nn.add_layers_until(None, x, y, max_layers=2, epochs=3, units=4, seed=0)
    >>> found.best_layers in (1, 2)
    True
    """
    patience = COUNT_OR_ZERO.checked("add_layers_until", "patience", patience)
    for what, value in (("max_layers", max_layers), ("min_layers", min_layers), ("runs", runs)):
        COUNT_OR_ZERO.checked("add_layers_until", what, value)
    if not min_layers <= max_layers or runs < 1 or patience < 1:
        raise ArgumentError(
            "add_layers_until: min_layers <= max_layers, runs >= 1, patience >= 1; got "
            f"min_layers={min_layers}, max_layers={max_layers}, runs={runs}, patience={patience}"
        )
    weights = [fixed.pop(argument, None) for argument in ("sample_weight", "class_weight")]
    samples = Samples(x, y, validation_split, validation_data, monitor, *weights)
    trainer = Trainer(build, samples, ["layers"], fixed, monitor, mode)
    ladder = _Ladder(trainer, drawn_seed() if seed is None else seed, runs, abs(min_delta))
    progress = Progress(verbose, max_layers - min_layers + 1, 0, "depth")
    try:
        stopped = ladder.climb(range(min_layers, max_layers + 1), patience, progress)
    finally:
        progress.close()
    if ladder.best is None or ladder.model is None:
        errors = [depth.error for depth in ladder.depths if depth.error] or ["interrupted"]
        raise TuningError(f"no depth gave a model; the first ended with {errors[0]}")
    return DepthSearch(ladder.depths, ladder.best, ladder.model, monitor, stopped)


@dataclass(eq=False, repr=False)
class _Ladder:
    """The depths so far, and the best of them."""

    trainer: Trainer
    seed: int
    runs: int
    min_delta: float
    depths: list[Depth] = field(default_factory=list)
    best: Depth | None = None
    model: Model | None = None

    def climb(self, depths: range, patience: int, progress: Progress) -> str:
        """Why it stopped."""
        waited = 0
        for layers in depths:
            outcomes = self._train(layers)
            if outcomes[-1].state == "interrupted":
                return f"interrupted with {layers} layers"
            depth = _summary(layers, outcomes)
            self.depths.append(depth)
            waited = 0 if self._is_better(depth) else waited + 1
            if not waited:
                self.best = depth
                sign = -1.0 if self.trainer.maximize else 1.0
                self.model = min(outcomes, key=lambda o: sign * (o.value or 0.0)).model
            monitor = self.trainer.monitor
            what = depth.error or f"{monitor} {depth.value:.4g}"
            best = "best none yet" if self.best is None else f"best {self.best.layers} layers"
            progress.tell(f"depth {layers}", what, {"runs": len(outcomes)}, best)
            if waited >= patience:
                return f"stopped: no better for {waited} depth{'' if waited == 1 else 's'}"
        return "stopped: max_layers reached"

    def _train(self, layers: int) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for run in range(self.runs):
            seed = trial_seed(self.seed, run, f"{layers} layers, run")
            outcomes.append(self.trainer.run({"layers": layers}, seed, lambda epoch, value: False))
            if outcomes[-1].state != "complete":
                break
        return outcomes

    def _is_better(self, depth: Depth) -> bool:
        if depth.value is None:
            return False
        if self.best is None or self.best.value is None:
            return True
        gain = depth.value - self.best.value
        return (gain if self.trainer.maximize else -gain) > self.min_delta


def _summary(layers: int, outcomes: list[Outcome]) -> Depth:
    values = tuple(o.value for o in outcomes if o.value is not None)
    error = outcomes[-1].error
    mean = None if error else math.fsum(values) / len(values)
    epochs, seconds = sum(o.epochs for o in outcomes), math.fsum(o.seconds for o in outcomes)
    return Depth(layers, mean, values, epochs, seconds, error)
