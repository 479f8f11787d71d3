"""What data may be: every kind of input in every place is right, or refused by an error that names the argument and a way out.

Right means: the same bits as the plain array of the same numbers. Frames, sparse matrices and tensors of other libraries are
tried where those are installed.
"""

from __future__ import annotations

import array
import datetime
import tracemalloc
import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from models import Unchanged

import autograd as ag
import nn
from nn.data import features

COLUMN = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
MATRIX = np.stack([COLUMN, COLUMN[::-1]], axis=1)


class Lazy:
    """A frame that is still to be computed."""

    def collect(self):
        raise AssertionError


# one column of six numbers as ...
TAKEN = {
    "list": COLUMN.tolist(),
    "tuple": tuple(COLUMN),
    "range": range(1, 7),
    **{
        f"array of {d}": COLUMN.astype(d)
        for d in ["b", "B", "h", "H", "i", "I", "l", "L", "e", "f", "d", "g", ">f8", ">i4"]
    },
    "memoryview": memoryview(COLUMN),
    "array.array": array.array("d", COLUMN),
    "bytearray": bytearray(b"\x01\x02\x03\x04\x05\x06"),
    "objects": COLUMN.astype(object),
    "decimals": [Decimal(i) for i in range(1, 7)],
    "fractions": np.array([Fraction(i) for i in range(1, 7)]),
    "NumPy's scalars": list(COLUMN),
    "tensors": [ag.tensor(v) for v in COLUMN],
    "tensor": ag.tensor(COLUMN),
    "tensor with a gradient": ag.tensor(COLUMN, requires_grad=True),
    "nothing masked": np.ma.masked_array(COLUMN),
    "strided": np.repeat(COLUMN, 2)[::2],
}
REFUSED = {
    "None": (None, "None"),
    "text": ("abcdef", "text"),
    "bytes": (b"abcdef", "text"),
    "texts": (["1", "2", "3", "4", "5", "6"], "text"),
    "texts as objects": (np.array(["1"] * 6, object), "not numbers|text|not supported"),
    "dict": ({"a": [1] * 6}, "dict"),
    "set": (set(range(6)), "set"),
    "values of a dict": ({1: 1}.values(), "dict_values|not supported"),
    "masked": (np.ma.masked_array(COLUMN, COLUMN > 3), r"filled\(0\)"),
    "complex": (COLUMN + 0j, "complex128"),
    "dates": (np.zeros(6, "M8[D]"), "datetime64"),
    "durations": (np.zeros(6, "m8[s]"), "timedelta64"),
    "dates of Python": ([datetime.date(2020, 1, 1)] * 6, "not numbers|hold numbers"),
    "records": (np.zeros(6, [("a", "f8")]), "f8"),
    "void": (np.zeros(6, "V4"), "V4"),
    "ragged": ([[1.0, 2.0], [1.0]] * 3, "rows of"),
    "10**400": ([10**400] * 6, "too large|float64"),
    "function": (abs, "builtin_function|not supported"),
    "path": (Path("a.csv"), "PosixPath|WindowsPath|not supported"),
    "lazy": (Lazy(), r"collect\(\)|not supported"),
}


def model():
    ag.random.seed(0)
    made = nn.Sequential([nn.Dense(1, input_shape=(1,))])
    made.compile(nn.SGD(0.01), "mse")
    return made


def fitted(*args, **options):
    made = model()
    made.fit(*args, verbose=0, **options)
    return b"".join(weights.tobytes() for weights in made.get_weights())


PLACES = {
    "x": lambda value: fitted(value, COLUMN),
    "y": lambda value: fitted(COLUMN, value),
    "sample_weight": lambda value: fitted(COLUMN, COLUMN, sample_weight=value),
    "x to predict": lambda value: model().predict(value).tobytes(),
    "x to evaluate": lambda value: model().evaluate(value, COLUMN),
    "x of a batch": lambda value: fitted(iter([(value, COLUMN)])),
    "y of batch 0": lambda value: fitted(iter([(COLUMN, value)])),
    "ag.tensor": lambda value: ag.tensor(value, "float32").numpy().ravel().tolist(),
}


def check_taken(value, plain=COLUMN):
    for place, use in PLACES.items():
        assert use(value) == use(plain), place


def check_refused(value, message):
    for place, use in PLACES.items():
        words = f"^{place.split()[0]}.*({message}|missing)" if place != "ag.tensor" else message
        with pytest.raises(ag.GradloomError, match=words) as caught:
            use(value)
        assert isinstance(caught.value, (ValueError, TypeError)), place


@pytest.mark.parametrize("value", TAKEN.values(), ids=TAKEN)
def test_taken(value):
    check_taken(value)


@pytest.mark.parametrize(("value", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(value, message):
    places = dict(PLACES)
    if value is None:
        places.pop("sample_weight"), places.pop("ag.tensor")
    for place, use in places.items():
        with pytest.raises(ag.GradloomError) as caught:
            use(value)
        assert isinstance(caught.value, (ValueError, TypeError)), place
        if place != "ag.tensor":
            assert str(caught.value).startswith(place.removesuffix(" to predict").removesuffix(" to evaluate").removesuffix(" of a batch")), caught.value  # fmt: skip


@pytest.mark.parametrize("value", [None, float("nan")], ids=["None", "NaN"])
def test_none_among_numbers_is_nan(value):
    given = np.array([value, 2.0, 3.0], object)
    with pytest.warns(UserWarning, match="x holds NaN in column 0"):
        assert np.isnan(model().predict(given)[0, 0])
    assert np.isnan(ag.tensor(given).numpy()[0])


BEYOND = {"NaN": float("nan"), "infinity": float("inf"), "minus infinity": float("-inf")}


@pytest.mark.parametrize("number", BEYOND.values(), ids=BEYOND)
@pytest.mark.parametrize("kind", [np.asarray, list, ag.tensor], ids=["array", "list", "tensor"])
@pytest.mark.parametrize("place", [p for p in PLACES if p[0] in "xy"])
def test_nan_and_infinity_are_said_before_the_first_step(place, kind, number):
    values = COLUMN.copy()
    values[2] = number
    what = "NaN" if number != number else "infinity"
    with pytest.warns(UserWarning, match=rf"^{place[0]}.* holds {what} in column 0; .*NaN") as seen:
        PLACES[place](kind(values))
    assert len([w for w in seen if "holds" in str(w.message)]) == 1
    assert seen[0].filename == __file__


def test_a_number_beyond_float32_is_infinity():
    with pytest.warns(UserWarning, match="x holds infinity in column 1"):
        nn.Sequential([nn.Dense(1)]).predict([[1.0, 1e300]])


def test_large_numbers_are_no_infinity():
    values = np.full((4, 1), 3e38, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model().predict(values)


CLASS_WEIGHTS = {
    "list": ([1.0, 2.0], 'class_weight is a dict from class numbers to weights, or "balanced", got'),
    "array": (np.ones(2), "class_weight is a dict"),
    "text": ("even", "class_weight is a dict .* got 'even'"),
    "number": (2.0, "class_weight is a dict"),
    "NaN": ({0: 1.0, 1: float("nan")}, "the weight of class 1 is a number >= 0, got nan"),
    "infinite": ({0: float("inf"), 1: 1.0}, "the weight of class 0 is a number >= 0, got inf"),
    "negative": ({0: -1.0, 1: 1.0}, "the weight of class 0 is a number >= 0, got -1.0"),
    "None in it": ({0: None, 1: 1.0}, "the weight of class 0 is a number >= 0, got None"),
    "text in it": ({0: "a", 1: 1.0}, "the weight of class 0 is a number >= 0, got 'a'"),
    "names": ({"a": 1.0, "b": 1.0}, "class_weight: no target is of class 'a'"),
}


@pytest.mark.parametrize(("weights", "message"), CLASS_WEIGHTS.values(), ids=CLASS_WEIGHTS)
def test_weights_of_classes(weights, message):
    made = model()
    for call in (made.fit, made.train_on_batch):
        with Unchanged(made), pytest.raises(nn.ArgumentError, match=message):
            call(COLUMN, [0, 1] * 3, class_weight=weights)


@pytest.mark.parametrize("metrics", [3, 2.5, {"a": "mae"}, object(), True])
def test_metrics_that_are_none(metrics):
    made = model()
    words = r"metrics are nn.Metric objects, names or functions|metrics: the model has one output"
    with Unchanged(made), pytest.raises(nn.ArgumentError, match=words):
        made.compile("sgd", "mse", metrics=metrics)


def test_sparse_matrices():
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    dense = np.asarray(COLUMN, "float32").reshape(-1, 1)
    for made in (sparse.csr_matrix, sparse.csr_array, sparse.coo_matrix):
        for place, use in PLACES.items():
            if place in ("x", "x to predict", "x to evaluate"):
                assert use(made(dense)) == use(dense), place
                continue
            with pytest.raises(ag.GradloomError, match=r"toarray\(\)|missing"):
                use(made(dense))


@pytest.mark.oracle
def test_tensors_of_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    column = torch.tensor(COLUMN)
    check_taken(column)
    check_taken(column.clone().requires_grad_())
    check_taken(list(column))
    check_refused([v.clone().requires_grad_() for v in column], "requires grad|requires_grad")
    check_refused(column.to(torch.bfloat16), "BFloat16")
    check_refused(column.to_sparse(), "to_dense")


def test_frames_of_pandas():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    numbers = COLUMN.astype(int)
    for dtype in ("int64", "float32", "Int64", "Float64", "UInt8", "object"):
        check_taken(pandas.DataFrame({"a": pandas.array(numbers, dtype=dtype)}))
        check_taken(pandas.Series(pandas.array(numbers, dtype=dtype)))
    check_refused(pandas.DataFrame({"a": ["x"] * 6}), "in column 0 \\('a'\\)|hold|not supported")
    check_refused(pandas.DataFrame({"a": pandas.date_range("2020", periods=6)}), "datetime|numbers|not supported")  # fmt: skip
    for missing in (
        pandas.DataFrame({"a": pandas.array([None, 2, 3, 4, 5, 6], dtype="Int64")}),
        pandas.DataFrame({"a": [pandas.NA, 2, 3, 4, 5, 6]}),
    ):
        with pytest.warns(UserWarning, match="x holds NaN in column 0 \\('a'\\)"):
            assert np.isnan(model().predict(missing)[0, 0])
        assert np.isnan(ag.tensor(missing).numpy()[0, 0])


def test_frames_of_polars():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    check_taken(polars.DataFrame({"a": COLUMN}))
    check_taken(polars.Series(COLUMN))
    check_refused(polars.DataFrame({"a": ["x"] * 6}), "in column 0 \\('a'\\)|hold|not supported")
    check_refused(polars.DataFrame({"a": COLUMN}).lazy(), r"collect\(\)|not supported")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8"])
def test_rows_of_any_dtype_are_copied_once(dtype):
    """The model has a copy, so that others may write into what they gave, and no second one on the way."""
    x = np.arange(1_000_000).reshape(-1, 4).astype(dtype)
    features(x[:8], "float32")
    tracemalloc.start()
    try:
        taken = features(x, "float32")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * x.size * 4
    np.testing.assert_array_equal(taken.numpy(), x.astype("float32"))
    assert not np.shares_memory(taken.numpy(), x)


@pytest.mark.parametrize("number", [1e300, -1e300, np.inf, np.nan])
def test_numbers_that_are_not_finite_in_the_model_are_named(number):
    x = np.arange(12.0).reshape(-1, 2)
    x[3, 1] = number
    with pytest.warns(UserWarning, match=r"x holds (NaN|infinity) in column 1;"):
        taken = features(x, "float32").numpy()
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(taken, x.astype("float32"))


def test_the_largest_numbers_and_no_rows_are_finite():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features(np.full((3, 1), np.finfo("float32").max, "float64"), "float32")
        assert features(np.empty((0, 2)), "float32").shape == (0, 2)
