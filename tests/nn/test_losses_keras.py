"""Every loss beside Keras's in float64: values, gradients, reductions, weights, smoothing, logits, ignored classes.

Inputs stay away from points without a slope, where the two may choose differently.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras_oracle import as_array, import_keras, vjp

import autograd as ag
import nn

keras = import_keras()
pytestmark = pytest.mark.oracle
few = settings(max_examples=8)
REDUCTIONS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None]
SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 4))
CLASSES = st.tuples(st.integers(1, 4), st.integers(2, 4))


def floats(low, high):
    return st.floats(low, high, allow_subnormal=False)


def tensors(shape, low, high):
    return arrays(np.float64, shape, elements=floats(low, high))


@st.composite
def numbers(draw):
    """Targets and predictions that differ everywhere."""
    shape = draw(SHAPES)
    y_pred = draw(tensors(shape, -20, 20))
    error = draw(arrays(np.float64, shape, elements=floats(0.01, 8)))
    sign = draw(arrays(np.float64, shape, elements=st.sampled_from([-1.0, 1.0])))
    return y_pred + sign * error, y_pred


@st.composite
def positive(draw):
    shape = draw(SHAPES)
    return draw(tensors(shape, 0, 20)), draw(tensors(shape, 0.01, 20))


@st.composite
def margins(draw):
    """Labels of either kind, or margins of any size; predictions such that 1 - t p is not 0."""
    shape = draw(SHAPES)
    labels = draw(st.sampled_from([[0.0, 1.0], [-1.0, 1.0], [1.0], [0.0], [-1.0, 0.0, 1.0, 0.5]]))
    y_true = draw(arrays(np.float64, shape, elements=st.sampled_from(labels)))
    y_pred = draw(tensors(shape, -3, 3))
    return y_true, np.where(np.abs(1 - np.abs(y_pred * y_true)) < 0.01, y_pred + 0.05, y_pred)


@st.composite
def one_hot_margins(draw):
    """Predictions that differ from each other in a row, so that the largest is alone."""
    n, k = draw(CLASSES)
    labels = draw(arrays(np.int64, n, elements=st.integers(0, k - 1)))
    y_pred = draw(tensors((n, k), -3, 3)).round(1) + np.arange(k) * 0.0123 + 0.001
    return np.eye(k)[labels], y_pred


def probability_of(shape):
    """Anything between, and the two certain answers, which are clipped."""
    return arrays(np.float64, shape, elements=floats(0.001, 0.999) | st.sampled_from([0.0, 1.0]))


@st.composite
def chances(draw):
    shape = draw(SHAPES)
    return draw(probability_of(shape)), draw(probability_of(shape))


@st.composite
def logits(draw, low=-30, high=30):
    shape = draw(SHAPES)
    return draw(probability_of(shape)), draw(tensors(shape, low, high))


@st.composite
def distributions(draw):
    """Rows of positive predictions that need not sum to 1."""
    shape = draw(CLASSES)
    return draw(probability_of(shape)), draw(tensors(shape, 0.001, 5))


@st.composite
def class_logits(draw, size=30):
    shape = draw(CLASSES)
    return draw(probability_of(shape)), draw(tensors(shape, -size, size))


@st.composite
def labelled(draw, predictions=(0.001, 5.0), ignored=None, shapes=("n", "n, 1")):
    n, k = draw(CLASSES)
    known = st.integers(0, k - 1)
    elements = known if ignored is None else known | st.just(ignored)
    shape = {"n": (n,), "n, 1": (n, 1)}[draw(st.sampled_from(shapes))]
    return draw(arrays(np.int64, shape, elements=elements)), draw(tensors((n, k), *predictions))


@st.composite
def directions(draw):
    shape = draw(CLASSES)
    far = floats(0.1, 5) | floats(-5, -0.1)
    return draw(arrays(np.float64, shape, elements=far)), draw(arrays(np.float64, shape, elements=far))


smoothing = st.fixed_dictionaries({"label_smoothing": st.sampled_from([0.0, 0.1, 0.5])})
focal = st.fixed_dictionaries(
    {
        "apply_class_balancing": st.booleans(),
        "alpha": st.sampled_from([0.25, 0.6]),
        "gamma": st.sampled_from([2.0, 1.0, 3.5]),
        "label_smoothing": st.sampled_from([0.0, 0.2]),
    }
)
categorical_focal = st.fixed_dictionaries(
    {
        "alpha": st.sampled_from([0.25, 1.0]),
        "gamma": st.sampled_from([2.0, 1.0, 3.5]),
        "label_smoothing": st.sampled_from([0.0, 0.2]),
    }
)
overlap = st.fixed_dictionaries(
    {"alpha": floats(0, 2), "beta": floats(0, 2), "axis": st.sampled_from([None, 0, -1])}
)
plain = st.just({})
from_logits = st.just({"from_logits": True})


def both(first, second):
    return st.builds(lambda a, b: a | b, first, second)


CASES = {
    "mse": ("MeanSquaredError", numbers(), plain),
    "mae": ("MeanAbsoluteError", numbers(), plain),
    "mape": ("MeanAbsolutePercentageError", numbers(), plain),
    "msle": ("MeanSquaredLogarithmicError", numbers(), plain),
    "huber": ("Huber", numbers(), st.fixed_dictionaries({"delta": floats(0.1, 4)})),
    "log cosh": ("LogCosh", numbers(), plain),
    "cosine": ("CosineSimilarity", directions(), plain),
    "cosine over rows": ("CosineSimilarity", directions(), st.just({"axis": 0})),
    "poisson": ("Poisson", positive(), plain),
    "kl": ("KLDivergence", distributions(), plain),
    "hinge": ("Hinge", margins(), plain),
    "squared hinge": ("SquaredHinge", margins(), plain),
    "categorical hinge": ("CategoricalHinge", one_hot_margins(), plain),
    "bce": ("BinaryCrossentropy", chances(), smoothing),
    "bce over rows": ("BinaryCrossentropy", chances(), st.just({"axis": 0})),
    "bce logits": ("BinaryCrossentropy", logits(), both(smoothing, from_logits)),
    "focal": ("BinaryFocalCrossentropy", chances(), focal),
    # Keras clips the probability of its logits, which shows beyond 16
    "focal logits": ("BinaryFocalCrossentropy", logits(-9, 9), both(focal, from_logits)),
    "cce": ("CategoricalCrossentropy", distributions(), smoothing),
    "cce logits": ("CategoricalCrossentropy", class_logits(), both(smoothing, from_logits)),
    "categorical focal": ("CategoricalFocalCrossentropy", distributions(), categorical_focal),
    "categorical focal logits": (
        "CategoricalFocalCrossentropy",
        class_logits(9),
        both(categorical_focal, from_logits),
    ),
    "dice": ("Dice", chances(), st.fixed_dictionaries({"axis": st.sampled_from([None, 0, -1])})),
    "tversky": ("Tversky", chances(), overlap),
    "gce": (
        "CategoricalGeneralizedCrossEntropy",
        labelled((0.001, 1.0), shapes=("n",)),
        st.fixed_dictionaries({"q": st.sampled_from([0.1, 0.5, 0.9])}),
    ),
    "scce": ("SparseCategoricalCrossentropy", labelled(), plain),
    "scce logits": ("SparseCategoricalCrossentropy", labelled((-30, 30)), from_logits),
    "scce ignores -1": (
        "SparseCategoricalCrossentropy",
        labelled(ignored=-1),
        st.just({"ignore_class": -1}),
    ),
    "scce ignores 0": (
        "SparseCategoricalCrossentropy",
        labelled(),
        st.just({"ignore_class": 0}),
    ),
    "scce logits ignores 255": (
        "SparseCategoricalCrossentropy",
        labelled((-30, 30), ignored=255),
        st.just({"ignore_class": 255, "from_logits": True}),
    ),
}


def close(ours, theirs, atol=1e-14):
    np.testing.assert_allclose(ours, as_array(theirs), rtol=1e-10, atol=atol)


@pytest.mark.parametrize(("name", "data", "options"), CASES.values(), ids=CASES)
def test_values_and_gradients(name, data, options):
    @few
    @given(data, options, st.sampled_from(REDUCTIONS), st.data())
    def compare(targets_and_predictions, arguments, reduction, more):
        y_true, y_pred = targets_and_predictions
        ours = getattr(nn.losses, name)(reduction=reduction, **arguments)
        theirs = getattr(keras.losses, name)(reduction=reduction, **arguments)
        plain_values = getattr(nn.losses, name)(reduction=None, **arguments)(y_true, y_pred)
        # a batch that has one value has no weights of rows
        weight = more.draw(st.none() | tensors(plain_values.shape, 0, 3)) if plain_values.ndim else None
        parameter = ag.tensor(y_pred, requires_grad=True)
        value = ours(y_true, parameter, sample_weight=weight)
        value.sum().backward()
        expected, pull = vjp(lambda p: theirs(y_true, p, sample_weight=weight), y_pred)
        (slope,) = pull(np.ones_like(expected))
        assert value.shape == expected.shape
        close(value.numpy(), expected)
        # a slope of Keras near a saturated probability is a difference of large numbers
        close(parameter.grad.numpy(), slope, atol=1e-11)

    compare()


FUNCTIONS = {
    "mean_squared_error": numbers(),
    "mean_absolute_error": numbers(),
    "mean_absolute_percentage_error": numbers(),
    "mean_squared_logarithmic_error": numbers(),
    "huber": numbers(),
    "log_cosh": numbers(),
    "cosine_similarity": directions(),
    "poisson": positive(),
    "kl_divergence": distributions(),
    "hinge": margins(),
    "squared_hinge": margins(),
    "categorical_hinge": one_hot_margins(),
    "binary_crossentropy": chances(),
    "binary_focal_crossentropy": chances(),
    "categorical_crossentropy": distributions(),
    "sparse_categorical_crossentropy": labelled(),
    "categorical_focal_crossentropy": distributions(),
    "dice": chances(),
    "tversky": chances(),
}


@pytest.mark.parametrize(("name", "data"), FUNCTIONS.items(), ids=FUNCTIONS)
def test_functions(name, data):
    """A value per row, and one number for a row given alone."""

    @few
    @given(data)
    def compare(targets_and_predictions):
        y_true, y_pred = targets_and_predictions
        ours, theirs = getattr(nn.losses, name), getattr(keras.losses, name)
        close(ours(y_true, y_pred).numpy(), theirs(y_true, y_pred))
        if y_true.shape == y_pred.shape:
            alone = ours(y_true[0], y_pred[0])
            assert alone.shape == ()
            close(alone.numpy(), theirs(y_true[0], y_pred[0]))

    compare()


def test_function_arguments():
    """Arguments by position mean what they mean in Keras."""
    generator = np.random.default_rng(0)
    t, p = generator.uniform(0.1, 0.9, (2, 3, 4))
    z, labels = generator.standard_normal((3, 4)), np.array([0, 3, 1])
    calls = [
        ("huber", t, p * 5, 0.7),
        ("binary_crossentropy", t, z, True, 0.2),
        ("binary_crossentropy", t, p, False, 0.1, 0),
        ("binary_focal_crossentropy", t, p, True, 0.3, 1.5, False, 0.1, 0),
        ("categorical_crossentropy", t, z, True, 0.2),
        ("sparse_categorical_crossentropy", labels, z, True, 3),
        ("categorical_focal_crossentropy", t, p, 0.3, 1.5, False, 0.1),
        ("categorical_generalized_cross_entropy", labels, p, 0.3),
        ("dice", t, p, (0, 1)),
        ("tversky", t, p, 0.3, 0.6, -1),
        ("cosine_similarity", t, p, 0),
    ]
    for name, *arguments in calls:
        ours, theirs = getattr(nn.losses, name), getattr(keras.losses, name)
        # one of Keras's functions takes tensors alone
        given = [keras.ops.convert_to_tensor(a) if isinstance(a, np.ndarray) else a for a in arguments]
        close(ours(*arguments).numpy(), as_array(theirs(*given)))


def test_categories_on_another_axis():
    """Smoothing divides by the classes here; Keras divides by the size of the last axis, so it is left out."""
    generator = np.random.default_rng(0)
    t, p = generator.uniform(0.1, 0.9, (2, 3, 4, 2))
    for options in ({}, {"from_logits": True}):
        for axis in (0, 1, 2, -2):
            ours = nn.losses.categorical_crossentropy(t, p, axis=axis, **options)
            close(ours.numpy(), keras.losses.categorical_crossentropy(t, p, axis=axis, **options))


def test_every_name_of_keras_is_known():
    missing = {
        "ctc", "circle", "CTC", "Circle", "Loss", "LossFunctionWrapper",
    }  # fmt: skip
    from keras.src.losses import ALL_OBJECTS_DICT

    for name, chosen in ALL_OBJECTS_DICT.items():
        if name not in missing:
            theirs = chosen() if isinstance(chosen, type) else chosen
            ours = nn.losses.get(name)
            assert ours.name == getattr(theirs, "name", ours.name), name
            known_as = {type(ours).__name__, nn.losses.get(chosen.__name__).__class__.__name__}
            assert known_as == {type(ours).__name__}, name
