"""Run the tests on each planted fault: `python -m planted [NAME ...]` from the folder tests, or `python3 run.py planted`.

Every fault gets a copy of the checkout with its patch in it. There the default tests run until the first failure: those
that `choosing` names for the changed files and the core first, as in a quick run, then all. What is printed last is
the table of docs/testing.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from choosing import CORE, ROOT, in_turn, tests_for

from .fault import Fault, faults, table

PATIENCE = 1800.0
"""Seconds after which a run that does not end counts as a failure: a fault may hang."""


class Caught(NamedTuple):
    """What became of a fault: the test that failed (None: none did), after how many seconds."""

    fault: Fault
    by: str | None
    seconds: float


def copied(checkout: Path, folder: Path) -> Path:
    """The files of a checkout that git knows or would take, in a new folder; with the bytecode of the packages, which is
    that of files of the same time and size."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (checkout / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(checkout / name, folder / name)
    for package in ("autograd", "backends", "gradloom", "nn"):
        for compiled in (checkout / package).rglob("*.pyc"):
            place = folder / compiled.relative_to(checkout)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(compiled, place)
    return folder


def first_failure(place: Path, arguments: list[str], cache: Path, patience: float) -> str | None:
    """The first test that fails there; None when all pass.

    Raises:
        RuntimeError: pytest did not get as far as the tests.
    """
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "--tb=no",
        "-p",
        "no:cacheprovider",
        *arguments,
    ]
    # the name that substitute.architectures reads, which imports more than this process has
    environment = os.environ | {
        "GRADLOOM_CACHE_DIR": str(cache),
        "MPLBACKEND": "Agg",
        "GRADLOOM_TEST_ONE_ARCHITECTURE": "1",
    }
    try:
        done = subprocess.run(
            command,
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=patience,
        )
    except subprocess.TimeoutExpired:
        return "no end"
    if done.returncode == 0:
        return None
    found = re.search(r"^(?:FAILED|ERROR) (\S+(?: \S+)*?)(?: - .*)?$", done.stdout, flags=re.MULTILINE)
    if found is None:
        if done.returncode < 0 or "crashed" in done.stdout:
            return f"the process ended with {done.returncode}"
        raise RuntimeError(f"{' '.join(command)} in {place}:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")
    return found[1]


def attempt(fault: Fault, checkout: Path, cache: Path | None, whole: bool) -> Caught:
    """Plant a fault into a copy and run the tests there."""
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="planted-") as temporary:
        place = copied(checkout, Path(temporary) / "checkout")
        kernels = Path(temporary) / "cache"
        if cache is not None:
            # links: a kernel that is made anew replaces the name, never the file
            shutil.copytree(cache, kernels, copy_function=os.link)
        fault.apply(place)
        near = in_turn(tests_for(file) for file in fault.files)
        nearest = [n for n in dict.fromkeys((*near, *CORE)) if (place / n).exists()]
        by = first_failure(place, ["-n", "0", *nearest], kernels, PATIENCE) if nearest else None
        if by is None and whole:
            by = first_failure(place, ["-n", "2"], kernels, PATIENCE)
    return Caught(fault, by, time.perf_counter() - begin)


def main(words: list[str] | None = None) -> int:
    """Plant what is named (all, where nothing is); 1 where something was not caught."""
    parser = argparse.ArgumentParser(prog="planted", description="Run the tests on each planted fault.")
    parser.add_argument("names", nargs="*", help="areas or faults; all where none is named")
    parser.add_argument("--list", action="store_true", help="say what there is and stop")
    parser.add_argument(
        "--checkout", type=Path, default=ROOT, help="another checkout, of an earlier commit, say"
    )
    parser.add_argument("--cache", type=Path, help="a folder of kernels to begin with")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="faults at the same time")
    parser.add_argument(
        "--nearest",
        action="store_true",
        help="only the tests of the changed files, not the whole suite after them",
    )
    parser.add_argument("--json", type=Path, help="where to keep what was found")
    given = parser.parse_args(words)
    known = faults()
    unknown = set(given.names) - {f.area for f in known} - {f.name for f in known}
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; --list says what there is")
    chosen = [f for f in known if not given.names or f.area in given.names or f.name in given.names]
    if given.list:
        print("\n".join(f"{f.area}/{f.name}: {f.story}" for f in chosen))
        return 0
    rows = []
    one = partial(attempt, checkout=given.checkout.resolve(), cache=given.cache, whole=not given.nearest)
    with ThreadPoolExecutor(given.workers) as pool:
        for fault, by, seconds in pool.map(one, chosen):
            rows.append((fault.area, fault.name, by, round(seconds, 1)))
            print(
                f"{len(rows):3} of {len(chosen)} {fault.area}/{fault.name}: {by or 'NOT CAUGHT'}, {seconds:.0f} s",
                flush=True,
            )
            if given.json:
                given.json.write_text(json.dumps(rows, indent=0))
    missed = sum(by is None for _, _, by, _ in rows)
    print(f"\n{table(rows)}\n\n{len(rows) - missed} of {len(rows)} were caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
