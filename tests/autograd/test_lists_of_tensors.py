"""Lists of tensors are joined without gradients: refused wherever gradients would get lost by that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import array_api as xp

WAYS: dict[str, Callable[[Any, Any], Any]] = {
    "tensor": lambda a, b: ag.tensor([a, b]),
    "tensor of tuples": lambda a, b: ag.tensor(((a, 1.0), (b, 2.0))),
    "tensor of another dtype": lambda a, b: ag.tensor([1.0, b], dtype="float64"),
    "tensor of rows, one of them a list": lambda a, b: ag.tensor([ag.zeros(2), [1.0, b]]),
    "tensor of objects": lambda a, b: ag.tensor(np.array([a, b], dtype=object)),
    "asarray": lambda a, b: xp.asarray([a, b]),
    "add": lambda a, b: ag.add([a, b], 1.0),
    "operator": lambda a, b: a * [1.0, b],
    "sum": lambda a, b: ag.sum([a, b]),
    "softmax": lambda a, b: ag.softmax([a, b]),
    "concat": lambda a, b: ag.concat([[a], [b]], axis=0),
    "where": lambda a, b: ag.where(True, [a, b], 0.0),
    "getitem": lambda a, b: ag.getitem([a, b], 0),
}


@pytest.mark.parametrize("name", WAYS)
def test_gradients_are_not_lost_in_lists(name: str) -> None:
    way = WAYS[name]
    a, b = ag.tensor(2.0, requires_grad=True), ag.tensor(3.0, requires_grad=True)
    with pytest.raises(ag.GradientError, match=r"stack\(\).*detach\(\)"):
        way(a, b * 2.0)
    with pytest.raises(ag.GradientError, match="stack"):
        ag.grad(lambda v: ag.sum(way(v[0], v[1] * 2.0)))(ag.tensor([1.0, 2.0]))
    # what has no gradient may be in lists
    with ag.no_grad():
        inside = way(a, b * 2.0)
    assert np.array_equal(way(a.detach(), (b * 2.0).detach()).numpy(), inside.numpy())


def test_stack_is_the_way_that_the_error_names() -> None:
    def function(v: ag.Tensor) -> ag.Tensor:
        return ag.sum(ag.stack([v[0], v[1] * 2.0]))

    assert ag.grad(function)(ag.tensor([1.0, 2.0])).tolist() == [1.0, 2.0]
