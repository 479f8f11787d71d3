"""The Numba machine: NumPy's arrays and primitives, and one compiled kernel
for a whole rule where that is faster.

An op's forward and its gradient rules are handed to `run` as they stand. On a large array the rule runs once
on symbols; where the program that comes out is loops of vectorising arithmetic, these become a kernel that
reads each input once and writes the result once, or up to four of them. Everything else, and every small
array, is plain NumPy. The choice depends on shapes and dtypes alone, so the same call always gives the same
bits.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import math
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract import Executable, Feed, Shape
from ..cores import usable_cores
from ..errors import BackendError, is_refusal
from ..numpy import NumPyBackend

if TYPE_CHECKING:
    from ..program import Program
    from .kernels import Call, Chain

_log = logging.getLogger("gradloom")

FUSE_FROM = 1024
"""THE crossover: with fewer elements a chain of NumPy calls is faster than the 4 us of a
kernel's call, however long it is.
"""
_WORK_AN_ELEMENT = 20
"""A short chain needs more elements: elements times cost must reach this many times the crossover."""
_REMEMBERED = 4096
"""So many calls are remembered, by rule, shapes and dtypes; a program that makes
more forgets them all and starts anew.
"""
_WORDS = 1 << 20
"""NumPy draws so many random words in the time in which the function that draws them is compiled."""
_WORDS_A_CALL, _WORDS_A_KEY = 4096, 8
"""What NumPy could draw in the time that one call takes it, and in that for sorting one key."""


@functools.cache
def _library() -> Any:
    """The compiled functions of any length; None where they cannot be made, which the log tells."""
    from ..native import library

    try:
        library.order(np.zeros(1, np.uint64))
    except Exception as error:
        if not is_refusal(error):
            raise
        _log.warning("random bits are NumPy's, a compiled function cannot be made: %s", error)
        return None
    return library


class NumbaBackend(NumPyBackend):
    """`backends.get("numba")`.

    Args:
        fuse_from: the number of elements from which kernels are used.
        threads: how many threads share a large call; default: the cores that this process may use.

    Raises:
        ImportError: when Numba is not installed.
        BackendError: GRADLOOM_CPU names no processor, or one with more than the one here has.
    """

    name: str = "numba"

    def __init__(self, fuse_from: int = FUSE_FROM, threads: int | None = None) -> None:
        if importlib.util.find_spec("numba") is None:
            raise ImportError("Numba is not installed; pip install 'gradloom[cpu]'")
        if os.environ.get("GRADLOOM_CPU"):
            # one that is not known, or not here, is an error now, not later NumPy's work
            from ..processor import here

            here()
        self.fuse_from = fuse_from
        self.threads = usable_cores() if threads is None else threads
        self._words_left = _WORDS
        self._calls: dict[Any, dict[tuple[Any, ...], Call | Chain | None] | None] = {}

    @property
    def threads(self) -> int:
        """How many threads share a large call. Results do not depend on it."""
        return self._threads

    @threads.setter
    def threads(self, count: int) -> None:
        if count < 1:
            raise BackendError(f"threads: at least 1, got {count}")
        self._threads = count

    def run(self, rule: Callable[..., Any], *args: Any, **static: Any) -> Any:
        """`rule(self, *args, **static)`, by a kernel where there is one."""
        shapes: list[Any] = [rule]
        numbers: list[Any] = []
        for value in args:
            if type(value) is np.ndarray:
                shapes.append((value.shape, value.dtype.char, any(value.strides)))
            elif type(value) is float or type(value) is int:
                shapes.append(type(value))
                numbers.append(value)
            else:
                shapes.append(value)
        # apart from the rest, so that numbers that change with every call are not taken for new shapes
        key, values = (*shapes, *static.items()), tuple(numbers)
        try:
            calls = self._calls[key]
        except KeyError:
            if len(self._calls) >= _REMEMBERED:
                self._calls.clear()
            call = self._make(rule, args, static, self.fuse_from * _WORK_AN_ELEMENT)
            self._calls[key] = None if call is None else {values: call}
        except TypeError:
            # a static attribute without a hash (an index with slices, several arrays in one): not arithmetic
            call = None
        else:
            call = None if calls is None else calls.get(values)
            if calls is not None and call is None:
                if len(calls) >= _REMEMBERED:
                    calls.clear()
                call = calls[values] = self._make(rule, args, static, self.fuse_from * _WORK_AN_ELEMENT)
        return rule(self, *args, **static) if call is None else call(args, self._threads)

    def random_bits(self, key: Any, counter: Any, *, shape: Shape) -> Any:
        are_arrays = type(key) is np.ndarray and type(counter) is np.ndarray
        library = _library() if are_arrays and not self._waits(math.prod(shape)) else None
        if library is None:
            return super().random_bits(key, counter, shape=shape)
        return library.random_bits(key, counter, shape)

    def argsort(self, x: Any, *, axis: int) -> Any:
        are_keys = x.dtype == np.uint64 and x.ndim == 1 and len(x)
        library = _library() if are_keys and not self._waits(_WORDS_A_KEY * len(x)) else None
        return super().argsort(x, axis=axis) if library is None else library.order(x)

    def _waits(self, words: int) -> bool:
        """Whether NumPy does this work, which is as much as drawing `words`: the bits are the same, and few
        processes have so much of it that a compiled function pays.
        """
        if self._words_left:
            self._words_left = max(0, self._words_left - words - _WORDS_A_CALL) if self.fuse_from else 0
        return self._words_left > 0

    def compile(self, program: Program, feeds: Mapping[str, Feed] | None = None) -> Executable:
        """Executable code for the whole program; a list of NumPy calls where that
        cannot be made, which the log tells.
        """
        from ..native.cache import executable_for

        try:
            return executable_for(program, feeds)
        except Exception as error:
            if not is_refusal(error):
                raise
            _log.warning(
                "%s could not be compiled, NumPy runs it: %s: %s", program.name, type(error).__name__, error
            )
            return super().compile(program, feeds)

    @staticmethod
    def _make(
        rule: Callable[..., Any], args: Any, static: dict[str, Any], least_work: int
    ) -> Call | Chain | None:
        # here, because few processes ever make a kernel, and the machinery costs as much to import as the
        # library
        from .kernels import make_call

        return make_call(rule, args, static, least_work)
