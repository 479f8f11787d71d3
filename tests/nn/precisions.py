"""A small network that computes in other formats, its data, and the numbers of its loss scale."""

from __future__ import annotations

import numpy as np
from models import everything

import nn

FORMATS = ("tf32", "bfloat16", "float16")


def data(n=192, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 6)).astype(np.float32)
    y = np.tanh(x[:, :1]) + 0.5 * x[:, 1:2] * x[:, 2:3]
    return x, y


X, Y = data()


def network(precision=None, optimizer=None, **options):
    nn.set_random_seed(3)
    layers = [nn.Input((6,)), nn.Dense(24, activation="tanh"), nn.Dropout(0.1), nn.BatchNormalization(), nn.Dense(1)]  # fmt: skip
    model = nn.Sequential(layers)
    model.compile(optimizer or nn.Adam(0.01), "mse", mixed_precision=precision, **options)
    return model


def numbers(model):
    scale = model.loss_scale.state()
    return scale["scale"].item(), scale["good_steps"].item()


def parts(model):
    return {**everything(model), "scale": numbers(model)}
