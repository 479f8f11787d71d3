"""PyTorch: eager, and with its compiler; in float64 also the reference of networks that are not dense.

Batches are on the device before time counts, the optimizer is the fused one (the fastest of the three here), the thread
count is the job's. The compiler's mode is the default on a CPU, "max-autotune" on a GPU. Images are (channels, height, width) in PyTorch; the kernel behind `Flatten` is turned to match.
"""

from __future__ import annotations

import importlib
import os
import shutil
from functools import cached_property
from typing import Any

import numpy as np

from ..work import Skip
from .job import Job, Make, Trainer
from .problems import (
    ADAM,
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
        torch.set_num_threads(job.where.threads)
        self.job, self.dtype, self.device = job, getattr(torch, dtype), job.where.device
        self._set_precision(job.where.precision)
        self.model = self._model().to(self.device, self.dtype)
        if job.problem.optimizer == "adam":
            rate, *betas, epsilon = ADAM
            self.optimizer = torch.optim.Adam(
                self.model.parameters(), rate, betas=betas, eps=epsilon, fused=True
            )
        else:
            self.optimizer = torch.optim.SGD(
                self.model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, fused=True
            )
        self.loss, self.forward = self._loss, self.model
        if compiled:
            # what was compiled for the problem before would count towards the limit of recompilations
            torch.compiler.reset()
            mode = "max-autotune" if self.device == "cuda" else None
            self.loss = torch.compile(self._loss, mode=mode)
            self.forward = torch.compile(self.model, mode=mode)

    @cached_property
    def batches(self) -> list[tuple[Any, Any]]:
        return [self._tensors(x, y) for x, y in self.job.slices()]

    def _model(self) -> Any:
        modules: list[Any] = []
        before: Any = None
        for layer, arrays in zip(self.job.problem.layers, self.job.weights, strict=True):
            made = _modules(self.torch, layer, self.job.dropout)
            with self.torch.no_grad():
                for parameter, array in zip(
                    made[0].parameters() if made else (),
                    _in_torch_layout(layer, before, arrays),
                    strict=True,
                ):
                    parameter.copy_(self.torch.from_numpy(np.ascontiguousarray(array)))
            modules += made
            before = layer
        return self.torch.nn.Sequential(*modules)

    def _set_precision(self, precision: str) -> None:
        torch = self.torch
        torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
        torch.backends.cudnn.allow_tf32 = precision == "tf32"
        self.half = getattr(torch, precision) if precision in ("bfloat16", "float16") else None
        # small gradients of float16 would vanish; disabled, it hands everything through
        self.scaler = torch.amp.GradScaler(self.device, enabled=precision == "float16")

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            for x, y in self.batches:
                self._step(x, y)
        self._wait()

    def _wait(self) -> None:
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def feed(self, x: Array, y: Array) -> None:
        self._step(*self._tensors(x, y))

    def step_loss(self, x: Array, y: Array) -> float:
        return float(self._step(*self._tensors(x, y)))

    def predict(self, x: Array) -> Array:
        torch = self.torch
        if self.model.training:
            self.model.eval()
        with torch.inference_mode():
            logits = self.forward(self._inputs(x))
            last = logits.sigmoid() if self.job.problem.binary else logits.softmax(1)
            found: Array = last.cpu().numpy()
        return found

    def _step(self, x: Any, y: Any) -> Any:
        if not self.model.training:
            self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(x, y)
        if self.scaler.is_enabled():
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            loss.backward()
            self.optimizer.step()
        return loss.detach()

    def _loss(self, x: Any, y: Any) -> Any:
        if self.half is None:
            return self._cross_entropy(self.model(x), y)
        with self.torch.autocast(self.device, self.half):
            return self._cross_entropy(self.model(x), y)

    def _cross_entropy(self, output: Any, y: Any) -> Any:
        functions = self.torch.nn.functional
        if self.job.problem.binary:
            return functions.binary_cross_entropy_with_logits(output[:, 0], y)
        return functions.cross_entropy(output, y)

    def _tensors(self, x: Array, y: Array) -> tuple[Any, Any]:
        kind = self.dtype if self.job.problem.binary else self.torch.int64
        return self._inputs(x), self.torch.from_numpy(y).to(self.device, kind)

    def _inputs(self, x: Array) -> Any:
        torch, first = self.torch, self.job.problem.layers[0]
        inputs = torch.from_numpy(x).to(self.device, self.dtype)
        if isinstance(first, Conv):
            return inputs.permute(0, 3, 1, 2).contiguous()
        if isinstance(first, Embed):
            numbers = inputs[:, : first.columns].to(torch.int64).contiguous()
            return numbers, inputs[:, first.columns :].contiguous()
        return inputs


def module_for(job: Job) -> Any:
    """PyTorch, or Skip where it cannot compute where the job is."""
    torch = importlib.import_module("torch")
    if job.where.device == "cuda" and not torch.cuda.is_available():
        raise Skip(f"PyTorch {torch.__version__} sees no GPU: install a build with CUDA")
    return torch


def eager() -> tuple[str, Make]:
    return importlib.import_module("torch").__version__, _trainer


def _trainer(job: Job) -> Trainer:
    module_for(job)
    return TorchTrainer(job)


def _compiled(job: Job) -> Trainer:
    module_for(job)
    return TorchTrainer(job, compiled=True)


def compiled() -> tuple[str, Make]:
    version = importlib.import_module("torch").__version__
    if not any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++")):
        raise Skip("torch.compile needs a C++ compiler, and none of c++, g++, clang++ is installed")
    return version, _compiled


def double_precision() -> Make:
    """Trainers for the reference; raises ImportError without PyTorch."""
    importlib.import_module("torch")
    return lambda job: TorchTrainer(job, dtype="float64")
