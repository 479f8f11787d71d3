"""Layers in models: outside training, no row looks at another, and nothing is changed by looking."""

from __future__ import annotations

import numpy as np
import pytest
from models import everything

import nn

generator = np.random.default_rng(3)
ROWS = generator.standard_normal((6, 5)).astype(np.float32)
IMAGES = generator.standard_normal((6, 6, 5, 2)).astype(np.float32)
WORDS = generator.integers(0, 7, (6, 4)).astype(np.float32)
Y = generator.standard_normal((6, 2)).astype(np.float32)

NETS = {
    "dense": (lambda: [nn.Dense(3, "tanh", kernel_constraint=nn.MaxNorm(0.5), bias_regularizer="l2", bias_initializer="ones", kernel_regularizer="l1")], ROWS),
    "maxout": (lambda: [nn.Maxout(3, pieces=3, kernel_constraint="unit_norm")], ROWS),
    "batch normalization": (lambda: [nn.Dense(4), nn.BatchNormalization(momentum=0.8, gamma_regularizer="l2")], ROWS),
    "batch normalization, images": (lambda: [nn.BatchNormalization(center=False), nn.Flatten()], IMAGES),
    "batch normalization, other axis": (lambda: [nn.BatchNormalization(axis=1, scale=False), nn.Flatten()], IMAGES),
    "layer normalization": (lambda: [nn.LayerNormalization(), nn.Dense(3)], ROWS),
    "layer normalization, axes": (lambda: [nn.LayerNormalization(axis=(1, 3)), nn.Flatten()], IMAGES),
    "embedding": (lambda: [nn.Embedding(7, 3, embeddings_constraint="unit_norm"), nn.Flatten()], WORDS),
    "convolution": (lambda: [nn.Conv2D(3, (3, 2), activation="relu", padding="same", strides=2), nn.MaxPooling2D((2, 1)), nn.Flatten()], IMAGES),
    "convolution, channels first": (lambda: [nn.Conv2D(3, 2, data_format="channels_first", dilation_rate=(2, 1)), nn.AveragePooling2D(2, 1, "same", "channels_first"), nn.GlobalAveragePooling2D("channels_first")], IMAGES),
    "pooling": (lambda: [nn.AveragePooling2D(3, 2, "same"), nn.GlobalMaxPooling2D(), nn.Dense(2)], IMAGES),
    "noise": (lambda: [nn.GaussianNoise(0.3), nn.Dropout(0.4), nn.Dense(3)], ROWS),
    "flip": (lambda: [nn.RandomFlip(), nn.Flatten()], IMAGES),
    "shift": (lambda: [nn.RandomShift(0.4, (-0.2, 0.5), "constant", 0.5), nn.Flatten()], IMAGES),
    "shift, reflected": (lambda: [nn.RandomShift(0.9, 0.9), nn.RandomShift(0.5, 0.5, "wrap"), nn.RandomShift(0.5, 0.5, "nearest"), nn.Flatten()], IMAGES),
    "activations": (lambda: [nn.Dense(4), nn.LeakyReLU(0.2), nn.ELU(0.7), nn.ReLU(), nn.Activation("tanh"), nn.Softmax()], ROWS),
    "reshape": (lambda: [nn.Reshape((5, -1)), nn.Dense(2, "relu"), nn.Flatten()], ROWS),
    "sequences": (lambda: [nn.Reshape((10, 6)), nn.Conv1D(3, 3, padding="causal"), nn.SpatialDropout1D(0.2, seed=1), nn.MaxPooling1D(), nn.SeparableConv1D(3, 2), nn.GlobalAveragePooling1D()], IMAGES),
    "depthwise": (lambda: [nn.DepthwiseConv2D(3), nn.PReLU(shared_axes=(1, 2)), nn.Conv2DTranspose(2, 3, 2), nn.UpSampling2D(interpolation="bilinear"), nn.GroupNormalization(2), nn.GlobalMaxPool2D()], IMAGES),
    "other dropout": (lambda: [nn.AlphaDropout(0.2), nn.GaussianDropout(0.2), nn.Dropout(0.2, (1, None)), nn.Lambda(lambda x: x * 2), nn.UnitNormalization()], ROWS),
    "named": (lambda: [nn.Dense(3, name="first", input_shape=(5,)), nn.Dropout(0.1, name="forget")], ROWS),
}  # fmt: skip
nets = pytest.mark.parametrize(("make", "x"), NETS.values(), ids=NETS)


def model_of(make, dtype="float32"):
    nn.set_random_seed(4)
    model = nn.Sequential([*make(), nn.Dense(2)], dtype)
    model.compile(nn.SGD(0.05, momentum=0.9), "mse")
    return model


@nets
def test_outside_training_a_row_does_not_depend_on_the_others(make, x):
    model = model_of(make, "float64")
    model.fit(x, Y, 3, 1)
    together = model.predict(x)
    alone = np.concatenate([model.predict(x[i : i + 1]) for i in range(len(x))])
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(model.predict(x), together)


def test_evaluating_leaves_the_moving_averages():
    model = model_of(NETS["batch normalization"][0])
    model.fit(ROWS, Y)
    before = everything(model)
    model.predict(ROWS)
    model.evaluate(ROWS, Y)
    assert {k: v for k, v in everything(model).items() if "moving" in k} == {k: v for k, v in before.items() if "moving" in k}  # fmt: skip
