"""Property tests of gradients: a function, a description of its inputs, and many drawn ones that are checked.

What the pytest fixture `gradcheck` gives; it can be used without pytest too. Needs Hypothesis, so it
is imported only when a test asks for it. Inputs where nothing can be judged are drawn anew, and a
function that has no others fails.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from ..op import Op
from .check import check_grad
from .draws import INTERVAL
from .report import Undecided
from .strategies import arrays, op_arguments

PROFILES = {"quick": 10, "default": 50, "thorough": 1000}
"""Examples of one call, by the name of the profile."""


class Gradcheck(NamedTuple):
    """Checks the gradients of a function at many inputs.

    Attributes:
        examples: how many; None leaves it to the profile.
        profile: "quick" (10 examples), "default" (50) or "thorough" (1000, and new ones at each run).
        settings: what `check_grad` is called with where a call says nothing else: order, dtype, seed.
    """

    examples: int | None = None
    profile: str = "default"
    settings: dict[str, Any] = {}  # never written to

    def __call__(
        self,
        function: Any,
        *inputs: Any,
        interval: tuple[float, float] = INTERVAL,
        special: tuple[str, ...] = (),
        **settings_of_check: Any,
    ) -> None:
        """Check `function` at drawn inputs.

        Args:
            function: of tensors, or a `Subject` of any framework.
            inputs: for each one a shape, a strategy of arrays, or a fixed array. None at all for an op, whose
                declaration says what it takes.
            interval: of the numbers in inputs given as shapes.
            special: kinds of special values among them, such as "zeros", where many functions have kinks.
            settings_of_check: those of `check_grad`.

        Raises:
            GradientMismatch: for the simplest inputs that show it.
            Undecided: when differences say nothing at any of the inputs.
            TypeError: for inputs of another kind.
            ValueError: for an unknown profile.

        >>> import autograd as ag
        >>> gradcheck = Gradcheck(profile="quick")
        >>> gradcheck(lambda x, w: (x @ w).sum(), (2, 3), (3,))
        >>> gradcheck(ag.log)
        """
        chosen = {**self.settings, **settings_of_check}
        drawn = _inputs(function, inputs, interval, special)
        undecided: list[Undecided] = []

        @settings(
            max_examples=self.number(),
            deadline=None,
            database=None,
            derandomize=self.profile != "thorough",
            suppress_health_check=[
                HealthCheck.too_slow,
                HealthCheck.nested_given,
                HealthCheck.filter_too_much,
            ],
        )
        @given(drawn)
        def gradients_are_right(call: tuple[Any, tuple[Any, ...]]) -> None:
            subject, values = call
            try:
                check_grad(subject, *values, **chosen)
            except Undecided as reason:
                undecided.append(reason)
                reject()

        try:
            gradients_are_right()
        except Unsatisfiable:
            raise Undecided(
                f"gradcheck: none of {len(undecided)} drawn inputs could be judged. The last one: "
                f"{undecided[-1]}"
            ) from None

    def number(self) -> int:
        """How many examples a call checks."""
        if self.profile not in PROFILES:
            raise ValueError(f"unknown profile {self.profile!r}; known are {', '.join(sorted(PROFILES))}")
        return PROFILES[self.profile] if self.examples is None else self.examples


def _inputs(
    function: Any, inputs: tuple[Any, ...], interval: tuple[float, float], special: tuple[str, ...]
) -> st.SearchStrategy[Any]:
    """(what to check, its inputs)."""
    op = getattr(function, "op", None)
    if not inputs and isinstance(op, Op):
        return op_arguments(op).map(lambda call: (call.subject(), call.inputs))
    if not inputs:
        raise TypeError(
            "gradcheck: no inputs; give a shape, a strategy of arrays or an array for each argument of "
            "the function"
        )
    parts = [_input(value, interval, special) for value in inputs]
    return st.tuples(*parts).map(lambda values: (function, values))


def _input(value: Any, interval: tuple[float, float], special: tuple[str, ...]) -> Any:
    if isinstance(value, st.SearchStrategy):
        return value
    if isinstance(value, tuple) and all(isinstance(n, int) for n in value):
        return arrays(value, interval=interval, special=special)
    if isinstance(value, np.ndarray):
        return st.just(value)
    raise TypeError(
        "gradcheck: an input is a shape (a tuple of ints), a strategy or a NumPy array, got "
        f"{type(value).__name__} {value!r}"
    )
