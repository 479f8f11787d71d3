"""`nn.ops` beside Keras's own: values and slopes in float64, the same in a compiled step, and in float32."""

from __future__ import annotations

import math

import numpy as np
import pytest
from keras_oracle import as_array, import_keras, vjp

import autograd as ag
import nn

keras = import_keras()
pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore::UserWarning")]

draw = np.random.default_rng(0)
X = draw.normal(size=(3, 4))
Y = draw.normal(size=(3, 4))
P = draw.uniform(0.1, 0.9, size=(3, 4))
Q = P / P.sum(-1, keepdims=True)
CUBE = draw.normal(size=(2, 3, 4))
SQUARE = draw.normal(size=(3, 3))
V = draw.normal(size=5)
IMAGE = draw.normal(size=(2, 6, 5, 4))
KERNEL = draw.normal(size=(3, 2, 2, 6))
HOLES = np.where(draw.uniform(size=(3, 4)) < 0.3, np.nan, X)
ENDS = np.array([[1.0, -math.inf, math.inf, math.nan]])
WHOLE = np.array([2, 0, 1])
ZERO = np.array([[0.0, -2.0, 3.0, 0.0]])

ELEMENTWISE = (
    "abs absolute arctan ceil cos cosh erf exp expm1 fabs floor negative sign sin sinh square tan tanh trunc"
)
ELEMENTWISE += (
    " isfinite isinf isnan isposinf isneginf arcsinh deg2rad rad2deg exp2 sinc cbrt nan_to_num stop_gradient"
)
ELEMENTWISE += " celu elu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh log_sigmoid log_softmax relu relu6 selu"
ELEMENTWISE += (
    " sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid squareplus swish"
)
ELEMENTWISE += " tanh_shrink leaky_relu gelu copy zeros_like ones_like ravel transpose round"
PAIRS = "add arctan2 divide equal floor_divide fmax fmin greater greater_equal heaviside hypot less less_equal logaddexp"
PAIRS += " logaddexp2 logical_and logical_or logical_xor maximum minimum mod multiply not_equal subtract true_divide inner"
PAIRS += " isclose allclose divide_no_nan append"
REDUCTIONS = "all any amax amin logsumexp max mean min prod ptp std sum var median norm average nansum nanmean nanmax nanmin"

CASES = {name: [((X,), {})] for name in ELEMENTWISE.split()}
CASES |= {name: [((X, Y), {})] for name in PAIRS.split()}
CASES |= {
    name: [((X,), {}), ((CUBE,), {"axis": 1})]
    + ([] if name in ("average",) else [((CUBE,), {"axis": -1, "keepdims": True})])
    for name in REDUCTIONS.split()
}
for name in ("nansum", "nanmean", "nanmax", "nanmin"):
    CASES[name] += [((HOLES,), {}), ((HOLES,), {"axis": 1})]
CASES["nan_to_num"] += [((ENDS,), {"nan": 3.0, "posinf": 7.0}), ((ENDS,), {})]
CASES["divide_no_nan"] += [((X[:1], ZERO), {})]
CASES["heaviside"] += [((ZERO, X[:1]), {})]
CASES["sinc"] += [((ZERO,), {})]
CASES["fmax"] += [((HOLES, Y), {})]
CASES["fmin"] += [((HOLES, Y), {})]
CASES["append"] += [((X, Y), {"axis": 1})]
CASES["round"] += [((X, 2), {})]
CASES["max"] += [((X,), {"axis": 0, "initial": 0.5})]
CASES["min"] += [((X,), {"axis": 0, "initial": -0.5})]
CASES["prod"] += [((X,), {"axis": 0, "dtype": "float32"})]
CASES["average"] += [((X,), {"axis": 1, "weights": np.array([1.0, 2.0, 0.5, 3.0])})]
if keras.backend.backend() == "jax":  # on PyTorch Keras lets weights meet the last axis alone
    CASES["average"] += [((X,), {"axis": 0, "weights": P})]
CASES["median"] += [((V,), {}), ((X, 1), {})]
CASES["norm"] += [((X,), {"axis": 1, "ord": order}) for order in (1, 2, 3, math.inf, -math.inf, 0)] + [
    ((SQUARE,), {"ord": "fro"})
]
CASES["isclose"] += [
    ((ENDS, ENDS), {}),
    ((ENDS, ENDS), {"equal_nan": True}),
    ((X, X + 1e-6), {"rtol": 1e-9, "atol": 2e-6}),
]
CASES["leaky_relu"] += [((X, 0.3), {})]
CASES["gelu"] += [((X, False), {})]
CASES["glu"] += [((X,), {"axis": -1})]
CASES["inner"] += [((CUBE, X), {})]
CASES["transpose"] += [((CUBE, (2, 0, 1)), {})]
CASES |= {
    "arccos": [((P,), {})], "arcsin": [((P,), {})], "arccosh": [((P + 1.0,), {})], "arctanh": [((P,), {})],
    "log": [((P,), {})], "log10": [((P,), {})], "log1p": [((P,), {})], "log2": [((P,), {})], "sqrt": [((P,), {})],
    "rsqrt": [((P,), {})], "reciprocal": [((P,), {})], "power": [((P, X), {})], "logical_not": [((X > 0,), {})],
    "argmax": [((X,), {}), ((CUBE, 1), {}), ((CUBE,), {"axis": 1, "keepdims": True})], "argmin": [((X,), {"axis": 1})],
    "argsort": [((X,), {}), ((X, 0), {})], "sort": [((X,), {}), ((X, 0), {})], "broadcast_to": [((X[0], (3, 4)), {})],
    "einsum": [(("ij,kj->ik", X, Y), {})], "expand_dims": [((X, 1), {})], "flip": [((X,), {}), ((X, 1), {})],
    "repeat": [((X, 2), {}), ((X, 2, 1), {})], "squeeze": [((X[:1],), {}), ((X[:1], 0), {})], "swapaxes": [((CUBE, 0, 2), {})],
    "dot": [((X, Y.T.copy()), {})], "matmul": [((CUBE, X.T.copy()), {})], "outer": [((X[0], Y[0]), {})],
    "clip": [((X, -0.5, 0.5), {}), ((X, -P, P), {})], "where": [((X > 0, X, Y), {})],
    "array": [((X,), {})], "cast": [((X, "float32"), {})], "convert_to_tensor": [((X,), {}), ((X, "float32"), {})],
    "count_nonzero": [((ZERO,), {}), ((ZERO, 0), {})], "cumsum": [((X,), {"axis": 1}), ((X,), {})],
    "moments": [((CUBE, (0, 1)), {}), ((CUBE, 2), {"keepdims": True})],
    "normalize": [((X,), {}), ((X,), {"order": 1}), ((X,), {"axis": 0, "order": 3}), ((ZERO * 0.0 + 1e-9,), {})],
    "top_k": [((X, 2), {}), ((X[:, :2], 1), {})], "in_top_k": [((WHOLE, X, 2), {})],
    "arange": [((5,), {}), ((1, 7, 2), {}), ((0.5, 2.0, 0.25), {}), ((3,), {"dtype": "float64"})],
    "linspace": [((0.0, 1.0, 5), {"dtype": "float64"}), ((0.0, 1.0, 4), {"endpoint": False, "dtype": "float64"})],
    "eye": [((3,), {"dtype": "float32"}), ((2, 4, 1), {"dtype": "float32"}), ((3, 3, -1), {"dtype": "float32"})],
    "identity": [((3,), {"dtype": "float32"})], "tri": [((3, 4, 1), {"dtype": "float32"}), ((3,), {"dtype": "float32"})],
    "zeros": [(((2, 3),), {"dtype": "float32"})], "ones": [(((2, 3),), {"dtype": "int32"})],
    "full": [(((2, 3), 1.5), {"dtype": "float32"})], "full_like": [((X, 2.5), {})],
    "tril": [((CUBE,), {}), ((X, 1), {}), ((X, -1), {})], "triu": [((CUBE,), {}), ((X, 1), {}), ((X, -1), {})],
    "diag": [((V,), {}), ((V, 2), {}), ((V, -1), {}), ((SQUARE, 1), {}), ((X, -1), {})],
    "diagonal": [((CUBE,), {}), ((X, 1), {}), ((CUBE, -1, 1, 2), {})], "trace": [((X,), {}), ((CUBE, 1, 1, 2), {})],
    "reshape": [((X, (2, -1)), {}), ((X, -1), {})], "moveaxis": [((CUBE, 0, -1), {}), ((CUBE, (0, 1), (2, 0)), {})],
    "concatenate": [(([X, Y],), {}), (([X, Y],), {"axis": -1})], "stack": [(([X, Y],), {}), (([X, Y],), {"axis": 1})],
    "unstack": [((X,), {}), ((X,), {"axis": 1}), ((X, 3), {})], "vstack": [(([V, V],), {}), (([X, Y],), {})],
    "hstack": [(([V, V],), {}), (([X, Y],), {})], "dstack": [(([V, V],), {}), (([X, Y],), {}), (([CUBE, CUBE],), {})],
    "split": [((X, 2, 1), {}), ((X, (1, 3), 1), {})], "array_split": [((V, 3), {}), ((X, 2), {})],
    "hsplit": [((X, 2), {})], "vsplit": [((X.T.copy(), 2), {})],
    "pad": [((X, ((1, 2), (0, 3))), {}), ((X, ((1, 2), (1, 2))), {"constant_values": 4.0})],
    "tile": [((X, 2), {}), ((X, (2, 3)), {}), ((V, (2, 1)), {})],
    "roll": [((X, 2), {}), ((X, -1, 1), {}), ((X, (1, 2), (0, 1)), {})], "fliplr": [((X,), {})], "flipud": [((X,), {})],
    "rot90": [((X, k), {}) for k in range(-1, 4)] + [((CUBE,), {"axes": (1, 2)})],
    "meshgrid": [((V, X[0]), {}), ((V, X[0]), {"indexing": "ij"}), ((V, X[0], Y[0]), {})],
    "take": [((X, WHOLE), {}), ((X, WHOLE, 1), {}), ((CUBE, np.array([[1, 0], [2, 1]]), 1), {})],
    "take_along_axis": [((X, WHOLE[:, None], 1), {}), ((X, WHOLE), {})], "get_item": [((X, (slice(1, 3), 0)), {})],
    "slice": [((X, (1, 0), (2, 3)), {})], "diff": [((X,), {}), ((X,), {"n": 2}), ((X,), {"axis": 0})],
    "one_hot": [((WHOLE, 4), {"dtype": "float32"}), ((WHOLE, 3, 0), {"dtype": "float32"})],
    "multi_hot": [((np.array([[0, 2], [1, 1]]), 4), {"dtype": "float32"}), ((WHOLE, 4), {"dtype": "float32"})],
    "tensordot": [((CUBE, X), {"axes": ((1, 2), (0, 1))}), ((CUBE, X), {}), ((X, X.T.copy(), 1), {})],
    "binary_crossentropy": [((P, Q), {}), ((P, X), {"from_logits": True}), ((np.round(P), Q), {})],
    "categorical_crossentropy": [((Q, P), {}), ((Q, X), {"from_logits": True}), ((Q, P), {"axis": 0})],
    "sparse_categorical_crossentropy": [((WHOLE, Q), {}), ((WHOLE, X), {"from_logits": True})],
    "batch_normalization": [((X, Y[0], P[0], -1), {"offset": Y[1], "scale": P[1]}), ((X, Y[:, 0], P[:, 0], 0), {})],
    "layer_normalization": [((X, P[0], Y[0]), {}), ((CUBE,), {"axis": (1, 2), "epsilon": 1e-3})],
    "rms_normalization": [((X, P[0]), {}), ((X,), {"epsilon": 1e-2})],
    "conv": [((IMAGE[..., :2], KERNEL), {}), ((IMAGE, KERNEL, 2, "same"), {}), ((IMAGE[..., :2], KERNEL), {"dilation_rate": 2})],
    "max_pool": [((IMAGE, (2, 2), (2, 2)), {}), ((IMAGE, (3, 2), (1, 1), "same"), {})],
    "average_pool": [((IMAGE, (2, 2), (2, 2)), {}), ((IMAGE, (3, 2), (1, 1)), {})],
    "vdot": [((V, V + 1.0), {})],
    "threshold": [((X, 0.2, -1.0), {})],
}  # fmt: skip
BY_HAND = {
    "allclose", "convert_to_numpy", "cond", "dtype", "empty", "empty_like", "fori_loop", "is_tensor", "map", "ndim", "shape", "size",
    "sparsemax", "vectorized_map", "while_loop",
}  # fmt: skip
"""What is no function from arrays to arrays, or has one right answer that a line tells."""
NO_SLOPE = {
    "average",
    "heaviside",
    "stop_gradient",
    "floor_divide",
    "mod",
    "sort",
    "median",
    "sparse_plus",
    "sparse_sigmoid",
    "conv",
}
"""Slopes that Keras on PyTorch does not give, or not in these cases; ours are the rules of `autograd`, tested there."""


def test_every_name_has_cases():
    assert set(CASES) | BY_HAND == set(nn.ops.__all__)


def is_leaf(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def leaves(args):
    return [a for a in args if is_leaf(a)] + [b for a in args if isinstance(a, list) for b in a if is_leaf(b)]


def filled(args, values):
    """The arguments with other arrays in the place of the leaves."""
    values, lists = list(values), []
    plain = [values.pop(0) if is_leaf(a) else a for a in args]
    for a in plain:
        lists.append([values.pop(0) if is_leaf(b) else b for b in a] if isinstance(a, list) else a)
    return lists


def flat(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


def check(name, args, options):
    ours, theirs = getattr(nn.ops, name), getattr(keras.ops, name)
    wanted = [
        as_array(t)
        for t in flat(theirs(*filled(args, map(keras.ops.convert_to_tensor, leaves(args))), **options))
    ]
    tensors = [ag.tensor(a) for a in leaves(args)]
    found = flat(ours(*filled(args, tensors), **options))
    compiled = flat(ag.jit(lambda *values: ours(*filled(args, values), **options))(*tensors))
    assert len(found) == len(wanted) == len(compiled)
    for f, w, c in zip(found, wanted, compiled, strict=True):
        assert f.shape == w.shape, (f.shape, w.shape)
        exact = w.dtype != "float32"
        np.testing.assert_allclose(f.numpy(), w, rtol=1e-9 if exact else 1e-6, atol=1e-12)
        np.testing.assert_allclose(c.numpy(), f.numpy(), rtol=1e-12, atol=1e-14)
    single = [ag.tensor(a.astype("float32")) for a in leaves(args)]
    for f, s in zip(found, flat(ours(*filled(args, single), **options)), strict=True):
        assert s.dtype.name in ("float32", f.dtype.name), s.dtype
        if name not in ("argsort", "isclose", "nan_to_num"):  # which depend on what the dtype can hold
            np.testing.assert_allclose(s.numpy(), f.numpy(), rtol=1e-4, atol=1e-5)
    return found


def check_slopes(name, args, options, found):
    def first_of(ops, join):
        return lambda *values: join(flat(getattr(ops, name)(*filled(args, values), **options)))

    floating = [f for f in found if f.dtype.kind == "f"]
    if not floating or not leaves(args) or name in NO_SLOPE or not any(f.numpy().size for f in floating):
        return
    keep = [i for i, f in enumerate(found) if f.dtype.kind == "f"]
    ours, theirs = (first_of(ops, lambda results: results[keep[0]]) for ops in (nn.ops, keras.ops))
    value, pull = vjp(theirs, *leaves(args))
    slope = np.random.default_rng(1).normal(size=value.shape).astype(value.dtype)
    wanted = pull(slope)
    _, back = ag.vjp(ours, *map(ag.tensor, leaves(args)))
    for mine, their in zip(back(ag.tensor(slope)), wanted, strict=True):
        exact = not any(isinstance(value, str) and value == "float32" for value in options.values())
        np.testing.assert_allclose(mine.numpy(), their, rtol=1e-7 if exact else 1e-6, atol=1e-9)


@pytest.mark.parametrize("name", sorted(CASES))
def test_values_and_slopes(name):
    for args, options in CASES[name]:
        with np.errstate(all="ignore"):
            found = check(name, args, options)
            if not any(np.isnan(a).any() or np.isinf(a).any() for a in leaves(args)):
                check_slopes(name, args, options, found)


def test_by_hand():
    ops, x = nn.ops, ag.tensor(X)
    assert (ops.dtype(x), ops.shape(x), ops.ndim(x), ops.size(x)) == ("float64", (3, 4), 2, 12)
    assert ops.is_tensor(x)
    assert not ops.is_tensor(X)
    assert isinstance(ops.convert_to_numpy(x), np.ndarray)
    assert ops.allclose(X, X + 1e-12).item()
    assert not ops.allclose(X, X + 1.0).item()
    assert ops.empty((2, 3)).shape == (2, 3)
    assert ops.empty_like(x).dtype.name == "float64"
    assert ops.cond(True, lambda: 1, lambda: 1 / 0) == 1
    assert ops.cond(False, lambda: 1 / 0, lambda: 2) == 2
    assert ops.fori_loop(0, 4, lambda i, total: total + i, 0) == 6
    assert ops.while_loop(lambda i, s: i < 3, lambda i, s: (i + 1, s * 2), (0, 1)) == (3, 8)
    assert ops.while_loop(lambda i: True, lambda i: i + 1, 0, maximum_iterations=5) == 5
    np.testing.assert_array_equal(ops.pad(x, 1).numpy(), np.pad(X, 1))
    np.testing.assert_array_equal(
        ops.pad(x, (1, 2), constant_values=4.0).numpy(), np.pad(X, (1, 2), constant_values=4.0)
    )
    assert [part.tolist() for part in ops.top_k([1.0, 5.0, 5.0, 2.0], 3)] == [[5.0, 5.0, 2.0], [1, 2, 3]]
    np.testing.assert_allclose(ops.average(x, 1, P).numpy(), np.average(X, 1, P))
    np.testing.assert_allclose(ops.sparsemax(x).numpy().sum(-1), 1.0)
    same = ops.average_pool(IMAGE, (3, 2), (1, 1), "same").numpy()
    np.testing.assert_allclose(same, nn.AveragePooling2D((3, 2), (1, 1), "same")(IMAGE).numpy())
    for run in (ops.map, ops.vectorized_map):
        np.testing.assert_array_equal(run(lambda row: row.sum(), x).numpy(), X.sum(1))
        np.testing.assert_array_equal(run(lambda rows: rows[0] + rows[1], (x, x)).numpy(), X + X)


REFUSED = {
    "pad": lambda ops: ops.pad(X, 1, mode="reflect"),
    "trace": lambda ops: ops.diag(CUBE),
    "unstack": lambda ops: ops.unstack(X, 4),
    "top_k": lambda ops: ops.top_k(X, 9),
    "norm": lambda ops: ops.norm(X, "nuc"),
    "average": lambda ops: ops.average(X, 0, weights=V),
    "meshgrid": lambda ops: ops.meshgrid(V, indexing="yx"),
    "slice": lambda ops: ops.slice(X, (2, 0), (2, 4)),
    "conv": lambda ops: ops.conv(CUBE, CUBE),
    "max_pool": lambda ops: ops.max_pool(IMAGE, 2, data_format="last"),
    "cross entropy": lambda ops: ops.binary_crossentropy(X, V),
}


def test_what_is_refused():
    for call in REFUSED.values():
        with pytest.raises(ValueError, match=r"(is|are|lies|have|expected)"):
            call(nn.ops)
    with pytest.raises(AttributeError, match=r"nn.ops has no 'svd'.*docs/keras.md"):
        _ = nn.ops.svd
