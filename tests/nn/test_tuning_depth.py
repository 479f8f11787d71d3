"""add_layers_until: deeper, until it gets no better."""

from __future__ import annotations

import math
import signal

import pytest
from models import rows

import autograd as ag
import nn

pytestmark = pytest.mark.once

X, Y = rows(60, 3)


class Values(nn.Callback):
    """Replaces the watched number by a script of the depth."""

    def __init__(self, script, name="val_loss"):
        self.script = script
        self.name = name

    def on_epoch_end(self, epoch, logs):
        logs[self.name] = self.script(len(self.model.hidden))


def climb(values, build=None, x=X, y=Y, **options):
    callbacks = Values(lambda depth: values[depth]) if values else None
    options = {"epochs": 1, "units": 4, "seed": 0, "verbose": 0, **options}
    return nn.add_layers_until(build, x, y, callbacks=callbacks, **options)


@pytest.mark.parametrize(
    ("values", "options", "tried", "best"),
    [
        ([9, 5, 3, 4, 1], {}, [1, 2, 3], 2),
        ([9, 5, 3, 4, 1, 2, 2], {"patience": 2}, [1, 2, 3, 4, 5, 6], 4),
        ([9, 5, 3, 3, 1], {}, [1, 2, 3], 2),
        ([9, 5, 4, 3, 2], {"max_layers": 3}, [1, 2, 3], 3),
        ([9, 5, 6, 3, 2], {"min_layers": 0}, [0, 1, 2], 1),
        ([9, 5, 4.9, 3], {"min_delta": 0.5}, [1, 2], 1),
        ([9, 5, 6, 3], {"mode": "max"}, [1, 2, 3], 2),
        ([9, 5, math.nan, 3], {}, [1, 2], 1),
        ([9, math.nan, 5, 4, 4], {"patience": 2}, [1, 2, 3, 4, 5], 3),
    ],
)
def test_it_ends_when_deeper_is_no_better(values, options, tried, best):
    found = climb([*values, 9, 9, 9, 9], **options)
    assert [depth.layers for depth in found.depths] == tried
    assert (found.best_layers, found.best_value) == (best, values[best])
    assert len(found.best_model.hidden) == best


def test_real_networks_repeat_and_the_best_model_is_the_best_run():
    state = [word.item() for word in ag.random.default_generator().state]
    first, again = (climb(None, runs=3, epochs=3, validation_split=0.3) for _ in range(2))
    assert state == [word.item() for word in ag.random.default_generator().state]
    assert [d._replace(seconds=0) for d in first.depths] == [d._replace(seconds=0) for d in again.depths]  # fmt: skip
    best = next(depth for depth in first.depths if depth.layers == first.best_layers)
    assert len(set(best.values)) == 3
    assert best.value == pytest.approx(sum(best.values) / 3)
    loss = first.best_model.evaluate(X[42:], Y[42:], verbose=0)[0]
    assert loss == pytest.approx(min(best.values))


def test_without_a_seed_one_is_drawn():
    ag.random.seed(4)
    first = climb(None, seed=None, max_layers=1)
    ag.random.seed(4)
    assert climb(None, seed=None, max_layers=1).best_value == first.best_value
    assert climb(None, seed=None, max_layers=1).best_value != first.best_value


def test_a_builder_of_ones_own_gets_the_depth():
    def build(layers, width):
        return nn.MLP((width,) * layers, 1, dropout=0)

    found = nn.add_layers_until(build, X, Y, width=3, loss="mse", epochs=1, max_layers=1, seed=0)
    assert found.best_model.hidden == (3,)


def test_the_table_the_dicts_and_the_lines(capsys):
    found = climb([9, 5, 3, 4], verbose=2)
    assert capsys.readouterr().out.splitlines() == [
        "[1/8] depth 1: val_loss 5 (runs 1); best 1 layers",
        "[2/8] depth 2: val_loss 3 (runs 1); best 2 layers",
        "[3/8] depth 3: val_loss 4 (runs 1); best 2 layers",
    ]
    lines = [line.split() for line in found.table().splitlines()]
    assert lines[0] == ["layers", "val_loss", "epochs", "seconds"]
    assert [line[:2] + line[4:] for line in lines[2:5]] == [["1", "5"], ["2", "3", "best"], ["3", "4"]]  # fmt: skip
    assert found.table().endswith("stopped: no better for 1 depth")
    assert found.to_dicts()[1].keys() == {"layers", "val_loss", "values", "epochs", "seconds", "error"}  # fmt: skip
    assert repr(found) == "DepthSearch(best 2 layers with val_loss 3; tried 1, 2, 3)"
    several = climb([9, 5, math.nan], runs=2, verbose=2)
    assert several.table().splitlines()[0].split() == ["layers", "val_loss", "from", "to", "epochs", "seconds"]  # fmt: skip
    assert "2 layers failed: Diverged: val_loss is nan after epoch 1" in several.table()


@pytest.mark.usefixtures("listens_to_ctrl_c")
def test_ctrl_c_returns_the_depths_so_far():
    class Interrupt(nn.Callback):
        def on_epoch_end(self, epoch, logs):
            if len(self.model.hidden) == 2:
                signal.raise_signal(signal.SIGINT)

    found = nn.add_layers_until(None, X, Y, callbacks=Interrupt(), epochs=2, seed=0, verbose=0)
    assert [depth.layers for depth in found.depths] == [1]
    assert found.stopped == "interrupted with 2 layers"


def test_the_picture(tmp_path):
    pytest.importorskip("matplotlib")
    figure = climb([9, 5, 3, 4]).plot(tmp_path / "depth.png")
    assert (tmp_path / "depth.png").read_bytes().startswith(b"\x89PNG")
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "2 hidden layers: val_loss 3"
    assert axes.lines[0].get_xydata().tolist() == [[1, 5], [2, 3], [3, 4]]
    (axes,) = climb(None, runs=2, max_layers=1).plot().axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a run", "mean", "best"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience >= 1; got .*patience=0"),
        ({"runs": 1.5}, "runs is an integer >= 0, got 1.5"),
        ({"min_layers": 3, "max_layers": 2}, "min_layers <= max_layers.*got min_layers=3, max_layers=2"),
        ({"build": lambda units: None}, "unknown parameter 'layers'"),
        ({"layers": 3}, "layers: both in the space and given as fixed"),
        ({"monitor": "val_acc"}, "monitor='val_acc' is not in the logs"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(options, message):
    with pytest.raises(nn.ArgumentError, match=message):
        climb(None, **options)


def test_when_no_depth_works_the_error_says_why():
    with pytest.raises(nn.TuningError, match="no depth gave a model; the first ended with Diverged: val_loss is nan"):  # fmt: skip
        climb([math.nan] * 9)
