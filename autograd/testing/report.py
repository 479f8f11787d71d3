"""What a failed check says: the two verdicts as exceptions, and the script that repeats one.

A reproducer is a complete Python script: imports, the inputs with every digit, the call of
the check with its seed. Inputs too many to print are drawn by a generator if the mismatch
shows with such inputs as well, else packed.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .subject import Subject

NDArray = np.ndarray[Any, Any]
MOST_PRINTED = 200
"""Elements of all inputs together that a script shows by value."""


class GradientMismatch(AssertionError):  # noqa: N818 - it says what was found, like the other assertion it is
    """A gradient differs from the slope of the function, or has another shape or dtype than its input.

    Cause: a wrong rule in `vjp=`; a function that is not the same at each call (random numbers); an input
    that is used but cut off by `detach()`; at a kink, a slope outside the interval between the slopes on its
    two sides. The message ends with a script that repeats the mismatch, which is also in `reproducer`.
    """

    reproducer: str = ""


class Undecided(ValueError):  # noqa: N818 - a verdict like GradientMismatch, not a failure of the check
    """Differences say nothing about the gradient at these inputs, neither for nor against it.

    Cause: the value is NaN or infinite there, or on both sides; or it changes so much, or so
    little against its own rounding, that no step gives a slope. Choose inputs inside the domain
    of the function, of moderate size.
    """

    reproducer: str = ""


class Call(NamedTuple):
    """One call of a check, to be written as a script; `settings` are
    keyword arguments that are not defaults.
    """

    check: str
    subject: Subject
    arrays: tuple[NDArray, ...]
    settings: dict[str, Any]

    def script(self, inputs: Sequence[str]) -> str:
        """The script, for inputs given as expressions."""
        text = "\n".join(inputs)
        lines = ["import numpy as np", "", "import autograd as ag"]
        lines.append(f"from autograd.testing import {self.check}")
        if "unpacked(" in text:
            lines[0] = "import base64\nimport zlib\n\n" + lines[0]
        if "nan" in text or "inf" in text:
            lines.append("from numpy import inf, nan")
        lines += [*self.subject.imports(), ""]
        if "unpacked(" in text:
            lines += [_UNPACKED, ""]
        settings = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        lines.append("inputs = [")
        lines += [f"    {expression}," for expression in inputs]
        lines += ["]", f"{self.check}({self.subject.call_text()}, *inputs{settings})", ""]
        return "\n".join(lines)

    def reproducer(self, fails: Callable[[Sequence[NDArray]], bool]) -> str:
        """The script that shows this failure; `fails` tells whether other inputs show it too."""
        if sum(a.size for a in self.arrays) <= MOST_PRINTED:
            return self.script([array_text(a) for a in self.arrays])
        drawn = [_drawn(a) for a in self.arrays]
        if fails([array for array, _ in drawn]):
            return self.script([text for _, text in drawn])
        return self.script([_packed(a) for a in self.arrays])


_UNPACKED = """
def unpacked(text, dtype, shape):
    return np.frombuffer(zlib.decompress(base64.b85decode(text)), dtype).reshape(shape)
"""


def array_text(array: NDArray) -> str:
    """An expression that is equal to `array`, digit by digit.

    >>> array_text(np.array([[0.1, 2.0]]))
    "np.array([[0.1, 2.0]], dtype='float64')"
    """
    dtype = array.dtype.name
    if array.size == 0:
        return f"np.zeros({array.shape}, dtype={dtype!r})"
    return f"np.array({array.tolist()}, dtype={dtype!r})"


def _drawn(array: NDArray) -> tuple[NDArray, str]:
    """Uniform numbers of the same range, and the expression that draws them; small inputs as they are."""
    if array.size <= MOST_PRINTED // 4 or array.dtype.kind == "b" or not np.isfinite(array).all():
        return array, array_text(array) if array.size <= MOST_PRINTED else _packed(array)
    low, high = array.min().item(), array.max().item()
    name, method = array.dtype.name, "integers" if array.dtype.kind in "iu" else "uniform"
    if method == "uniform":
        low, high = float(f"{low:.3g}"), float(f"{high:.3g}")
    top = high + 1 if method == "integers" else high
    values = np.asarray(getattr(np.random.default_rng(0), method)(low, top, array.shape))
    text = f"np.random.default_rng(0).{method}({low!r}, {top!r}, {array.shape}).astype({name!r})"
    return values.astype(name), text


def _packed(array: NDArray) -> str:
    data = base64.b85encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 9)).decode()
    return f"unpacked({data!r}, {array.dtype.name!r}, {array.shape})"


def short(array: NDArray) -> str:
    """A few numbers of an array, for a message."""
    return np.array2string(array, precision=3, threshold=6)
