"""Models after compiled use are copied, pickled and freed; layers that cannot be traced run eagerly, and say so once."""

from __future__ import annotations

import copy
import gc
import logging
import pickle
import weakref
from pathlib import Path

import numpy as np
import pytest
from models import Recorder, everything
from networks import X, Y, network, random_words

import autograd as ag
import nn

pytestmark = pytest.mark.once


@pytest.mark.devices
@pytest.mark.parametrize("jit", [True, False])
def test_a_used_model_can_be_copied_and_pickled(jit, backend, full):
    if jit or full or backend != "cupy":  # eager kernels for devices are copied in no other way
        check_copies(jit)


def check_copies(jit):
    model = network(jit=jit)
    model.fit(X, Y, 4, validation_data=(X, Y))
    expected = model.predict(X[:8])
    model.predict(X[:8])
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.predict(X[:8]), expected)
        again.fit(X, Y, 4)
        assert (again.predict(X[:8]) != expected).any()
        np.testing.assert_array_equal(model.predict(X[:8]), expected)


@pytest.mark.devices
def test_a_model_that_nobody_holds_is_freed():
    model = network()
    model.fit(X, Y, 4, validation_data=(X, Y))
    for _ in range(2):
        model.predict(X[:8])
    gone = [weakref.ref(model), weakref.ref(model.layers[0].kernel), weakref.ref(model.optimizer)]
    del model
    gc.collect()
    assert [reference() for reference in gone] == [None] * 3


class Counting(nn.Module):
    """Counts its calls, as a user may while looking for something."""

    def __init__(self):
        self.calls = 0

    def call(self, x):
        self.calls += 1
        return x


def test_a_layer_that_counts_its_calls_is_not_traced_each_time(log):
    """Few traces, or an eager run that says why."""
    model = nn.Sequential([nn.Input((4,)), Counting(), nn.Dense(1)])
    model.compile("sgd", "mse", jit="auto")
    model.fit(X, Y, 2, 3, callbacks=Recorder())
    assert len([line for line in log() if ": trace " in line]) <= 3


class Annealed(nn.Module):
    """Counts its calls and does less with each: a number that a step itself changes."""

    def __init__(self):
        self.calls = 0

    def call(self, x):
        self.calls += 1
        return x * 0.9**self.calls


@pytest.mark.parametrize("watched", [True, False])
def test_a_layer_that_changes_its_own_numbers(watched, log):
    """A program cannot hold that: the step runs as it is, and says so, or is refused; never with the old number."""
    results = []
    for jit in ("auto", False):
        nn.set_random_seed(1)
        model = nn.Sequential([nn.Input((4,)), Annealed(), nn.Dense(1)])
        model.compile("sgd", "mse", jit=jit)
        try:
            history = model.fit(X, Y, 4, 3, callbacks=Recorder() if watched else ()).history
        except ag.TraceError as error:
            assert "calls" in str(error)  # noqa: PT017
            return
        results.append(history["loss"])
    np.testing.assert_allclose(*results, 1e-5)


class Branches(nn.Module):
    """Looks at a value, which no trace has."""

    def call(self, x):
        if x.sum().item() > 1e9:
            return x * 2
        return x


def branching(jit):
    nn.set_random_seed(4)
    model = nn.Sequential([nn.Input((4,)), nn.Dense(3), Branches(), nn.Dropout(0.3), nn.Dense(1)])
    model.compile(nn.SGD(0.1), "mse", jit=jit)
    return model


def test_what_cannot_be_traced_runs_eagerly_and_says_so_once(log):
    plain = branching(False)
    expected = plain.fit(X, Y, 4, 3, validation_data=(X, Y)).history, plain.predict(X).tolist()
    assert log() == []
    model = branching("auto")
    history = model.fit(X, Y, 4, 3, validation_data=(X, Y)).history
    assert (history, model.predict(X).tolist()) == expected
    assert everything(model) == everything(plain)
    warnings = log(logging.WARNING)
    line = Path(__file__).read_text().splitlines().index("        if x.sum().item() > 1e9:") + 1
    assert [w.split(" runs eagerly")[0] for w in warnings] == ["train_step", "evaluate_step", "predict"]  # fmt: skip
    for warning in warnings:
        assert "item() and numpy() need a value" in warning
        assert warning.endswith(f"({__file__}:{line})")
    for _ in range(2):
        model.predict(X)
        model.predict(X[:3])
    assert len(log(logging.WARNING)) == 3


def test_what_cannot_be_traced_is_an_error_where_compiling_is_demanded():
    model = branching(True)
    before = everything(model), random_words()
    for call in (
        lambda: model.predict(X),
        lambda: model.evaluate(X, Y),
        lambda: model.fit(X, Y, 4, shuffle=False),
    ):
        with pytest.raises(ag.TraceError, match=r"item\(\) and numpy\(\) need a value"):
            call()
        assert random_words() == before[1]
    after = {name: value for name, value in everything(model).items() if name in before[0]}
    assert after == before[0]
    assert not model.training


class LateBranches(nn.Module):
    """Makes a parameter of the trace at its first step, then looks at a value, which no trace has."""

    def call(self, x):
        if self.training and not hasattr(self, "made_on"):
            self.scale = nn.Parameter(ag.ones(3))
            self.made_on = x.backend
        if not self.training or x.sum().item() < 1e9:
            return x * 2
        return x


def test_a_trace_in_vain_leaves_nothing_in_the_model(log):
    """What a layer set while it was traced is a dead trace's; eagerly it does so once more."""
    nn.set_random_seed(4)
    layer = LateBranches()
    model = nn.Sequential([nn.Input((4,)), nn.Dense(3), layer, nn.Dense(1)])
    model.compile(nn.SGD(0.1), "mse")
    model.fit(X, Y, 4, 1, verbose=0)
    assert any("runs eagerly" in line for line in log(logging.WARNING))
    assert layer.scale.backend == layer.made_on != "trace"


def test_a_wrong_shape_inside_the_model_is_an_error_not_a_slow_run(log):
    """It would fail eagerly too; whoever reads the error should not first read that it runs eagerly."""

    class Wrong(nn.Module):
        def call(self, x):
            return x @ ag.ones((7, 2)) if self.built else x

    model = nn.Sequential([nn.Input((4,)), Wrong(), nn.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises((ag.ShapeError, ag.TraceError)):
        model.fit(X, Y)


def test_every_model_that_is_compiled_says_so_once_per_program(log):
    network().fit(X, Y, 4, 5, validation_data=(X, Y))
    traces = [line for line in log() if ": trace " in line]
    assert [t.split(" (")[0] for t in traces if t.startswith("train_step")] == [
        "train_step: trace 1",
        "train_step: trace 2",
    ]
    assert log(logging.WARNING) == []
    # five epochs of validation: its programs too are made once
    assert len([t for t in traces if t.startswith("evaluate_step")]) <= 2


def test_detecting_anomalies_in_fit():
    """Steps then run as they are, and the error names the layer's line."""
    model = nn.Sequential([nn.Input((4,)), nn.Dense(3, lambda x: ag.sqrt(x * 0.0)), nn.Dense(1)])  # fmt: skip
    model.compile("sgd", "mse", jit="auto")
    with pytest.raises(ag.AnomalyError), ag.detect_anomaly(), np.errstate(all="ignore"):
        model.fit(X, Y)
