"""Pictures of models: boundaries, range tests, activations, gradients, neurons and weights, read back from the figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from figures import classifier, legend
from models import Frame, Unchanged

import nn
from nn import plots

pytestmark = pytest.mark.once

pytest.importorskip("matplotlib")
POINTS = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.5], [0.2, 0.9]])


def test_the_boundary_of_two_classes():
    model = classifier()
    with Unchanged(model):
        figure = plots.decision_boundary(
            model, POINTS, [0, 1, 0, 1], classes=["left", "right"], resolution=40
        )
    panel, bar = figure.axes
    assert legend(panel) == ["left", "right", "wrong: 1 of 4"]
    assert bar.get_ylabel() == "probability of right"
    (boundary,) = (c for c in panel.collections if hasattr(c, "levels") and c.levels.tolist() == [0.5])
    (path,) = boundary.get_paths()
    assert np.abs(path.vertices[:, 0] - path.vertices[:, 1]).max() < 0.05


def test_the_boundaries_of_three_classes():
    figure = plots.decision_boundary(classifier(3), POINTS - 0.5, [0, 2, 0, 1], resolution=40)
    (panel,) = figure.axes
    assert legend(panel)[:3] == ["class 0", "class 1", "class 2"]
    (image,) = panel.images
    colours = image.get_array()
    assert len(np.unique(np.asarray(colours).reshape(-1, 3).round(6), axis=0)) > 3


def test_two_outputs_and_no_boundary_in_sight():
    figure = plots.decision_boundary(classifier(2), POINTS, [[1, 0]] * 4, resolution=10)
    assert len(figure.axes) == 2
    sure = nn.Sequential([nn.Dense(1, "sigmoid", input_shape=(2,))])
    sure.load_state_dict({"layers.0.kernel": [[0.0], [0.0]], "layers.0.bias": [5.0]})
    panel = plots.decision_boundary(sure, POINTS, [1] * 4, resolution=10).axes[0]
    levels = [c.levels.tolist() for c in panel.collections if hasattr(c, "levels")]
    assert [0.5] not in levels


def test_one_point_and_names_of_columns():
    frame = Frame(["age", "weight"], np.array([[1.0, 2.0]]))
    panel = plots.decision_boundary(classifier(), frame, [0], resolution=5).axes[0]
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("age", "weight")


@pytest.mark.parametrize(
    ("x", "y", "options", "text"),
    [
        (np.zeros((4, 3)), [0] * 4, {}, r"two inputs can be drawn, x has shape \(4, 3\)"),
        (np.zeros(4), [0] * 4, {}, r"two inputs can be drawn, x has shape \(4,\)"),
        (POINTS, [0, 1], {}, "x has 4 rows and y has 2"),
        (POINTS, [0, 1, 2, 9], {}, "10 classes; at most 8 can be told apart"),
        (POINTS, [0, 1, 0, 1], {"classes": ["one"]}, "classes has 1 names for 2 classes"),
        (POINTS, [0, 1, 0, 1], {"resolution": 1}, "resolution is an integer from 2 to 2000, got 1"),
    ],
)
def test_bad_boundaries(x, y, options, text):
    with pytest.raises(nn.ArgumentError, match=text):
        plots.decision_boundary(classifier(), x, y, **options)


def test_a_boundary_needs_probabilities():
    model = nn.Sequential([nn.Dense(1, input_shape=(2,))])
    model.load_state_dict({"layers.0.kernel": [[3.0], [0.0]], "layers.0.bias": [0.0]})
    with pytest.raises(
        nn.ArgumentError, match=r"says numbers from -0\.36 to 3\.36, and a probability is expected"
    ):
        plots.decision_boundary(model, POINTS, [0, 1, 0, 1])


def test_the_picture_of_a_range_test():
    test = nn.RangeTest([0.01, 0.1, 1.0], [1.0, 0.5, 2.0], [1.0, 0.6, 1.5], 0.1, True)
    (panel,) = plots.learning_rate_range_test(test).axes
    assert legend(panel) == ["loss of each batch", "running mean", "steepest fall: rate 0.1"]
    assert panel.get_title() == "stopped at 1: the loss diverged"
    assert panel.get_xlabel() == "learning rate"
    calm = nn.RangeTest([0.01, 0.1], [1.0, 1.0], [1.0, 1.0], None, False)
    (panel,) = plots.learning_rate_range_test(calm).axes
    assert len(legend(panel)) == 2
    with pytest.raises(
        nn.ArgumentError, match=r"nn\.learning_rate_range_test\(model, x, y\) returned, got list"
    ):
        plots.learning_rate_range_test([1.0])


def test_activations_by_layer():
    """Two ReLU units on two rows: one dead, one positive on one row."""
    model = nn.Sequential([nn.Dense(2, "relu", input_shape=(1,)), nn.Dropout(0.5), nn.Dense(1)])
    state = {"layers.0.kernel": [[1.0, 0.0]], "layers.0.bias": [0.0, -1.0], "layers.2.kernel": [[1.0], [1.0]], "layers.2.bias": [3.0]}  # fmt: skip
    model.load_state_dict(state)
    model.compile("sgd", "mse")
    with Unchanged(model):
        first, second = plots.activation_histograms(model, [[2.0], [-1.0]]).axes
    assert first.get_title().split("\n") == [
        "dense",
        "mean 0.5, std 0.866",
        "75% zeros, 1 of 2 units dead",
    ]
    assert first.get_xlabel() == "output, zeros left out"
    assert sum(patch.get_height() for patch in first.patches) == 1
    assert second.get_title().split("\n") == ["dense_1", "mean 4, std 1"]


def test_nested_and_named_layers_in_histograms():
    inner = nn.Sequential([nn.Dense(2)])
    model = nn.Sequential([nn.Input((2,)), inner, nn.Dense(1)])
    model.layers[1].name = "last"
    panels = plots.activation_histograms(model, [[1.0, 2.0]]).axes
    assert [panel.get_title().split("\n")[0] for panel in panels] == ["sequential/dense", "last"]


@pytest.mark.filterwarnings("ignore:x holds NaN")
def test_values_that_are_not_finite_are_counted():
    model = nn.Sequential([nn.Dense(1, input_shape=(1,))])
    (panel,) = plots.activation_histograms(model, [[1.0], [math.nan], [math.inf]]).axes
    assert panel.get_title().endswith("2 NaN or infinite")
    assert sum(patch.get_height() for patch in panel.patches) == 1


def test_an_unbuilt_model_is_built_for_its_activations():
    model = nn.Sequential([nn.Dense(2), nn.Dense(1)])
    assert len(plots.activation_histograms(model, [[1.0, 2.0]]).axes) == 2


def test_gradients_by_parameter():
    """loss = (w1 x + w2 x + b - y)^2 at one row: the gradients are 2 e x, 2 e x, 2 e."""
    model = nn.Sequential([nn.Dense(1, input_shape=(2,))], dtype="float64")
    model.load_state_dict({"layers.0.kernel": [[1.0], [1.0]], "layers.0.bias": [0.0]})
    model.compile("sgd", "mse")
    with Unchanged(model):
        kernel, bias = plots.gradient_histograms(model, [[1.0, 0.0]], [3.0]).axes
    assert kernel.get_title().split("\n") == ["dense: kernel", "mean -2, std 2", "50% zeros"]
    assert bias.get_title().split("\n") == ["dense: bias", "mean -4, std 0"]
    assert bias.get_xlabel() == "gradient"


def test_gradients_leave_those_of_the_user():
    model = nn.Sequential([nn.Dense(1, input_shape=(2,)), nn.Dropout(0.5)])
    model.compile("sgd", "mse")
    model([[1.0, 2.0]]).sum().backward()
    before = [p.grad.tolist() for p in model.parameters()]
    plots.gradient_histograms(model, [[1.0, 0.0]], [3.0])
    assert [p.grad.tolist() for p in model.parameters()] == before


def test_histograms_of_nothing():
    model = nn.Sequential([nn.Dropout(0.5)])
    with pytest.raises(nn.ArgumentError, match="nothing to draw a histogram of"):
        plots.activation_histograms(model, [[1.0]])
    many = nn.Sequential([nn.Input((1,)), *(nn.Activation("tanh") for _ in range(61))])
    with pytest.raises(nn.ArgumentError, match="61 histograms; at most 60"):
        plots.activation_histograms(many, [[1.0]])
    with pytest.raises(nn.NotCompiledError):
        plots.gradient_histograms(nn.Sequential([nn.Dense(1)]), [[1.0]], [1.0])


def test_neurons_and_weights():
    model = nn.Sequential([nn.Dense(20, "tanh", input_shape=(2,)), nn.Dropout(0.1), nn.Dense(1, "relu")])
    (panel,) = plots.network(model).axes
    # 2 inputs, 12 of 20 units, 1 output; each line twice in the legend besides
    assert len(panel.patches) == 15
    assert len([line for line in panel.lines if len(line.get_xdata())]) == 2 * 12 + 12
    texts = [text.get_text() for text in panel.texts]
    assert "input\n2 units" in texts
    assert "dense\ntanh\n20 units" in texts
    assert "dense_1\nrelu\n1 unit" in texts
    assert texts.count("\N{VERTICAL ELLIPSIS}") == 1


def test_lines_show_size_and_sign_of_weights():
    model = nn.Sequential([nn.Dense(1, input_shape=(2,))])
    model.load_state_dict({"layers.0.kernel": [[2.0], [-1.0]], "layers.0.bias": [0.0]})
    (panel,) = plots.network(model).axes
    large, small = panel.lines[:2]
    assert large.get_linewidth() > small.get_linewidth()
    assert (large.get_linestyle(), small.get_linestyle()) == ("-", "--")
    assert large.get_color() != small.get_color()


class Doubled(nn.Module):
    """Has a weight and is not dense."""

    def build(self, *shapes, dtype):
        self.weight = nn.Parameter([1.0])

    def call(self, x):
        return x * self.weight


class Skip(nn.Model):
    """A branch around a layer."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Dense(2), nn.Dense(2)

    def call(self, x):
        return self.a(x) + self.b(x)


def test_networks_that_cannot_be_drawn_as_neurons():
    other = nn.Sequential([nn.Input((2,)), Doubled(), nn.Dense(1)])
    with pytest.raises(nn.ArgumentError, match="this model has a Doubled"):
        plots.network(other)
    skip = Skip()
    skip(np.zeros((1, 2), np.float32))
    with pytest.raises(nn.ArgumentError, match="Dense is on a branch"):
        plots.network(skip)
    empty = nn.Sequential([nn.Input((2,)), nn.Dropout(0.1)])
    with pytest.raises(nn.ArgumentError, match="1 to 12 Dense layers can be drawn; this model has 0"):
        plots.network(empty)
