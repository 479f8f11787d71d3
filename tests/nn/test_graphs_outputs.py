"""Outputs of models of placeholders: how they are called, one in a dict, none that trains, their dtype."""

from __future__ import annotations

import numpy as np
import pytest

import nn


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("y", [lambda y: y, lambda y: [y], lambda y: {"o": y}], ids=["array", "list", "dict"])
@pytest.mark.parametrize("metrics", [["mae"], {"o": ["mae"]}, {"o": "mae"}], ids=str)
@pytest.mark.parametrize("loss", ["mse", ["mse"], {"o": "mse"}], ids=str)
def test_the_only_output_of_a_dict_is_trained_like_any_other(loss, metrics, y, jit):
    x, targets = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")
    found = []
    for named in (True, False):
        nn.utils.set_random_seed(0)
        inputs = nn.Input((3,))
        output = nn.Dense(1)(inputs)
        model = nn.Model({"a": inputs} if named else inputs, {"o": output} if named else output)
        model.compile("sgd", loss if named else "mse", metrics=metrics if named else ["mae"], jit=jit)
        given = y(targets) if named else targets
        history = model.fit(x, given, epochs=2, verbose=0, validation_data=(x, given)).history
        prediction = model.predict({"a": x} if named else x)
        found.append((history, model.evaluate(x, given, verbose=0), prediction["o"] if named else prediction))
    assert list(found[0][0]) == ["loss", "mae", "val_loss", "val_mae"]
    assert found[0][:2] == found[1][:2]
    np.testing.assert_array_equal(found[0][2], found[1][2])
    assert model.predict(x).shape == (4, 1)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (["y_2", "y"], ["y_2", "y"]), (["y_1", "y"], ["y_1", "y"]), (["y", "y"], ["y", "y_1"]),
        (["y_1", "y", "y"], ["y_1", "y", "y_2"]), (["y", "y_1", "y", "y_1"], ["y", "y_1", "y_2", "y_1_1"]),
    ],
)  # fmt: skip
def test_outputs_are_called_like_their_layers_and_numbered_where_one_gives_several(layers, expected):
    inputs = nn.Input((3,))
    made = {name: nn.Dense(1, name=name) for name in layers}
    model = nn.Model(inputs, [made[name](inputs) for name in layers])
    assert model.output_names == expected
    model.compile("sgd", dict.fromkeys(expected, "mse"))
    history = model.fit(np.ones((4, 3)), [np.ones((4, 1))] * len(layers), verbose=0).history
    assert list(history) == ["loss", *(f"{name}_loss" for name in expected)]


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("frozen", [True, False])
def test_what_has_nothing_to_train_is_measured(frozen, jit):
    """A model that is frozen as a whole, or has no weights."""
    x, y = np.ones((4, 3), "float32"), np.zeros((4, 3), "float32")
    model = nn.Sequential([nn.Input((3,)), nn.Dense(3) if frozen else nn.Flatten()])
    model.trainable = not frozen
    model.compile("adam", "mse", metrics=["mae"], jit=jit)
    before = model.predict(x)
    history = model.fit(x, y, epochs=2, batch_size=2, verbose=0).history
    np.testing.assert_array_equal(model.predict(x), before)
    np.testing.assert_allclose(history["loss"], [np.mean(before**2)] * 2, 1e-6)
    np.testing.assert_allclose(history["mae"], [np.mean(abs(before))] * 2, 1e-6)
    assert int(model.optimizer.iterations) == 0


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_a_model_of_placeholders_has_their_dtype(dtype):
    inputs = nn.Input((3,))
    with pytest.raises(nn.ArgumentError, match=f"dtype={dtype!r}"):
        nn.Model(inputs, nn.Dense(1)(inputs), dtype=dtype)
    inputs = nn.Input((3,), dtype=dtype)
    model = nn.Model(inputs, nn.Dense(1)(inputs))
    assert model.dtype == nn.Model(inputs, nn.Dense(1)(inputs), dtype=dtype).dtype == dtype
    assert nn.Model.from_config(model.get_config()).dtype == dtype
    assert model.predict(np.ones((2, 3))).dtype == dtype


class _OwnLoss:
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, y, y_pred, sample_weight, training)


class _OwnMetrics:
    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred, sample_weight)


class _OwnSteps:
    def train_step(self, data):
        return super().train_step(data)

    def test_step(self, data):
        return super().test_step(data)


OWN = [(_OwnLoss,), (_OwnMetrics,), (_OwnSteps,), (_OwnLoss, _OwnMetrics), (_OwnMetrics, _OwnSteps)]


@pytest.mark.parametrize("jit", ["auto", False])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("own", OWN, ids=lambda own: "".join(kind.__name__ for kind in own))
def test_methods_of_one_s_own_that_call_those_of_the_library_change_nothing(own, named, jit):
    """With several outputs, the loss of each is a metric by itself, which follows it and no targets."""
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    targets = [x[:, :1] * 2.0, x[:, 1:2] + 1.0]
    y = dict(zip("pq", targets, strict=True)) if named else targets
    found = []
    for bases in ((nn.Model,), (*own, nn.Model)):
        nn.utils.set_random_seed(0)
        inputs = nn.Input((3,))
        outputs = [nn.Dense(1, name="p")(inputs), nn.Dense(1, name="q")(inputs)]
        model = type("Model", bases, {})(inputs, dict(zip("pq", outputs, strict=True)) if named else outputs)
        model.compile("sgd", ["mse", "mae"], metrics=[["mae"], ["mse"]], loss_weights=[1.0, 0.5], jit=jit)
        history = model.fit(x, y, epochs=2, batch_size=4, verbose=0, validation_data=(x, y)).history
        found.append({name: np.array(values) for name, values in history.items()})
    assert found[0].keys() == found[1].keys()
    assert {"p_loss", "q_loss", "p_mae", "q_mse", "val_p_loss"} <= found[0].keys()
    for name, values in found[0].items():
        np.testing.assert_allclose(found[1][name], values, 1e-5, err_msg=name)


@pytest.mark.parametrize("jit", [True, False])
def test_a_loss_of_one_s_own_that_says_nothing_of_the_outputs(jit):
    class Own(nn.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return (y_pred[0] ** 2).mean()

    inputs = nn.Input((3,))
    model = Own(inputs, [nn.Dense(1, name="p")(inputs), nn.Dense(1, name="q")(inputs)])
    model.compile("sgd", ["mse", "mse"], jit=jit)
    history = model.fit(np.ones((4, 3)), [np.ones((4, 1))] * 2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert np.isnan(history["p_loss"]).all()
