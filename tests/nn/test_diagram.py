"""model.plot(): boxes, shapes and arrows read back from the SVG; the model stays as it was."""

from __future__ import annotations

import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from models import Unchanged, everything, rows

import autograd as ag
import nn
from nn.diagram import trace_calls

pytestmark = pytest.mark.once

pytest.importorskip("pygraphviz")

SVG = "{http://www.w3.org/2000/svg}"


def read(picture):
    """(lines of text of each box, arrows between titles, titles of frames)."""
    boxes, arrows, frames = {}, [], []
    for group in ElementTree.fromstring(picture.svg).iter(f"{SVG}g"):
        lines = [text.text for text in group.iter(f"{SVG}text")]
        title = group.find(f"{SVG}title")
        if group.get("class") == "node":
            boxes[title.text] = lines
        elif group.get("class") == "edge":
            arrows.append(title.text.split("->"))
        elif group.get("class") == "cluster":
            frames.append(lines[0])
    return boxes, [(boxes[a][0], boxes[b][0]) for a, b in arrows], frames


class Branches(nn.Model):
    """A shared layer, a skip, a sum of three, a layer in a list."""

    def __init__(self):
        super().__init__()
        self.first = nn.Dense(4)
        self.scale = nn.Parameter([2.0])
        self.inner = nn.MLP((3,), 4)
        self.blocks = [nn.Dense(4, ag.tanh), nn.Dense(4)]

    def call(self, x):
        h = self.first(self.first(x)) * self.scale
        return h + self.inner(h) + self.blocks[1](self.blocks[0](x))


def branches():
    model = Branches()
    model(np.zeros((2, 4), np.float32))
    return model


def test_a_sequential_model_is_a_chain(trained):
    with Unchanged(trained):
        boxes, arrows, frames = read(trained.plot())
    assert list(boxes.values()) == [
        ["input", "shape", "(None, 3)"],
        ["dense (Dense)", "activation", "relu", "input", "(None, 3)", "output", "(None, 4)", "parameters", "16"],
        ["dense_1 (Dense)", "activation", "sigmoid", "input", "(None, 4)", "output", "(None, 1)", "parameters", "5"],
        ["output", "shape", "(None, 1)"],
    ]  # fmt: skip
    assert sorted(arrows) == [
        ("dense (Dense)", "dense_1 (Dense)"), ("dense_1 (Dense)", "output"), ("input", "dense (Dense)"),
    ]  # fmt: skip
    assert frames == []


def test_shapes_can_be_left_out(trained):
    assert "None" not in trained.plot(show_shapes=False).svg


def test_branches_of_a_subclassed_model():
    boxes, arrows, _ = read(branches().plot())
    assert sorted(lines[0] for lines in boxes.values()) == [
        "dense (Dense)", "dense (Dense)", "dense_1 (Dense)", "dense_2 (Dense)", "input", "mlp (MLP)", "output",
    ]  # fmt: skip
    assert sorted(arrows) == [
        ("dense (Dense)", "dense (Dense)"), ("dense (Dense)", "mlp (MLP)"), ("dense (Dense)", "output"),
        ("dense_1 (Dense)", "dense_2 (Dense)"), ("dense_2 (Dense)", "output"),
        ("input", "dense (Dense)"), ("input", "dense_1 (Dense)"), ("mlp (MLP)", "output"),
    ]  # fmt: skip
    assert sum("the same" in lines for lines in boxes.values()) == 1
    assert any("tanh" in lines for lines in boxes.values())


def test_nested_models_in_frames():
    boxes, arrows, frames = read(branches().plot(expand_nested=True))
    assert frames == ["mlp (MLP)"]
    assert [
        "dropout (Dropout)",
        "rate",
        "0.2",
        "input",
        "(None, 3)",
        "output",
        "(None, 3)",
    ] in boxes.values()
    assert ("dropout (Dropout)", "dense_1 (Dense)") in arrows


def test_frames_in_frames():
    inner = nn.Sequential([nn.Dense(2)])
    model = nn.Sequential([nn.Input((2,)), nn.Sequential([nn.Dense(2), inner]), nn.Dense(1)])
    boxes, arrows, frames = read(model.plot(expand_nested=True))
    assert frames == ["sequential (Sequential)", "sequential (Sequential)"]
    assert len(boxes) == 5
    assert len(arrows) == 4


def test_gradients_and_random_numbers_stay():
    model = branches()
    (model(np.ones((2, 4), np.float32)) ** 2).sum().backward()
    gradients = [p.grad.tolist() for p in model.parameters()]
    state = [word.item() for word in ag.random.default_generator().state]
    before = everything(model)
    trace_calls(model)
    assert [p.grad.tolist() for p in model.parameters()] == gradients
    assert [word.item() for word in ag.random.default_generator().state] == state
    assert everything(model) == before


def test_it_works_without_gradients(trained):
    with ag.no_grad():
        _, arrows, _ = read(trained.plot())
    assert len(arrows) == 3


class Several(nn.Module):
    """Two results."""

    def call(self, x):
        return x * 2.0, x + 1.0


class Lonely(nn.Model):
    """Uses one of two results, and ignores a layer."""

    def __init__(self):
        super().__init__()
        self.split = Several()
        self.unused = nn.Dense(3)

    def call(self, x):
        a, _ = self.split(x)
        self.unused(x)
        return a


def test_several_results_and_unused_ones():
    model = Lonely()
    model(np.zeros((1, 2), np.float32))
    boxes, arrows, _ = read(model.plot())
    assert ["several (Several)", "input", "(None, 2)", "output", "several"] in boxes.values()
    assert sorted(arrows) == [
        ("input", "dense (Dense)"), ("input", "several (Several)"), ("several (Several)", "output"),
    ]  # fmt: skip


class Bare(nn.Model):
    """No layers at all."""

    def call(self, x):
        return x * 2.0


def test_a_model_without_layers_is_one_box():
    model = Bare()
    model(np.zeros((1, 2), np.float32))
    boxes, arrows, _ = read(model.plot())
    assert [lines[0] for lines in boxes.values()] == ["input", "model (Bare)", "output"]
    assert len(arrows) == 2


@pytest.mark.parametrize("name", ["<i>", "a & b", '"quoted"', "two\nlines", "\\N\\G", "漢字 🙂", "]]>"])
def test_names_of_layers_are_text(name):
    model = nn.Sequential([nn.Dense(2, input_shape=(2,))])
    model.layers[0].name = name
    boxes, _, _ = read(model.plot())
    *first, last = name.split("\n")
    assert list(boxes.values())[1][: len(first) + 1] == [*first, f"{last} (Dense)"]


def test_before_a_model_is_built():
    model = nn.Sequential([nn.Dense(2)])
    for neurons in (False, True):
        with pytest.raises(nn.ArgumentError, match=r"plot: the model is not built.*input_shape"):
            model.plot(neurons=neurons)


def test_files(tmp_path, trained):
    for neurons in (False, True):
        path = tmp_path / "deep" / f"{neurons}.svg"
        picture = trained.plot(path, neurons=neurons)
        assert path.read_text(encoding="utf-8") == picture.svg
        ElementTree.fromstring(picture._repr_svg_())
        with pytest.raises(ag.RangeError, match=r"a name that ends in \.svg"):
            trained.plot(tmp_path / "net.png", neurons=neurons)


def test_without_pygraphviz(monkeypatch, trained):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(nn.MissingExtraError, match=r"pip install 'gradloom\[draw\]'"):
        trained.plot()
    assert "<svg" in trained.plot(neurons=True).svg


def test_an_error_of_the_model_itself_comes_through(trained):
    class Picky(nn.Model):
        def __init__(self):
            super().__init__()
            self.ready = False

        def call(self, x):
            if self.ready:
                raise nn.DataError("not today")
            return x

    model = Picky()
    model(np.zeros((1, 2), np.float32))
    model.ready = True
    with pytest.raises(nn.DataError, match="not today"):
        model.plot()
    assert trained.predict(rows()[0]).shape == (12, 1)
