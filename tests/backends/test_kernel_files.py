"""Kernels on disk: found again, never trusted when damaged or foreign, safe with many processes at once."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from grouping import grouped

pytest.importorskip("numba", reason="the extra gradloom[cpu] is not installed")

from backends.contract import Spec, float64
from backends.numba import compile as compiling
from backends.numba.kernels import source_of

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = source_of(lambda xp, x: x * 2.0 + 1.0, [Spec((4,), float64)], {})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache of this test's own, and a process that has loaded nothing yet."""
    monkeypatch.setenv("GRADLOOM_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiling, "_loaded", {})
    compiling.cache_folder.cache_clear()
    yield tmp_path / "kernels"
    compiling.cache_folder.cache_clear()


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
    real = compiling._compile

    def counted(source):
        done.append(source)
        return real(source)

    monkeypatch.setattr(compiling, "_compile", counted)
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
    assert compiling.clear() == 1
    assert not list(folder.iterdir())


DAMAGES = [
    lambda content: b"",
    lambda content: content[:10],
    lambda content: content[:-1],
    lambda content: content[:100] + bytes([content[100] ^ 1]) + content[101:],
    lambda content: bytes(len(content)),
    lambda content: content + b"more",
]


@grouped("damage", {"every one": DAMAGES})
def test_a_damaged_file_is_compiled_again(folder, compilations, monkeypatch, damage):
    compiling.load(SOURCE)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    forget(monkeypatch)
    before = len(compilations)
    assert works(compiling.load(SOURCE))
    assert len(compilations) == before + 1
    again = file.read_bytes()
    assert again[:32] == hashlib.sha256(again[32:]).digest()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702])
def test_a_folder_that_others_can_write_is_not_used(folder, caplog, mode):
    folder.mkdir()
    folder.chmod(mode)
    assert compiling.cache_folder() is None
    assert "can be written by others" in caplog.text
    assert works(compiling.load(SOURCE))
    assert not list(folder.iterdir())
    caplog.clear()


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GRADLOOM_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(compiling, "_loaded", {})
    compiling.cache_folder.cache_clear()
    assert works(compiling.load(SOURCE))
    compiling.cache_folder.cache_clear()
    assert "not kept on disk" in caplog.text
    assert compiling.clear() == 0 or compiling.cache_folder() is not None
    compiling.cache_folder.cache_clear()
    caplog.clear()


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
    assert len(list(folder.iterdir())) == 1
    later = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert later.stdout == "False\n"


def test_the_command(folder):
    compiling.load(SOURCE)
    done = subprocess.run(
        [sys.executable, "-m", "backends.numba", "--clear"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "1 kernels" in done.stdout
    assert "deleted 1" in done.stdout
    assert not list(folder.iterdir())
