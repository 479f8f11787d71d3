"""The process of a contestant: it says what it does line by line, and waits for its next turn while others have theirs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .machine import ROOT


class Process:
    """A command under way; whatever it started is ended with it.

    Args:
        command, variables: what is started, and its environment.
    """

    def __init__(self, command: Sequence[str], variables: Mapping[str, str]) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=dict(variables), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            text=True, start_new_session=True,
        )  # fmt: skip
        self.waits = False
        """Whether it stays for another turn."""

    def again(self, tasks: Sequence[str]) -> None:
        """Tell one that waits to do these tasks."""
        assert self._process.stdin is not None
        # one that has died meanwhile is found out when it is heard
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(tasks), file=self._process.stdin, flush=True)

    def hear(self, patience: float) -> Iterator[dict[str, Any]]:
        """What it says until its turn is over; at last {"died": reason} when it left out of order.

        Args:
            patience: seconds in which it has to say something new.
        """
        self.waits = False
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self._kill()

        assert self._process.stdout is not None
        timer = threading.Timer(patience, give_up)
        timer.start()
        try:
            for line in self._process.stdout:
                timer.cancel()
                event = json.loads(line)
                if "waits" in event:
                    self.waits = True
                    return
                yield event
                timer = threading.Timer(patience, give_up)
                timer.start()
            code = self._process.wait()
        finally:
            timer.cancel()
            if not self.waits:
                self._kill()
        if late.is_set():
            yield {"died": f"nothing new within {patience:.0f} s"}
        elif code:
            self._errors.seek(0)
            text = self._errors.read().strip().splitlines() or ["no word"]
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            yield {"died": f"{how}: {text[-1][:300]}"}

    def end(self) -> None:
        """End it and its children (a compiler, say)."""
        self.waits = False
        self._kill()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # what it was told last may still be there
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._errors.close()

    def _kill(self) -> None:
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        elif self._process.poll() is None:
            self._process.kill()
        self._process.wait()


def messages(command: Sequence[str], variables: Mapping[str, str], patience: float) -> Iterator[dict[str, Any]]:  # fmt: skip
    """What a process says in its only turn; see `Process.hear`."""
    process = Process(command, variables)
    try:
        yield from process.hear(patience)
    finally:
        process.end()
