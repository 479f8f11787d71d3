"""Models made of placeholders beside Keras's: order of layers, outputs, losses, logs after some steps."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import GRAPHS, data_for, leaves, namespace
from keras_oracle import as_array, import_keras

import nn

keras = import_keras()
pytestmark = [
    pytest.mark.oracle,
    # of PyTorch's tensors, in Keras
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def twins(name):
    """The same graph of both libraries, with the weights of Keras's."""
    keras.backend.clear_session()
    theirs, ours = GRAPHS[name](namespace(keras)), GRAPHS[name](namespace(nn))
    ours = copied(ours, theirs)
    return ours, theirs


def copied(ours, theirs):
    assert [type(a).__name__ for a in ours.layers] == [
        type(b).__name__.replace("Functional", "Model") for b in theirs.layers
    ]
    for own, other in zip(ours.layers, theirs.layers, strict=True):
        values = [as_array(w.value) for w in other.weights]
        own.load_state_dict(dict(zip(own.state_dict(), values, strict=True)))
    return ours


@pytest.mark.parametrize("name", GRAPHS)
def test_the_same_order_names_outputs_and_training(name):
    ours, theirs = twins(name)
    x, y = data_for(ours, rows=24)
    for own, other in zip(
        leaves(ours.predict(x, verbose=0)), leaves(theirs.predict(x, verbose=0)), strict=True
    ):
        np.testing.assert_allclose(own, other, rtol=1e-5, atol=1e-6)
    ours.compile(nn.SGD(0.05, momentum=0.9), "mse")
    theirs.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse")
    own = ours.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0).history
    other = theirs.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0).history
    assert set(own) == set(other)
    for key, values in own.items():
        np.testing.assert_allclose(values, other[key], rtol=1e-4, atol=1e-6)


SETTINGS = {
    "one loss": dict(loss="mse"),
    "a list": dict(loss=["mse", "mae"], loss_weights=[2.0, 0.5], metrics=[["mae"], ["mse"]]),
    "by name": dict(
        loss={"main": "mse", "aux": "mae"}, loss_weights={"main": 2.0, "aux": 0.5},
        metrics={"main": ["mae", "mse"], "aux": "mse"}, weighted_metrics={"aux": ["mae"], "main": ["mae"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("weighted", [False, True])
def test_losses_and_metrics_of_several_outputs(settings, weighted):
    ours, theirs = twins("wide_and_deep")
    x, y = data_for(ours, rows=24)
    weight = [np.linspace(0.0, 1.0, 24), np.linspace(1.0, 0.5, 24)] if weighted else None
    found = []
    for model, module in ((ours, nn), (theirs, keras)):
        model.compile(module.optimizers.SGD(0.05), **settings)
        history = model.fit(x, y, sample_weight=weight, batch_size=8, epochs=2, shuffle=False, verbose=0)
        logs = model.evaluate(x, y, sample_weight=weight, return_dict=True, verbose=0)
        found.append((history.history, logs))
    for own, other in zip(*found, strict=True):
        assert set(own) == set(other)
        for key, value in own.items():
            np.testing.assert_allclose(value, other[key], rtol=1e-4, atol=1e-6, err_msg=key)


def test_merging_of_other_ranks_and_normalized_dots():
    draw = np.random.default_rng(0)
    a, b, c = draw.standard_normal((2, 3, 5)), draw.standard_normal((2, 10, 3)), draw.standard_normal((2, 5))
    for make in (
        lambda m: (m.Dot(axes=(1, 2)), [a, b]), lambda m: (m.Dot(axes=(1, 2), normalize=True), [a, b]),
        lambda m: (m.Add(), [a, c]), lambda m: (m.Maximum(), [a, c]), lambda m: (m.Dot(-1), [a, a]),
        lambda m: (m.Average(), [a, a * 2, a * 3]), lambda m: (m.Concatenate(axis=1), [a, a[:, :1]]),
    ):  # fmt: skip
        own, inputs = make(nn.layers)
        other, _ = make(keras.layers)
        expected = as_array(other([keras.ops.convert_to_tensor(x) for x in inputs]))
        np.testing.assert_allclose(own(inputs).numpy(), expected, rtol=1e-10)
