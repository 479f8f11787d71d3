"""Stages one after the other: each a process with seconds of its own, all that it prints in one log, as it comes.

Whatever ends the run (its own end, Ctrl-C, a stage that breaks the device), what was found before lies in the folder:
log.txt, the files that stages write, summary.txt, and cache.tgz with the kernels that CuPy has compiled. Needs nothing
but Python.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
RESERVE = 15.0
"""Seconds at the end for packing kernels and for the summary."""
LEAST = 8.0
"""With fewer seconds left no stage begins."""
GRACE = 5.0
"""Seconds in which a stage that is told to end may do so by itself."""
LARGEST_ARCHIVE = 16_000_000
"""Bytes of packed kernels; more are not kept, since they are to be carried from one bare machine to the next."""
PACKED_EVERY = 60.0
SAFELY: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
"""As far as this Python has it: nothing is unpacked outside of the folder."""
WRITTEN = ("log.txt", "summary.txt", "first.jsonl", "step*.json")
"""What a run leaves in its folder beside packed kernels."""
BEFORE = "before"
"""The folder, in the folder of a run, of what the run before has left there."""
LATE, MISSING = 124, 127
"""What a shell says of a command whose time was up, and of one that is not there."""
TOLD = re.compile(r"^(== |FAILED|ERROR)|\b(passed|failed)\b.* in |^=+ (ERROR SUMMARY|RACECHECK)")
"""Lines of the log that a summary has."""


class Stage(NamedTuple):
    """A command that runs for so many seconds at most, with more variables; a `required` one has to succeed."""

    name: str
    seconds: float
    command: Sequence[str]
    variables: Mapping[str, str] | None = None
    required: bool = False


class Ended(NamedTuple):
    """A stage that has ended, or was not begun; `code` is None then."""

    name: str
    code: int | None
    seconds: float

    @property
    def is_wrong(self) -> bool:
        """Whether it failed; what was cut off or is not installed here has not."""
        return self.code not in (None, 0, LATE, MISSING)


class Runner:
    """A run of stages into a folder.

    Args:
        out: the folder; files of an earlier run are moved into a folder `before` in it, but for packed kernels.
        seconds: for all of it.
        archives: packed kernels, of which those that are there are unpacked.
    """

    def __init__(self, out: Path, seconds: float, archives: Sequence[Path] = ()) -> None:
        self.out, self.ended = out, list[Ended]()
        self.stopped = ""
        self.refused = False
        """Whether a stage that has to succeed did not."""
        self._start = time.monotonic()
        self._end = self._start + seconds
        out.mkdir(parents=True, exist_ok=True)
        _put_aside(out)
        self.log = out / "log.txt"
        self.log.touch()
        self.kernels = Kernels(out / "cache.tgz", archives)

    def run(self, stages: Iterable[Stage]) -> int:
        """Run what there is time for; 0 where no stage failed, 130 where the user stopped the run, else 1."""
        with self.kernels:
            try:
                for stage in stages:
                    ended = self._run(stage)
                    self.ended.append(ended)
                    if stage.required and ended.code != 0:
                        self.refused = True
                        self._tell(f"== {stage.name} has to succeed; nothing else is tried")
                        break
                    self.kernels.pack(PACKED_EVERY)
            except KeyboardInterrupt:
                self.stopped = "stopped by hand"
                self._tell(f"== {self.stopped}")
            self.kernels.pack()
        text = self.summary()
        (self.out / "summary.txt").write_text(text, encoding="utf-8")
        print(text, flush=True)
        return 130 if self.stopped else int(self.refused or any(ended.is_wrong for ended in self.ended))

    def _run(self, stage: Stage) -> Ended:
        begin = time.monotonic()
        most = min(stage.seconds, self._end - begin - RESERVE)
        if most < min(LEAST, stage.seconds):
            self._tell(f"== {stage.name}: no time left")
            return Ended(stage.name, None, 0.0)
        self._note(f"== {stage.name} (at {begin - self._start:.0f} s, for at most {most:.0f} s)")
        code = self._wait(stage, most)
        took = time.monotonic() - begin
        how = {LATE: "its time was up", MISSING: f"{stage.command[0]} is not installed here"}.get(code, f"exit {code}")  # fmt: skip
        self._tell(f"== {stage.name}: {how}, after {took:.1f} s")
        return Ended(stage.name, code, took)

    def _wait(self, stage: Stage, most: float) -> int:
        variables = {**os.environ, **self._variables(), **(stage.variables or {})}
        with self.log.open("ab") as log:
            try:
                process = subprocess.Popen(
                    stage.command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=log,
                    stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
            except FileNotFoundError:
                return MISSING
            try:
                return process.wait(most)
            except subprocess.TimeoutExpired:
                return LATE
            finally:
                _end(process)

    def _variables(self) -> dict[str, str]:
        """JAX would take most of the device's memory at once; where kernels are kept."""
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {
            "OUT": str(self.out.resolve()),
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
            "MPLBACKEND": "Agg",
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            "CUPY_CACHE_DIR": str(self.kernels.folder),
        }

    def _note(self, line: str) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")

    def _tell(self, line: str) -> None:
        self._note(line)
        print(line, flush=True)

    def summary(self) -> str:
        """What went wrong, figures, and how every stage ended."""
        answers = _lines(self.out / "first.jsonl")
        wrong = [line[:400] for line in answers if '"ok": false' in line]
        figures = [line[:330] for line in answers if re.search('"what": "(blas|fit|time)', line)]
        log = _lines(self.log)
        told = [line[:220] for line in log if TOLD.search(line)][-70:]
        # what a stage has said last is why it failed
        why = [line[:400] for line in log[-8:] if line not in told] if self.refused else []
        return "\n".join([f"== summary, of {self.out}", *wrong, *figures, *told, *why]) + "\n"


class Kernels:
    """The folder where CuPy keeps what it has compiled: unpacked from archives, packed again; another for each run.

    Where CUPY_CACHE_DIR is set, that folder, which outlives the run by itself.

    Args:
        archive: where to pack them.
        archives: those of earlier runs.
    """

    def __init__(self, archive: Path, archives: Sequence[Path] = ()) -> None:
        self.archive, self._archives = archive, archives
        given = os.environ.get("CUPY_CACHE_DIR")
        self._own = not given
        self.folder = Path(given) if given else Path()
        self._packed = time.monotonic()

    def __enter__(self) -> None:
        if not self._own:
            return
        self.folder = Path(tempfile.mkdtemp(prefix="gradloom-kernels-"))
        for archive in self._archives:
            if archive.exists():
                try:
                    with tarfile.open(archive) as opened:
                        opened.extractall(self.folder, **SAFELY)
                except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
                    print(f"the kernels of {archive} cannot be read ({error}); they are compiled anew", flush=True)  # fmt: skip

    def __exit__(self, *error: object) -> None:
        if self._own:
            shutil.rmtree(self.folder, ignore_errors=True)

    def pack(self, every: float = 0.0) -> None:
        """Put all kernels into the archive, in one move; not so soon after the last time."""
        if not self._own or time.monotonic() - self._packed < every:
            return
        part = self.archive.with_name(f"{self.archive.name}.part")
        with tarfile.open(part, "w:gz", compresslevel=3) as archive:
            for path in sorted(self.folder.iterdir()):
                archive.add(path, path.name)
        if part.stat().st_size <= LARGEST_ARCHIVE:
            part.replace(self.archive)
        else:
            part.unlink()
        self._packed = time.monotonic()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and whatever it has started: first by asking."""
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        if hasattr(os, "killpg"):
            # a group lives as long as any of its processes
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
        elif process.poll() is None:
            process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)


def _put_aside(out: Path) -> None:
    """What the run before has left; what else lies in the folder is somebody else's."""
    old = [path for pattern in WRITTEN for path in sorted(out.glob(pattern))]
    if old:
        (out / BEFORE).mkdir(exist_ok=True)
    for path in old:
        path.replace(out / BEFORE / path.name)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []


@contextlib.contextmanager
def told_to_end() -> Iterator[None]:
    """Inside, SIGTERM is what Ctrl-C is: what was found is kept."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
