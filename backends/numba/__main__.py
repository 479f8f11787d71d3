"""Command line: `python -m backends.numba` shows where kernels are kept; `--clear` deletes them."""

from __future__ import annotations

import argparse

from .compile import cache_folder, clear


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m backends.numba", description=__doc__)
    parser.add_argument("--clear", action="store_true", help="delete all stored kernels")
    options = parser.parse_args()
    folder = cache_folder()
    files = [] if folder is None else list(folder.glob("*.kernel"))
    size = sum(file.stat().st_size for file in files)
    print(f"{folder}: {len(files)} kernels, {size / 1e6:.1f} MB")
    if options.clear:
        print(f"deleted {clear()}")


if __name__ == "__main__":
    main()
