"""Transfer: a body that was trained on one task is frozen and gets a new head."""

import numpy as np

import nn as keras
from nn import layers

keras.utils.set_random_seed(5)
rng = np.random.default_rng(5)
x = rng.normal(size=(800, 6)).astype("float32")
first = (x[:, 0] * x[:, 1] > 0).astype("float32")
second = (x[:, 0] * x[:, 1] > 0.5).astype("float32")

body = keras.Sequential(
    [layers.Input(shape=(6,)), layers.Dense(32, activation="relu"), layers.Dense(16, activation="relu")]
)
model = keras.Sequential([body, layers.Dense(1, activation="sigmoid")])
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, first, epochs=40, verbose=0)
assert model.evaluate(x, first, verbose=0)[1] > 0.9

body.trainable = False
before = [w.copy() for w in body.get_weights()]
other = keras.Sequential([body, layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")])
other.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
other.fit(x, second, epochs=40, verbose=0)
assert other.evaluate(x, second, verbose=0)[1] > 0.85
for old, new in zip(before, body.get_weights()):
    np.testing.assert_array_equal(old, new)
