"""The pytest plugin: property tests of any function's gradients, by a fixture and a marker.

    @pytest.mark.gradients((3, 4), (4,), domain=(-2, 2), order=2)
    def test_layer(gradcheck):
        gradcheck(lambda x, bias: ag.tanh(x + bias))

    def test_at_a_point(gradcheck):
        gradcheck(ag.tanh, [0.5, -1.0])

The marker says which inputs `gradcheck` draws; inputs given to `gradcheck` itself go before it. Nothing happens in
tests that use neither: the plugin is registered by being installed, and imports Hypothesis at the first draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from .check import check_grad
from .report import GradientMismatch, Undecided


class Profile(NamedTuple):
    """How many inputs are tried, and to which order of derivatives unless a test says so itself."""

    examples: int
    order: int


PROFILES = {"quick": Profile(5, 1), "default": Profile(25, 1), "thorough": Profile(200, 2)}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradients", "property tests of gradients (gradloom)")
    group.addoption(
        "--gradient-examples", type=int, metavar="N", help="inputs tried by each use of gradcheck"
    )
    group.addoption(
        "--gradient-profile",
        choices=sorted(PROFILES),
        default="default",
        help="quick: 5 inputs; default: 25; thorough: 200, and second derivatives",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "gradients(*shapes, domain=(low, high), order=1): what the fixture gradcheck draws: arrays of these shapes",
    )


class GradCheck:
    """The fixture `gradcheck`: call it with the function under test.

    Args:
        profile: the number of examples and the default order.
        inputs: shapes, arrays or strategies for calls that name none.
        domain: where drawn values lie.
        order: of derivatives; None for that of the profile.
    """

    def __init__(
        self,
        profile: Profile,
        inputs: Sequence[Any] = (),
        domain: tuple[float, float] = (-2.0, 2.0),
        order: int | None = None,
    ) -> None:
        self.profile = profile
        self.inputs = tuple(inputs)
        self.domain = domain
        self.order = order

    def __call__(
        self,
        f: Any,
        *inputs: Any,
        domain: tuple[float, float] | None = None,
        order: int | None = None,
        examples: int | None = None,
        **settings: Any,
    ) -> None:
        """Fail the test unless the gradients of `f` are right at all inputs that are tried.

        Args:
            f: a function of tensors, or a subject from `autograd.testing.adapters`.
            inputs: for each argument an array (a list, a number), a tuple of ints as the shape of arrays to draw, or
                a Hypothesis strategy. Default: those of the marker `gradients`.
            domain: interval of drawn values.
            order: 2 checks second derivatives too.
            examples: how many inputs are drawn.
            settings: further arguments of `check_grad`.
        """
        wanted = inputs or self.inputs
        if not wanted:
            pytest.fail(
                "gradcheck: no inputs; give arrays or shapes to gradcheck, or mark the test with "
                "@pytest.mark.gradients((3, 4))",
                pytrace=False,
            )
        settings["order"] = order or self.order or self.profile.order
        low, high = domain or self.domain

        def check(*arrays: Any) -> None:
            check_grad(f, *arrays, **settings)

        try:
            if any(map(_is_drawn, wanted)):
                _draw_and_check(check, wanted, (low, high), examples or self.profile.examples)
            else:
                check(*wanted)
        except (GradientMismatch, Undecided) as error:
            pytest.fail(f"{type(error).__name__}: {error}", pytrace=False)


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(type(n) is int for n in value)


def _is_drawn(value: Any) -> bool:
    return _is_shape(value) or hasattr(value, "example")


def _draw_and_check(
    check: Callable[..., None], wanted: Sequence[Any], domain: tuple[float, float], examples: int
) -> None:
    """Draw inputs with Hypothesis, the same ones at every run; a mismatch arrives at its smallest."""
    import hypothesis
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as arrays

    low, high = domain
    # simple numbers first: they shrink well, and meet the kinks
    grid = st.integers(0, 32).map(lambda i: low + i * (high - low) / 32)
    elements = grid | st.floats(low, high, allow_nan=False, allow_subnormal=False)
    drawn = [
        arrays.arrays(np.float64, value, elements=elements) if _is_shape(value)
        else value if hasattr(value, "example")
        else st.just(np.asarray(value))
        for value in wanted
    ]  # fmt: skip

    @hypothesis.settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(st.tuples(*drawn))
    def property_test(values: tuple[Any, ...]) -> None:
        check(*values)

    property_test()


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> Iterator[GradCheck]:
    """Checks the gradients of a function; see `autograd.testing.plugin`."""
    profile = PROFILES[request.config.getoption("--gradient-profile")]
    examples = request.config.getoption("--gradient-examples")
    if examples is not None:
        profile = profile._replace(examples=examples)
    marker = request.node.get_closest_marker("gradients")
    if marker is None:
        yield GradCheck(profile)
    else:
        yield GradCheck(profile, marker.args, **marker.kwargs)
