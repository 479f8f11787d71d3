"""One program serves any number of rows, where a model computes them one by one; where it does not, none does."""

from __future__ import annotations

import itertools
import operator

import numpy as np
import pytest
from test_layers_trace import LAYERS

import autograd as ag
import nn
from autograd.rowwise import Rowwise

pytestmark = pytest.mark.once
COUNTS = (5, 32, 33, 300)


def both(model, x, batch_size):
    """Predictions compiled, and as the model computes them for these rows."""
    return model.predict(x, batch_size), model(ag.tensor(x), training=False).numpy()


def traces(model):
    return model._predictor._jitted.traces


@pytest.mark.parametrize("name", LAYERS)
def test_all_layers_need_two_programs(name, backend):
    x, make = LAYERS[name]
    nn.set_random_seed(3)
    model = nn.Sequential([nn.Input(x.shape[1:]), *make()])
    many = np.concatenate([x] * 50)[: max(COUNTS)]
    for count in (*COUNTS, 1):
        compiled = model.predict(many[:count], 300)
        plain = model(ag.tensor(many[:count]), training=False).numpy()
        np.testing.assert_allclose(compiled, plain, rtol=2e-5, atol=1e-6)
    assert traces(model) <= 3  # 1, 32 and 256 rows


ALONE = {
    "a table": lambda x: ag.tensor(np.arange(40.0)[:, None] * np.ones(3))[ag.abs(x[:, 0]).to("int64") % 40],
    "a column": lambda x: x[:, 1],
    "columns backwards": lambda x: x[:, ::-1],
    "chosen columns": lambda x: x[:, [2, 0, 0]],
    "a new axis": lambda x: x[:, None, :] * x[:, :, None],
    "its own softmax": lambda x: ag.softmax(x, axis=-1),
    "its own mean": lambda x: x - x.mean(axis=1, keepdims=True),
    "its own sums": lambda x: ag.cumsum(x, axis=1),
    "ones beside it": lambda x: ag.concat([x, ag.ones_like(x)], axis=1),
    "padded columns": lambda x: ag.pad(x, pad_width=((0, 0), (1, 2))),
    "there and back": lambda x: (x.T * 2.0).T,
    "through pieces": lambda x: (x.reshape(-1, 1) * 2.0).reshape(-1, 3),
    "products on both sides": lambda x: (ag.ones((2, 3)) @ x.T).T,
    "products of each": lambda x: x[:, None, :] @ x[:, :, None],
    "a branch on the columns": lambda x: x if x.shape[1] > 2 else -x,
}  # fmt: skip
TABLE = np.arange(300, dtype=np.float32).reshape(100, 3)
PIECES = ("n", "slice(None, n)", "slice(-n, None)", "slice(n, n + 1)", "slice(n - 1, None, -1)", "min(7, n // 10)", "(slice(None, n), slice(0, 1))")  # fmt: skip


def pieces_of_a_table(key):
    """A piece of a table of 100 rows that the number of rows n chooses."""
    return lambda x: x + ag.tensor(TABLE)[eval(key, {"n": x.shape[0]})]


TOGETHER = {
    "centred": lambda x: x - x.mean(axis=0),
    "largest of all": lambda x: x / (ag.abs(x).max() + 1.0),
    "softmax over rows": lambda x: ag.softmax(x, axis=0),
    "running sums": lambda x: ag.cumsum(x, axis=0),
    "sorted": lambda x: ag.sort(x, axis=0),
    "backwards": lambda x: x[::-1],
    "rolled": lambda x: ag.concat([x[1:], x[:1]], axis=0),
    "beside the first": lambda x: x - x[0],
    "beside the last": lambda x: x - x[-1:],
    "products of rows": lambda x: (x @ x.T) @ x,
    "numbered": lambda x: x + ag.arange(x.shape[0])[:, None],
    "numbered by NumPy": lambda x: x + np.arange(x.shape[0], dtype=np.float32)[:, None],
    "times their number": lambda x: x * x.shape[0],
    "times their number, an array": lambda x: x * np.array([x.shape[0]], np.float32),
    "filled with their number": lambda x: x + ag.full(3, float(x.shape[0])),
    "mixed by reshaping": lambda x: x.T.reshape(-1, 3),
    "positions of rows": lambda x: x * (ag.argsort(x[:, 0]) + 1)[:, None],
    "chosen rows": lambda x: x[ag.argsort(x[:, 0])],
    "a branch on few": lambda x: x * 2.0 if x.shape[0] < 10 else x,
    "a branch on their number": lambda x: x * 2.0 if x.shape[0] % 2 else x,
    **{f"a table, {key}": pieces_of_a_table(key) for key in PIECES},
    "another column": lambda x: x[:, x.shape[0] % 3 : x.shape[0] % 3 + 1],
    "one of the columns": lambda x: x[:, x.shape[0] % 3][:, None],
    "at most fifty": operator.itemgetter(slice(None, 35)),
    "every second": lambda x: x * (ag.arange(x.shape[0]) % 2)[:, None],
}  # fmt: skip


class Of(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def call(self, x):
        return self.f(x)


def model_of(f):
    return nn.Sequential([nn.Input((3,)), Of(f)])


@pytest.mark.parametrize("name", ALONE)
def test_what_keeps_rows_apart_needs_few_programs(name):
    x = np.random.default_rng(0).normal(size=(40, 3)).astype("f4")
    model = model_of(ALONE[name])
    for count in (7, 3, 31, 33, 40, 32):
        np.testing.assert_allclose(*both(model, x[:count], 64), rtol=1e-5, atol=1e-6)
    assert traces(model) == 1


@pytest.mark.parametrize("name", TOGETHER)
def test_what_mixes_rows_is_computed_for_just_those(name):
    x = np.random.default_rng(0).normal(size=(40, 3)).astype("f4")
    model = model_of(TOGETHER[name])
    for count in (7, 3, 31, 33, 40, 32):
        rows = x[:count]
        expected = TOGETHER[name](ag.tensor(rows)).numpy()
        if len(expected) != count:
            with pytest.raises(nn.errors.ArgumentError, match="a row for each"):
                model.predict(rows, 64)
        else:
            np.testing.assert_allclose(model.predict(rows, 64), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["alone", "together"])
def test_a_proof_holds_for_the_program_that_was_proved(kind):
    """The model changes what it does and changes back: each program has a proof of its own."""
    x = np.random.default_rng(0).normal(size=(40, 3)).astype("f4")
    layer = Of(lambda x: x * 2.0)
    layer.alone = kind == "alone"
    layer.f = lambda x: x * 2.0 if layer.alone else x - x.mean(axis=0)
    model = nn.Sequential([nn.Input((3,)), layer])
    for _ in range(4):
        for count in (5, 33):
            np.testing.assert_allclose(*both(model, x[:count], 64), rtol=1e-5, atol=1e-6)
        layer.alone = not layer.alone


def test_many_numbers_of_rows_need_few_programs_in_any_batch_size(log):
    x = np.random.default_rng(0).normal(size=(300, 3)).astype("f4")
    model = nn.Sequential([nn.Input((3,)), nn.Dense(4, activation="tanh"), nn.Dense(2)])
    expected = model(ag.tensor(x), training=False).numpy()
    for count in np.random.default_rng(1).permutation(np.arange(1, 301)):
        for batch_size in (32, 1000, int(count)):
            found = model.predict(x[:count], batch_size)
            np.testing.assert_allclose(found, expected[:count], rtol=1e-5, atol=1e-6)
    assert traces(model) == 3
    assert not any("has been traced" in line for line in log())


def test_a_prediction_depends_on_nothing_that_was_predicted_before():
    x = np.random.default_rng(0).normal(size=(300, 784)).astype("f4")

    def made():
        nn.set_random_seed(5)
        return nn.Sequential([nn.Input((784,)), nn.Dense(256, activation="relu"), nn.Dense(10)])

    used = made()
    for count in (3, 1, 300, 40, 8, 8, 8, 8):
        used.predict(x[:count], 400)
    for count in (1, 8, 33, 40, 300):
        assert used.predict(x[:count], 400).tobytes() == made().predict(x[:count], 400).tobytes()


def test_batches_of_a_generator_have_any_number_of_rows():
    x = np.random.default_rng(0).normal(size=(300, 3)).astype("f4")
    model = nn.Sequential([nn.Input((3,)), nn.Dense(4, activation="tanh")])
    cuts = [0, 1, 3, 40, 45, 145, 300]
    found = model.predict(x[a:b] for a, b in itertools.pairwise(cuts))
    np.testing.assert_allclose(found, model.predict(x), rtol=1e-5, atol=1e-6)
    assert traces(model) <= 3


def test_a_layer_that_fits_one_number_of_rows_alone():
    """Programs for other numbers are tried; what is wrong with these is nobody's fault."""
    model = model_of(lambda x: x if x.shape[0] == 1 else x * ag.ones((40, 3)))
    with pytest.raises(ag.ShapeError, match="39"):
        model.predict(np.ones((39, 3)), 40)
    assert model.predict(np.ones((40, 3)), 40).tolist() == np.ones((40, 3)).tolist()


@pytest.mark.parametrize("jit", [True, "auto"])
@pytest.mark.parametrize("how", ["append", "replace"])
def test_a_layer_that_is_put_into_a_model_in_use(how, jit):
    model = nn.Sequential([nn.Dense(3)])
    model.compile("sgd", "mse", jit=jit)
    x = np.ones((40, 4), "f4")
    model.predict(x)
    if how == "append":
        model.layers.append(nn.Dense(2))
    else:
        model.layers[0] = nn.Dense(2)
    for count in (40, 5):
        np.testing.assert_allclose(*both(model, x[:count], 64), rtol=1e-5)
        assert model.predict(x[:count]).shape == (count, 2)
    assert model._predictor.compiles


OUTPUTS = {
    "a number beside it": lambda x: (x, 1),
    "an empty dict": lambda x: {},
    "None": lambda x: None,
    "a number": lambda x: 1,
    "no axis": lambda x: x.sum(),
    "other rows": lambda x: ag.concat([x, x]),
}


@pytest.mark.parametrize("call", ["predict", "fit", "evaluate"])
@pytest.mark.parametrize("name", OUTPUTS)
def test_models_return_tensors_with_a_row_for_each(name, call):
    class Own(nn.Model):
        def call(self, x):
            return OUTPUTS[name](x)

    model = Own()
    model.compile("sgd", "mse")
    given = (np.ones((4, 3)),) if call == "predict" else (np.ones((4, 3)), np.ones((4, 3)))
    with pytest.raises(nn.errors.ArgumentError, match=r"Own returned .* need tensors"):
        getattr(model, call)(*given)


def test_a_user_s_code_is_proved_for_each_number_of_rows():
    rowwise = Rowwise(ag.jit(lambda x: x * 2.0 if x.shape[0] != 3 else x))
    assert [rowwise.serves(ag.ones((n, 3)), 4) for n in (2, 3, 4, 9)] == [True, False, True, True]
