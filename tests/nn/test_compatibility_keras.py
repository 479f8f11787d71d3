"""docs/keras.md says of every public name of Keras what it is here, and is what its script makes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from keras_oracle import import_keras

import nn

keras = import_keras()
pytestmark = pytest.mark.oracle
DOCS = Path(nn.__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def make():
    spec = importlib.util.spec_from_file_location("make_compatibility", DOCS / "make_compatibility.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table(make):
    return make.table()


def test_every_name_is_here_or_has_a_reason(make, table):
    found = make.rows(keras, table)
    assert not make.unexplained(found), "write a reason into docs/keras_names.toml"
    assert sum(map(len, found.values())) > 1000


def test_nothing_is_said_of_names_that_keras_does_not_have(make, table):
    assert not make.strange(keras, table)


def test_the_page_is_up_to_date(make):
    page = (DOCS / "keras.md").read_text(encoding="utf-8")
    if f"of Keras {keras.__version__} that" not in page:
        pytest.skip(f"the page is about another version than {keras.__version__}")
    assert page == make.text(keras), "run python docs/make_compatibility.py"


def test_rows_tell_same_other_and_missing(make, table):
    def row(name, table=table):
        return make.row(keras, name, table)

    assert row("losses.MeanAbsoluteError").status == "same"
    assert row("layers.LSTM") == ("layers.LSTM", "missing", "recurrent layers are out of scope")
    assert row("activations.leaky_relu").status == "other"
    assert "slope 0.1" in row("activations.leaky_relu").note
    # what only objects have is found, too
    assert row("callbacks.Callback.params").status == "same"
    nothing = table._replace(missing={}, other={})
    assert row("layers.LSTM", nothing).note == ""
    assert make.unexplained({"": [row("layers.LSTM", nothing)]}) == ["layers.LSTM"]
    assert "default of `negative_slope`: 0.1, in Keras 0.2" in row("activations.leaky_relu", nothing).note
    assert make.strange(keras, table._replace(other={"ops.nowhere": ""}, missing={"losses.x*": ""})) == [
        "ops.nowhere",
        "losses.x*",
    ]


def test_other_names_of_arguments_are_told(make, table):
    notes = {
        "optimizers.Optimizer.apply": "`grads` is called `gradients`; `trainable_variables` is called `parameters`",
        "losses.serialize": "`loss` is called `thing`",
    }
    for name, note in notes.items():
        assert make.row(keras, name, table).note == note
    assert make.row(keras, "optimizers.get", table).status == "same"
    assert "without" not in make.row(keras, "callbacks.LambdaCallback", table).note
    assert "`inputs`" not in make.row(keras, "Model", table).note
