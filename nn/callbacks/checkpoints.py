"""Callbacks that write the model to files during training: to keep the best one, or to go on after a crash.

Both write the whole state of the run (see `nn/checkpoint`), so a run that goes on from such a file is bit
for bit the run that was never stopped. Files appear complete or not at all.
"""

from __future__ import annotations

import logging
import os
import warnings
from functools import cache
from typing import Any

from ..arguments import COUNT, FLAG, FOLDER, LIMIT, PATH, VERBOSE, form
from ..checkpoint import fields
from ..checkpoint.files import Lock, remove_left_overs
from ..constructors import argument, attribute, constructor
from ..errors import ArgumentError
from .base import Logs, Stateful
from .monitor import Monitor

Path = str | os.PathLike[str]
_log = logging.getLogger("gradloom")


@form('is "epoch" or a number of steps >= 1')
def SAVE_FREQ(value: Any) -> Any:
    return value if isinstance(value, str) and value == "epoch" else COUNT.keep(value)


@cache
def _say_whose_format(path: str) -> None:
    _log.warning(
        "ModelCheckpoint: %s is written in the format of model.save (safetensors), not in Keras's", path
    )


class _Periodic(Stateful):
    """Saves after every epoch, or every so many steps over all epochs."""

    saves_the_run = True
    save_freq: str | int
    steps = 0

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        if isinstance(self.save_freq, int):
            self.steps += 1
            if self.steps % self.save_freq == 0:
                self._save(logs, batch=batch + 1)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.save_freq == "epoch":
            self._save(logs)

    def _save(self, logs: Logs, **numbers: int) -> None:
        """Write the file; `numbers` may be part of its name."""


@constructor
class ModelCheckpoint(_Periodic, Monitor):
    """Save the model after each epoch, or only when the watched number is better than ever.

    Args:
        filepath: may hold {epoch} (from 1), {batch} (from 1, with a number as `save_freq`) and the names
            of the logs: "model-{epoch:02d}-{val_loss:.3f}.safetensors". Folders are made.
        monitor, mode: as in `Monitor`.
        verbose: 1 says what it saves.
        save_best_only: only when the watched number is better.
        save_weights_only: `model.save_weights` instead of `model.save`.
        save_freq: "epoch", or a number of steps.
        initial_value_threshold: what the first value has to beat.

    Files are what `model.save` and `model.save_weights` write, whatever their names end in: Keras does not
    read them. The log says so once for names that Keras gives its files (".keras", ".h5").
    """

    state_fields = {"best": fields.or_none(fields.NUMBER), "steps": fields.COUNT}

    filepath: Path = argument(PATH)
    monitor: str = "val_loss"
    verbose: int = argument(VERBOSE, default=0)
    save_best_only: bool = argument(FLAG, default=False)
    save_weights_only: bool = argument(FLAG, default=False)
    mode: str = "auto"
    save_freq: str | int = argument(SAVE_FREQ, default="epoch")
    initial_value_threshold: float | None = argument(LIMIT, default=None)
    min_delta: float = attribute(0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.best = self.initial_value_threshold
        self._epoch = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if str(self.filepath).endswith((".keras", ".h5", ".hdf5")):
            _say_whose_format(str(self.filepath))

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def _save(self, logs: Logs, **numbers: int) -> None:
        path = self._path({**logs, **numbers, "epoch": self._epoch + 1})
        if self.save_best_only:
            value = self.watched(logs)
            if value is not None and not self.is_better(value, self.best):
                self.say(self.verbose, f"epoch {self._epoch + 1}: {self.monitor} is not better")
                return
            self.best = value if value is not None else self.best
        self.say(self.verbose, f"epoch {self._epoch + 1}: saving {path}")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)

    def _path(self, names: dict[str, Any]) -> str:
        try:
            return str(self.filepath).format(**names)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ArgumentError(
                f"ModelCheckpoint: cannot fill in {self.filepath!r} ({error}). Known: {', '.join(names)}."
            ) from error


@constructor
class BackupAndRestore(_Periodic):
    """Keep the state of the run in a folder; the same call of `fit` after a crash goes on where it was.

    The run is then bit for bit the run that never stopped: weights, optimiser, schedule, random numbers, the
    order of the rows, the other callbacks, the History.

    Args:
        backup_dir: the folder, of this run alone: a second run in it is refused while the first lives. It
            is made, and made again when it is gone.
        save_freq: "epoch", or a number of steps.
        delete_checkpoint: remove the backup when training has ended; it stays after an error or Ctrl-C.

    Raises:
        FileError: the backup is damaged, or of another model or another training; then nothing has
            changed. Or another process, which the message names, trains with this folder.
        OSError: the disk is full, say; the backup before stays.
    """

    state_fields = {"steps": fields.COUNT}
    backup_dir: Path = argument(FOLDER)
    save_freq: str | int = argument(SAVE_FREQ, default="epoch")
    delete_checkpoint: bool = argument(FLAG, default=True)

    def __post_init__(self) -> None:
        self._lock = Lock(f"{self.path}.lock", "run", os.fspath(self.backup_dir))

    @property
    def path(self) -> str:
        """The file in the folder."""
        return os.path.join(self.backup_dir, "run.safetensors")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._occupy()
        remove_left_overs(self.path)
        if os.path.exists(self.path):
            self.model.resume_from(self.path)

    def _save(self, logs: Logs, **numbers: int) -> None:
        self._occupy()
        self.model.save(self.path)

    def _occupy(self) -> None:
        """Make the folder, also when somebody has removed it during the run, and hold it alone."""
        os.makedirs(self.backup_dir, exist_ok=True)
        self._lock.acquire()

    def on_train_end(self, logs: Logs | None = None) -> None:
        run = self.model.current_run
        done = self.delete_checkpoint and run is not None and run.complete
        if done and os.path.exists(self.path):
            os.unlink(self.path)
        self._lock.release()
        if done and os.path.isdir(self.backup_dir):
            try:
                os.rmdir(self.backup_dir)
            except OSError as error:
                warnings.warn(f"BackupAndRestore: {self.backup_dir} stays: {error}", stacklevel=2)
