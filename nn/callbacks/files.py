"""Logs in files: comma-separated values, and event files for TensorBoard
(written by tensorboardX, an extra).
"""

from __future__ import annotations

import os
from typing import Any

from ..arguments import COUNT, COUNT_OR_ZERO, FLAG, FOLDER, PATH, SEPARATOR, form
from ..checkpoint import fields
from ..constructors import argument, constructor
from ..errors import MissingExtraError
from ..metrics.logged import each_number, is_several
from ..seed import random_words
from .base import Callback, Logs

Path = str | os.PathLike[str]


@constructor
class CSVLogger(Callback):
    """Write a line per epoch: its number from 0, then the logs by sorted name; NA where there is no value.

    Several values of a metric are one text, "[0.25, 0.5]".

    Without validation data in the first epoch, `val_` columns are there and hold NA, as Keras writes them.

    Args:
        filename: the file; it is complete after every epoch.
        separator: between values.
        append: keep what the file holds and write no second header.

    A run that goes on from a saved state goes on in its file, after the
    line of the epoch that was saved last.
    """

    state_fields = {"keys": fields.or_none(fields.lists_of(fields.TEXT)), "size": fields.COUNT}
    filename: Path = argument(PATH)
    separator: str = argument(SEPARATOR, default=",")
    append: bool = argument(FLAG, default=False)

    def __post_init__(self) -> None:
        self._file: Any = None
        self._keys: list[str] | None = None
        self._kept: int | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.on_train_end()
        self._keys = self._kept = None
        # the folder and the right to write are checked before the first epoch, and nothing is lost yet
        with open(self.filename, "a", newline=""):
            pass

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self._keys is None:
            self._keys = sorted(logs)
            if not any(name.startswith("val_") for name in self._keys):
                self._keys += [f"val_{name}" for name in self._keys]
        if self._file is None:
            self._open()
        self._write([epoch, *(_cell(logs.get(name, "NA")) for name in self._keys)])

    def _open(self) -> None:
        keep = os.path.getsize(self.filename)
        if self._kept is not None:
            keep = min(self._kept, keep)
        elif not self.append:
            keep = 0
        self._file = open(self.filename, "r+", newline="")  # noqa: SIM115 - closed at the end of training
        self._file.truncate(keep)
        self._file.seek(keep)
        if not keep and self._keys is not None:
            self._write(["epoch", *self._keys])

    def _write(self, row: list[Any]) -> None:
        # here alone: whoever writes no log should not wait for it at import
        import csv

        csv.writer(self._file, delimiter=self.separator).writerow(row)
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def state_dict(self) -> dict[str, Any]:
        size = self._kept if self._file is None else os.path.getsize(self.filename)
        return {} if size is None else {"keys": self._keys, "size": size}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._keys, self._kept = state["keys"], state["size"]


def _cell(value: Any) -> Any:
    return str(value.tolist()) if is_several(value) else value


@form('is "epoch", "batch" or an integer >= 1')
def FREQUENCY(value: Any) -> Any:
    words = isinstance(value, str) and value in ("epoch", "batch")
    return value if words else COUNT.keep(value)


@form("is not written here: leave it out, or False;")
def NOT_WRITTEN(value: Any) -> bool:
    if FLAG.keep(value):
        raise ValueError
    return False


@form("is not written here: leave it out, or 0;")
def NONE_WRITTEN(value: Any) -> int:
    if COUNT_OR_ZERO.keep(value):
        raise ValueError
    return 0


def _scalars(logs: Logs) -> list[tuple[str, float]]:
    return [pair for name, value in logs.items() for pair in each_number(name, value)]


@constructor
class TensorBoard(Callback):
    """Write scalars that TensorBoard shows: `epoch_loss` and its like for `train` and
    `validation`, as Keras names them; `epoch_recall[0]` and so on for several values of a metric.

    Args:
        log_dir: the folder; one per run keeps runs apart.
        histogram_freq: write histograms of all weights every so many epochs; 0 never.
        update_freq: "epoch", "batch", or a number of steps: how often
            `batch_loss` and its like are written too.
        write_graph, write_images, write_steps_per_second, profile_batch, embeddings_freq: what Keras writes
            besides; here they are False or 0, and all else is an error.

    Needs tensorboardX: `pip install 'gradloom[tensorboard]'`.
    """

    state_fields = {"step": fields.COUNT}
    log_dir: Path = argument(FOLDER, default="logs")
    histogram_freq: int = argument(COUNT_OR_ZERO, default=0)
    update_freq: str | int = argument(FREQUENCY, default="epoch")
    write_graph: bool = argument(NOT_WRITTEN, default=False)
    write_images: bool = argument(NOT_WRITTEN, default=False)
    write_steps_per_second: bool = argument(NOT_WRITTEN, default=False)
    profile_batch: int = argument(NONE_WRITTEN, default=0)
    embeddings_freq: int = argument(NONE_WRITTEN, default=0)

    def __post_init__(self) -> None:
        self._every = {"epoch": 0, "batch": 1}.get(str(self.update_freq), self.update_freq)
        self._writers: dict[str, Any] = {}
        self._step = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        try:
            import tensorboardX
        except ImportError as error:
            raise MissingExtraError(
                "the TensorBoard callback needs tensorboardX: pip install 'gradloom[tensorboard]'"
            ) from error
        self.on_train_end()
        self._library = tensorboardX
        self._step = 0

    def _writer(self, part: str) -> Any:
        if part not in self._writers:
            self._writers[part] = self._library.SummaryWriter(os.path.join(self.log_dir, part))
        return self._writers[part]

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        self._step += 1
        if self._every and self._step % int(self._every) == 0:
            for name, value in _scalars(logs):
                self._writer("train").add_scalar(f"batch_{name}", value, self._step)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        for name, value in _scalars(logs):
            part = "validation" if name.startswith("val_") else "train"
            self._writer(part).add_scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            words = random_words(self.model)
            for name, array in self.model.state_dict().items():
                if name not in words:
                    self._writer("train").add_histogram(name, array, epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def state_dict(self) -> dict[str, Any]:
        return {"step": self._step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._step = state["step"]
