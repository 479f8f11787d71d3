"""What a search found: the trials, the best of them, and its model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import TuningError
from ..model import Model
from ..notebook import search_html
from .pictures import trials_figure
from .space import Dimension, show
from .study import Record
from .table import text_table


def best_of(trials: Sequence[Record], maximize: bool) -> Record | None:
    """The completed trial with the best value, the first one of several; None when there is none."""
    done = [t for t in trials if t.state == "complete" and t.value is not None]
    sign = -1.0 if maximize else 1.0
    return min(done, key=lambda trial: sign * (trial.value or 0.0), default=None)


class Tuning:
    """What `nn.tune` returns.

    Attributes:
        trials: `Record`s in order: number, params, state ("complete", "pruned", "failed"), value,
            epochs, best_epoch, seconds, error.
        space: what could be tried.
        monitor, maximize: what was compared.
        seed: what the whole study follows from.
        interrupted: whether Ctrl-C ended it.
        study: the study of Optuna, for its own reports and pictures.
    """

    def __init__(
        self,
        trials: Sequence[Record],
        space: Mapping[str, Dimension],
        monitor: str,
        maximize: bool,
        seed: int,
        interrupted: bool,
        study: Any,
        model: Model | None,
        remake: Callable[[Record], Model],
    ) -> None:
        self.trials = list(trials)
        self.space = dict(space)
        self.monitor = monitor
        self.maximize = maximize
        self.seed = seed
        self.interrupted = interrupted
        self.study = study
        self._model = model
        self._remake = remake

    @property
    def best_trial(self) -> Record:
        """The completed trial with the best value.

        Raises:
            TuningError: there is none.
        """
        best = best_of(self.trials, self.maximize)
        if best is None:
            raise TuningError(f"no trial was completed: {self._counts() or 'none was begun'}")
        return best

    @property
    def best_params(self) -> dict[str, Any]:
        """Its parameters."""
        return dict(self.best_trial.params)

    @property
    def best_value(self) -> float:
        """Its value: the best of its epochs."""
        return float(self.best_trial.value or 0.0)

    @property
    def best_model(self) -> Model:
        """Its model, compiled, with the weights of its best epoch.

        They are those of the search itself. Where the best trial was made by another process, it is trained
        again, once, from its seed, which on the same machine gives the same weights bit for bit.
        """
        if self._model is None:
            self._model = self._remake(self.best_trial)
        return self._model

    def ranked(self) -> list[Record]:
        """The trials, best first: completed ones, then pruned ones, then failed ones."""
        order = {"complete": 0, "pruned": 1, "failed": 2}
        sign = -1.0 if self.maximize else 1.0
        return sorted(self.trials, key=lambda t: (order[t.state], sign * (t.value or 0.0), t.number))

    def to_dicts(self) -> list[dict[str, Any]]:
        """A flat dict per trial in order, for a data frame: number, the value
        by its name, parameters, the rest.

        A parameter called like another column gets an underscore.
        """
        rows = []
        for trial in self.trials:
            row = trial._asdict()
            row = {"number": row.pop("number"), self.monitor: row.pop("value")} | row
            rest = {name: row.pop(name) for name in OTHERS}
            params = {(f"{n}_" if n in OTHERS or n in row else n): v for n, v in row.pop("params").items()}
            rows.append(row | params | rest)
        return rows

    def table(self, top: int | None = None) -> str:
        """The trials as text, best first; `top` is how many. Errors are below."""
        header, lines, errors = self._ranks(top)
        return "\n".join([text_table(header, lines), *errors])

    def _ranks(self, top: int | None = None) -> tuple[list[str], list[list[Any]], list[str]]:
        """The header, the rows and the errors of the table."""
        ranked = self.ranked()[:top]
        lines = [
            [rank, t.number, t.value, *t.params.values(), t.epochs, round(t.seconds, 2), t.state]
            for rank, t in enumerate(ranked, 1)
        ]
        header = ["rank", "trial", self.monitor, *self.space, "epochs", "seconds", "state"]
        return header, lines, [f"trial {t.number} failed: {t.error}" for t in ranked if t.error]

    def plot(self, path: Any = None) -> Any:
        """A picture: the value by trial with the best so far, and the value against each parameter.

        Args:
            path: where to write it (.png, .svg, .pdf).

        Returns:
            The matplotlib figure.
        """
        return trials_figure(self.trials, self.space, self.monitor, self.maximize, path)

    def _counts(self) -> str:
        states = [trial.state for trial in self.trials]
        return ", ".join(f"{states.count(s)} {s}" for s in ("complete", "pruned", "failed") if s in states)

    def _repr_html_(self) -> str:
        return search_html(self, *self._ranks())

    def __repr__(self) -> str:
        best = best_of(self.trials, self.maximize)
        found = "no trial completed"
        if best is not None:
            params = ", ".join(f"{name} {show(value)}" for name, value in best.params.items())
            found = f"best {self.monitor} {best.value:.4g} in trial {best.number} with {params}"
        stopped = ", interrupted" if self.interrupted else ""
        return f"Tuning({len(self.trials)} trials: {self._counts() or 'none'}{stopped}; {found})"


OTHERS = ("state", "epochs", "best_epoch", "seconds", "error")
