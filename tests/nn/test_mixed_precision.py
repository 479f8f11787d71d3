"""compile(mixed_precision=...): what is rounded, that it learns, and the scale of the loss in float16."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import everything
from precisions import FORMATS, X, Y, network, numbers, parts

import autograd as ag
import backends
import nn
from nn.precision import LossScale

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("backend")]


def state(model):
    """The bytes of everything that a skipped step may not change."""
    trackers = {f"{m.name}.{k}" for m in model.trackers for k in m.state()}
    return {k: v for k, v in everything(model).items() if k not in trackers}


def rounded(x, name):
    return backends.get("numpy").round_to(np.asarray(x, np.float32), format=name).astype(np.float64)


# what is rounded
@pytest.mark.parametrize("name", FORMATS)
def test_every_product_of_the_step_has_the_precision(name):
    model = network(name)
    text = nn.capture_train_step(model, ag.zeros((8, 6)), ag.zeros((8, 1))).program_text()
    assert text.count("matmul(") == text.count(f", precision='{name}')") == 5
    assert ("loss_scale.scale" in text) == (name == "float16")


def test_without_it_nothing_is_different():
    text = nn.capture_train_step(network(), ag.zeros((8, 6)), ag.zeros((8, 1))).program_text()
    assert "precision" not in text
    assert "loss_scale" not in text
    assert (network().mixed_precision, network().loss_scale) == (None, None)


@pytest.mark.devices
@pytest.mark.parametrize("name", FORMATS)
def test_a_step_by_hand(name):
    """SGD on a line: the products of rounded operands, everything else in float32."""
    model = nn.Sequential([nn.Dense(1, input_shape=(6,))])
    model.compile(nn.SGD(0.1), "mse", mixed_precision=name)
    kernel, bias = (w.astype(np.float64) for w in model.get_weights())
    x, y = X[:16], Y[:16].astype(np.float64)
    for together in (True, False):
        slope = 2 * (rounded(x, name) @ rounded(kernel, name) + bias - y) / 16
        kernel = kernel - 0.1 * (rounded(x, name).T @ rounded(slope * 2**15, name) / 2**15 if name == "float16" else rounded(x, name).T @ rounded(slope, name))  # fmt: skip
        bias = bias - 0.1 * slope.sum(0)
        if together:
            model.fit(x, y.astype(np.float32), batch_size=16, verbose=0)
        else:
            model.train_on_batch(x, y.astype(np.float32))
        # the slope is a sum in float32 and may be rounded to either side of a tie; weights are float32
        np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=0, atol=3e-4 if name == "bfloat16" else 4e-5)  # fmt: skip
        np.testing.assert_allclose(model.get_weights()[1], bias, rtol=0, atol=1e-6)
        kernel, bias = (w.astype(np.float64) for w in model.get_weights())
    assert all(w.dtype == np.float32 for w in model.get_weights())


@pytest.mark.parametrize("name", FORMATS)
def test_predict_and_evaluate_have_it_too(name):
    model = nn.Sequential([nn.Dense(1, use_bias=False, input_shape=(6,))])
    model.compile("sgd", "mse", mixed_precision=name)
    expected = rounded(X, name) @ rounded(model.get_weights()[0], name)
    np.testing.assert_allclose(model.predict(X, batch_size=500, verbose=0), expected, rtol=0, atol=1e-6)  # fmt: skip
    assert abs(expected - X @ model.get_weights()[0].astype(np.float64)).max() > 1e-4
    loss = model.evaluate(X, Y, verbose=0)
    assert loss == pytest.approx(float(np.mean((expected - Y) ** 2)), rel=1e-6)
    loss = model.evaluate(((X[i : i + 64], Y[i : i + 64]) for i in (0, 64, 128)), verbose=0)
    assert loss == pytest.approx(float(np.mean((expected - Y) ** 2)), rel=1e-6)


# learning
def test_it_learns_as_float32_does(backend, full):
    """As machine code in float16 alone without `--full`, the one with a scale."""
    model = network()
    model.fit(X, Y, epochs=80, verbose=0)
    expected = model.evaluate(X, Y, verbose=0)
    assert expected < 0.1 * np.var(Y)
    for name in FORMATS if full or backend == "numpy" else ("float16",):
        model = network(name)
        model.fit(X, Y, epochs=80, verbose=0)
        assert model.evaluate(X, Y, verbose=0) == pytest.approx(expected, rel=0.05), name


def faint(precision, scaling=True):
    """The kernel of a line after training with slopes below the smallest number of float16, and a rate that fits."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((64, 4)).astype(np.float32)
    model = nn.Sequential([nn.Dense(1, use_bias=False, kernel_initializer="zeros", input_shape=(4,))])  # fmt: skip
    model.compile(nn.SGD(0.2e8), "mse", mixed_precision=precision)
    if not scaling:
        model.loss_scale = None
    model.fit(x, x.sum(1), batch_size=64, epochs=40, sample_weight=np.full(64, 1e-8, np.float32), verbose=0)  # fmt: skip
    return model.get_weights()[0]


def test_gradients_that_would_vanish_are_kept_by_the_scale(backend, full):
    for precision in (None, *FORMATS) if full or backend == "numpy" else ("float16",):
        np.testing.assert_allclose(faint(precision), 1.0, rtol=5e-3)
    assert not faint("float16", scaling=False).any()


# the scale
@pytest.mark.parametrize("optimizer", [nn.SGD, nn.Adam, nn.Nadam, nn.RMSprop], ids=lambda o: o.__name__)  # fmt: skip
def test_an_overflow_halves_the_scale_and_changes_nothing_else(optimizer):
    rate = nn.ExponentialDecay(0.01, 1, 0.5)
    model = nn.Sequential([nn.Input((6,)), nn.Dense(1)])
    model.compile(optimizer(rate, momentum=0.9) if optimizer is nn.SGD else optimizer(rate), "mse", mixed_precision="float16")  # fmt: skip
    model.fit(X, Y, verbose=0)
    model.loss_scale = LossScale(2.0**100)
    before = state(model)
    model.fit(X[:64], Y[:64], batch_size=32, verbose=0)
    assert state(model) == before
    assert numbers(model) == (2.0**98, 0)
    model.train_on_batch(X[:32], Y[:32])
    assert state(model) == before
    assert numbers(model) == (2.0**97, 0)
    assert model.optimizer.iterations.item() == 6
    model.loss_scale = LossScale(2.0**10)
    model.fit(X[:64], Y[:64], batch_size=32, verbose=0)
    assert model.optimizer.iterations.item() == 8
    assert numbers(model) == (2.0**10, 2)
    changed = state(model)
    assert all(changed[key] != before[key] for key in before if key != "optimizer.learning_rate")


def test_a_batch_that_overflows_spoils_no_moving_average():
    model = network("float16")
    model.fit(X, Y, verbose=0)
    before = state(model)
    model.fit(np.full((32, 6), 1e6, np.float32), Y[:32], batch_size=32, verbose=0)
    assert state(model) == before
    model.fit(X[:32], Y[:32], batch_size=32, verbose=0)
    assert np.isfinite(model.evaluate(X, Y, verbose=0))
    assert numbers(model) == (2.0**14, 1)


def test_a_scale_that_is_too_large_comes_down_and_then_it_learns():
    model = network("float16")
    model.loss_scale = LossScale(2.0**60)
    model.fit(X, Y, epochs=50, verbose=0)
    scale, good = numbers(model)
    assert 2.0**5 < scale < 2.0**25
    assert model.optimizer.iterations.item() == 300 - round(60 - np.log2(scale))
    assert 0 < good <= 300
    assert model.evaluate(X, Y, verbose=0) < 0.15 * np.var(Y)


def test_the_scale_grows_after_so_many_steps():
    model = network("float16")
    model.loss_scale = LossScale(4.0, dynamic_growth_steps=3)
    seen = []
    watch = nn.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(numbers(model)))
    x, y = (np.concatenate([part, part[:32]]) for part in (X, Y))
    model.fit(x, y, batch_size=32, callbacks=watch, verbose=0)
    assert seen == [(4, 1), (4, 2), (8, 0), (8, 1), (8, 2), (16, 0), (16, 1)]


def test_the_scale_stays_a_number():
    scale, w = LossScale(2.0**127, dynamic_growth_steps=1), nn.Parameter([1.0])
    scale.apply(nn.SGD(0.0), [ag.tensor([1.0])], [w])
    assert scale.scale.item() == 2.0**127
    scale = LossScale(2.0**-125)
    for expected in (-126, -126):
        scale.apply(nn.SGD(0.0), [ag.tensor([np.nan])], [w])
        assert scale.scale.item() == 2.0**expected
    assert w.item() == 1.0


def test_parameters_without_a_gradient_are_left_out():
    scale, used, unused = LossScale(2.0), nn.Parameter([1.0]), nn.Parameter([5.0])
    scale.apply(nn.SGD(0.25), [None, ag.tensor([2.0])], [unused, used])
    assert (used.item(), unused.item()) == (0.75, 5.0)


@pytest.mark.oracle
@settings(deadline=None, max_examples=40)
@given(
    gradients=st.lists(st.sampled_from([1.0, -3.0, 0.0, 64.0, np.inf, -np.inf, np.nan]), min_size=1, max_size=30),
    growth=st.integers(1, 4),
    start=st.sampled_from([1.0, 8.0, 32768.0]),
)  # fmt: skip
def test_scales_and_weights_are_those_of_pytorch(gradients, growth, start):
    torch = pytest.importorskip("torch")
    theirs = torch.amp.GradScaler("cpu", init_scale=start, growth_interval=growth)
    weights = [torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(1))]
    sgd = torch.optim.SGD(weights, 0.5, momentum=0.5)
    scale, optimizer = LossScale(start, growth), nn.SGD(0.5, momentum=0.5)
    own = [nn.Parameter(np.ones(2, np.float32)), nn.Parameter(np.ones(1, np.float32))]
    for gradient in gradients:
        theirs.scale(torch.ones(()))  # it makes its scale at the first call
        weights[0].grad, weights[1].grad = torch.tensor([0.5, gradient]), torch.tensor([1.0])
        theirs.step(sgd)
        theirs.update()
        slopes = [ag.tensor([0.5, gradient]), ag.tensor([1.0])]
        scale.apply(optimizer, slopes, own)
        assert scale.scale.item() == theirs.get_scale()
        for mine, other in zip(own, weights, strict=True):
            assert mine.tolist() == pytest.approx(other.tolist(), rel=1e-6)


def test_the_step_is_traced_once_whatever_the_scale_does():
    model = network("float16")
    model.loss_scale = LossScale(2.0**40, dynamic_growth_steps=2)
    model.train_on_batch(X[:32], Y[:32])
    steps = model._steps[True]
    for _ in range(30):
        model.train_on_batch(X[:32], Y[:32])
    assert model._steps[True] is steps
    assert steps._jitted.traces == 1


def test_copies_and_pickles_keep_it():
    model = network("float16")
    model.loss_scale = LossScale(8.0, dynamic_growth_steps=2)
    model.train_on_batch(X[:32], Y[:32])
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.mixed_precision == "float16"
        assert numbers(twin) == (8.0, 1)
        twin.train_on_batch(X[:32], Y[:32])
        assert numbers(twin) == (16.0, 0)
    assert numbers(model) == (8.0, 1)


def test_a_range_test_leaves_the_scale_as_it_was():
    model = network("float16")
    model.fit(X, Y, verbose=0)
    before = parts(model)
    nn.learning_rate_range_test(model, X, Y, steps=20)
    assert parts(model) == before


@pytest.mark.parametrize("clip", [{"clipnorm": 0.05}, {"clipvalue": 0.01}, {"global_clipnorm": 0.05}], ids=str)  # fmt: skip
def test_gradients_are_clipped_without_the_scale(clip):
    weights = []
    for precision in (None, "float16"):
        nn.set_random_seed(3)
        model = nn.Sequential([nn.Input((6,)), nn.Dense(1)])
        model.compile(nn.SGD(0.1, **clip), "mse", mixed_precision=precision)
        before = model.get_weights()[0]
        model.train_on_batch(X[:32], Y[:32])
        weights.append(model.get_weights()[0] - before)
    assert np.abs(weights[0]).max() > 5e-4
    np.testing.assert_allclose(weights[1], weights[0], rtol=0.02, atol=1e-5)
