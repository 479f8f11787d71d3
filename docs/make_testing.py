"""Write what was measured into testing.md: `python docs/make_testing.py [--seconds FILE] [--collect FILE] [--planted FILE]`.

`--seconds` takes what `run.py test --seconds FILE` wrote, and keeps it in tests/seconds.json, from which runs estimate
their time; `--collect` what `pytest --collect-only --seconds FILE` wrote; `--planted` what `run.py planted --json FILE` did.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "testing.md"
sys.path.insert(0, str(DOCS.parent / "tests"))
from planted import fault  # noqa: E402 - the folder tests is no package

REFERENCE = DOCS.parent / "tests" / "seconds.json"
ROWS = 40
"""Files that are shown each for itself."""


def files_table(phases: dict[str, dict[str, float]]) -> str:
    """Markdown: the seconds of each file in each phase, the slowest first, the rest in one row."""

    def row(name: str, parts: dict[str, float]) -> str:
        compiling = parts.get("compile", 0.0)
        rest = max(parts.get("run", 0.0) - compiling, 0.0)
        return f"| {name} | {parts.get('collect', 0.0):.1f} | {compiling:.1f} | {rest:.1f} |"

    def total(names: list[str]) -> dict[str, float]:
        return {
            phase: sum(phases[n].get(phase, 0.0) for n in names) for phase in ("collect", "compile", "run")
        }

    order = sorted(phases, key=lambda n: -phases[n].get("run", 0.0) - phases[n].get("collect", 0.0))
    lines = ["| file | collect | compile | run |", "|---|---:|---:|---:|"]
    lines += [row(f"`{name}`", phases[name]) for name in order[:ROWS]]
    lines.append(row(f"{len(order) - ROWS} more, doctests among them", total(order[ROWS:])))
    lines.append(row("all", total(order)))
    return "\n".join(lines)


def put(text: str, mark: str, table: str) -> str:
    """The page with the table between its two marks."""
    begin, end = f"<!-- {mark} -->\n", f"\n<!-- end of {mark} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"testing.md has no place for {mark}")
    return re.sub(
        re.escape(begin) + ".*?" + re.escape(end),
        lambda _: begin + table + end,
        text,
        flags=re.DOTALL,
    )


def main() -> None:
    """Write what is given into the page."""
    parser = argparse.ArgumentParser(description="Write what was measured into testing.md.")
    parser.add_argument("--seconds", type=Path)
    parser.add_argument("--collect", type=Path)
    parser.add_argument("--planted", type=Path)
    given = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    if given.seconds:
        phases: dict[str, dict[str, float]] = json.loads(given.seconds.read_text())
        REFERENCE.write_text(
            json.dumps({n: round(p.get("run", 0.0), 1) for n, p in sorted(phases.items())}, indent=0) + "\n"
        )
        for name, parts in (json.loads(given.collect.read_text()) if given.collect else {}).items():
            phases.setdefault(name, {})["collect"] = parts["collect"]
        text = put(text, "seconds", files_table(phases))
    if given.planted:
        text = put(text, "planted", fault.table(json.loads(given.planted.read_text())))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
