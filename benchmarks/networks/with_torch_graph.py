"""PyTorch with a whole step (forward, loss, backward, update) captured as one CUDA graph, which is then replayed.

Each batch is copied into the place that the graph reads, as PyTorch's own documentation has it. Warming up trains, so
weights and momentum are set back before the graph is replayed for the first time.
"""

from __future__ import annotations

import importlib
from typing import Any

from ..work import Skip
from .job import Job, Make, Trainer
from .problems import Array
from .with_torch import TorchTrainer, module_for

WARM_UP = 3


class GraphTrainer(TorchTrainer):
    def __init__(self, job: Job) -> None:
        if job.where.device != "cuda":
            raise Skip("CUDA graphs need a GPU")
        if job.where.precision == "float16":
            raise Skip("the scale of float16's loss is read by the host, so no whole step is captured")
        super().__init__(job)
        torch = self.torch
        self.fixed = tuple(part.clone() for part in self.batches[0])
        before = [parameter.detach().clone() for parameter in self.model.parameters()]
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(WARM_UP):
                self._step(*self.fixed)
        torch.cuda.current_stream().wait_stream(beside)
        self.optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.last_loss = self._step(*self.fixed)
        with torch.no_grad():
            for parameter, value in zip(self.model.parameters(), before, strict=True):
                parameter.copy_(value)
                self.optimizer.state[parameter]["momentum_buffer"].zero_()

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            for x, y in self.batches:
                self._replay(x, y)
        self._wait()

    def step_loss(self, x: Array, y: Array) -> float:
        self._replay(*self._tensors(x, y))
        return float(self.last_loss)

    def _replay(self, x: Any, y: Any) -> None:
        self.fixed[0].copy_(x)
        self.fixed[1].copy_(y)
        self.graph.replay()


def _trainer(job: Job) -> Trainer:
    module_for(job)
    return GraphTrainer(job)


def whole_step() -> tuple[str, Make]:
    return importlib.import_module("torch").__version__, _trainer
