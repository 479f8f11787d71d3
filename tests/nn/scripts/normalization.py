"""A model that holds its own scaling: Normalization adapts to the data."""

import numpy as np

import nn as keras
from nn import layers

keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)
x = (rng.normal(size=(500, 3)) * [1.0, 100.0, 0.01] + [5.0, -300.0, 0.0]).astype("float32")
y = ((x[:, 1] + 300) / 100 + x[:, 2] * 100 > 0).astype("float32")
normalization = layers.Normalization(axis=-1)
normalization.adapt(x)
scaled = np.asarray(normalization(x))
np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-2)
np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-2)
model = keras.Sequential(
    [
        layers.Input(shape=(3,)),
        normalization,
        layers.Dense(16, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=30, verbose=0)
assert model.evaluate(x, y, verbose=0)[1] > 0.93
