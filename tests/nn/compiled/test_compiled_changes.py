"""Whatever is changed between two fits or in the middle of one has the effect that it has on eager training."""

from __future__ import annotations

import networks
import pytest
from networks import both, measured, network

import nn

pytestmark = pytest.mark.once

X, Y = networks.X[:20], networks.Y[:20]
"""Whole batches: half as many programs."""

MIDWAY = {
    "dropout rate": lambda m: setattr(m.layers[1], "rate", 0.9),
    "momentum": lambda m: setattr(m.optimizer, "momentum", 0.0),
    "weight decay": lambda m: setattr(m.optimizer, "weight_decay", 0.5),
    "rate": lambda m: setattr(m.optimizer, "learning_rate", 0.5),
    "regularizer": lambda m: setattr(m.layers[0].kernel, "regularizer", nn.L2(0.5)),
    "new weights": lambda m: m.set_weights([w * 0.5 for w in m.get_weights()]),
    "activation": lambda m: setattr(m.layers[0], "activation", nn.activations.get("tanh")),
}


@pytest.mark.parametrize("what", MIDWAY)
def test_what_is_changed_between_two_fits(what):
    def work(model):
        before = model.fit(X, Y, 4, 2).history
        MIDWAY[what](model)
        after = model.fit(X, Y, 4, 2).history
        return [before, after, *measured(model)]

    both(work)


def test_a_layer_frozen_and_thawed_between_fits():
    """The optimizer holds the state of its parameters, so each set of them has its own."""

    def work(model):
        results, kernel = [], model.layers[0].kernel
        for trains in (True, False, True):
            kernel.requires_grad = trains
            model.compile(nn.SGD(0.1, momentum=0.9), "binary_crossentropy", jit=model.jit)
            before = model.get_weights()
            results.append(model.fit(X, Y, 4, 2).history)
            assert (kernel.numpy() != before[0]).any() == trains
            assert (model.get_weights()[1] != before[1]).any()
        return [results, *measured(model)]

    both(work)


def test_a_layer_frozen_without_a_new_optimizer_is_the_same_error():
    messages = set()
    for jit in (True, "auto", False):
        model = network(jit=jit)
        model.fit(X, Y, 4)
        model.layers[0].kernel.requires_grad = False
        with pytest.raises(nn.ArgumentError, match="make a new optimizer") as caught:
            model.fit(X, Y, 4)
        messages.add(str(caught.value))
    assert len(messages) == 1


def changed_midway(model, change):
    """What comes of a fit in whose second epoch a callback changes the model."""

    def begin(epoch, logs=None):
        if epoch == 1:
            change(model)

    history = model.fit(X, Y, 4, 3, callbacks=nn.LambdaCallback(on_epoch_begin=begin))
    return [history.history, *measured(model)]


@pytest.mark.parametrize("what", MIDWAY)
def test_what_a_callback_changes_in_the_middle_of_a_fit(what):
    """Eager training obeys at once, or at the next fit; compiled training does the same."""
    both(lambda model: changed_midway(model, MIDWAY[what]))


SCHEDULES = {
    "another": lambda m: setattr(m.optimizer, "learning_rate", nn.ExponentialDecay(1.0, 3, 0.5)),
    "a number of it": lambda m: setattr(m.optimizer.learning_rate, "decay_rate", 0.1),
    "none any more": lambda m: setattr(m.optimizer, "learning_rate", 0.01),
}


@pytest.mark.parametrize("what", SCHEDULES)
def test_a_schedule_that_is_changed_in_the_middle_of_a_fit(what):
    def work(model):
        model.compile(nn.SGD(nn.ExponentialDecay(0.2, 5, 0.9)), "mse", jit=model.jit)
        return changed_midway(model, SCHEDULES[what])

    both(work)


@pytest.mark.devices
def test_loading_weights_between_two_fits(tmp_path):

    def work(model):
        model.save_weights(tmp_path / "w")
        model.fit(X, Y, 4, 2)
        model.load_weights(tmp_path / "w")
        start = measured(model)
        return [start, model.fit(X, Y, 4, 2).history, *measured(model)]

    both(work)


def test_a_layer_added_between_two_fits():
    def work(model):
        model.fit(X, Y, 4, 1)
        model.predict(networks.X)
        model.add(nn.Dense(1, "sigmoid", kernel_initializer="ones"))
        predicted = model.predict(networks.X)
        model.compile(nn.SGD(0.1), "mse", jit=model.jit)
        history = model.fit(X, Y, 4, 2).history
        return [predicted, history, *measured(model)]

    both(work)


def test_compiling_again_with_another_loss_and_optimizer():
    def work(model):
        results = []
        for optimizer, loss in (("adam", "mse"), (nn.SGD(0.1), "hinge")):
            model.compile(optimizer, loss, ["mae"], jit=model.jit)
            results += [model.fit(X, Y, 4, 2).history, model.evaluate(X, Y)]
        return results

    both(work)


def test_changing_jit_between_two_fits(log):
    model = network(jit=True)
    model.fit(X, Y, 4)
    model.jit = False
    count = len(log())
    model.fit(X, Y, 4)
    model.predict(X)
    assert len(log()) == count
    model.jit = "auto"
    model.fit(X, Y, 4)
    assert len(log()) > count
