"""The vocabulary against NumPy: every primitive's shape and dtype rule, and its scalar text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import backends
from backends.contract import SUPPORTED, Spec, resolve_dtype
from backends.errors import DTypeError, GradloomError, ProgramError, ShapeError
from backends.primitives import PRIMITIVES
from backends.program import Symbol, TraceBackend
from backends.shapes import Slot

NUMPY = backends.get("numpy")
DTYPES = st.sampled_from([SUPPORTED[name] for name in SUPPORTED])
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
ELEMENTWISE = [
    row for row in PRIMITIVES.values() if row.kind == "elementwise" and row.name not in ("astype", "round_to")
]
REDUCTIONS = [row for row in PRIMITIVES.values() if row.kind == "reduction"]


def run(name, *operands, **static):
    """The result of NumPy, or the error that the rule has to predict."""
    try:
        with NUMPY.quiet():
            return np.asarray(getattr(NUMPY, name)(*operands, **static))
    except (TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        return error


def check(name, *operands, **static):
    """The rule predicts shape and dtype of the real result, and refuses where NumPy does."""
    specs = [Spec(o.shape, o.dtype) if isinstance(o, np.ndarray) else o for o in operands]
    real = run(name, *operands, **static)
    if isinstance(real, Exception):
        with pytest.raises(GradloomError) as caught:
            PRIMITIVES[name].infer(specs, static)
        assert str(caught.value)
        return
    assert PRIMITIVES[name].infer(specs, static) == Spec(real.shape, real.dtype)


def array(shape, dtype, seed=0):
    """Small positive values, so that no power or division depends on them."""
    values = np.random.default_rng(seed).integers(1, 4, shape)
    return np.asarray(values).astype(dtype)


@pytest.mark.parametrize("backend", [NUMPY, TraceBackend()], ids=["numpy", "trace"])
def test_every_primitive_exists(backend):
    for name in PRIMITIVES:
        assert callable(getattr(backend, name)), name


@pytest.mark.parametrize("backend", [NUMPY, TraceBackend()], ids=["numpy", "trace"])
def test_every_member_of_the_contract_exists(backend):
    for name in vars(backends.Backend):
        if not name.startswith("_"):
            assert hasattr(backend, name), name
    assert isinstance(backend.name, str)
    assert isinstance(backend.array_type, type)


def test_rows_are_complete():
    for row in PRIMITIVES.values():
        # those of the array library alone have no text
        assert row.kind == "elementwise" or row.numba is None
        assert (row.numba is None) == (row.cuda is None)
        if row.numba is not None:
            for text in (row.numba, row.cuda):
                assert all(f"{{{i}}}" in text for i in range(row.arity))


@pytest.mark.parametrize("row", [r for r in ELEMENTWISE if r.arity == 1], ids=lambda r: r.name)
@given(shape=SHAPES, dtype=DTYPES)
def test_unary(row, shape, dtype):
    check(row.name, array(shape, dtype))


@pytest.mark.parametrize("row", [r for r in ELEMENTWISE if r.arity == 2], ids=lambda r: r.name)
@given(
    shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0),
    first=DTYPES,
    second=DTYPES,
)
def test_binary(row, shapes, first, second):
    a, b = shapes.input_shapes
    check(row.name, array(a, first), array(b, second, 1))


@pytest.mark.parametrize("row", [r for r in ELEMENTWISE if r.arity == 2], ids=lambda r: r.name)
@given(shape=SHAPES, dtype=DTYPES, number=st.sampled_from([True, 1, 2, 1.5]), first=st.booleans())
def test_numbers_are_weak(row, shape, dtype, number, first):
    operand = array(shape, dtype)
    check(row.name, *((operand, number) if first else (number, operand)))


@given(
    shapes=hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3, min_side=0),
    first=DTYPES,
    second=DTYPES,
    number=st.sampled_from([None, True, 2, 0.5]),
)
def test_where(shapes, first, second, number):
    condition, a, b = shapes.input_shapes
    other = array(b, second) if number is None else number
    check("where", array(condition, bool), array(a, first), other)


@pytest.mark.parametrize("row", [r for r in ELEMENTWISE if r.arity == 2], ids=lambda r: r.name)
def test_shapes_that_do_not_broadcast(row):
    dtype = "int64" if row.name == "right_shift" else "float32"
    check(row.name, array((2, 3), dtype), array((2, 4), dtype))
    with pytest.raises(ShapeError, match="3 and 4 differ on axis -1"):
        row.infer([Spec((2, 3), np.dtype(dtype)), Spec((2, 4), np.dtype(dtype))], {})


@given(shape=SHAPES, source=DTYPES, target=DTYPES)
def test_astype(shape, source, target):
    check("astype", array(shape, source), dtype=target)


@pytest.mark.parametrize("row", REDUCTIONS, ids=lambda r: r.name)
@given(data=st.data(), shape=SHAPES, dtype=DTYPES, keepdims=st.booleans())
def test_reductions(row, data, shape, dtype, keepdims):
    axes = tuple(range(len(shape)))
    if row.name in ("argmax", "argmin"):
        if not axes:
            return
        axis = (data.draw(st.sampled_from(axes)),)
    else:
        axis = tuple(sorted(data.draw(st.sets(st.sampled_from(axes))))) if axes else ()
    check(row.name, array(shape, dtype), axis=axis, keepdims=keepdims)


@pytest.mark.parametrize("name", ["cumsum", "argsort"])
@given(data=st.data(), shape=hnp.array_shapes(max_dims=3, max_side=3, min_side=0), dtype=DTYPES)
def test_scans(name, data, shape, dtype):
    check(name, array(shape, dtype), axis=data.draw(st.integers(0, len(shape) - 1)))


@given(data=st.data(), shape=SHAPES, dtype=DTYPES)
def test_permute_dims(data, shape, dtype):
    axes = data.draw(st.permutations(range(len(shape))))
    check("permute_dims", array(shape, dtype), axes=tuple(axes))


@given(shape=SHAPES, new=SHAPES, dtype=DTYPES)
def test_reshape(shape, new, dtype):
    check("reshape", array(shape, dtype), shape=new)


@given(shape=SHAPES, new=SHAPES, dtype=DTYPES)
def test_broadcast_to(shape, new, dtype):
    check("broadcast_to", array(shape, dtype), shape=new)


def test_broadcast_to_many_elements_is_a_view_with_the_same_values():
    x = array((1, 3), "float32")
    y = NUMPY.broadcast_to(x, shape=(5000, 3))
    assert np.shares_memory(x, y)
    assert np.array_equal(y, np.broadcast_to(x, (5000, 3)))


@given(
    data=st.data(),
    shape=hnp.array_shapes(max_dims=3, max_side=3, min_side=0),
    dtypes=st.lists(DTYPES, min_size=1, max_size=3),
)
def test_concat(data, shape, dtypes):
    axis = data.draw(st.integers(0, len(shape) - 1))
    parts = [
        array((*shape[:axis], data.draw(st.integers(0, 3)), *shape[axis + 1 :]), dtype) for dtype in dtypes
    ]
    check("concat", *parts, axis=axis)


def test_concat_refuses():
    check("concat", array((2, 3), "float32"), array((2, 4), "float32"), axis=0)
    check("concat", array((2, 3), "float32"), array((2,), "float32"), axis=0)
    check("concat", axis=0)


@given(data=st.data(), shape=SHAPES, dtype=DTYPES)
def test_pad(data, shape, dtype):
    widths = tuple(data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2))) for _ in shape)
    check("pad", array(shape, dtype), pad_width=widths, value=1)


@given(data=st.data())
def test_getitem_and_its_transpose(data):
    # with an Ellipsis any entry may meet any axis, so none reaches beyond the shortest
    shape, length = (3, 4, 2), 2
    arrays, key = [], []
    for _ in range(data.draw(st.integers(0, 3))):
        kind = data.draw(st.sampled_from(["int", "slice", "slot"]))
        if kind == "int":
            key.append(data.draw(st.integers(-length, length - 1)))
        elif kind == "slice":
            key.append(data.draw(st.slices(length)))
        else:
            key.append(Slot(len(arrays)))
            arrays.append(data.draw(hnp.arrays(np.int64, 2, elements=st.integers(-length, length - 1))))
    if data.draw(st.booleans()):
        key.insert(data.draw(st.integers(0, len(key))), None)
    if data.draw(st.booleans()):
        key.insert(data.draw(st.integers(0, len(key))), ...)
    x = np.arange(24.0).reshape(shape)
    check("getitem", x, *arrays, key=tuple(key))
    y = NUMPY.getitem(x, *arrays, key=tuple(key))
    g = np.asarray(np.random.default_rng(0).normal(size=np.shape(y)))
    check("index_add", g, *arrays, key=tuple(key), shape=shape)
    # <y, g> = <x, index_add(g)>: that is what transpose means
    back = NUMPY.index_add(g, *arrays, key=tuple(key), shape=shape)
    assert np.sum(y * g) == pytest.approx(np.sum(x * back), rel=1e-12, abs=1e-9)


@given(data=st.data(), dtype=DTYPES)
def test_windows_and_their_transpose(data, dtype):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=7))
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    axes = [axis - data.draw(st.sampled_from([0, len(shape)])) for axis in axes]
    numbers = st.tuples(*[st.integers(1, 3)] * len(axes))
    lie = dict(axes=tuple(axes), size=data.draw(numbers))
    lie |= dict(stride=data.draw(numbers), dilation=data.draw(numbers))
    x = array(shape, dtype)
    check("windows", x, **lie)
    if isinstance(run("windows", x, **lie), Exception):
        return
    x = np.random.default_rng(0).normal(size=shape)
    y = NUMPY.windows(x, **lie)
    assert np.shares_memory(x, y)
    for place in np.ndindex(y.shape):
        at = list(place[: len(shape)])  # negative axes count from its end too
        for axis, step, gap, inside in zip(
            axes, lie["stride"], lie["dilation"], place[len(shape) :], strict=True
        ):
            at[axis] = at[axis] * step + inside * gap
        assert y[place] == x[tuple(at)]
    check("windows_add", array(y.shape, dtype), **lie, shape=shape)
    check("windows_add", array((*y.shape, 1), dtype), **lie, shape=shape)
    g = np.random.default_rng(1).normal(size=y.shape)
    back = NUMPY.windows_add(g, **lie, shape=shape)
    assert np.sum(y * g) == pytest.approx(np.sum(x * back), rel=1e-12, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (dict(size=(0, 2)), "are 1 or more, got 0, 1 and 1"),
        (dict(stride=(1, -1)), "are 1 or more, got 2, -1 and 1"),
        (dict(dilation=(4, 1)), "windows of 5 do not fit on axis 0 of size 4"),
        (dict(axes=(0, 0)), "twice"),
        (dict(size=(2,)), "as many sizes"),
    ],
)
def test_windows_that_make_no_sense(change, text):
    lie = dict(axes=(0, 1), size=(2, 2), stride=(1, 1), dilation=(1, 1)) | change
    check("windows", array((4, 5), "float32"), **lie)
    with pytest.raises(ShapeError, match=text):
        PRIMITIVES["windows"].infer([Spec((4, 5), np.dtype("float32"))], lie)


def test_nothing_can_be_written_through_a_window():
    x = array((5,), "float32")
    view = NUMPY.windows(x, axes=(0,), size=(2,), stride=(1,), dilation=(1,))
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0] = 1


@given(
    batches=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3),
    sizes=st.tuples(*[st.integers(0, 3)] * 4),
    first=DTYPES,
    second=DTYPES,
)
def test_matmul(batches, sizes, first, second):
    a, b = batches.input_shapes
    n, k, other, m = sizes
    check("matmul", array((*a, n, k), first), array((*b, k, m), second))
    check("matmul", array((*a, n, k), first), array((*b, other, m), second))


@given(shape=SHAPES)
def test_random_bits(shape):
    key = np.array(3, np.uint64)
    check("random_bits", key, key, shape=shape)


@given(shape=SHAPES, dtype=DTYPES, value=st.sampled_from([0, 1, True, 1.5]))
def test_full(shape, dtype, value):
    check("full", shape=shape, value=value, dtype=dtype)


@given(start=st.integers(-5, 5), stop=st.integers(-5, 5), step=st.sampled_from([-2, -1, 1, 3, 0.5, 0]))
def test_arange(start, stop, step):
    check("arange", start=start, stop=stop, step=step, dtype=np.dtype("float64"))


def test_wrong_number_of_operands():
    with pytest.raises(ProgramError, match="add takes 2 operands, got 1"):
        PRIMITIVES["add"].infer([Spec((), np.dtype("float32"))], {})


def test_results_do_not_alias_what_the_caller_may_change():
    """`accumulate` alone may write, and only into its first operand."""
    total, term = array((3,), "float64"), array((3,), "float64", 1)
    kept = term.copy()
    expected = total + term
    found = NUMPY.accumulate(total, term)
    assert np.array_equal(found, expected)
    assert np.array_equal(term, kept)
    mixed = NUMPY.accumulate(array((3,), "float32"), term)
    assert mixed.dtype == np.float64


def test_owned():
    x = np.arange(6.0).reshape(2, 3)
    own = np.arange(6.0)
    assert NUMPY.owned(own) is own
    for view in (x, x.T, x[0], np.float64(3.0), np.broadcast_to(own, (2, 6))):
        copy = NUMPY.owned(view)
        assert type(copy) is np.ndarray
        assert copy.base is None
        assert copy.flags.c_contiguous
        assert np.array_equal(copy, view)
    again = NUMPY.owned(own, shared=True)
    assert not np.shares_memory(again, own)


def test_dtype_names():
    assert resolve_dtype("float32") is SUPPORTED["float32"]
    assert resolve_dtype(np.float32) == "float32"
    assert resolve_dtype(float) == "float64"
    assert resolve_dtype(np.dtype(">f4")) == "float32"
    with pytest.raises(DTypeError, match="Did you mean 'float32'"):
        resolve_dtype("float23")


def test_specs_print_as_programs_write_them():
    assert str(Spec((2, 3), np.dtype("float32"))) == "float32[2, 3]"
    assert str(Spec((), np.dtype("bool"))) == "bool[]"
    assert (Spec((2, 3), np.dtype("bool")).size, Spec((), np.dtype("bool")).ndim) == (6, 0)


def test_symbols_have_the_attributes_of_arrays():
    symbol = TraceBackend().parameter(Spec((2, 3), np.dtype("float32")), "input", "x")
    assert isinstance(symbol, Symbol)
    assert (symbol.shape, symbol.dtype, symbol.ndim, symbol.size) == ((2, 3), "float32", 2, 6)
    assert repr(symbol) == "%0: float32[2, 3]"


@pytest.mark.parametrize(
    "key",
    [
        (None, 0, Slot(0), ..., 0),
        (Slot(0), ..., 0, 0),
        (0, ..., Slot(0), 1),
        (..., 0, Slot(0), 0),
        (0, Slot(0), 0, ...),
        (Slot(0), None, 0, 0),
    ],
)
def test_where_axes_of_index_arrays_go(key):
    """NumPy moves them to the front when something stands between two of them, be it an Ellipsis for no axis."""
    check("getitem", np.arange(24.0).reshape(3, 4, 2), np.array([1, 0]), key=key)
