"""What layers of preprocessing make of numbers that are none of theirs: missing, broken, huge, of another kind."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import autograd as ag
import nn

NAN, INF = float("nan"), float("inf")
BROKEN = {
    "nan": [NAN],
    "none": [None],
    "fraction": [1.5],
    "infinity": [INF],
    "2**63": [2**63],
    "2**64": [2**64],
    "uint64": np.array([2**63], "uint64"),
    "1e30": [1e30],
}
BEYOND = {"2**63", "2**64", "uint64", "1e30"}
"""Whole numbers, but no int64."""


def learnt_integers(value):
    layer = nn.IntegerLookup()
    layer.adapt(value)
    return layer.get_vocabulary()


def learnt_texts(value):
    nn.StringLookup().adapt(value)


WHOLE = {
    "looked up": (lambda v: nn.IntegerLookup(vocabulary=[3, 1, 7])(v), BROKEN),
    "looked up, none else": (lambda v: nn.IntegerLookup(num_oov_indices=0, vocabulary=[3, 1])(v), BROKEN),
    "learnt": (learnt_integers, BROKEN),
    "from indices to numbers": (lambda v: nn.IntegerLookup(vocabulary=[3, 1], invert=True)(v), BROKEN),
    "encoded": (lambda v: nn.CategoryEncoding(4)(v), BROKEN.keys() - {"fraction"}),
    "hashed": (lambda v: nn.Hashing(3)(v), BROKEN.keys() - BEYOND),
    "from indices to texts": (
        lambda v: nn.StringLookup(vocabulary=["a"], invert=True)(v),
        BROKEN.keys() - BEYOND,
    ),
    "as texts": (lambda v: nn.StringLookup(vocabulary=["a"])(v), BROKEN),
    "learnt as texts": (learnt_texts, BROKEN),
}


@pytest.mark.parametrize("use", WHOLE)
def test_what_is_no_whole_number_is_refused(use):
    function, refused = WHOLE[use]
    for name in refused:
        with pytest.raises(nn.DataError, match=r"whole number|no text|not whole"):
            function(BROKEN[name])


def test_floats_that_are_whole_numbers_pass():
    assert nn.IntegerLookup(vocabulary=[3, 1])([3.0, 1.0, -0.0]).tolist() == [1, 2, 0]
    assert nn.IntegerLookup(vocabulary=[3, 1], invert=True)([1.0, 2.0]).tolist() == [3, 1]
    assert learnt_integers([3.0, 3.0, 1.0]) == [-1, 3, 1]
    assert learnt_integers([-(2**63), 2**63 - 1])[1:] == [2**63 - 1, -(2**63)]
    assert nn.CategoryEncoding(4)([2.0]).tolist() == [0.0, 0.0, 1.0, 0.0]
    assert nn.Hashing(4)([100.0]).tolist() == nn.Hashing(4)([100]).tolist()
    assert nn.IntegerLookup(vocabulary=[7])(np.array([7], "uint64")).tolist() == [1]


@pytest.mark.parametrize(
    "make", [lambda: nn.IntegerLookup(vocabulary=[3, 1]), lambda: nn.CategoryEncoding(4)]
)
def test_compiled_programs_refuse_them_too(make):
    layer = make()
    program = ag.jit(lambda x: layer(x) * 1.0)
    fine = np.array([3.0, 1.0], "float32")
    assert (program(ag.tensor(fine)).numpy() == layer(fine).numpy()).all()
    for value in (NAN, INF, 1e30, *[1.5] * isinstance(layer, nn.IntegerLookup)):
        with pytest.raises(
            ag.AutogradError if hasattr(ag, "AutogradError") else Exception, match="out of bounds"
        ):
            program(ag.tensor(np.array([3.0, value], "float32")))


def adapted_and_called(layer, data, dtype):
    layer.adapt(data)
    return layer(np.ones((1, len(data[0])), dtype))


HUGE = {
    "variance": ([[0.0, 1e300], [0.0, -1e300]], "float32", "in column 1 .*float64"),
    "mean": ([[1.7e308], [1.7e308]], "float32", "in column 0 .*float64"),
    "of float32": ([[0.0, 1e30], [0.0, -1e30]], "float32", "in column 1 .*float32"),
}


@pytest.mark.parametrize("name", HUGE)
@pytest.mark.parametrize("is_built", [False, True])
def test_a_variance_that_is_no_number_is_refused(name, is_built):
    data, dtype, words = HUGE[name]
    layer = nn.Normalization(dtype=dtype)
    if is_built:
        layer.adapt(np.eye(2)[:, : len(data[0])])
        layer(np.ones((1, len(data[0])), dtype))
    with pytest.raises(nn.DataError, match=f"so large {words}"):
        # a layer that is built takes them at once
        layer.adapt(data) if is_built else adapted_and_called(layer, data, dtype)
    if is_built:
        assert np.isfinite(layer(np.ones((1, len(data[0])), dtype)).numpy()).all()


def test_numbers_beyond_float32_have_bins_or_an_error():
    with pytest.raises(nn.DataError, match="beyond float32"):
        nn.Discretization(num_bins=2).adapt([1e300, 0.0, -1e300])
    found = nn.Discretization([-1e300, 0.0, 1e300])(np.array([-INF, -1.0, 1.0, INF], "float32")).tolist()
    assert found == [1, 1, 2, 3]  # as float32 has it


@pytest.mark.parametrize("fill", ["median", "mean"])
@pytest.mark.parametrize("size", [1.0, 1e300, 1.7e308, 1e-300, 1e-160])
def test_columns_of_any_size_are_scaled(size, fill):
    column = [1.0, -1.0, 0.25, 0.75, None]
    expected = nn.TableFeatures({"n": column}, fill=fill)
    found = nn.TableFeatures({"n": [None if v is None else v * size for v in column]}, fill=fill)
    rows = [1.0, -1.0, None]
    np.testing.assert_allclose(
        found({"n": [None if v is None else v * size for v in rows]}).numpy(),
        expected({"n": rows}).numpy(),
        rtol=1e-6,
        atol=1e-15,
    )


def test_a_number_that_no_float32_holds_once_scaled_is_named():
    with pytest.raises(nn.DataError, match="column 'n': row 1 holds 1e\\+300, which is beyond float32"):
        nn.TableFeatures({"n": [0, 1, 2]})({"n": [0, 1e300]})


KINDS = {
    "1 is True": ([True, False, True], [1, 0, 1.0], [0, 1, 0]),
    "True is 1": ([1, 0, 1], [True, False], [0, 1]),
    "both were learnt": ([True, True, 1, "a"], [True, 1, "a"], [0, 1, 2]),
    "another number": ([1, 2], [3, 2.0, 1.5], [2, 1, 2]),
    "another text": (["a", "b"], ["c"], [2]),
    "a number among texts": (["1", "3"], [3], "row 0 holds the number 3, .* learnt from texts"),
    "a text among numbers": ([1, 2], [1, "1"], "row 1 holds the text '1', .* learnt from numbers"),
    "a number that is no truth value": ([True, False], [2], "the number 2, .* learnt from truth values"),
    "a truth value among texts": (["a"], [True], "the truth value True, .* learnt from texts"),
}


@pytest.mark.parametrize("name", KINDS)
def test_categories_of_another_kind(name):
    learnt, given, expected = KINDS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = nn.TableFeatures({"n": learnt}, categorical=["n"])
    if isinstance(expected, str):
        with pytest.raises(nn.DataError, match=f"column 'n': .*{expected}"):
            layer({"n": given})
    else:
        assert layer({"n": given}).numpy().argmax(1).tolist() == expected
