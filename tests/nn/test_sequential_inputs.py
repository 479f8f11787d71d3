"""The dtype that an `nn.Input` says to a `Sequential`: of what `call` is given, beside the graph of the same layers."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest

import autograd as ag
import nn

BIG = np.array([[2**24 + 1, 2**31 + 1, 7]])
"""Whole numbers that float32 does not hold."""


class Remainder(nn.Layer):
    """What float32 would lose."""

    def call(self, x):
        return x % 2


def whole(dtype="int64"):
    return nn.Sequential([nn.Input((3,), dtype=dtype), Remainder()])


def saved(model):
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    return nn.load(file, custom_objects={"Remainder": Remainder})


def test_whole_numbers_come_in_as_they_are():
    x = nn.Input((3,), dtype="int64")
    for model in (whole(), nn.Model(x, Remainder()(x))):
        result = model.predict(BIG)
        assert result.dtype == np.int64
        assert result.tolist() == (BIG % 2).tolist()
    grown = nn.Sequential()
    grown.add(nn.Input((3,), dtype="int32"))
    grown.add(Remainder())
    assert grown.predict([[1, 2, 3]]).dtype == np.int32
    assert nn.Sequential([nn.Input((3,)), Remainder()]).predict(BIG).dtype == np.float32


def test_copies_keep_the_dtype():
    copies = {
        "deepcopy": copy.deepcopy,
        "pickle": lambda model: pickle.loads(pickle.dumps(model)),
        "config": lambda model: nn.Sequential.from_config(model.get_config()),
        "clone": nn.models.clone_model,
        "clone by function": lambda model: nn.models.clone_model(model, clone_function=lambda _: Remainder()),
        "file": saved,
        "json": lambda model: nn.models.model_from_json(model.to_json(), {"Remainder": Remainder}),
        "graph": lambda model: nn.Model(model.input, model.output),
    }
    for name, made in copies.items():
        twin = made(whole())
        assert twin.predict(BIG).dtype == np.int64, name
        assert twin.predict(BIG).tolist() == (BIG % 2).tolist(), name
    assert "input_dtype" not in nn.Sequential([nn.Input((3,)), nn.Dense(1)]).get_config()


def test_weights_have_the_dtype_of_the_model():
    for dtype in (None, "float32", "float64"):
        layers = [nn.Input((2,), dtype="int64"), nn.Embedding(5, 3), nn.Flatten(), nn.Dense(1)]
        model = nn.Sequential(layers, dtype=dtype)
        for twin in (model, saved(model), nn.models.clone_model(model)):
            assert {str(w.dtype) for _, w in twin.named_tensors()} == {dtype or "float32"}
            assert twin.predict([[0, 4]]).dtype == (dtype or "float32")


def test_it_trains_and_tells_its_shapes():
    model = nn.Sequential([nn.Input((2,), dtype="int32"), nn.Embedding(5, 3), nn.Flatten(), nn.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit([[0, 1], [2, 3]], [0.0, 1.0], epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert model.compute_output_shape((None, 2)) == (None, 1)
    twin = nn.Sequential([nn.Input((3,), dtype="int32"), Remainder()])
    assert twin.input.dtype == twin.output.dtype == np.int32


def test_floating_inputs_give_the_model_their_dtype():
    model = nn.Sequential([nn.Input((3,), dtype="float64"), nn.Dense(2)])
    assert model.dtype == "float64"
    for twin in (model, copy.deepcopy(model), saved(model)):
        assert twin.layers[0].kernel.dtype == np.float64
        assert twin.predict(BIG).dtype == np.float64
    assert nn.Sequential([nn.Input((3,)), nn.Dense(2)], dtype="float64").predict(BIG).dtype == np.float64
    with pytest.raises(nn.ArgumentError, match="dtype 'float32', and its Input is float64"):
        nn.Sequential([nn.Input((3,), dtype="float64"), nn.Dense(2)], dtype="float32")


def test_a_file_of_onnx_takes_the_dtype():
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    file = io.BytesIO()
    whole().export(file)
    written = onnx.load_from_string(file.getvalue())
    assert written.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.INT64
    (result,) = ReferenceEvaluator(written).run(None, {"input": BIG})
    assert result.tolist() == (BIG % 2).tolist()
    assert ag.tensor(result).dtype == np.int64
