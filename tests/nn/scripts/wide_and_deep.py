"""Wide and deep: raw inputs beside what hidden layers make of them."""

import numpy as np

import nn as keras
from nn import layers

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x = rng.uniform(-1, 1, size=(800, 4)).astype("float32")
y = (2 * x[:, 0] + np.sin(3 * x[:, 1]) * x[:, 2]).astype("float32")

inputs = keras.Input(shape=(4,))
deep = layers.Dense(32, activation="relu")(inputs)
deep = layers.Dense(32, activation="relu")(deep)
outputs = layers.Dense(1)(layers.Concatenate()([inputs, deep]))
model = keras.Model(inputs, outputs)
model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.005))
history = model.fit(x[:600], y[:600], epochs=40, validation_data=(x[600:], y[600:]), verbose=0)
assert history.history["val_loss"][-1] < 0.03, history.history["val_loss"][-1]
