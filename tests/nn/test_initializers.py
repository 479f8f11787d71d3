"""Initialisers and regularisers: limits, moments, fans, streams; and beside Keras's."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import nn
from nn import initializers, regularizers

SHAPES = [(300, 200), (3, 3, 40, 50), (60_000,)]
LIMITS = {
    "glorot_uniform": lambda i, o: np.sqrt(6 / (i + o)),
    "he_uniform": lambda i, o: np.sqrt(6 / i),
    "lecun_uniform": lambda i, o: np.sqrt(3 / i),
}
DEVIATIONS = {
    "glorot_normal": lambda i, o: np.sqrt(2 / (i + o)),
    "he_normal": lambda i, o: np.sqrt(2 / i),
    "lecun_normal": lambda i, o: np.sqrt(1 / i),
}


def fans(shape):
    if len(shape) == 1:
        return shape[0], shape[0]
    window = int(np.prod(shape[:-2]))
    return shape[-2] * window, shape[-1] * window


def drawn(name, shape):
    nn.set_random_seed(0)
    return initializers.get(name)(shape, "float64").numpy()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", LIMITS)
def test_uniform_limits(name, shape):
    values, limit = drawn(name, shape), LIMITS[name](*fans(shape))
    assert abs(values).max() <= limit
    assert abs(values).max() > 0.999 * limit
    assert abs(values.mean()) < 0.02 * limit
    assert values.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", DEVIATIONS)
def test_normal_deviations_after_cutting_at_two(name, shape):
    values, deviation = drawn(name, shape), DEVIATIONS[name](*fans(shape))
    assert values.std() == pytest.approx(deviation, rel=0.02)
    assert abs(values).max() <= 2 * deviation / 0.87962566103423978
    assert abs(values.mean()) < 0.02 * deviation


def test_plain_ones():
    assert initializers.get("zeros")((2,), "float32").tolist() == [0, 0]
    assert nn.Constant(0.5)((2,), "float32").tolist() == [0.5, 0.5]
    np.testing.assert_array_equal(nn.Identity(2.0)((2, 3), "float64").numpy(), 2 * np.eye(2, 3))
    q = nn.Orthogonal(1.5)((4, 7), "float64").numpy()
    np.testing.assert_allclose(q @ q.T, 1.5**2 * np.eye(4), atol=1e-12)
    q = nn.Orthogonal()((3, 3, 2, 4), "float64").numpy().reshape(18, 4)
    np.testing.assert_allclose(q.T @ q, np.eye(4), atol=1e-12)


def test_each_call_draws_anew_and_a_seed_repeats():
    free, seeded = nn.HeNormal(), nn.HeNormal(seed=3)
    assert free((4, 4), "float32").tolist() != free((4, 4), "float32").tolist()
    assert seeded((4, 4), "float32").tolist() == nn.HeNormal(seed=3)((4, 4), "float32").tolist()


@pytest.mark.parametrize("name", initializers.INITIALIZERS)
def test_every_name_builds_a_layer_that_is_saved(name, tmp_path):
    model = nn.Sequential([nn.Dense(3, kernel_initializer=name, input_shape=(3,))])
    given = nn.Sequential([nn.Dense(3, kernel_initializer=initializers.get(name), input_shape=(3,))])  # fmt: skip
    for one in (model, given):
        one.save(tmp_path / "model")
        np.testing.assert_array_equal(nn.load(tmp_path / "model").get_weights()[0], one.get_weights()[0])  # fmt: skip


@pytest.mark.oracle
@pytest.mark.parametrize("shape", [(300, 200), (3, 3, 40, 50)])
@pytest.mark.parametrize(
    "name",
    ["GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal", "RandomNormal", "RandomUniform", "TruncatedNormal", "Zeros", "Ones", "Constant", "Orthogonal"],
)  # fmt: skip
def test_spread_and_range_are_those_of_keras(name, shape):
    """60,000 or 18,000 numbers each: the same deviation within 2 %, the same largest number within 5 % where there is one."""
    from keras_oracle import as_array, import_keras

    keras = import_keras()
    nn.set_random_seed(1)
    ours = getattr(nn, name)()(shape, "float64").numpy()
    theirs = as_array(getattr(keras.initializers, name)()(shape, dtype="float64"))
    assert ours.shape == theirs.shape
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02, abs=1e-12)
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.02 * theirs.std() + 1e-12)
    if name not in ("RandomNormal", "Orthogonal"):
        assert abs(ours).max() == pytest.approx(abs(theirs).max(), rel=0.05)


@pytest.mark.oracle
def test_every_initializer_of_keras_is_here():
    from keras_oracle import import_keras

    keras = import_keras()
    classes = {n for n, m in vars(keras.initializers).items() if isinstance(m, type) and n[0].isupper()}
    assert classes - set(nn.__all__) <= {"Initializer", "STFT", "IdentityInitializer", "OrthogonalInitializer", "STFTInitializer"}  # fmt: skip


@pytest.mark.oracle
def test_regularizers_are_keras():
    from keras_oracle import import_keras

    keras = import_keras()
    w = np.random.default_rng(0).standard_normal((4, 3))
    pairs = [
        (nn.L1(0.1), keras.regularizers.L1(0.1)),
        (nn.L2(0.2), keras.regularizers.L2(0.2)),
        (nn.L1L2(0.1, 0.3), keras.regularizers.L1L2(0.1, 0.3)),
        (nn.OrthogonalRegularizer(0.1), keras.regularizers.OrthogonalRegularizer(0.1)),
        *((regularizers.get(n), keras.regularizers.get(n)) for n in ("l1", "l2")),
    ]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours(ag.tensor(w)).item(), float(theirs(w)), rtol=1e-7)


@pytest.mark.oracle
def test_constraints_are_keras():
    from keras_oracle import import_keras

    keras = import_keras()
    w = np.random.default_rng(0).standard_normal((4, 3)) * 2
    for limit in (0.5, 1.0, 2.0):
        for axis in (0, 1, (0, 1)):
            for ours, theirs in [
                (nn.MaxNorm(limit, axis), keras.constraints.MaxNorm(limit, axis)),
                (nn.UnitNorm(axis), keras.constraints.UnitNorm(axis)),
                (nn.NonNeg(), keras.constraints.NonNeg()),
            ]:
                np.testing.assert_allclose(ours(ag.tensor(w)).numpy(), theirs(w), rtol=1e-12)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (0.5, (2,)),
        ([-2.0], (1,)),
        (np.array([1.0, 2.0]), (3, 2)),
        ([[1], [2]], (2, 3)),
        (np.float32(3), (2, 2)),
    ],
)
def test_constants_fill_the_shape(value, shape):
    for dtype in ("float32", "float64"):
        made = nn.Constant(value)(shape, dtype)
        assert made.dtype == dtype
        np.testing.assert_array_equal(made.numpy(), np.broadcast_to(np.asarray(value, dtype), shape))
    again = nn.initializers.deserialize(nn.initializers.serialize(nn.Constant(value)))
    np.testing.assert_array_equal(again(shape).numpy(), nn.Constant(value)(shape).numpy())


@pytest.mark.parametrize("value", ["a", None, [1, "a"], [[1], [1, 2]], [float("nan")], {}])
def test_constants_are_numbers(value):
    with pytest.raises(nn.ArgumentError, match="Constant: value is a number, or an array"):
        nn.Constant(value)


def test_an_output_begins_with_the_odds_of_the_classes(tmp_path):
    model = nn.Sequential(
        [nn.Dense(1, "sigmoid", bias_initializer=nn.Constant(np.log([0.25])), input_shape=(3,))]
    )
    model.compile("sgd", "mse")
    np.testing.assert_allclose(model.predict(np.zeros((2, 3))), 0.2, rtol=1e-6)
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(nn.load(tmp_path / "model.keras").predict(np.zeros((2, 3))), 0.2, rtol=1e-6)
