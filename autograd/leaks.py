"""Results that a traced step leaves behind: `self.w = self.w + x` puts a symbol where a tensor was.

Every later call would go on with the old tensor, and whoever reads the attribute finds a symbol. So what a function can
reach is looked at before and after its trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from .bound import WeakMethod
from .errors import TraceError
from .tensor import Tensor

_DEPTH = 8
_MOST = 10_000
"""Of so many objects the attributes are looked at."""


class _Place(NamedTuple):
    """Where a tensor is: the item of a dict or list, or what a cell holds."""

    holder: Any
    name: Any
    said: str

    def put(self, value: Any) -> None:
        if self.name is None:
            self.holder.cell_contents = value
        else:
            self.holder[self.name] = value


def check_left_behind(function: Callable[..., Any], trace: Callable[[], Any]) -> Any:
    """What `trace` returns; it traces `function`.

    Raises:
        TraceError: a result of the trace is left in an attribute, a list or a variable; it is taken away again.
    """
    before = {(id(p.holder), p.name): tensor for p, tensor in _tensors(function)}
    try:
        result = trace()
    except BaseException:
        _taken_away(function, before)
        raise
    found = _taken_away(function, before)
    if found:
        raise TraceError(
            f"the step leaves a result in {found[0].said}, which a program cannot; where that is state, give the tensor "
            "values with .assign(), else return the result"
        )
    return result


def _taken_away(function: Any, before: dict[tuple[int, Any], Tensor]) -> list[_Place]:
    """Where results of the trace were; what was there before is there again."""
    found = [p for p, tensor in _tensors(function) if tensor.backend == "trace"]
    for place in reversed(found):
        old = before.get((id(place.holder), place.name))
        if old is None and isinstance(place.holder, (dict, list)):
            del place.holder[place.name]
        else:
            place.put(old)
    return found


def _tensors(function: Any) -> Iterator[tuple[_Place, Tensor]]:
    """Tensors that `function` can reach, with their places."""
    seen: set[int] = set()
    waiting: list[tuple[Any, str, int]] = []
    for place, value in _roots(function):
        if isinstance(value, Tensor):
            yield place, value
        else:
            waiting.append((value, place.said, 0))
    while waiting and len(seen) < _MOST:
        thing, said, depth = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        for place, value in _parts(thing, said):
            if isinstance(value, Tensor):
                yield place, value
            elif depth < _DEPTH and not isinstance(value, (str, int, float, ModuleType, type)):
                waiting.append((value, place.said, depth + 1))


def _roots(function: Any) -> Iterator[tuple[_Place, Any]]:
    if isinstance(function, partial):
        for part in (*function.args, *function.keywords.values()):
            yield _Place([part], 0, "an argument of partial"), part
        yield from _roots(function.func)
    elif isinstance(function, WeakMethod):
        yield _Place([], 0, "self"), function.instance()
        yield from _roots(function.function)
    elif isinstance(function, MethodType):
        yield _Place([], 0, "self"), function.__self__
        yield from _roots(function.__func__)
    elif isinstance(function, FunctionType):
        code = function.__code__
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                yield _Place(cell, None, repr(name)), cell.cell_contents
            except ValueError:  # not bound yet
                continue
        for name in code.co_names:
            if name in function.__globals__:
                yield _Place(function.__globals__, name, repr(name)), function.__globals__[name]


def _parts(thing: Any, said: str) -> Iterator[tuple[_Place, Any]]:
    if isinstance(thing, dict):
        for name, value in list(thing.items()):
            yield _Place(thing, name, f"{said}[{name!r}]"), value
    elif isinstance(thing, list):
        for number, value in enumerate(thing[:_MOST]):
            yield _Place(thing, number, f"{said}[{number}]"), value
    elif isinstance(thing, tuple):
        for number, value in enumerate(thing):
            if not isinstance(value, Tensor):  # it cannot be replaced there
                yield _Place(thing, number, f"{said}[{number}]"), value
    else:
        attributes = getattr(thing, "__dict__", None)
        if isinstance(attributes, dict) and not callable(getattr(thing, "__wrapped__", None)):
            for name, value in list(attributes.items()):
                yield _Place(attributes, name, f"{said.strip(chr(39))}.{name}"), value
