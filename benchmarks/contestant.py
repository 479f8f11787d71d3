"""One contestant in this process: `python -m benchmarks.contestant BENCHMARK NAME '{"tasks": [...], ...}'`.

It prints a JSON object a line, each as soon as it is known: the version, the task that begins, its figure or why there
is none, and that it waits. A line that it is given then has the tasks of its next turn. What frameworks print goes to the
other stream, so that nothing comes between.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .work import Figure, Skip, Work


def reason(error: BaseException) -> str:
    """An error in one line."""
    last = traceback.format_exception_only(error)[0].strip().splitlines()
    return (last or [type(error).__name__])[0][:300]


def compete(
    enter: Callable[[], Work], turns: Iterable[list[str]], say: Callable[[dict[str, Any]], None]
) -> None:
    """Enter, then do the tasks of each turn one after another; a task that fails leaves the others alone."""
    try:
        work = enter()
    except (ImportError, Skip) as error:
        say({"skipped": str(error)})
        return
    say({"version": work.version})
    for tasks in turns:
        for task in tasks:
            _do(work, task, say)


def _do(work: Work, task: str, say: Callable[[dict[str, Any]], None]) -> None:
    say({"start": task})
    try:
        found = work.figure(task)
    except Skip as why:
        say({"task": task, "left out": str(why)})
    except Exception as error:
        traceback.print_exc()
        say({"task": task, "failed": reason(error)})
    else:
        figure = found if isinstance(found, Figure) else Figure(found)
        say({"task": task, "value": figure.value, "note": figure.note})


def _turns(settings: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> Iterator[list[str]]:
    """The tasks of the first turn, then those that are asked for; the pipe ends with who asks."""
    yield settings["tasks"]
    if settings["stays"]:
        say({"waits": True})
        for line in sys.stdin:
            yield json.loads(line)
            say({"waits": True})


def main() -> None:
    benchmark, name, given = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    settings = json.loads(given)

    def say(event: dict[str, Any]) -> None:
        print(json.dumps(event), file=answers, flush=True)

    from .contests import find

    compete(lambda: find(benchmark).enter(name, settings), _turns(settings, say), say)


if __name__ == "__main__":
    main()
