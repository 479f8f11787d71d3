"""RMSprop, Adagrad, Adadelta, Lion, AdamW, Nadam, Adamax and amsgrad: by formula in NumPy, their names and errors."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import nn

generator = np.random.default_rng(5)
START = generator.standard_normal((3, 2))
GRADIENTS = generator.standard_normal((6, 3, 2)) * generator.choice([0.1, 1.0, 4.0], (6, 1, 1))
RATE, DECAY = 0.05, 0.1


def rmsprop(momentum=0.0, centered=False):
    w, v, m, mean = START.copy(), 0, 0, 0
    for g in GRADIENTS:
        v = 0.8 * v + 0.2 * g**2
        mean = 0.8 * mean + 0.2 * g if centered else 0
        m = momentum * m + RATE * g / np.sqrt(v - mean**2 + 1e-3)
        w -= m
    return w


def adagrad():
    w, total = START.copy(), 0.3
    for g in GRADIENTS:
        total = total + g**2
        w -= RATE * g / np.sqrt(total + 1e-3)
    return w


def adadelta():
    w, gradients, steps = START.copy(), 0, 0
    for g in GRADIENTS:
        gradients = 0.8 * gradients + 0.2 * g**2
        step = np.sqrt(steps + 1e-3) / np.sqrt(gradients + 1e-3) * g
        steps = 0.8 * steps + 0.2 * step**2
        w -= RATE * step
    return w


def lion():
    w, m = START.copy(), 0
    for g in GRADIENTS:
        w -= RATE * np.sign(0.8 * m + 0.2 * g)
        m = 0.9 * m + 0.1 * g
    return w


def adam(decay=0.0, amsgrad=False):
    w, m, v, top = START.copy(), 0, 0, 0
    for t, g in enumerate(GRADIENTS, 1):
        w -= w * decay * RATE
        m, v = 0.8 * m + 0.2 * g, 0.9 * v + 0.1 * g**2
        top = np.maximum(top, v) if amsgrad else v
        rate = RATE * np.sqrt(1 - 0.9**t) / (1 - 0.8**t)
        w -= rate * m / (np.sqrt(top) + 1e-3)
    return w


def adamax():
    w, m, u = START.copy(), 0, 0
    for t, g in enumerate(GRADIENTS, 1):
        m, u = 0.8 * m + 0.2 * g, np.maximum(0.9 * u, abs(g))
        w -= RATE / (1 - 0.8**t) * m / (u + 1e-3)
    return w


def nadam():
    w, m, v, product = START.copy(), 0, 0, 1.0
    shares = [0.8 * (1 - 0.5 * 0.96**t) for t in range(1, 9)]
    for t, g in enumerate(GRADIENTS, 1):
        now, following = shares[t - 1], shares[t]
        product *= now
        m, v = 0.8 * m + 0.2 * g, 0.9 * v + 0.1 * g**2
        ahead = following * m / (1 - product * following) + (1 - now) * g / (1 - product)
        w -= RATE * ahead / (np.sqrt(v / (1 - 0.9**t)) + 1e-3)
    return w


MOMENTS = (RATE, 0.8, 0.9, 1e-3)
FORMULAS = {
    "rmsprop": (lambda: nn.RMSprop(RATE, 0.8, epsilon=1e-3), rmsprop()),
    "rmsprop, momentum": (lambda: nn.RMSprop(RATE, 0.8, 0.6, 1e-3), rmsprop(0.6)),
    "rmsprop, centered": (lambda: nn.RMSprop(RATE, 0.8, 0.6, 1e-3, True), rmsprop(0.6, True)),
    "adagrad": (lambda: nn.Adagrad(RATE, 0.3, 1e-3), adagrad()),
    "adadelta": (lambda: nn.Adadelta(RATE, 0.8, 1e-3), adadelta()),
    "lion": (lambda: nn.Lion(RATE, 0.8, 0.9), lion()),
    "amsgrad": (lambda: nn.Adam(*MOMENTS, amsgrad=True), adam(amsgrad=True)),
    "adamw": (lambda: nn.AdamW(RATE, DECAY, 0.8, 0.9, 1e-3), adam(DECAY)),
    "adamw is adam with decay": (lambda: nn.Adam(*MOMENTS, weight_decay=DECAY), adam(DECAY)),
    "adamax": (lambda: nn.Adamax(*MOMENTS), adamax()),
    "nadam": (lambda: nn.Nadam(*MOMENTS), nadam()),
}


@pytest.mark.eager
@pytest.mark.parametrize(("make", "expected"), FORMULAS.values(), ids=FORMULAS)
def test_six_steps_by_formula(make, expected):
    optimizer, parameter = make(), nn.Parameter(START)
    for g in GRADIENTS:
        optimizer.apply([ag.tensor(g)], [parameter])
    np.testing.assert_allclose(parameter.numpy(), expected, rtol=1e-13, atol=1e-15)
    assert np.abs(expected - START).max() > 5e-3


@pytest.mark.parametrize(("make", "expected"), FORMULAS.values(), ids=FORMULAS)
def test_float32_parameters_stay_float32_and_close(make, expected):
    optimizer, parameter = make(), nn.Parameter(START.astype(np.float32))
    for g in GRADIENTS:
        optimizer.apply([ag.tensor(g.astype(np.float32))], [parameter])
    assert parameter.dtype == np.float32
    assert {slot.dtype for slot in optimizer.slots[0].values()} == {np.dtype(np.float32)}
    np.testing.assert_allclose(parameter.numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "nadam", "adamax", "lion"]
)
def test_names_in_any_case(name):
    kinds = {type(nn.optimizers.get(spelling)) for spelling in (name, name.upper(), name.title())}
    assert [kind.__name__.lower() for kind in kinds] == [name]
    optimizer = kinds.pop()(name="mine")
    assert optimizer.name == "mine"
    assert nn.optimizers.get(optimizer) is optimizer


def test_a_limit_of_0_is_no_limit():
    for option in ("clipnorm", "clipvalue", "global_clipnorm"):
        parameter = nn.Parameter([1.0])
        nn.SGD(0.5, **{option: 0}).apply([ag.tensor([4.0])], [parameter])
        assert parameter.tolist() == [-1.0]


BAD = {
    "adamw": (lambda: nn.AdamW(weight_decay=None), "AdamW: weight_decay is a number >= 0, got None; .* nn.Adam"),
    "rho": (lambda: nn.RMSprop(rho=1), r"RMSprop: rho lies in \[0, 1\), got 1"),
    "momentum": (lambda: nn.RMSprop(momentum=1.5), "RMSprop: momentum lies between 0 and 1, got 1.5"),
    "epsilon": (lambda: nn.Adagrad(epsilon=-1), "Adagrad: epsilon is a number >= 0, got -1"),
    "accumulator": (lambda: nn.Adagrad(initial_accumulator_value=-1), "initial_accumulator_value is a number >= 0"),
    "adadelta": (lambda: nn.Adadelta(rho=-0.1), r"Adadelta: rho lies in \[0, 1\), got -0.1"),
    "lion": (lambda: nn.Lion(beta_1=0), r"Lion: beta_1 lies in \(0, 1\], got 0; with 0 only the sign"),
    "lion, 2": (lambda: nn.Lion(beta_2=1), r"Lion: beta_2 lies in \[0, 1\), got 1"),
    "nadam": (lambda: nn.Nadam(beta_2=1.0), r"Nadam: beta_2 lies in \[0, 1\), got 1.0"),
    "adamax": (lambda: nn.Adamax(beta_1=-1), r"Adamax: beta_1 lies in \[0, 1\), got -1"),
    "clipping": (lambda: nn.Lion(clipnorm=1, global_clipnorm=1), "got clipnorm and global_clipnorm"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD)
def test_bad_arguments(make, message):
    with pytest.raises(nn.ArgumentError, match=message):
        make()
