"""The learning-rate range test: rates, losses, when it stops, and that it leaves everything as it was."""

from __future__ import annotations

import math

import numpy as np
import pytest
from models import Batches, everything, rows

import autograd as ag
import nn


def model(optimizer="sgd", loss="mse", **options):
    net = nn.Sequential([nn.Dense(8, "relu"), nn.Dropout(0.3), nn.Dense(1, **options)])
    net.compile(optimizer, loss, metrics=[nn.BinaryAccuracy()])
    return net


def random_state():
    return [word.item() for word in ag.random.default_generator().state]


SCHEDULES = [0.1, nn.ExponentialDecay(0.1, 10, 0.9)]


@pytest.mark.parametrize("rate", SCHEDULES, ids=["number", "schedule"])
@pytest.mark.parametrize("optimizer", [nn.SGD, nn.Adam])
@pytest.mark.parametrize("epochs", [0, 2], ids=["fresh", "trained"])
def test_everything_is_as_before(optimizer, rate, epochs):
    net = model(optimizer(rate))
    x, y = rows(40)
    net.ensure_built(ag.tensor(x))
    net.fit(x, y, epochs=epochs, verbose=0)
    before, state = everything(net), random_state()
    objects = {id(t) for t in net.optimizer.state().values()}
    given = net.optimizer.learning_rate
    # a number is read anew whenever it is looked at
    kept = given if isinstance(given, nn.LearningRateSchedule) else float(given)
    test = nn.learning_rate_range_test(net, x, y, maximum=100.0, steps=60, batch_size=8)
    assert len(test.rates) > 10
    assert everything(net) == before
    assert random_state() == state
    assert {id(t) for t in net.optimizer.state().values()} == objects
    assert net.optimizer.learning_rate == kept
    assert not any(module.training for _, module in net.named_modules())
    assert all(p.grad is None for p in net.parameters())


def test_training_goes_on_as_if_there_had_been_no_test():
    x, y = rows(40)
    weights = []
    for tested in (False, True):
        nn.set_random_seed(3)
        net = model("adam")
        net.fit(x, y, epochs=2, verbose=0)
        if tested:
            nn.learning_rate_range_test(net, x, y, steps=30)
        net.fit(x, y, epochs=2, verbose=0)
        weights.append(everything(net))
    assert weights[0] == weights[1]


def test_an_unbuilt_model_is_built_as_fit_would():
    x, y = rows(40)
    weights = []
    for tested in (False, True):
        nn.set_random_seed(3)
        net = model()
        if tested:
            nn.learning_rate_range_test(net, x, y, steps=30)
        net.fit(x, y, verbose=0)
        weights.append(everything(net))
    assert weights[0] == weights[1]


def test_everything_is_as_before_also_after_an_error():
    net = model()
    x, y = rows(12)
    net.ensure_built(ag.tensor(x))
    before, state = everything(net), random_state()

    class Breaks(Batches):
        def __iter__(self):
            yield x, y
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nn.learning_rate_range_test(net, Breaks(), maximum=1.0, steps=20)
    assert everything(net) == before
    assert random_state() == state


def test_rates_grow_by_a_constant_factor():
    x, y = rows(40)
    test = nn.learning_rate_range_test(model(), x, y, 1e-4, 1e-2, steps=21)
    assert test.rates[0] == 1e-4
    assert test.rates[-1] == pytest.approx(1e-2, rel=1e-12)
    ratios = np.divide(test.rates[1:], test.rates[:-1])
    assert ratios == pytest.approx(10**0.1, rel=1e-12)
    assert not test.diverged


def test_the_losses_are_those_of_gradient_descent():
    """A line through two points, one batch: every number can be computed by hand."""
    net = nn.Sequential([nn.Dense(1, use_bias=False, input_shape=(1,))], dtype="float64")
    net.load_state_dict({"layers.0.kernel": [[0.0]]})
    net.compile("sgd", "mse")
    x = np.array([[1.0], [2.0]])
    test = nn.learning_rate_range_test(net, x, 3 * x, 1e-3, 1e-1, steps=10, batch_size=2)
    weight, mean, expected, smooth = 0.0, 0.0, [], []
    for i, rate in enumerate(test.rates):
        expected.append(float(((weight - 3) ** 2 * x**2).mean()))
        weight -= rate * 2 * (weight - 3) * float((x**2).mean())
        mean = 0.9 * mean + 0.1 * expected[-1]
        smooth.append(mean / (1 - 0.9 ** (i + 1)))
    assert test.losses == pytest.approx(expected, rel=1e-12)
    assert test.smoothed == pytest.approx(smooth, rel=1e-12)


def test_it_stops_when_the_loss_diverges_and_suggests_less():
    x, y = rows(200)
    test = nn.learning_rate_range_test(model(), x, y, maximum=1000.0, steps=150)
    assert test.diverged
    assert len(test.rates) < 150
    assert all(map(math.isfinite, test.losses))
    assert 1e-4 < test.suggestion < test.rates[-1]


def test_a_loss_that_never_falls_suggests_nothing():
    net = nn.Sequential([nn.Dense(1, input_shape=(3,))])
    net.compile(nn.SGD(), lambda y_true, y_pred: (y_pred * 0.0).sum(axis=-1) + 1.0)
    test = nn.learning_rate_range_test(net, *rows(40), steps=20)
    assert test.suggestion is None
    assert set(test.losses) == {1.0}


def test_batches_may_come_from_an_iterable():
    x, y = rows(40)
    source = Batches((x[:20], y[:20]), (x[20:], y[20:]))
    net = model()
    test = nn.learning_rate_range_test(net, source, maximum=0.1, steps=30)
    assert len(test.rates) == 30
    assert source.reads == 16
    with pytest.raises(nn.ArgumentError, match="yields its batches once"):
        nn.learning_rate_range_test(net, iter([(x, y)]))
    with pytest.raises(nn.ArgumentError, match="y is missing"):
        nn.learning_rate_range_test(net, Batches((x,)))


@pytest.mark.filterwarnings("ignore:x holds NaN")
def test_a_loss_that_is_nan_from_the_start():
    x, y = rows(40)
    with pytest.raises(nn.ArgumentError, match="the loss of the first batch is NaN or infinite"):
        nn.learning_rate_range_test(model(), x * np.nan, y, steps=20)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"minimum": 0.0}, "minimum is a number > 0, got 0.0"),
        ({"minimum": 1.0, "maximum": 0.1}, "expected 0 < minimum < maximum"),
        ({"maximum": math.inf}, "maximum is a number > 0, got inf"),
        ({"minimum": math.nan}, "minimum is a number > 0, got nan"),
        ({"steps": 9}, "steps is an integer >= 10, got 9"),
        ({"steps": 20.0}, "steps is an integer >= 10, got 20.0"),
        ({"smoothing": 1.0}, r"smoothing lies in \[0, 1\), got 1.0"),
        ({"divergence": 1.0}, "divergence is a factor above 1, got 1.0"),
        ({"batch_size": 0}, "batch_size is an integer >= 1"),
    ],
)
def test_bad_arguments(options, text):
    with pytest.raises(nn.ArgumentError, match=text):
        nn.learning_rate_range_test(model(), *rows(), **options)


def test_before_compile():
    with pytest.raises(nn.NotCompiledError, match="call compile"):
        nn.learning_rate_range_test(nn.Sequential([nn.Dense(1)]), *rows())
