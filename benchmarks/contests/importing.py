"""What starting costs: a fresh interpreter imports a library, and goes on to its first gradient.

Times are taken inside the fresh interpreter; its own start is in none of them. One start is not counted: the first reads
from disk, and writes the compiled files that Python keeps.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Any

from ..contest import Contest
from ..machine import own_version
from ..networks.with_tinygrad import must_run
from ..work import Figure, Skip, Work

TASKS = ("import", "import and gradient")
VALUES = "numpy.arange(4, dtype='float32')"
CODE = {
    "numpy": ("import numpy", "found = 2 * VALUES"),
    "gradloom": ("import autograd, nn", "x = autograd.tensor(VALUES, requires_grad=True); (x * x).sum().backward(); found = x.grad.numpy()"),
    "torch": ("import torch", "x = torch.tensor(VALUES, requires_grad=True); (x * x).sum().backward(); found = x.grad.numpy()"),
    "jax": ("import jax", "found = numpy.asarray(jax.grad(lambda x: (x * x).sum())(VALUES))"),
    "tensorflow": ("import tensorflow", "x = tensorflow.Variable(VALUES)\nwith tensorflow.GradientTape() as tape: y = tensorflow.reduce_sum(x * x)\nfound = tape.gradient(y, x).numpy()"),
    "keras-jax": ("import os; os.environ['KERAS_BACKEND'] = 'jax'; import keras", "import jax; found = numpy.asarray(jax.grad(lambda x: keras.ops.sum(x * x))(VALUES))"),
    "keras-tensorflow": ("import os; os.environ['KERAS_BACKEND'] = 'tensorflow'; import keras", "import tensorflow; x = tensorflow.Variable(VALUES)\nwith tensorflow.GradientTape() as tape: y = keras.ops.sum(x * x)\nfound = tape.gradient(y, x).numpy()"),
    "scikit-learn": ("from sklearn.neural_network import MLPClassifier", ""),
    "mygrad": ("import mygrad", "x = mygrad.tensor(VALUES); (x * x).sum().backward(); found = x.grad"),
    "tinygrad": ("import tinygrad", "x = tinygrad.Tensor(VALUES); (x * x).sum().backward(); found = x.grad.numpy()"),
}  # fmt: skip
DISTRIBUTIONS = {"keras-jax": ("keras", "jax"), "keras-tensorflow": ("keras", "tensorflow_cpu"), "tensorflow": ("tensorflow_cpu",)}  # fmt: skip
"""What a contestant consists of, where that is not its name; the first one's version is told."""


def script(name: str, task: str) -> str:
    """What the fresh interpreter runs; its last line of output is the seconds."""
    begin, gradient = CODE[name]
    lines = ["import time", "start = time.perf_counter()", begin]
    if task != "import":
        lines += ["import numpy", gradient.replace("VALUES", VALUES)]
    lines.append("took = time.perf_counter() - start")
    if task != "import":
        lines += [f"assert (found == 2 * {VALUES}).all(), found"]
    return "\n".join([*lines, "print(took)"])


class Importing(Contest):
    name = "import"
    title = "Importing, and the first gradient"
    unit = "s"
    contestants = tuple(CODE)

    def tasks(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
        return {task: {"title": task} for task in TASKS}

    def enter(self, name: str, settings: dict[str, Any]) -> Work:
        version = self._version(name)

        def figure(task: str) -> Figure:
            if task != "import" and not CODE[name][1]:
                raise Skip("it gives no gradients")
            if task != "import" and name == "tinygrad":
                must_run()
            times = [self._once(name, task) for _ in range(1 if settings["smoke"] else 2)]
            return Figure(times[-1])

        return Work(version, figure)

    @staticmethod
    def _version(name: str) -> str:
        import importlib.metadata as metadata

        if name == "gradloom":
            return own_version()
        parts = DISTRIBUTIONS.get(name, (name,))
        try:
            versions = [metadata.version(part) for part in parts]
        except metadata.PackageNotFoundError as error:
            raise Skip(f"{error.name} is not installed; `python -m benchmarks setup` does it") from error  # fmt: skip
        return versions[0]

    @staticmethod
    def _once(name: str, task: str) -> float:
        done = subprocess.run(
            [sys.executable, "-c", script(name, task)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise Skip(last) if "ModuleNotFoundError" in last else RuntimeError(last)
        return float(done.stdout.split()[-1])


CONTEST = Importing()
