"""A damaged, truncated, strange or forged file is a FileError that explains itself, and never anything else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import damage
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import rows

import nn

pytestmark = pytest.mark.once

X, Y = rows(20)
CLASSES = np.arange(20) % 3
ROOT = Path(__file__).resolve().parent.parent.parent


def test_every_truncation_is_a_file_error(saved, tmp_path):
    path = tmp_path / "model"
    for length in (*range(0, len(saved), 64), len(saved) - 1):
        path.write_bytes(saved[:length])
        with pytest.raises(nn.FileError, match=str(path)):
            nn.load(path)


def loads_or_file_error(path, data):
    path.write_bytes(data)
    try:
        return nn.load(path)
    except nn.FileError:
        return None


@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), in_header=st.booleans())
def test_a_changed_byte_is_a_file_error_or_another_model(saved, tmp_path_factory, place, flip, in_header):
    header = 8 + int.from_bytes(saved[:8], "little")
    data = bytearray(saved)
    data[int(place * (header if in_header else len(saved)))] ^= flip
    loaded = loads_or_file_error(tmp_path_factory.getbasetemp() / "changed", bytes(data))
    assert loaded is None or isinstance(loaded, nn.Model)


def test_every_byte_of_the_header_flipped(saved, tmp_path, full):
    """One bit each, over the length, the tensors' table and the description; every third without `--full`."""
    header = 8 + int.from_bytes(saved[:8], "little")
    refused = 0
    flipped = range(0, header, 1 if full else 3)
    for i in flipped:
        data = bytearray(saved)
        data[i] ^= 1 << i % 7
        refused += loads_or_file_error(tmp_path / "model", bytes(data)) is None
    assert refused > len(flipped) / 2


@given(st.binary(max_size=200))
def test_noise_is_a_file_error(tmp_path_factory, data):
    assert loads_or_file_error(tmp_path_factory.getbasetemp() / "noise", data) is None


def rewritten(path, change):
    """A saved file with its description changed, and a checksum that is right."""
    model = nn.Sequential([nn.Dense(4, "relu"), nn.Dense(1)])
    model.compile("adam", "mse", metrics=["accuracy"])
    model.fit(X, Y)
    model.save(path)
    damage.rewritten(path, change)


def nested(depth):
    return json.loads('{"class": "Sequential", "config": {"layers": [' * depth + "]}}" * depth)


DESCRIPTIONS = {
    "unknown class": (
        lambda d, a: d["model"].update({"class": "Sequentail"}),
        "unknown class 'Sequentail'. Did you mean 'Sequential'",
    ),
    "unknown layer": (
        lambda d, a: d["model"]["config"]["layers"][0].update({"class": "Quantum"}),
        "unknown class 'Quantum'.*custom_objects=",
    ),
    "a class of Python": (lambda d, a: d["model"].update({"class": "eval"}), "unknown class 'eval'"),
    "an optimizer as model": (lambda d, a: d.update(model=d["optimizer"]), "holds a Adam, not a model"),
    "no model": (lambda d, a: d.pop("model") and None, "holds weights alone"),
    "other format": (lambda d, a: d.update(format="gradloom-0"), "not a model of format"),
    "a list": (lambda d, a: [d], "not a model of format"),
    "argument": (
        lambda d, a: d["model"]["config"].update(hidden=3),
        "does not describe a model: .*unexpected keyword",
    ),
    "config a list": (lambda d, a: d["model"].update(config=[1]), "does not describe a model"),
    "class a number": (lambda d, a: d["model"].update({"class": 3}), "class 3|describe a model"),
    "class a dict": (lambda d, a: d["model"].update({"class": {}}), "does not describe a model"),
    "units": (
        lambda d, a: d["model"]["config"]["layers"][0]["config"].update(units=5),
        r"the weights .*layers.0.kernel has shape \(3, 4\), expected \(3, 5\)",
    ),
    "units text": (
        lambda d, a: d["model"]["config"]["layers"][0]["config"].update(units="4"),
        "units is an integer",
    ),
    "negative shape": (lambda d, a: d.update(input_shape=[-3]), r"input_shape is \[-3\], not a shape"),
    "shape text": (lambda d, a: d.update(input_shape="3"), "input_shape is '3', not a shape"),
    "huge shape": (lambda d, a: d.update(input_shape=[2**52]), "too large"),
    "no shape": (lambda d, a: d.update(input_shape=None), "the shape of the inputs is missing"),
    "a weight is missing": (
        lambda d, a: a.pop("model.layers.0.bias") is None,
        r"the weights .*missing: layers.0.bias",
    ),
    "a weight too many": (
        lambda d, a: a.update({"model.extra": np.ones(2)}),
        r"the weights .*unexpected: extra",
    ),
    "a slot is missing": (
        lambda d, a: a.pop("optimizer.slots.0.momentum") is None,
        r"the state of the optimizer .*missing: slots.0.momentum",
    ),
    "a slot of another shape": (
        lambda d, a: a.update({"optimizer.slots.0.momentum": np.ones(2, np.float32)}),
        r"slots.0.momentum has shape \(2,\), expected \(3, 4\)",
    ),
    "a slot too many": (
        lambda d, a: a.update({"optimizer.slots.0.more": np.ones((3, 4), np.float32)}),
        r"the state of the optimizer .*unexpected: slots.0.more",
    ),
    "layers again and again": (
        lambda d, a: d["model"]["config"]["layers"].extend(d["model"]["config"]["layers"][:1] * 50),
        "asks for weights of shape .*, more than it holds",
    ),
    "learning rate": (
        lambda d, a: d["optimizer"]["config"].update(learning_rate="fast"),
        "learning_rate is a number",
    ),
    "metric": (lambda d, a: d.update(metrics=["acuracy"]), "unknown metric 'acuracy'"),
    "metrics": (lambda d, a: d.update(metrics=3), "metrics is 3, not a list"),
    "loss": (lambda d, a: d.update(loss="mze"), "unknown loss 'mze'"),
    "deep": (lambda d, a: d.update(model=nested(300)), "does not describe a model|missing"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_a_wrong_description_is_explained(tmp_path, change, message):
    path = tmp_path / "model"
    rewritten(path, lambda described, arrays: _object(change(described, arrays)))
    with pytest.raises(nn.FileError, match=message):
        nn.load(path)


def _object(value):
    return value if isinstance(value, list) else None


def test_the_harness_itself_loads(tmp_path):
    rewritten(tmp_path / "model", lambda described, arrays: None)
    assert nn.load(tmp_path / "model").predict(X).shape == (20, 1)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x80\x04N.", b"PK\x03\x04", b"{}", b"\x00" * 100, b"\xff" * 100, b"import os\n" * 10],
)
def test_other_files_are_file_errors(tmp_path, data):
    (tmp_path / "other").write_bytes(data)
    with pytest.raises(nn.FileError, match=r"damaged"):
        nn.load(tmp_path / "other")


def test_safetensors_without_a_model(tmp_path):
    from safetensors.numpy import save_file

    for metadata in (
        None,
        {"a": "b"},
        {"gradloom": "{"},
        {"gradloom": "3"},
        {"gradloom": "[" * 10**5},
    ):
        save_file({"weight": np.ones(3)}, tmp_path / "other", metadata=metadata)
        with pytest.raises(nn.FileError):
            nn.load(tmp_path / "other")


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*nothing"):
        nn.load(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="no file"):
        nn.load(tmp_path)


def forged(table, body=b"", padding=0):
    """A file with this table, written by hand: text, so that a key can stand in it twice."""
    text = table.encode() + b" " * padding
    return len(text).to_bytes(8, "little") + text + body


MODEL_TABLE = '"__metadata__": {"gradloom": "{}"}'
ONE = '{"dtype": "F32", "shape": [1], "data_offsets": [%d, %d]}'
FORGED = {
    "a key twice": (forged(f'{{"a": {ONE % (0, 4)}, "a": {ONE % (0, 4)}}}', b"1234"), "the key 'a' twice"),
    "metadata twice": (forged(f"{{{MODEL_TABLE}, {MODEL_TABLE}}}"), "the key '__metadata__' twice"),
    "a key of the description twice": (
        forged('{"__metadata__": {"gradloom": "{\\"format\\": 1, \\"format\\": 2}"}}'),
        "the key 'format' twice",
    ),
    "overlap": (
        forged(f'{{"a": {ONE % (0, 4)}, "b": {ONE % (2, 6)}}}', b"123456"),
        "'b' overlaps another",
    ),
    "the same place twice": (
        forged(f'{{"a": {ONE % (0, 4)}, "b": {ONE % (0, 4)}}}', b"1234"),
        "'b' overlaps another",
    ),
    "a hole": (forged(f'{{"a": {ONE % (0, 4)}, "b": {ONE % (8, 12)}}}', b"1" * 12), "'b' leaves a hole"),
    "beyond the end": (forged(f'{{"a": {ONE % (0, 4)}}}', b"12"), "2 bytes of arrays, the table has 4"),
    "more than the table": (forged(f'{{"a": {ONE % (0, 4)}}}', b"12345678"), "8 bytes of arrays, the table has 4"),
    "a size that does not fit": (forged(f'{{"a": {ONE % (0, 8)}}}', b"12345678"), "has 8 bytes for 1 numbers"),
    "a huge shape": (
        forged('{"a": {"dtype": "F32", "shape": [1099511627776], "data_offsets": [0, 4398046511104]}}'),
        "0 bytes of arrays, the table has 4398046511104",
    ),
    "a negative offset": (forged(f'{{"a": {ONE % (-4, 0)}}}'), "has 4 bytes for 1 numbers"),
    "a negative size": (
        forged('{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}}'),
        "has -4 bytes for -1 numbers",
    ),
    "an unknown dtype": (
        forged('{"a": {"dtype": "O8", "shape": [1], "data_offsets": [0, 8]}}', b"12345678"),
        "damaged",
    ),
    "a long table": ((1 << 62).to_bytes(8, "little") + b"{}", "a table of 4611686018427387904 bytes; at most"),
    "a list": (forged("[]"), "the table of arrays is no table"),
    "deep": (forged("[" * 100_000), "damaged"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "message"), FORGED.values(), ids=FORGED)
def test_a_forged_container_is_explained(tmp_path, data, message):
    (tmp_path / "model").write_bytes(data)
    with pytest.raises(nn.FileError, match=message):
        nn.load(tmp_path / "model")


@given(st.data())
def test_any_forged_table_is_a_file_error(tmp_path_factory, data):
    """Tables drawn at random around a valid one: offsets, shapes, dtypes, names, doubled or not."""
    names = data.draw(st.lists(st.sampled_from(["a", "b", "model.layers.0.kernel"]), max_size=4))
    small = st.integers(-2, 40) | st.sampled_from([2**31, 2**63, 2**64])
    entries = [
        f'"{name}": {{"dtype": "{data.draw(st.sampled_from(["F32", "F64", "I64", "X"]))}", '
        f'"shape": {data.draw(st.lists(small, max_size=3))}, '
        f'"data_offsets": {data.draw(st.lists(small, min_size=1, max_size=3))}}}'
        for name in names
    ]
    path = tmp_path_factory.getbasetemp() / "forged"
    body = data.draw(st.binary(max_size=40))
    assert loads_or_file_error(path, forged("{" + ", ".join(entries) + "}", body)) is None


def _instead(described, name, config, shape):
    described["model"]["config"]["layers"] = [{"class": name, "config": config}]
    described["input_shape"] = shape


WILD = """
import sys
import nn
for path in sys.argv[1:]:
    try:
        nn.load(path)
    except nn.FileError as error:
        print("refused", *str(error).split())
    # of this process alone: what getrusage gives counts the memory of the parent before exec too
    print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


CLAIMS = [
    lambda d: d["model"]["config"]["layers"][0]["config"].update(units=300_000_000),
    lambda d: d["model"]["config"]["layers"][0]["config"].update(units=10**15),
    lambda d: d.update(input_shape=[50_000_000]),
    lambda d: d.update(input_shape=[2**24]),
    # a sample that is large where the layer says so, and not where the file does
    lambda d: _instead(d, "Dropout", dict(rate=0.5, input_shape=[10**9]), [3]),
    lambda d: _instead(d, "Dense", dict(units=1, input_dim=10**9), [3]),
    lambda d: d["model"]["config"]["layers"].insert(0, {"class": "InputLayer", "config": {"shape": [10**9]}}),
    # a layer with few weights, and a sample on which it would make a huge array
    lambda d: _instead(d, "Embedding", dict(input_dim=1, output_dim=20), [2**23]),
    lambda d: _instead(d, "Dense", dict(units=30), [2**23, 1]),
    lambda d: _instead(d, "Maxout", dict(units=10, pieces=3), [2**23, 1]),
    lambda d: _instead(d, "MaxPooling2D", dict(pool_size=10**6, padding="same"), [4, 4, 1]),
    lambda d: _instead(
        d,
        "Conv2D",
        dict(filters=1, kernel_size=2, dilation_rate=10**6, padding="same"),
        [4, 4, 1],
    ),
]


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads Linux's /proc")
def test_a_description_cannot_make_the_reader_allocate_wildly(tmp_path):
    """Resident memory stays near what importing takes, whatever sizes the description claims."""
    paths = [tmp_path / f"model-{number}" for number in range(len(CLAIMS))]
    for path, change in zip(paths, CLAIMS, strict=True):
        rewritten(path, lambda described, arrays, change=change: change(described))
    done = subprocess.run(
        [sys.executable, "-c", WILD, *paths], env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == 2 * len(CLAIMS)
    for number, (said, kilobytes) in enumerate(zip(lines[::2], lines[1::2], strict=True)):
        assert said.startswith("refused"), number
        assert int(kilobytes) < 200_000, number
