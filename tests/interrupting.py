"""Exceptions that come from outside, as handlers of signals raise them: at every place where Python may run one, or by a timer.

`python tests/interrupting.py places NAME` and `... signals NAME COUNT SEED` run a scenario in a process of its own, for
what must not happen is that it hangs: 5,000 signals are a campaign, the tests take some hundred.
"""

from __future__ import annotations

import dis
import faulthandler
import gc
import linecache
import logging
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

HANDLED_AFTER = frozenset(("CALL", "CALL_KW", "CALL_FUNCTION_EX", "JUMP_BACKWARD", "RESUME"))
"""Instructions behind which CPython looks for signals."""
_SECONDS = 300
_DEVICE = f"{Path(__file__).resolve().parent / 'substitute'}{os.sep}"
"""What stands in for a device is not interrupted."""
_LLVM = os.path.join("llvmlite", "binding", "ffi.py")
"""Whose objects, interrupted while they give back memory, give it back twice, which ends the process; and whose lock, as
that of `logging`, stays held where an exception comes between taking it and the block that gives it back."""


class Foreign(Exception):  # noqa: N818 - a deadline, a wish to stop
    """What a handler raises: no class that this library knows."""


def _is_deaf(frame: FrameType | None) -> bool:
    """Whether no exception comes out of there whole: finalizers, callbacks, the reading of source text, and locks of others."""
    while frame is not None:
        code = frame.f_code
        if code.co_name in ("__del__", "_remove") or code.co_filename in (
            linecache.__file__,
            logging.__file__,
        ):
            return True
        if code.co_filename.endswith(_LLVM):
            return True
        frame = frame.f_back
    return False


class Interrupter:
    """Inside `with`, raises `Foreign` at the place number `at`, counted from 0; `done` tells whether it came so far.

    Places are where CPython runs handlers of signals, in all Python code that is called from inside.
    """

    def __init__(self, at: int, kind: type[BaseException] = Foreign) -> None:
        self.at = at
        self.kind = kind
        self.done = False
        self.where = ""
        self._last: dict[FrameType, int] = {}
        self._texts: dict[CodeType, bytes] = {}
        self._tables: dict[CodeType, list[tuple[int, int, int]]] = {}

    def __enter__(self) -> Interrupter:
        sys.settrace(self._called)
        return self

    def __exit__(self, *exception: object) -> None:
        sys.settrace(None)
        self._last.clear()

    def _called(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if code is Interrupter.__exit__.__code__ or code.co_filename.startswith(_DEVICE) or self.done:
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._each

    def _each(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "return":
            if frame.f_code.co_flags & 0x20 == 0:  # no generator, which comes again
                self._last.pop(frame, None)
        elif event == "opcode" and not self.done:
            code = frame.f_code
            text = self._texts.get(code) or self._texts.setdefault(code, code.co_code)
            before = self._last.get(frame)
            self._last[frame] = frame.f_lasti
            if before is not None and dis.opname[text[before]] in HANDLED_AFTER and self._same_handler(code, before, frame.f_lasti):  # fmt: skip
                self.at -= 1
                if self.at < 0 and not _is_deaf(frame):
                    self.done = True
                    self.where = f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"
                    raise self.kind
        return self._each

    def _same_handler(self, code: CodeType, before: int, now: int) -> bool:
        """Whether what is raised here is caught where it would be behind the instruction before, to which it belongs."""
        if code not in self._tables:
            entries = dis._parse_exception_table(code)  # type: ignore[attr-defined]
            self._tables[code] = [(e.start, e.end, e.target) for e in entries]
        first, second = ([t for a, b, t in self._tables[code] if a <= at < b] for at in (before, now))
        return first == second


def places(run: Callable[[], object]) -> int:
    """How many there are in `run()`."""
    with Interrupter(sys.maxsize) as interrupter:
        run()
    return sys.maxsize - interrupter.at


def at_every_place(
    run: Callable[[], object], check: Callable[[], None], stride: int = 1, kind: type[BaseException] = Foreign, first: int = 0,
    heard: bool = False,
) -> int:  # fmt: skip
    """`run()` with an exception at its first, second ... place, until it comes through; `check()` after each.

    Args:
        heard: whether each exception has to come out of `run()`.

    Returns:
        The number of places.
    """
    place = first
    while True:
        interrupter = Interrupter(place, kind)
        try:
            with interrupter:
                run()
            assert not (heard and interrupter.done), f"nothing was heard of it: {interrupter.where}"
        except kind as error:
            assert interrupter.done
            error.__traceback__ = None
        try:
            check()
        except BaseException:
            print("after an exception at", interrupter.where, file=sys.stderr)
            raise
        if not interrupter.done:
            return place
        place += stride


def in_another_thread(run: Callable[[], object], seconds: float = 20) -> None:
    """`run()` in a thread: a lock that the main thread has kept is free for itself alone."""
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            run()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "another thread waits for ever"
    if failed:
        raise failed[0]


def by_a_timer(run: Callable[[], object], check: Callable[[], None], count: int, seed: int, longest: float) -> int:  # fmt: skip
    """`run()` again and again until `count` signals have come, each after at most `longest` seconds; `check()` after each."""
    draw = random.Random(seed)
    came = [0]

    def handler(number: int, frame: Any) -> None:
        came[0] += 1
        raise Foreign

    signal.signal(signal.SIGALRM, handler)
    for expected in range(1, count + 1):
        try:
            signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-6, longest))
            # what is raised in a finalizer is not heard here
            while came[0] < expected:
                run()
        except Foreign:
            pass
        check()
    return came[0]


def main(arguments: list[str]) -> None:
    """Run one scenario."""
    import interrupted_scenarios as scenarios

    # a shell that starts this in the background lets it ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.enable()
    faulthandler.dump_traceback_later(_SECONDS, exit=True)
    how, name, *rest = arguments
    if how == "places":
        gc.disable()  # when the collector runs is no part of this
        run, check = scenarios.SCENARIOS[name]()
        print(at_every_place(run, check, scenarios.STRIDES.get(name, 1), heard=True), "places")
    else:
        count, seed = map(int, rest)
        faulthandler.dump_traceback_later(_SECONDS + count, exit=True)
        run, check = scenarios.SCENARIOS[name]()
        print(by_a_timer(run, check, count, seed, scenarios.LONGEST.get(name, 0.001)), "signals")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    main(sys.argv[1:])
