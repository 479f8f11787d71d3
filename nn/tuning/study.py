"""A study: trials in a storage, in order, and what comes next.

The choice of trial number k depends on the seed, k and the trials before it alone, because each gets a
sampler of its own; so a study that goes on from a file is the study that was never stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..checkpoint.container import as_json, sha256
from ..errors import ArgumentError, FileError
from .space import Dimension
from .trial import Outcome, drawn_seed, trial_seed

WARM_UP, FIRST_TRIALS = 3, 5
"""By default nothing is pruned in the first epochs of a trial, nor in the first trials."""


class Record(NamedTuple):
    """A finished trial: its number from 0, its parameters, and the fields of its `Outcome`."""

    number: int
    params: dict[str, Any]
    state: str
    value: float | None
    epochs: int
    best_epoch: int | None
    seconds: float
    error: str | None


OUTCOME = Record._fields[2:]


class Study:
    """The trials of one search.

    Args:
        library: optuna.
        storage: of Optuna.
        name: of the study in it.
        space: what may be tried.
        maximize: whether large values are good.
        settings: texts that describe the search; a study that goes on needs the same.
        seed: of everything; None for the one in the storage, or else the next of the default generator.
        pruner: "median", None, or a pruner of Optuna.
        sampler: called with `seed=` before each trial, returns a sampler of Optuna; None for TPE.

    Raises:
        ArgumentError: the study in the storage was made with other settings.
    """

    def __init__(
        self,
        library: Any,
        storage: Any,
        name: str | None,
        space: Mapping[str, Dimension],
        maximize: bool,
        settings: Mapping[str, str],
        seed: int | None,
        pruner: Any = "median",
        sampler: Callable[..., Any] | None = None,
    ) -> None:
        self.space = space
        self._states = library.trial.TrialState
        self._sampler = library.samplers.TPESampler if sampler is None else sampler
        drawn = drawn_seed() if seed is None else seed
        for known in library.get_all_study_summaries(storage, include_best_trial=False):
            _check(known.user_attrs.get("gradloom"), known.study_name)
        self.study = library.create_study(
            storage=storage,
            study_name=name,
            direction="maximize" if maximize else "minimize",
            load_if_exists=name is not None,
            pruner=_pruner(library, pruner),
            sampler=library.samplers.RandomSampler(seed=0),
        )
        self.seed = self._settle(settings, seed, drawn)
        self._check_trials()
        running = (self._states.RUNNING, self._states.WAITING)
        for killed in self.study.get_trials(deepcopy=False, states=running):
            self._tell(killed.number, killed.user_attrs.get("outcome"))

    def _settle(self, settings: Mapping[str, str], seed: int | None, chosen: int) -> int:
        stored = self.study.user_attrs.get("gradloom")
        if stored is None:
            if self.study.get_trials(deepcopy=False):
                raise FileError(
                    f"the study {self.study.study_name!r} in this file was not made by nn.tune; use "
                    "another name"
                )
            kept = {"seed": chosen, "settings": dict(settings)}
            self.study.set_user_attr("gradloom", _signed(kept, self.study.study_name))
            return chosen
        before = {**stored["settings"], "seed": str(stored["seed"])}
        now = {**settings, "seed": before["seed"] if seed is None else str(seed)}
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                raise ArgumentError(
                    f"the study {self.study.study_name!r} was begun with {key} "
                    f"{before.get(key, 'not given')}, now it is {now.get(key, 'not given')}. Go on with the "
                    "same, or begin another: name=..."
                )
        return int(stored["seed"])

    def _check_trials(self) -> None:
        """Refuse trials that are not as they were written."""
        for place, trial in enumerate(self.study.get_trials(deepcopy=False)):
            outcome = trial.user_attrs.get("outcome")
            number = f"trial {trial.number}"
            if trial.number != place or set(trial.user_attrs) - {"outcome"}:
                raise FileError(f"the study is damaged at {number}: {sorted(trial.user_attrs)}")
            if outcome is None and trial.state in (self._states.COMPLETE, self._states.PRUNED):
                raise FileError(f"the study is damaged: {number} has no outcome")
            if outcome is not None:
                _check(outcome, number, *_beside(trial.params, trial.intermediate_values))
                if trial.state.is_finished() and trial.state != self._end_of(outcome):
                    raise FileError(f"the study is damaged: {number} is {trial.state.name}")
                if trial.state == self._states.COMPLETE and trial.value != outcome["value"]:
                    raise FileError(f"the study is damaged: {number} has value {trial.value}")

    def _end_of(self, outcome: Mapping[str, Any] | None) -> Any:
        """Optuna's state of a trial with an outcome, or none."""
        names = {"complete": self._states.COMPLETE, "pruned": self._states.PRUNED}
        return names.get("" if outcome is None else outcome["state"], self._states.FAIL)

    def _tell(self, number: int, outcome: Mapping[str, Any] | None) -> None:
        """End the trial that is Optuna's `number`; None for one that has no outcome."""
        if outcome is not None and outcome["state"] == "complete":
            self.study.tell(number, outcome["value"])
        else:
            self.study.tell(number, state=self._end_of(outcome))

    def records(self) -> list[Record]:
        """The finished trials. Those that were killed or interrupted do not count."""
        told = [
            (trial.params, trial.user_attrs["outcome"])
            for trial in self.study.get_trials(deepcopy=False)
            if trial.state.is_finished() and "outcome" in trial.user_attrs
        ]
        return [
            Record(number, self._values(params), *(outcome[name] for name in OUTCOME))
            for number, (params, outcome) in enumerate(told)
        ]

    def _values(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        return {n: d.value(stored[n]) for n, d in self.space.items() if n in stored}

    def next(
        self, number: int, run: Callable[[dict[str, Any], Callable[[int, float], bool]], Outcome]
    ) -> Outcome:
        """Choose parameters, `run` them, and note the outcome; one that was interrupted does not count."""
        self.study.sampler = self._sampler(seed=trial_seed(self.seed, number, "sampler"))
        trial = self.study.ask()
        kept: dict[str, Any] | None = None

        reported: dict[int, float] = {}

        def report(epoch: int, value: float) -> bool:
            reported.setdefault(epoch, float(value))
            trial.report(value, epoch)
            return bool(trial.should_prune())

        try:
            chosen = {name: d.value(d.suggest(trial, name)) for name, d in self.space.items()}
            outcome = run(chosen, report)
            if outcome.state != "interrupted":
                kept = {name: getattr(outcome, name) for name in OUTCOME}
                signed = _signed(kept, f"trial {trial.number}", *_beside(trial.params, reported))
                trial.set_user_attr("outcome", signed)
        finally:
            self._tell(trial.number, kept)
        return outcome


def _beside(params: Mapping[str, Any], reported: Mapping[int, float]) -> tuple[Any, Any]:
    return sorted(params.items()), sorted(reported.items())


def _signed(kept: dict[str, Any], *beside: Any) -> dict[str, Any]:
    """What is kept, with a checksum of it and of what stands beside it."""
    text = as_json([kept, *beside])
    return {**kept, "sha256": sha256(text.encode())}


def _check(signed: Any, *beside: Any) -> None:
    """Refuse what is not as it was written; earlier versions wrote no checksum."""
    if isinstance(signed, dict) and "sha256" in signed:
        kept = {name: value for name, value in signed.items() if name != "sha256"}
        if _signed(kept, *beside) != signed:
            raise FileError(f"the study is damaged at {beside[0]}: the checksum differs")


def _pruner(library: Any, pruner: Any) -> Any:
    if pruner is None:
        return library.pruners.NopPruner()
    if isinstance(pruner, str) and pruner == "median":
        return library.pruners.MedianPruner(FIRST_TRIALS, WARM_UP)
    if not isinstance(pruner, library.pruners.BasePruner):
        raise ArgumentError(f'pruner is "median", None or a pruner of Optuna, got {pruner!r}')
    return pruner
