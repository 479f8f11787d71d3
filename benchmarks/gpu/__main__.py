"""Command line: `python -m benchmarks.gpu [--out FOLDER] [--minutes N] [--only STAGES]`; `run.py gpu` hands over to it.

The exit code is 0 where no stage failed. Stages whose time was up, and tools that are not installed, are told and are no
failures.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .running import ROOT, Runner, told_to_end
from .stages import LONG, MINUTES, stages

CARRIED = ROOT / ".gpu" / "cache.tgz"
"""Where a checkout brings packed kernels to a bare machine."""


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(prog="run.py gpu", description=__doc__)
    found.add_argument("--out", type=Path, default=ROOT / "out" / "gpu", help="the folder that gets everything, as it comes")  # fmt: skip
    found.add_argument("--minutes", type=float, default=MINUTES, help=f"for all of it; from {LONG:g} on the whole contest")  # fmt: skip
    found.add_argument("--only", help="names of stages, with commas between")
    return found


def main(words: list[str] | None = None) -> int:
    """Run the stages.

    Raises:
        SystemExit: a stage is unknown, or the minutes are none.
    """
    options = parser().parse_args(words)
    if not options.minutes > 0:
        raise SystemExit(f"--minutes: a number above 0, got {options.minutes}")
    out = options.out.resolve()
    every = stages(sys.executable, out, options.minutes)
    if options.only:
        wanted = options.only.split(",")
        for name in wanted:
            if name not in {stage.name for stage in every}:
                raise SystemExit(f"stage {name!r} is none of: {', '.join(stage.name for stage in every)}")
        every = [stage for stage in every if stage.name in wanted or stage.required]
    with told_to_end():
        return Runner(out, 60 * options.minutes, (CARRIED, out / "cache.tgz")).run(every)


if __name__ == "__main__":
    sys.exit(main())
