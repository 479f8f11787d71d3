"""Small images: convolution and pooling tell digits apart."""

import numpy as np
from sklearn.datasets import load_digits

import nn as keras
from nn import layers

keras.utils.set_random_seed(12)
x, y = load_digits(return_X_y=True)
x = (x / 16.0).reshape(-1, 8, 8, 1).astype("float32")
order = np.random.default_rng(12).permutation(len(x))
x, y = x[order], y[order]
model = keras.Sequential(
    [
        keras.Input(shape=(8, 8, 1)),
        layers.Conv2D(16, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Flatten(),
        layers.Dropout(0.2),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(0.005), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.fit(x[:1400], y[:1400], batch_size=32, epochs=12, validation_split=0.1, verbose=0)
loss, accuracy = model.evaluate(x[1400:], y[1400:], verbose=0)
assert accuracy > 0.93, accuracy
