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
        assert expected[0][0][name] != expected[3][0][name], name
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
