"""Keras's forms of calls and arguments: epochs of validation, class weights of batches, names of operations."""

from __future__ import annotations

import numpy as np
import pytest
from keras_oracle import import_keras

import autograd as ag
import nn

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def small(jit="auto"):
    model = nn.Sequential([nn.Input((3,)), nn.Dense(1, "sigmoid", kernel_initializer="ones")])
    model.compile(nn.SGD(0.1), "binary_crossentropy", jit=jit)
    return model


class ByNumber(nn.utils.PyDataset):
    def __init__(self, *weights):
        super().__init__()
        self.weights = weights

    def __len__(self):
        return 3

    def __getitem__(self, number):
        rows = slice(8 * number, 8 * number + 8)
        return X[rows], Y[rows], *self.weights


EPOCHS = {"list": [1, 4], "tuple": (2,), "set": {3, 5}, "range": range(1, 6, 2), "number": 2, "later": [9]}


@pytest.mark.parametrize("name", EPOCHS)
def test_validation_after_the_epochs_of_a_list(name):
    wanted, measured = EPOCHS[name], []
    look = nn.LambdaCallback(on_epoch_end=lambda e, logs: "val_loss" in logs and measured.append(e + 1))
    small().fit(X, Y, epochs=5, verbose=0, validation_split=0.25, validation_freq=wanted, callbacks=look)
    is_due = (lambda e: e % wanted == 0) if name == "number" else (lambda e: e in wanted)
    assert measured == [e for e in range(1, 6) if is_due(e)]


@pytest.mark.parametrize("wrong", [0, [], [0], [1.5], ["a"], None, "12"])
def test_epochs_of_validation_that_are_none(wrong):
    with pytest.raises(nn.ArgumentError, match="validation_freq"):
        small().fit(X, Y, verbose=0, validation_split=0.25, validation_freq=wrong)


@pytest.mark.parametrize("jit", ["auto", False])
@pytest.mark.parametrize("source", ["numbers", "generator"])
def test_class_weights_of_batches_are_those_of_rows(jit, source):
    weights = {0: 0.5, 1: 3.0}
    batches = ByNumber() if source == "numbers" else (ByNumber()[i % 3] for i in range(9))
    given = {} if source == "numbers" else {"steps_per_epoch": 3}
    found = small(jit).fit(batches, epochs=2, verbose=0, shuffle=False, class_weight=weights, **given)
    expected = small(jit).fit(X, Y, 8, 2, 0, shuffle=False, class_weight=weights)
    np.testing.assert_allclose(found.history["loss"], expected.history["loss"], rtol=1e-6)


def test_a_batch_need_not_have_every_class():
    small().fit(ByNumber(), verbose=0, class_weight={7: 2.0})


WRONG = {
    "balanced": (lambda: ByNumber(), "balanced", "counts the classes of all rows"),
    "weights, too": (lambda: ByNumber(np.ones(8)), {1: 2.0}, "the batches have weights"),
    "a list": (lambda: ByNumber(), [1, 2], "is a dict from class numbers"),
    "less than 0": (lambda: ByNumber(), {1: -1.0}, "the weight of class 1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_class_weights_of_batches_that_make_no_sense(name):
    source, weights, words = WRONG[name]
    with pytest.raises(nn.ArgumentError, match=words):
        small().fit(source(), verbose=0, class_weight=weights)


OPERATIONS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "true_divide": lambda a, b: a / b,
    "power": lambda a, b: a**2,
    "negative": lambda a, b: -a,
    "get_item": lambda a, b: a[:, :1],
    "add_1": lambda a, b: a + b + a,
}


def names_of(library, operation):
    a, b = library.Input((2,)), library.Input((2,))
    other = library.layers.Dense(1, name="other")(a)
    model = library.Model([a, b], [operation(a, b), other])
    model.compile("sgd", "mse")
    x = np.ones((4, 2), "float32")
    y = np.ones(model.outputs[0].shape[1:], "float32") + np.zeros((4, 1), "float32")
    return sorted(model.fit([x, x], [y, np.ones((4, 1))], verbose=0).history)


@pytest.mark.parametrize("name", OPERATIONS)
def test_losses_have_the_names_of_operations(name):
    assert names_of(nn, OPERATIONS[name]) == sorted(["loss", f"{name}_loss", "other_loss"])


@pytest.mark.oracle
def test_the_names_of_operations_are_those_of_keras():
    keras = import_keras()
    for operation in OPERATIONS.values():
        keras.utils.clear_session()
        assert names_of(nn, operation) == names_of(keras, operation)


def test_operations_beside_layers_of_their_name():
    a, b = nn.Input((2,)), nn.Input((2,))
    model = nn.Model([a, b], [nn.layers.Add()([a, b]), a + b, ag.concat([a, b], axis=1)])
    assert model.wanted_graph().output_names() == ["add", "add_1", "concatenate"]
