"""Monte Carlo dropout: many predictions with dropout say how sure a model is."""

import numpy as np

import nn as keras
from nn import layers

keras.utils.set_random_seed(6)
rng = np.random.default_rng(6)
x = rng.normal(size=(600, 2)).astype("float32")
y = (x.sum(axis=1) > 0).astype("float32")
model = keras.Sequential(
    [
        layers.Input(shape=(2,)),
        layers.Dense(32, activation="relu"),
        layers.Dropout(0.3),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=30, verbose=0)
assert model.evaluate(x, y, verbose=0)[1] > 0.9

border, clear = np.zeros((1, 2), "float32"), np.full((1, 2), 3.0, "float32")
spread = [np.std([np.asarray(model(each, training=True)) for _ in range(50)]) for each in (border, clear)]
assert spread[0] > spread[1], spread
still = [np.asarray(model(border, training=False)) for _ in range(2)]
np.testing.assert_array_equal(*still)
