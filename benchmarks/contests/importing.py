"""What starting costs: a fresh interpreter imports a library, and goes on to its first gradient or model.

Times are taken inside the fresh interpreter; its own start is in none of them. One start is not counted: the first reads
from disk, and writes the compiled files that Python keeps.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Any, NamedTuple

from ..contest import Contest, Report
from ..intervals import ratio_interval
from ..machine import own_version
from ..networks.with_tinygrad import must_run
from ..work import Figure, Skip, Work

IMPORT, GRADIENT, MODEL = TASKS = ("import", "import and gradient", "import and a model")
GOAL = 1.35
"""What importing all of Gradloom may take, as a multiple of importing NumPy."""
VALUES = "numpy.arange(4, dtype='float32')"


class Code(NamedTuple):
    """What is imported; a gradient of VALUES as `found`, and a layer of eight units, where there are such."""

    begin: str
    gradient: str = ""
    model: str = ""


CODE = {
    "numpy": Code("import numpy", "found = 2 * VALUES"),
    "gradloom": Code(
        "import autograd, nn, backends",
        "x = autograd.tensor(VALUES, requires_grad=True); (x * x).sum().backward(); found = x.grad.numpy()",
        "nn.Sequential([nn.Dense(8)])",
    ),
    "torch": Code(
        "import torch",
        "x = torch.tensor(VALUES, requires_grad=True); (x * x).sum().backward(); found = x.grad.numpy()",
        "torch.nn.Sequential(torch.nn.Linear(4, 8))",
    ),
    "jax": Code("import jax", "found = numpy.asarray(jax.grad(lambda x: (x * x).sum())(VALUES))"),
    "tensorflow": Code(
        "import tensorflow",
        "x = tensorflow.Variable(VALUES)\n"
        "with tensorflow.GradientTape() as tape: y = tensorflow.reduce_sum(x * x)\n"
        "found = tape.gradient(y, x).numpy()",
    ),
    "keras-jax": Code(
        "import os; os.environ['KERAS_BACKEND'] = 'jax'; import keras",
        "import jax; found = numpy.asarray(jax.grad(lambda x: keras.ops.sum(x * x))(VALUES))",
        "keras.Sequential([keras.layers.Dense(8)])",
    ),
    "keras-tensorflow": Code(
        "import os; os.environ['KERAS_BACKEND'] = 'tensorflow'; import keras",
        "import tensorflow; x = tensorflow.Variable(VALUES)\n"
        "with tensorflow.GradientTape() as tape: y = keras.ops.sum(x * x)\n"
        "found = tape.gradient(y, x).numpy()",
        "keras.Sequential([keras.layers.Dense(8)])",
    ),
    "scikit-learn": Code("from sklearn.neural_network import MLPClassifier", "", "MLPClassifier((8,))"),
    "mygrad": Code("import mygrad", "x = mygrad.tensor(VALUES); (x * x).sum().backward(); found = x.grad"),
    "tinygrad": Code(
        "import tinygrad",
        "x = tinygrad.Tensor(VALUES); (x * x).sum().backward(); found = x.grad.numpy()",
        "from tinygrad import nn; nn.Linear(4, 8)",
    ),
}
DISTRIBUTIONS = {"keras-jax": ("keras", "jax"), "keras-tensorflow": ("keras", "tensorflow_cpu"), "tensorflow": ("tensorflow_cpu",)}  # fmt: skip
"""What a contestant consists of, where that is not its name; the first one's version is told."""


def script(name: str, task: str) -> str:
    """What the fresh interpreter runs; its last line of output is the seconds."""
    code = CODE[name]
    lines = ["import time", "start = time.perf_counter()", code.begin]
    if task == GRADIENT:
        lines += ["import numpy", code.gradient.replace("VALUES", VALUES)]
    if task == MODEL:
        lines.append(code.model)
    lines.append("took = time.perf_counter() - start")
    if task == GRADIENT:
        lines.append(f"assert (found == 2 * {VALUES}).all(), found")
    return "\n".join([*lines, "print(took)"])


class Importing(Contest):
    name = "import"
    title = "Importing, the first gradient, the first model"
    unit = "s"
    contestants = tuple(CODE)

    def tasks(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
        return {task: {"title": task} for task in TASKS}

    def enter(self, name: str, settings: dict[str, Any]) -> Work:
        version = self._version(name)

        def figure(task: str) -> Figure:
            if task == GRADIENT and not CODE[name].gradient:
                raise Skip("it gives no gradients")
            if task == MODEL and not CODE[name].model:
                raise Skip("it has no layers")
            if task == GRADIENT and name == "tinygrad":
                must_run()
            times = [self._once(name, task) for _ in range(1 if settings["smoke"] else 2)]
            return Figure(times[-1])

        return Work(version, figure)

    def beside(self, name: str, task: str, value: float, report: Report) -> str:
        """Gradloom's time as a multiple of importing NumPy, without which neither does anything."""
        own, least = report.figures[name][task], report.figures.get("numpy", {}).get(IMPORT)
        if name != self.first or not least:
            return ""
        ratio, low, high = ratio_interval(own, least)
        text = f"{ratio:.2f} [{low:.2f}, {high:.2f}] x import numpy"
        if task != IMPORT:
            return text
        return f"{text}, goal {GOAL}: {'kept' if high <= GOAL else 'MISSED' if low > GOAL else 'no telling'}"

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
