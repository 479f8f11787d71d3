"""Scopes: the instructions of a traced step know the layer, the loss or the optimizer that they come from."""

from __future__ import annotations

from collections import Counter

import pytest

import autograd as ag
import backends
import nn
from backends.program.passes import simplify
from backends.program.prepare import prepare
from nn.compiled import Steps

pytestmark = pytest.mark.once


@pytest.fixture
def on_numba():
    pytest.importorskip("llvmlite")
    pytest.importorskip("numba")
    with backends.use("numba"):
        yield


def scopes_of(captured):
    """The scopes of a program in the order in which they first appear."""
    return list(dict.fromkeys(i.scope for i in captured.program.instructions))


def mlp(optimizer="sgd"):
    model = nn.Sequential([nn.Input((5,)), nn.Dense(4, "relu"), nn.Dropout(0.25), nn.Dense(3, "softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train_step(model, targets=None):
    targets = ag.zeros(8, "int64") if targets is None else targets
    return nn.capture_train_step(model, ag.zeros((8, 5)), targets)


def recorded(function, *args, state=()):
    return ag.capture(function, *args, state={str(i): t for i, t in enumerate(state)})


PRODUCTS = {
    "layers.0 Dense": 1,
    "layers.2 Dense": 1,
    "layers.0 Dense grad": 1,
    "layers.2 Dense grad": 2,
}
"""So many matrix products has each in a training step."""
LAYERS = ["layers.0 Dense", "layers.1 Dropout", "layers.2 Dense"]


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop"])
def test_a_training_step_names_layers_loss_gradients_metrics_and_optimizer(optimizer):
    step = train_step(mlp(optimizer.lower()))
    # the seed of backward is nobody's
    assert scopes_of(step) == [
        *LAYERS,
        "loss",
        "",
        "loss grad",
        *(f"{layer} grad" for layer in reversed(LAYERS)),
        "metrics",
        optimizer,
    ]
    products = [i.scope for i in step.program.instructions if i.primitive == "matmul"]
    assert products == [LAYERS[0], LAYERS[2], *[f"{LAYERS[2]} grad"] * 2, f"{LAYERS[0]} grad"]
    draws = [i.scope for i in step.program.instructions if i.primitive == "random_bits"]
    assert draws == ["layers.1 Dropout"]
    prepared = prepare(simplify(step.program))
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
        "layers.0 Dense",
        "layers.0 Dense grad",
        "loss",
        "loss grad",
        "metrics",
        "SGD",
    }


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
        "layers.0 Dense",
        "layers.1.inner Dense",
        "layers.1 Block",
        "layers.1.more.last Dense",
        "layers.2.layers.0 Dense",
    ]
    assert model.again is shared
    block = model.layers[1]
    assert scopes_of(recorded(block, x, state=block.parameters())) == [
        "inner Dense",
        "Block",
        "more.last Dense",
    ]
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
    assert [i.scope for i in step.program.instructions if i.primitive == "multiply"] == [
        "outer",
        "",
        "inner grad",
        "outer grad",
    ]


def test_gradients_of_gradients():
    def step(x):
        with ag.named_scope("cube"):
            y = x * x * x
        return ag.hvp(lambda x: ag.exp(y_of(x)).sum(), x, x), y

    def y_of(x):
        with ag.named_scope("square"):
            return x * x

    assert {"cube", "square", "square grad", "square grad grad"} <= set(scopes_of(recorded(step, ag.ones(3))))


def test_what_a_checkpoint_computes_again():
    layer = nn.Dense(5, "relu")
    x = ag.zeros((8, 5))
    layer(x)

    def step(x):
        layer.zero_grad()
        ag.checkpoint(layer)(x).sum().backward()
        return [p.grad for p in layer.parameters()]

    scopes = [
        i.scope
        for i in recorded(step, x, state=layer.parameters()).program.instructions
        if i.primitive == "matmul"
    ]
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


def compiled(model, targets=None):
    """(the compiled training step that `fit` runs, a function that runs it)."""
    x, y = ag.ones((8, 5)), ag.zeros(8, "int64") if targets is None else targets
    steps = Steps(model, model.task(x), training=True)
    model.train()
    steps(x, y, None)
    assert steps.compiles
    return steps._jitted, lambda: steps(x, y, None)


def scope_in(line):
    """The scope in a line of `kernels()`."""
    _, bracket, rest = line.partition(" [")
    return rest.partition("]")[0] if bracket else ""


@pytest.mark.usefixtures("on_numba")
def test_kernels_of_a_training_step_are_named_after_layers():
    step, _ = compiled(mlp())
    scopes = list(map(scope_in, step.kernels()))
    first, dropout, last = LAYERS
    assert all(scopes)
    assert [scope for scope in scopes if scope.startswith(first)] == [
        f"{first} +2",  # with dropout, and the mask of relu's gradient
        f"{first} grad +1",  # with the update: the kernel
        f"{first} grad +1",  # the bias
    ]
    assert {"random_bits": dropout, "matmul add": last}.items() <= {
        line.partition(" [")[0].split("k", 1)[1].split(maxsplit=1)[1]: scope
        for line, scope in zip(step.kernels(), scopes, strict=True)
    }.items()
    assert f"{last} grad +3" in scopes  # with the masks of dropout and relu
    assert any(scope.startswith("loss") for scope in scopes)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop"])
@pytest.mark.usefixtures("on_numba")
def test_an_update_alone(optimizer):
    w = nn.Parameter(ag.ones((60, 50)))
    optimizer = getattr(nn, optimizer)(0.1)
    gradient = ag.ones((60, 50))
    optimizer.build([w])
    state = [w, *optimizer.state().values()]
    step = ag.jit(lambda g: optimizer.apply([g], [w]), state=state)
    step(gradient)
    assert set(map(scope_in, step.kernels())) == {type(optimizer).__name__}


@pytest.mark.usefixtures("on_numba")
def test_a_loss_alone():
    loss = nn.losses.MeanSquaredError()
    step = ag.jit(lambda y, p: loss(y, p))
    step(ag.ones((40, 3)), ag.zeros((40, 3)))
    assert set(map(scope_in, step.kernels())) == {"loss"}


@pytest.mark.parametrize("name", ["numba", "numpy"])
def test_profiles_and_memory_reports_name_layers(name):
    if name == "numba":
        pytest.importorskip("llvmlite")
        pytest.importorskip("numba")
    with backends.use(name):
        step, run = compiled(mlp())
        profile = step.profile(run)
        report, kernels = step.memory_report(), step.kernels()
    products = [row.scope.partition(" +")[0] for row in profile.rows if "matmul" in row.kernel]
    assert Counter(products) == PRODUCTS
    assert len(profile.rows) == len(kernels)
    for line, row in zip(str(profile).splitlines()[2:], profile.rows, strict=True):
        assert line.endswith(f"[{row.scope}]")
    for scope in (LAYERS[1], LAYERS[2], "loss grad"):
        assert any(line.endswith(scope) for line in report.splitlines()), scope
    if name == "numpy":
        assert any(line.endswith("  # layers.1 Dropout") for line in kernels)


@pytest.mark.usefixtures("on_numba")
def test_equal_layers_share_a_kernel_and_are_told_apart():
    model = nn.Sequential([nn.Input((40,)), nn.Dense(40, "tanh"), nn.Dense(40, "tanh"), nn.Dense(40, "tanh")])
    step = ag.jit(model, state=model)
    step(ag.ones((64, 40)))
    lines = step.kernels()
    assert [line.split()[0] for line in lines] == ["k0"] * 3
    assert [scope_in(line) for line in lines] == [f"layers.{i} Dense" for i in range(3)]
    assert len(step._last.executable.functions) == 1


@pytest.mark.usefixtures("on_numba")
def test_a_model_like_another_one_is_called_by_its_own_names():
    class Mine(nn.Dense):
        pass

    for kind, name in ((nn.Dense, "Dense"), (Mine, "Mine")):
        model = nn.Sequential([nn.Input((6,)), kind(7)])
        step = ag.jit(model, state=model)
        step(ag.ones((9, 6)))
        assert [scope_in(line) for line in step.kernels()] == [f"layers.0 {name}"]


@pytest.mark.usefixtures("on_numba")
def test_without_modules_nothing_is_named():
    w = ag.ones((6, 3), requires_grad=True)

    def step(x):
        w.grad = None
        (x @ w).sum().backward()
        return w.grad

    step = ag.jit(step, state=[w])
    step(ag.ones((9, 6)))
    assert not any("[" in line for line in step.kernels())
    assert not any(scope_in(line) for line in step.kernels())


@pytest.mark.usefixtures("on_numba")
def test_a_picture_of_a_profile_names_layers(tmp_path):
    pytest.importorskip("matplotlib")
    step, run = compiled(mlp())
    profile = step.profile(run)
    profile.plot(tmp_path / "profile.svg")
    text = (tmp_path / "profile.svg").read_text()
    assert text.count("<!-- layers.2 Dense: matmul add -->") == 1
