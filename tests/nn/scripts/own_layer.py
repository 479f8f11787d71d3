"""A layer of one's own: weights, call and configuration."""

import numpy as np

import nn as keras
from nn import layers


class Linear(layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)

    def call(self, inputs):
        return keras.ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


keras.utils.set_random_seed(2)
rng = np.random.default_rng(2)
x = rng.normal(size=(500, 5)).astype("float32")
y = (x @ np.array([1.0, -2.0, 0.5, 0.0, 3.0]) > 0).astype("float32")
model = keras.Sequential(
    [layers.Input(shape=(5,)), Linear(16), layers.ReLU(), Linear(1), layers.Activation("sigmoid")]
)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=30, verbose=0)
assert model.evaluate(x, y, verbose=0)[1] > 0.93
assert Linear.from_config(Linear(7).get_config()).units == 7
