"""A model whose compute_loss adds a term: mirrored inputs have the same output."""

import numpy as np

import nn as keras
from nn import layers


class Symmetric(keras.Model):
    """Learns to be even."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(16, activation="relu")
        self.out = layers.Dense(1)

    def call(self, x):
        return self.out(self.hidden(x))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)
        return loss + keras.ops.mean(keras.ops.square(self(x) - self(-x)))


keras.utils.set_random_seed(11)
rng = np.random.default_rng(11)
x = rng.uniform(-1, 1, size=(600, 1)).astype("float32")
half = x[x[:, 0] > 0]
model = Symmetric()
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
model.fit(half, half**2, epochs=60, verbose=0)
error = float(np.mean((model.predict(-half, verbose=0) - half**2) ** 2))
assert error < 0.01, error
