"""A study in a file goes on where it was, however it ended, and is then the study that was never stopped.

The long test kills a searching process (SIGKILL) at random moments, starts it again until it is done, and compares
every trial with those of a process that was left alone.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from models import rows

import autograd as ag
import nn

pytestmark = pytest.mark.once

optuna = pytest.importorskip("optuna")
ROOT = Path(__file__).resolve().parent.parent.parent
X, Y = rows(50, 3)
SPACE = {
    "units": nn.tuning.Int(2, 12),
    "learning_rate": nn.tuning.Float(1e-3, 1, log=True),
    "activation": ["relu", "tanh"],
}
TRIALS = 7
ENDINGS = ("db", "journal")


def search(path=None, trials=TRIALS, **options):
    options = {"epochs": 6, "seed": 3, "verbose": 0, "space": SPACE, **options}
    return nn.tune(None, X, Y, trials=trials, storage=path, **options)


def plain(tuning):
    """Everything about the trials but the time they took."""
    return [list(record._replace(seconds=0)) for record in tuning.trials]


def weights(tuning):
    return {name: array.tobytes() for name, array in tuning.best_model.state_dict().items()}


@pytest.fixture(scope="module")
def whole():
    """A study that nothing stopped."""
    found = search()
    assert {record.state for record in found.trials} == {"complete", "pruned"}
    return found


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_study_goes_on_as_if_it_had_never_stopped(whole, tmp_path, ending):
    path = tmp_path / "folder" / f"study.{ending}"
    assert len(search(path, 2).trials) == 2
    ag.random.seed(99)
    assert len(search(path, 6).trials) == 6
    found = search(path)
    assert plain(found) == plain(whole)
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name]


def test_a_study_that_is_done_trains_nothing_but_the_best_again(whole, tmp_path):
    path = tmp_path / "study.journal"
    first = search(path)
    again = search(path)
    assert [r.seconds for r in again.trials] == [r.seconds for r in first.trials]
    assert len(search(path, 3).trials) == TRIALS
    state = [word.item() for word in ag.random.default_generator().state]
    assert weights(again) == weights(first) == weights(whole)
    assert state == [word.item() for word in ag.random.default_generator().state]


def test_the_best_of_an_earlier_call_that_cannot_be_made_again_is_said(tmp_path):
    path = tmp_path / "study.journal"
    options = {"loss": "mse", "space": {"units": [3]}}
    nn.tune(lambda units: nn.MLP((units,), 1), X, Y, trials=2, storage=path, seed=0, epochs=2, verbose=0, **options)  # fmt: skip
    other = nn.tune(lambda units: nn.MLP((9,), 1), X, Y, trials=2, storage=path, epochs=2, **options)  # fmt: skip
    with pytest.warns(UserWarning, match=r"trial \d, trained again, reached val_loss .* and not .* as before"):  # fmt: skip
        _ = other.best_model
    broken = nn.tune(lambda units: None, X, Y, trials=2, storage=path, epochs=2, **options)
    with pytest.raises(nn.TuningError, match=r"cannot be trained again: ArgumentError: build returns a model"):  # fmt: skip
        _ = broken.best_model


def test_the_seed_is_kept_in_the_file(tmp_path):
    path = tmp_path / "study.journal"
    ag.random.seed(1)
    first = search(path, 2, seed=None)
    after = ag.random.uniform(1).tolist()
    ag.random.seed(1)
    assert search(path, 2, seed=None).seed == first.seed
    assert ag.random.uniform(1).tolist() == after
    assert search(path, 3, seed=None).seed == first.seed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 4}, "begun with seed 3, now it is 4. Go on with the same, or begin another: name="),
        ({"epochs": 5}, "begun with epochs 6, now it is 5"),
        ({"batch_size": 8}, "begun with batch_size not given, now it is 8"),
        ({"monitor": "val_accuracy"}, "begun with maximize False, now it is True"),
        ({"validation_split": 0.5}, "begun with rows 40, now it is 25"),
        ({"space": SPACE | {"units": [2, 3]}}, r"begun with space\['units'\] Int\(2, 12\), now it is Choice\(\[2, 3\]\)"),
    ],
)  # fmt: skip
def test_another_search_under_the_same_name_is_refused(tmp_path, options, message):
    path = tmp_path / "study.journal"
    search(path, 1)
    with pytest.raises(nn.ArgumentError, match=f"the study 'tuning' was {message}"):
        search(path, 2, **options)
    assert len(search(path, 1, name="other", **options).trials) == 1
    assert len(search(path, 1).trials) == 1


@pytest.mark.parametrize("moment", ["running", "told"])
def test_a_trial_that_was_killed_is_tried_anew(whole, tmp_path, moment, full, monkeypatch):
    """Killed while it trained; or between the note of its outcome and its end."""
    # a database's trial that was running is below, too, in a process of its own
    for ending in ENDINGS if full else ("journal",):
        check_a_killed_trial(whole, tmp_path / f"study.{ending}", moment, monkeypatch)


def check_a_killed_trial(whole, path, moment, monkeypatch):
    search(path, 5)

    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("nn.tuning.study.Study._tell", die)
        if moment == "running":
            patch.setattr("nn.tuning.trial.Watch.on_epoch_end", die)
        with pytest.raises(Killed):
            search(path)
    assert plain(search(path)) == plain(whole)


def test_a_study_of_another_program_is_left_alone(tmp_path):
    path = tmp_path / "study.db"
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    study = optuna.create_study(storage=storage, study_name="theirs")
    study.tell(study.ask(), 1.0)
    storage.remove_session()
    storage.engine.dispose()
    with pytest.raises(nn.FileError, match=r"'theirs' in this file was not made by nn\.tune"):  # fmt: skip
        search(path, name="theirs")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_of_something_else_is_refused_and_stays(tmp_path, ending):
    path = tmp_path / f"letter.{ending}"
    path.write_text("Dear reader,\nthis is no study.")
    with pytest.raises(nn.FileError, match=r"not an SQLite file|not a journal of a study"):
        search(path)
    assert path.read_text() == "Dear reader,\nthis is no study."
    path.write_text('{"op_code":77}\n')
    with pytest.raises(nn.FileError, match=r"not an SQLite file|not a study that can be read"):
        search(path)


@pytest.mark.parametrize("before", [0, 5])
def test_half_a_line_at_the_end_of_a_journal_is_dropped(whole, tmp_path, before):
    path = tmp_path / "study.journal"
    if before:
        search(path, before)
    with open(path, "ab") as file:
        file.write(b'{"op_code":4,"worker_id":"ab')
    assert plain(search(path)) == plain(whole)


def test_two_searches_at_once_in_one_file_are_refused(tmp_path):
    pytest.importorskip("fcntl")
    path = tmp_path / "study.journal"

    class Another(nn.Callback):
        def on_train_begin(self, logs=None):
            with pytest.raises(
                nn.FileError,
                match=f"another search is at work here, that of process {os.getpid()} on ",
            ):
                search(path, 1)
            tried.append(True)

    tried = []
    search(path, 2, callbacks=Another())
    assert tried == [True, True]


SCRIPT = f"""
import json, sys, time
sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]
import test_tuning_storage as t
import backends
import nn

# compiling every network would take most of the time, and is no part of what is stopped here
backends.set_default("numpy")

class Slow(nn.Callback):
    def on_epoch_end(self, epoch, logs):
        time.sleep(0.002)

found = t.search(sys.argv[1], callbacks=[Slow()])
print(json.dumps([t.plain(found), {{n: a.hex() for n, a in t.weights(found).items()}}]))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_that_is_killed_again_and_again_ends_with_the_same_study(whole, tmp_path, ending, full):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}

    def start(path):
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-c", SCRIPT, str(path)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    expected = [plain(whole), {name: array.hex() for name, array in weights(whole).items()}]
    moments = random.Random(ending)
    path = tmp_path / f"killed.{ending}"
    kills = 0
    tries = 4 if full else 2 if ending == "journal" else 1
    for _ in range(tries):
        process = start(path)
        deadline = time.monotonic() + 60
        size = path.stat().st_size if path.exists() else 0
        while process.poll() is None and time.monotonic() < deadline:  # until it writes
            if path.exists() and path.stat().st_size != size:
                break
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
    assert kills >= min(tries, 2)
    done, errors = start(path).communicate()
    assert done, errors
    assert json.loads(done) == json.loads(json.dumps(expected))
