"""Graphs of layers in files that Keras wrote: the same predictions here; and as JSON."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import GRAPHS, data_for, leaves, namespace
from keras_oracle import import_keras

import nn

keras = import_keras()
pytest.importorskip("h5py")
pytestmark = [
    pytest.mark.oracle,
    # of PyTorch's tensors, in Keras
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.mark.parametrize("name", GRAPHS)
def test_a_file_of_keras_predicts_the_same(name, tmp_path):
    keras.backend.clear_session()
    theirs = GRAPHS[name](namespace(keras))
    theirs.compile("sgd", "mse")
    path = tmp_path / "model.keras"
    theirs.save(path)
    ours = nn.models.load_model(path, compile=len(theirs.outputs) == 1)
    x, _ = data_for(ours, rows=7)
    for own, other in zip(
        leaves(ours.predict(x, verbose=0)), leaves(theirs.predict(x, verbose=0)), strict=True
    ):
        np.testing.assert_allclose(own, other, rtol=1e-5, atol=1e-6)
    assert nn.models.model_from_json(theirs.to_json()).count_params() == ours.count_params()


@pytest.mark.parametrize("name", GRAPHS)
def test_json_and_clones(name):
    model = GRAPHS[name](namespace(nn))
    for twin in (nn.models.model_from_json(model.to_json()), nn.models.clone_model(model)):
        assert [type(layer) for layer in twin.layers] == [type(layer) for layer in model.layers]
        twin.set_weights(model.get_weights())
        x, _ = data_for(model, rows=5)
        for own, other in zip(
            leaves(twin.predict(x, verbose=0)), leaves(model.predict(x, verbose=0)), strict=True
        ):
            assert (own == other).all()
