"""Helpers of the tests of models: data, a stand-in for data frames, and everything that training can change."""

from __future__ import annotations

import numpy as np

import nn


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
        tensors |= {f"{metric.name}.{k}": tensor for k, tensor in metric.state().items()}
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def rows(n=12, features=3, seed=0):
    """Inputs (n, features) and targets (n, 1) of 0 and 1, float32."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((n, features)).astype(np.float32)
    return x, (x.sum(axis=1, keepdims=True) > 0).astype(np.float32)


class Unchanged:
    """A context in which a model may not change."""

    def __init__(self, model):
        self.model = model

    def __enter__(self):
        self.before = everything(self.model)

    def __exit__(self, *exception):
        assert everything(self.model) == self.before
        assert self.model.optimizer is not None
        assert not self.model.training


class Batches:
    """Batches that can be read again, and how often they were."""

    def __init__(self, *batches):
        self.batches = batches
        self.reads = 0

    def __iter__(self):
        self.reads += 1
        return iter(self.batches)


class Recorder(nn.Callback):
    """Every event in order, with its numbers."""

    def __init__(self, stop_after=None):
        self.events = []
        self.stop_after = stop_after

    def note(self, *event):
        self.events.append(event)
        if event == self.stop_after:
            self.model.stop_training = True

    def on_train_begin(self, logs=None):
        self.note("begin")

    def on_train_end(self, logs=None):
        self.note("end")

    def on_epoch_begin(self, epoch, logs=None):
        self.note("epoch", epoch)

    def on_epoch_end(self, epoch, logs):
        self.note("epoch end", epoch)

    def on_train_batch_end(self, batch, logs):
        self.note("batch", batch)


class Watcher(nn.Module):
    """Passes its input on, and remembers it and whether it was training."""

    def __init__(self):
        self.seen = []

    def call(self, x):
        self.seen.append((self.is_training, x.tolist()))
        return x


def line(weight=2.0, bias=0.5, rate=0.0, **options):
    """y = weight x + bias in float64; with rate 0 it stays so while "training"."""
    model = nn.Sequential([nn.Dense(1, input_shape=(1,))], dtype="float64")
    model.load_state_dict({"layers.0.kernel": [[weight]], "layers.0.bias": [bias]})
    model.compile(nn.SGD(rate), "mse", **options)
    return model
