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
