"""Every layer, optimizer, loss and metric trains compiled as it does eagerly.

Every model of the tables of traced steps is trained with `jit=True` and with `jit=False` from the same seed. On NumPy
the two are the same bytes; as machine code they are as close as rounding allows.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import test_layers_trace
import test_trace
from models import everything
from networks import random_words

import autograd as ag
import nn
from nn.step import task_of, traced_train_step, training_state

pytestmark = pytest.mark.once
MODELS = {name: (make, test_trace.X, y) for name, (make, y) in test_trace.STEPS.items()}
MODELS |= {
    name: (partial(test_layers_trace.network, make, x), x, test_layers_trace.Y)
    for name, (x, make) in test_layers_trace.LAYERS.items()
}


def trained(make, x, y, jit):
    """A model after two epochs of three steps: two of four rows in one stretch, and the three that are left."""
    nn.set_random_seed(9)
    model = make()
    model.jit = jit
    x, y = (np.concatenate([part, part])[:11] for part in (x, y))
    return model, model.fit(x, y, batch_size=4, epochs=2).history


@pytest.mark.parametrize("name", MODELS)
def test_compiled_training_is_eager_training(name, backend):
    make, x, y = MODELS[name]
    eager, expected = trained(make, x, y, False)
    after = random_words()
    model, history = trained(make, x, y, True)
    assert random_words() == after
    assert list(history) == list(expected)
    if backend == "numpy":
        assert everything(model) == everything(eager)
        assert history == expected
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


NOISE = {
    "BatchNormalization of images": "normalising takes away what the bias before it adds, so its gradient is rounding alone"
}
"""Models with values that are 0 but for rounding, beside which no difference is small."""


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
@pytest.mark.parametrize("name", ["sgd", "Conv2D"])
def test_every_value_of_a_step_on_numpy(name):
    """The test above is bit for bit; here is the comparison itself."""
    compare_values(name)


@pytest.mark.parametrize("backend", ["numba"], indirect=True)
@pytest.mark.parametrize("name", [name for name in MODELS if name not in NOISE])
def test_every_value_of_a_step_is_the_interpreter_s(name):
    compare_values(name)


def compare_values(name):
    make, x, y = MODELS[name]
    nn.set_random_seed(9)
    model = make()
    # with targets of 0 and 1 alike the bias' gradient is a sum to nearly 0, and no difference is small beside it
    labels = np.ones_like(y) if y is test_layers_trace.Y else y
    # as many rows as are left above: the program is made once
    x, y = ag.tensor(x[:3], model.dtype), ag.tensor(labels[:3])
    model.task(x)
    model.train()
    training_state(model)  # makes the slots
    jitted = ag.jit(partial(traced_train_step, task_of(model)), state=partial(training_state, model))  # fmt: skip
    before = everything(model), random_words()
    found = jitted.compare(x, y, None)
    assert (everything(model), random_words()) == before
    assert len(found) > 3
    for kernel, value, difference in found:
        assert difference <= 1e-5, (kernel, value, difference)
