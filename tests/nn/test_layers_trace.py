"""Every layer inside a captured training step: the same bytes as eager after each step, moving averages and draws included."""

from __future__ import annotations

import numpy as np
import pytest
from models import everything

import autograd as ag
import nn
from backends.program import parse_program, verify

IMAGES = np.random.default_rng(1).standard_normal((6, 6, 5, 2)).astype(np.float32)
ROWS = np.random.default_rng(2).standard_normal((6, 4)).astype(np.float32)
WORDS = np.array([[0, 3, 1], [2, 2, 2], [6, 5, 4], [1, 0, 6], [3, 3, 0], [4, 1, 5]])
SEQUENCES = np.random.default_rng(4).standard_normal((6, 7, 2)).astype(np.float32)
Y = np.array([[0], [1], [1], [0], [1], [0]], np.float32)

LAYERS = {
    "Maxout": (ROWS, lambda: [nn.Maxout(3, pieces=3)]),
    "Maxout, penalties and constraints": (
        ROWS,
        lambda: [
            nn.Maxout(
                3,
                kernel_regularizer="l2",
                kernel_constraint="max_norm",
                bias_regularizer="l1",
                bias_constraint="non_neg",
            )
        ],
    ),
    "BatchNormalization": (ROWS, lambda: [nn.BatchNormalization()]),
    "BatchNormalization after dense": (
        ROWS,
        lambda: [
            nn.Dense(5, use_bias=False),
            nn.BatchNormalization(scale=False, momentum=0.5),
            nn.ReLU(),
        ],
    ),
    "BatchNormalization of images": (
        IMAGES,
        lambda: [nn.Conv2D(3, 2), nn.BatchNormalization(), nn.Flatten()],
    ),
    "BatchNormalization, axis 1": (IMAGES, lambda: [nn.BatchNormalization(axis=1), nn.Flatten()]),
    "LayerNormalization": (ROWS, lambda: [nn.LayerNormalization()]),
    "LayerNormalization of images": (
        IMAGES,
        lambda: [nn.LayerNormalization(axis=(1, 2)), nn.Flatten()],
    ),
    "Embedding": (WORDS, lambda: [nn.Embedding(7, 3, embeddings_regularizer="l2"), nn.Flatten()]),
    "Conv2D": (
        IMAGES,
        lambda: [nn.Conv2D(4, 3, 2, "same", groups=2, activation="relu"), nn.Flatten()],
    ),
    "Conv2D, dilated": (IMAGES, lambda: [nn.Conv2D(2, 2, dilation_rate=2), nn.Flatten()]),
    "Conv2D, channels first": (
        IMAGES,
        lambda: [
            nn.Conv2D(2, 2, data_format="channels_first"),
            nn.Flatten(data_format="channels_first"),
        ],
    ),
    "MaxPooling2D": (IMAGES, lambda: [nn.Conv2D(2, 2), nn.MaxPooling2D(), nn.Flatten()]),
    "AveragePooling2D": (
        IMAGES,
        lambda: [nn.Conv2D(2, 2), nn.AveragePooling2D(2, padding="same"), nn.Flatten()],
    ),
    "GlobalAveragePooling2D": (IMAGES, lambda: [nn.Conv2D(2, 2), nn.GlobalAveragePooling2D()]),
    "GlobalMaxPooling2D": (IMAGES, lambda: [nn.Conv2D(2, 2), nn.GlobalMaxPooling2D()]),
    "Conv1D": (SEQUENCES, lambda: [nn.Conv1D(4, 3, 2, "causal", groups=2, activation="relu"), nn.Flatten()]),
    "Conv1D, channels first": (
        SEQUENCES, lambda: [nn.Conv1D(3, 2, data_format="channels_first", dilation_rate=1), nn.Flatten()],
    ),
    "DepthwiseConv2D": (
        IMAGES, lambda: [nn.DepthwiseConv2D(3, depth_multiplier=2, activation="tanh"), nn.Flatten()],
    ),
    "DepthwiseConv1D": (SEQUENCES, lambda: [nn.DepthwiseConv1D(3, padding="same"), nn.Flatten()]),
    "SeparableConv2D": (
        IMAGES, lambda: [nn.SeparableConv2D(3, 2, data_format="channels_first"), nn.Flatten()],
    ),
    "SeparableConv1D": (SEQUENCES, lambda: [nn.SeparableConv1D(3, 2), nn.Flatten()]),
    "Conv2DTranspose": (IMAGES, lambda: [nn.Conv2DTranspose(2, 3, 2, "same"), nn.Flatten()]),
    "Conv1DTranspose": (SEQUENCES, lambda: [nn.Conv1DTranspose(2, 3, 2), nn.Flatten()]),
    "pooling of sequences": (
        SEQUENCES,
        lambda: [nn.Conv1D(3, 2), nn.MaxPooling1D(2, 1), nn.AveragePooling1D(2, padding="same"), nn.Flatten()],
    ),
    "global pooling of sequences": (
        SEQUENCES, lambda: [nn.Conv1D(3, 2), nn.GlobalMaxPooling1D(keepdims=True), nn.GlobalAveragePooling1D()],
    ),
    "GroupNormalization": (IMAGES, lambda: [nn.GroupNormalization(1), nn.Flatten()]),
    "UnitNormalization": (ROWS, lambda: [nn.Dense(4), nn.UnitNormalization()]),
    "borders": (IMAGES, lambda: [nn.Conv2D(2, 2), nn.ZeroPadding2D(1), nn.Cropping2D(((0, 1), (2, 0))), nn.Flatten()]),
    "borders of sequences": (
        SEQUENCES, lambda: [nn.Conv1D(2, 2), nn.ZeroPadding1D((2, 0)), nn.Cropping1D((0, 1)), nn.Flatten()],
    ),
    "UpSampling": (
        IMAGES, lambda: [nn.Conv2D(2, 3), nn.UpSampling2D(), nn.UpSampling2D(interpolation="bilinear"), nn.Flatten()],
    ),
    "UpSampling1D": (SEQUENCES, lambda: [nn.Conv1D(2, 3), nn.UpSampling1D(3), nn.Flatten()]),
    "Permute and RepeatVector": (
        ROWS, lambda: [nn.Dense(3), nn.RepeatVector(2), nn.Permute((2, 1)), nn.Flatten(), nn.layers.Identity()],
    ),
    "PReLU": (IMAGES, lambda: [nn.PReLU("uniform", shared_axes=(1, 2)), nn.Flatten()]),
    "Rescaling": (IMAGES, lambda: [nn.Rescaling([2.0, 0.5], -1), nn.Flatten()]),
    "SpatialDropout": (IMAGES, lambda: [nn.SpatialDropout2D(0.4), nn.Reshape((30, 2)), nn.SpatialDropout1D(0.4), nn.Flatten()]),
    "AlphaDropout": (ROWS, lambda: [nn.AlphaDropout(0.4)]),
    "GaussianDropout": (ROWS, lambda: [nn.GaussianDropout(0.4)]),
    "seeds": (
        IMAGES,
        lambda: [
            nn.RandomFlip(seed=1), nn.RandomShift(0.5, 0.5, seed=2), nn.SpatialDropout2D(0.2, seed=3), nn.Flatten(),
            nn.Dropout(0.2, (1, None), seed=4), nn.GaussianNoise(0.1, seed=5), nn.GaussianDropout(0.1, seed=6),
            nn.AlphaDropout(0.1, (None, 1), seed=7),
        ],
    ),
    "Dropout": (ROWS, lambda: [nn.Dropout(0.4)]),
    "GaussianNoise": (ROWS, lambda: [nn.GaussianNoise(0.3)]),
    "RandomFlip": (IMAGES, lambda: [nn.RandomFlip(), nn.Conv2D(2, 2), nn.Flatten()]),
    **{
        f"RandomShift, {mode}": (
            IMAGES,
            lambda mode=mode: [nn.RandomShift(0.5, (0.0, 0.9), mode, 0.5), nn.Flatten()],
        )
        for mode in ("reflect", "wrap", "nearest", "constant")
    },
    "RandomRotation": (IMAGES, lambda: [nn.RandomRotation(0.5), nn.Flatten()]),
    "RandomZoom": (IMAGES, lambda: [nn.RandomZoom(0.5, (0.0, 0.9), "constant", "nearest"), nn.Flatten()]),
    "RandomContrast and RandomBrightness": (
        IMAGES, lambda: [nn.RandomContrast(0.5, (-9, 9)), nn.RandomBrightness(0.1, (-9, 9)), nn.Flatten()],
    ),
    "Resizing": (IMAGES, lambda: [nn.Resizing(7, 3), nn.CenterCrop(4, 2), nn.Resizing(2, 5, "nearest"), nn.Flatten()]),
    "Normalization": (ROWS, lambda: [nn.Normalization(mean=0.5, variance=4.0), nn.Dense(3)]),
    "Normalization of images": (
        IMAGES,
        lambda: [nn.Normalization((1, 3), [[0.0, 1.0]] * 6, [[4.0, 0.0]] * 6), nn.Flatten()],
    ),
    "Normalization, inverse": (ROWS, lambda: [nn.Dense(3), nn.Normalization(None, 0.5, 4.0, True)]),
    "Discretization": (ROWS, lambda: [nn.Discretization([-0.5, 0.5], output_mode="one_hot"), nn.Flatten()]),
    "CategoryEncoding": (WORDS, lambda: [nn.CategoryEncoding(7, "count")]),
    "IntegerLookup": (
        WORDS,
        lambda: [nn.IntegerLookup(vocabulary=[3, 2, 6], mask_token=1), nn.Embedding(5, 2), nn.Flatten()],
    ),
    "IntegerLookup, weighted": (
        WORDS,
        lambda: [
            nn.IntegerLookup(
                vocabulary=[3, 2], idf_weights=[0.5, 2.0], num_oov_indices=2, output_mode="tf_idf"
            )
        ],
    ),
    "Reshape": (ROWS, lambda: [nn.Reshape((2, -1)), nn.Dense(3), nn.Flatten()]),
    "activations": (
        ROWS,
        lambda: [
            nn.Dense(4), nn.ReLU(2.0, 0.1, 0.05), nn.LeakyReLU(), nn.ActivityRegularization(0.1, 0.2),
            nn.ELU(0.7), nn.Softmax(), nn.Activation("tanh"),
        ],
    ),
}  # fmt: skip
layers = pytest.mark.parametrize(("x", "make"), LAYERS.values(), ids=LAYERS)


def network(make, x):
    nn.set_random_seed(3)
    model = nn.Sequential([nn.Input(x.shape[1:]), *make(), nn.Dense(1, "sigmoid")])
    model.compile(nn.SGD(0.1, momentum=0.9), "binary_crossentropy", metrics=["accuracy"])
    return model


def state(model):
    generator = ag.random.default_generator()
    return everything(model), generator.key.item(), generator.counter.item()


@layers
@pytest.mark.usefixtures("on_numpy")
def test_four_steps_are_bit_equal_to_eager(x, make):
    eager = network(make, x)
    expected = []
    for _ in range(4):
        eager.train_on_batch(x, Y)
        expected.append(state(eager))

    model = network(make, x)
    batch, labels = ag.tensor(x, "float32"), ag.tensor(Y)
    step = nn.capture_train_step(model, batch, labels)
    assert verify(step.program) is step.program
    assert parse_program(step.program_text()) == step.program
    got = []
    for _ in range(4):
        model.reset_metrics()
        step(batch, labels)
        got.append(state(model))
    assert got == expected
    names = [name for name in expected[0][0] if name.startswith("layers")]
    assert names
    for name in names:
        stays = name.endswith((".mean", ".variance", "random_key"))  # of a Normalization, and a seed
        assert (expected[0][0][name] != expected[3][0][name]) != stays, name
    assert model.predict(x).tobytes() == eager.predict(x).tobytes()


def test_moving_averages_are_named_state_of_the_step():
    model = network(LAYERS["BatchNormalization"][1], ROWS)
    step = nn.capture_train_step(model, ag.tensor(ROWS), ag.tensor(Y))
    names = list(step.program.named("state"))
    assert names[:4] == [
        f"model.layers.0.{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")
    ]


@pytest.mark.parametrize(
    "layer",
    [
        nn.GaussianNoise(1.0),
        nn.RandomFlip(),
        nn.RandomShift(0.5, 0.5, "wrap"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_traced_step_draws_anew(layer):
    """The kernel's gradient is the noisy input itself, so each run shows what was drawn."""
    x = ag.tensor(np.random.default_rng(3).standard_normal((1, 8, 8, 1)))
    model = nn.Sequential([nn.Input((8, 8, 1)), layer, nn.Flatten(), nn.Dense(1)], "float64")
    model.compile(nn.SGD(1.0), "mse")
    y = ag.full((1, 1), 50.0, "float64")
    step = nn.capture_train_step(model, x, y)
    seen = set()
    for _ in range(12):
        model.load_state_dict({"layers.2.kernel": np.zeros((64, 1)), "layers.2.bias": [0.0]})
        step(x, y)
        seen.add(model.state_dict()["layers.2.kernel"].tobytes())
    assert len(seen) >= 3
