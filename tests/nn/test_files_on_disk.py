"""How files get to the disk and back: complete or not at all, whatever the disk, other processes or the caller do."""

from __future__ import annotations

import errno
import io
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import file_fuzz
import numpy as np
import pytest
from damage import state_of
from models import everything, rows
from safetensors.numpy import save_file

import nn
from nn.checkpoint import container, files

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parent.parent.parent
X, Y = rows(20)
SAVES = ("save", "save_weights")
CODES = ("ENOSPC", "EIO", "EROFS", "EDQUOT", "EACCES", "EPERM")


def failing(code):
    def fail(*args, **options):
        raise OSError(getattr(errno, code), os.strerror(getattr(errno, code)))

    return fail


def failing_write(code):
    class Full(io.FileIO):
        """A file on a disk that takes some bytes and no more."""

        def write(self, part):
            super().write(bytes(part[:9]))
            failing(code)()

    return lambda handle, mode: Full(handle, "w")


@pytest.mark.parametrize("what", SAVES)
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("step", ["open", "fsync", "replace", "write"])
def test_an_error_of_the_disk_names_the_path_and_leaves_the_old_file(
    tmp_path, monkeypatch, trained, what, code, step
):
    path, save = tmp_path / "model", getattr(trained, what)
    save(path)
    before = path.read_bytes()
    trained.fit(X, Y)
    with monkeypatch.context() as patch:
        if step == "write":
            patch.setattr(os, "fdopen", failing_write(code))
        else:
            patch.setattr(os, step, failing(code))
        with pytest.raises(OSError, match=f"'{path}'$") as caught:
            save(path)
    assert caught.value.errno == getattr(errno, code)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="this system limits no files")
def test_a_file_that_is_too_large_for_the_system(tmp_path, trained):
    """A real error of a real write, in its middle."""
    import resource

    trained.save(tmp_path / "model")
    before = (tmp_path / "model").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match=f"File too large: '{tmp_path / 'model'}'"):
            trained.save(tmp_path / "model")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "model").read_bytes() == before
    assert os.listdir(tmp_path) == ["model"]


def test_a_folder_that_is_not_there(tmp_path, trained):
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "no" / "model")):
        trained.save(tmp_path / "no" / "model")


@pytest.mark.parametrize("relative", [True, False])
def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path, trained, relative):
    target, link = tmp_path / "elsewhere" / "target", tmp_path / "link"
    target.parent.mkdir()
    link.symlink_to(Path("elsewhere/target") if relative else target)
    for _ in range(2):  # first the target is not there yet
        trained.save(link)
        assert link.is_symlink()
        assert nn.load(target).predict(X).tobytes() == trained.predict(X).tobytes()
        trained.fit(X, Y)
    assert os.listdir(target.parent) == ["target"]


def test_the_folder_is_flushed_after_the_file_has_its_name(tmp_path, monkeypatch, trained):
    done = []
    sync, replace = os.fsync, os.replace

    def noted_sync(handle):
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        sync(handle)

    def noted_replace(*paths):
        done.append("name")
        replace(*paths)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_replace)
    trained.save(tmp_path / "model")
    assert done == ["file", "name", "folder"]


def ended():
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.skipif(files.fcntl is None, reason="this system has no locks")
def test_what_dead_processes_left_is_removed(tmp_path, trained):
    dead = ended()
    gone = [f"model.{dead}-0123abcd.part", "model.999999999-00000000.part"]
    stay = [
        f"model.{os.getpid()}-0123abcd.part", f"other.{dead}-0123abcd.part", f"model.{dead}-0123abcd.txt", "model.part",
        f"model.{dead}-ffffffff.part",
    ]  # fmt: skip
    for name in (*gone, *stay):
        (tmp_path / name).write_bytes(b"half")
    with open(tmp_path / stay[-1], "rb") as file:  # of a process on another machine, which writes it now
        files.fcntl.flock(file, files.fcntl.LOCK_SH)
        trained.save(tmp_path / "model")
    assert sorted(os.listdir(tmp_path)) == sorted(["model", *stay])


def test_binary_files_in_place_of_paths(tmp_path, trained):
    memory = io.BytesIO(b"before")
    memory.seek(6)
    trained.save(memory)
    memory.seek(6)
    assert everything(nn.load(memory)).keys() == everything(trained).keys()
    with open(tmp_path / "weights", "wb", buffering=0) as file:
        trained.save_weights(file)
    kept = everything(trained)
    trained.fit(X, Y)
    with open(tmp_path / "weights", "rb") as file:
        trained.load_weights(file)
    assert {n: d for n, d in everything(trained).items() if "layers" in n} == {n: d for n, d in kept.items() if "layers" in n}  # fmt: skip
    with open(tmp_path / "weights", "rb") as file, pytest.raises(nn.FileError, match=f"{tmp_path}/weights: it holds weights alone"):  # fmt: skip
        nn.load(file)


def test_what_is_no_binary_file(tmp_path, trained):
    with open(tmp_path / "text", "w+") as file:
        for action in (trained.save, trained.save_weights, trained.load_weights, nn.load):
            for wrong in (file, 3, None):
                with pytest.raises(nn.ArgumentError, match=r"a path or a file of mode '[rw]b'"):
                    action(wrong)


def test_the_weights_of_another_program(tmp_path, trained):
    """A plain safetensors file with the names and shapes of `state_dict`; floats may have another size."""
    state = trained.state_dict()
    other = {name: (array + 1).astype("float64") for name, array in state.items()}
    save_file(other, tmp_path / "theirs")
    trained.load_weights(tmp_path / "theirs")
    for name, array in trained.state_dict().items():
        assert array.tobytes() == other[name].astype("float32").tobytes()


THEIRS = {
    "missing": (lambda s: s.pop("layers.0.bias"), "missing: layers.0.bias"),
    "unexpected": (lambda s: s.update(more=np.ones(2)), "unexpected: more"),
    "both": (lambda s: s.update(bias=s.pop("layers.0.bias")), "missing: layers.0.bias; unexpected: bias"),
    "shape": (lambda s: s.update({"layers.0.bias": np.ones(5)}), r"layers.0.bias has shape \(5,\), expected \(4,\)"),
    "dtype": (lambda s: s.update({"layers.0.bias": np.ones(4, int)}), "layers.0.bias has dtype int64, expected float32"),
    "all": (lambda s: [s.pop(name) for name in list(s)] and s.update(a=np.ones(1)), "missing: layers.0.bias, layers.0.kernel, layers.1.bias"),
    "many": (lambda s: s.update({f"x{n}": np.ones(1) for n in range(9)}), "x5 and 3 more"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), THEIRS.values(), ids=THEIRS)
def test_the_weights_of_another_network_are_refused(tmp_path, trained, change, message):
    state = trained.state_dict()
    change(state)
    save_file(state, tmp_path / "theirs")
    before = state_of(trained)
    with pytest.raises(nn.FileError, match=f"{tmp_path / 'theirs'}: .*{message}"):
        trained.load_weights(tmp_path / "theirs")
    assert state_of(trained) == before


def test_a_model_that_has_no_weights_yet(trained):
    file = io.BytesIO()
    trained.save_weights(file)
    with pytest.raises(nn.ArgumentError, match="load_weights: the model is not built yet"):
        nn.Sequential([nn.Dense(4), nn.Dense(1)]).load_weights(io.BytesIO(file.getvalue()))


def test_numbers_that_numpy_does_not_have(tmp_path, trained):
    text = b'{"layers.0.bias":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    (tmp_path / "theirs").write_bytes(len(text).to_bytes(8, "little") + text + b"1234")
    with pytest.raises(nn.FileError, match=r"'layers.0.bias' holds BF16, which is not read here"):
        trained.load_weights(tmp_path / "theirs")


class Head(io.BytesIO):
    """A file of which no more than its length is read."""

    def read(self, size=-1):
        assert size == 8
        return super().read(size)


def test_a_long_table_is_refused_before_it_is_read_and_not_written(trained, monkeypatch):
    with pytest.raises(nn.FileError, match="a table of 16777217 bytes; at most 16777216 are read"):
        nn.load(Head((container.LONGEST_TABLE + 1).to_bytes(8, "little") + b"{}"))
    monkeypatch.setattr(container, "LONGEST_TABLE", 100)
    file = io.BytesIO()
    with pytest.raises(nn.ArgumentError, match=r"save: the description and the names .* take \d+ bytes"):  # fmt: skip
        trained.save(file)
    assert not file.getvalue()


class Counted(nn.Module):
    """Counts how often its name is looked at."""

    looks = 0

    @property
    def name(self):
        Counted.looks += 1
        return str(id(self))

    def call(self, x):
        Counted.looks += 1
        return x


@pytest.mark.parametrize("number", [50, 400])
def test_many_layers_are_a_matter_of_each(number):
    """Each layer is looked at a few times, however many there are: made at once, and added by `from_config`."""
    Counted.looks = 0
    nn.Sequential([nn.Input((2,)), *(Counted() for _ in range(number))])
    assert Counted.looks < 5 * number
    Counted.looks = 0
    nn.MLP.from_config({"hidden": [], "outputs": 2, "added": [nn.Dense(2, input_shape=(2,)), *(Counted() for _ in range(number))]})(X[:, :2])  # fmt: skip
    assert Counted.looks < 8 * number


def test_a_backup_folder_that_vanishes_is_made_again(tmp_path):
    model, folder = file_fuzz.network(), tmp_path / "a" / "backup"
    seen = []

    class Remove(nn.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            for path in folder.iterdir() if folder.exists() else ():
                path.unlink()
            folder.rmdir()

        def on_epoch_end(self, epoch, logs):
            seen.append(folder.exists())

    backup = nn.BackupAndRestore(folder, delete_checkpoint=False)
    model.fit(file_fuzz.X, file_fuzz.Y, epochs=3, callbacks=[Remove(), backup], verbose=0)
    assert seen == [False, False, False]
    assert os.listdir(folder) == ["run.safetensors"]


@pytest.mark.skipif(files.fcntl is None, reason="this system has no locks")
def test_two_runs_in_one_backup_folder(tmp_path):
    """In one process here, in two below: the second is refused and the first goes on."""
    first, second = file_fuzz.network(), file_fuzz.network(1)
    told = []

    class Another(nn.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            before = state_of(second)
            with pytest.raises(nn.FileError, match=rf"^{tmp_path}: another run is at work here, that of process {os.getpid()} on "):  # fmt: skip
                file_fuzz.fit(second, tmp_path)
            told.append(state_of(second) == before)

    file_fuzz.fit(first, tmp_path, Another())
    assert told == [True, True]
    assert os.listdir(tmp_path) == ["run.safetensors"]
    assert file_fuzz.fit(second, tmp_path).epoch == [0, 1]


HOLDER = """
import sys, time
from nn.checkpoint.files import Lock
lock = Lock(sys.argv[1], "run", "here")
lock.acquire()
print("holds", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(files.fcntl is None, reason="this system has no locks")
def test_a_process_that_is_killed_holds_nothing(tmp_path):
    path = tmp_path / "run.safetensors.lock"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == b"holds\n"
        with pytest.raises(nn.FileError, match=f"that of process {process.pid} on "):
            file_fuzz.fit(file_fuzz.network(), tmp_path)
        process.kill()
    assert path.exists()
    file_fuzz.fit(file_fuzz.network(), tmp_path)
    assert os.listdir(tmp_path) == ["run.safetensors"]


@pytest.mark.skipif(files.fcntl is None, reason="this system has no locks")
def test_a_run_that_was_done_when_it_was_killed_leaves_no_folder(tmp_path):
    """Its backup is complete, so the second run saves nothing; what the first had begun to write goes all the same."""
    folder = tmp_path / "backup"
    file_fuzz.fit(file_fuzz.network(), folder)
    (folder / f"run.safetensors.{ended()}-0123abcd.part").write_bytes(b"half")
    assert file_fuzz.fit(file_fuzz.network(), folder, keep=False).epoch == [0, 1]
    assert not folder.exists()


@pytest.mark.skipif(files.fcntl is None, reason="this system has no locks")
def test_a_lock_whose_file_goes_while_it_is_locked(tmp_path, monkeypatch):
    """Its last holder removes it between the opening and the locking: what is locked then is no file of that name."""
    path, flock = tmp_path / "lock", files.fcntl.flock
    first, second = (files.Lock(str(path), "run", "here") for _ in range(2))

    def removed(file, operation):
        flock(file, operation)
        monkeypatch.setattr(files.fcntl, "flock", flock)
        path.unlink()

    monkeypatch.setattr(files.fcntl, "flock", removed)
    with first:
        assert path.exists()
        with pytest.raises(nn.FileError, match=f"another run is at work here, that of process {os.getpid()}"):  # fmt: skip
            second.acquire()
    assert not path.exists()


@pytest.mark.skipif(files.fcntl is None, reason="this system has no locks")
def test_a_lock_that_is_given_back_is_free_for_one(tmp_path):
    """Many threads want it: never two at a time, also while its file comes and goes."""
    inside, most, refused = [0], [0], [0]

    def work():
        for _ in range(200):
            try:
                with files.Lock(str(tmp_path / "lock"), "run", "here"):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    inside[0] -= 1
            except nn.FileError:
                refused[0] += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert os.listdir(tmp_path) == []
