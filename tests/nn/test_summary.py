"""model.summary(): rows, totals, nested and shared modules, and what is said before a model is built."""

from __future__ import annotations

import numpy as np
import pytest

import nn
from nn.summary import size_text, table

pytestmark = pytest.mark.once


def nested():
    inner = nn.Sequential([nn.Dense(8), nn.Dropout(0.2)])
    return nn.Sequential([nn.Input((7,)), nn.Dense(12, "relu"), inner, nn.Dense(1)])


def test_the_whole_table():
    model = nn.Sequential([nn.Input((7,)), nn.Dense(12, "relu"), nn.Dropout(0.2), nn.Dense(1)])
    assert table(model).splitlines() == [
        "Model: Sequential",
        "-------------------------------------------",
        "Layer (type)       Output shape  Parameters",
        "-------------------------------------------",
        "dense (Dense)      (None, 12)            96",
        "dropout (Dropout)  (None, 12)             0",
        "dense_1 (Dense)    (None, 1)             13",
        "-------------------------------------------",
        "Total parameters: 109 (436 bytes)",
        "Trainable parameters: 109 (436 bytes)",
        "Non-trainable parameters: 0 (0 bytes)",
    ]


def test_what_the_optimizer_keeps_is_counted_once_it_keeps_something(trained):
    printed = []
    trained.summary(print_fn=printed.append)
    text = "\n".join(printed)
    # Adam: two slots for each of 21 parameters, the step counter and the learning rate
    assert "Optimizer parameters: 44 (184 bytes)" in text
    assert "Total parameters: 65 (268 bytes)" in text
    assert "Trainable parameters: 21 (84 bytes)" in text
    fresh = nn.Sequential([nn.Dense(4, "relu", input_shape=(3,))])
    fresh.compile("adam", "mse")
    assert "Optimizer" not in table(fresh)


def test_summary_prints_by_itself(capsys):
    nested().summary()
    assert "Total parameters: 209" in capsys.readouterr().out


def test_nested_rows_are_indented_and_counted_once():
    closed, opened = table(nested()), table(nested(), expand_nested=True)
    assert "  dropout (Dropout)" not in closed
    assert "\n  dense (Dense)          (None, 8)            104\n" in opened
    assert "\n  dropout (Dropout)      (None, 8)              0\n" in opened
    assert "Total parameters: 209" in closed
    assert "Total parameters: 209" in opened


@pytest.mark.parametrize("length", [40, 57, 100])
def test_lines_have_the_length_that_was_asked_for(length):
    lines = table(nested(), length, expand_nested=True).splitlines()
    rules = [line for line in lines if set(line) == {"-"}]
    assert {len(rule) for rule in rules} == {length}
    last = lines.index(rules[-1]) if len(rules) == 3 else len(lines)
    assert all(len(line) <= length for line in lines[:last])
    words = " ".join(" ".join(lines).split())
    assert "Dropout" in words
    assert "104" in words


@pytest.mark.parametrize("length", [0, 39, "80", 50.5])
def test_lines_that_are_too_short(length):
    with pytest.raises(nn.ArgumentError, match="line_length is an integer >= 40, or None to fit"):
        nested().summary(line_length=length)


def test_a_model_that_is_not_built_says_how_to_build_it(capsys):
    nn.Sequential([nn.Dense(4), nn.Dropout(0.1)]).summary()
    text = capsys.readouterr().out
    assert text.count("not built") == 2
    assert "Total parameters: 0" in text
    assert "input_shape=(features,)" in " ".join(text.split())


class Shared(nn.Model):
    """One layer used twice, a parameter of its own, a list of layers, a model inside."""

    def __init__(self):
        super().__init__()
        self.first = nn.Dense(4)
        self.again = self.first
        self.scale = nn.Parameter([1.0])
        self.fixed = nn.Buffer([1.0, 2.0])
        self.blocks = [nn.Dense(4, "tanh"), nn.Dense(4)]
        self.inner = nn.MLP((3,), 4)

    def call(self, x):
        h = self.again(self.first(x)) * self.scale
        return h + self.inner(h) + self.blocks[1](self.blocks[0](x))


def test_a_subclassed_model():
    model = Shared()
    model(np.zeros((2, 4), np.float32))
    text = table(model)
    assert "(its own parameters)                         3" in text
    assert text.count("(Dense)") == 3
    assert "Trainable parameters: 92 (368 bytes)" in text
    assert "Non-trainable parameters: 2 (8 bytes)" in text


def test_names_that_the_user_gave():
    model = nn.Sequential([nn.Dense(2, input_shape=(2,)), nn.Dense(2), nn.Dense(2)])
    model.layers[1].name = "dense"
    names = [line.split(" ")[0] for line in table(model).splitlines()[4:7]]
    assert names == ["dense_1", "dense", "dense_2"]


def test_a_frozen_parameter_is_not_trainable():
    model = nn.Sequential([nn.Dense(2, input_shape=(3,))])
    model.layers[0].kernel.requires_grad = False
    assert "Trainable parameters: 2 (8 bytes)" in table(model)
    assert "Non-trainable parameters: 6 (24 bytes)" in table(model)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.00 KiB"), (5 << 20, "5.00 MiB"), (3 << 30, "3.00 GiB")],
)  # fmt: skip
def test_sizes(count, text):
    assert size_text(count) == text


def table_of(model, **options):
    lines = []
    model.summary(print_fn=lines.append, **options)
    return lines[0].splitlines()


def test_columns_end_where_they_are_told():
    model = nn.Sequential([nn.Dense(4, input_shape=(3,)), nn.Dropout(0.5), nn.Dense(1, trainable=False)])
    for positions, length in (([0.4, 0.7, 1.0], 60), ([24, 42, 60], None)):
        lines = table_of(model, positions=positions, line_length=length)
        assert len(lines[1]) == 60
        assert lines[2] == f"{'Layer (type)':<24}  {'Output shape':<16}  {'Parameters':>16}"
    shown = table_of(model, show_trainable=True)
    assert [line.split()[-1] for line in shown[2:7] if "-" * 9 not in line] == ["Trainable", "Y", "-", "N"]
    assert len(table_of(model, positions=[0.3, 0.6, 0.8, 1.0], show_trainable=True)[1]) == 98


def test_a_part_of_the_layers():
    model = nn.Sequential([nn.Dense(4, input_shape=(3,)), nn.Dropout(0.5), nn.Dense(1), nn.ReLU()])
    for names, expected in (
        (("dropout", "dense_1"), ["dropout", "dense_1"]),
        (("dense_1", "dropout"), ["dropout", "dense_1"]),
        (["dense", "dense.*"], ["dense", "dropout", "dense_1"]),
    ):
        lines = table_of(model, layer_range=names)
        assert [line.split()[0] for line in lines[4 : 4 + len(expected)]] == expected
        assert set(lines[4 + len(expected)]) == {"-"}


@pytest.mark.parametrize(
    "options",
    [
        {"positions": [0.1, 0.2]},
        {"positions": [0.5, 0.4, 1.0]},
        {"positions": "wide"},
        {"positions": [1, 2, 3]},
        {"layer_range": ("dense", "conv")},
        {"layer_range": ("dense",)},
        {"layer_range": "dense"},
        {"layer_range": ("(", "dense")},
        {"show_trainable": 3},
        {"print_fn": 3},
    ],
    ids=str,
)
def test_what_a_summary_refuses(options):
    model = nn.Sequential([nn.Dense(4, input_shape=(3,))])
    with pytest.raises(nn.ArgumentError, match=f"summary: {next(iter(options))}"):
        model.summary(**options)
