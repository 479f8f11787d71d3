"""What one eager op costs beside its arithmetic: vectors of 32 floats, so that nearly all of the time is overhead.

Tasks: an add that builds graph; multiply, add, sum and their backward. A contestant is a function that returns its
version and the tasks as callables; each returns the gradient or value that is checked before timing.
"""

from __future__ import annotations

import importlib
import json
import sys
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

SIZE = 32
Task = Callable[[], Any]


def _data() -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    return tuple(generator.standard_normal(SIZE).astype(np.float32) for _ in range(2))  # type: ignore[return-value]


def gradloom() -> tuple[str, dict[str, Task]]:
    import autograd as ag

    a, b = (ag.tensor(values, requires_grad=True) for values in _data())

    def backward() -> Any:
        a.grad = b.grad = None
        (a * b + a).sum().backward()
        return a.grad

    return "0.1.0", {"add, building graph": lambda: a + b, "mul-add-sum and backward": backward}


def torch() -> tuple[str, dict[str, Task]]:
    module = importlib.import_module("torch")
    a, b = (module.tensor(values, requires_grad=True) for values in _data())

    def backward() -> Any:
        a.grad = b.grad = None
        (a * b + a).sum().backward()
        return a.grad

    return module.__version__, {
        "add, building graph": lambda: a + b,
        "mul-add-sum and backward": backward,
    }


CONTESTANTS: dict[str, Callable[[], tuple[str, dict[str, Task]]]] = {
    "gradloom": gradloom,
    "torch": torch,
}


def check(tasks: dict[str, Task]) -> None:
    """Compare each task with float64 NumPy."""
    a, b = (values.astype(np.float64) for values in _data())
    expected = dict(zip(tasks, (a + b, b + 1), strict=True))
    for name, task in tasks.items():
        result = task()
        values = result.detach().numpy()
        np.testing.assert_allclose(values, expected[name], rtol=1e-5, err_msg=name)


def main(name: str, calls: int) -> None:
    """Check, warm up, time, print one JSON line."""
    try:
        version, tasks = CONTESTANTS[name]()
    except ImportError as error:
        print(json.dumps({"skipped": str(error)}))
        return
    check(tasks)
    figures = {}
    for task_name, task in tasks.items():
        timeit.timeit(task, number=max(1, calls // 10))
        figures[task_name] = (
            min(timeit.repeat(task, number=max(1, calls // 4), repeat=4)) / max(1, calls // 4) * 1e6
        )
    print(json.dumps({"version": version, "figures": figures}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
