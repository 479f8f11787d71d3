"""`python -m tests.campaign reliability`: what may happen to a program that trains, by the thousand, with a table of counts.

Every part is bounded by its count; with `--minutes`, parts run again with other seeds until the time is over.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

from .reliability import PARTS, Seen

MARKS = ("<!-- counts -->", "<!-- end of counts -->")


def run(
    names: list[str], scale: float, seed: int, minutes: float | None
) -> tuple[dict[str, Seen], list[str]]:
    """What the parts saw, and what failed."""
    found: dict[str, Seen] = {name: Counter() for name in names}
    failed: list[str] = []
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    turn = 0
    while turn == 0 or (deadline is not None and time.monotonic() < deadline and not failed):
        for name in names:
            part, many, _ = PARTS[name]
            count = max(1, round(many * scale))
            began = time.monotonic()
            print(f"{name}: {count} of seed {seed + turn} ... ", end="", flush=True)
            with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    found[name] += part(count, seed + turn, Path(folder))
                    print(f"as promised, {time.monotonic() - began:.0f} s", flush=True)
                except Exception as error:
                    failed.append(f"{name}: {type(error).__name__}: {error}")
                    print(f"FAILED: {error}", flush=True)
            if deadline is not None and time.monotonic() > deadline:
                break
        turn += 1
    return found, failed


def table(found: dict[str, Seen]) -> str:
    """The counts as Markdown."""
    lines = ["| part | what was seen | times |", "|---|---|---:|"]
    for name, seen in found.items():
        lines += [f"| {name} | {what} | {times:,} |" for what, times in sorted(seen.items())]
    return "\n".join(lines)


def main() -> int:
    """Run it; 1 where something was not as promised."""
    parser = argparse.ArgumentParser("python -m tests.campaign", description=__doc__)
    parser.add_argument("what", choices=["reliability"])
    parser.add_argument("--only", help="parts, with commas: " + ", ".join(PARTS))
    parser.add_argument(
        "--scale", type=float, default=1.0, help="times the counts of a whole campaign (default 1)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, help="go on with other seeds for so long")
    parser.add_argument("--write", type=Path, help="put the table between the marks of that page")
    parser.add_argument("--json", type=Path, help="write the counts there")
    options = parser.parse_args()
    names = [name.strip() for name in options.only.split(",")] if options.only else list(PARTS)
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        parser.error(f"no part {unknown[0]!r}; there are: {', '.join(PARTS)}")
    found, failed = run(names, options.scale, options.seed, options.minutes)
    print(table(found))
    if options.write:
        before, _, rest = options.write.read_text(encoding="utf-8").partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        page = f"{before}{MARKS[0]}\n{table(found)}\n{MARKS[1]}{after}"
        options.write.write_text(page, encoding="utf-8")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    print("\n".join(["", *failed]) if failed else "\nall as promised")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
