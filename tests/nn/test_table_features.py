"""TableFeatures: what each kind of table becomes, in a model, in a file, and which tables are refused."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from damage import rewritten

import autograd as ag
import nn

AGE = [20.0, 40.0, None, 60.0, 40.0, 80.0]
CITY = ["Bern", "Genf", "Bern", None, "Bern", "Chur"]
MEMBER = [True, False, True, True, False, False]
ROOMS = [1, 2, 3, 1, 2, 3]
COLUMNS = {"age": AGE, "city": CITY, "member": MEMBER, "rooms": ROOMS}
NAMES = [
    "age", "age=<missing>", "city=Bern", "city=Chur", "city=Genf", "city=<other>", "city=<missing>",
    "member=False", "member=True", "member=<other>", "rooms",
]  # fmt: skip


def by_hand():
    age = np.array([20.0, 40.0, 40.0, 60.0, 40.0, 80.0])
    rooms = np.array(ROOMS, float)
    places = [0, 2, 0, 4, 0, 1]
    return np.concatenate(
        [
            ((age - age.mean()) / age.std())[:, None],
            np.eye(6)[:, 2:3],
            np.eye(5)[places],
            np.eye(3)[[1, 0, 1, 1, 0, 0]],
            ((rooms - rooms.mean()) / rooms.std())[:, None],
        ],
        axis=1,
    )


def records():
    kinds = [("age", float), ("city", object), ("member", bool), ("rooms", int)]
    rows = zip([np.nan if a is None else a for a in AGE], CITY, MEMBER, ROOMS, strict=True)
    return np.array(list(rows), kinds)


def of_pandas(**dtypes):
    return pytest.importorskip("pandas").DataFrame(COLUMNS).astype(dtypes)


TABLES = {
    "a dict of lists": lambda: COLUMNS,
    "a dict of arrays": lambda: {name: np.array(values, object) for name, values in COLUMNS.items()},
    "rows": lambda: [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)],
    "rows without what is missing": lambda: [
        {n: v for n, v in zip(COLUMNS, row, strict=True) if v is not None}
        for row in zip(*COLUMNS.values(), strict=True)
    ],
    "records": records,
    "masked arrays": lambda: (
        COLUMNS | {"age": np.ma.array([20.0, 40.0, 999.0, 60.0, 40.0, 80.0], mask=[0, 0, 1, 0, 0, 0])}
    ),
    "pandas": of_pandas,
    "categories of pandas": lambda: of_pandas(city="category", member="boolean", rooms="Int64"),
    "texts of pandas": lambda: of_pandas(city="string", age="Float64"),
    "polars": lambda: pytest.importorskip("polars").DataFrame(COLUMNS),
}


@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
def test_every_kind_of_table(make):
    table = make()
    features = nn.TableFeatures(table)
    assert features.names == NAMES
    x = features(table)
    assert x.dtype == "float32"
    np.testing.assert_allclose(x.numpy(), by_hand(), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(features.encoded(COLUMNS), by_hand(), rtol=1e-14)


def test_single_rows_of_every_kind():
    features, expected = nn.TableFeatures(COLUMNS), by_hand()[1:2]
    row = {"age": 40, "city": "Genf", "member": False, "rooms": np.int64(2)}
    rows = [row, [row], records()[1], records()[1:2], of_pandas().iloc[1], of_pandas().iloc[1:2]]
    for each in rows:
        np.testing.assert_allclose(features.encoded(each), expected)
    # any order, more columns than needed, unknown and missing values
    other = {"more": 1, "rooms": None, "city": "Lugano", "age": np.nan, "member": None}
    found = dict(zip(NAMES, features.encoded(other)[0].tolist(), strict=True))
    assert {name for name, value in found.items() if value == 1.0} == {
        "age=<missing>",
        "city=<other>",
        "member=<other>",
    }
    assert found["rooms"] == 0.0


def test_overrides():
    features = nn.TableFeatures(
        COLUMNS | {"y": [0] * 6, "id": list("abcdef")},
        target="y", categorical=["rooms"], drop=["id"], max_categories=2, fill="mean",
    )  # fmt: skip
    assert features.names == [
        "age", "age=<missing>", "city=Bern", "city=Chur", "city=<other>", "city=<missing>", "member=False",
        "member=True", "member=<other>", "rooms=1", "rooms=2", "rooms=<other>",
    ]  # fmt: skip
    assert features.columns[0].fill == 48.0
    assert features.encoded(COLUMNS)[5, -3:].tolist() == [0.0, 0.0, 1.0]
    digits = nn.TableFeatures({"a": ["1", "2", None, "4"]})
    assert digits.names == ["a=1", "a=2", "a=4", "a=<other>", "a=<missing>"]
    numbers = nn.TableFeatures({"a": np.array([1, 2, None], object), "b": [True, False, True]}, numeric=["b"])
    assert numbers.names == ["a", "a=<missing>", "b"]
    floats = nn.TableFeatures({"a": [1.0, None, 2.0]}, categorical=["a"])
    assert floats.encoded({"a": [1, 2.0, None]}).tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    assert floats.encoded({"a": [True, 3]}).tolist() == [[1, 0, 0, 0], [0, 0, 1, 0]]
    constant = nn.TableFeatures({"a": [3, 3]})
    assert constant.encoded({"a": [3, 4]}).tolist() == [[0.0], [1.0]]


def test_the_summary():
    lines = []
    nn.TableFeatures(COLUMNS, name="people").summary(print_fn=lines.append)
    expected = (
        "column  kind         numbers  learnt\n"
        "age     numeric            2  mean 46.67, standard deviation 18.86; missing: 40, told\n"
        "city    categorical        5  3: Bern, Chur, Genf\n"
        "member  categorical        3  2: False, True\n"
        "rooms   numeric            1  mean 2, standard deviation 0.8165"
    )
    assert lines == [expected]


def model_of(features, dtype="float32", jit="auto"):
    nn.set_random_seed(2)
    model = nn.Sequential([features, nn.Dense(8, "relu"), nn.Dense(1, "sigmoid")], dtype=dtype)
    model.compile(nn.Adam(0.02), "binary_crossentropy", metrics=["accuracy"], jit=jit)
    return model


def drawn(n=300):
    draw = np.random.default_rng(5)
    table = {
        "age": np.where(draw.random(n) < 0.1, np.nan, draw.normal(40, 10, n)),
        "city": draw.choice(["Bern", "Genf", "Chur"], n),
    }
    y = ((table["city"] == "Bern") ^ (np.nan_to_num(table["age"], nan=20) > 40)).astype(float)
    return table, y


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_in_a_model_in_one_file(tmp_path, dtype):
    pandas = pytest.importorskip("pandas")
    table, y = drawn()
    frame = pandas.DataFrame(table)
    predictions = []
    for jit in (False, True):
        model = model_of(nn.TableFeatures(frame), dtype, jit)
        assert model.built
        history = model.fit(frame, y, epochs=30, verbose=0, validation_split=0.2)
        predictions.append(model.predict(frame))
    close = dict(rtol=1e-3, atol=1e-4) if dtype == "float32" else dict(rtol=1e-9)
    np.testing.assert_allclose(*predictions, **close)
    assert history.history["val_accuracy"][-1] > 0.9
    assert model.predict(frame).dtype == dtype
    assert model.evaluate(frame, y, return_dict=True)["accuracy"] > 0.9
    row = {"age": 31, "city": "Bern"}
    assert model.predict(row).shape == (1, 1)
    np.testing.assert_allclose(model.predict(frame.iloc[:5]), predictions[1][:5], rtol=1e-5)
    np.testing.assert_allclose(model(frame.iloc[:5]).numpy(), predictions[1][:5], rtol=1e-5)
    np.testing.assert_allclose(model.predict(table), predictions[1], rtol=1e-6)
    batches = [(frame.iloc[:200], y[:200]), (frame.iloc[200:], y[200:])]
    np.testing.assert_allclose(model.evaluate(batches_of(batches)), model.evaluate(frame, y), rtol=1e-5)
    model.fit(batches_of(batches), epochs=2, verbose=0, validation_data=(frame, y))
    model.train_on_batch(frame.iloc[:10], y[:10])

    path = tmp_path / "people.gradloom"
    model.save(path)
    code = (
        f"import backends; backends.set_default({ag.zeros(()).backend!r});"
        "import json, sys, nn; model = nn.load(sys.argv[1]); row = json.loads(sys.argv[2]);"
        "print(model.predict(row).tobytes().hex(), model.layers[0].names, 'pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), json.dumps(row)], capture_output=True, text=True, check=True
    )
    expected = f"{model.predict(row).tobytes().hex()} {model.layers[0].names} False"
    assert done.stdout.strip() == expected


class batches_of:
    """Iterable more than once."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def test_config():
    features = nn.TableFeatures(COLUMNS, name="people")
    again = nn.TableFeatures.from_config(json.loads(json.dumps(features.get_config())))
    assert again.get_config() == features.get_config()
    assert again.encoded(COLUMNS).tobytes() == features.encoded(COLUMNS).tobytes()
    assert (again.name, again.input_shape) == ("people", (11,))


def changed(name, **changes):
    def spoil(header, arrays):
        columns = header["model"]["config"]["layers"][0]["config"]["columns"]
        next(column for column in columns if column["name"] == name).update(changes)

    return spoil


DAMAGE = {
    "a mean": changed("age", mean="far"),
    "a scale": changed("age", scale=0.0),
    "a kind": changed("age", kind="text"),
    "words": changed("city", words={"a": 1}),
    "a word": changed("city", words=["Bern", ["Genf"]]),
    "twice": changed("city", words=["Bern", "Bern", "Genf"]),
    "another field": changed("city", more=3),
    "fewer numbers": changed("city", missing=False),
}


@pytest.mark.parametrize("spoil", DAMAGE.values(), ids=DAMAGE)
def test_damaged_files_are_refused(tmp_path, spoil):
    path = tmp_path / "model"
    model_of(nn.TableFeatures(COLUMNS)).save(path)
    rewritten(path, spoil)
    with pytest.raises(nn.FileError):
        nn.load(path)


def seen(table, **options):
    return nn.TableFeatures(table, **options)


class Lazy:
    columns = ("a",)

    def collect(self):
        """As polars has it."""


WRONG = {
    "missing column": (lambda: seen(COLUMNS)({"age": 1, "member": True, "rooms": 2}), "TableFeatures: the table has no column 'city'; it has 'age', 'member', 'rooms'"),
    "renamed": (lambda: seen({"age": [1, 2]})({"Age": 1}), "no column 'age'; it has 'Age'. Did you mean 'Age'?"),
    "an array": (lambda: seen(np.ones((3, 2))), "takes a frame, a dict of columns or of one row, a list of such rows, or a structured array; got ndarray"),
    "a tensor": (lambda: seen(COLUMNS)(ag.ones((1, 11))), "takes arrays, lists and columns, got a tensor"),
    "text for a number": (lambda: seen(COLUMNS)({"age": "old", "city": "a", "member": True, "rooms": 1}), "column 'age': row 0 holds 'old', which is no number"),
    "texts for numbers": (lambda: seen({"a": [1, 2]})({"a": np.array(["x", "y"])}), "column 'a' holds text, not numbers"),
    "infinite": (lambda: seen({"a": [1.0, np.inf]}), "column 'a': row 1 is infinite"),
    "lengths": (lambda: seen({"a": [1, 2], "b": [1]}), "column 'b' has 1 rows, those before it have 2"),
    "nested": (lambda: seen({"a": [[1, 2], [3, 4]]}), "column 'a' has shape (2, 2); expected a value for each row"),
    "dates": (lambda: seen({"a": np.array(["2020-01-01"], "M8[D]")}), "column 'a' holds datetime64[D]; make text or numbers of it, or leave it out by drop"),
    "objects": (lambda: seen({"a": [{1}, {2}]}), "row 0 holds a set; a category is text, a number or a truth value"),
    "nothing in it": (lambda: seen({"a": [None, None]}), "column 'a' holds no number at all; leave it out by drop"),
    "no category": (lambda: seen({"a": [None, None]}, categorical=["a"]), "holds no category at all"),
    "no rows": (lambda: seen({"a": []}), "the frame has no rows"),
    "no columns": (lambda: seen({}), "the frame has no columns"),
    "none left": (lambda: seen({"a": [1]}, drop=["a"]), "no column is left for the inputs"),
    "mixed": (lambda: seen({"a": [1], "b": 2}), "single values beside columns"),
    "lazy": (lambda: seen(Lazy()), "a Lazy is no table yet; call collect() first"),
    "unknown target": (lambda: seen(COLUMNS, target="cities"), "target: no column 'cities'. Did you mean 'city'?"),
    "unknown column": (lambda: seen(COLUMNS, drop=["x"]), "drop: no column 'x'"),
    "two kinds": (lambda: seen(COLUMNS, drop=["age"], numeric=["age"]), "column 'age' is in numeric and drop"),
    "names": (lambda: seen(COLUMNS, drop="age"), "drop is a list of names of columns, got 'age'"),
    "categories": (lambda: seen(COLUMNS, max_categories=0), "max_categories is an integer >= 1, got 0"),
    "fill": (lambda: seen(COLUMNS, fill="zero"), "fill is one of 'median', 'mean', got 'zero'"),
    "name": (lambda: seen(COLUMNS, name=3), "name is a text or None, got 3"),
    "two names": (lambda: seen({"1": [1], 1: [2]}), "two columns are called '1'"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_what_is_refused(call, message):
    with pytest.raises((nn.ArgumentError, nn.DataError), match=re.escape(message)):
        call()


def test_a_refused_table_leaves_the_model_as_it_was():
    table, y = drawn(20)
    model = model_of(nn.TableFeatures(table))
    before = model.predict(table).tobytes()
    with pytest.raises(nn.DataError, match="no column 'city'"):
        model.fit({"age": table["age"]}, y)
    with pytest.raises(nn.DataError, match="a value for each row"):
        model.fit(table | {"city": [["a"]] * 20}, y)
    assert model.predict(table).tobytes() == before
    copy, file = model_of(nn.TableFeatures(table)), io.BytesIO()
    model.save(file)
    file.seek(0)
    copy.load_weights(file)
    assert copy.predict(table).tobytes() == before
