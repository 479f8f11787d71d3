"""tune: try parameters until the trials are done, and keep the best model."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..arguments import COUNT, KEY, MOST, PATH, POSITIVE, SEED, shown, takes
from ..checkpoint.container import DAMAGE
from ..errors import ArgumentError, TuningError
from ..model import Model
from ..restore import undone_on_error
from .folds import CrossTrainer, cross_trainer
from .result import Tuning, best_of
from .samples import Samples
from .space import label, parse
from .storage import explained, opened, optuna_library, quiet
from .study import Record, Study
from .table import Progress
from .trial import Outcome, Trainer, trial_seed

STUDY_SEED = SEED.but(words="is None or an integer from 0 to 2**63 - 1", most=MOST)


def tune(
    build: Callable[..., Model] | None = None,
    x: Any = None,
    y: Any = None,
    space: Mapping[str, Any] | None = None,
    trials: int = 20,
    monitor: str = "val_loss",
    mode: str = "auto",
    validation_split: float | None = None,
    validation_data: Any = None,
    pruner: Any = "median",
    sampler: Callable[..., Any] | None = None,
    seed: int | None = None,
    storage: str | os.PathLike[str] | None = None,
    name: str | None = None,
    timeout: float | None = None,
    verbose: Any = "auto",
    cv: Any = None,
    **fixed: Any,
) -> Tuning:
    """Search hyperparameters: train models with parameters from `space`,
    compare them on rows that none has seen.

    Args:
        build: `build(**parameters)` returns a model, compiled or not. None or `nn.MLP`: a
            perceptron that fits y, with the parameters layers, units, hidden, activation, dropout,
            outputs, output_activation and dtype.
        x, y: as in `fit`; the same rows are held out in every trial.
        space: what may be tried, by name: a list of choices, a range(), `nn.tuning.Int`, `Float` or
            `Choice`. Names of build's arguments go to build; optimizer, learning_rate, decay, loss and
            metrics to compile; batch_size, epochs and the like to fit. `decay` is what is left of the
            learning rate after an epoch, continuously.
        trials: how many to reach, those already in the storage included.
        monitor: the number of the logs to compare; a trial's is that of its best epoch.
        mode: "min", "max", or "auto" to read off the name which is better.
        validation_split: the fraction of the last rows to hold out, 0.2 unless there are
        validation_data: (x, y) or (x, y, weight).
        pruner: "median" ends trials that are worse than the median of the earlier ones (not in the first
            3 epochs and 5 trials), None ends none; or a pruner of Optuna.
        sampler: called with `seed=` before each trial, as a class of `optuna.samplers` can be; None is TPE.
        seed: repeats the whole study; None draws one from the default generator.
        storage: a file (.db, .journal) to keep the trials in; the same call goes
            on where it was, also after a kill.
        name: of the study in the file; default "tuning".
        timeout: seconds after which no further trial begins.
        verbose: "auto" (a bar on a screen), 0 silent, 1 bar, 2 a line per trial.
        cv: instead of rows to hold out, a number of folds (5), an object with `split(x, y)` as scikit-learn
            has them, or pairs of positions. A trial trains once for each, its value is the mean over them,
            and `pruner` looks at it after each fold. `best_model` is then trained on all rows, for as many
            epochs as the folds needed on average, without callbacks.
        **fixed: parameters that stay the same: epochs=50, loss="mse"; also sample_weight, class_weight
            and callbacks (each trial gets copies, or what a function without arguments returns).

    A trial that raises, or whose number is NaN or infinite, is noted as failed. Ctrl-C ends the search and
    returns the trials so far. The default generator, Python's and NumPy's are left as they were, but for the
    one draw of a seed, however many trials were run.

    Raises:
        ArgumentError, DataError: before the first trial.
        TuningError: every trial failed.
        MissingExtraError: without optuna.

    >>> import nn
    >>> x = [[7 * i % 20 / 20] for i in range(20)]
    >>> y = [2 * a[0] + 1 for a in x]
    >>> space = {"learning_rate": nn.tuning.Float(1e-3, 1e-1, log=True), "units": [2, 4]}
    >>> found = nn.tune(None, x, y, space, trials=3, epochs=5, seed=1)
    >>> len(found.trials), sorted(found.best_params)
    (3, ['learning_rate', 'units'])
    """
    COUNT.checked("tune", "trials", trials)
    seed = STUDY_SEED.checked("tune", "seed", seed)
    POSITIVE.but(words="is a number of seconds above 0", optional=True, infinite=True).checked(
        "tune", "timeout", timeout
    )
    storage = PATH.or_none().checked("tune", "storage", storage)
    name = KEY.or_none().checked("tune", "name", name)
    if sampler is not None and not (callable(sampler) and takes(sampler, 0, seed=0)):
        raise ArgumentError(f"tune: sampler is called with seed=, got {shown(sampler)}")
    dimensions = parse(space)
    weights = [fixed.pop(argument, None) for argument in ("sample_weight", "class_weight")]
    trainer: Trainer | CrossTrainer
    if cv is None:
        samples = Samples(x, y, validation_split, validation_data, monitor, *weights)
        trainer = Trainer(build, samples, dimensions, fixed, monitor, mode)
    else:
        if validation_split is not None or validation_data is not None:
            raise ArgumentError("tune: cv holds rows out itself; no validation_split or validation_data")
        watched = (monitor, mode)
        trainer = cross_trainer(cv, build, x, y, (weights[0], weights[1]), dimensions, fixed, watched)
        samples = trainer.whole.samples
    library = optuna_library()
    settings = {
        "monitor": monitor,
        "maximize": str(trainer.maximize),
        "rows": str(samples.length),
        **({} if isinstance(trainer, Trainer) else {"cv": trainer.described}),
        **{f"space[{n!r}]": repr(d) for n, d in dimensions.items()},
        **{n: str(label(value)) for n, value in fixed.items()},
    }
    with quiet(library), opened(library, storage) as place:
        if storage is not None and name is None:
            name = "tuning"
        with explained(storage, AssertionError, *DAMAGE), undone_on_error():
            study = Study(library, place, name, dimensions, trainer.maximize, settings, seed, pruner, sampler)
        return Search(study, trainer).go(trials, timeout, verbose)


@dataclass(eq=False, repr=False)
class Search:
    """Runs the trials of a study that are still to be done."""

    study: Study
    trainer: Trainer | CrossTrainer
    kept: tuple[int, Model | None] = -1, None
    first_error: BaseException | None = None

    def go(self, trials: int, timeout: float | None, verbose: Any) -> Tuning:
        """Until there are `trials`, or time is up, or Ctrl-C."""
        records = self.study.records()
        deadline = None if timeout is None else time.monotonic() + timeout
        interrupted = False
        progress = Progress(verbose, trials, min(len(records), trials))
        try:
            while len(records) < trials and (deadline is None or time.monotonic() < deadline):
                outcome = self._one(len(records), records, progress)
                if outcome.state == "interrupted":
                    interrupted = True
                    break
        except KeyboardInterrupt:
            interrupted = True
            records = self.study.records()
        finally:
            progress.close()
        if records and all(record.state == "failed" for record in records):
            first = f"the first with {records[0].error}"
            raise TuningError(f"all {len(records)} trials failed; {first}") from self.first_error
        maximize, monitor = self.trainer.maximize, self.trainer.monitor
        best = best_of(records, maximize)
        model = self.kept[1] if best is not None and best.number == self.kept[0] else None
        space, seed, study = self.study.space, self.study.seed, self.study.study
        return Tuning(records, space, monitor, maximize, seed, interrupted, study, model, self.remake)

    def _one(self, number: int, records: list[Record], progress: Progress) -> Outcome:
        seed = trial_seed(self.study.seed, number)
        outcome = self.study.next(number, lambda params, report: self.trainer.run(params, seed, report))
        if outcome.state == "interrupted":
            return outcome
        records[:] = self.study.records()
        best = best_of(records, self.trainer.maximize)
        if best is not None and best.number == number:
            self.kept = number, outcome.model
        self.first_error = self.first_error or outcome.exception
        record = records[-1]
        monitor = self.trainer.monitor
        value = "" if record.value is None else f", {monitor} {record.value:.4g}"
        found = "none yet" if best is None else f"{best.value:.4g} in trial {best.number}"
        progress.tell(
            f"trial {number}", f"{record.error or record.state}{value}", record.params, f"best {found}"
        )
        return outcome

    def remake(self, record: Record) -> Model:
        """The model of a trial that was run by another process, or on folds."""
        seed = trial_seed(self.study.seed, record.number)
        if isinstance(self.trainer, CrossTrainer):
            return self.trainer.refit(record.params, seed, (record.best_epoch or 0) + 1)
        outcome = self.trainer.run(record.params, seed, lambda epoch, value: False)
        if outcome.model is None:
            raise TuningError(
                f"trial {record.number} cannot be trained again: {outcome.error or outcome.state}"
            ) from outcome.exception
        if not math.isclose(outcome.value or 0.0, record.value or 0.0, rel_tol=1e-3, abs_tol=1e-6):
            warnings.warn(
                f"trial {record.number}, trained again, reached {self.trainer.monitor} {outcome.value} and "
                f"not {record.value} as before: the data, build or the machine differ",
                stacklevel=3,
            )
        return outcome.model
