"""Command line: `python -m backends cache` shows where compiled code is kept; `--clear` deletes it."""

from __future__ import annotations

import argparse
import time

from . import store


def main(words: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m backends")
    commands = parser.add_subparsers(dest="command", required=True)
    about = "show the folder of compiled code: its files, their size and bound, and the oldest use"
    cache = commands.add_parser("cache", help=about, description=about)
    cache.add_argument("--clear", action="store_true", help="delete all of it, which is always safe")
    options = parser.parse_args(words)
    folder = store.folder()
    if folder is None:
        print("nothing is kept on disk")
        return
    entries = folder.entries()
    size = sum(entry.size for entry in entries)
    print(f"{folder.path}: {len(entries)} files, {size / 1e6:.1f} of at most {store.limit() / 1e6:.0f} MB")
    if entries:
        days = (time.time() - entries[0].used) / 86_400
        print(f"the one that was used longest ago: {days:.1f} days ago")
    if options.clear:
        print(f"deleted {folder.evict(0)} files")


if __name__ == "__main__":
    main()
