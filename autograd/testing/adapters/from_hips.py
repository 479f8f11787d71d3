"""Functions of HIPS autograd as subjects, in a process of another environment.

HIPS autograd and this package are both imported as `autograd`, so they cannot live in one process, nor in one
environment. One worker (`hips_worker.py`) runs there for as long as the subject is
open and answers any number of calls.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
import subprocess
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from .common import IMPORT, NDArray

_WORKER = Path(__file__).with_name("hips_worker.py")


class AdapterError(RuntimeError):
    """The other side of an adapter failed.

    Cause: the interpreter has no HIPS autograd, the source has a mistake, or the function raised; the message
    ends with the traceback of the other side.
    """


def hips(
    source: str | os.PathLike[str],
    *,
    python: str | os.PathLike[str],
    function: str = "f",
    name: str | None = None,
) -> HipsSubject:
    """A function of HIPS autograd, for `check_grad` and the other checks.
    Close it, or use it in a `with` block.

    Args:
        source: Python source text that defines the function with `import autograd.numpy as np`, or
            the path of a file with such text.
        python: the interpreter of an environment with HIPS autograd in it, e.g. ".venv-hips/bin/python".
        function: the name of the function in the source.
        name: what reports call it; by default the name of the function.

    Raises:
        AdapterError: when the interpreter has no HIPS autograd, or the source fails.
        FileNotFoundError: when there is no such interpreter or file.

    `with adapters.hips("import autograd.numpy as np\\ndef f(x): return np.prod(x)", python=python) as f: ...`
    """
    path = Path(source) if isinstance(source, os.PathLike) or "\n" not in source else None
    text = path.read_text(encoding="utf-8") if path else str(source)
    order = dict(source=text, file=str(path or "<source>"), function=function)
    worker = _Worker(python, os.fspath(source), order)
    return HipsSubject(worker, function, name or function)


class HipsSubject:
    """See `hips`. `version` is that of HIPS autograd over there."""

    def __init__(
        self,
        worker: _Worker,
        function: str,
        name: str,
        orders: Sequence[tuple[Sequence[int], Sequence[NDArray]]] = (),
    ) -> None:
        self.function = function
        self.name = name
        self.version: str = worker.version
        self._worker = worker
        self._orders = tuple(orders)

    def value(self, arrays: Sequence[NDArray]) -> NDArray:
        """The function."""
        return self._call("value", (), arrays)[0]

    def pull(self, arrays: Sequence[NDArray], weights: NDArray, wanted: tuple[int, ...]) -> list[NDArray]:
        """Gradients of sum(weights * function) at the `wanted` inputs."""
        return self._call("pull", wanted, [weights, *arrays])

    def push(self, arrays: Sequence[NDArray], tangents: Mapping[int, NDArray]) -> NDArray:
        """The derivative of the function along `tangents`."""
        return self._call("push", list(tangents), [*tangents.values(), *arrays])[0]

    def gradient(
        self, wanted: tuple[int, ...], weights: NDArray, directions: Sequence[NDArray]
    ) -> HipsSubject:
        """x -> sum of (gradient of sum(weights * function) at x) * directions, over the `wanted` inputs."""
        order = (tuple(wanted), (weights, *directions))
        name = f"gradient of {self.name}"
        return HipsSubject(self._worker, self.function, name, (*self._orders, order))

    def input_name(self, position: int) -> str:
        names = self._worker.names
        return names[position] if position < len(names) else f"input {position}"

    def call_text(self) -> str:
        return f"adapters.hips(source, python={self._worker.python!r}, function={self.function!r})"

    def imports(self) -> tuple[str, ...]:
        return (IMPORT, f"source = {self._worker.source!r}")

    def close(self) -> None:
        """End the worker; the subject, and gradients made from it, can no longer be called."""
        self._worker.close()

    def __enter__(self) -> HipsSubject:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    def _call(self, what: str, wanted: Sequence[int], arrays: Sequence[NDArray]) -> list[NDArray]:
        orders = [[int(i) for i in places] for places, _ in self._orders]
        leading = [array for _, kept in self._orders for array in kept]
        message = {"do": what, "wanted": [int(i) for i in wanted], "orders": orders}
        return self._worker.ask(message, [*leading, *arrays])


class _Worker:
    """The process on the other side, and the frames to and from it."""

    version: str
    names: list[str]

    def __init__(self, python: str | os.PathLike[str], source: str, order: dict[str, str]) -> None:
        self.python = os.fspath(python)
        self.source = source
        self._words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        # no variable of ours may lead the other interpreter back to this package
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        try:
            self._process = subprocess.Popen(
                [self.python, "-I", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._words,
                env=environment,
            )
        except OSError:
            self._words.close()
            raise
        self._end = weakref.finalize(self, _end, self._process, self._words)
        try:
            self._send(json.dumps(order).encode())
            greeting, _ = self._receive()
            self.version, self.names = greeting["version"], greeting["names"]
        except BaseException:
            self.close()
            raise

    def ask(self, message: dict[str, Any], arrays: Sequence[NDArray]) -> list[NDArray]:
        """The arrays that the other side answers with."""
        if not self._end.alive:
            raise AdapterError("adapters.hips: the subject is closed")
        self._send(json.dumps({**message, "arrays": len(arrays)}).encode())
        for array in arrays:
            data = io.BytesIO()
            np.save(data, array, allow_pickle=False)
            self._send(data.getvalue())
        return self._receive()[1]

    def close(self) -> None:
        """End the process and wait for it."""
        self._end()

    def _send(self, frame: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(struct.pack(">Q", len(frame)) + frame)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def _frame(self) -> bytes:
        assert self._process.stdout is not None
        head = self._process.stdout.read(8)
        if len(head) < 8:
            raise self._ended()
        return self._process.stdout.read(struct.unpack(">Q", head)[0])

    def _receive(self) -> tuple[dict[str, Any], list[NDArray]]:
        message = json.loads(self._frame())
        if "error" in message:
            raise AdapterError(f"adapters.hips, in {self.python}:\n{message['error']}")
        return message, [np.load(io.BytesIO(self._frame())) for _ in range(message["arrays"])]

    def _ended(self) -> AdapterError:
        code = self._process.wait()
        self._words.seek(0)
        words = self._words.read().decode(errors="replace")
        return AdapterError(f"adapters.hips: {self.python} ended with exit status {code}. It said:\n{words}")


def _end(process: subprocess.Popen[bytes], words: IO[bytes]) -> None:
    """Close the pipes, so that the worker leaves by itself, and see to it that it does."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    words.close()
