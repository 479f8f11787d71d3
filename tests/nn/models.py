"""Helpers of the tests of models: data, a stand-in for data frames, and everything that training can change."""

from __future__ import annotations

import numpy as np


class Frame:
    """What a data frame offers, without one: column names and `to_numpy`."""

    def __init__(self, columns, values):
        self.columns = columns
        self.values = values

    def to_numpy(self):
        return self.values


def everything(model):
    """The bytes of all weights, of the optimizer's state and of the metrics, by name."""
    tensors = dict(model.named_tensors())
    if model.optimizer is not None:
        tensors |= {f"optimizer.{k}": tensor for k, tensor in model.optimizer.state().items()}
    for metric in model.trackers:
        tensors |= {f"{metric.name}.total": metric.total, f"{metric.name}.count": metric.count}
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def rows(n=12, features=3, seed=0):
    """Inputs (n, features) and targets (n, 1) of 0 and 1, float32."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((n, features)).astype(np.float32)
    return x, (x.sum(axis=1, keepdims=True) > 0).astype(np.float32)
