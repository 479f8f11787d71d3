"""Optimisers against PyTorch over 50 steps, and by formula in NumPy.

PyTorch's momentum is v = m v + g, w -= lr v; for a constant rate that is Keras's v = m v - lr g, w += v. For a rate
that decays the two differ, so Keras's formula is written out here in NumPy. Adam: PyTorch adds epsilon to the square
root after its bias correction, Keras before, which is the same as epsilon / sqrt(1 - beta_2**t) in PyTorch; the test
sets PyTorch's `eps` to that at each step.
"""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import nn

STEPS, BATCH = 50, 8
generator = np.random.default_rng(11)
X = generator.standard_normal((64, 5))
Y = (X[:, :1] * X[:, 1:2] > 0).astype(float)


def mlp():
    nn.set_random_seed(3)
    layers = [nn.Input((5,)), nn.Dense(7, "tanh"), nn.Dense(6, "relu"), nn.Dense(1, "sigmoid")]
    return nn.Sequential(layers, dtype="float64")


def batches():
    for i in range(STEPS):
        rows = slice(i * BATCH % 64, i * BATCH % 64 + BATCH)
        yield X[rows], Y[rows]


def ours(optimizer):
    """All weights after the steps."""
    model = mlp()
    model.compile(optimizer, "binary_crossentropy")
    for x, y in batches():
        model.train_on_batch(x, y)
    return list(model.state_dict().values())


def logits_in_torch(torch, weights, x):
    h = torch.tanh(x @ weights[0] + weights[1])
    return torch.relu(h @ weights[2] + weights[3]) @ weights[4] + weights[5]


def theirs(torch, make, before_step=lambda optimizer, step: None):
    """The same in PyTorch, from the same weights."""
    weights = [torch.tensor(a, requires_grad=True) for a in mlp().state_dict().values()]
    optimizer = make(weights)
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    for step, (x, y) in enumerate(batches()):
        optimizer.zero_grad()
        loss(logits_in_torch(torch, weights, torch.tensor(x)), torch.tensor(y)).backward()
        before_step(optimizer, step)
        optimizer.step()
    return [w.detach().numpy() for w in weights]


def assert_same(got, expected, rtol=1e-11):
    moved = [np.abs(a - b).max() for a, b in zip(expected, mlp().state_dict().values(), strict=True)]
    assert min(moved) > 1e-3, "the weights have to move for the comparison to mean something"
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-14)


def kerass_epsilon(optimizer, step):
    for group in optimizer.param_groups:
        group["eps"] = 1e-7 / np.sqrt(1 - group["betas"][1] ** (step + 1))


def rate_of_step(optimizer, step):
    for group in optimizer.param_groups:
        group["lr"] = 0.3 * 0.9 ** (step / 10)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("optimizer", "make", "before_step"),
    [
        (lambda: nn.SGD(0.3), lambda t, w: t.optim.SGD(w, 0.3), None),
        (lambda: nn.SGD(0.1, 0.9), lambda t, w: t.optim.SGD(w, 0.1, momentum=0.9), None),
        (
            lambda: nn.SGD(0.1, 0.9, nesterov=True),
            lambda t, w: t.optim.SGD(w, 0.1, momentum=0.9, nesterov=True),
            None,
        ),
        (
            lambda: nn.SGD(nn.ExponentialDecay(0.3, 10, 0.9)),
            lambda t, w: t.optim.SGD(w, 0.3),
            rate_of_step,
        ),
        (lambda: nn.Adam(0.01), lambda t, w: t.optim.Adam(w, 0.01), kerass_epsilon),
        (
            lambda: nn.Adam(0.01, 0.7, 0.95),
            lambda t, w: t.optim.Adam(w, 0.01, betas=(0.7, 0.95)),
            kerass_epsilon,
        ),
        (
            lambda: nn.Adam(0.01, weight_decay=0.1),
            lambda t, w: t.optim.AdamW(w, 0.01, weight_decay=0.1),
            kerass_epsilon,
        ),
        (
            lambda: nn.Adam(nn.ExponentialDecay(0.3, 10, 0.9)),
            lambda t, w: t.optim.Adam(w, 0.3),
            lambda o, s: (kerass_epsilon(o, s), rate_of_step(o, s)),
        ),
    ],
    ids=["sgd", "momentum", "nesterov", "decay", "adam", "betas", "adam decay", "adam schedule"],
)
def test_fifty_steps_follow_pytorch(optimizer, make, before_step):
    torch = pytest.importorskip("torch")
    expected = theirs(torch, lambda w: make(torch, w), before_step or (lambda o, s: None))
    assert_same(ours(optimizer()), expected)


@pytest.mark.oracle
def test_without_kerass_epsilon_adam_would_differ():
    """The correction above is not decoration: without it the 50 steps end elsewhere."""
    torch = pytest.importorskip("torch")
    expected = theirs(torch, lambda w: torch.optim.Adam(w, 0.01, eps=1e-7))
    with pytest.raises(AssertionError, match="Not equal"):
        assert_same(ours(nn.Adam(0.01)), expected)


def gradients_of_steps(count=6):
    drawn = np.random.default_rng(5)
    return [[drawn.standard_normal((3, 2)) * 2, drawn.standard_normal(2)] for _ in range(count)]


START = [np.arange(6.0).reshape(3, 2) / 3 - 1, np.array([0.5, -2.0])]


def run(optimizer, gradients):
    parameters = [nn.Parameter(w) for w in START]
    for step in gradients:
        optimizer.apply([ag.tensor(g) for g in step], parameters)
    return [p.numpy() for p in parameters]


def assert_close(got, expected):
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("staircase", [False, True])
def test_momentum_with_a_decaying_rate_is_kerass(nesterov, staircase):
    """v = m v - lr g, with the rate of each step inside the velocity."""
    m, gradients = 0.9, gradients_of_steps()
    weights, velocity = [w.copy() for w in START], [np.zeros_like(w) for w in START]
    for step, both in enumerate(gradients):
        rate = 0.2 * 0.5 ** (step // 4 if staircase else step / 4)
        for w, v, g in zip(weights, velocity, both, strict=True):
            v[...] = m * v - rate * g
            w += m * v - rate * g if nesterov else v
    schedule = nn.ExponentialDecay(0.2, 4, 0.5, staircase)
    assert_close(run(nn.SGD(schedule, m, nesterov), gradients), weights)


def test_adam_by_formula():
    gradients = gradients_of_steps()
    weights = [w.copy() for w in START]
    first, second = ([np.zeros_like(w) for w in START] for _ in range(2))
    for t, both in enumerate(gradients, 1):
        for w, m, v, g in zip(weights, first, second, both, strict=True):
            m[...] = 0.8 * m + 0.2 * g
            v[...] = 0.9 * v + 0.1 * g * g
            rate = 0.05 * np.sqrt(1 - 0.9**t) / (1 - 0.8**t)
            w -= rate * m / (np.sqrt(v) + 1e-3)
    assert_close(run(nn.Adam(0.05, 0.8, 0.9, 1e-3), gradients), weights)


def norm(g):
    return np.sqrt((g * g).sum())


def clipped_by_norm(both):
    return [g * min(1, 1.5 / norm(g)) for g in both]


def clipped_by_value(both):
    return [np.clip(g, -0.4, 0.4) for g in both]


def clipped_together(both):
    return [g * min(1, 1.5 / np.sqrt(sum(norm(h) ** 2 for h in both))) for g in both]


@pytest.mark.parametrize(
    ("options", "clip"),
    [
        (dict(clipnorm=1.5), clipped_by_norm),
        (dict(clipvalue=0.4), clipped_by_value),
        (dict(global_clipnorm=1.5), clipped_together),
        (dict(global_clipnorm=1e6), lambda both: both),
        (dict(clipnorm=1e6), lambda both: both),
    ],
    ids=lambda case: str(case) if isinstance(case, dict) else case.__name__,
)
def test_clipping(options, clip):
    gradients = gradients_of_steps()
    assert any(norm(g) > 1.5 for both in gradients for g in both)
    expected = run(nn.SGD(0.1, 0.9), [clip(both) for both in gradients])
    assert_close(run(nn.SGD(0.1, 0.9, **options), gradients), expected)


def test_a_zero_gradient_survives_clipping():
    zeros = [[np.zeros((3, 2)), np.zeros(2)]]
    for options in (dict(clipnorm=1.0), dict(clipvalue=1.0), dict(global_clipnorm=1.0)):
        assert_close(run(nn.SGD(0.1, **options), zeros), START)


@pytest.mark.parametrize("rate", [0.1, nn.ExponentialDecay(0.1, 1, 0.5)], ids=["rate", "schedule"])
def test_weight_decay_is_decoupled(rate):
    """w -= w wd lr, then the update without it."""
    gradients = gradients_of_steps(3)
    weights = [w.copy() for w in START]
    for step, both in enumerate(gradients):
        lr = 0.1 * (1 if rate == 0.1 else 0.5**step)
        for w, g in zip(weights, both, strict=True):
            w -= w * 0.2 * lr
            w -= lr * g
    assert_close(run(nn.SGD(rate, weight_decay=0.2), gradients), weights)


def test_schedule_values():
    smooth, stairs = nn.ExponentialDecay(0.1, 10, 0.5), nn.ExponentialDecay(0.1, 10, 0.5, True)
    for step in (0, 1, 5, 9, 10, 11, 25, 1000):
        assert smooth(step).item() == pytest.approx(0.1 * 0.5 ** (step / 10), rel=1e-15)
        assert stairs(step).item() == pytest.approx(0.1 * 0.5 ** (step // 10), rel=1e-15)
    assert smooth(0).item() == stairs(9).item() == 0.1
    assert smooth(3).dtype == np.float64


def test_the_first_update_uses_step_0():
    optimizer = nn.SGD(nn.ExponentialDecay(1.0, 1, 0.25))
    weight = nn.Parameter([0.0])
    for expected in (-1.0, -1.25, -1.3125):
        optimizer.apply([ag.tensor([1.0])], [weight])
        assert weight.tolist() == [expected]
    assert optimizer.iterations.item() == 3


def test_the_rate_can_be_set():
    optimizer, weight = nn.SGD(0.5), nn.Parameter([0.0])
    assert optimizer.learning_rate == 0.5
    optimizer.apply([ag.tensor([1.0])], [weight])
    optimizer.learning_rate = 0.25
    optimizer.apply([ag.tensor([1.0])], [weight])
    assert weight.tolist() == [-0.75]
    assert optimizer.learning_rate == 0.25
    optimizer.learning_rate = schedule = nn.ExponentialDecay(1.0, 1, 0.5)
    assert optimizer.schedule is schedule
    assert float(optimizer.learning_rate) == optimizer.lr == 0.25
    optimizer.apply([ag.tensor([1.0])], [weight])
    assert weight.tolist() == [-1.0]
    assert float(optimizer.learning_rate) == optimizer.lr == 0.125
    assert optimizer.get_config()["learning_rate"] is schedule
    with pytest.raises(nn.ArgumentError, match="learning_rate is a number >= 0"):
        optimizer.learning_rate = -1
    assert optimizer.schedule is schedule


@pytest.mark.parametrize(
    ("optimizer", "names"),
    [
        (nn.SGD(), ["iterations", "learning_rate"]),
        (nn.SGD(nn.ExponentialDecay(1, 1, 1)), ["iterations"]),
        (
            nn.SGD(momentum=0.9),
            ["iterations", "learning_rate", "slots.0.velocity", "slots.1.velocity"],
        ),
        (
            nn.Adam(),
            [
                "iterations",
                "learning_rate",
                "slots.0.momentum",
                "slots.0.velocity",
                "slots.1.momentum",
                "slots.1.velocity",
            ],
        ),
    ],
    ids=["sgd", "schedule", "momentum", "adam"],
)
def test_state_names(optimizer, names):
    optimizer.build([nn.Parameter([1.0]), nn.Parameter([[2.0]])])
    assert list(optimizer.state()) == names


@pytest.mark.parametrize(
    "make",
    [
        nn.SGD,
        lambda: nn.SGD(momentum=0.9, weight_decay=0.1),
        nn.Adam,
        lambda: nn.SGD(global_clipnorm=1.0),
    ],
)
def test_a_parameter_without_a_gradient_stays(make):
    optimizer, parameters = make(), [nn.Parameter([1.0, 2.0]), nn.Parameter([3.0])]
    optimizer.apply([None, ag.tensor([1.0])], parameters)
    assert parameters[0].tolist() == [1.0, 2.0]
    assert all(not slot.numpy().any() for slot in optimizer.slots[0].values())
    assert parameters[1].tolist() != [3.0]
    assert optimizer.iterations.item() == 1


def test_defaults_and_names():
    sgd, adam = nn.SGD(), nn.Adam()
    assert (sgd.learning_rate, sgd.momentum, sgd.nesterov) == (0.01, 0.0, False)
    assert (adam.learning_rate, adam.beta_1, adam.beta_2, adam.epsilon) == (1e-3, 0.9, 0.999, 1e-7)
    for name, kind in (("sgd", nn.SGD), ("SGD", nn.SGD), ("adam", nn.Adam), (nn.Adam, nn.Adam)):
        model = nn.Sequential([nn.Dense(1)])
        model.compile(name, "mse")
        assert type(model.optimizer) is kind


@pytest.mark.parametrize("make", [lambda: nn.SGD(0.1, 0.9), nn.Adam])
def test_slots_have_the_dtype_of_their_parameter(make):
    for dtype in ("float32", "float64"):
        parameter, optimizer = nn.Parameter(np.ones(3, dtype)), make()
        optimizer.apply([ag.ones(3, dtype)], [parameter])
        assert parameter.dtype == dtype
        assert {slot.dtype for slot in optimizer.slots[0].values()} == {np.dtype(dtype)}


def test_an_own_optimizer_needs_an_update():
    with pytest.raises(nn.ArgumentError, match=r"Optimizer defines no update"):
        nn.Optimizer(0.1).apply([ag.tensor([1.0])], [nn.Parameter([1.0])])


def test_an_error_in_the_middle_of_an_update_changes_nothing():
    """Neither the parameters before it, nor slots, nor the count of steps."""

    def refuses(value):
        raise ValueError("not this one")

    w, v = nn.Parameter([1.0, 2.0]), nn.Parameter([3.0])
    optimizer = nn.Adam(0.1)
    optimizer.apply([ag.ones(2), ag.ones(1)], [w, v])
    before = [t.tolist() for t in (w, v, *optimizer.state().values())]
    v.constraint = refuses
    with pytest.raises(ValueError, match="not this one"):
        optimizer.apply([ag.ones(2), ag.ones(1)], [w, v])
    assert [t.tolist() for t in (w, v, *optimizer.state().values())] == before
