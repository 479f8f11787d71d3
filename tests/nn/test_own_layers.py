"""Layers of one's own in Keras's form: build, weights, losses, what all layers take, in every way a step runs."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest

import autograd as ag
import nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype(np.float32)
Y = X.sum(1, keepdims=True)


class Linear(nn.Layer):
    """Keras's own example of a layer, with a buffer and a loss."""

    def __init__(self, units, activity=0.0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.activity = units, activity

    def build(self, input_shape):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="ones", regularizer="l2", name="kernel"
        )
        self.seen_by_build = input_shape
        self.built = True

    def call(self, x, training=None):
        if self.activity:
            self.add_loss(self.activity * (x @ self.kernel) ** 2)
        if training:
            self.calls.assign_add(1.0)
        return x @ self.kernel

    def get_config(self):
        return {**super().get_config(), "units": self.units, "activity": self.activity}


class OwnForm(nn.Layer):
    def build(self, *shapes, dtype):
        self.seen_by_build = shapes, str(dtype)

    def call(self, x):
        return x


class Two(nn.Layer):
    def build(self, a_shape, b_shape):
        self.shapes = a_shape, b_shape

    def call(self, a, b):
        return a + b


class AsList(Two):
    def build(self, input_shape):
        self.shapes = tuple(input_shape)


class Composite(nn.Layer):
    """Builds the layers inside by hand."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Dense(2)

    def build(self, input_shape):
        self.inner.build(input_shape)
        self.kernel_of_build = self.inner.kernel
        super().build(input_shape)

    def call(self, x):
        return self.inner(x)


class Extended(nn.Dense):
    def build(self, input_shape):
        super().build(input_shape)
        self.scale = self.add_weight(initializer="ones", name="scale")

    def call(self, x):
        return super().call(x) * self.scale


def test_both_forms_of_build_get_their_shapes():
    linear, own = Linear(2), OwnForm()
    linear(X), own(X)
    assert linear.seen_by_build == (None, 3)
    assert own.seen_by_build == (((12, 3),), "float32")
    for kind in (Two, AsList):
        both = kind()
        both(X, X)
        assert both.shapes == ((None, 3), (None, 3))
    composite = Composite()
    composite(X)
    assert composite.inner.kernel is composite.kernel_of_build
    extended = Extended(2)
    extended(X)
    assert [w.name for w in extended.weights] == ["kernel", "bias", "scale"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", [lambda: Linear(2), lambda: nn.Dense(2), Composite, lambda: Extended(2)])
def test_the_input_decides_about_dtypes_where_nothing_else_does(make, dtype):
    layer = make()
    assert layer(X.astype(dtype)).dtype == dtype
    assert layer.dtype == dtype


@pytest.mark.parametrize(
    "make", [lambda **o: Linear(2, **o), lambda **o: nn.Dense(2, **o), lambda **o: nn.Activation("relu", **o)]
)
def test_a_layer_has_a_dtype_of_its_own(make):
    layer = make(dtype="float64")
    assert layer.dtype == "float64"
    assert layer(X).dtype == "float64"
    assert all(w.dtype == "float64" for w in layer.weights)
    assert layer(X).dtype == "float64"
    again = type(layer).from_config(layer.get_config())
    assert again.dtype == "float64"
    assert "dtype" not in make().get_config()


@pytest.mark.parametrize("shape", [(None, 3), [None, 3], (4, 3)])
def test_layers_and_models_are_built_by_hand(shape):
    for make in (lambda: Linear(2), lambda: nn.Dense(2), Composite, lambda: nn.Sequential([nn.Dense(2)])):
        layer = make()
        layer.build(shape)
        assert layer.built
        kernel = layer.weights[0]
        layer(X)
        assert layer.weights[0] is kernel
        layer = make()
        layer.build(input_shape=shape)
        assert layer.built


def test_a_shape_that_is_none_is_refused():
    for shape in (3, (None, None), "ab", (None, -1)):
        with pytest.raises(nn.ArgumentError, match=r"build: (a shape|the sizes)"):
            nn.Dense(2).build(shape)
    with pytest.raises(TypeError, match="unknown argument 'shape'"):
        nn.Dense(2).build(shape=(None, 3))


def test_weights_by_kind_and_name():
    layer = Linear(2, name="first")
    assert layer.weights == []
    layer(X)
    assert [w.path for w in layer.weights] == ["first/kernel", "first/calls"]
    assert (
        [w.name for w in layer.trainable_weights] == ["kernel"] == [w.name for w in layer.trainable_variables]
    )
    assert [w.name for w in layer.non_trainable_variables] == ["calls"]
    assert layer.count_params() == 7
    assert sorted(layer.state_dict()) == ["calls", "kernel"]
    layer.trainable = False
    assert layer.trainable_weights == []
    layer.trainable = True
    assert [w.name for w in layer.trainable_weights] == ["kernel"]
    values = [np.full((3, 2), 2.0), np.float32(5.0)]
    layer.set_weights(values)
    for array, value in zip(layer.get_weights(), values, strict=True):
        np.testing.assert_array_equal(array, value)


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ([], nn.ArgumentError, r"Linear has 2 arrays \(linear/kernel, linear/calls\), got 0"),
        ([np.ones((3, 3)), 0.0], ag.ShapeError, r"linear/kernel has shape \(3, 2\), received \(3, 3\)"),
        ([np.zeros((3, 2)), [0.0]], ag.ShapeError, r"linear/calls has shape \(\), received \(1,\)"),
    ],
)
def test_wrong_weights_change_nothing(values, error, words):
    layer = Linear(2)
    layer(X)
    with pytest.raises(error, match=words):
        layer.set_weights(values)
    np.testing.assert_array_equal(layer.kernel, np.ones((3, 2)))


def test_a_weight_that_no_attribute_holds_is_kept_all_the_same():
    class Loose(nn.Layer):
        def __init__(self):
            super().__init__()
            self.parts = [self.add_weight(shape=2, name=f"part{i}") for i in range(2)]
            self.add_weight((3,), "ones")

        def call(self, x):
            return x

    layer = Loose()
    assert sorted(layer.state_dict()) == ["_added_weights.variable_2", "parts.0", "parts.1"]
    assert layer.count_params() == 7


ADD_WEIGHT = {
    "add_weight: shape": {"shape": (-1,)},
    "unknown initializer": {"shape": (1,), "initializer": "onez"},
    "cannot be trained": {"shape": (1,), "dtype": "int32"},
    "is for what is trained": {"shape": (1,), "trainable": False, "regularizer": "l2"},
    "autocast is True": {"shape": (1,), "autocast": False},
    "aggregation is 'none'": {"shape": (1,), "aggregation": "mean"},
    "overwrite_with_gradient": {"shape": (1,), "overwrite_with_gradient": True},
    "add_weight: name": {"shape": (1,), "name": 3},
}


@pytest.mark.parametrize(("words", "options"), ADD_WEIGHT.items())
def test_what_add_weight_refuses(words, options):
    with pytest.raises(nn.ArgumentError, match=words):
        OwnForm().add_weight(**options)


LAYER = {
    "autocast is True": {"autocast": False},
    "unknown argument 'weights'": {"weights": []},
    "trainable is True or False": {"trainable": "no"},
    "dtype": {"dtype": "int32"},
    "mixed_precision='bfloat16'": {"dtype": "mixed_bfloat16"},
    "activity_regularizer: regularizer: expected a name": {"activity_regularizer": 3},
    "input_dim is an integer": {"input_dim": 0},
}


@pytest.mark.parametrize(("words", "options"), LAYER.items())
def test_what_layers_refuse(words, options):
    with pytest.raises(nn.ArgumentError, match=words):
        Linear(2, **options)


def test_what_all_layers_take():
    layer = nn.Dense(2, trainable=False, input_shape=(3,), activity_regularizer="l1")
    assert nn.Sequential([layer]).trainable_weights == []
    assert Linear(2, input_dim=3).input_shape == (3,)
    config = layer.get_config()
    assert (config["trainable"], config["activity_regularizer"].l1) == (False, 0.01)
    again = nn.Dense.from_config(config)
    assert not again.trainable
    linear = Linear(2, name="a", trainable=False).get_config()
    assert linear == {"units": 2, "activity": 0.0, "name": "a", "trainable": False}
    assert Linear.from_config(linear).get_config() == linear


def model_with(layer, dtype="float32", **options):
    model = nn.Sequential([nn.Input((3,)), layer, nn.Dense(1, kernel_initializer="ones")], dtype=dtype)
    model.compile(nn.SGD(0.01), "mse", **options)
    return model


MAKE = {
    "a layer for it": lambda: nn.ActivityRegularization(l2=0.1),
    "added": lambda: Linear(2, activity=0.1),
    "activity": lambda: nn.Dense(2, activity_regularizer=nn.L2(0.1), kernel_initializer="ones"),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_added_losses_train_alike_compiled_and_eager(make, dtype):
    found = []
    for jit in (True, False):
        model = model_with(make(), dtype, jit=jit)
        history = model.fit(X, Y, batch_size=5, epochs=3, shuffle=False, verbose=0).history["loss"]
        found.append([*history, model.evaluate(X, Y, batch_size=5, verbose=0), *model.get_weights()])
    for compiled, eager in zip(*found, strict=True):
        np.testing.assert_allclose(compiled, eager, 1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_the_loss_holds_what_layers_added(make):
    model = model_with(make())
    hidden = X @ np.ones((3, 2), np.float32) if model.layers[0].weights else X
    rows = 1 if isinstance(model.layers[0], Linear) else len(X)
    penalty = 0.1 * (hidden**2).sum() / rows
    weights = 0.01 * 6 if isinstance(model.layers[0], Linear) else 0.0
    plain = ((hidden.sum(1, keepdims=True) - Y) ** 2).mean()
    for jit in (True, False):
        model.compile("sgd", "mse", jit=jit)
        assert model.evaluate(X, Y, verbose=0) == pytest.approx(plain + penalty + weights, rel=1e-5)
    model(X)
    model(X)
    assert model.losses[0].item() == pytest.approx(penalty, rel=1e-5)
    assert len(model.losses) == (2 if weights else 1)
    np.testing.assert_array_equal(model.predict(X, verbose=0), model(X))


def test_own_steps_see_added_losses():
    class Own(nn.Model):
        def __init__(self):
            super().__init__()
            self.layer = Linear(1, activity=0.1)

        def call(self, x):
            return self.layer(x)

        def train_step(self, data):
            x, y = data
            self(x, training=True)  # its losses are forgotten
            loss = ((self(x, training=True) - y) ** 2).mean()
            for added in self.losses:
                loss = loss + added
            self.zero_grad()
            loss.backward()
            self.optimizer.apply([p.grad for p in self.parameters()], self.trainable_variables)
            return {"loss": loss, "same": self.compute_loss(x, y, self(x, training=True))}

    first = []
    for jit in (True, False):
        model = Own()
        model.compile(nn.SGD(0.0), "mse", jit=jit)
        logs = model.fit(X, Y, batch_size=12, verbose=0).history
        expected = 0.1 * (X.sum(1) ** 2).sum() + 0.03
        assert logs["loss"][0] == pytest.approx(expected, rel=1e-5)
        assert logs["same"][0] == pytest.approx(expected, rel=1e-5)
        first.append(logs)
    assert first[0]["loss"] == pytest.approx(first[1]["loss"])


def test_inside_jit_added_losses_are_refused():
    layer = Linear(2, activity=0.1)
    layer(X)
    assert ag.jit(layer, state=layer)(ag.tensor(X)).shape == (12, 2)
    with pytest.raises(nn.ArgumentError, match=r"not known inside ag\.jit"):
        ag.jit(lambda x: (layer(x), *layer.losses), state=layer)(ag.tensor(X))
    with pytest.raises(nn.ArgumentError, match=r"a tensor is expected, got 1\.0"):
        layer.add_loss(1.0)


def test_saved_copied_and_pickled():
    for make in MAKE.values():
        model = model_with(make())
        model.fit(X, Y, epochs=2, verbose=0)
        model(X)
        file = io.BytesIO()
        model.save(file)
        file.seek(0)
        loaded = nn.load(file, custom_objects={"Linear": Linear})
        for other in (loaded, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert other.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
            for a, b in zip(other.get_weights(), model.get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)


def test_a_model_names_its_layers():
    model = nn.Sequential([nn.Dense(4, input_shape=(3,)), Linear(2), nn.Dense(1)])
    assert [layer.name for layer in model.layers] == ["dense", "linear", "dense_1"]
    assert model.get_layer("dense_1") is model.get_layer(index=2) is model.layers[2]
    assert [w.path for w in model.weights][-1] == "dense_1/bias"
    assert model.name == "sequential"
    assert "name" not in {k: v for k, v in model.layers[0].get_config().items() if v is not None}
    for arguments in ({}, {"name": "a", "index": 1}, {"name": "dens"}, {"index": 3}, {"name": 2}):
        with pytest.raises(nn.ArgumentError, match="get_layer"):
            model.get_layer(**arguments)
    assert model.pop() is not None
    assert model.output_shape == (None, 2)
    assert model.pop() is not None
    assert [model.pop(), model.pop()][1] is None

    class Own(nn.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.a, self.b = nn.Dense(2), nn.Dense(1)

        def call(self, x):
            return self.b(self.a(x))

    own = Own(name="mine", trainable=False)
    own.build((None, 3))
    assert own.name == "mine"
    assert own.trainable_weights == []
    assert [layer.name for layer in own.layers] == ["dense", "dense_1"]


def test_one_batch_and_the_names_of_metrics():
    model = nn.Sequential([nn.Input((3,)), nn.Dense(1)])
    assert model.metrics_names == []
    model.compile("sgd", "mse", ["mae"])
    assert model.metrics_names == ["loss", "mae"]
    assert model.test_on_batch(X, Y) == model.evaluate(X, Y, batch_size=12, verbose=0)
    assert model.test_on_batch(X, Y, return_dict=True) == model.get_metrics_result()
    np.testing.assert_array_equal(model.predict_on_batch(X), model.predict(X, batch_size=12, verbose=0))
    with pytest.raises(nn.ArgumentError, match="reset_states"):
        model.reset_states()


COMPILE = {
    "contradict": ({"run_eagerly": True, "jit": True}, {"run_eagerly": True, "jit_compile": True}),
    "steps_per_execution is 1": ({"steps_per_execution": 2}, {"steps_per_execution": "auto"}),
    "run_eagerly is True or False": ({"run_eagerly": "yes"},),
    "jit_compile is": ({"jit_compile": "no"},),
    "auto_scale_loss is": ({"auto_scale_loss": 2},),
}


@pytest.mark.parametrize(("words", "all_options"), COMPILE.items())
def test_what_compile_refuses(words, all_options):
    model = nn.Sequential([nn.Dense(1)])
    for options in all_options:
        with pytest.raises(nn.ArgumentError, match=words):
            model.compile("sgd", "mse", **options)


def test_what_compile_takes_from_keras():
    model = nn.Sequential([nn.Dense(1)])
    for options, jit in (
        ({}, "auto"),
        ({"run_eagerly": True}, False),
        ({"run_eagerly": None}, "auto"),
        ({"jit_compile": True}, True),
        ({"jit_compile": False, "run_eagerly": False}, False),
    ):
        model.compile("sgd", "mse", **options)
        assert model.jit == jit
    model.compile("sgd", "mse", mixed_precision="float16", auto_scale_loss=False)
    assert model.loss_scale is None


class Watched(nn.Sequential):
    """Keras's form of numbers of one's own."""

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred, sample_weight) | {"largest": y_pred.max()}

    def predict_step(self, data):
        return super().predict_step(data) * 2.0


@pytest.mark.parametrize("jit", [True, False])
def test_own_metrics_and_predictions(jit):
    plain, own = (
        kind([nn.Input((3,)), nn.Dense(1, kernel_initializer="ones")]) for kind in (nn.Sequential, Watched)
    )
    for model in (plain, own):
        model.compile(nn.SGD(0.1), "mse", ["mae"], jit=jit)
    histories = [
        model.fit(X, Y + 1, batch_size=6, epochs=2, shuffle=False, validation_data=(X, Y), verbose=0).history
        for model in (plain, own)
    ]
    for name, values in histories[0].items():
        assert histories[1][name] == pytest.approx(values, rel=1e-6)
    assert set(histories[1]) - set(histories[0]) == {"largest", "val_largest"}
    largest = own.evaluate(X, Y, return_dict=True, batch_size=12, verbose=0)["largest"]
    assert largest == pytest.approx(own(X).numpy().max())
    assert own.train_on_batch(X, Y, return_dict=True)["largest"] == pytest.approx(largest)
    np.testing.assert_allclose(own.predict(X, verbose=0), own(X) * 2.0)


def test_variables():
    v = nn.Variable("ones", shape=(2,), dtype="float64", name="pair")
    assert isinstance(v, nn.Parameter)
    assert isinstance(v, nn.Variable)
    assert (v.name, v.path, v.dtype, v.trainable, v.value is v) == ("pair", "pair", "float64", True, True)
    assert v.assign_sub([0.5, 0.0]) is v
    assert v.assign_add(1.0).tolist() == [1.5, 2.0]
    assert v.requires_grad
    v.trainable = False
    assert not v.requires_grad
    buffer = nn.Variable([1, 2], trainable=False)
    assert isinstance(buffer, nn.Buffer)
    assert buffer.assign_add(1).tolist() == [2, 3]
    for words, make in (
        ("never trained", lambda: setattr(buffer, "trainable", True)),
        ("needs a shape", lambda: nn.Variable("zeros")),
        ("cannot be trained", lambda: nn.Variable([1, 2])),
        ("shape", lambda: nn.Variable([1.0, 2.0], shape=(3,))),
        ("synchronization is 'auto'", lambda: nn.Variable([1.0], synchronization="on_read")),
    ):
        with pytest.raises(nn.ArgumentError, match=words):
            make()


SHAPES = {
    "dense": (lambda: nn.Dense(2), (None, 3), (None, 2)),
    "own": (lambda: Linear(4, activity=0.1), [None, 3], (None, 4)),
    "images": (lambda: nn.Conv2D(2, 3), (5, 8, 8, 1), (5, 6, 6, 2)),
    "several": (Two, [(None, 3), (None, 3)], (None, 3)),
    "model": (lambda: nn.Sequential([nn.Dropout(0.5), nn.Dense(2)]), (None, 3), (None, 2)),
}


@pytest.mark.parametrize(("make", "given", "expected"), SHAPES.values(), ids=SHAPES)
def test_the_shape_of_an_output_costs_nothing(make, given, expected):
    layer = make()
    nn.set_random_seed(5)
    assert layer.compute_output_shape(given) == expected
    after = ag.random.uniform((2,))
    nn.set_random_seed(5)
    np.testing.assert_array_equal(after, ag.random.uniform((2,)))
    assert not layer.built
    assert not layer.weights
    for wrong in ((None, None), 3, "ab"):
        with pytest.raises(nn.ArgumentError, match="build: "):
            layer.compute_output_shape(wrong)
