"""What may be tried, and the model that is tuned when none is given."""

from __future__ import annotations

import numpy as np
import pytest

import nn
from nn.tuning.space import label, parse, show
from nn.tuning.standard import Standard, head_of
from nn.tuning.table import text_table

pytestmark = pytest.mark.once

Int, Float, Choice = nn.tuning.Int, nn.tuning.Float, nn.tuning.Choice


class Recorded:
    """Stands in for a trial: gives back what it was asked."""

    def suggest_int(self, *args, **options):
        return ("int", *args, options)

    def suggest_float(self, *args, **options):
        return ("float", *args, options)

    def suggest_categorical(self, *args):
        return ("choice", *args)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Int(4, 1), r"Int\(4, 1\): low is greater than high; did you mean Int\(1, 4\)\?"),
        (lambda: Int(1.5, 4), r"low, high and step are integers, got 1.5; Float takes fractions"),
        (lambda: Int(True, 4), "are integers, got True"),
        (lambda: Int(1, 4, step=0), "step is an integer >= 1, got 0"),
        (lambda: Int(0, 8, log=True), r"Int\(0, 8, log=True\): a logarithmic range of integers starts at 1"),
        (lambda: Int(1, 8, step=2, log=True), "log and step together; give one"),
        (lambda: Float(0, 1, log=True), "a logarithmic range starts above 0, got low=0"),
        (lambda: Float(1, 0), r"did you mean Float\(0, 1\)\?"),
        (lambda: Float(0, float("inf")), "are finite numbers, got inf"),
        (lambda: Float("a", 1), "are finite numbers, got 'a'"),
        (lambda: Choice([]), "the list is empty; at least one value is needed"),
        (lambda: Choice("relu"), "expected a list of values, got 'relu'"),
        (lambda: Choice(["relu", "tanh", "relu"]), "'relu' is there twice"),
        (lambda: parse([1]), "space is a dict from parameter names to what may be tried, got list"),
        (lambda: parse({}), "the space is empty: nothing to try"),
        (lambda: parse({3: [1]}), "names of parameters are texts, got 3"),
        (lambda: parse({"units": []}), r"space\['units'\]: Choice: the list is empty"),
        (lambda: parse({"units": range(3, 3)}), r"space\['units'\]: Choice: the list is empty"),
        (lambda: parse({"units": 3}), r"space\['units'\] is 3; expected a list .* own: units=3"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(nn.ArgumentError, match=message):
        make()


def test_a_list_a_tuple_and_a_range_are_short_for_the_classes():
    parsed = parse({"a": [1, 2], "b": (0.1, 0.2), "c": range(2, 9, 3), "d": Float(0, 1)})
    assert str(parsed) == "{'a': Choice([1, 2]), 'b': Choice([0.1, 0.2]), 'c': Int(2, 8, step=3), 'd': Float(0, 1)}"  # fmt: skip


def test_what_is_asked_of_a_trial():
    trial = Recorded()
    assert Int(1, 6, step=2).suggest(trial, "n") == ("int", "n", 1, 5, {"step": 2, "log": False})
    assert Int(1, 8, log=True).suggest(trial, "n") == ("int", "n", 1, 8, {"step": 1, "log": True})
    assert Float(0, 1).suggest(trial, "n") == ("float", "n", 0.0, 1.0, {"log": False})
    assert Choice([(8, 4), None, 2]).suggest(trial, "n") == ("choice", "n", ["(8, 4)", None, 2])


def test_a_choice_may_hold_anything_and_finds_it_again():
    sgd, fast, pair = nn.SGD(0.1), nn.SGD(0.5), (8, 4)
    choice = Choice([sgd, fast, pair, max, None, "relu", 1, 2.5, (3,)])
    assert choice.labels == ["SGD", "SGD #1", "(8, 4)", "max", None, "relu", 1, 2.5, "(3,)"]
    for value, stored in zip(choice.values, choice.labels):
        assert choice.value(stored) is value
        assert choice.position(value) == choice.values.index(value)
    assert [label(v) for v in (nn.MLP, [1, "a"])] == ["MLP", "(1, a)"]
    assert show(1 / 3) == "0.3333"


@pytest.mark.parametrize(
    ("y", "loss", "expected"),
    [
        ([0, 1, 1], None, (1, "sigmoid", "binary_crossentropy", ("accuracy",))),
        ([0.0, 1.0], None, (1, "sigmoid", "binary_crossentropy", ("accuracy",))),
        ([[True], [False]], None, (1, "sigmoid", "binary_crossentropy", ("accuracy",))),
        ([0, 3, 1], None, (4, "softmax", "sparse_categorical_crossentropy", ("accuracy",))),
        ([[0, 1, 0], [1, 0, 0]], None, (3, "softmax", "categorical_crossentropy", ("accuracy",))),
        ([[0, 1, 1], [1, 0, 0]], None, (3, "sigmoid", "binary_crossentropy", ("accuracy",))),
        ([0.5, 2.0], None, (1, None, "mse", ())),
        ([-1, 4], None, (1, None, "mse", ())),
        ([[1, 2], [3, 4]], None, (2, None, "mse", ())),
        ([0, 3, 1], "mse", (1, None, "mse", ())),
        ([0, 1], "sparse_categorical_crossentropy", (2, "softmax", "sparse_categorical_crossentropy", ("accuracy",))),
    ],
)  # fmt: skip
def test_the_end_of_the_network_is_read_off_the_targets(y, loss, expected):
    assert tuple(head_of(y, loss)) == expected


def test_a_loss_of_logits_gets_logits():
    head = head_of([0, 1], nn.BinaryCrossentropy(from_logits=True))
    assert head.activation is None
    assert head.metrics == ()


def test_the_standard_perceptron():
    build = Standard([0, 2, 1])
    model = build(layers=3, units=5, activation="tanh", dropout=0.1)
    assert (model.hidden, model.outputs, model.output_activation) == ((5, 5, 5), 3, "softmax")
    assert (model.activation, model.dropout) == ("tanh", 0.1)
    assert build(hidden=(4, 2), output_activation=None).hidden == (4, 2)
    assert build(output_activation=None).output_activation is None
    assert build(layers=0).hidden == ()
    with pytest.raises(nn.ArgumentError, match="layers >= 0 of units >= 1, got layers=1, units=0"):
        build(layers=1, units=0)


def test_tables_line_up():
    text = text_table(["a", "name"], [[1.23456, "x"], [None, "long one"], [np.float64(20), "y"]])
    assert text == "    a  name\n-----  --------\n1.235  x\n       long one\n   20  y"
