"""Layers, models, histories and searches in a notebook."""

from __future__ import annotations

import base64
import inspect
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from models import rows
from pages import Page

import autograd as ag
import nn

pytestmark = pytest.mark.once
HOSTILE = "<script>alert(1)</script>&\"'"
PNG = b"\x89PNG\r\n\x1a\n"


def shown(thing):
    """What a notebook shows, read."""
    return Page(thing._repr_html_())


def content(img):
    """The MIME type and the bytes of a picture."""
    kind, _, data = img["src"].removeprefix("data:").partition(";base64,")
    return kind, base64.b64decode(data)


def test_a_layer_before_and_after_it_is_built():
    layer = nn.Dense(4, "relu", name="first", kernel_regularizer="l2")
    page = shown(layer)
    assert "first Dense, not built" in " ".join(page.text.split())
    assert ["units", "4"] in page.tables[0]
    assert ["activation", "'relu'"] in page.tables[0]
    layer(np.ones((2, 3), "float32"))
    page = shown(layer)
    assert "16 parameters, from (2, 3) to (None, 4)" in page.text
    assert ["kernel", "(3, 4)", "float32", "12"] in page.tables[-1]
    layer.trainable = False
    assert "frozen" in shown(layer).text


NEEDED = {
    "units": 2, "filters": 2, "kernel_size": 2, "rate": 0.5, "input_dim": 3, "output_dim": 2, "num_bins": 3,
    "num_tokens": 3, "pool_size": 2, "stddev": 0.1, "n": 2, "dims": (1,), "target_shape": (2, -1), "scale": 2.0, "height": 2, "width": 2,
    "factor": 0.1, "activation": "relu", "axes": 1, "function": abs, "height_factor": 0.1, "width_factor": 0.1,
}  # fmt: skip
"""What layers cannot be made without."""
OTHERS = ("Layer", "TableFeatures", "Operation", "Input", "InputLayer", "Discretization")
"""Layers that need more than one argument, or are none."""


def test_every_layer_can_be_shown():
    """None of them built."""
    seen = 0
    for name in sorted(nn.layers.__all__):
        kind = getattr(nn.layers, name)
        if not isinstance(kind, type) or not issubclass(kind, nn.Layer) or name in OTHERS:
            continue
        needed = [p.name for p in inspect.signature(kind).parameters.values() if p.default is p.empty]
        page = shown(kind(**{name: NEEDED[name] for name in needed if name in NEEDED}))
        assert kind.__name__ in page.text, name
        seen += 1
    assert seen > 60


class Stubborn(nn.Layer):
    """A layer that does not say what it was made with."""

    def get_config(self):
        raise NotImplementedError(HOSTILE)


class Wrapped(nn.Layer):
    """A layer with layers inside."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Dense(2)

    def call(self, x):
        return self.inner(x)


def test_layers_of_ones_own():
    assert "Stubborn, not built" in shown(Stubborn()).text
    wrapped = Wrapped()
    wrapped([[1.0, 2.0]])
    page = shown(wrapped)
    assert "dense (Dense)" in [row[0] for row in page.tables[0]]
    named = type(HOSTILE, (nn.Layer,), {"call": lambda self, x: x})(name=HOSTILE)
    assert shown(named).text.count(HOSTILE) >= 2


def test_a_layer_with_huge_settings_is_small():
    cuts = nn.Discretization(list(np.linspace(0.0, 1.0, 100_000)))
    table = nn.Embedding(100_000, 64)
    table([[1, 2]])
    lookup = nn.IntegerLookup(vocabulary=list(range(50_000)))
    for layer in (cuts, table, lookup):
        assert len(layer._repr_html_()) < 5_000


def test_of_long_settings_no_more_becomes_text_than_is_shown():
    said = []

    class Loud:
        def __repr__(self):
            said.append(1)
            return "loud"

    class Collecting(nn.Layer):
        def get_config(self):
            return {"items": [Loud()] * 100_000}

    assert "loud" in shown(Collecting()).text
    assert len(said) < 20


def test_a_model_is_its_summary():
    model = nn.Sequential([nn.Input((7,)), nn.Dense(12, "relu"), nn.Dropout(0.2), nn.Dense(1)], name="net")
    page = shown(model)
    assert page.tables[0] == [
        ["Layer (type)", "Output shape", "Parameters"],
        ["dense (Dense)", "(None, 12)", "96"],
        ["dropout (Dropout)", "(None, 12)", "0"],
        ["dense_1 (Dense)", "(None, 1)", "13"],
    ]
    assert "net Sequential" in " ".join(page.text.split())
    assert "Total parameters: 109 (436 bytes)" in page.text


def test_a_model_of_branches_says_what_is_connected():
    x = nn.Input((3,), name=HOSTILE)
    y = nn.Concatenate(name="<b>join</b>")([x, nn.Dense(2, name="side")(x)])
    page = shown(nn.Model(x, y, name=HOSTILE))
    assert page.tables[0][0][-1] == "Connected to"
    assert all(len(row) == 4 for row in page.tables[0])
    assert HOSTILE in page.text
    assert "<b>join</b> (Concatenate)" in page.text


def test_a_model_that_is_not_built_says_how_to_build_it():
    page = shown(nn.Sequential([nn.Dense(3)]))
    assert "Not built yet" in page.text
    assert page.images == []
    assert "Not built yet" in shown(nn.Sequential()).text


def test_the_picture_of_a_model_is_an_svg():
    pytest.importorskip("pygraphviz")
    page = shown(nn.Sequential([nn.Input((3,)), nn.Dense(2, name="<i>first</i>")]))
    kind, data = content(page.images[0])
    assert kind == "image/svg+xml"
    assert "<i>first</i> (Dense)" in "".join(ElementTree.fromstring(data).itertext())


def test_without_what_draws_there_is_no_picture(monkeypatch):
    for name in ("pygraphviz", "matplotlib", "matplotlib.figure", "matplotlib.colors"):
        monkeypatch.setitem(sys.modules, name, None)
    model, history = fitted()
    assert shown(model).images == []
    assert shown(history).images == []


def test_the_call_of_somebody_is_not_run_for_a_picture():
    class Counting(nn.Model):
        calls = 0

        def call(self, x):
            type(self).calls += 1
            return x

    model = Counting()
    model([[1.0]])
    before = Counting.calls
    assert shown(model).images == []
    assert Counting.calls == before


def test_a_model_of_many_layers_is_cut_and_not_drawn():
    model = nn.Sequential([nn.Input((2,)), *(nn.Dense(2) for _ in range(100))])
    page = shown(model)
    assert page.tables[0][-1] == ["60 more"]
    assert page.images == []


def fitted(epochs=3):
    model = nn.Sequential([nn.Input((3,)), nn.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    return model, model.fit(*rows(), epochs=epochs, verbose=0, validation_split=0.25)


def test_a_history_is_its_last_and_best_numbers_and_its_curves():
    pytest.importorskip("matplotlib")
    _, history = fitted()
    history.history["loss"] = [0.5, 0.25, float("nan")]
    history.history["val_accuracy"] = [0.5, 0.75, 0.7]
    page = shown(history)
    found = {row[0]: row[1:] for row in page.tables[0]}
    assert found["loss"] == ["nan", "0.25", "2"]
    assert found["val_accuracy"] == ["0.7", "0.75", "2"]
    assert "3 epochs" in page.text
    kind, data = content(page.images[0])
    assert kind == "image/png"
    assert data.startswith(PNG)
    assert len(data) < 100_000


def test_strange_histories():
    assert "No epoch was run" in shown(nn.History()).text
    history = nn.History()
    history.epoch = [0, 1]
    history.history = {
        HOSTILE: [0.5, None],
        "recall": [np.array([0.5, 1.0])] * 2,
        "empty": [],
        "gone": [float("nan")] * 2,
    }
    page = shown(history)
    assert [row[0] for row in page.tables[0]] == ["", HOSTILE, "recall", "empty", "gone"]
    history.history = {f"metric_{i}": [float(i)] for i in range(500)}
    assert len(history._repr_html_()) < 20_000
    history.interrupted = True
    assert "interrupted" in shown(history).text


def test_a_long_history_is_small():
    history = nn.History()
    history.epoch = list(range(20_000))
    history.history = {"loss": [1.0 / (1 + i) for i in range(20_000)]}
    assert len(history._repr_html_()) < 100_000


def test_a_search():
    pytest.importorskip("optuna")
    from searches import tune

    found = tune(trials=3)
    page = shown(found)
    assert page.tables[0][0] == ["rank", "trial", "val_loss", "units", "epochs", "seconds", "state"]
    assert len(page.tables[0]) == 4
    assert "3 trials" in page.text
    found.trials = [
        found.trials[0]._replace(number=i, state="failed", value=None, error=HOSTILE) for i in range(100)
    ]
    page = shown(found)
    assert page.tables[0][-1] == ["80 more"]
    assert HOSTILE in page.text
    found.trials = []
    assert "No trial was made" in shown(found).text


def test_a_search_of_depths():
    x, y = rows(40)
    found = nn.add_layers_until(None, x, y, max_layers=2, verbose=0, seed=0, validation_split=0.25)
    page = shown(found)
    assert page.tables[0][0][:2] == ["layers", "val_loss"]
    assert "best" in page.text


def test_tensors_of_models_are_shown_as_tensors():
    layer = nn.Dense(2)
    layer([[1.0, 2.0, 3.0]])
    assert len(shown(layer.kernel).tables[0]) == 3
    assert "Parameter" in shown(layer.kernel).text
    assert ag.Tensor._repr_html_ is nn.Parameter._repr_html_
