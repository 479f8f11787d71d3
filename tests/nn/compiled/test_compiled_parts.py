"""Every layer, optimizer, loss and metric trains compiled as it does eagerly.

Every model of the tables of traced steps is trained with `jit=True` and with `jit=False` from the same seed. On NumPy
the two are the same bytes; as machine code they are as close as rounding allows. Executable code takes half a second a
model, so there, without `--full`, small models of many parts stand for them.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import test_layers_trace
import test_trace
from grouping import by, grouped
from models import everything
from networks import random_words
from test_layers_trace import IMAGES, ROWS, WORDS

import autograd as ag
import backends
import nn
from nn.step import task_of, traced_train_step, training_state

pytestmark = pytest.mark.once
MODELS = {name: (make, test_trace.X, y) for name, (make, y) in test_trace.STEPS.items()}
MODELS |= {
    name: (partial(test_layers_trace.network, make, x), x, test_layers_trace.Y)
    for name, (x, make) in test_layers_trace.LAYERS.items()
}
KINDS = by(MODELS, lambda name: "steps" if name in test_trace.STEPS else "layers")


def line(optimizer):
    """As little as an optimizer can train."""
    model = nn.Sequential([nn.Input((5,)), nn.Dense(1, "tanh", kernel_regularizer="l2")])
    model.compile(optimizer, "mse", metrics=[])
    return model


OPTIMIZERS = test_trace.OPTIMIZERS | {
    "adam, weight decay, clipvalue": lambda: nn.Adam(weight_decay=0.1, clipvalue=0.01),
    "nesterov, staircase": lambda: nn.SGD(nn.ExponentialDecay(0.1, 2, 0.5, True), 0.9, nesterov=True),
    "decay, clipnorm": lambda: nn.SGD(nn.ExponentialDecay(0.1, 2, 0.5), clipnorm=0.1),
    "global_clipnorm": lambda: nn.SGD(0.5, momentum=0.9, global_clipnorm=0.1),
}  # fmt: skip
LAYERS = {
    "rows": (ROWS, lambda: [
        nn.Maxout(3, pieces=3, kernel_regularizer="l2", kernel_constraint="max_norm", bias_regularizer="l1", bias_constraint="non_neg"),
        nn.GaussianNoise(0.3), nn.BatchNormalization(scale=False, momentum=0.5), nn.ReLU(),
    ]),
    "rows as sequences": (ROWS, lambda: [nn.LayerNormalization(), nn.Dropout(0.4), nn.Reshape((2, -1)), nn.Dense(3), nn.Flatten()]),
    "activations": (ROWS, test_layers_trace.LAYERS["activations"][1]),
    "words": (WORDS, test_layers_trace.LAYERS["Embedding"][1]),
    "images": (IMAGES, lambda: [
        nn.RandomFlip(), nn.Conv2D(4, 3, 2, "same", groups=2, use_bias=False), nn.BatchNormalization(), nn.ReLU(), nn.LayerNormalization(axis=(1, 2)),
        nn.Flatten(),
    ]),
    "images, channels first": (IMAGES, lambda: [
        nn.BatchNormalization(axis=1), nn.Conv2D(2, 2, data_format="channels_first"), nn.Flatten(data_format="channels_first"),
    ]),
    "windows": (IMAGES, lambda: [
        nn.Conv2D(2, 2, dilation_rate=2), nn.AveragePooling2D(2, padding="same", strides=1), nn.MaxPooling2D(2, strides=1), nn.GlobalAveragePooling2D(),
    ]),
    "sequences": (test_layers_trace.SEQUENCES, lambda: [
        nn.Conv1D(4, 3, padding="causal", groups=2), nn.GroupNormalization(2), nn.SpatialDropout1D(0.3, seed=1), nn.MaxPooling1D(2, 1), nn.SeparableConv1D(3, 2), nn.PReLU("ones"),
        nn.Conv1DTranspose(2, 3, 2, "same"), nn.GlobalAveragePooling1D(), nn.GaussianDropout(0.2, seed=2),
    ]),
    "channels by themselves": (IMAGES, lambda: [
        nn.DepthwiseConv2D(2, padding="same", data_format="channels_first"), nn.ZeroPadding2D(1), nn.UpSampling2D(interpolation="bilinear"), nn.Rescaling(0.5, 1),
        nn.Conv2DTranspose(2, 3, 2), nn.Cropping2D(((1, 0), (2, 1))), nn.UnitNormalization((1, 2, 3)), nn.AlphaDropout(0.2, (None, 1, 1, None), seed=3), nn.Flatten(),
    ]),
    "one window": (IMAGES, lambda: [nn.Conv2D(2, 2, activation="relu"), nn.GlobalMaxPooling2D()]),
    "shifts": (IMAGES, lambda: [
        *(nn.RandomShift(0.5, (0.0, 0.9), mode, 0.5) for mode in ("reflect", "wrap", "nearest", "constant")), nn.Flatten(),
    ]),
}  # fmt: skip
WHOLE = ("adam, softmax, class numbers", "adam, softmax, one-hot", "probabilities", "float64", *(name for name in MODELS if name.startswith("metrics")))  # fmt: skip
TOGETHER = {name: (lambda make=make: line(make()), test_trace.X, test_trace.Y) for name, make in OPTIMIZERS.items()}  # fmt: skip
TOGETHER |= {name: MODELS[name] for name in WHOLE}
TOGETHER |= {
    name: (partial(test_layers_trace.network, make, x), x, test_layers_trace.Y)
    for name, (x, make) in LAYERS.items()
}
"""All kinds of parts in fewer and smaller models."""


ALONE = ("nesterov, decay, dropout, sigmoid",)
"""Those that run by themselves in the default run, too, with a batch that is not full."""


def kinds_of(names):
    return by(names, lambda name: "layers" if name in LAYERS or name in KINDS["layers"] else "optimizers" if name in OPTIMIZERS else "losses and metrics")  # fmt: skip


def trained(make, x, y, jit, rows):
    """A model after two epochs: batches of four rows in one chunk, and those that are left."""
    nn.set_random_seed(9)
    model = make()
    model.jit = jit
    x, y = (np.concatenate([part, part])[:rows] for part in (x, y))
    return model, model.fit(x, y, batch_size=4, epochs=2).history


def compare_training(models, name, rows, exact):
    """With jit=True against jit=False; `rows`: 11 are two batches of four and one of three."""
    make, x, y = models[name]
    with backends.use("numpy"):
        eager, expected = trained(make, x, y, False, rows)
        after = random_words()
    model, history = trained(make, x, y, True, rows)
    assert random_words() == after
    assert list(history) == list(expected)
    if exact:
        assert everything(model) == everything(eager)
        np.testing.assert_equal(history, expected)
        return
    tolerance = 1e-10 if model.dtype == "float64" else 2e-4
    theirs = dict(eager.named_tensors())
    for key, tensor in model.named_tensors():
        np.testing.assert_allclose(tensor.numpy(), theirs[key].numpy(), tolerance, tolerance / 10, err_msg=key)  # fmt: skip
    slots = eager.optimizer.state()
    for key, tensor in model.optimizer.state().items():
        np.testing.assert_allclose(tensor.numpy(), slots[key].numpy(), tolerance, tolerance / 10, err_msg=key)  # fmt: skip
    for key, values in history.items():
        np.testing.assert_allclose(values, expected[key], 1e-10 if tolerance < 1e-9 else 1e-4, err_msg=key)  # fmt: skip


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
@grouped("name", KINDS)
def test_compiled_training_is_eager_training(name):
    compare_training(MODELS, name, 11, exact=True)


@pytest.mark.parametrize("backend", ["numba"], indirect=True)
@grouped("name", kinds_of(TOGETHER))
def test_machine_code_trains_models_of_many_parts(name):
    compare_training(TOGETHER, name, 8, exact=False)


@pytest.mark.parametrize("backend", ["numba", "cupy"], indirect=True)
@pytest.mark.parametrize("kind", KINDS)
def test_every_part_alone(kind, full):
    for name in KINDS[kind]:
        if full or name in ALONE:
            compare_training(MODELS, name, 11, exact=False)


NOISE = {
    "BatchNormalization of images": "normalising takes away what the bias before it adds, so its gradient is rounding alone",
    "rows": "the same: the bias is that of Maxout",
}
"""Models with values that are 0 but for rounding, beside which no difference is small."""


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
@pytest.mark.parametrize("name", ["sgd", "Conv2D"])
def test_every_value_of_a_step_on_numpy(name):
    """The test above is bit for bit; here is the comparison itself."""
    compare_values(MODELS, name)


@pytest.mark.parametrize("backend", ["numba"], indirect=True)
@grouped("name", kinds_of(name for name in TOGETHER if name in LAYERS and name not in NOISE))
def test_every_value_of_a_step_is_the_interpreter_s(name):
    compare_values(TOGETHER, name)


@pytest.mark.parametrize("backend", ["numba"], indirect=True)
@pytest.mark.parametrize("kind", KINDS)
def test_every_value_of_a_part_alone(kind, full):
    for name in KINDS[kind]:
        if name not in NOISE and (full or name in ALONE):
            compare_values(MODELS, name)


def compare_values(models, name):
    make, x, y = models[name]
    nn.set_random_seed(9)
    model = make()
    # with targets of 0 and 1 alike the bias' gradient is a sum to nearly 0, and no difference is small beside it
    labels = np.ones_like(y) if y is test_layers_trace.Y else y
    # as many rows as are left above: the program is made once
    x, y = ag.tensor(x[:3], model.dtype), ag.tensor(labels[:3])
    model.task(x)
    model.train()
    task = task_of(model)
    training_state(task)  # makes the slots
    jitted = ag.jit(partial(traced_train_step, task), state=partial(training_state, task))  # fmt: skip
    before = everything(model), random_words()
    found = jitted.compare(x, y, None)
    assert (everything(model), random_words()) == before
    assert len(found) > 3
    for kernel, value, difference in found:
        assert difference <= 1e-5, (kernel, value, difference)
