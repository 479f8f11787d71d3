"""Models made of placeholders: what they compute, learn, save and refuse."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest
from graphs import GRAPHS, data_for, leaves, namespace

import autograd as ag
import nn

OURS = namespace(nn)


def made(name, seed=3):
    nn.set_random_seed(seed)
    return GRAPHS[name](OURS)


def same(a, b):
    return all((x == y).all() for x, y in zip(leaves(a), leaves(b), strict=True))


def weights_of(model):
    return list(model.state_dict().values())


@pytest.mark.parametrize("name", GRAPHS)
def test_compiled_and_eager_learn_the_same(name):
    found = []
    for jit in (True, False):
        model = made(name)
        x, y = data_for(model)
        model.compile(nn.SGD(0.05), "mse", jit=jit)
        history = model.fit(x, y, batch_size=8, epochs=3, verbose=0, shuffle=False)
        found.append((history.history, model.predict(x, verbose=0), model.evaluate(x, y, verbose=0)))
    for one, other in zip(*found, strict=True):
        pairs = zip(leaves(one), leaves(other), strict=True)
        assert all(np.allclose(a, b, rtol=2e-5, atol=1e-6) for a, b in pairs)


@pytest.mark.parametrize("name", GRAPHS)
def test_saved_copied_and_pickled_ones_go_on_the_same(name):
    model = made(name)
    x, y = data_for(model)
    model.compile(
        nn.Adam(0.01), "mse", metrics=[["mae"]] * len(model.outputs) if len(model.outputs) > 1 else ["mae"]
    )
    model.fit(x, y, batch_size=8, epochs=1, verbose=0)
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    others = [nn.load(file), copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for other in others:
        assert same(model.predict(x, verbose=0), other.predict(x, verbose=0))
        assert [type(layer) for layer in other.layers] == [type(layer) for layer in model.layers]
        assert all(leaves(layer.output)[0].shape[0] is None for layer in other.layers)
    for each in (model, *others):
        nn.set_random_seed(1)
        each.fit(x, y, batch_size=8, epochs=1, verbose=0)
    for other in others:
        assert same(weights_of(model), weights_of(other))
    again = io.BytesIO()
    others[0].save(again)
    assert nn.load(io.BytesIO(again.getvalue())).get_config().keys() == model.get_config().keys()


@pytest.mark.parametrize("name", GRAPHS)
def test_batches_and_rows_in_memory_learn_the_same(name):
    def cut(tree, rows):
        if isinstance(tree, dict):
            return {key: value[rows] for key, value in tree.items()}
        return tuple(value[rows] for value in tree) if isinstance(tree, list) else tree[rows]

    found = []
    for batches in (False, True):
        model = made(name)
        x, y = data_for(model)
        model.compile(nn.SGD(0.05), "mse")
        if batches:
            parts = [slice(start, start + 8) for start in range(0, 20, 8)]
            model.fit([(cut(x, p), cut(y, p)) for p in parts].__iter__(), epochs=1, verbose=0)
        else:
            model.fit(x, y, batch_size=8, epochs=1, verbose=0, shuffle=False)
        found.append(weights_of(model))
    assert same(*found)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_step_is_one_program(name):
    """No way back to eager: jit=True raises where a step cannot be traced."""
    model = made(name)
    x, y = data_for(model, rows=16)
    model.compile(nn.SGD(0.05), "mse", jit=True)
    model.train_on_batch(x, y)
    model.fit(x, y, batch_size=8, verbose=0)
    model.predict(x, verbose=0)
    model.summary(print_fn=lambda text: None)


def two():
    return made("wide_and_deep")


def test_losses_weights_and_metrics_by_output():
    model = two()
    x, y = data_for(model, rows=40)
    weight = np.linspace(0, 1, 40)
    by_list = dict(loss=["mse", "mae"], loss_weights=[1.0, 0.25], metrics=[["mae"], ["mse", "mae"]])
    by_name = {
        key: dict(zip(("main", "aux"), value, strict=True)) for key, value in by_list.items()
    }  # fmt: skip
    logs = []
    for given in (by_list, by_name):
        model = two()
        model.compile(nn.SGD(0.01), **given, weighted_metrics={"aux": ["mse"]})
        targets = y if given is by_list else dict(zip(("main", "aux"), y, strict=True))
        logs.append(model.evaluate(x, targets, sample_weight=weight, return_dict=True, verbose=0))
    assert logs[0] == logs[1]
    assert list(logs[0]) == [
        "loss", "main_loss", "aux_loss", "main_mae", "aux_mse", "aux_mae", "aux_weighted_mse",
    ]  # fmt: skip
    main, aux = model.predict(x, verbose=0)
    errors = ((main - y[0]) ** 2).mean(1), np.abs(aux - y[1]).mean(1)
    assert np.isclose(logs[0]["main_loss"], (errors[0] * weight).mean())
    assert np.isclose(logs[0]["loss"], (errors[0] * weight).mean() + 0.25 * (errors[1] * weight).mean())
    assert np.isclose(logs[0]["aux_mae"], errors[1].mean())
    weighted = (((aux - y[1]) ** 2).mean(1) * weight).sum() / weight.sum()
    assert np.isclose(logs[0]["aux_weighted_mse"], weighted)


def test_an_output_without_a_loss_needs_no_targets():
    model = two()
    x, y = data_for(model)
    model.compile(nn.SGD(0.01), {"main": "mse"})
    frozen = model.get_layer("aux").kernel.numpy() if hasattr(model, "get_layer") else None
    model.fit(x, {"main": y[0]}, verbose=0)
    assert frozen is None or (model.get_layer("aux").kernel.numpy() == frozen).all()
    with pytest.raises(nn.ArgumentError, match="no targets for the output 'main'"):
        model.fit(x, {"aux": y[1]}, verbose=0)


@pytest.mark.parametrize("weights", [2.0, [2.0]])
@pytest.mark.parametrize("jit", [True, False])
def test_the_weight_of_an_only_loss(weights, jit, tmp_path):
    x, y = np.linspace(-1, 1, 18, dtype=np.float32).reshape(6, 3), np.arange(6, dtype=np.float32)
    plain = nn.Sequential([nn.Input((3,)), nn.Dense(1)])
    weighted = copy.deepcopy(plain)
    plain.compile("sgd", "mse", metrics=["mae"], jit=jit)
    weighted.compile("sgd", "mse", metrics=["mae"], loss_weights=weights, jit=jit)
    loss, mae = plain.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(weighted.evaluate(x, y, verbose=0), [2 * loss, mae], rtol=1e-6)
    weighted.fit(x, y, verbose=0)
    weighted.save(tmp_path / "weighted.safetensors")
    again = nn.load(tmp_path / "weighted.safetensors")
    assert again.fit(x, y, verbose=0).history == weighted.fit(x, y, verbose=0).history


def test_metrics_where_the_first_output_has_no_loss():
    x, y = np.ones((6, 3), np.float32), np.ones(6, np.float32)
    a = nn.Input((3,))
    model = nn.Model(a, [nn.Dense(1, name="p")(a), nn.Dense(1, name="q")(a)])
    model.compile("sgd", [None, "mse"], metrics=[None, ["mae"]])
    history = model.fit(x, [y], verbose=0).history
    assert list(history) == ["loss", "q_loss", "q_mae"]
    again = model.evaluate(x, {"q": y}, verbose=0, return_dict=True)
    assert again == model.evaluate(x, [y], verbose=0, return_dict=True)


def test_saturated_outputs_learn_from_their_own_logits():
    """Each of several sigmoids is looked through, not the last alone."""
    x = nn.Input((1,))
    heads = [nn.Dense(1, activation="sigmoid", kernel_initializer="ones", name=n)(x) for n in ("a", "b")]
    model = nn.Model(x, heads)
    model.compile(nn.SGD(1.0), "binary_crossentropy")
    zeros = np.zeros((4, 1))
    loss = model.evaluate(np.full((4, 1), 200.0), [zeros, zeros], verbose=0)
    assert loss == [400.0, 200.0, 200.0]


def test_training_that_a_call_fixes():
    x = nn.Input((8,))
    model = nn.Model(x, nn.Dropout(0.5)(x, training=True))
    rows = np.ones((4, 8))
    assert not (model.predict(rows, verbose=0) == model.predict(rows, verbose=0)).all()
    fixed = nn.Model(x, nn.Dropout(0.5)(x, training=False))
    assert (fixed(rows, training=True).numpy() == rows).all()


def test_weights_of_a_frozen_part_stay():
    x = nn.Input((4,))
    base = nn.Sequential([nn.Input((4,)), nn.Dense(3, "relu")])
    base.trainable = False
    model = nn.Model(x, nn.Dense(1)(base(x, training=False)))
    model.compile(nn.SGD(0.1), "mse")
    before = base.get_weights()
    model.fit(np.ones((8, 4)), np.ones(8), verbose=0)
    assert same(before, base.get_weights())
    assert len(model.parameters()) == 2


class Doubled(nn.Model):
    """A model of placeholders with a step of its own, as Keras's guide writes it."""

    def train_step(self, data):
        x, y = data
        loss = self.compute_loss(x, y, self(x, training=True)) * 2.0
        parameters = self.parameters()
        self.zero_grad()
        loss.backward()
        self.optimizer.apply([p.grad for p in parameters], parameters)
        return {"loss": loss.detach()}


def test_a_class_of_ones_own_with_inputs_and_outputs():
    x = nn.Input((1,))
    model = Doubled(inputs=x, outputs=nn.Dense(1)(x))
    model.compile(nn.SGD(0.1), "mse", jit=True)
    history = model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=60, verbose=0)
    assert history.history["loss"][-1] < 0.1


class ByName(nn.Model):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(2)

    def call(self, inputs):
        return {"sum": self.dense(inputs["a"] + inputs["b"]), "a": inputs["a"]}


def test_a_call_of_ones_own_with_structures():
    model = ByName()
    rows = np.random.default_rng(0).standard_normal((12, 3))
    x = {"a": rows, "b": rows * 2}
    model.compile(nn.SGD(0.1), {"sum": "mse"}, metrics={"sum": ["mae"]})
    history = model.fit(x, {"sum": np.ones((12, 2))}, epochs=20, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert list(history.history) == ["loss", "sum_loss", "sum_mae"]
    found = model.predict(x, batch_size=5, verbose=0)
    assert {key: value.shape for key, value in found.items()} == {"sum": (12, 2), "a": (12, 3)}
    assert np.allclose(found["a"], rows)


def _several():
    model = two()
    model.compile("sgd", "mse")
    return model


ROWS = np.ones((6, 4)), np.ones((6, 3))
WRONG = {
    "one of two inputs": (lambda: _several().predict(ROWS[0]), "2 inputs"),
    "three of two inputs": (lambda: _several().predict([*ROWS, ROWS[0]]), "2 inputs"),
    "another name": (lambda: _several().predict({"wide": ROWS[0], "x": ROWS[1]}), "'wide', 'deep'"),
    "other rows": (lambda: _several().predict([ROWS[0], ROWS[1][:3]]), "6 rows and another input has 3"),
    "other features": (lambda: _several().predict([ROWS[0][:, :2], ROWS[1]]), "wide"),
    "one of two targets": (lambda: _several().fit(list(ROWS), np.ones(6)), "several outputs"),
    "class weights": (
        lambda: _several().fit(list(ROWS), [np.ones(6)] * 2, class_weight={0: 1.0, 1: 1.0}), "one output",
    ),
    "one of two losses": (lambda: two().compile("sgd", ["mse"]), "'main', 'aux'"),
    "an unknown output": (lambda: two().compile("sgd", {"other": "mse"}), "'main', 'aux'"),
    "no loss at all": (lambda: two().compile("sgd", [None, None]), "no output has a loss"),
    "metrics of nobody": (lambda: two().compile("sgd", "mse", metrics=["mae"]), "an entry for each"),
    "weights of one": (lambda: two().compile("sgd", "mse", loss_weights=[1.0]), "an entry for each"),
    "an input left out": (
        lambda: nn.Model(nn.Input((2,)), nn.Dense(1)(nn.Input((2,), name="other"))), "needs .*'other'",
    ),
    "no placeholder": (lambda: nn.Model(nn.Input((2,)), 3), "placeholders"),
    "inputs alone": (lambda: nn.Model(nn.Input((2,))), "both"),
    "the same input twice": (lambda: nn.Model([s := nn.Input((2,)), s], nn.Dense(1)(s)), "twice"),
    "a name twice": (
        lambda: nn.Model(s := nn.Input((2,)), nn.Dense(1, name="d")(nn.Dense(1, name="d")(s))), "called 'd'",
    ),
    "its truth": (lambda: bool(nn.Input((2,))), "stands for values"),
    "its values": (lambda: np.asarray(nn.Input((2,))), "stands for values"),
    "its length": (lambda: len(nn.Input((2,))), "stands for values"),
    "NumPy's function": (lambda: np.exp(nn.Input((2,))), "stands for values"),
    "a sum over rows": (lambda: ag.sum(nn.Input((2,))), "a row for each"),
    "an unknown size": (lambda: nn.Input((None, 2)), "sizes >= 1"),
    "no shape": (lambda: nn.Input(), "shape"),
    "a layer in no graph": (lambda: nn.Dense(2).output, "never called on a placeholder"),
    "a model that is not built": (lambda: nn.Sequential([nn.Dense(2)]).input, "not built"),
    "sizes that do not fit": (lambda: nn.Add()([nn.Input((2,)), nn.Input((3,))]), "do not fit"),
    "one to add": (lambda: nn.Add()([nn.Input((2,))]), "2 or more"),
    "three to subtract": (lambda: nn.Subtract()([nn.Input((2,))] * 3), "exactly 2"),
    "the axis of rows": (lambda: nn.Concatenate(axis=0)([nn.Input((2,)), nn.Input((2,))]), "axis 0"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "words"), WRONG.values(), ids=WRONG)
def test_what_is_refused(call, words):
    with pytest.raises((nn.ArgumentError, ag.ShapeError), match=words):
        call()


def test_a_fixed_number_of_rows():
    x = nn.Input((2,), batch_size=4)
    model = nn.Model(x, nn.Dense(1)(x))
    assert x.shape == (4, 2)
    assert nn.Input(batch_shape=(4, 2)).shape == (4, 2)
    with pytest.raises(ag.ShapeError, match=r"\(4, 2\)"):
        model(np.ones((3, 2)))


def test_operations_of_a_file_are_looked_up():
    x = nn.Input((4,))
    model = nn.Model(x, ag.concat([ag.where(x > 0.0, x, 0.5), x.clip(-1.0, 1.0)], axis=1)[:, ::2])
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    rows = np.random.default_rng(0).standard_normal((5, 4))
    assert same(nn.load(file).predict(rows, verbose=0), model.predict(rows, verbose=0))
    config = model.get_config()
    config["graph"]["calls"][0]["inputs"] = [{"symbol": 99}]
    with pytest.raises(nn.FileError, match="graph of layers"):
        nn.Model.from_config(config)


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ({"shape": (3,)}, (None, 3)),
        ({"input_shape": (3,)}, (None, 3)),
        ({"input_shape": 3}, (None, 3)),
        ({"batch_shape": (None, 3)}, (None, 3)),
        ({"batch_shape": [4, 3]}, (4, 3)),
        ({"batch_input_shape": (4, 3)}, (4, 3)),
        ({"shape": (3,), "batch_size": 4}, (4, 3)),
    ],
)
def test_the_names_that_keras_has_for_the_sizes_of_an_input_layer(given, shape):
    layer = nn.InputLayer(**given, name="first")
    assert layer.output.shape == shape
    assert nn.InputLayer.from_config(layer.get_config()).output.shape == shape
    assert nn.Sequential([layer, nn.Dense(2)]).output_shape[-1] == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "shape, the sizes of one sample, or batch_shape"),
        ({"shape": (3,), "input_shape": (3,)}, "one of them"),
        ({"shape": (3,), "batch_shape": (None, 3)}, "one of them"),
        ({"batch_shape": (None, 3), "batch_size": 4}, "batch_shape is"),
        ({"shape": (3,), "sizes": 4}, "unknown argument 'sizes'"),
    ],
)
def test_an_input_layer_has_its_sizes_once(given, words):
    with pytest.raises(nn.ArgumentError, match=words):
        nn.InputLayer(**given)
