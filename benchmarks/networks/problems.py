"""What is computed: networks as lists of layers, their initial weights and their data, the same for every contestant.

Weights and data come from NumPy with a fixed seed, in Keras's layout: kernels are (inputs, outputs), images (rows,
height, width, channels). This file knows no framework.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
LEARNING_RATE, MOMENTUM = 0.01, 0.9
ADAM = (1e-3, 0.9, 0.999, 1e-7)
"""Learning rate, decay of both moments, epsilon (beside the root), as in Keras."""
NORM_EPSILON, NORM_MOMENTUM = 1e-3, 0.99


class Dense(NamedTuple):
    """A product, a bias, and ReLU where it says so."""

    inputs: int
    outputs: int
    relu: bool = True
    bias: bool = True


class Conv(NamedTuple):
    """3 x 3 over the whole image, zeros around it, and ReLU."""

    inputs: int
    outputs: int


class Pool(NamedTuple):
    """The largest of each 2 x 2 pixels."""


class Flatten(NamedTuple):
    """An image (height, width, channels) as one row."""

    height: int
    width: int
    channels: int


class Norm(NamedTuple):
    """Batch normalisation, then ReLU."""

    size: int


class Dropout(NamedTuple):
    """Zero or scaled up; the rate is that of the problem."""


class Embed(NamedTuple):
    """The first columns of a row are numbers of rows of one table; their vectors stand in their place."""

    columns: int
    values: int
    size: int


Layer = Dense | Conv | Pool | Flatten | Norm | Dropout | Embed


class Problem(NamedTuple):
    """A network and the batches it sees. `group` 1 is the multilayer perceptrons, 2 the rest.

    `optimizer` is "sgd" (with momentum) or "adam".
    """

    name: str
    group: int
    batch: int
    batches: int
    inputs: tuple[int, ...]
    layers: tuple[Layer, ...]
    dropout: float
    shape: str
    optimizer: str = "sgd"

    @property
    def binary(self) -> bool:
        """One output and binary cross-entropy; else a softmax over classes."""
        return self.outputs == 1

    @property
    def outputs(self) -> int:
        last = self.layers[-1]
        assert isinstance(last, Dense)
        return last.outputs

    @property
    def dense_only(self) -> bool:
        return all(isinstance(layer, Dense | Dropout) for layer in self.layers)

    @property
    def kernels(self) -> list[Dense]:
        return [layer for layer in self.layers if isinstance(layer, Dense)]

    def title(self) -> str:
        flop = flop_per_step(self)
        work = "" if flop is None else f", {flop / 1e6:.4g} MFLOP in products"
        dropout = f", dropout {self.dropout}" if self.dropout else ""
        return f"{self.name}: batch {self.batch}, {self.shape}{dropout}{work}"


def perceptron(
    name: str, batch: int, batches: int, widths: Sequence[int], dropout: float = 0.2,
    group: int = 1, shape: str = "", optimizer: str = "sgd",
) -> Problem:  # fmt: skip
    """Dense layers with ReLU, dropout after each hidden one."""
    layers: list[Layer] = []
    for inputs, outputs in pairwise(widths[:-1]):
        layers += [Dense(inputs, outputs), *([Dropout()] if dropout else [])]
    layers.append(Dense(widths[-2], widths[-1], relu=False))
    shape = shape or "-".join(map(str, widths))
    return Problem(name, group, batch, batches, (widths[0],), tuple(layers), dropout, shape, optimizer)


_CNN = (Conv(1, 16), Conv(16, 32), Pool(), Flatten(4, 4, 32), Dense(512, 64), Dense(64, 10, relu=False))  # fmt: skip
_NORM = (
    Dense(784, 512, relu=False, bias=False), Norm(512),
    Dense(512, 256, relu=False, bias=False), Norm(256), Dense(256, 10, relu=False),
)  # fmt: skip
_TABLE = (Embed(8, 1000, 16), Dense(144, 256), Dense(256, 128), Dense(128, 1, relu=False))

PROBLEMS = {
    problem.name: problem
    for problem in (
        perceptron("tiny", 32, 1024, (8, 12, 8, 2), dropout=0.0),
        perceptron("small", 32, 256, (64, 128, 64, 10)),
        perceptron("mnist", 128, 32, (784, 512, 256, 10)),
        perceptron("wide", 256, 8, (1024,) * 4 + (10,), shape="1024x4-10"),
        perceptron("huge", 1024, 8, (2048,) * 4 + (10,), shape="2048x4-10"),
        Problem("digits_cnn", 2, 64, 32, (8, 8, 1), _CNN, 0.0, "8x8x1, conv 16, conv 32, pool, 64-10"),
        perceptron("deep", 64, 32, (64,) * 33 + (10,), group=2, shape="32 layers of 64, 10"),
        Problem("batchnorm", 2, 128, 32, (784,), _NORM, 0.0, "784-512-norm-256-norm-10"),
        Problem("tabular", 2, 256, 32, (24,), _TABLE, 0.0, "8 columns of 1000 values as 16 numbers, 16 more, 256-128-1"),
    )
}  # fmt: skip


FOR_GPU = ("tiny", "small", "mnist", "wide", "huge", "vast", "digits_cnn", "deep", "batchnorm", "tabular")
VAST = perceptron("vast", 2048, 4, (8192,) * 4 + (10,), shape="8192x4-10")
"""For a GPU: two minutes a step on two cores."""


def problem_of(name: str) -> Problem:
    """The problem of that name."""
    return VAST if name == VAST.name else PROBLEMS[name]


def initial_weights(problem: Problem) -> list[list[Array]]:
    """float32 weights of each layer: kernel and bias; scale and shift; the table; or none.

    Kernels keep the size of the signal through ReLU (He et al. 2015); biases are small, not zero, so that a forgotten
    one shows.
    """
    draw = np.random.default_rng(1)

    def normal(shape: tuple[int, ...], scale: float) -> Array:
        array = draw.standard_normal(shape, dtype=np.float32)
        array *= np.float32(scale)
        return array

    weights: list[list[Array]] = []
    for layer in problem.layers:
        match layer:
            case Dense(inputs, outputs, relu, bias):
                kernel = normal((inputs, outputs), math.sqrt((2 if relu else 1) / inputs))
                weights.append([kernel, normal((outputs,), 0.1)] if bias else [kernel])
            case Conv(inputs, outputs):
                kernel = normal((3, 3, inputs, outputs), math.sqrt(2 / (9 * inputs)))
                weights.append([kernel, normal((outputs,), 0.1)])
            case Norm(size):
                weights.append([1 + normal((size,), 0.1), normal((size,), 0.1)])
            case Embed(columns, values, size):
                weights.append([normal((columns * values, size), 0.5)])
            case _:
                weights.append([])
    return weights


def data(problem: Problem, batches: int | None = None) -> tuple[Array, Array]:
    """x float32 (rows, ...) and y int32 (rows,): classes that a linear rule gives, so that there is something to learn.

    The columns of an `Embed` hold numbers of rows of its table, as float32, which is exact up to 2**24.
    """
    draw = np.random.default_rng(2)
    rows = problem.batch * (batches or problem.batches)
    x = draw.standard_normal((rows, *problem.inputs), dtype=np.float32)
    flat = x.reshape(rows, -1)
    rule = draw.standard_normal((flat.shape[1], max(2, problem.outputs)), dtype=np.float32)
    y = (flat @ rule).argmax(axis=1).astype(np.int32)
    first = problem.layers[0]
    if isinstance(first, Embed):
        numbers = draw.integers(0, first.values, (rows, first.columns))
        x[:, : first.columns] = numbers + first.values * np.arange(first.columns)
    return x, y


def products(problem: Problem) -> list[tuple[int, int, int, bool, bool]]:
    """(m, n, k, first transposed, second transposed) of every matrix product of a step, forward and backward."""
    found = []
    for number, layer in enumerate(problem.kernels):
        inputs, outputs = layer.inputs, layer.outputs
        found.append((problem.batch, outputs, inputs, False, False))
        found.append((inputs, outputs, problem.batch, True, False))
        if number:
            found.append((problem.batch, inputs, outputs, False, True))
    return found


def flop_per_step(problem: Problem) -> int | None:
    """Floating-point operations of the products of a step; None where there are convolutions or a table."""
    if any(isinstance(layer, Conv | Embed) for layer in problem.layers):
        return None
    return sum(2 * m * n * k for m, n, k, _, _ in products(problem))
