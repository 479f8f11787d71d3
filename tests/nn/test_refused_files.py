"""Every field of every kind of file, wrong in every way: a FileError that names the file, and nothing has moved.

The checksums of these files are right, so that it is the fields that are looked at; `test_damaged_files` has those whose
bytes have changed.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import sqlite3

import file_fuzz
import numpy as np
import pytest
from damage import put_together, state_of, taken_apart, unsummed
from file_fuzz import Backup, Database, Journal, Model, Weights
from models import everything
from safetensors.numpy import save

import nn

pytestmark = pytest.mark.once
NAN, HUGE = math.nan, 2**70

COUNT = [None, "3", 1.5, NAN, -1, HUGE, [], {}, True]
NUMBER = ["3", [], {}, True]
FLAG = [None, 0, "true", NAN, []]
WORDS = [None, [1], [1, 2, 3], [-1, 0], [NAN, 0], [0, 2**64], "ab", {}, 3]
DICT = [None, 3, "x", [], NAN]
LIST = [None, 3, "x", {}, NAN, [NAN], [[]], [-1]]

HEADER = {
    "format": [None, 2, "gradloom-0", "gradloom-3", []],
    "random": WORDS,
    "model": [*DICT, {}, {"class": "Dense"}, {"class": "Dense", "config": {"units": 3}}],
    "input_shape": ["3", 3, [NAN], [-1], [HUGE], [2**52], [1] * 999, {}, [5]],
    "optimizer": [*DICT, {}, {"class": "Dense", "config": {"units": 3}}],
    "loss": [3, [], NAN, "mze", {}, {"class": "Adam"}],
    "metrics": [None, 3, {}, [3], ["loss"], ["mze"], ["mae", "mae"]],
    "mixed_precision": [3, [], "float17", NAN],
    "loss_scale": [3, [], {}, {"class": "Adam", "config": {}}],
    "frozen": [3, [], {}, {"modules": 3, "parameters": []}, {"modules": ["x"], "parameters": []}],
}
UNUSED = [
    "input_shape = [5]", "metrics = ['loss']", "metrics = ['mze']", "metrics = ['mae', 'mae']", "metrics missing",
    "frozen = {'modules': ['x'], 'parameters': []}",
    "loss_scale = {}", "loss_scale = {'class': 'Adam', 'config': {}}",
]  # fmt: skip
"""What a model that is there already does not take from a file."""
RUN = {
    "epoch": COUNT,
    "batch": [*COUNT, 2**40],
    "order": WORDS,
    "random": WORDS,
    "stopped": FLAG,
    "data": [None, 3, [1], [1, 2, 3], ["20", "5"], [-1, 5], [NAN, 5], {}],
    "callbacks": [None, 3, {}, [3], [["History"]], [["History", False, 3]], [[3, False, {}]]],
    "metrics": [None, 3, {}, [3], [{}], [{}, {}, {}]],
}
STATES = {
    "History": {"history": [*DICT, {"loss": 3}, {"loss": [[]]}], "epoch": LIST},
    "EarlyStopping": {
        "wait": COUNT,
        "stopped_epoch": COUNT,
        "best": NUMBER,
        "best_epoch": COUNT,
        "best_weights": [3, "x", [], {"x": 3}, {"layers.0.bias": {"array": "model.layers.0.bias"}}],
    },
    "ReduceLROnPlateau": {"wait": COUNT, "cooldown_counter": COUNT, "best": NUMBER},
    "BackupAndRestore": {"steps": COUNT},
}
NEW = "a field that is not there"


def wrong_fields(owner, fields):
    """(description, function that makes the owner wrong) for each field."""
    for name, values in fields.items():
        for value in values:
            yield f"{name} = {value!r:.40}", lambda o, n=name, v=value: o.update({n: v})
        if name in owner:
            yield f"{name} missing", lambda o, n=name: o.pop(n)
    yield f"{NEW} too many", lambda o: o.update({NEW: 1})


def inside(header, *path):
    for step in path:
        header = header[step]
    return header


def headers(data):
    """(what is wrong, bytes) for each field of the description."""
    header, _ = taken_apart(data)
    places = [((), HEADER if "model" in header else {"format": HEADER["format"]})]
    if "run" in header:
        places.append((("run",), RUN))
        for number, (name, _, _) in enumerate(header["run"]["callbacks"]):
            places.append((("run", "callbacks", number, 2), STATES[name]))
        assert {name for name, _, _ in header["run"]["callbacks"]} == set(STATES)
    for path, fields in places:
        for what, spoil in wrong_fields(inside(header, *path), fields):
            if not path and "run" in header and what in UNUSED:
                continue
            changed, arrays = taken_apart(data)
            spoil(inside(changed, *path))
            yield f"{'.'.join(map(str, path))} {what}", put_together(changed, arrays)


def renamed(arrays, name):
    arrays[f"{name}.x"] = arrays.pop(name)


ARRAYS = {
    "missing": lambda arrays, name: arrays.pop(name),
    "renamed": renamed,
    "extra": lambda arrays, name: arrays.update({f"{name}.x": arrays[name]}),
    "of nothing": lambda arrays, name: arrays.update(elsewhere=arrays[name]),
    "another shape": lambda arrays, name: arrays.update({name: np.zeros((2, *arrays[name].shape), arrays[name].dtype)}),
    "a flat shape": lambda arrays, name: arrays.update({name: np.zeros(99, arrays[name].dtype)}),
    "another dtype": lambda arrays, name: arrays.update({name: arrays[name].astype("int32")}),
    "complex": lambda arrays, name: arrays.update({name: arrays[name].astype("complex64")}),
}  # fmt: skip
NUMBERS = {
    "optimizer.iterations": [-1, -(2**63)],
    "optimizer.learning_rate": [NAN, -1.0, -np.inf],
}


def broken_arrays(data):
    header, arrays = taken_apart(data)
    for name in sorted(arrays):
        for what, spoil in ARRAYS.items():
            _, changed = taken_apart(data)
            spoil(changed, name)
            yield f"{name} {what}", put_together(header, changed)
        for value in NUMBERS.get(name, ()):
            yield f"{name} = {value}", put_together(header, arrays | {name: np.array(value, arrays[name].dtype)})  # fmt: skip


@pytest.mark.parametrize("kind", [Model, Weights, Backup])
@pytest.mark.parametrize("cases", [headers, broken_arrays])
def test_whatever_is_wrong_is_refused_and_nothing_moves(tmp_path, kind, cases):
    kind = kind(tmp_path)
    wrong, tried = [], 0
    for what, data in cases(kind.data):
        tried += 1
        try:
            outcome = file_fuzz.attempt(kind, data, what, forged=True)
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
        if outcome != "refused":
            wrong.append(f"{what}: {outcome}")
    assert not wrong, "\n".join(wrong)
    assert tried > 5


@pytest.mark.parametrize("kind", [Model, Weights, Backup])
def test_the_files_before_they_are_made_wrong_are_read(tmp_path, kind):
    kind = kind(tmp_path)
    header, arrays = taken_apart(kind.data)
    assert file_fuzz.attempt(kind, put_together(header, arrays), "unchanged") == "the same"
    assert file_fuzz.attempt(kind, unsummed(kind.data), "as before there were checksums") == "the same"  # fmt: skip


def test_a_model_without_weights_and_a_refused_backup(tmp_path):
    """Building it for the file draws from the generator, and makes weights and slots: all of that is undone."""
    kind = Backup(tmp_path)
    header, arrays = taken_apart(kind.data)
    arrays["optimizer.slots.0.velocity"] = arrays["optimizer.slots.0.velocity"][:1]
    description = header["model"]["config"]["layers"]
    description[0]["config"]["input_shape"] = None
    kind.path.write_bytes(put_together(header, arrays))
    model = nn.Sequential([nn.Dense(3, "relu"), nn.Dropout(0.2), nn.Dense(1)])
    model.compile(nn.SGD(0.1, momentum=0.9), "mse", metrics=["mae", "auc"])
    before = state_of(model)
    with pytest.raises(nn.FileError, match=f"{kind.path}.*slots.0.velocity has shape"):
        model.resume_from(kind.path)
    assert state_of(model) == before
    assert not model.built
    assert not model.optimizer.slots


class Careless(nn.Callback):
    """A callback of the user's own, which believes what it is given."""

    def __init__(self):
        self.seen, self.more = 0, 0

    def on_train_batch_end(self, batch, logs):
        self.seen += 1

    def state_dict(self):
        return {"seen": self.seen, "more": [1]}

    def load_state_dict(self, state):
        self.seen = state["seen"]
        self.more = len(state["more"])


def test_a_callback_that_does_not_take_its_state(tmp_path):
    model, own = file_fuzz.network(), Careless()
    with pytest.raises(LookupError):
        file_fuzz.fit(model, tmp_path, own, file_fuzz.Stop(7))
    path = tmp_path / "run.safetensors"
    header, arrays = taken_apart(path.read_bytes())
    state = next(state for name, _, state in header["run"]["callbacks"] if name == "Careless")
    state["more"] = 3
    path.write_bytes(put_together(header, arrays))
    model, own = file_fuzz.network(1), Careless()
    before = state_of(model)
    with pytest.raises(nn.FileError, match=f"{path}: Careless does not take .* TypeError"):
        file_fuzz.fit(model, tmp_path, own)
    assert state_of(model) == before
    assert own.seen == 0


def test_other_data_and_a_second_try(tmp_path):
    """A run that cannot go on in the middle of an epoch of other data changes nothing, and can be called again."""
    model = file_fuzz.network()
    keep = nn.ModelCheckpoint(tmp_path / "model", save_freq=3)
    with pytest.raises(LookupError):
        model.fit(file_fuzz.X, file_fuzz.Y, 5, epochs=2, callbacks=[keep, file_fuzz.Stop(3)], verbose=0)  # fmt: skip
    loaded, straight = nn.load(tmp_path / "model"), nn.load(tmp_path / "model")
    nn.set_random_seed(2)
    before = state_of(loaded)
    with pytest.raises(nn.ArgumentError, match="in the middle of an epoch"):
        loaded.fit(file_fuzz.X, file_fuzz.Y, 7, epochs=2, verbose=0)
    assert state_of(loaded) == before
    histories = [m.fit(file_fuzz.X, file_fuzz.Y, 5, epochs=2, verbose=0).history for m in (loaded, straight)]  # fmt: skip
    assert histories[0] == histories[1]
    assert everything(loaded) == everything(straight)


@pytest.mark.parametrize("kind", [Model, Weights, Backup])
def test_every_bit_counts(tmp_path, kind, full):
    """One bit of each byte; every 23rd without `--full`."""
    kind = kind(tmp_path)
    for place in range(0, len(kind.data), 1 if full else 23):
        data = bytearray(kind.data)
        data[place] ^= 1 << place % 8
        assert file_fuzz.attempt(kind, bytes(data), f"byte {place}") == "refused"


def test_files_of_the_format_before_that_claim_a_checksum(tmp_path):
    """And files of today's without one: a format is what it is."""
    kind = Model(tmp_path)
    for old, new in ((b"gradloom-2", b"gradloom-1"), (b"sha256", b"sha257")):
        assert kind.data.count(old) == 1
        assert file_fuzz.attempt(kind, kind.data.replace(old, new), str(new)) == "refused"
    header, arrays = taken_apart(kind.data)
    data = save(arrays, metadata={"gradloom": json.dumps(header)})
    assert file_fuzz.attempt(kind, data, "no checksum") == "refused"


def test_verify_can_be_left_out(trained):
    """Of a huge file that is read again and again; then a flipped bit is the user's."""
    file = io.BytesIO()
    trained.save(file)
    data = bytearray(file.getvalue())
    data[-1] ^= 1
    for read in (nn.load, trained.load_weights):
        with pytest.raises(nn.FileError, match=r"<BytesIO>: .*the checksum differs"):
            read(io.BytesIO(data))
        read(io.BytesIO(data), verify=False)


CHANGES = {
    "a parameter": "UPDATE trial_params SET param_value = param_value + 0.001 WHERE param_name = 'learning_rate'",
    "a result": "UPDATE trial_values SET value = value + 1",
    "a report": "UPDATE trial_intermediate_values SET intermediate_value = 0",
    "an outcome": """UPDATE trial_user_attributes SET value_json = replace(value_json, '"epochs": 2', '"epochs": 3')""",
    "the name of an outcome": "UPDATE trial_user_attributes SET key = 'outcomf'",
    "no outcome": "DELETE FROM trial_user_attributes",
    "the seed": """UPDATE study_user_attributes SET value_json = replace(value_json, '"seed": 3', '"seed": 7')""",
    "the name of the study": "UPDATE studies SET study_name = 'tuninf'",
    "a state": "UPDATE trials SET state = 'FAIL' WHERE number = 1",
    "a number": "UPDATE trials SET number = 7 WHERE number = 1",
    "no study": "DELETE FROM study_user_attributes",
    "no table": "DROP TABLE trial_params",
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
def test_a_database_with_another_value_in_it_is_refused(search, statement):
    """A file that SQLite finds nothing wrong with."""
    search.path.write_bytes(search.data)
    with contextlib.closing(sqlite3.connect(search.path)) as connection:
        connection.execute(statement)
        connection.commit()
    data = search.path.read_bytes()
    assert data != search.data
    assert file_fuzz.attempt(search, data, statement) == "refused"


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """A search that is done, in an SQLite file."""
    pytest.importorskip("optuna")
    return Database(tmp_path_factory.mktemp("searches"))


@pytest.mark.parametrize("count", [60])
def test_damaged_files_of_each_kind(tmp_path, count, full):
    seen = file_fuzz.fuzz_files(count * (10 if full else 1), 7, tmp_path, (Model, Weights, Backup))
    assert {outcome for _, how, outcome in seen if how not in ("edited", "another file")} == {"refused"}  # fmt: skip


def test_damaged_searches(tmp_path, full):
    pytest.importorskip("optuna")
    seen = file_fuzz.fuzz_files(600 if full else 80, 5, tmp_path, (Database, Journal))
    assert {"refused", "the same"} <= {outcome for _, _, outcome in seen}
