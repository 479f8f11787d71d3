"""Lines that mypy and pyright both refuse, each of them, and that fail when they are run; `tests/test_typing.py`
counts both, line by line, without the marks.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import numpy as np

import autograd as ag
import backends
import gradloom as gl
import nn

x = ag.tensor([[1.0, 2.0, 3.0]])
rows, targets = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")
model = nn.Sequential([nn.Input((3,)), nn.Dense(1)])
model.compile("sgd", "mse")


def energy(v: ag.Tensor) -> ag.Tensor:
    return (v * v).sum()


@ag.jit
def step(v: ag.Tensor, rate: float = 0.1) -> ag.Tensor:
    return v * rate


def mistakes() -> None:
    """One a line."""
    ag.tensro([1.0])  # type: ignore[attr-defined]
    ag.exp()  # type: ignore[call-arg]
    ag.exp("text")  # type: ignore[arg-type]
    ag.add(x, {"a": 1.0})  # type: ignore[arg-type]
    ag.sum(x, axes=0)  # type: ignore[call-arg]
    ag.softmax(x, axis="last")  # type: ignore[arg-type]
    ag.concat([x, x], axis=1.5)  # type: ignore[arg-type]
    ag.reshape(x, shape="wide")  # type: ignore[arg-type]
    ag.one_hot([0, 1])  # type: ignore[call-arg]
    ag.einsum(x, "ij->i")  # type: ignore[arg-type]
    ag.zeros((2, 3), "float32", gradient=True)  # type: ignore[call-arg]
    ag.dropout(x, rate="half")  # type: ignore[arg-type]
    ag.relu(x).upper()  # type: ignore[attr-defined]
    ag.grad(energy)()  # type: ignore[call-arg]
    ag.value_and_grad(energy)(x).backward()  # type: ignore[attr-defined]
    ag.checkpoint(energy)(x, x)  # type: ignore[call-arg]
    step(x, speed=0.1)  # type: ignore[call-arg]
    step(x, "fast")  # type: ignore[arg-type]
    backends.use()  # type: ignore[call-arg]
    nn.Dense("many")  # type: ignore[arg-type]
    nn.Dense(4)(rows).upper()  # type: ignore[attr-defined]
    model.fit(rows, targets, epoch=2)  # type: ignore[call-arg]
    model.fit(rows, targets, verbose=0).losses  # type: ignore[attr-defined]
    model.predict(rows, verbose=0).backward()  # type: ignore[attr-defined]
    model.evaluate(rows, targets, verbose=0, return_dict=True).loss  # type: ignore[attr-defined]
    gl.nn.Densely(8)  # type: ignore[attr-defined]
    gl.autograd.exp()  # type: ignore[call-arg]
