"""A profile of a compiled step: time and bytes of each kernel, as a table and as a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from backends.contract import ProfileRow

from .errors import MissingExtraError


class Profile:
    """What `Jitted.profile` measured; printing it gives the table.

    >>> import autograd as ag
    >>> double = ag.jit(lambda x: x * 2.0)
    >>> x = ag.ones(1000); _ = double(x)
    >>> profile = double.profile(lambda: double(x))
    >>> len(profile.rows)
    1
    """

    def __init__(self, name: str, rows: Sequence[ProfileRow]) -> None:
        self.name = name
        self.rows = rows

    @property
    def seconds(self) -> float:
        """Of a whole step."""
        return sum(row.seconds for row in self.rows)

    def __str__(self) -> str:
        total = self.seconds or 1.0
        lines = [f"{self.name}: {self.seconds * 1e6:.2f} us in {len(self.rows)} kernels"]
        lines.append(f"{'us':>10} {'share':>6} {'GB/s':>7} {'GFLOP/s':>8}  kernel")
        for row in self.rows:
            time = row.seconds or 1e-12
            scope = f" [{row.scope}]" if row.scope else ""
            lines.append(
                f"{row.seconds * 1e6:>10.2f} {row.seconds / total:>6.1%} {row.bytes / time / 1e9:>7.1f} "
                f"{row.operations / time / 1e9:>8.1f}  {row.kernel}{scope}"
            )
        return "\n".join(lines)

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Write a picture: a bar for each kernel, as long as its time, in the order in which they run.

        Raises:
            MissingExtraError: without matplotlib.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError(
                "a profile is drawn by matplotlib: pip install 'gradloom[plot]'"
            ) from error
        figure = Figure(figsize=(9, 0.8 + 0.28 * len(self.rows)), layout="constrained")
        axes: Any = figure.add_subplot()
        times = [row.seconds * 1e6 for row in self.rows]
        colours = ["tab:blue" if "matmul" in row.kernel else "tab:orange" for row in self.rows]
        axes.barh(range(len(self.rows)), times, color=colours)
        names = [f"{row.scope}: {row.kernel}" if row.scope else row.kernel for row in self.rows]
        axes.set_yticks(range(len(self.rows)), [name[:60] for name in names], fontsize=8)
        axes.invert_yaxis()
        axes.set_xlabel("microseconds in a step")
        axes.set_title(f"{self.name}: {self.seconds * 1e6:.1f} us (blue: matrix products)")
        figure.savefig(path, dpi=150)
