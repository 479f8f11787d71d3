"""Few positives: class_weight makes them count, precision and recall tell what it does."""

import numpy as np

import nn as keras
from nn import layers

rng = np.random.default_rng(8)
x = rng.normal(size=(2000, 4)).astype("float32")
y = (x[:, 0] + 0.7 * rng.normal(size=2000) > 2.2).astype("float32")
positives = float(y.mean())
assert positives < 0.1
weights = {0: 1.0, 1: (1 - positives) / positives}
recalls = []
for class_weight in (None, weights):
    keras.utils.set_random_seed(8)
    model = keras.Sequential(
        [layers.Input(shape=(4,)), layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")]
    )
    metrics = [keras.metrics.Precision(name="precision"), keras.metrics.Recall(name="recall")]
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=metrics)
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=8, restore_best_weights=True)
    model.fit(
        x,
        y,
        epochs=25,
        batch_size=64,
        validation_split=0.2,
        class_weight=class_weight,
        callbacks=[stop],
        verbose=0,
    )
    recalls.append(model.evaluate(x, y, verbose=0, return_dict=True)["recall"])
assert recalls[1] > 0.85, recalls
assert recalls[1] > recalls[0] + 0.1, recalls
