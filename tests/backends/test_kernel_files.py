"""Kernels on disk: found again, never trusted when damaged or foreign, safe with many processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from interrupting import Foreign, at_every_place

pytest.importorskip("numba", reason="the extra gradloom[cpu] is not installed")

from backends import processor, store
from backends.contract import Spec, float64
from backends.numba import compile as compiling
from backends.numba.kernels import source_of

posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")
ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = source_of(lambda xp, x: x * 2.0 + 1.0, [Spec((4,), float64)], {})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache of this test's own, and a process that has loaded nothing yet."""
    # what the processor is would be kept there too
    processor.here()
    monkeypatch.setenv("GRADLOOM_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiling, "_loaded", {})
    store.folder.cache_clear()
    yield tmp_path / "kernels"
    store.folder.cache_clear()


def works(function):
    x = np.array([0.0, 1.0, -1.0, 2.0])
    y = np.empty_like(x)
    function(0, 4, 4, x.ctypes.data, y.ctypes.data)
    np.testing.assert_array_equal(y, x * 2 + 1)
    return True


@pytest.fixture
def compilations(monkeypatch):
    """A list that grows with every run of the compiler."""
    done = []
    real = compiling._text

    def counted(source):
        done.append(source)
        return real(source)

    monkeypatch.setattr(compiling, "_text", counted)
    return done


def forget(monkeypatch):
    monkeypatch.setattr(compiling, "_loaded", {})


def test_a_stored_kernel_is_not_compiled_again(folder, compilations, monkeypatch):
    assert works(compiling.load(SOURCE))
    forget(monkeypatch)
    assert works(compiling.load(SOURCE))
    assert len(compilations) == 1
    (file,) = folder.iterdir()
    assert file.suffix == ".kernel"
    assert folder.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GRADLOOM_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(compiling, "_loaded", {})
    store.folder.cache_clear()
    assert works(compiling.load(SOURCE))
    assert store.folder() is None
    store.folder.cache_clear()
    assert "not kept on disk" in caplog.text
    caplog.clear()


def test_a_folder_that_was_deleted_is_made_again(folder, compilations, monkeypatch, caplog):
    for _ in range(3):
        compiling.load(SOURCE)
        forget(monkeypatch)
        for file in folder.iterdir() if folder.exists() else ():
            file.unlink()
        if folder.exists():
            folder.rmdir()
    assert len(compilations) == 3
    assert works(compiling.load(SOURCE))
    caplog.clear()


# store
TEXTS = {"source 0": "k0", "source 1": "k1", "source 2": "kernel", "source 3": "kernel"}
"""Sources and their functions; kernels of rules all have functions of one name."""


def object_file(told, size=1500):
    """What stands for machine code: bytes that name the function."""
    return (f"<{TEXTS[told]} of {told}>".encode() * size)[:size]


def made(told):
    """The content that belongs to a source, kept or made; and whether it was made."""
    made_now = []
    code = store.kept(told, TEXTS[told], lambda: made_now.append(told) or object_file(told))
    return code, bool(made_now)


def is_right_again(told):
    """Damaged, it is made; then it is kept."""
    assert made(told) == (object_file(told), True)
    assert made(told) == (object_file(told), False)


def file_of(folder, told):
    """The file of a source, written anew."""
    before = {f.name: f.read_bytes() for f in folder.iterdir()} if folder.exists() else {}
    for file in folder.iterdir() if folder.exists() else ():
        file.unlink()
    made(told)
    (file,) = folder.iterdir()
    for name, content in before.items():
        path = folder / name
        path.write_bytes(content)
        path.chmod(0o600)
    return file


def test_the_content_of_another_file_is_not_believed(folder):
    files = {told: file_of(folder, told) for told in TEXTS}
    assert len(set(files.values())) == len(TEXTS)
    contents = {told: file.read_bytes() for told, file in files.items()}
    for told, file in files.items():
        for other, content in contents.items():
            file.write_bytes(content)
            if other == told:
                assert made(told) == (object_file(told), False)
            else:
                is_right_again(told)


def test_a_file_that_is_cut_short_or_changed_is_not_believed(folder):
    told = "source 0"
    file = file_of(folder, told)
    whole = file.read_bytes()
    damages = [whole[:length] for length in range(0, len(whole), 64)]
    damages += [whole[:-1], whole + b"more", bytes(len(whole))]
    for place in range(0, len(whole), 37):
        damages.append(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
    for damage in damages:
        file.write_bytes(damage)
        is_right_again(told)


def test_a_file_without_its_function_is_not_believed(folder):
    store.kept("source 0", "k", lambda: b"something k else")
    is_right_again("source 0")


@posix
def test_what_is_no_plain_file_of_the_user_is_not_believed(folder, tmp_path):
    told = "source 0"
    file = file_of(folder, told)
    whole = file.read_bytes()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(whole)

    def link():
        file.unlink()
        file.symlink_to(elsewhere)

    def pipe():
        file.unlink()
        os.mkfifo(file)

    damages = [link, pipe, *(partial(file.chmod, mode) for mode in (0o602, 0o620, 0o666))]
    if os.getuid() == 0:
        damages.append(lambda: os.chown(file, 12345, 12345))
    for damage in damages:
        damage()
        is_right_again(told)
    assert elsewhere.read_bytes() == whole


def test_a_folder_in_the_place_of_a_file(folder, caplog):
    file = file_of(folder, "source 0")
    file.unlink()
    file.mkdir()
    for _ in range(2):
        assert made("source 0") == (object_file("source 0"), True)
    # once: a model has dozens of kernels
    assert caplog.text.count("could not be kept") == 1
    caplog.clear()


@posix
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702])
def test_a_folder_that_others_can_write_is_not_used(folder, caplog, mode):
    folder.mkdir()
    folder.chmod(mode)
    assert store.folder() is None
    assert "can be written by others" in caplog.text
    assert works(compiling.load(SOURCE))
    assert not list(folder.iterdir())
    caplog.clear()


@posix
@pytest.mark.parametrize(("mode", "used"), [(0o777, False), (0o1777, True), (0o703, False), (0o755, True)])  # fmt: skip
def test_a_folder_below_one_that_others_can_write(tmp_path, monkeypatch, caplog, mode, used):
    above = tmp_path / "above"
    (above / "below").mkdir(parents=True)
    above.chmod(mode)
    monkeypatch.setenv("GRADLOOM_CACHE_DIR", str(above / "below"))
    store.folder.cache_clear()
    try:
        assert (store.folder() is not None) is used
    finally:
        store.folder.cache_clear()
    assert ("in its place" in caplog.text) is not used
    caplog.clear()


@posix
def test_another_folder_in_its_place_is_not_read(folder):
    """The folder was opened once: whoever renames it changes nothing."""
    made("source 0")
    folder.rename(folder.with_name("old"))
    folder.mkdir(mode=0o777)
    assert made("source 0") == (object_file("source 0"), False)
    assert not list(folder.iterdir())


def test_the_folder_has_a_bound_and_the_oldest_go(folder, monkeypatch):
    monkeypatch.setenv("GRADLOOM_CACHE_SIZE", "1")
    for number in range(30):
        name = f"{number:02}.kernel"
        store.folder().write(name, bytes(100_000))
        os.utime(folder / name, (number, number))
        if number > 2:
            # used all the time, so it stays
            assert store.folder().read("00.kernel") is not None
        kept = {file.name for file in folder.iterdir()}
        assert sum(file.stat().st_size for file in folder.iterdir()) <= 1e6
        assert name in kept
        assert kept == {"00.kernel"} | {f"{n:02}.kernel" for n in range(number, -1, -1)[: len(kept) - 1]}  # fmt: skip


def test_what_was_left_half_written_goes(folder):
    store.folder().write("a.kernel", b"a")
    for name, age in (("b.kernel.1.new", 7200), ("c.kernel.2.new", 60)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    store.folder().evict(1e6)
    assert sorted(file.name for file in folder.iterdir()) == ["a.kernel", "c.kernel.2.new"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 256e6),
        ("5", 5e6),
        ("0", 0),
        ("much", 256e6),
        ("1.5", 1.5e6),
        ("1e3", 1e9),
        ("-1", 256e6),
        ("nan", 256e6),
        ("inf", 256e6),
        ("10MB", 256e6),
        ("²", 256e6),
    ],
)
def test_the_bound_is_a_setting(monkeypatch, text, expected):
    monkeypatch.setenv("GRADLOOM_CACHE_SIZE", text)
    assert store.limit() == expected


def test_two_that_remove_at_once(folder):
    """As two processes do: each goes on from what it saw."""
    one, other = store.Folder(folder), store.Folder(folder)
    for number in range(20):
        one.write(f"{number}.kernel", bytes(1000))
    seen = other.entries()
    assert one.evict(0) == 20
    other.entries = lambda: seen
    assert other.evict(0) == 20
    assert not list(folder.iterdir())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a file that its going closes
@pytest.mark.parametrize("kind", [TimeoutError, Foreign])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_deadline_while_files_are_read_and_written(folder, kind, is_there):
    """It is no error of the system, of which TimeoutError is one."""
    made("source 0")

    def check():
        assert made("source 0")[0] == object_file("source 0")
        if not is_there:
            store.folder().evict(0)
        assert len(list(folder.iterdir())) == is_there

    check()
    assert at_every_place(lambda: made("source 0"), check, kind=kind, heard=True) > 20


PROGRAM = """
import sys
import numpy as np
from backends.numba import NumbaBackend

x = np.linspace(-1, 1, 10_000)
y = NumbaBackend(fuse_from=0).run(lambda xp, x: x * 2.0 + 1.0, x)
assert np.array_equal(y, x * 2 + 1)
print("numba" in sys.modules)
"""


def test_many_processes_at_once_and_no_numba_in_any(folder, full):
    count = 4 if full else 2
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PROGRAM]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(count)]  # fmt: skip
    outputs = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * count
    assert outputs == ["False\n"] * count
    # the kernel, and what the processor is
    assert len(list(folder.iterdir())) == 2
    tight = environment | {"GRADLOOM_CACHE_SIZE": "0"}
    running = [subprocess.Popen(command, env=tight, stdout=subprocess.PIPE, text=True) for _ in range(count)]  # fmt: skip
    assert [process.communicate()[0] for process in running] == ["False\n"] * count
    later = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert later.stdout == "False\n"


STEP = """
import numpy as np
import autograd as ag

x = ag.tensor(np.arange(600.0, dtype=np.float32).reshape(20, 30) % 7)
w = ag.tensor(np.arange(300.0, dtype=np.float32).reshape(30, 10) % 5)
step = ag.jit(lambda x: (x @ w, x.sum(axis=0), ag.exp(x - x), x.sum(axis=1), x.T.reshape(600) + 1), state=[w])
product, down, ones, across, moved = (y.numpy() for y in step(x))
x = x.numpy()
assert (product == x @ w.numpy()).all() and (down == x.sum(0)).all() and (ones == 1).all()
assert (across == x.sum(1)).all() and (moved == x.T.reshape(600) + 1).all()
print("right")
"""


@pytest.mark.parametrize("by", [1, 2, 3])
def test_a_step_whose_kernels_changed_places(folder, by):
    """Run as they lie, these ended the process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", STEP]
    subprocess.run(command, env=environment, check=True)
    files = sorted(folder.iterdir())
    contents = [file.read_bytes() for file in files]
    assert len(files) > 4
    for file, content in zip(files, contents[by:] + contents[:by], strict=True):
        file.write_bytes(content)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "right\n"), done.stderr
    assert [file.read_bytes() for file in files] == contents


def test_the_command(folder):
    def said(*options):
        command = [sys.executable, "-m", "backends", "cache", *options]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "0 files" in said()
    compiling.load(SOURCE)
    assert "1 files" in said()
    assert "longest ago: 0.0 days" in said()
    assert "deleted 1 files" in said("--clear")
    assert not list(folder.iterdir())
