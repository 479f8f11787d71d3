"""PyTorch: eager, and with its compiler in the default mode; in float64 also the reference of networks that are not dense.

Batches are tensors before time counts, the optimizer is the fused one (the fastest of the three here), and the thread
count is the job's. Images are (channels, height, width) in PyTorch; the kernel behind `Flatten` is turned to match.
"""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np

from .measure import Job, Skip, Trainer
from .problems import (
    LEARNING_RATE,
    MOMENTUM,
    NORM_EPSILON,
    NORM_MOMENTUM,
    Array,
    Conv,
    Dense,
    Dropout,
    Embed,
    Flatten,
    Norm,
    Pool,
)


def _modules(torch: Any, layer: Any, rate: float) -> list[Any]:
    """The modules of a layer, the one with weights first."""
    nn = torch.nn
    match layer:
        case Dense(inputs, outputs, relu, bias):
            return [nn.Linear(inputs, outputs, bias), *([nn.ReLU()] if relu else [])]
        case Conv(inputs, outputs):
            return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        case Norm(size):
            return [nn.BatchNorm1d(size, eps=NORM_EPSILON, momentum=1 - NORM_MOMENTUM), nn.ReLU()]
        case Embed(columns, values, size):
            return [_columns(torch, columns, values, size)]
        case Pool():
            return [nn.MaxPool2d(2)]
        case Flatten():
            return [nn.Flatten()]
        case Dropout():
            return [nn.Dropout(rate)] if rate else []
    raise TypeError(layer)


def _columns(torch: Any, columns: int, values: int, size: int) -> Any:
    class Columns(torch.nn.Module):  # type: ignore[misc]
        """The pair (numbers of rows, numeric columns) as one row."""

        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(columns * values, size)

        def forward(self, pair: tuple[Any, Any]) -> Any:
            numbers, numeric = pair
            return torch.cat([self.table(numbers).flatten(1), numeric], dim=1)

    return Columns()


def _in_torch_layout(layer: Any, before: Any, arrays: list[Array]) -> list[Array]:
    """The weights of a layer as its module keeps them."""
    match layer:
        case Dense(_, outputs):
            kernel, *bias = arrays
            if isinstance(before, Flatten):
                image = kernel.reshape(*before, outputs)
                kernel = image.transpose(2, 0, 1, 3).reshape(-1, outputs)
            return [kernel.T, *bias]
        case Conv():
            return [arrays[0].transpose(3, 2, 0, 1), arrays[1]]
    return arrays


class TorchTrainer:
    """Forward, loss, backward and update, one after another."""

    def __init__(self, job: Job, dtype: str = "float32", compiled: bool = False) -> None:
        self.torch = torch = importlib.import_module("torch")
        torch.set_num_threads(job.threads)
        self.job, self.dtype = job, getattr(torch, dtype)
        modules: list[Any] = []
        before: Any = None
        for layer, arrays in zip(job.problem.layers, job.weights, strict=True):
            made = _modules(torch, layer, job.dropout)
            with torch.no_grad():
                for parameter, array in zip(
                    made[0].parameters() if made else (),
                    _in_torch_layout(layer, before, arrays),
                    strict=True,
                ):
                    parameter.copy_(torch.from_numpy(np.ascontiguousarray(array)))
            modules += made
            before = layer
        self.model = torch.nn.Sequential(*modules).to(self.dtype)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, fused=True
        )
        if compiled:
            # what was compiled for the problem before would count towards the limit of recompilations
            torch.compiler.reset()
        self.loss = torch.compile(self._loss) if compiled else self._loss
        self.batches = [self._tensors(x, y) for x, y in job.slices()]

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            for x, y in self.batches:
                self._step(x, y)

    def step_loss(self, x: Array, y: Array) -> float:
        return float(self._step(*self._tensors(x, y)))

    def _step(self, x: Any, y: Any) -> Any:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(x, y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _loss(self, x: Any, y: Any) -> Any:
        output = self.model(x)
        functions = self.torch.nn.functional
        if self.job.problem.binary:
            return functions.binary_cross_entropy_with_logits(output[:, 0], y)
        return functions.cross_entropy(output, y)

    def _tensors(self, x: Array, y: Array) -> tuple[Any, Any]:
        torch, first = self.torch, self.job.problem.layers[0]
        target = torch.from_numpy(y).to(self.dtype if self.job.problem.binary else torch.int64)
        inputs = torch.from_numpy(x).to(self.dtype)
        if isinstance(first, Conv):
            return inputs.permute(0, 3, 1, 2).contiguous(), target
        if isinstance(first, Embed):
            numbers = inputs[:, : first.columns].to(torch.int64).contiguous()
            return (numbers, inputs[:, first.columns :].contiguous()), target
        return inputs, target


def eager() -> tuple[str, Callable[[Job], Trainer]]:
    return importlib.import_module("torch").__version__, TorchTrainer


def compiled() -> tuple[str, Callable[[Job], Trainer]]:
    version = importlib.import_module("torch").__version__
    if not any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++")):
        raise Skip("torch.compile needs a C++ compiler, and none of c++, g++, clang++ is installed")
    return version, lambda job: TorchTrainer(job, compiled=True)


def double_precision() -> Callable[[Job], Trainer]:
    """Trainers for the reference; raises ImportError without PyTorch."""
    importlib.import_module("torch")
    return lambda job: TorchTrainer(job, dtype="float64")
