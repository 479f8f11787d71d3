"""Many cases in one test: collecting a test costs a millisecond in each worker, more than many a case takes to run."""

from __future__ import annotations

import functools
import inspect
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import pytest


def by(values: Iterable[Any], key: Callable[[Any], Hashable]) -> dict[str, list[Any]]:
    """The values in groups of equal `key`, in the order in which they first occur."""
    groups = defaultdict(list)
    for value in values:
        groups[str(key(value))].append(value)
    return dict(groups)


def grouped(name: str, groups: Mapping[str, Sequence[Any]]) -> Callable[[Callable[..., None]], Any]:
    """Make of a test of one case a test for each group, which goes through its cases in order.

    Args:
        name: the parameter of the test that takes a case.
        groups: the cases by the id of their test. A failure names the case; those behind it do not run.
    """

    def decorate(test: Callable[..., None]) -> Any:
        signature = inspect.signature(test)
        others = [p for n, p in signature.parameters.items() if n != name]
        group = inspect.Parameter("group", inspect.Parameter.POSITIONAL_OR_KEYWORD)

        @functools.wraps(test)
        def whole(group: Sequence[Any], **rest: Any) -> None:
            for number, case in enumerate(group):
                try:
                    test(**{name: case}, **rest)
                except Exception as error:
                    error.add_note(f"{name} {number}: {case}")
                    raise

        whole.__signature__ = signature.replace(parameters=[group, *others])  # type: ignore[attr-defined]
        return pytest.mark.parametrize("group", groups.values(), ids=list(groups))(whole)

    return decorate
