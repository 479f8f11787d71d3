"""What a trace changes outside itself, which no program can repeat: results that it leaves behind, numbers
that it changes, random numbers of Python's and NumPy's own that it draws.

What a function can reach is looked at before and after its trace. `self.w = self.w + x` puts
a symbol where a tensor was: every later call would go on with the old tensor, and whoever
reads the attribute would find a symbol.
"""

from __future__ import annotations

import random as python_random
import sys
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from .errors import TraceError
from .reach import FIXED, Part, globals_of, parts
from .tensor import Tensor

_DEPTH = 8
_MOST = 10_000
"""Of so many objects the attributes are looked at."""


class Before:
    """What `function` can reach, before it is traced.

    >>> def step(x): return x * 2
    >>> before = Before(step); before.drawn()
    []
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._there: dict[tuple[int, Any], Any] = {}
        self._keys: dict[int, Any] = {}
        self._alive: list[Any] = []
        self._generators: list[tuple[str, Callable[[], Any], Any]] = []
        self._generators += [(said, look, look()) for said, look in _common_generators()]
        for part in _reached(function):
            value = part.value
            if isinstance(value, (Tensor, *FIXED)):
                self._there[part.place] = value
                continue
            if hasattr(type(value), "jit_key"):
                self._keys[id(value)] = value.jit_key()
                self._alive.append(value)
            state = _state_of_generator(value)
            if state is not None:
                self._generators.append((part.said, state, state()))

    def take_away(self) -> list[str]:
        """Where results of the trace are; what was there before is there again."""
        found = [
            p for p in _reached(self.function) if isinstance(p.value, Tensor) and p.value.backend == "trace"
        ]
        found = [p for p in found if p.holder is not None]
        for part in reversed(found):
            if part.place not in self._there and isinstance(part.holder, (dict, list)):
                del part.holder[part.name]
            else:
                part.put(self._there.get(part.place))
        return [part.said for part in found]

    def drawn(self) -> list[str]:
        """The generators that are not the library's and from which the trace has drawn."""
        return [said for said, look, old in self._generators if look() != old]

    def check_same(self, part: Part) -> None:
        """Refuse a number that is read and is not what it was: a program would go on with the first one.

        Raises:
            TraceError: naming it.
        """
        if part.holder is None or not isinstance(part.value, FIXED):
            return
        old = self._there.get(part.place, part.value)
        if old is not part.value and (type(old), repr(old)) != (type(part.value), repr(part.value)):
            raise _changed(part.said)

    def check_inside(self, value: Any, said: str) -> None:
        """The same for the numbers in a list or dict."""
        for part in parts(value, said):
            self.check_same(part)
            self.check_inside(part.value, part.said)

    def check_key(self, value: Any, key: Any, said: str) -> None:
        """The same for what an object tells itself."""
        if self._keys.get(id(value), key) != key:
            raise _changed(said)


def _changed(said: str) -> TraceError:
    return TraceError(
        f"the step changes {said.strip(chr(39))!r}, which a program cannot; what a step changes is "
        "state: make it a tensor and assign it"
    )


def check_left_behind(before: Before, trace: Callable[[], Any]) -> Any:
    """What `trace` returns.

    Raises:
        TraceError: a result of the trace is left in an attribute, a list
            or a variable; it is taken away again.
    """
    try:
        result = trace()
        found = before.take_away()
    except BaseException:
        # also when that was interrupted half-way
        before.take_away()
        raise
    if found:
        raise TraceError(
            f"the step leaves a result in {found[0]}, which a program cannot; where that is state, give the "
            "tensor values with .assign(), else return the result"
        )
    return result


def _reached(function: Any) -> Iterator[Part]:
    """What `function` can reach, each place once."""
    seen: dict[int, Any] = {}
    waiting: list[tuple[Any, str, int]] = [(function, "the step", 0)]
    while waiting and len(seen) < _MOST:
        thing, said, depth = waiting.pop()
        if id(thing) in seen:
            continue
        # kept, so that nothing else gets its address
        seen[id(thing)] = thing
        inner = [*parts(thing, said), *(globals_of(thing) if isinstance(thing, FunctionType) else ())]
        for part in inner:
            yield part
            if depth < _DEPTH and not isinstance(part.value, (*FIXED, Tensor, ModuleType, type)):
                waiting.append((part.value, part.said, depth + 1))


def _common_generators() -> Iterator[tuple[str, Callable[[], Any]]]:
    yield "Python's random", python_random.getstate
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        yield "numpy.random", lambda: _words(numpy_random.get_state(legacy=False)["state"])


def _words(state: Any) -> Any:
    return state["pos"], state["key"].tobytes()


def _state_of_generator(value: Any) -> Callable[[], Any] | None:
    if isinstance(value, python_random.Random):
        return value.getstate
    bits = (
        getattr(value, "bit_generator", None) if type(value).__module__.startswith("numpy.random") else None
    )
    return None if bits is None else lambda: str(bits.state)
