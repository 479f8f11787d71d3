"""A metric of one's own, with a state that add_weight makes."""

import numpy as np

import nn as keras
from nn import layers, ops


class ShareOfPositives(keras.metrics.Metric):
    def __init__(self, name="share_of_positives", **kwargs):
        super().__init__(name=name, **kwargs)
        self.positives = self.add_weight(name="positives", initializer="zeros")
        self.rows = self.add_weight(name="rows", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        found = ops.cast(ops.greater(y_pred, 0.5), "float32")
        self.positives.assign(self.positives + ops.sum(found))
        self.rows.assign(self.rows + float(ops.shape(y_pred)[0]))

    def result(self):
        return self.positives / self.rows

    def reset_state(self):
        self.positives.assign(0.0)
        self.rows.assign(0.0)


keras.utils.set_random_seed(3)
rng = np.random.default_rng(3)
x = rng.normal(size=(512, 4)).astype("float32")
y = (x[:, :1] > 0.5).astype("float32")
model = keras.Sequential(
    [layers.Input(shape=(4,)), layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")]
)
model.compile(optimizer=keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=[ShareOfPositives()])
history = model.fit(x, y, epochs=20, batch_size=32, verbose=0).history
assert abs(history["share_of_positives"][-1] - y.mean()) < 0.05, history["share_of_positives"][-1]
