"""nn.plots: files that are not blank, learning curves and confusion matrices, read back from the figures; bad input."""

from __future__ import annotations

import io
import math
import subprocess
import sys
import threading

import numpy as np
import pytest
from figures import classifier, legend
from hypothesis import given, settings
from hypothesis import strategies as st
from models import rows

import nn
from nn import plots
from nn.metrics.direction import higher_is_better
from nn.plots.confusion import class_numbers
from nn.plots.curves import best_epoch

pytestmark = pytest.mark.once

matplotlib = pytest.importorskip("matplotlib")
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.image import imread  # noqa: E402

LOGS = {
    "loss": [0.9, 0.5, 0.4],
    "accuracy": [0.5, 0.7, 0.9],
    "val_loss": [0.8, 0.6, 0.7],
    "val_accuracy": [0.6, 0.8, 0.7],
}


def every_figure(**options):
    """Each picture once, with `path` or `axes`."""
    x, y = rows(20)
    nn.set_random_seed(0)
    model = nn.Sequential([nn.Dense(4, "relu", input_shape=(3,)), nn.Dense(1, "sigmoid")])
    model.compile("sgd", "mse")
    test = nn.RangeTest([0.01, 0.1, 1.0], [1.0, 0.5, 2.0], [1.0, 0.6, 1.5], 0.1, True)
    points = [[0.0, 1.0], [1.0, 0.0]]
    return {
        "learning_curves": lambda **o: plots.learning_curves(LOGS, **o),
        "confusion_matrix": lambda **o: plots.confusion_matrix([0, 1, 1], [0, 1, 0], **o),
        "decision_boundary": lambda **o: plots.decision_boundary(classifier(), points, [0, 1], resolution=20, **o),
        "learning_rate_range_test": lambda **o: plots.learning_rate_range_test(test, **o),
        "activation_histograms": lambda **o: plots.activation_histograms(model, x, **o),
        "gradient_histograms": lambda **o: plots.gradient_histograms(model, x, y, **o),
        "network": lambda **o: plots.network(model, **o),
    }  # fmt: skip


def test_every_picture_is_tested():
    assert sorted(every_figure()) == plots.__all__


@pytest.mark.parametrize("name", plots.__all__)
def test_files_are_complete_and_not_blank(name, tmp_path, full):
    draw = every_figure()[name]
    figure = draw(path=tmp_path / "new" / "a.png", title="A title")
    assert isinstance(figure, Figure)
    assert figure.get_suptitle() == "A title"
    pixels = imread(tmp_path / "new" / "a.png")
    assert min(pixels.shape[:2]) > 300
    assert pixels[..., :3].std() > 0.05
    draw(path=str(tmp_path / "b.svg"))
    assert (tmp_path / "b.svg").read_text(encoding="utf-8").rstrip().endswith("</svg>")
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["a.png", "b.svg"]
    if full or name == "network":
        assert imread(io.BytesIO(figure._repr_png_())).shape == pixels.shape


@pytest.mark.parametrize("name", plots.__all__)
def test_given_axes_are_drawn_into(name):
    own = Figure(figsize=(12, 8))
    axes = own.subplots(2, 2)
    figure = every_figure()[name](axes=axes, title="Mine")
    assert figure is own
    without = every_figure()[name](axes=Figure().subplots(2, 2)).axes[0].get_title()
    assert axes[0, 0].get_title() == "\n".join(filter(None, ["Mine", without]))
    assert axes[0, 0].has_data() or axes[0, 0].patches
    assert own.get_suptitle() == ""


def test_the_axes_of_a_subfigure():
    own = Figure()
    part = own.subfigures(1, 2)[0].subplots()
    assert plots.confusion_matrix([0, 1], [0, 1], axes=part) is own


def test_too_few_axes():
    with pytest.raises(
        nn.ArgumentError, match="axes: 2 matplotlib Axes are needed, one per panel; got 1 Axes"
    ):
        plots.learning_curves(LOGS, axes=Figure().subplots())
    with pytest.raises(
        nn.ArgumentError, match="axes: 2 matplotlib Axes are needed, one per panel; got 1 str"
    ):
        plots.learning_curves(LOGS, axes=["here"])


@pytest.mark.parametrize("name", plots.__all__)
def test_unknown_formats(name, tmp_path):
    with pytest.raises(nn.ArgumentError, match=r"path ends in \.png, \.svg, \.pdf, .*got '.*picture\.doc'"):
        every_figure()[name](path=tmp_path / "picture.doc")
    assert not list(tmp_path.iterdir())


def test_nothing_of_pyplot_and_no_display():
    code = """
import sys, nn
assert "matplotlib" not in sys.modules
nn.plots.learning_curves({"loss": [1.0, 0.5]})
print("matplotlib.pyplot" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_threads():
    done = []
    threads = [threading.Thread(target=lambda: done.append(plots.learning_curves(LOGS)._repr_png_())) for _ in range(3)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 3
    assert len(set(done)) == 1


def test_without_matplotlib():
    code = """
import sys; sys.modules["matplotlib"] = None
import nn
try:
    nn.plots.learning_curves({"loss": [1.0]})
except nn.MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pictures need matplotlib: pip install 'gradloom[plot]'" in done.stdout


def test_learning_curves_mark_the_best_validation_epoch():
    first, second = plots.learning_curves(LOGS).axes
    assert (first.get_ylabel(), second.get_ylabel()) == ("loss", "accuracy")
    assert first.get_xlabel() == "epoch"
    assert legend(first) == ["training", "validation", "best validation: 0.6 in epoch 2"]
    assert legend(second)[2] == "best validation: 0.8 in epoch 2"
    training, validation, star = first.lines
    assert training.get_xdata().tolist() == [1, 2, 3]
    assert training.get_ydata().tolist() == LOGS["loss"]
    assert validation.get_ydata().tolist() == LOGS["val_loss"]
    assert (star.get_xdata().tolist(), star.get_ydata().tolist()) == ([2], [0.6])
    assert training.get_linestyle() != validation.get_linestyle()
    assert training.get_marker() != validation.get_marker()


def test_curves_of_a_run(tmp_path):
    model = nn.Sequential([nn.Dense(1, "sigmoid", input_shape=(3,))])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(*rows(20), epochs=4, initial_epoch=2, validation_data=rows(8, seed=1))
    figure = history.plot(tmp_path / "run.png", title="A run")
    assert figure.get_suptitle() == "A run"
    assert figure.axes[0].lines[0].get_xdata().tolist() == [3, 4]
    assert (tmp_path / "run.png").stat().st_size > 5000


def test_one_epoch_without_validation():
    (panel,) = plots.learning_curves({"loss": [0.5]}).axes
    assert legend(panel) == ["training", "best training: 0.5 in epoch 1"]
    assert panel.lines[0].get_marker() == "o"


def test_the_learning_rate_has_a_panel_of_its_own_at_the_end():
    logs = {"learning_rate": [0.1, 0.01, 0.001], **LOGS}
    panels = plots.learning_curves(logs).axes
    assert [panel.get_ylabel() for panel in panels] == ["loss", "accuracy", "learning rate"]
    assert panels[2].get_yscale() == "log"
    zero = plots.learning_curves({"learning_rate": [0.1, 0.0], "loss": [1.0, 1.0]}).axes[1]
    assert zero.get_yscale() == "linear"


def test_nan_leaves_a_gap_and_is_never_best():
    logs = {"loss": [1.0, math.nan, 0.5], "val_loss": [math.nan, 0.7, 0.9]}
    (panel,) = plots.learning_curves(logs).axes
    assert legend(panel)[2] == "best validation: 0.7 in epoch 2"
    (lost,) = plots.learning_curves({"loss": [math.nan, math.nan]}).axes
    assert legend(lost) == ["training"]


def test_only_validation_was_logged():
    (panel,) = plots.learning_curves({"val_loss": [1.0, 2.0]}).axes
    assert legend(panel) == ["validation", "best validation: 1 in epoch 1"]


@pytest.mark.parametrize(
    ("history", "text"),
    [
        ({}, "the history is empty: no epoch was run"),
        ({"loss": []}, "the history is empty"),
        (nn.History(), "the history is empty"),
        ([1.0], "history is the History that fit returned, or a dict of lists, got list"),
        ({"loss": [1.0], "val_loss": [1.0, 2.0]}, "lists of different lengths.*'val_loss': 2"),
    ],
)
def test_bad_histories(history, text):
    with pytest.raises(nn.ArgumentError, match=text):
        plots.learning_curves(history)


@pytest.mark.parametrize("name", ["loss", "val_loss", "mse", "mean_absolute_error", "binary_crossentropy", "hinge", "kl_divergence"])  # fmt: skip
def test_least_is_best(name):
    assert not higher_is_better(name)


@pytest.mark.parametrize("name", ["accuracy", "val_accuracy", "auc", "precision", "recall", "f1_score", "r2_score", "top_k_categorical_accuracy"])  # fmt: skip
def test_greatest_is_best(name):
    assert higher_is_better(name)


@given(st.lists(st.floats(allow_nan=True), max_size=8), st.sampled_from(["loss", "accuracy"]))
def test_the_best_epoch(values, name):
    numbers = [value for value in values if not math.isnan(value)]
    best = best_epoch(name, values)
    if not numbers:
        assert best is None
    else:
        assert values[best] == (min(numbers) if name == "loss" else max(numbers))
        assert best == values.index(values[best])


@settings(max_examples=settings.default.max_examples // 3)
@given(st.integers(2, 6), st.data())
def test_counts_of_the_confusion_matrix(count, data):
    pairs = data.draw(st.lists(st.tuples(*[st.integers(0, count - 1)] * 2), min_size=1, max_size=20))
    truth, guess = map(np.array, zip(*pairs, strict=True))
    names = [f"c{i}" for i in range(count)]
    panel = plots.confusion_matrix(truth, np.eye(count)[guess], classes=names).axes[0]
    expected = np.zeros((count, count), int)
    np.add.at(expected, (truth, guess), 1)
    cells = {tuple(map(round, text.get_position())): text.get_text() for text in panel.texts}
    for (i, j), value in np.ndenumerate(expected):
        share = f"\n{100 * value / expected[i].sum():.0f} %" if value else ""
        assert cells[j, i] == f"{value}{share}"
    right = (truth == guess).sum()
    assert panel.get_title() == f"{right} of {len(truth)} right ({right / len(truth):.1%})"


@pytest.mark.parametrize("count", [2, 30, 100])
def test_confusion_of_many_classes(count):
    labels = np.arange(count)
    panel = plots.confusion_matrix(labels, labels).axes[0]
    assert len(panel.get_xticks()) == count
    assert sum(text.get_text().startswith("1") for text in panel.texts) == count


def test_text_of_a_cell_can_be_read_on_its_shade():
    panel = plots.confusion_matrix([0, 0, 1, 1], [0, 0, 1, 0]).axes[0]
    colours = [text.get_color() for text in panel.texts]
    assert colours == ["white", "#999999", "black", "black"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([0, 2, 1], [0, 2, 1]),
        ([[0.0], [2.0]], [0, 2]),
        ([[0.1, 0.9], [0.8, 0.2]], [1, 0]),
        ([[0.5], [0.51], [0.0], [1.0]], [0, 1, 0, 1]),
        (np.array([True, False]), [1, 0]),
    ],
)
def test_class_numbers(labels, expected):
    assert class_numbers(labels, "y_pred") == expected


@pytest.mark.parametrize(
    ("truth", "guess", "options", "error", "text"),
    [
        ([0, 1], [0], {}, nn.ArgumentError, "y_true has 2 rows and y_pred has 1"),
        ([], [], {}, nn.DataError, "no rows"),
        ([0, 5], [0, 1], {"classes": ["a", "b"]}, nn.ArgumentError, "classes has 2 names, and class 5 occurs"),
        ([0, 100], [0, 1], {}, nn.ArgumentError, "101 classes; at most 100 can be shown"),
        ([0.5, 1], [0, 1], {}, nn.DataError, "y_true: class numbers are integers >= 0"),
        ([0, -1], [0, 1], {}, nn.DataError, "y_true: class numbers are integers >= 0"),
        ([0, 1], [0.3, 1.7], {}, nn.DataError, "y_pred: class numbers are integers >= 0"),
        ([0, 1], [[0.3, 0.7], [math.nan, 0.2]], {}, nn.DataError, "y_pred holds NaN"),
        ([0, 1], [0.3, math.nan], {}, nn.DataError, "y_pred holds NaN"),
        ([0, math.inf], [0, 1], {}, nn.DataError, "y_true: class numbers are integers >= 0"),
        (np.zeros((2, 2, 2)), [0, 1], {}, nn.DataError, r"y_true: expected \(n,\).*\(2, 2, 2\)"),
        (["a", "b"], [0, 1], {}, nn.DataError, "holds text"),
    ],
)  # fmt: skip
def test_bad_confusion(truth, guess, options, error, text):
    with pytest.raises(error, match=text):
        plots.confusion_matrix(truth, guess, **options)
