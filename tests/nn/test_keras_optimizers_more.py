"""What scripts for Keras do with optimizers: moving averages, gathered gradients, the rate as a variable, schedules of
their own, old spellings, descriptions; beside Keras where it has numbers, and the same in compiled runs.
"""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_oracle import as_array, import_keras

import autograd as ag
import nn

keras = import_keras()

EXTRAS = {
    "ema": dict(use_ema=True, ema_momentum=0.8),
    "ema, overwritten": dict(use_ema=True, ema_momentum=0.6, ema_overwrite_frequency=3),
    "gathered": dict(gradient_accumulation_steps=3),
    "gathered, clipped, decay": dict(gradient_accumulation_steps=2, clipnorm=0.5, weight_decay=0.1),
    "loss scale": dict(loss_scale_factor=8.0),
}
KINDS = {
    "SGD": dict(momentum=0.9),
    "Adam": {},
    "Nadam": {},
    "Adagrad": {},
    "Lamb": {},
    "Ftrl": dict(l1_regularization_strength=0.01, l2_regularization_strength=0.1, beta=0.2),
    "Ftrl, power": dict(learning_rate_power=-0.7, l2_shrinkage_regularization_strength=0.05),
}


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
@pytest.mark.parametrize("extra", ["none", *EXTRAS])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=3)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_optimizer_is_kerass(kind, extra, seed):
    options = KINDS[kind] | EXTRAS.get(extra, {})
    name = kind.split(",")[0]
    drawn = np.random.default_rng(seed)
    start = [drawn.standard_normal((3, 2)), drawn.standard_normal(2)]
    ours, other = (
        getattr(nn.optimizers, name)(0.05, **options),
        getattr(keras.optimizers, name)(0.05, **options),
    )
    parameters, variables = [nn.Parameter(w) for w in start], [keras.Variable(w) for w in start]
    other.build(variables)
    for _ in range(9):
        gradients = [drawn.standard_normal(w.shape) for w in start]
        ours.apply_gradients(zip([ag.tensor(g) for g in gradients], parameters, strict=True))
        other.apply_gradients(list(zip(map(keras.ops.convert_to_tensor, gradients), variables, strict=True)))
        for parameter, variable in zip(parameters, variables, strict=True):
            np.testing.assert_allclose(parameter.numpy(), as_array(variable.value), rtol=1e-9, atol=1e-11)
    assert ours.iterations.item() == int(other.iterations)
    ours.finalize_variable_values(parameters)
    other.finalize_variable_values(variables)
    for parameter, variable in zip(parameters, variables, strict=True):
        np.testing.assert_allclose(parameter.numpy(), as_array(variable.value), rtol=1e-9, atol=1e-11)


def line(dtype="float32", **options):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((24, 3)).astype(dtype)
    y = (x @ [[1.0], [-2.0], [0.5]]).astype(dtype)
    model = nn.Sequential([nn.Input((3,)), nn.Dense(4, "tanh"), nn.Dense(1)], dtype=dtype, seed=1)
    model.compile(loss="mse", **options)
    return model, x, y


@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled_fit_is_eager_fit(extra, dtype):
    weights = []
    for jit in (True, False):
        model, x, y = line(dtype, optimizer=nn.Adam(0.01, **EXTRAS[extra]), jit=jit)
        model.fit(x, y, batch_size=5, epochs=3, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-6)


@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.parametrize("kind", ["Adam", "Ftrl", "Lamb"])
def test_saved_and_loaded_it_goes_on_bit_for_bit(extra, kind, tmp_path):
    model, x, y = line(optimizer=getattr(nn, kind)(0.01, **EXTRAS[extra]))
    model.fit(x, y, batch_size=5, epochs=1, verbose=0)
    model.save(tmp_path / "model")
    loaded = nn.load(tmp_path / "model")
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    for each in (model, loaded):
        each.fit(x, y, batch_size=5, epochs=2, verbose=0)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()


def test_fit_ends_with_the_averages():
    model, x, y = line(optimizer=nn.SGD(0.1, use_ema=True, ema_momentum=0.5))
    model.fit(x, y, epochs=2, verbose=0)
    for parameter, average in zip(model.parameters(), model.optimizer.averages(), strict=True):
        assert parameter.numpy().tobytes() == average.numpy().tobytes()


def test_the_rate_is_a_number_and_a_variable():
    optimizer = nn.SGD(0.5)
    rate = optimizer.learning_rate
    assert isinstance(rate, float)
    assert rate == 0.5
    assert optimizer.learning_rate.assign(0.25) == 0.25
    assert (rate, float(rate), rate.numpy(), rate.value, rate.item(), optimizer.lr) == (0.25,) * 6
    assert (rate * 2, 2 * rate, rate + rate, -rate, rate**2, abs(rate), rate / 2) == (
        0.5,
        0.5,
        0.5,
        -0.25,
        0.0625,
        0.25,
        0.125,
    )
    assert (rate < 0.3, rate >= 0.3, bool(rate), f"{rate:.1e}", repr(rate)) == (
        True,
        False,
        True,
        "2.5e-01",
        "0.25",
    )
    assert np.asarray(rate) == 0.25
    assert math.isclose(math.sqrt(optimizer.learning_rate), 0.5)
    optimizer.lr = np.float32(0.125)
    optimizer.learning_rate.assign(optimizer.learning_rate * 2)
    assert optimizer.learning_rate == 0.25
    for copied in (copy.deepcopy(rate), pickle.loads(pickle.dumps(rate)), copy.copy(rate)):
        assert type(copied) is float
    assert copy.deepcopy(optimizer).learning_rate == 0.25
    with pytest.raises(nn.ArgumentError, match="SGD: learning_rate is a number >= 0 or a schedule, got -1"):
        rate.assign(-1)


class Halts(nn.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            self.model.optimizer.learning_rate.assign(0.0)
            self.kept = self.model.get_weights()


@pytest.mark.parametrize("jit", [True, False])
def test_a_rate_that_is_assigned_takes_effect_at_the_next_step(jit):
    model, x, y = line(optimizer="sgd", jit=jit)
    halts = Halts()
    model.fit(x, y, batch_size=4, epochs=1, verbose=0, callbacks=[halts])
    for a, b in zip(model.get_weights(), halts.kept, strict=True):
        assert a.tobytes() == b.tobytes()


class Warm(nn.LearningRateSchedule):
    def __init__(self, peak, steps):
        self.peak = peak
        self.steps = steps

    def __call__(self, step):
        step = ag.tensor(step, "float32") if not isinstance(step, ag.Tensor) else step.to("float32")
        return ag.minimum(step / self.steps, 1.0) * self.peak


@pytest.mark.parametrize("jit", [True, False])
def test_a_schedule_of_ones_own_in_kerass_form(jit):
    weights = []
    for schedule in (Warm(0.1, 4), nn.PolynomialDecay(0.0, 4, 0.1)):
        model, x, y = line("float64", optimizer=nn.SGD(schedule), jit=jit)
        model.fit(x, y, batch_size=4, epochs=2, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    again = nn.optimizers.deserialize(nn.optimizers.serialize(nn.SGD(Warm(0.1, 4))), {"Warm": Warm})
    assert again.schedule.get_config() == {"peak": 0.1, "steps": 4}


def test_old_spellings():
    with pytest.warns(
        UserWarning, match="SGD: decay is no longer supported and is ignored; .* nn.InverseTimeDecay"
    ):
        optimizer = nn.SGD(0.1, decay=1e-3)
    assert "decay" not in optimizer.get_config()
    assert nn.SGD(decay=None).learning_rate == 0.01
    with pytest.raises(nn.ArgumentError, match="Adam: lr is called learning_rate"):
        nn.Adam(lr=0.1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'speed'"):
        nn.Adam(speed=0.1)
    with pytest.raises(AttributeError, match=r"legacy is not of Keras 3 any more; use nn\.optimizers\.Adam"):
        nn.optimizers.legacy.Adam()
    with pytest.raises(nn.ArgumentError, match="Mine defines update_step, which nothing here calls"):
        type("Mine", (nn.Optimizer,), {"update_step": None})


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
@pytest.mark.parametrize(
    "kind",
    sorted({name.split(",")[0] for name in KINDS} | {"AdamW", "RMSprop", "Adadelta", "Adamax", "Lion"}),
)
def test_descriptions_are_kerass(kind):
    """Ours makes the same again, and so does what Keras writes."""
    made = getattr(nn.optimizers, kind)(nn.CosineDecay(0.25, 5), use_ema=True)
    again = nn.optimizers.deserialize(nn.optimizers.serialize(made))
    assert type(again) is type(made)
    assert nn.optimizers.serialize(again) == nn.optimizers.serialize(made)
    assert type(made).from_config(made.get_config()).schedule is made.schedule
    theirs = keras.optimizers.serialize(getattr(keras.optimizers, kind)(0.25, clipnorm=1.0))
    read = nn.optimizers.get(theirs)
    assert (type(read).__name__, read.learning_rate, read.clipnorm) == (kind, 0.25, 1.0)


BAD = {
    "frequency": (dict(ema_overwrite_frequency=0), "SGD: ema_overwrite_frequency is an integer >= 1, got 0"),
    "momentum": (dict(ema_momentum=1.5), "SGD: ema_momentum lies between 0 and 1, got 1.5"),
    "gathered": (
        dict(gradient_accumulation_steps=1),
        "gradient_accumulation_steps is an integer >= 2 or None, got 1",
    ),
    "scale": (dict(loss_scale_factor=0), "SGD: loss_scale_factor is a number > 0, got 0"),
    "ema": (dict(use_ema="yes"), "SGD: use_ema is True or False, got 'yes'"),
}


@pytest.mark.parametrize(("options", "message"), BAD.values(), ids=BAD)
def test_bad_arguments(options, message):
    with pytest.raises(nn.ArgumentError, match=message):
        nn.SGD(**options)
    with pytest.raises(nn.ArgumentError, match="apply_gradients takes pairs"):
        nn.SGD().apply_gradients([ag.tensor([1.0])])
    with pytest.raises(nn.ArgumentError, match="Ftrl: learning_rate_power is a number <= 0, got 1"):
        nn.Ftrl(learning_rate_power=1)
