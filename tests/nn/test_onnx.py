"""What `export` writes says the same as `predict`: every layer and activation, and whole networks, run by ONNX Runtime."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx_rows import (
    IMAGES,
    LAYERS,
    MADE_BY_USERS,
    OTHERS,
    ROWS,
    WORDS,
    Row,
    activations,
    differences,
    exported,
    layer_classes,
    model_of,
    run,
    run_by_reference,
)

import autograd as ag
import nn
from autograd.exporting import OPSETS
from backends.to_onnx import file as onnx_writing

onnx = pytest.importorskip("onnx", reason="the extra gradloom[onnx] is not installed")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
pytestmark = [pytest.mark.oracle, pytest.mark.once]
NEAR = 2e-6
"""Both sum in float32, in orders of their own; the sums here have fewer than a hundred terms of size 1."""
PAGE = Path(nn.__file__).parents[1] / "docs" / "onnx.md"


def agrees(title, row):
    worst = max(differences(model_of(row), row.x))
    assert worst <= NEAR, f"{title}: {worst:.1e}"


def test_every_layer_has_a_row():
    assert set(LAYERS) == set(layer_classes())


def test_every_layer_agrees_with_predict():
    for name, rows in LAYERS.items():
        for row in rows:
            if not row.refused:
                agrees(name, row)


def test_the_evaluator_of_onnx_itself_agrees_too():
    for name, rows in [*LAYERS.items(), *((name, [row]) for name, row in MADE_BY_USERS.items())]:
        for row in rows:
            if not row.refused:
                (apart,) = differences(model_of(row), row.x, batches=(3,), run=run_by_reference)
                assert apart <= NEAR, f"{name}: {apart:.1e}"


def test_every_activation_agrees_with_predict():
    rows = activations()
    assert set(rows) >= set(nn.activations.ACTIVATIONS)
    for name, row in rows.items():
        agrees(name, row)


def test_what_users_write_is_exported_as_what_the_library_has():
    for name, row in MADE_BY_USERS.items():
        agrees(name, row)


def test_what_has_no_form_in_onnx_is_refused_by_the_name_of_its_layer(tmp_path):
    for name, rows in LAYERS.items():
        for row in rows:
            if row.refused:
                with pytest.raises(nn.ArgumentError, match=f"export: {name} '[a-z_]+' .*{row.refused}"):
                    model_of(row).export(tmp_path / "m.onnx")
    assert not os.listdir(tmp_path)


def whole_networks():
    images, table = nn.Input((6, 5, 4), name="image"), nn.Input((6,), name="table")
    seen = nn.GlobalAveragePooling2D()(nn.Conv2D(3, 2, activation="relu")(images))
    both = nn.Concatenate()([seen, nn.Dense(3, "tanh")(table)])
    graph = nn.Model(
        [images, table], {"score": nn.Dense(1, "sigmoid")(both * 0.5), "kind": nn.Dense(3, "softmax")(both)}
    )

    numbers, words = nn.Input((6,), name="numbers"), nn.Input((3,), dtype="int64", name="words")
    vectors = nn.Flatten()(nn.Embedding(7, 2)(words))
    hidden = nn.Dropout(0.3)(
        nn.Dense(8, "gelu")(nn.BatchNormalization()(nn.Concatenate()([numbers, vectors])))
    )
    tabular = nn.Model({"numbers": numbers, "words": words}, nn.Dense(1)(hidden + 1.0))

    inner = nn.Sequential([nn.Input((6,)), nn.Dense(4, "relu"), nn.Dense(6)], name="block")
    outer = nn.Input((6,))
    nested = nn.Model(outer, nn.Dense(2)(inner(inner(outer)) + outer))
    return {
        "MLP": Row(ROWS, lambda: nn.MLP((16, 8), 3, output_activation="softmax")),
        "CNN": Row(
            IMAGES,
            lambda: [
                nn.RandomFlip(), nn.Conv2D(8, 3, padding="same", use_bias=False), nn.BatchNormalization(), nn.ReLU(),
                nn.MaxPooling2D(), nn.SeparableConv2D(6, 2, activation="relu"), nn.Flatten(), nn.Dropout(0.5), nn.Dense(3),
            ],
        ),
        "two inputs and two outputs": Row([IMAGES, ROWS], lambda: graph),
        "a table with words": Row([ROWS, WORDS], lambda: tabular),
        "a model in a model, twice": Row(ROWS, lambda: nested),
    }  # fmt: skip


def test_whole_networks_agree_with_predict():
    networks = whole_networks()
    # built by nn.MLP when it sees rows
    built = nn.MLP((16, 8), 3, output_activation="softmax")
    built.predict(ROWS)
    networks["MLP"] = Row(ROWS, lambda: built)
    for name, row in networks.items():
        model = model_of(row)
        found = run(exported(model), row.x)
        expected = model.predict(row.x if name != "a table with words" else {"numbers": ROWS, "words": WORDS})
        expected = [expected[key] for key in sorted(expected)] if isinstance(expected, dict) else [expected]
        for ours, theirs in zip(expected, found, strict=True):
            np.testing.assert_allclose(theirs, ours, rtol=NEAR * 5, atol=NEAR * 5, err_msg=name)


def test_a_trained_model_is_exported_as_it_is():
    nn.set_random_seed(0)
    model = nn.Sequential([nn.Input((6,)), nn.Dense(8, "relu"), nn.BatchNormalization(), nn.Dense(1)])
    model.compile("adam", "mse")
    model.fit(ROWS, ROWS[:, :1], epochs=3, verbose=0)
    assert max(differences(model, ROWS)) <= NEAR


def test_a_model_with_a_call_of_its_own():
    class Own(nn.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Dense(4, "relu"), nn.Dense(2)

        def call(self, x):
            return {"sum": self.second(self.first(x["a"]) + self.first(x["b"])), "first": x["a"]}

    model = Own()
    with pytest.raises(nn.ArgumentError, match="export: this model is not built"):
        exported(model)
    expected = model.predict({"a": ROWS, "b": OTHERS})
    loaded = onnx.load_model_from_string(exported(model))
    assert [p.name for p in loaded.graph.input] == ["a", "b"]
    assert [p.name for p in loaded.graph.output] == ["first", "sum"]
    found = run(loaded.SerializeToString(), [ROWS, OTHERS])
    np.testing.assert_allclose(found[0], expected["first"])
    np.testing.assert_allclose(found[1], expected["sum"], rtol=1e-5, atol=1e-6)


def test_names_shapes_and_origin_of_a_file():
    model = nn.Sequential(
        [nn.Input((6, 5, 4)), nn.Conv2D(3, 2), nn.Flatten(), nn.Dense(2, name="scores")], name="small"
    )
    loaded = onnx.load_model_from_string(exported(model, opset=19))
    assert (loaded.producer_name, loaded.producer_version) == ("gradloom", nn.__version__)
    assert [(o.domain, o.version) for o in loaded.opset_import] == [("", 19)]
    assert loaded.graph.name == "small"
    (given,), (result,) = loaded.graph.input, loaded.graph.output
    assert (given.name, result.name) == ("input", "scores")
    for port, sizes in ((given, [6, 5, 4]), (result, [2])):
        first, *others = port.type.tensor_type.shape.dim
        assert first.dim_param == "batch"
        assert [d.dim_value for d in others] == sizes
    weights = {w.name: onnx.numpy_helper.to_array(w) for w in loaded.graph.initializer}
    state = model.state_dict()
    for name in ("layers.0.bias", "layers.2.kernel", "layers.2.bias"):
        np.testing.assert_array_equal(weights[name], state[name])
    np.testing.assert_array_equal(weights["layers.0.kernel"], state["layers.0.kernel"].transpose(3, 2, 0, 1))
    names = [node.name for node in loaded.graph.node]
    assert "layers.0/Conv2D/Conv" in names
    kinds = [node.op_type for node in loaded.graph.node]
    assert kinds.count("Conv") == 1
    assert kinds.count("MatMul") == 1
    assert len(names) == len(set(names))


def test_a_shared_layer_has_its_weights_once():
    x, conv, normal = nn.Input((6, 5, 4)), nn.Conv2D(4, 5, padding="same"), nn.BatchNormalization()
    model = nn.Model(x, normal(conv(normal(conv(x)))))
    assert max(differences(model, IMAGES)) <= NEAR
    loaded = onnx.load_model_from_string(exported(model))
    names = [weight.name for weight in loaded.graph.initializer]
    assert names[:3] == ["layers.1.kernel", "layers.1.bias", "layers.2.moving_mean"]
    assert len(names) == 5


def test_transposed_convolutions_are_a_node_with_the_weights_of_the_layer():
    for layer in (
        nn.Conv2DTranspose(2, 3, 2, "same"),
        nn.Conv2DTranspose(2, 2, data_format="channels_first"),
    ):
        model = model_of(Row(IMAGES, lambda layer=layer: [layer]))
        loaded = onnx.load_model_from_string(exported(model))
        weights = {w.name: onnx.numpy_helper.to_array(w) for w in loaded.graph.initializer}
        kernel = model.state_dict()["layers.0.kernel"].transpose(3, 2, 0, 1)
        np.testing.assert_array_equal(weights["layers.0.kernel"], kernel)
        kinds = [node.op_type for node in loaded.graph.node]
        assert kinds.count("ConvTranspose") == 1
        assert "MatMul" not in kinds


def test_neighbours_in_the_order_of_onnx_move_nothing_between_them():
    model = model_of(Row(IMAGES, lambda: [nn.Conv2D(3, 2), nn.Conv2D(2, 2), nn.MaxPooling2D(2)]))
    kinds = [node.op_type for node in onnx.load_model_from_string(exported(model)).graph.node]
    assert kinds == ["Transpose", "Conv", "Conv", "MaxPool", "Transpose"]


def test_a_file_knows_a_name_once():
    model = nn.Sequential([nn.Input((6,)), nn.Dense(2, name="input")])
    loaded = onnx.load_model_from_string(exported(model))
    assert [port.name for port in loaded.graph.output] == ["input_output"]
    x = nn.Input((6,), name="x")
    model = nn.Model(x, {"x": x, "y": nn.Dense(2)(x)})
    assert [p.name for p in onnx.load_model_from_string(exported(model)).graph.output] == ["x_output", "y"]
    found = run(exported(model), ROWS)
    np.testing.assert_array_equal(found[0], ROWS)


def test_mixed_precision_is_exported_in_float32():
    model = nn.Sequential([nn.Input((6,)), nn.Dense(8, "relu"), nn.Dense(2)])
    expected = model.predict(ROWS)
    model.compile("sgd", "mse", mixed_precision="bfloat16")
    np.testing.assert_allclose(run(exported(model), ROWS)[0], expected, rtol=1e-5, atol=1e-6)


def test_layers_of_training_alone_leave_no_node():
    model = model_of(Row(IMAGES, lambda: [nn.RandomRotation(0.1), nn.Dropout(0.5), nn.GaussianNoise(0.1)]))
    loaded = onnx.load_model_from_string(exported(model))
    assert [node.op_type for node in loaded.graph.node] == ["Identity"]
    assert not loaded.graph.initializer


def test_every_opset_gives_the_same_numbers():
    row = Row(
        IMAGES,
        lambda: [nn.Conv2D(3, 2, activation="gelu"), nn.AveragePooling2D(2), nn.Flatten(), nn.Dense(2)],
    )
    for opset in range(OPSETS[0], OPSETS[1] + 1):
        assert max(differences(model_of(row), row.x, opset=opset)) <= NEAR, opset
        kinds = {
            node.op_type
            for node in onnx.load_model_from_string(exported(model_of(row), opset=opset)).graph.node
        }
        assert ("Gelu" in kinds) == (opset >= 20)


def test_a_fixed_number_of_rows_stays_fixed():
    x = nn.Input((6,), batch_size=3)
    model = nn.Model(x, nn.Dense(2)(x))
    loaded = onnx.load_model_from_string(exported(model))
    assert [d.dim_value for d in loaded.graph.input[0].type.tensor_type.shape.dim] == [3, 6]
    assert max(differences(model, ROWS, batches=(3,))) <= NEAR


def refusals():
    """Models that cannot be exported, and what the error says."""

    class Draws(nn.Layer):
        def call(self, x):
            return x + ag.random.normal(x.shape)

    class Counts(nn.Layer):
        def build(self, input_shape):
            self.count = self.add_weight(shape=(), name="count", initializer="zeros", trainable=False)

        def call(self, x):
            self.count.assign(self.count + 1.0)
            return x * self.count

    def asks(x):
        return x if float(x.sum()) > 0 else -x

    def halves(x):
        return x * float(x.shape[0]) ** 0.5

    def differs(x):
        return ag.exp(x) if x.shape[0] > 4 else x

    return {
        r"Draws 'draws': it draws random numbers": Draws(),
        r"it changes layers\.0\.count when it is called": Counts(),
        r"Lambda 'lambda' cannot be traced: item\(\) and numpy\(\)": nn.Lambda(asks),
        r"Lambda 'lambda': a number is 1\.73.* or .* for 3 or 5 or 17 rows": nn.Lambda(halves),
        r"what it computes depends on the number of rows": nn.Lambda(differs),
    }


def test_refusals_say_which_layer_and_why():
    for words, layer in refusals().items():
        model = nn.Sequential([nn.Input((6,)), layer])
        with pytest.raises(nn.ArgumentError, match=f"export: .*{words}"):
            exported(model)


def test_wrong_arguments(tmp_path):
    model = model_of(Row(ROWS, lambda: [nn.Dense(2)]))
    place = tmp_path / "m.onnx"
    for words, given in (
        ("format is one of 'onnx', got 'tf_saved_model'", {"format": "tf_saved_model"}),
        ("opset is an integer from 18 to 22, got 17", {"opset": 17}),
        ("opset is an integer from 18 to 22, got 23", {"opset": 23}),
        ("overwrite is True or False, got 2", {"overwrite": 2}),
    ):
        with pytest.raises(nn.ArgumentError, match=words):
            model.export(place, **given)
    assert not place.exists()
    model.export(place)
    with pytest.raises(nn.ArgumentError, match=r"m\.onnx is there, and overwrite=False"):
        model.export(str(place), overwrite=False)
    model.export(str(place))
    assert os.listdir(tmp_path) == ["m.onnx"]


def test_a_file_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    model = model_of(Row(ROWS, lambda: [nn.Dense(2)]))
    place = tmp_path / "m.onnx"
    place.write_bytes(b"before")

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"m\.onnx"):
        model.export(place)
    assert place.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["m.onnx"]


def test_weights_beyond_the_largest_file_are_refused(monkeypatch):
    model = model_of(Row(ROWS, lambda: [nn.Dense(2)]))
    monkeypatch.setattr(onnx_writing, "LARGEST", 4 * (6 * 2 + 2) - 1)
    with pytest.raises(nn.ArgumentError, match=r"its weights are .* GiB"):
        exported(model)
    monkeypatch.setattr(onnx_writing, "LARGEST", 4 * (6 * 2 + 2))
    assert exported(model)


def test_without_onnx_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(nn.MissingExtraError, match=r"gradloom\[onnx\]"):
        model_of(Row(ROWS, lambda: [nn.Dense(2)])).export(tmp_path / "m.onnx")


def test_export_leaves_the_model_as_it_is():
    model = model_of(Row(ROWS, lambda: [nn.Dense(4), nn.Dropout(0.5, seed=1), nn.Dense(2)]))
    before, drawn = model.state_dict(), ag.random.default_generator().counter.item()
    assert exported(model) == exported(model)
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert ag.random.default_generator().counter.item() == drawn


def test_float64_stays_float64():
    model = nn.Sequential([nn.Input((6,)), nn.Dense(3, "tanh"), nn.Dense(2)], dtype="float64")
    assert max(differences(model, ROWS.astype(np.float64))) <= 1e-12


def test_the_page_has_a_row_for_each_layer_and_activation():
    spec = importlib.util.spec_from_file_location("make_onnx", PAGE.with_name("make_onnx.py"))
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", page, flags=re.MULTILINE)
    assert [name for name, _ in rows] == [title for title, _ in made.titles()]
    for name, said in rows:
        if said.startswith("refused"):
            assert LAYERS[name][0].refused, name
        else:
            assert float(said.split()[0]) <= NEAR, name


def test_the_code_of_the_page_runs(tmp_path):
    script = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL))
    environment = os.environ | {"PYTHONPATH": str(PAGE.parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "(5, 1)\n"
    assert os.listdir(tmp_path) == ["model.onnx"]
