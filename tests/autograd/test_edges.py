"""Where dtypes end and formulas cancel: float16 sums and draws, slopes of large numbers, empty axes, masks anywhere in a key."""

from __future__ import annotations

import asyncio
import itertools

import numpy as np
import pytest

import autograd as ag

pytestmark = pytest.mark.once
HALF = np.float16
RNG = np.random.default_rng(0)


def slope(function, x):
    """The gradient at an array of any dtype."""
    t = ag.tensor(x, requires_grad=True)
    y = function(t)
    y.backward(ag.ones(y.shape, y.dtype))
    return t.grad.numpy()


OPS = {
    "sum": lambda x: ag.sum(x, axis=-1), "mean": lambda x: ag.mean(x, axis=-1), "var": lambda x: ag.var(x, axis=-1),
    "std": lambda x: ag.std(x, axis=-1), "norm": lambda x: ag.norm(x, axis=-1), "logsumexp": lambda x: ag.logsumexp(x, axis=-1),
    "softmax": ag.softmax, "log_softmax": ag.log_softmax, "max": lambda x: ag.max(x, axis=-1), "min": lambda x: ag.min(x, axis=-1),
}  # fmt: skip
HALVES = {
    "large": np.full((2, 300), 500, HALF), "many": np.ones((1, 70_000), HALF), "small": np.full((1, 300), 1e-4, HALF),
    "any": RNG.standard_normal((3, 50)).astype(HALF), "steps": np.tile(HALF([0, 250]), (2, 40)),
}  # fmt: skip


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", OPS)
def test_float16_is_computed_in_float32(name, compiled):
    """The result is that of float32, rounded once; so is the slope, but for those made of a result that was rounded."""
    function = ag.jit(OPS[name]) if compiled else OPS[name]
    near = 2e-3 if "softmax" in name else 1e-6
    for kind, x in HALVES.items():
        with np.errstate(over="ignore"):
            expected = OPS[name](ag.tensor(x.astype(np.float32))).numpy().astype(HALF)
            found = function(ag.tensor(x)).numpy()
        assert found.dtype == HALF
        np.testing.assert_array_equal(found, expected, err_msg=kind)
        if not compiled:
            right = slope(OPS[name], x.astype(np.float32))
            with np.errstate(over="ignore"):
                found = slope(OPS[name], x)
            np.testing.assert_allclose(found, right, 2e-3, near, err_msg=kind)


def test_draws_of_float16_are_numbers():
    unit = ag.random.uniform(100_000, dtype="float16", key=0).numpy()
    assert unit.dtype == HALF
    assert unit.min() >= 0
    assert unit.max() < 1
    assert abs(unit.astype(float).mean() - 0.5) < 0.005
    bell = ag.random.normal(100_000, dtype="float16", key=0).numpy()
    assert bell.dtype == HALF
    assert np.isfinite(bell).all()
    assert abs(bell.astype(float).std() - 1) < 0.01


def test_slopes_where_digits_cancel():
    np.testing.assert_array_equal(slope(ag.logsumexp, np.float32([1e8, 1e8])), [0.5, 0.5])
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(slope(ag.logsumexp, np.float32([-np.inf, -np.inf])), [0, 0])
    np.testing.assert_array_equal(slope(ag.logsumexp, np.float32([-np.inf, 3])), [0, 1])
    far = np.float32([-30, -50, -80])
    np.testing.assert_allclose(slope(ag.expm1, far), np.exp(far.astype(float)), 1e-6)


@pytest.mark.parametrize("ddof", [1, 2, 1.5])
def test_a_variance_that_does_not_exist_is_nan(ddof):
    for op in (ag.var, ag.std):
        assert np.isnan(op(ag.tensor([3.0]), ddof=ddof).item())
        assert np.isnan(slope(lambda x, op=op: op(x, ddof=ddof), np.float32([3]))).all() or op is ag.std
    assert np.isnan(slope(lambda x: ag.var(x, ddof=ddof), np.float32([3]))).all()


def test_exponentials_over_an_empty_axis():
    x = np.zeros((2, 0), np.float32)
    assert ag.softmax(ag.tensor(x)).shape == ag.log_softmax(ag.tensor(x)).shape == (2, 0)
    with np.errstate(divide="ignore"):
        assert ag.logsumexp(ag.tensor(x), axis=1).tolist() == [-np.inf, -np.inf]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint64"])
def test_one_hot_of_small_integers(dtype):
    found = ag.one_hot(np.array([0, 5, 100], dtype), 300).numpy()
    assert [np.nonzero(row)[0].tolist() for row in found] == [[0], [5], [100]]


MASKED = np.arange(24.0).reshape(2, 3, 4)
ENTRIES = {
    "mask of 2": np.array([True, False]), "mask of 3": np.array([True, False, True]), "mask of 4": np.array([False, True, True, False]),
    "mask of 2 x 3": RNG.random((2, 3)) > 0.5, "mask of 3 x 4": RNG.random((3, 4)) > 0.5, "all": slice(None), "new": None,
    "rest": ..., "0": 0, "places": np.array([1, 0]),
}  # fmt: skip


def test_masks_at_every_place_of_a_key():
    """Every key of up to three entries that NumPy takes gives NumPy's elements; every other is refused."""
    taken = 0
    for count in (1, 2, 3):
        for names in itertools.product(ENTRIES, repeat=count):
            key = tuple(ENTRIES[n] for n in names)
            try:
                expected = MASKED[key]
            except IndexError:
                with pytest.raises((IndexError, ValueError, TypeError)):
                    ag.tensor(MASKED)[key]
                continue
            taken += 1
            np.testing.assert_array_equal(ag.tensor(MASKED)[key].numpy(), expected, err_msg=str(names))
    assert taken > 200


IN_PLACE = {
    "+=": lambda w: w.__iadd__(1.0), "-=": lambda w: w.__isub__(1.0), "*=": lambda w: w.__imul__(2.0),
    "/=": lambda w: w.__itruediv__(2.0), "**=": lambda w: w.__ipow__(2.0), "@=": lambda w: w.__imatmul__(w),
}  # fmt: skip


@pytest.mark.parametrize("sign", IN_PLACE)
def test_a_parameter_is_not_replaced_by_accident(sign):
    w = ag.ones((2, 2), requires_grad=True)
    with pytest.raises(ag.GradientError, match=r"assign\(w\.detach\(\) - step\)"):
        IN_PLACE[sign](w)
    with ag.no_grad(), pytest.raises(ag.GradientError, match="assign"):
        IN_PLACE[sign](w)
    total = ag.ones((2, 2))
    total += w
    total -= 0.5
    total *= 2
    assert total.tolist() == [[3.0, 3.0]] * 2
    assert total.requires_grad


def test_what_python_does_with_a_number():
    x = ag.tensor(1.23456)
    assert f"{x:.3f} {x:8.1e} {x}" == f"1.235  1.2e+00 {x!r}"
    assert round(x, 1) == 1.2
    assert round(ag.tensor(2.5)) == 2
    assert (+x).item() == x.item()
    with pytest.raises(ag.ShapeError):
        f"{ag.ones(2):.3f}"
    assert (x == None) is False  # noqa: E711
    assert (x != None) is True  # noqa: E711


SWITCHES = {"no_grad": (ag.no_grad, False), "enable_grad": (ag.enable_grad, True)}
W = ag.ones(1, requires_grad=True)


@pytest.mark.parametrize("brackets", [True, False])
@pytest.mark.parametrize("name", SWITCHES)
def test_switches_reach_all_kinds_of_functions(name, brackets):
    switch, expected = SWITCHES[name]
    decorate = switch() if brackets else switch

    def seen():
        return (W * 2).requires_grad

    @decorate
    def plain(a, b=2):
        return seen(), a, b

    @decorate
    def turns():
        got = yield seen()
        try:
            yield seen(), got
        except KeyError:
            yield seen()
        return seen()

    @decorate
    async def later():
        await asyncio.sleep(0)
        return seen()

    @decorate
    async def stream():
        yield seen()
        await asyncio.sleep(0)
        yield seen()

    async def collected():
        return [value async for value in stream()]

    outer = ag.no_grad() if expected else ag.enable_grad()
    with outer:
        assert plain(1, b=3) == (expected, 1, 3)
        assert plain.__name__ == "plain"
        generator = turns()
        assert next(generator) is expected
        assert seen() is not expected  # not between the turns
        assert generator.send("x") == (expected, "x")
        assert generator.throw(KeyError()) is expected
        with pytest.raises(StopIteration) as end:
            next(generator)
        assert end.value.value is expected
        turns().close()
        assert asyncio.run(later()) is expected
        assert asyncio.run(collected()) == [expected] * 2
        assert seen() is not expected


def test_a_retrace_is_explained_in_a_line(caplog):
    caplog.set_level("INFO", "gradloom")
    scale = ag.jit(lambda x, r: x * r)
    x = ag.tensor([1.0, 2.0])
    assert scale(x, 1).tolist() == [1, 2]
    assert scale(x, 0.5).tolist() == [0.5, 1]
    assert scale(x, np.float32(2)).tolist() == [2, 4]
    assert scale(x, 3).tolist() == [3, 6]
    assert all(len(record.getMessage()) < 200 for record in caplog.records)
