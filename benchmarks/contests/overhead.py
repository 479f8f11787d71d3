"""What one eager op costs beside its arithmetic: vectors of 32 floats, so that nearly all of the time is overhead.

Tasks: an add that builds graph; multiply, add, sum and their backward. A contestant is a function that returns the tasks
as callables; each returns the gradient or value that is checked before timing.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from ..contest import Contest
from ..machine import own_version
from ..measure import seconds_per_call
from ..work import Figure, Work

SIZE = 32
TASKS = ("add, building graph", "mul-add-sum and backward")
Tasks = tuple[Callable[[], Any], Callable[[], Any]]
REPEATS = 5


def _data() -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    return tuple(generator.standard_normal(SIZE).astype(np.float32) for _ in range(2))  # type: ignore[return-value]


def _with_tensors(a: Any, b: Any) -> Tasks:
    """For libraries whose tensors gather their gradients in `grad`."""

    def backward() -> Any:
        a.grad = b.grad = None
        (a * b + a).sum().backward()
        return a.grad

    return lambda: a + b, backward


def gradloom() -> Tasks:
    import autograd as ag

    return _with_tensors(*(ag.tensor(values, requires_grad=True) for values in _data()))


def torch() -> Tasks:
    module = importlib.import_module("torch")
    return _with_tensors(*(module.tensor(values, requires_grad=True) for values in _data()))


def mygrad() -> Tasks:
    module = importlib.import_module("mygrad")
    a, b = (module.tensor(values) for values in _data())

    def backward() -> Any:
        a.null_grad()
        b.null_grad()
        (a * b + a).sum().backward()
        return a.grad

    return lambda: a + b, backward


def jax() -> Tasks:
    """`vjp` of an add is what builds a graph; the gradient is not jitted, as the others are not."""
    module = importlib.import_module("jax")
    a, b = (module.numpy.asarray(values) for values in _data())
    gradient = module.grad(lambda a, b: (a * b + a).sum(), argnums=(0, 1))

    def backward() -> Any:
        return gradient(a, b)[0].block_until_ready()

    return lambda: module.vjp(lambda a, b: a + b, a, b)[0].block_until_ready(), backward


def tinygrad() -> Tasks:
    """Lazy: the graph is built, and then computed, or there would be nothing to compare."""
    from ..networks.with_tinygrad import must_run

    tensor = must_run().Tensor
    a, b = (tensor(values).realize() for values in _data())

    def backward() -> Any:
        a.grad = b.grad = None
        (a * b + a).sum().backward()
        return a.grad.realize()

    return lambda: (a + b).realize(), backward


CONTESTANTS: dict[str, Callable[[], Tasks]] = {
    "gradloom": gradloom, "torch": torch, "mygrad": mygrad, "jax": jax, "tinygrad": tinygrad,
}  # fmt: skip


def as_array(result: Any) -> Any:
    """A tensor of any library as a NumPy array."""
    result = result.detach() if hasattr(result, "detach") else result
    return result.numpy() if hasattr(result, "numpy") else np.asarray(result)


class Overhead(Contest):
    name = "overhead"
    title = "What one eager op costs"
    unit = "us"
    seconds = 0.1
    contestants = tuple(CONTESTANTS)

    def tasks(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
        return {task: {"title": task} for task in TASKS}

    def enter(self, name: str, settings: dict[str, Any]) -> Work:
        a, b = (values.astype(np.float64) for values in _data())
        expected = dict(zip(TASKS, (a + b, b + 1), strict=True))
        calls = dict(zip(TASKS, CONTESTANTS[name](), strict=True))

        def figure(task: str) -> Figure:
            np.testing.assert_allclose(as_array(calls[task]()), expected[task], rtol=1e-5)
            # a pause of the machine is many times what is measured here: the least of a few
            times = [seconds_per_call(calls[task], float(settings["seconds"])) for _ in range(REPEATS)]
            return Figure(min(times) * 1e6)

        return Work(own_version() if name == "gradloom" else version(name), figure)


CONTEST = Overhead()
