"""Damaged files of every kind: each is refused with a FileError that names it, or is read as what was written.

`fuzz_files(count, seed, folder)` is what a test calls with a few and a campaign with many. What is damaged after it was
written has to be refused, or to give the very content; what is forged, with a checksum that is right, may be another
model, and still leads to nothing but a model or a FileError. After a refusal nothing has moved.
"""

from __future__ import annotations

import json
import random
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
from damage import put_together, state_of, taken_apart
from models import everything, rows

import autograd as ag
import nn

X, Y = rows(20, 4)


class Stop(nn.Callback):
    """Ends a run by an error, as a crash would."""

    def __init__(self, steps):
        self.steps = steps

    def on_train_batch_end(self, batch, logs):
        self.steps -= 1
        if self.steps < 0:
            raise LookupError


def network(seed=0):
    nn.set_random_seed(seed)
    model = nn.Sequential([nn.Dense(3, "relu", input_shape=(4,)), nn.Dropout(0.2), nn.Dense(1)])
    model.compile(nn.SGD(0.1, momentum=0.9), "mse", metrics=["mae", "auc"], jit=False)
    return model


def fit(model, folder, *more, keep=True):
    backup = nn.BackupAndRestore(folder, save_freq=3, delete_checkpoint=not keep)
    stop = nn.EarlyStopping("loss", patience=5, restore_best_weights=True)
    plateau = nn.ReduceLROnPlateau("loss")
    return model.fit(X, Y, 5, epochs=2, callbacks=[stop, plateau, backup, *more], verbose=0)


class Kind:
    """A kind of file: how it is made, and what reads it."""

    suffix = ""

    def __init__(self, folder):
        self.folder = folder / type(self).__name__.lower()
        self.folder.mkdir(parents=True)
        self.path = self.folder / f"file{self.suffix}"
        self.model = network()
        self.model.fit(X, Y, 5, epochs=1, verbose=0)
        self.make()
        self.data = self.path.read_bytes()
        self.expected = self.read()

    def make(self):
        self.model.save(self.path)

    def read(self):
        """What is in the file: equal things for equal contents."""
        loaded = nn.load(self.path)
        return (
            everything(loaded),
            json.dumps(nn.checkpoint.description.described(loaded)),
            generator(),
        )


class Model(Kind):
    """A model, read by `nn.load`."""


class Weights(Kind):
    """Weights, read into a model that has others."""

    def make(self):
        self.model.save_weights(self.path)

    def read(self):
        self.model.load_weights(self.path)
        return everything(self.model)


class Backup(Kind):
    """The place of a run in the middle of its second epoch, taken up by `fit`."""

    def make(self):
        self.path = self.folder / "run.safetensors"
        try:
            fit(self.model, self.folder, Stop(7))
        except LookupError:
            self.model = network(1)

    def read(self):
        model = self.model
        try:
            history = fit(model, self.folder)
        finally:
            if model.resume_position is not None:
                raise AssertionError("a position that was refused is kept")
        self.model = network(1)
        return everything(model), json.dumps(history.history), generator()


class Database(Kind):
    """A search that is done, in an SQLite file."""

    suffix = ".db"
    # with a seed: what was lost with the end of a file, and is tried anew, is then what it was
    options = dict(space={"units": [2, 3], "learning_rate": nn.tuning.Float(0.01, 0.1)}, epochs=2, seed=3)

    def make(self):
        self.read()

    def read(self):
        found = nn.tune(None, X, Y, trials=3, storage=self.path, verbose=0, **self.options)
        return repr([record._replace(seconds=0) for record in found.trials])


class Journal(Database):
    """A search in a journal."""

    suffix = ".journal"


def generator():
    return [word.item() for word in ag.random.default_generator().state]


def _flipped(chance, data, others):
    data = bytearray(data)
    for _ in range(chance.choice([1, 1, 1, 2, 8, 64])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def _flipped_in_head(chance, data, others):
    head = min(len(data), 8 + int.from_bytes(data[:8], "little"))
    return _flipped(chance, data[:head], others) + data[head:]


def _of_another_length(chance, data, others):
    length = int.from_bytes(data[:8], "little")
    wrong = chance.choice(
        [0, 1, length - 1, length + 8, chance.randrange(1 << 26), chance.randrange(1 << 63)]
    )
    return max(wrong, 0).to_bytes(8, "little") + data[8:]


def _swapped(chance, data, others):
    """Two chunks of the same length change places: two tensors, say, or two pages."""
    size = chance.randrange(4, 64)
    a, b = sorted(chance.sample(range(0, len(data) - size, 4), 2))
    if b < a + size:
        return _flipped(chance, data, others)
    return data[:a] + data[b : b + size] + data[a + size : b] + data[a : a + size] + data[b + size :]


def _grafted(chance, data, others):
    other = chance.choice(others)
    at = chance.randrange(min(len(data), len(other)))
    return data[:at] + other[at:]


def _zeroed(chance, data, others):
    """A page that never got to the disk."""
    at = chance.randrange(len(data))
    size = chance.choice([1, 16, 512, 4096])
    return data[:at] + bytes(len(data[at : at + size])) + data[at + size :]


DAMAGES = {
    "truncated": lambda chance, data, others: data[: chance.randrange(len(data))],
    "longer": lambda chance, data, others: data + chance.randbytes(chance.randrange(1, 99)),
    "bits": _flipped,
    "bits of the head": _flipped_in_head,
    "length": _of_another_length,
    "swapped": _swapped,
    "grafted": _grafted,
    "zeros": _zeroed,
    "another file": lambda chance, data, others: chance.choice(others),
    "noise": lambda chance, data, others: chance.randbytes(chance.randrange(300)),
    "empty": lambda chance, data, others: b"",
    "text": lambda chance, data, others: b"Dear reader,\nthis is no model.\n" * chance.randrange(9),
}  # fmt: skip

VALUES = [
    None, True, -1, 0, 1.5, 2**31, 2**53, 2**64, 2**70, -(2**70), float("nan"), float("inf"), "", "3", "relu", [], {},
    [1], [[]], {"class": "Dense", "config": {}}, {"array": "model.layers.0.bias"}, {"function": "eval"},
]  # fmt: skip


def _places(value, found):
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        found.append((value, key))
        if isinstance(item, (dict, list)):
            _places(item, found)
    return found


def edited(chance, data):
    """A file in which a value, or an array, is another one, and the checksum is right."""
    header, arrays = taken_apart(data)
    if chance.random() < 0.7:
        owner, key = chance.choice(_places(header, []))
        if chance.random() < 0.2:
            del owner[key]
        elif isinstance(owner, dict) and chance.random() < 0.2:
            owner[chance.choice(["extra", "name", "class", "units"])] = chance.choice(VALUES)
        else:
            owner[key] = chance.choice(VALUES)
    else:
        name = chance.choice(sorted(arrays))
        array = arrays.pop(name)
        arrays |= {
            "gone": dict,
            "renamed": lambda: {chance.choice(["model.x", "x", name + "x"]): array},
            "dtype": lambda: {name: array.astype(chance.choice(["int64", "float64", "bool"]))},
            "shape": lambda: {name: np.zeros((2, *array.shape), array.dtype)},
            "nan": lambda: {name: np.full(array.shape, np.nan).astype("float64")},
            "negative": lambda: {name: np.asarray(-1 - abs(array.astype("float64"))).astype(array.dtype)},
        }[chance.choice(["gone", "renamed", "dtype", "shape", "nan", "negative"])]()
    return put_together(header, arrays)


def attempt(kind, data, name, forged=False):
    """Read the damaged file; how it ended.

    Raises:
        AssertionError: a wrong content in silence, an error of another class, or something has moved.
    """
    for left in kind.folder.iterdir():
        left.unlink()
    kind.path.write_bytes(data)
    nn.set_random_seed(5)
    before, refusal = state_of(kind.model), None
    try:
        found = kind.read()
    except (nn.FileError, nn.ArgumentError) as error:
        refusal = error
    except UserWarning as told:
        # the name of a callback was edited
        if not forged or "whose state is lost" not in str(told):
            raise
        return "told"
    if refusal is not None:
        # the others: a search that was begun with other settings; a run in the middle of an epoch of other data
        text = str(kind.path) if isinstance(refusal, nn.FileError) else r"begun with|middle of an epoch"
        assert re.search(text, str(refusal)), f"{name}: {refusal}"
        assert state_of(kind.model) == before, f"{name}: something has moved"
        return "refused" if isinstance(refusal, nn.FileError) else "refused as another"
    if forged:
        return "another"
    assert found == kind.expected, f"{name}: a wrong content in silence"
    return "the same"


def fuzz_files(count, seed, folder, kinds=(Model, Weights, Backup, Database, Journal)):
    """Damage `count` files of each kind (searches, which take a second each to open, a tenth of it).

    Returns:
        How often each (kind, damage, outcome) was seen.

    Raises:
        AssertionError: naming the kind, the damage and its number.
    """
    chance = random.Random(seed)
    made = [kind(Path(folder)) for kind in kinds]
    seen = Counter()
    for kind in made:
        searches = isinstance(kind, Database)
        others = [other.data for other in made if other is not kind] or [bytes(64)]
        for number in range(count // 10 if searches else count):
            how = chance.choice([*DAMAGES] if searches else [*DAMAGES, *["edited"] * 6])
            forged = how == "edited"
            data = edited(chance, kind.data) if forged else DAMAGES[how](chance, kind.data, others)
            if data == kind.data:
                continue
            what = f"{type(kind).__name__} {number} of seed {seed}, {how}"
            try:
                outcome = attempt(kind, data, what, forged or data in others)
            except AssertionError:
                raise
            except Exception as error:
                raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
            seen[type(kind).__name__, how, outcome] += 1
        shutil.rmtree(kind.folder)
    return seen
