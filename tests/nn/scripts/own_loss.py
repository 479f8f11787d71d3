"""A loss of one's own as a function, and a callback that keeps what it was told."""

import numpy as np

import nn as keras
from nn import layers, ops


def pinball(y_true, y_pred):
    error = y_true - y_pred
    return ops.mean(ops.maximum(0.9 * error, -0.1 * error), axis=-1)


class Losses(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.losses = []

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(logs["loss"])


keras.utils.set_random_seed(4)
rng = np.random.default_rng(4)
x = rng.uniform(0, 1, size=(1000, 1)).astype("float32")
y = x + rng.normal(scale=0.2, size=(1000, 1)).astype("float32")
model = keras.Sequential([layers.Input(shape=(1,)), layers.Dense(16, activation="relu"), layers.Dense(1)])
model.compile(optimizer=keras.optimizers.Adam(0.01), loss=pinball)
losses = Losses()
model.fit(x, y, epochs=40, callbacks=[losses], verbose=0)
below = float((y < model.predict(x, verbose=0)).mean())
assert abs(below - 0.9) < 0.05, below
assert len(losses.losses) == 40
assert losses.losses[-1] < losses.losses[0]
