"""PyTorch with a whole step (forward, loss, backward, update) captured as one CUDA graph, which is then replayed.

Each batch is copied into the place that the graph reads, as PyTorch's own documentation has it. Warming up trains, so
weights, moving averages and momentum are set back before the graph is replayed for the first time.
"""

from __future__ import annotations

import importlib
from typing import Any

from ..work import Skip
from .job import Job, Make, Trainer
from .problems import Array
from .with_torch import TorchTrainer, module_for

WARM_UP = 3


def cloned(part: Any) -> Any:
    """A tensor, or a tuple of such, in memory of its own."""
    return tuple(map(cloned, part)) if isinstance(part, tuple) else part.clone()


def copy_into(place: Any, part: Any) -> None:
    """Where `cloned` has made a place for something like it."""
    if isinstance(place, tuple):
        for own, given in zip(place, part, strict=True):
            copy_into(own, given)
    else:
        place.copy_(part)


class GraphTrainer(TorchTrainer):
    def __init__(self, job: Job) -> None:
        if job.where.device != "cuda":
            raise Skip("CUDA graphs need a GPU")
        if job.where.precision == "float16":
            raise Skip("the scale of float16's loss is read by the host, so no whole step is captured")
        super().__init__(job)
        torch = self.torch
        self.fixed = cloned(self.batches[0])
        trained = (*self.model.parameters(), *self.model.buffers())
        before = cloned(tuple(tensor.detach() for tensor in trained))
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
            copy_into(trained, before)
            for parameter in self.model.parameters():
                self.optimizer.state[parameter]["momentum_buffer"].zero_()

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            for batch in self.batches:
                self._replay(batch)
        self._wait()

    def step_loss(self, x: Array, y: Array) -> float:
        self._replay(self._tensors(x, y))
        return float(self.last_loss)

    def _replay(self, batch: tuple[Any, Any]) -> None:
        copy_into(self.fixed, batch)
        self.graph.replay()


def _trainer(job: Job) -> Trainer:
    module_for(job)
    return GraphTrainer(job)


def whole_step() -> tuple[str, Make]:
    return importlib.import_module("torch").__version__, _trainer
