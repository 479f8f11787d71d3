"""Four folds by hand, as books do it for small data."""

import numpy as np
from sklearn.datasets import load_diabetes

import nn as keras
from nn import layers

keras.utils.set_random_seed(9)
data, targets = load_diabetes(return_X_y=True)
order = np.random.default_rng(9).permutation(len(data))
data, targets = data[order].astype("float32"), targets[order].astype("float32")
data = (data - data.mean(axis=0)) / data.std(axis=0)
targets = (targets - targets.mean()) / targets.std()


def build_model():
    model = keras.Sequential(
        [layers.Input(shape=(data.shape[1],)), layers.Dense(16, activation="relu"), layers.Dense(1)]
    )
    model.compile(optimizer=keras.optimizers.RMSprop(0.003), loss="mse", metrics=["mae"])
    return model


k, scores = 4, []
size = len(data) // k
for i in range(k):
    held = slice(i * size, (i + 1) * size)
    x = np.concatenate([data[: i * size], data[(i + 1) * size :]])
    y = np.concatenate([targets[: i * size], targets[(i + 1) * size :]])
    model = build_model()
    model.fit(x, y, epochs=30, batch_size=16, verbose=0)
    mse, mae = model.evaluate(data[held], targets[held], verbose=0)
    scores.append(mae)
assert np.mean(scores) < 0.68, scores
