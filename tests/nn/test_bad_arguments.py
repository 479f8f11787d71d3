"""Wrong arguments of compile, layers, losses and optimisers: each error names the fault, and the model stays as it was."""

from __future__ import annotations

import re

import pytest
from models import Unchanged, rows

import autograd as ag
import nn

X, Y = rows()


COMPILE = {
    "loss": (dict(loss="mean_squared_eror"), "unknown loss .*Did you mean 'mean_squared_error'?"),
    "loss number": (dict(loss=3), "loss: expected a name or an object, got int 3"),
    "optimizer": (dict(optimizer="adm"), "unknown optimizer 'adm'. Did you mean 'adam'?"),
    "optimizer number": (dict(optimizer=0.1), "optimizer: expected a name .* got float 0.1"),
    "metric": (dict(metrics=["acuracy"]), "unknown metric 'acuracy'. Did you mean 'accuracy'?"),
    "metric far away": (dict(metrics=["zzz"]), "unknown metric 'zzz'. Known: acc, accuracy"),
    "metric twice": (dict(metrics=["accuracy", "accuracy"]), "two metrics have the same name"),
    "metric called loss": (dict(metrics=[nn.Accuracy("loss")]), "cannot be called 'loss'"),
    "jit": (dict(jit="always"), "jit is \"auto\", True or False"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), COMPILE.values(), ids=COMPILE)
def test_compile_refuses_and_keeps_what_was(trained, changes, message):
    chosen = (trained.optimizer, trained.loss, trained.watched, trained.trackers)
    with Unchanged(trained), pytest.raises(nn.ArgumentError, match=message):
        trained.compile(**(dict(optimizer="sgd", loss="mse", metrics=["accuracy"]) | changes))
    now = (trained.optimizer, trained.loss, trained.watched, trained.trackers)
    assert all(a is b for a, b in zip(now, chosen, strict=True))


CONSTRUCT = {
    "activation": (lambda: nn.Dense(1, "rellu"), "unknown activation 'rellu'. Did you mean 'relu'?"),
    "Activation": (lambda: nn.Activation("sigmod"), "Did you mean 'sigmoid'?"),
    "initializer": (
        lambda: nn.Dense(1, kernel_initializer="glorot_unifrom"),
        "unknown initializer 'glorot_unifrom'. Did you mean 'glorot_uniform'?",
    ),
    "regularizer": (lambda: nn.Dense(1, kernel_regularizer="l3"), "unknown regularizer 'l3'"),
    "units 0": (lambda: nn.Dense(0), "Dense: units is an integer >= 1, got 0"),
    "units -3": (lambda: nn.Dense(-3), "Dense: units is an integer >= 1, got -3"),
    "units 2.5": (lambda: nn.Dense(2.5), "Dense: units is an integer >= 1, got 2.5"),
    "units True": (lambda: nn.Dense(True), "Dense: units is an integer >= 1, got True"),
    "rate 1.1": (lambda: nn.Dropout(1.1), "Dropout: rate lies between 0 and 1, got 1.1"),
    "rate -0.1": (lambda: nn.Dropout(-0.1), "Dropout: rate lies between 0 and 1, got -0.1"),
    "rate NaN": (lambda: nn.Dropout(float("nan")), "Dropout: rate lies between 0 and 1, got nan"),
    "rate text": (lambda: nn.Dropout("half"), "Dropout: rate lies between 0 and 1, got 'half'"),
    "momentum": (lambda: nn.SGD(momentum=1.5), "SGD: momentum lies between 0 and 1, got 1.5"),
    "momentum -1": (lambda: nn.SGD(momentum=-1), "SGD: momentum lies between 0 and 1, got -1"),
    "learning rate": (lambda: nn.SGD(-0.1), "learning_rate is a number >= 0 or a schedule, got -0.1"),
    "learning rate NaN": (lambda: nn.Adam(float("nan")), "learning_rate is a number >= 0 .* got nan"),
    "learning rate text": (lambda: nn.Adam("fast"), "learning_rate is a number >= 0 .* got 'fast'"),
    "two clips": (
        lambda: nn.SGD(clipnorm=1.0, clipvalue=0.5),
        "at most one of clipnorm, clipvalue, global_clipnorm; got clipnorm and clipvalue",
    ),
    "clipnorm": (lambda: nn.SGD(clipnorm=-1), "SGD: clipnorm is a number >= 0, got -1"),
    "weight_decay": (lambda: nn.Adam(weight_decay=-1), "Adam: weight_decay is a number >= 0, got -1"),
    "beta_1": (lambda: nn.Adam(beta_1=1.0), r"Adam: beta_1 lies in \[0, 1\), got 1.0"),
    "beta_2": (lambda: nn.Adam(beta_2=-0.5), r"Adam: beta_2 lies in \[0, 1\), got -0.5"),
    "dtype": (lambda: nn.Sequential(dtype="int64"), "the dtype of a model is floating, got 'int64'"),
    "input_dim": (lambda: nn.Dense(1, input_dim=0), "Dense: input_dim is an integer >= 1, got 0"),
    "decay_steps": (lambda: nn.ExponentialDecay(0.1, 0, 0.9), "decay_steps has to be positive, got 0"),
    "reduction": (lambda: nn.MeanSquaredError("avg"), "MeanSquaredError: reduction is one of 'sum_over.*, got 'avg'"),
    "smoothing": (lambda: nn.BinaryCrossentropy(label_smoothing=1), r"lies in \[0, 1\), got 1"),
    "input": (lambda: nn.Input((0,)), r"Input: shape is a tuple of sizes >= 1 .* got \(0,\)"),
    "Input later": (lambda: nn.Sequential([nn.Dense(1), nn.Input((3,))]), "Input comes first"),
    "no layer": (lambda: nn.Sequential([nn.Dense(1), "relu"]), "layers are nn.Module objects, got str 'relu'"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), CONSTRUCT.values(), ids=CONSTRUCT)
def test_constructors_refuse(make, message):
    with pytest.raises(nn.ArgumentError, match=message):
        make()


def test_a_layer_twice_in_a_model():
    layer = nn.Dense(3)
    with pytest.raises(nn.ArgumentError, match="the same layer object twice in one model"):
        nn.Sequential([layer, layer])
    model = nn.Sequential([layer])
    with pytest.raises(nn.ArgumentError, match="the same layer object twice in one model"):
        model.add(layer)
    assert model.layers == [layer]


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_compile_is_missing(method):
    model = nn.Sequential([nn.Dense(1, input_shape=(3,))])
    message = re.escape("call compile(optimizer=..., loss=...) first")
    with pytest.raises(nn.NotCompiledError, match=message):
        getattr(model, method)(X, Y)
    model.compile("adam")
    with pytest.raises(nn.NotCompiledError, match=message):
        getattr(model, method)(X, Y)


def test_modules_without_a_definition_say_which_method():
    with pytest.raises(nn.ArgumentError, match=r"Model defines no call\(self, x\)"):
        nn.Model()(X)
    with pytest.raises(nn.ArgumentError, match=r"Loss defines no per_sample\(self, y_true, y_pred"):
        nn.Loss()(Y, Y)
    with pytest.raises(nn.ArgumentError, match=r"Metric defines no values\(self, y_true, y_pred\)"):
        nn.Metric("m").update(Y, Y)


def test_an_optimizer_belongs_to_one_model():
    optimizer = nn.Adam()
    optimizer.apply([ag.tensor([1.0])], [nn.Parameter([1.0])])
    with pytest.raises(nn.ArgumentError, match="holds the state of 1 parameters and was given 2"):
        optimizer.build([nn.Parameter([1.0]), nn.Parameter([1.0])])


def test_own_losses_and_metrics_return_tensors():
    model = nn.Sequential([nn.Dense(1, input_shape=(3,))])
    model.compile("sgd", lambda y, p: 3.0)
    with (
        Unchanged(model),
        pytest.raises(nn.ArgumentError, match="a loss returns a tensor, got float"),
    ):
        model.fit(X, Y)
