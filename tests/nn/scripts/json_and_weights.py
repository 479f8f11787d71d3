"""Architecture as JSON, weights in a file."""

import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris

import nn as keras
from nn import layers

keras.utils.set_random_seed(10)
x, y = load_iris(return_X_y=True)
x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype("float32")
labels = keras.utils.to_categorical(y, 3)
model = keras.Sequential(
    [layers.Input(shape=(4,)), layers.Dense(16, activation="relu"), layers.Dense(3, activation="softmax")]
)
model.compile(optimizer=keras.optimizers.Adam(0.02), loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(x, labels, epochs=40, batch_size=16, verbose=0)
assert model.evaluate(x, labels, verbose=0)[1] > 0.93

architecture = model.to_json()
with tempfile.TemporaryDirectory() as folder:
    path = str(Path(folder) / "model.weights.h5")
    model.save_weights(path)
    again = keras.models.model_from_json(architecture)
    again.load_weights(path)
np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
