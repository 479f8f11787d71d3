"""Schedules and optimisers beside Keras, and the same network trained by both for 200 steps.

Keras computes in float64 here; its schedules do so when their arguments are float64 scalars, not Python floats.
"""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras_oracle import as_array, import_keras

import autograd as ag
import nn

keras = import_keras()
pytestmark = pytest.mark.oracle
theirs = keras.optimizers.schedules

rates = st.floats(1e-5, 1.0)
lengths = st.integers(1, 300) | st.floats(0.5, 300.0)
steps = st.integers(0, 1000)


def in_float64(config):
    """The arguments of a schedule with every float as a float64 scalar."""

    def exact(value):
        if isinstance(value, list):
            return [exact(item) for item in value]
        return np.float64(value) if isinstance(value, float) else value

    return {name: exact(value) for name, value in config.items()}


SCHEDULES = {
    "ExponentialDecay": st.fixed_dictionaries(
        dict(initial_learning_rate=rates, decay_steps=lengths, decay_rate=st.floats(0.1, 1.2), staircase=st.booleans())
    ),
    "InverseTimeDecay": st.fixed_dictionaries(
        dict(initial_learning_rate=rates, decay_steps=lengths, decay_rate=st.floats(0, 5), staircase=st.booleans())
    ),
    "PolynomialDecay": st.fixed_dictionaries(
        dict(
            initial_learning_rate=rates, decay_steps=lengths, end_learning_rate=rates,
            power=st.sampled_from([0.5, 1.0, 2.0, 3.0]), cycle=st.booleans(),
        )
    ),
    "CosineDecay": st.fixed_dictionaries(
        dict(
            initial_learning_rate=rates, decay_steps=lengths, alpha=st.floats(0, 1),
            warmup_target=st.none() | rates, warmup_steps=st.integers(1, 100),
        )
    ),
    "CosineDecayRestarts": st.fixed_dictionaries(
        dict(
            initial_learning_rate=rates, first_decay_steps=lengths, alpha=st.floats(0, 1),
            t_mul=st.just(1.0) | st.floats(1.01, 3), m_mul=st.floats(0.3, 1.0),
        )
    ),
    "PiecewiseConstantDecay": st.lists(st.integers(0, 900), min_size=1, max_size=5, unique=True).flatmap(
        lambda boundaries: st.fixed_dictionaries(
            dict(
                boundaries=st.just(sorted(boundaries)),
                values=st.lists(rates, min_size=len(boundaries) + 1, max_size=len(boundaries) + 1),
            )
        )
    ),
}  # fmt: skip


def near_a_jump(name, config, step):
    """Whether rounding decides on which side of a jump the step is: our restarts are exact, Keras's a logarithm."""
    if config.get("staircase") or config.get("cycle"):
        done = step / config["decay_steps"]
        return 0 < abs(done - round(done)) < 1e-9
    if name != "CosineDecayRestarts":
        return False
    done, growth = step / config["first_decay_steps"], config["t_mul"]
    periods = done if growth == 1 else math.log(1 + done * (growth - 1)) / math.log(growth)
    return periods > 0.5 and abs(periods - round(periods)) < 1e-9


@pytest.mark.parametrize("name", SCHEDULES)
@given(st.data())
def test_every_schedule_is_kerass(name, data):
    config, step = data.draw(SCHEDULES[name]), data.draw(steps)
    assume(not near_a_jump(name, config, step))
    ours = getattr(nn, name)(**config)(step)
    expected = as_array(getattr(theirs, name)(**in_float64(config))(np.int64(step)))
    assert expected.dtype == np.float64
    largest = max(config.get("values", [config.get("initial_learning_rate", 0)]))
    scale = max(largest, config.get("warmup_target") or 0, config.get("end_learning_rate", 0))
    # near the foot of a cosine only the distance from the top is exact
    np.testing.assert_allclose(ours.item(), expected, rtol=1e-12, atol=1e-14 * scale)


CLIPPING = [
    {},
    dict(clipnorm=0.7),
    dict(clipvalue=0.3),
    dict(global_clipnorm=0.9),
    dict(clipnorm=0),
]
OPTIMIZERS = {
    "SGD": ("SGD", {}),
    "SGD, momentum": ("SGD", dict(momentum=0.9)),
    "SGD, nesterov": ("SGD", dict(momentum=0.8, nesterov=True)),
    "Adam": ("Adam", dict(beta_1=0.8, beta_2=0.95)),
    "Adam, amsgrad": ("Adam", dict(amsgrad=True, beta_2=0.9)),
    "AdamW": ("AdamW", {}),
    "RMSprop": ("RMSprop", {}),
    "RMSprop, momentum": ("RMSprop", dict(momentum=0.7, rho=0.8)),
    "RMSprop, centered": ("RMSprop", dict(centered=True, epsilon=1e-3)),
    "RMSprop, all": ("RMSprop", dict(centered=True, momentum=0.5, epsilon=1e-3)),
    "Adagrad": ("Adagrad", dict(initial_accumulator_value=0.2)),
    "Adadelta": ("Adadelta", dict(epsilon=1e-4)),
    "Nadam": ("Nadam", dict(beta_1=0.7)),
    "Adamax": ("Adamax", {}),
    "Lion": ("Lion", {}),
}  # fmt: skip


# Keras's Nadam on PyTorch asks a tensor for a copy as NumPy 1 did
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
@pytest.mark.parametrize(("name", "options"), OPTIMIZERS.values(), ids=OPTIMIZERS)
@settings(max_examples=12)
@given(
    seed=st.integers(0, 2**32 - 1),
    clipping=st.sampled_from(CLIPPING),
    decay=st.sampled_from([None, 0.0, 0.03]),
    rate=st.sampled_from([1e-3, 0.05, "schedule"]),
)
def test_every_optimizer_is_kerass(name, options, seed, clipping, decay, rate):
    """20 steps on drawn gradients, of sizes from 0 to well over the limits of clipping."""
    config = options | clipping
    if decay is not None or name != "AdamW":
        config["weight_decay"] = decay
    drawn = np.random.default_rng(seed)
    start = [drawn.standard_normal((3, 2)), drawn.standard_normal(2)]
    rate = 0.05 if rate == "schedule" else rate
    ours = getattr(nn, name)(rate, **config)
    other = getattr(keras.optimizers, name)(rate, **config)
    parameters = [nn.Parameter(w) for w in start]
    variables = [keras.Variable(w) for w in start]
    other.build(variables)
    for _ in range(20):
        size = drawn.choice([0.0, 0.1, 1.0, 5.0])
        gradients = [size * drawn.standard_normal(w.shape) for w in start]
        ours.apply([ag.tensor(g) for g in gradients], parameters)
        other.apply([keras.ops.convert_to_tensor(g) for g in gradients], variables)
    for parameter, variable in zip(parameters, variables, strict=True):
        expected = as_array(variable.value)
        assert expected.dtype == np.float64
        np.testing.assert_allclose(parameter.numpy(), expected, rtol=1e-10, atol=1e-12)


def test_defaults_are_kerass():
    for name in dict.fromkeys(name for name, _ in OPTIMIZERS.values()):
        ours, other = getattr(nn, name)(), getattr(keras.optimizers, name)()
        assert ours.learning_rate == float(other.learning_rate)
        assert ours.name == name.lower()
        arguments = list(inspect.signature(type(ours)).parameters)
        assert set(arguments) <= set(inspect.signature(type(other)).parameters)
        for key in arguments:
            if key not in ("learning_rate", "name"):
                assert getattr(ours, key) == getattr(other, key), (name, key)


RUNS = {
    "ExponentialDecay": dict(initial_learning_rate=0.2, decay_steps=30, decay_rate=0.7, staircase=True),
    "InverseTimeDecay": dict(initial_learning_rate=0.2, decay_steps=20, decay_rate=0.5),
    "PolynomialDecay": dict(initial_learning_rate=0.2, decay_steps=60, power=2.0, cycle=True),
    "CosineDecay": dict(
        initial_learning_rate=0.01, decay_steps=120, alpha=0.05, warmup_target=0.2, warmup_steps=25
    ),
    # no step is exactly at a restart: there Keras's logarithm in float64 can be a step late
    "CosineDecayRestarts": dict(initial_learning_rate=0.2, first_decay_steps=25.5, m_mul=0.8),
    "PiecewiseConstantDecay": dict(boundaries=[50, 120], values=[0.2, 0.1, 0.02]),
}  # fmt: skip
MOMENTA = {
    "plain": {},
    "momentum": dict(momentum=0.9),
    "nesterov": dict(momentum=0.9, nesterov=True),
}
BATCHES, ROWS = 20, 16
drawn = np.random.default_rng(3)
X = drawn.standard_normal((BATCHES, ROWS, 5))
Y = np.sin(X @ drawn.standard_normal((5, 1))) + 0.1 * drawn.standard_normal((BATCHES, ROWS, 1))


def network():
    return nn.Sequential([nn.Input((5,)), nn.Dense(8, "tanh"), nn.Dense(4, "relu"), nn.Dense(1)], "float64")


def trained_by_keras(optimizer, weights):
    layers = [keras.layers.Dense(8, "tanh"), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((5,)), *layers])
    model.set_weights(weights)
    model.compile(optimizer, "mse")
    losses = [float(model.train_on_batch(X[i % BATCHES], Y[i % BATCHES])) for i in range(200)]
    return [as_array(variable.value) for variable in model.weights], losses[-1]


@pytest.mark.parametrize("momentum", MOMENTA)
@pytest.mark.parametrize("name", RUNS)
def test_200_steps_are_kerass(name, momentum, full):
    """The same network, data, order and weights; the loss of the last step and every weight after it."""
    if not full and list(MOMENTA)[list(RUNS).index(name) % len(MOMENTA)] != momentum:
        pytest.skip("every schedule once and every momentum twice; with --full each with each")
    momentum = MOMENTA[momentum]
    nn.set_random_seed(1)
    model = network()
    weights = model.get_weights()
    expected, last = trained_by_keras(
        keras.optimizers.SGD(getattr(theirs, name)(**in_float64(RUNS[name])), **momentum), weights
    )
    model.compile(nn.SGD(getattr(nn, name)(**RUNS[name]), **momentum), "mse")
    for i in range(200):
        loss = model.train_on_batch(X[i % BATCHES], Y[i % BATCHES])
    moved = [abs(a - b).max() for a, b in zip(weights, expected, strict=True) if a.ndim == 2]
    assert min(moved) > 0.1, "the kernels have to move for the comparison to mean something"
    assert loss == pytest.approx(last, rel=1e-12)
    for a, b in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
