"""`python -m mutation [OP ...]` from the folder tests, or `python3 run.py mutation`: mutants, killed, equivalent and survivors of every op.

Options: `--per-rule N` for a quick look, `--by rule` or `--by kind` for other groups, `--list` to print the equivalent
mutants and the survivors themselves. The exit status is 1 when a mutant survives.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from autograd.ops import OPS

from .campaign import kill_rate


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign and print its table."""
    parser = argparse.ArgumentParser(prog="python3 run.py mutation", description=__doc__)
    parser.add_argument("op", nargs="*", help="names of ops; all of them by default")
    parser.add_argument("--per-rule", type=int, help="at most so many mutants of each rule")
    parser.add_argument("--by", choices=["op", "rule", "kind"], default="op")
    parser.add_argument("--list", action="store_true", help="print what was not killed")
    options = parser.parse_args(arguments)
    if unknown := set(options.op) - set(OPS):
        parser.error(f"no such op: {', '.join(sorted(unknown))}")
    chosen = [OPS[name] for name in options.op] or [op for op in OPS.values() if op.vjp]
    report = kill_rate(chosen, per_rule=options.per_rule)
    print(report.table(options.by))
    for mutant in report.equivalent if options.list else ():
        print(f"equivalent: {mutant.name} ({mutant.where})")
    for mutant in report.survivors:
        print(f"survivor: {mutant.name} ({mutant.where})")
    return 1 if report.survivors else 0


if __name__ == "__main__":
    sys.exit(main())
