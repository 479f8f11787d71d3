"""What scripts for Keras do with graphs and models of their own: each case is a line of such a script."""

import inspect

import numpy as np
import pytest

import autograd as ag
import nn
from nn import layers, ops

ON_PLACEHOLDERS = {
    "concatenate": lambda x: ops.concatenate([x, x * 2], axis=-1),
    "stack": lambda x: ops.stack([x, x], axis=1),
    "unstack": lambda x: ops.unstack(x, axis=1)[1],
    "split": lambda x: ops.split(x, 2, axis=-1)[1],
    "softmax": ops.softmax,
    "sigmoid": ops.sigmoid,
    "activation": nn.activations.softmax,
    "cast": lambda x: ops.cast(x, "int32"),
    "cast to itself": lambda x: ops.cast(x, "float32"),
    "where": lambda x: ops.where(x > 0, x, 0.0),
    "top_k": lambda x: ops.top_k(x, 2)[0],
    "zeros_like": ops.zeros_like,
    "ones_like": lambda x: ops.ones_like(x, "int32"),
    "full_like": lambda x: ops.full_like(x, 2.5),
    "one_hot": lambda x: ops.one_hot(ops.cast(x > 0, "int32")[:, 0], 2),
}


@pytest.mark.parametrize("name", ON_PLACEHOLDERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_op_of_a_placeholder_is_that_of_its_values(name, dtype):
    function = ON_PLACEHOLDERS[name]
    x = nn.Input((4,), dtype=dtype)
    model = nn.Model(x, function(x), dtype=dtype)
    values = np.random.default_rng(0).normal(size=(3, 4)).astype(dtype)
    found, wanted = model(ag.tensor(values)), function(ag.tensor(values))
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found.numpy(), wanted.numpy())


def test_like_is_exact_where_the_values_are_no_numbers():
    x = nn.Input((2,))
    found = nn.Model(x, [ops.zeros_like(x), ops.ones_like(x)])(ag.tensor([[np.nan, np.inf]], "float32"))
    assert [part.tolist() for part in found] == [[[0.0, 0.0]], [[1.0, 1.0]]]


def test_no_gradient_is_cut_off_from_a_placeholder():
    with pytest.raises(nn.errors.ArgumentError, match="Lambda"):
        ops.stop_gradient(nn.Input((2,)))


@pytest.mark.parametrize("dtype", ["int32", "int64", "float64", "bool"])
def test_an_input_of_any_numbers_is_saved(dtype, tmp_path):
    x = nn.Input((3,), dtype=dtype, name="x")
    model = nn.Model(x, layers.Dense(1)(layers.Flatten()(layers.Embedding(5, 2)(ops.cast(x, "int32")))))
    model.save(tmp_path / "model.safetensors")
    again = nn.load(tmp_path / "model.safetensors")
    assert again.inputs[0].dtype.name == dtype
    np.testing.assert_array_equal(
        again.predict([[1, 0, 1]], verbose=0), model.predict([[1, 0, 1]], verbose=0)
    )


@pytest.mark.parametrize("given", [(1,), lambda shapes: (shapes[0][0], 1)])
def test_a_lambda_of_several_inputs_may_say_its_shape(given):
    a, b = nn.Input((3,)), nn.Input((3,))
    distance = layers.Lambda(lambda v: ops.sum(v[0] - v[1], axis=1, keepdims=True), output_shape=given)
    assert nn.Model([a, b], distance([a, b])).output_shape == (None, 1)
    wrong = layers.Lambda(lambda v: v[0] - v[1], output_shape=given)
    with pytest.raises(ag.ShapeError, match="output_shape"):
        wrong([a, b])


NAMES = {
    "Conv2D": "conv2d", "MaxPooling2D": "max_pooling2d", "Conv2DTranspose": "conv2d_transpose",
    "GlobalAveragePooling1D": "global_average_pooling1d", "ReLU": "re_lu", "PReLU": "p_re_lu", "ELU": "elu",
    "BatchNormalization": "batch_normalization", "LeakyReLU": "leaky_re_lu",
    "SpatialDropout2D": "spatial_dropout2d", "UpSampling2D": "up_sampling2d", "ZeroPadding2D": "zero_padding2d",
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMES)
def test_layers_are_called_as_in_keras(kind):
    assert nn.constructors.snake_case(kind) == NAMES[kind]


ARGUMENTS = {
    "BatchNormalization": (), "RandomFlip": (), "RandomShift": (0.5, 0.5), "GaussianNoise": (1.0,),
    "Lambda": (lambda x, training: x * 2.0 if training else x,),
}  # fmt: skip
"""What makes a layer that does something in training, where that is not a rate of one half."""


def _looks_at_training():
    """The layers of which a method asks whether it trains."""
    kinds = {kind for kind in vars(layers).values() if isinstance(kind, type) and issubclass(kind, nn.Layer)}
    asking = [
        kind for kind in kinds for base in kind.__mro__
        if base.__module__.startswith("nn.layers") and "is_training" in inspect.getsource(base)
    ]  # fmt: skip
    return sorted(set(asking), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", _looks_at_training())
def test_a_subclass_says_to_super_that_it_trains(kind):
    class Always(kind):
        def call(self, inputs, training=None):
            return super().call(inputs, training=True)

    class Never(kind):
        def call(self, inputs, training=None):
            return super().call(inputs, training=False)

    arguments = ARGUMENTS.get(kind.__name__, (0.5,))
    dimensions = 4 if kind.__name__.endswith("2D") or kind.__name__.startswith("Random") else 3
    x = np.random.default_rng(0).normal(20.0, 3.0, size=(6, 5, 4, 3)[:dimensions]).astype("float32")
    plain = kind(*arguments)(x, training=False).numpy()
    assert np.abs(Always(*arguments)(x, training=False).numpy() - plain).max() > 0.1
    np.testing.assert_array_equal(Never(*arguments)(x, training=True).numpy(), plain)


class _OwnLoss(nn.Sequential):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.tracker = nn.metrics.Mean(name="loss")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        loss = ops.mean(ops.abs(y - y_pred))
        self.tracker.update_state(loss)
        return loss

    @property
    def metrics(self):
        return [self.tracker]


class _OwnTest(nn.Sequential):
    def test_step(self, data):
        x, y = data
        y_pred = self(x, training=False)
        loss = self.compute_loss(y=y, y_pred=y_pred)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {metric.name: metric.result() for metric in self.metrics}


class _Added(layers.Layer):
    def call(self, x):
        self.add_loss(ops.mean(ops.square(x)))
        return x


X = np.random.default_rng(1).normal(size=(12, 3)).astype("float32")


@pytest.mark.parametrize("jit", [True, False, "auto"])
def test_a_loss_of_its_own_and_a_list_of_metrics_need_no_compiled_loss(jit):
    model = _OwnLoss([nn.Input((3,)), layers.Dense(1)])
    model.compile("sgd", jit=jit)
    history = model.fit(X, X[:, :1], epochs=3, batch_size=4, verbose=0, shuffle=False).history
    assert list(history) == ["loss"]
    assert history["loss"][2] < history["loss"][0]
    expected = np.abs(X[:, :1] - model.predict(X, verbose=0)).mean()
    assert model.evaluate(X, X[:, :1], verbose=0) == pytest.approx(expected, rel=1e-5)


def test_a_step_of_evaluation_finds_the_loss_among_the_metrics():
    model = _OwnTest([nn.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", ["mae"])
    own = model.evaluate(X, X[:, :1], verbose=0, return_dict=True)
    usual = nn.Sequential(model.layers)
    usual.compile("sgd", "mse", ["mae"])
    assert own == pytest.approx(usual.evaluate(X, X[:, :1], verbose=0, return_dict=True), rel=1e-5)


def test_losses_that_layers_add_are_loss_enough():
    model = nn.Sequential([nn.Input((3,)), layers.Dense(2), _Added()])
    model.compile("sgd")
    history = model.fit(X, X[:, :2], epochs=2, batch_size=12, verbose=0).history["loss"]
    assert 0.0 < history[1] < history[0]


def test_without_any_loss_fit_says_so():
    model = nn.Sequential([nn.Input((3,)), layers.Dense(1)])
    model.compile("sgd")
    with pytest.raises(nn.errors.NotCompiledError, match="loss"):
        model.fit(X, X[:, :1], verbose=0)


def _drawn(model):
    pytest.importorskip("pygraphviz")
    return model.plot().svg


def test_several_inputs_and_outputs_are_drawn():
    a, b = nn.Input((4,), name="left"), nn.Input((1,), name="right", dtype="int32")
    joined = layers.Concatenate()([a, layers.Flatten()(layers.Embedding(5, 2)(b))])
    ends = [layers.Dense(1, name="price")(joined), layers.Dense(2, name="kind")(joined)]
    for inputs, outputs in (([a, b], ends), ({"left": a, "right": b}, dict(zip("pq", ends, strict=True)))):
        svg = _drawn(nn.Model(inputs, outputs))
        for text in ("left (InputLayer)", "right (InputLayer)", "price (Dense)", "kind (Dense)", "(None, 4)"):
            assert text in svg
        # input, input; input layers, embedding, flatten, concatenate, two dense layers; output, output
        assert svg.count('class="edge"') == 10


def test_a_model_of_its_own_with_several_inputs_is_drawn():
    class Two(nn.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = layers.Dense(2), layers.Dense(1)

        def call(self, inputs):
            wide, deep = inputs
            hidden = self.first(deep)
            return self.second(ag.concat(wide, hidden, axis=1)), hidden

    model = Two()
    model([X, X])
    svg = _drawn(model)
    assert svg.count('class="edge"') == 5
    assert "input 0" in svg
    assert "input 1" in svg
