"""What models of placeholders are called with, shapes with None in them, and models inside themselves."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import nn


def one():
    a = nn.Input((4,), name="a")
    return nn.Model(a, nn.Dense(1)(a)), a


SEVERAL = {
    "two arrays": lambda m, a: m([X, X]),
    "two placeholders": lambda m, a: m([a, a]),
    "two tensors": lambda m, a: m((ag.tensor(X), ag.tensor(X))),
    "other names": lambda m, a: m({"a": X, "b": X}),
    "another name": lambda m, a: m({"b": X}),
    "two to predict": lambda m, a: m.predict([X, X], verbose=0),
}
X = np.ones((2, 4), np.float32)


@pytest.mark.parametrize("call", SEVERAL.values(), ids=SEVERAL)
def test_a_model_with_one_input_says_so(call):
    with pytest.raises(nn.ArgumentError, match=r"one input, called 'a': .* shape \(None, 4\)"):
        call(*one())


def test_a_list_where_an_array_belongs():
    a, b = nn.Input((4,)), nn.Input((4,))
    for model, given in ((one()[0], list(X)), (nn.Model([a, b], nn.Add()([a, b])), [[X, X], X])):
        with pytest.raises(nn.ArgumentError, match=r"one array of shape .* is expected, got a list of 2"):
            model(given)


def test_the_forms_of_one_input():
    model, a = one()
    expected = model(X).numpy()
    for given in (X, [X], {"a": X}, X.tolist()):
        np.testing.assert_array_equal(model(given).numpy(), expected)
    for given in (X, [X], {"a": X}, X.tolist(), list(X)):
        np.testing.assert_array_equal(model.predict(given, verbose=0), model.predict(X, verbose=0))
    assert model([a]).shape == model(a).shape == (None, 1)


@pytest.mark.parametrize(
    "reshaped",
    [lambda a, *s: nn.ops.reshape(a, s), lambda a, *s: ag.reshape(a, s), lambda a, *s: a.reshape(*s)],
    ids=["nn.ops", "autograd", "method"],
)
@pytest.mark.parametrize("sizes", [(2, 2, 3), (-1, 3), (2, -1, 3), (12,), (-1,), (12, 1)])
def test_none_is_the_number_of_rows_in_a_shape(reshaped, sizes, tmp_path):
    a = nn.Input((4, 3))
    model = nn.Model(a, reshaped(a, a.shape[0], *sizes))
    rows = np.arange(60, dtype=np.float32).reshape(5, 4, 3)
    expected = rows.reshape(5, *sizes)
    assert model.output_shape == (None, *expected.shape[1:])
    model.save(tmp_path / "model")
    for each in (model, nn.load(tmp_path / "model")):
        np.testing.assert_array_equal(each.predict(rows, verbose=0), expected)


NO_SHAPE = {
    "None behind": (lambda a: a.reshape(2, None), "comes first"),
    "None twice": (lambda a: a.reshape(None, None, 2), "comes first"),
    "too many": (lambda a: a.reshape(None, 3), "do not become"),
    "no whole part": (lambda a: a.reshape(None, -1, 3), "do not become"),
    "-1 twice": (lambda a: a.reshape(None, -1, -1), "at most one -1|do not become"),
    "no elements": (lambda a: a.reshape(None, -1, 0), "do not become"),
    "of a tensor": (lambda a: ag.zeros((2, 4)).reshape(a.shape[0], 4), "integers"),
    "of zeros": (lambda a: nn.ops.zeros((a.shape[0], 4)), "integers"),
}


@pytest.mark.parametrize(("call", "words"), NO_SHAPE.values(), ids=NO_SHAPE)
def test_none_elsewhere_in_a_shape(call, words):
    with pytest.raises((nn.ArgumentError, ag.ShapeError, TypeError), match=words):
        call(nn.Input((4,)))


def test_a_model_is_no_layer_of_itself():
    model = nn.Sequential([nn.Dense(4)])
    holder = nn.Sequential([model], name="holder")
    a = nn.Input((4,))
    for outer in (model, holder, nn.Sequential([holder]), nn.Model(a, model(a))):
        with pytest.raises(nn.ArgumentError, match="cannot be a layer of itself"):
            model.add(outer)
        assert len(model.layers) == 1
        assert model.predict(X, verbose=0).shape == (2, 4)
    model.layers.append(holder)
    with pytest.raises(nn.ArgumentError, match="a call that calls itself"):
        model(X)


def shared():
    """Two inputs, a shared layer, an operator and a model inside."""
    a, b = nn.Input((4,), name="a"), nn.Input((4,), name="b")
    layer = nn.Dense(3, name="shared")
    inner_in = nn.Input((3,))
    inner = nn.Model(inner_in, nn.Dropout(0.5, name="drop")(inner_in), name="inner")
    h = inner(layer(a) * 2.0) + layer(b)
    return nn.Model([a, b], [h, nn.Dense(1, name="head")(h)], name="both")


def anew(layer):
    return type(layer).from_config(layer.get_config())


CLONES = {
    "clone_model": nn.models.clone_model,
    "from_config": lambda m: nn.Model.from_config(m.get_config()),
    "a function": lambda m: nn.models.clone_model(m, clone_function=anew),
    "a function for all": lambda m: nn.models.clone_model(m, clone_function=anew, recursive=True),
    "other inputs": lambda m: nn.models.clone_model(m, [nn.Input((4,)), nn.Input((4,))]),
}


def all_modules(model):
    return {id(module) for _, module in model.named_modules()} | set(map(id, model.parameters()))


@pytest.mark.parametrize("clone", CLONES.values(), ids=CLONES)
def test_clones_have_layers_of_their_own(clone):
    model = shared()
    calls = [len(layer._calls) for layer in model.layers]
    twin = clone(model)
    assert not (all_modules(twin) - {id(twin)}) & all_modules(model)
    assert [len(layer._calls) for layer in model.layers] == calls
    assert [type(layer) for layer in twin.layers] == [type(layer) for layer in model.layers]
    assert len(twin.parameters()) == len(model.parameters()) == 4
    twin.set_weights(model.get_weights())
    for one_, other in zip(twin.predict([X, X], verbose=0), model.predict([X, X], verbose=0), strict=True):
        np.testing.assert_array_equal(one_, other)


def test_a_clone_function_says_which_layer_stands_where():
    model, met = shared(), []

    def replaced(layer):
        met.append(layer.name)
        return nn.Activation("linear") if isinstance(layer, nn.Dropout) else anew(layer)

    twin = nn.models.clone_model(model, clone_function=replaced)
    assert sorted(met) == ["head", "inner", "shared"]
    assert type(twin.get_layer("inner").layers[-1]) is nn.Dropout
    met.clear()
    twin = nn.models.clone_model(model, clone_function=replaced, recursive=True)
    assert sorted(met) == ["drop", "head", "shared"]
    assert type(twin.get_layer("inner").layers[-1]) is nn.Activation
    same = nn.models.clone_model(model, clone_function=lambda layer: layer)
    assert same.get_layer("shared") is model.get_layer("shared")


def test_a_clone_begins_with_the_placeholders_it_is_given():
    model = shared()
    a, b = nn.Input((4,), name="x"), nn.Input((4,), name="y")
    twin = nn.models.clone_model(model, input_tensors=[a, b])
    assert twin.inputs[0] is a
    assert twin.inputs[1] is b
    behind = nn.models.clone_model(one()[0], nn.Dense(4)(a))
    assert nn.Model(a, behind.output)(X).shape == (2, 1)
    named = nn.Model({"p": a, "q": b}, nn.Add()([a, b]))
    p, q = nn.Input((4,)), nn.Input((4,))
    assert nn.models.clone_model(named, {"q": q, "p": p}).input == {"q": q, "p": p}


class Own(nn.Model):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(1)

    def call(self, x):
        return self.dense(x)


REFUSED_CLONES = {
    "one of two": (shared, {"input_tensors": nn.Input((4,))}, "form of model.input"),
    "arrays": (shared, {"input_tensors": [X, X]}, "input_tensors are placeholders"),
    "other sizes": (lambda: one()[0], {"input_tensors": nn.Input((5,))}, "where the model has"),
    "a Sequential's": (
        lambda: nn.Sequential([nn.Dense(1)]), {"input_tensors": nn.Input((4,))}, "is for models made",
    ),
    "of a class": (Own, {"input_tensors": nn.Input((4,))}, "is for models made"),
    "a function for a class": (Own, {"clone_function": anew}, "makes its layers itself"),
    "no function": (shared, {"clone_function": 3}, "a function from layer to layer"),
    "calls": (shared, {"call_function": print}, "call_function is None"),
    "no layer": (shared, {"clone_function": lambda layer: None}, "returned NoneType"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "options", "words"), REFUSED_CLONES.values(), ids=REFUSED_CLONES)
def test_clones_that_are_refused(make, options, words):
    with pytest.raises(nn.ArgumentError, match=words):
        nn.models.clone_model(make(), **options)
