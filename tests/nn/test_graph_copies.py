"""Copies and pickles of models of placeholders: deep ones, and what refers to the same stays the same."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest

import nn

COPIES = {"copied": copy.deepcopy, "pickled": lambda thing: pickle.loads(pickle.dumps(thing))}
ROWS = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)

STEPS = {
    "operators": lambda h: h * 0.99 + 0.01,
    "methods": lambda h: h.clip(-1.0, 1.0),
    "Dense": lambda h: nn.Dense(4)(h),
    "Average": lambda h: nn.Average()([h, nn.Activation("tanh")(h)]),
    "Add": lambda h: nn.Add()([h, h]) * 0.5,
    "a model": lambda h: nn.Sequential([nn.Input((4,)), nn.Dense(4)])(h),
}


def deep(step, count=500):
    a = h = nn.Input((4,))
    for _ in range(count):
        h = step(h)
    return nn.Model(a, h)


def nested(count):
    a = nn.Input((4,))
    model = nn.Model(a, nn.Dense(4)(a))
    for _ in range(count):
        a = nn.Input((4,))
        model = nn.Model(a, model(a))
    return model


def in_a_thread(work):
    """What it gives, on a stack of its own: the runner of the tests takes a part of this one's."""
    found = []

    def run():
        try:
            found.append(work())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_long_chains(step, copied):
    model = deep(step)
    twin = copied(model)
    np.testing.assert_array_equal(twin(ROWS).numpy(), model(ROWS).numpy())
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
    assert not set(map(id, twin.layers)) & set(map(id, model.layers))


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_models_nested_a_hundred_deep(copied):
    def both():
        model = nested(99)
        twin = copied(model)
        return [m.predict(ROWS, verbose=0) for m in (model, twin)], model(ROWS).numpy()

    (one, other), eager = in_a_thread(both)
    np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(one, eager, rtol=1e-6)


def test_models_nested_too_deep_say_so():
    with pytest.raises(nn.ArgumentError, match="too many models inside models"):
        in_a_thread(lambda: nested(1000))


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_what_is_shared_stays_shared(copied):
    a, b = nn.Input((4,), name="a"), nn.Input((4,), name="b")
    shared, inner = nn.Dense(4), nn.Sequential([nn.Input((4,)), nn.Dense(4)])
    second, first = shared(b), shared(a)
    h = nn.Add()([inner(first), inner(second)])
    whole = nn.Model([a, b], [h, first])
    part = nn.Model(first, inner(first))
    known = [(call.outputs.name, call.inputs[0].name) for call in _calls(shared)]
    twin, twin_part = copied((whole, part))
    layers = {layer.name: layer for layer in twin.layers}
    assert len(twin.layers) == len(whole.layers)
    # history: in the order in which the layer was called, not in that of the graph
    assert [(c.outputs.name, c.inputs[0].name) for c in _calls(layers[shared.name])] == known
    assert shared.output is second
    assert layers[shared.name].output is not second
    assert layers[shared.name].input is twin.inputs[1]
    # placeholders of one model are those of the other
    assert twin_part.inputs[0] is twin.outputs[1]
    assert twin_part.layers[-1] is layers[inner.name]
    joined = nn.Model(twin.inputs[0], twin_part.outputs[0])
    np.testing.assert_array_equal(
        joined(ROWS).numpy(), nn.Model(whole.inputs[0], part.outputs[0])(ROWS).numpy()
    )


def _calls(layer):
    return layer._calls


class Keeper(nn.Model):
    """Keeps a placeholder from the middle in an attribute that is set before the graph."""

    def __init__(self):
        a = h = nn.Input((4,))
        for _ in range(300):
            h = h * 0.99 + 0.01
        self.middle = h
        super().__init__(a, nn.Dense(1)(h))


def test_a_placeholder_in_an_attribute():
    model = Keeper()
    twin = copy.deepcopy(model)
    assert twin.middle is twin.layers[-1].input
    assert twin.middle is not model.middle
    np.testing.assert_array_equal(twin(ROWS).numpy(), model(ROWS).numpy())


def test_a_layer_that_knows_its_model():
    a = nn.Input((4,))
    layer = nn.Dense(4)
    model = nn.Model(a, layer(a))
    object.__getattribute__(layer, "__dict__")["owner"] = [model]
    for copied in COPIES.values():
        twin = copied(model)
        assert twin.layers[-1].owner[0] is twin
        assert twin.layers[-1].output is twin.outputs[0]
