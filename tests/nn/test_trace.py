"""The whole training step as a program: its text, and that running it is what eager training does, bit for bit.

Two models start from the same seed. One trains with `train_on_batch`, the other with its captured program; after each
step every weight, slot, counter and metric has the same bytes, and the generator stands at the same place.
"""

from __future__ import annotations

import numpy as np
import pytest
from golden_files import golden_mlp, is_golden
from models import everything, rows

import autograd as ag
import nn
from backends.program import format_program, parse_program, verify
from nn.step import collect

X, Y = rows(8, 5)
CLASSES = np.array([0, 1, 2, 1, 0, 2, 2, 1])
ONE_HOT = np.eye(3, dtype=np.float32)[CLASSES]


def network(outputs, activation, dropout=0.0, regularizer=None, dtype="float32"):
    layers = [nn.Input((5,)), nn.Dense(6, "relu", kernel_regularizer=regularizer)]
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential([*layers, nn.Dense(outputs, activation)], dtype)


def compiled(model, optimizer, loss, metrics=("accuracy",)):
    model.compile(optimizer, loss, metrics=list(metrics))
    return model


def decayed():
    return nn.SGD(nn.ExponentialDecay(0.1, 2, 0.5), momentum=0.9, nesterov=True)


SPARSE = "sparse_categorical_crossentropy"
STEPS = {
    "sgd": (lambda: compiled(network(1, None), nn.SGD(0.1), "mse", ["mse"]), Y),
    "nesterov, decay, dropout, sigmoid": (
        lambda: compiled(network(1, "sigmoid", 0.3), decayed(), "binary_crossentropy"),
        Y,
    ),
    "staircase": (
        lambda: compiled(network(1, None), nn.SGD(nn.ExponentialDecay(0.1, 2, 0.5, True)), "mse"),
        Y,
    ),
    "adam, softmax, class numbers": (
        lambda: compiled(network(3, "softmax"), nn.Adam(), SPARSE),
        CLASSES,
    ),
    "adam, softmax, one-hot": (
        lambda: compiled(network(3, "softmax", 0.5), nn.Adam(), "categorical_crossentropy"),
        ONE_HOT,
    ),
    "regularizers": (
        lambda: compiled(network(1, "tanh", regularizer=nn.L1(0.01)), nn.SGD(0.1, 0.5), "mse"),
        Y,
    ),
    "l2 and weight decay": (
        lambda: compiled(network(1, "tanh", regularizer="l2"), nn.Adam(weight_decay=0.1), "mse", ()),
        Y,
    ),
    "global_clipnorm": (
        lambda: compiled(network(1, None), nn.SGD(0.5, global_clipnorm=0.1), "mse"),
        Y,
    ),
    "clipnorm": (lambda: compiled(network(1, None), nn.SGD(0.5, clipnorm=0.1), "mse"), Y),
    "clipvalue": (lambda: compiled(network(1, None), nn.Adam(clipvalue=0.01), "mse"), Y),
    "probabilities": (
        lambda: compiled(
            network(1, lambda x: ag.sigmoid(x)),
            nn.SGD(0.1),
            nn.BinaryCrossentropy(label_smoothing=0.1),
        ),
        Y,
    ),
    "float64": (
        lambda: compiled(network(3, "softmax", 0.5, dtype="float64"), nn.Adam(), SPARSE),
        CLASSES,
    ),
}
OPTIMIZERS = {
    "adam, amsgrad": lambda: nn.Adam(0.05, amsgrad=True),
    "adamw": lambda: nn.AdamW(0.05, clipnorm=0.5),
    "rmsprop": lambda: nn.RMSprop(0.05),
    "rmsprop, momentum, centered": lambda: nn.RMSprop(0.05, momentum=0.5, centered=True),
    "adagrad": lambda: nn.Adagrad(0.05, weight_decay=0.1),
    "adadelta": lambda: nn.Adadelta(1.0),
    "nadam": lambda: nn.Nadam(0.05),
    "adamax": lambda: nn.Adamax(0.05),
    "lion": lambda: nn.Lion(0.05),
    # within five steps each of these passes its boundary
    "inverse time": lambda: nn.SGD(nn.InverseTimeDecay(0.1, 2, 0.5, staircase=True)),
    "polynomial": lambda: nn.SGD(nn.PolynomialDecay(0.1, 3, power=2.0)),
    "polynomial, cycle": lambda: nn.SGD(nn.PolynomialDecay(0.1, 2, cycle=True)),
    "cosine": lambda: nn.SGD(nn.CosineDecay(0.1, 3, alpha=0.1)),
    "cosine, warmup": lambda: nn.Adam(nn.CosineDecay(0.0, 3, warmup_target=0.1, warmup_steps=2)),
    "restarts": lambda: nn.SGD(nn.CosineDecayRestarts(0.1, 1, m_mul=0.9)),
    "restarts, equal": lambda: nn.SGD(nn.CosineDecayRestarts(0.1, 2, t_mul=1.0)),
    "piecewise": lambda: nn.Nadam(nn.PiecewiseConstantDecay([1, 3], [0.1, 0.05, 0.01])),
}
METRICS = {
    "one output": (
        lambda: [
            nn.BinaryAccuracy(), nn.Precision([0.2, 0.5]), nn.Recall(class_id=0), nn.F1Score(),
            nn.R2Score(), nn.ConfusionMatrix(2), "mse", "mae", "root_mean_squared_error",
        ],
        1, Y,
    ),
    "class numbers": (
        lambda: [nn.SparseTopKCategoricalAccuracy(2), nn.ConfusionMatrix(3), nn.SparseCategoricalAccuracy()],
        3, CLASSES,
    ),
    "one-hot": (
        lambda: [
            nn.TopKCategoricalAccuracy(2), nn.F1Score("macro"), nn.metrics.FBetaScore(beta=2.0, threshold=0.3),
            nn.ConfusionMatrix(3), nn.R2Score("variance_weighted_average"), nn.CategoricalAccuracy(),
        ],
        3, ONE_HOT,
    ),
}  # fmt: skip
LOSSES = {"one output": "mse", "class numbers": SPARSE, "one-hot": "categorical_crossentropy"}
STEPS |= {
    name: (lambda make=make: compiled(network(1, "tanh"), make(), "mse"), Y)
    for name, make in OPTIMIZERS.items()
}
STEPS |= {
    f"metrics, {name}": (
        lambda name=name, make=make, outputs=outputs: compiled(
            network(outputs, "sigmoid" if outputs == 1 else "softmax"), "sgd", LOSSES[name], make()
        ),
        y,
    )
    for name, (make, outputs, y) in METRICS.items()
}
steps = pytest.mark.parametrize(("make", "y"), STEPS.values(), ids=STEPS)


def seeded(make):
    nn.set_random_seed(9)
    return make()


def captured(model, y):
    x = ag.tensor(X, model.dtype)
    return nn.capture_train_step(model, x, ag.tensor(y)), x, ag.tensor(y)


def generator_state():
    generator = ag.random.default_generator()
    return generator.key.item(), generator.counter.item()


@steps
@pytest.mark.usefixtures("on_numpy")
def test_five_steps_are_bit_equal_to_eager(make, y):
    eager = seeded(make)
    expected = []
    for _ in range(5):
        eager.train_on_batch(X, y)
        expected.append((everything(eager), generator_state()))

    model = seeded(make)
    step, x, labels = captured(model, y)
    got = []
    for _ in range(5):
        for metric in model.trackers:
            metric.reset()
        step(x, labels)
        got.append((everything(model), generator_state()))
    assert got == expected
    assert expected[0][0] != expected[4][0]


@pytest.mark.usefixtures("on_numpy")
def test_a_metric_that_is_not_traced_is_fed_with_what_the_step_returns():
    """The area under the curve keeps every prediction; the program holds none of it."""

    def make():
        return compiled(network(1, "sigmoid"), nn.SGD(0.1), "binary_crossentropy", ["auc", "acc"])

    eager, model = seeded(make), seeded(make)
    step, x, labels = captured(model, Y)
    task = model.task(x)
    assert not [name for name in step.program.named("state") if "auc" in name]
    for _ in range(3):
        model.reset_metrics()
        prediction = step(x, labels)
        collect(task, labels, prediction)
        assert eager.train_on_batch(X, Y) == list(model.metric_values().values())
        assert everything(model) == everything(eager)
    assert 0 < model.metric_values()["auc"] < 1
    assert "auc" not in model.metric_values(after_batch=True)


@steps
def test_the_program_is_well_formed_and_reads_back(make, y):
    step, _, _ = captured(seeded(make), y)
    assert verify(step.program) is step.program
    assert step.program_text() == format_program(step.program)
    assert parse_program(step.program_text()) == step.program


@steps
def test_capture_changes_nothing(make, y):
    model = seeded(make)
    model.train_on_batch(X, y)
    before = everything(model), generator_state()
    captured(model, y)
    assert (everything(model), generator_state()) == before
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(parameter.requires_grad for parameter in model.parameters())
    # and the model still trains in eager mode
    model.train_on_batch(X, y)
    assert everything(model) != before[0]


def test_the_program_of_an_mlp_is_the_golden_one():
    """Every change of what a step does shows here."""
    model, x, y = golden_mlp()
    is_golden("mlp_step", nn.capture_train_step(model, x, y).program_text())


def test_state_is_named_after_the_model():
    model = seeded(STEPS["nesterov, decay, dropout, sigmoid"][0])
    step, _, _ = captured(model, Y)
    assert list(step.program.named("state")) == [
        "model.layers.0.kernel",
        "model.layers.0.bias",
        "model.layers.2.kernel",
        "model.layers.2.bias",
        "optimizer.iterations",
        *(f"optimizer.slots.{i}.velocity" for i in range(4)),
        "metrics.loss.total",
        "metrics.loss.count",
        "metrics.accuracy.total",
        "metrics.accuracy.count",
        "random.key",
        "random.counter",
    ]
    assert list(step.program.named("input")) == ["argument.0", "argument.1"]


def test_a_model_that_is_not_built_is_built_first():
    model = compiled(nn.Sequential([nn.Dense(2, "relu"), nn.Dense(1)]), "sgd", "mse")
    step = nn.capture_train_step(model, X, Y)
    before = everything(model)
    step(X, Y)
    assert everything(model) != before
    assert model.predict(X).shape == (8, 1)


def test_without_compile_there_is_no_step():
    with pytest.raises(nn.NotCompiledError, match="call compile"):
        nn.capture_train_step(network(1, None), X, Y)


def test_dropout_draws_anew_in_every_run():
    """With rate 0.5 on 64 inputs two equal masks would be a one in 2**64 chance."""
    model = nn.Sequential([nn.Input((64,)), nn.Dropout(0.5), nn.Dense(1)], "float64")
    kernel = model.state_dict()["layers.1.kernel"]
    model.compile(nn.SGD(1.0), "mse")
    x, y = ag.ones((1, 64), "float64"), ag.full((1, 1), 50.0, "float64")
    step = nn.capture_train_step(model, x, y)
    masks = []
    counter = ag.random.default_generator().counter
    for i in range(3):
        start = counter.item()
        model.load_state_dict({"layers.1.kernel": kernel, "layers.1.bias": [0.0]})
        step(x, y)
        masks.append(tuple((model.state_dict()["layers.1.kernel"] != kernel)[:, 0]))
        assert counter.item() == start + 1, i
    assert len(set(masks)) == 3
    assert 10 < sum(masks[0]) < 54


def test_another_batch_size_is_refused_and_changes_nothing():
    model = seeded(STEPS["sgd"][0])
    step, _, _ = captured(model, Y)
    before = everything(model)
    with pytest.raises(ag.ProgramError, match=r"argument.0' is float32\[4, 5\], .* float32\[8, 5\]"):
        step(X[:4], Y[:4])
    with pytest.raises(ag.ProgramError, match=r"argument.0' is float64"):
        step(X.astype(float), Y)
    assert everything(model) == before


class Hazard(nn.Model):
    """A model whose `call` does something that a program cannot hold."""

    def __init__(self, action):
        super().__init__()
        self.dense = nn.Dense(1)
        self.action = action
        self(np.zeros((1, 5), np.float32))

    def call(self, x):
        y = self.dense(x)
        return self.action(y) if self.built else y


def branch(y):
    return y if y.sum() > 0 else -y


HIDDEN = {"tensor": ag.tensor([2.0]), "array": np.array([2.0], np.float32)}
UNDECLARED = (
    r"an undeclared .* was used inside a traced step. Pass it as an argument .*, or list .* in state="
)
HAZARDS = {
    "a tensor from outside": (lambda y: y * HIDDEN["tensor"], UNDECLARED),
    "a NumPy array from outside": (lambda y: y * HIDDEN["array"], UNDECLARED),
    "a new tensor of data": (
        lambda y: y * ag.tensor([2.0] * 100)[0],
        "undeclared .* was used inside",
    ),
    "item": (lambda y: y * y.sum().item(), r"item\(\) and numpy\(\) need a value"),
    "float": (lambda y: y * float(y.sum()), "need a value|no values yet"),
    "numpy": (lambda y: y * y.numpy(), r"item\(\) and numpy\(\) need a value"),
    "asarray": (lambda y: y * np.asarray(y), "need a value|no values yet"),
    "if": (branch, r"where\(condition, a, b\)|need a value"),
    "mask": (lambda y: y[y > 0], r"use where\(mask, x, 0\) instead"),
}


@pytest.mark.parametrize(("action", "message"), HAZARDS.values(), ids=HAZARDS)
def test_hazards_are_errors_that_name_the_way_out(action, message):
    model = compiled(Hazard(action), nn.SGD(0.1, 0.9), "mse", [])
    model.optimizer.build(model.parameters())
    before = everything(model), generator_state()
    with pytest.raises(ag.TraceError, match=message):
        captured(model, Y)
    assert (everything(model), generator_state()) == before
    assert not model.training


def test_numbers_and_numpy_scalars_are_part_of_the_program():
    model = compiled(Hazard(lambda y: y * 2.0 + np.float32(0.5) + ag.tensor(3.0)), "sgd", "mse", [])
    step, x, y = captured(model, Y)
    before = everything(model)
    step(x, y)
    assert everything(model) != before
    assert "0.5" in step.program_text()


def test_an_error_half_way_leaves_no_symbols_behind(monkeypatch):
    """The optimizer fails while traced; the model has its arrays back and trains on."""
    model = seeded(STEPS["adam, softmax, class numbers"][0])
    before = everything(model)

    def fails(*args):
        raise RuntimeError("not today")

    with monkeypatch.context() as patch:
        patch.setattr(model.optimizer, "update", fails)
        with pytest.raises(RuntimeError, match="not today"):
            captured(model, CLASSES)
    assert {name: everything(model)[name] for name in before} == before
    model.train_on_batch(X, CLASSES)
    assert everything(model) != before


def test_printing_shows_the_symbol(capsys):
    """There is no value to show; what is printed names the place in the program."""

    def printed(y):
        print(y)
        return y

    step, _, _ = captured(compiled(Hazard(printed), "sgd", "mse", []), Y)
    number = capsys.readouterr().out.removeprefix("Tensor(").split(":")[0]
    assert f"{number}: float32[8, 1] = " in step.program_text()


@pytest.mark.parametrize("bad", [None, [[1.0]], {}, 2.0])
@pytest.mark.parametrize("name", ["x", "y"])
def test_what_is_no_batch_is_refused_by_name(name, bad):
    model = network(1, "sigmoid")
    model.compile("sgd", "mse")
    with pytest.raises(nn.ArgumentError, match=f"{name} is a tensor or an array, got"):
        nn.capture_train_step(model, **{"x": X, "y": Y} | {name: bad})
