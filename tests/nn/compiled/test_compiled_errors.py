"""An error that is not of tracing reaches the user, wherever it is raised, and the model is as it was."""

from __future__ import annotations

import random

import numpy as np
import pytest
from interrupting import Interrupter
from models import everything

import autograd as ag
import nn

pytestmark = pytest.mark.once
X = np.random.default_rng(0).standard_normal((12, 4)).astype("f4")
Y = X[:, :1]


class Deadline(Exception):  # noqa: N818 - as a user's handler of a signal raises it
    pass


class Late(nn.Module):
    """Raises while it is traced, as a signal's handler may."""

    error: BaseException | None = None

    def call(self, x):
        if self.error is not None and x.backend == "trace":
            raise self.error
        return x * 2.0


def network(layer, **compiled):
    nn.set_random_seed(1)
    model = nn.Sequential([nn.Input((4,)), nn.Dense(3, activation="tanh"), layer, nn.Dense(1)])
    model.compile(nn.SGD(0.1, momentum=0.9), "mse", metrics=["mae"], **compiled)
    return model


CALLS = {
    "fit": lambda m: m.fit(X, Y, 4, 1, verbose=0, shuffle=False),
    "evaluate": lambda m: m.evaluate(X, Y, 4, verbose=0),
    "predict": lambda m: m.predict(X, 4, verbose=0),
}
ERRORS = [Deadline("late"), MemoryError("full"), TimeoutError("late"), ZeroDivisionError("x"), KeyboardInterrupt()]  # fmt: skip


def kept(model):
    """Weights and the optimizer's state; sums of metrics begin anew with every call."""
    trackers = {metric.name for metric in model.trackers}
    return {n: v for n, v in everything(model).items() if n.partition(".")[0] not in trackers}


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("name", CALLS)
def test_an_error_of_others_is_not_swallowed(name, error, log):
    layer = Late()
    model, expected = network(layer), network(Late())
    assert CALLS["evaluate"](model) == CALLS["evaluate"](expected)
    before = kept(model)
    layer.error = error
    with pytest.raises(type(error)):
        CALLS[name](model)
    after = kept(model)
    assert {n: after[n] for n in before} == before
    layer.error = None
    CALLS[name](model), CALLS[name](expected)
    assert everything(model) == everything(expected)
    assert not any("runs eagerly" in line for line in log())


def at_place(number, call):
    """Call with a `Deadline` at that place of those where handlers of signals run; whether one was raised."""
    interrupter = Interrupter(number, Deadline)
    try:
        with interrupter:
            call()
    except Deadline as error:
        error.__traceback__ = None
    return interrupter.done


@pytest.mark.parametrize("name", CALLS)
def test_an_error_at_any_place_of_a_first_call(name, full, log):
    """Whatever it meets: no symbol and no switch stays, and nothing runs eagerly from then on."""
    expected = network(Late())
    CALLS[name](expected)
    places = 30_000
    drawn = random.Random(name)
    for _ in range(200 if full else 12):
        model = network(Late())
        number = drawn.randrange(places)
        if not at_place(number, lambda model=model: CALLS[name](model)):
            places = number
            continue
        tensors = [*model.named_tensors(), *model.optimizer.state().items()]
        assert not any(t.backend == "trace" for _, t in tensors), number
        assert (ag.tensor(3.0, requires_grad=True) * 2.0).requires_grad, number
        assert np.isfinite(CALLS["predict"](model)).all()
        assert not any("runs eagerly" in line for line in log()), number
