"""Two inputs that meet: the functional way."""

import numpy as np

import nn as keras
from nn import layers

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
age = rng.normal(size=(600, 3)).astype("float32")
income = rng.normal(size=(600, 2)).astype("float32")
bought = (age[:, 0] + income[:, 1] > 0).astype("float32")

left = keras.Input(shape=(3,), name="age")
right = keras.Input(shape=(2,), name="income")
x = layers.concatenate([layers.Dense(8, activation="relu")(left), layers.Dense(8, activation="relu")(right)])
output = layers.Dense(1, activation="sigmoid")(x)
model = keras.Model(inputs=[left, right], outputs=output)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
model.fit([age, income], bought, epochs=30, batch_size=32, verbose=0)
loss, accuracy = model.evaluate([age, income], bought, verbose=0)
assert accuracy > 0.93, accuracy
