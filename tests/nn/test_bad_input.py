"""Wrong arguments and wrong data: each gives an error that names the fault, before anything has changed.

"Anything" is meant literally: the bytes of weights, slots, counters and metrics are compared before and after.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from models import Frame, Unchanged, rows

import autograd as ag
import nn

X, Y = rows()


def batches_of(*items):
    """An iterable that can be started again."""

    class Batches:
        def __iter__(self):
            return iter(items)

    return Batches()


TEXT = np.array([["1", "2", "x"]] * 12)
OBJECTS = np.array([[1, "a", 2]] * 12, dtype=object)
WITH_NAN = X.copy()
WITH_NAN[3, 1] = np.nan

FIT = {
    "features": (dict(x=X[:, :2]), r"Dense\(4\): the last axis .* has to be 3.*\(1, 2\)"),
    "one feature too many": (dict(x=np.ones((12, 4))), r"has to be 3"),
    "targets (n, k)": (dict(y=np.zeros((12, 2))), r"targets \(12, 2\) do not fit .*\('n', 1\)"),
    "target 2": (dict(y=Y * 2), r"targets have to be 0 or 1.*from 0 to 2"),
    "target -1": (dict(y=Y * 2 - 1), r"targets have to be 0 or 1.*from -1 to 1"),
    "target NaN": (dict(y=Y * np.nan), r"targets have to be 0 or 1.*nan"),
    "text": (dict(x=TEXT), r"x: holds text.* in column 2; convert"),
    "text in y": (dict(y=["yes", "no"] * 6), r"y: holds text"),
    "one string": (dict(x="rows.csv"), r"x: holds text"),
    "objects": (dict(x=OBJECTS), r"x: holds values that are not numbers in column 1"),
    "frame": (dict(x=Frame(["age", "sex", "bmi"], OBJECTS)), r"in column 1 \('sex'\)"),
    "dates": (dict(x=np.zeros((12, 3), "datetime64[D]")), r"x: holds datetime64"),
    "complex": (dict(x=X.astype(complex)), r"x: holds complex128"),
    "ragged": (dict(x=[[1.0, 2.0, 3.0], [1.0, 2.0]] * 6), r"x: rows of different lengths"),
    "ragged y": (dict(y=[[1.0], [0.0, 1.0]] * 6), r"y: rows of different lengths"),
    "a number": (dict(x=3.0), r"x: a single number"),
    "nothing": (dict(x=None), r"x is missing: None was given"),
    "empty": (dict(x=X[:0], y=Y[:0]), r"x is empty: shape \(0, 3\). At least one row"),
    "empty list": (dict(x=[], y=[]), r"x is empty"),
    "lengths": (dict(y=Y[:7]), r"x has 12 rows and y has 7"),
    "y a number": (dict(y=1.0), r"x has 12 rows and y has no"),
    "no y": (dict(y=None), r"y is missing"),
    "batch_size 0": (dict(batch_size=0), r"batch_size is an integer >= 1, got 0"),
    "batch_size -1": (dict(batch_size=-1), r"batch_size is an integer >= 1, got -1"),
    "batch_size 2.5": (dict(batch_size=2.5), r"batch_size is an integer >= 1, got 2.5"),
    "batch_size True": (dict(batch_size=True), r"batch_size is an integer >= 1, got True"),
    "batch_size text": (dict(batch_size="32"), r"batch_size is an integer >= 1, got '32'"),
    "epochs -1": (dict(epochs=-1), r"epochs is an integer >= 0, got -1"),
    "epochs 1.5": (dict(epochs=1.5), r"epochs is an integer >= 0, got 1.5"),
    "initial_epoch": (dict(initial_epoch=-1), r"initial_epoch is an integer >= 0, got -1"),
    "split 0.01": (dict(validation_split=0.99), r"leaves one side empty \(0 and 12\)"),
    "split 1": (dict(validation_split=1.0), r"validation_split lies in \[0, 1\), got 1.0"),
    "split -1": (dict(validation_split=-0.1), r"validation_split lies in \[0, 1\), got -0.1"),
    "split text": (dict(validation_split="half"), r"validation_split lies in .* got 'half'"),
    "class_weight of NaN": (
        dict(y=Y * np.nan, class_weight={0: 1, 1: 1}),
        r"class_weight needs class numbers, some targets have a fraction or are NaN",
    ),
    "split of one row": (
        dict(x=X[:1], y=Y[:1], validation_split=0.5),
        r"validation_split=0.5 of 1 rows leaves one side empty \(0 and 1\)",
    ),
    "validation alone": (dict(validation_data=X), r"validation_data is \(x, y\) or"),
    "validation of 4": (dict(validation_data=(X, Y, Y, Y)), r"validation_data is \(x, y\) or"),
    "validation features": (dict(validation_data=(X[:, :2], Y)), r"has to be 3"),
    "validation targets": (dict(validation_data=(X, Y + 1)), r"targets have to be 0 or 1"),
    "weight twice": (
        dict(class_weight={0: 1, 1: 2}, sample_weight=np.ones(12)),
        r"sample_weight and class_weight together",
    ),
    "class_weight": (dict(class_weight={7: 1.0}), r"no target is of class 7"),
    "sample_weight": (dict(sample_weight=np.ones(5)), r"x has 12 rows and sample_weight has 5"),
    "NaN weight": (dict(sample_weight=[np.nan] * 12), r"sample_weight holds NaN or infinity"),
    "text weight": (dict(sample_weight=["a"] * 12), r"sample_weight: holds text"),
    "callback": (dict(callbacks=["EarlyStopping"]), r"callbacks are nn.Callback objects, got str"),
    "callbacks": (dict(callbacks=3), r"callbacks are nn.Callback objects, got int"),
    "callback class": (dict(callbacks=[nn.History]), r"callbacks are nn.Callback objects, got type"),
    "verbose": (dict(verbose="loud"), r"verbose is \"auto\", 0 .* got 'loud'"),
    "verbose 3": (dict(verbose=3), r"verbose is \"auto\", 0 .* got 3"),
    "batches and y": (dict(x=batches_of((X, Y))), r"y cannot be given with an iterable of batches"),
    "batches and split": (
        dict(x=batches_of((X, Y)), y=None, validation_split=0.5),
        r"validation_split cannot be given with an iterable",
    ),
    "batches and class_weight": (
        dict(x=batches_of((X, Y)), y=None, class_weight="balanced"),
        r"class_weight='balanced' counts the classes of all rows",
    ),
    "batches and sample_weight": (
        dict(x=batches_of((X, Y)), y=None, sample_weight=np.ones(12)),
        r"sample_weight cannot be given with an iterable",
    ),
    "a generator for 2 epochs": (
        dict(x=iter([(X, Y)]), y=None, epochs=2),
        r"x is a list_iterator, which yields its batches once, and there are 2 epochs",
    ),
    "a validation generator": (
        dict(validation_data=iter([(X, Y)]), epochs=2),
        r"validation_data is a list_iterator, which yields its batches once",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), FIT.values(), ids=FIT)
def test_fit_refuses(trained, changes, message):
    with Unchanged(trained), pytest.raises(ValueError, match=message) as caught:
        trained.fit(**({"x": X, "y": Y} | changes))
    assert isinstance(caught.value, ag.GradloomError)


# found only when the batch arrives; the batches here are the first, so nothing has changed either
BATCHES = {
    "four parts": ((X, Y, Y, Y), r"batch 0: expected x, \(x, y\) or \(x, y, weight\), got 4 parts"),
    "no parts": ((), r"batch 0: expected x, .* got 0 parts"),
    "no y": (X, r"y is missing: each batch needs \(x, y\)"),
    "target 2": ((X, Y * 2), r"targets have to be 0 or 1"),
    "target shape": ((X, np.zeros((12, 2))), r"targets \(12, 2\) do not fit"),
    "features": ((X[:, :2], Y), r"has to be 3"),
    "lengths": ((X, Y[:3]), r"x of batch 0 has 12 rows and y has 3"),
    "text": ((TEXT, Y), r"x of batch 0: holds text in column 2"),
    "empty": ((X[:0], Y[:0]), r"x of batch 0 is empty"),
}


@pytest.mark.parametrize(("batch", "message"), BATCHES.values(), ids=BATCHES)
def test_fit_refuses_a_batch(trained, batch, message):
    weights = {name: tensor.numpy().tobytes() for name, tensor in trained.named_tensors()}
    steps = trained.optimizer.iterations.item()
    with pytest.raises(ValueError, match=message):
        trained.fit(batches_of(batch))
    assert {n: t.numpy().tobytes() for n, t in trained.named_tensors()} == weights
    assert trained.optimizer.iterations.item() == steps


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_an_iterable_without_batches_is_refused(trained, method):
    with pytest.raises(nn.DataError, match="the iterable yielded no batch"):
        getattr(trained, method)(batches_of())


def test_predict_and_evaluate_refuse(trained):
    with Unchanged(trained):
        for call, message in [
            (lambda: trained.predict(X[:, :2]), r"Dense\(4\): the last axis .* has to be 3"),
            (lambda: trained.predict(X[:0]), "x is empty"),
            (lambda: trained.predict(TEXT), "x: holds text"),
            (lambda: trained.predict(X, batch_size=0), "batch_size is an integer"),
            (lambda: trained.evaluate(X[:, :2], Y), "has to be 3"),
            (lambda: trained.evaluate(X, Y[:3]), "x has 12 rows and y has 3"),
            (lambda: trained.evaluate(X), "y is missing"),
            (lambda: trained.evaluate(X, Y, batch_size=1.0), "batch_size is an integer"),
            (lambda: trained.evaluate(X, Y + 5), "targets have to be 0 or 1"),
            (lambda: trained.train_on_batch(X), "y is missing"),
            (lambda: trained.train_on_batch(X, Y[:5]), "x has 12 rows and y has 5"),
            (lambda: trained.train_on_batch(X[:, :1], Y), "has to be 3"),
        ]:
            with pytest.raises(ValueError, match=message):
                call()


def test_n_is_aligned_with_n_1(trained):
    """(n,) and (n, 1) are the same targets; any other difference would broadcast and raises instead."""
    assert trained.evaluate(X, Y[:, 0]) == trained.evaluate(X, Y)
    prediction = ag.tensor(np.full((4, 1), 0.5))
    target = np.array([0.0, 1.0, 1.0, 0.0])
    for loss in (nn.MeanSquaredError(), nn.BinaryCrossentropy()):
        assert loss(target, prediction).item() == loss(target[:, None], prediction).item()
        with pytest.raises(ag.ShapeError, match=r"targets \(4, 1\) do not fit predictions \(4, 3\)"):
            loss(target[:, None], ag.tensor(np.full((4, 3), 0.5)))
        with pytest.raises(ag.ShapeError, match=r"targets \(4,\) do not fit predictions \(4, 3\)"):
            loss(target, ag.tensor(np.full((4, 3), 0.5)))


def test_an_own_loss_is_aligned_too():
    model = nn.Sequential([nn.Dense(1, input_shape=(3,))])
    seen = []

    def squared(y_true, y_pred):
        seen.append((y_true.shape, y_pred.shape))
        return (y_true - y_pred) ** 2

    model.compile("sgd", squared)
    model.fit(X, Y[:, 0])
    assert set(seen) == {((12, 1), (12, 1))}


LABELS = {
    "negative": (-1, r"label -1 is out of range. The model has 3 outputs, .* 0 to 2"),
    "too large": (3, r"label 3 is out of range. The model has 3 outputs, .* 0 to 2"),
    "fraction": (0.5, r"class numbers are integers, some targets have a fraction"),
    "NaN": (np.nan, r"class numbers are integers, some targets have a fraction or are NaN"),
}


@pytest.mark.parametrize(("label", "message"), LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("batched", [False, True])
def test_class_numbers_out_of_range(label, message, batched):
    model = nn.Sequential([nn.Dense(3, "softmax", input_shape=(3,))])
    model.compile(nn.SGD(momentum=0.9), "sparse_categorical_crossentropy")
    y = np.array([0, 1, 2] * 4, dtype=np.asarray(label).dtype)
    y[7] = label
    before = dict(model.state_dict())
    with pytest.raises(nn.DataError, match=message):
        model.fit(*((batches_of((X, y)),) if batched else (X, y)))
    assert all(np.array_equal(array, before[name]) for name, array in model.state_dict().items())
    assert model.optimizer.iterations.item() == 0


def test_targets_of_the_wrong_kind_for_categories():
    model = nn.Sequential([nn.Dense(3, "softmax", input_shape=(3,))])
    model.compile("sgd", "categorical_crossentropy")
    with pytest.raises(ag.ShapeError, match=r"use sparse_categorical_crossentropy, or ag\.one_hot"):
        model.fit(X, np.zeros(12, int))
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ag.ShapeError, match="for one-hot rows use categorical_crossentropy"):
        model.fit(X, np.eye(3)[[0, 1, 2] * 4])


@pytest.mark.parametrize("labels", [[True, False] * 6, np.array([1, 0] * 6, np.uint8)])
def test_truth_values_and_small_integers_are_targets(trained, labels):
    assert trained.evaluate(X, labels) == trained.evaluate(X, np.array([1.0, 0.0] * 6))


def test_n_numbers_are_n_rows_of_one_feature():
    model = nn.Sequential([nn.Dense(1)])
    model.compile("sgd", "mse")
    x = np.linspace(0, 1, 6)
    model.fit(x, 2 * x, verbose=0)
    column = x[:, None]
    for action in (
        model.predict,
        lambda given: np.asarray(model.evaluate(given, 2 * x, verbose=0)),
    ):
        np.testing.assert_array_equal(action(x), action(column))
        np.testing.assert_array_equal(action(x), action(column))
    assert model.predict(x).shape == (6, 1)
    other = nn.Sequential([nn.Dense(1)])
    assert other.predict(x).shape == (6, 1)


@pytest.mark.parametrize("sample", [(4,), (4, 3), (8, 8, 2)])
def test_a_single_row_has_to_have_an_axis_of_rows(sample):
    layers = [nn.Flatten()] if len(sample) > 1 else []
    model = nn.Sequential([nn.Input(sample), *layers, nn.Dense(3)])
    model.compile("sgd", "mse")
    row = np.ones(sample, np.float32)
    assert model.predict(row[None]).shape == (1, 3)
    for action in (
        lambda: model.predict(row),
        lambda: model.fit(row, np.ones(len(row)), verbose=0),
        lambda: model.evaluate(row, np.ones(len(row)), verbose=0),
    ):
        with pytest.raises(nn.errors.DataError, match=r"has no axis of rows.*write x\[None\]"):
            action()


def nan_warnings(action):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    return [w for w in caught if "NaN" in str(w.message)]


@pytest.mark.parametrize(
    ("x", "column"),
    [
        (WITH_NAN, "column 1;"),
        ([[1.0, None, 2.0]] * 12, "column 1;"),
        (Frame(["age", "glu", "bmi"], WITH_NAN), "column 1 ('glu');"),
    ],
)
def test_nan_in_x_is_named_once(trained, x, column):
    caught = nan_warnings(lambda: trained.fit(x, Y, batch_size=4, epochs=3))
    assert len(caught) == 1
    assert f"x holds NaN in {column}" in str(caught[0].message)
    assert caught[0].filename == __file__


def test_many_columns_with_nan_are_cut_short():
    model = nn.Sequential([nn.Dense(1)])
    model.compile("sgd", "mse")
    caught = nan_warnings(lambda: model.fit(np.full((4, 7), np.nan), np.zeros(4)))
    assert "column 0, 1, 2, 3, 4, ...;" in str(caught[0].message)


def test_without_nan_there_is_no_warning(trained):
    assert not nan_warnings(lambda: trained.fit(X, Y))


def test_sorted_targets_with_a_split_warn(trained):
    y = np.sort(Y, axis=0)
    with pytest.warns(UserWarning, match="y is sorted, and validation_split takes the last rows"):
        trained.fit(X, y, validation_split=0.25)
    trained.fit(X, y)
