"""Scopes: the instructions of a traced step know the layer, the loss or the optimizer that they come from."""

from __future__ import annotations

import pytest

import autograd as ag
import nn
from backends.program import passes

pytestmark = pytest.mark.once


def scopes_of(captured):
    """The scopes of a program in the order in which they first appear."""
    return list(dict.fromkeys(i.scope for i in captured.program.instructions))


def mlp(optimizer="sgd"):
    model = nn.Sequential(
        [nn.Input((5,)), nn.Dense(4, "relu"), nn.Dropout(0.25), nn.Dense(3, "softmax")]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train_step(model, targets=None):
    targets = ag.zeros(8, "int64") if targets is None else targets
    return nn.capture_train_step(model, ag.zeros((8, 5)), targets)


def recorded(function, *args, state=()):
    return ag.capture(function, *args, state={str(i): t for i, t in enumerate(state)})


LAYERS = ["layers.0 Dense", "layers.1 Dropout", "layers.2 Dense"]


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop"])
def test_a_training_step_names_layers_loss_gradients_metrics_and_optimizer(optimizer):
    step = train_step(mlp(optimizer.lower()))
    # the seed of backward is nobody's
    assert scopes_of(step) == [
        *LAYERS, "loss", "", "loss grad", *(f"{layer} grad" for layer in reversed(LAYERS)), "metrics", optimizer,
    ]  # fmt: skip
    products = [i.scope for i in step.program.instructions if i.primitive == "matmul"]
    assert products == [LAYERS[0], LAYERS[2], *[f"{LAYERS[2]} grad"] * 2, f"{LAYERS[0]} grad"]
    draws = [i.scope for i in step.program.instructions if i.primitive == "random_bits"]
    assert draws == ["layers.1 Dropout"]
    prepared = passes.prepare(passes.simplify(step.program))
    assert all(i.scope for i in prepared.instructions)


def test_a_scaled_loss():
    model = mlp()
    model.compile("sgd", "sparse_categorical_crossentropy", mixed_precision="float16")
    scopes = scopes_of(train_step(model))
    assert {"LossScale", "LossScale grad", "SGD", "loss grad"} <= set(scopes)


def test_an_own_loss_and_a_penalty():
    model = nn.Sequential([nn.Input((5,)), nn.Dense(1, kernel_regularizer="l2")])
    model.compile("sgd", lambda y_true, y_pred: (y_true - y_pred) ** 2)
    step = train_step(model, ag.zeros((8, 1)))
    scopes = {i.primitive: i.scope for i in step.program.instructions}
    assert scopes["subtract"] == "SGD"
    assert {i.scope for i in step.program.instructions if i.scope} == {
        "layers.0 Dense", "layers.0 Dense grad", "loss", "loss grad", "metrics", "SGD",
    }  # fmt: skip


class Block(nn.Module):
    def __init__(self):
        self.inner = nn.Dense(5)
        self.more = {"last": nn.Dense(5)}

    def call(self, x):
        return self.more["last"](self.inner(x) * 2.0)


def test_a_module_in_a_module_has_its_path_below_the_outermost():
    class Twice(nn.Module):
        def __init__(self, layers):
            self.layers, self.again = layers, layers[0]

        def call(self, x):
            for layer in (*self.layers, self.again):
                x = layer(x)
            return x

    shared = nn.Dense(5)
    model = Twice([shared, Block(), nn.Sequential([nn.Dense(5)])])
    x = ag.zeros((8, 5))
    model(x)
    assert scopes_of(recorded(model, x, state=model.parameters())) == [
        "layers.0 Dense", "layers.1.inner Dense", "layers.1 Block", "layers.1.more.last Dense", "layers.2.layers.0 Dense",
    ]  # fmt: skip
    assert model.again is shared
    block = model.layers[1]
    assert scopes_of(recorded(block, x, state=block.parameters())) == [
        "inner Dense", "Block", "more.last Dense",
    ]  # fmt: skip
    assert scopes_of(recorded(shared, x, state=shared.parameters())) == ["Dense"]


def test_a_module_that_is_no_attribute_has_its_class():
    made = nn.Dense(5)

    class Outer(nn.Module):
        def call(self, x):
            return made(x) + 1.0

    x = ag.zeros((8, 5))
    made(x)
    assert scopes_of(recorded(Outer(), x, state=made.parameters())) == ["Dense", "Outer"]


def test_a_layer_that_raises_leaves_no_scope_behind():
    class Failing(nn.Module):
        def call(self, x):
            raise ValueError("not today")

    layer = Failing()

    def step(x):
        with pytest.raises(ValueError, match="not today"):
            layer(x)
        return x * 2.0

    assert scopes_of(recorded(step, ag.zeros(3))) == [""]


def test_scopes_of_ones_own():
    w = ag.ones(3, requires_grad=True)

    def step(x):
        with ag.named_scope("outer"):
            y = x * w
            with ag.named_scope("inner"):
                y = ag.exp(y)
            y = y + 1.0
        w.grad = None
        ag.sin(y).sum().backward()
        return w.grad

    step = recorded(step, ag.zeros(3), state=[w])
    scopes = {i.primitive: i.scope for i in step.program.instructions}
    assert (scopes["add"], scopes["exp"]) == ("outer", "inner")
    # what has no scope has no gradient of that name either
    assert (scopes["sin"], scopes["cos"], scopes["sum"]) == ("", "", "")
    assert [i.scope for i in step.program.instructions if i.primitive == "multiply"] == ["outer", "", "inner grad", "outer grad"]  # fmt: skip


def test_gradients_of_gradients():
    def step(x):
        with ag.named_scope("cube"):
            y = x * x * x
        return ag.hvp(lambda x: ag.exp(y_of(x)).sum(), x, x), y

    def y_of(x):
        with ag.named_scope("square"):
            return x * x

    assert {"cube", "square", "square grad", "square grad grad"} <= set(scopes_of(recorded(step, ag.ones(3))))  # fmt: skip


def test_what_a_checkpoint_computes_again():
    layer = nn.Dense(5, "relu")
    x = ag.zeros((8, 5))
    layer(x)

    def step(x):
        layer.zero_grad()
        ag.checkpoint(layer)(x).sum().backward()
        return [p.grad for p in layer.parameters()]

    scopes = [i.scope for i in recorded(step, x, state=layer.parameters()).program.instructions if i.primitive == "matmul"]  # fmt: skip
    assert scopes == ["Dense", "Dense", "Dense grad"]


def test_a_name_is_text():
    with pytest.raises(ag.RangeError, match="a name is text, got 3"):
        ag.named_scope(3)


def test_where_nothing_is_traced_nothing_has_a_scope():
    layer = nn.Dense(2)
    y = layer(ag.zeros((8, 5)))
    assert not hasattr(y._node, "scope")
    y.sum().backward()
    assert layer.kernel.grad is not None
