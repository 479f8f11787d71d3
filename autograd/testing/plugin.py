"""The pytest plugin: the fixture `gradcheck`, the marker `gradients`, and two
options. Does nothing unless used.

    def test_my_function(gradcheck):
        gradcheck(my_function, (3, 4), (4,))

    @pytest.mark.gradients(order=2, examples=200)
    def test_more_of_it(gradcheck):
        gradcheck(my_function, (3, 4), (4,), interval=(0.1, 2.0))

pytest loads this file at each start, so Hypothesis and the strategies are imported by the fixture, not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .gradcheck import Gradcheck


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradloom", "property tests of gradients")
    group.addoption(
        "--gradient-examples",
        type=int,
        metavar="N",
        help="inputs that each gradcheck draws, whatever marker and profile say",
    )
    group.addoption(
        "--gradient-profile",
        choices=("quick", "default", "thorough"),
        help="how much gradcheck draws where a test does not say: 10, 50 or 1000 inputs",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "gradients(examples=None, profile='default', **settings): what gradcheck does in this test; "
        "settings are those of autograd.testing.check_grad, such as order=2",
    )


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> Gradcheck:
    """Checks the gradients of any function at drawn inputs: `gradcheck(function, shape, ...)`."""
    from .gradcheck import Gradcheck

    settings: dict[str, Any] = {}
    # the nearest marker last, so that it wins over those of class and module
    for marker in reversed(list(request.node.iter_markers("gradients"))):
        if marker.args:
            raise TypeError(f"the marker gradients takes keywords alone, got {marker.args}")
        settings.update(marker.kwargs)
    examples = request.config.getoption("--gradient-examples")
    profile = request.config.getoption("--gradient-profile")
    own_examples = settings.pop("examples", None)
    own_profile = settings.pop("profile", None)
    return Gradcheck(
        examples if examples is not None else own_examples,
        own_profile or profile or "default",
        settings,
    )
