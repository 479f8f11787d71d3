"""Every op as a file of ONNX, at the inputs that its declaration names: ONNX Runtime computes what NumPy does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import autograd as ag
from autograd import exporting
from autograd.call import apply
from autograd.exporting import FileNames, onnx_bytes
from autograd.ops import OPS
from autograd.testing import samples
from backends.primitives import PRIMITIVES
from backends.to_onnx.translate import rule_of

pytest.importorskip("onnx", reason="the extra gradloom[onnx] is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
pytestmark = [pytest.mark.oracle, pytest.mark.once]
NEAR = dict(rtol=1e-5, atol=2e-6)
"""Sums in float32 in another order; functions to a few roundings."""


def computed(function, inputs, rows=None):
    """What ONNX Runtime makes of `function`, exported for inputs of these shapes; with `rows` for any number of them."""
    names = FileNames("op", [f"x{i}" for i in range(len(inputs))], ["y"])

    def example(count):
        shapes = [x.shape if rows is None else (count, *x.shape[1:]) for x in inputs]
        return [ag.zeros(shape, x.dtype) for shape, x in zip(shapes, inputs, strict=True)]

    data = onnx_bytes(lambda xs: function(*xs), example, {}, names, 18, 1 if rows is None else None)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    known = {port.name for port in session.get_inputs()}
    (result,) = session.run(None, {n: x for n, x in zip(names.inputs, inputs, strict=True) if n in known})
    return result


def compare(title, function, inputs, **settings):
    with np.errstate(all="ignore"):
        expected = function(*map(ag.tensor, inputs)).numpy()
    try:
        found = computed(function, inputs, **settings)
    except Exception as error:
        error.add_note(title)
        raise
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), title
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, err_msg=title, **NEAR)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=title)


def sampled(dtype="float32"):
    for op in OPS.values():
        yield from samples(op, dtype)


@pytest.mark.parametrize("whole", [True, False], ids=["ops as one node", "primitives alone"])
def test_every_op_computes_the_same(whole, monkeypatch):
    if not whole:
        monkeypatch.setattr(exporting, "_OPS", {})
    for sample in sampled():
        if sample.inputs:
            compare(str(sample), lambda *xs, s=sample: apply(s.op, xs, dict(s.static)), list(sample.inputs))


def test_every_primitive_but_draws_has_a_form_and_is_in_an_op():
    seen = set()
    for sample in sampled():
        trace, _ = sample.op.trace([*map(spec, sample.inputs)], dict(sample.static))
        seen |= {step.primitive for step in trace._instructions}
    assert {name for name in PRIMITIVES if rule_of(name) is None} == {"random_bits"}
    assert set(PRIMITIVES) - seen <= {"random_bits", "full", "round_to"}


def spec(x):
    from backends.contract import Spec

    return Spec(x.shape, x.dtype)


def test_whole_numbers_and_truth_values():
    signed = np.array([-7, -3, 0, 5, 7, 100], np.int64)
    other = np.array([2, -2, 3, -3, 7, 9], np.int64)
    truths = np.array([True, False, True, True, False, True])
    others = np.array([True, True, False, True, False, False])
    for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "floor_divide", "remainder"):
        function = getattr(ag, name)
        for dtype in ("int64", "int32", "int8", "int16"):
            compare(f"{name} {dtype}", function, [signed.astype(dtype), other.astype(dtype)])
        compare(f"{name} of mixed", function, [signed, other.astype(np.float32)])
        compare(f"{name} of a number", lambda x, f=function: f(x, 3), [signed])
    for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
        function = getattr(ag, name)
        compare(name, function, [signed, other])
        compare(f"{name} of truths", function, [truths, others])
        compare(f"{name} of a fraction", lambda x, f=function: f(x, 4.5), [signed])
    for name in ("logical_and", "logical_or", "add", "multiply", "maximum", "minimum"):
        compare(name, getattr(ag, name), [truths, others])
    for name in ("sum", "prod", "max", "min", "argmax", "argmin", "cumsum", "argsort", "any", "all"):
        function = getattr(ag, name)
        compare(f"{name} of truths", lambda x, f=function: f(x, axis=0), [truths])
        compare(f"{name} of integers", lambda x, f=function: f(x, axis=0), [signed])
    compare("casts", lambda x: (x * 0.7).to("int32").to("bool").to("float64"), [signed.astype(np.float32)])


def test_extreme_values():
    far = np.array(
        [-np.inf, -1e30, -100.0, -1e-20, -0.0, 0.0, 1e-20, 1e-7, 0.3, 100.0, 1e30, np.inf], np.float32
    )
    for name in (
        "sigmoid",
        "tanh",
        "relu",
        "softplus",
        "isfinite",
        "sign",
        "exp",
        "abs",
        "floor",
        "rint",
        "erf",
    ):
        compare(name, getattr(ag, name), [far])
    small = np.array(
        [-0.9999, -0.5, -1e-3, -1e-7, -1e-20, 0.0, 1e-20, 1e-7, 1e-3, 0.49, 0.51, 3.0, 1e10], np.float32
    )
    for name in ("log1p", "expm1"):
        inputs = small if name == "log1p" else small.clip(max=80)
        found, expected = computed(getattr(ag, name), [inputs]), getattr(ag, name)(ag.tensor(inputs)).numpy()
        np.testing.assert_allclose(
            found, expected, rtol=2e-6, err_msg=name
        )  # in relation to the smallest, too
    whole, parts = (np.float32([6, -6, 6, -6, 5, -5, 0.5]), np.float32([3, 3, -3, -3, 3, -3, -0.25]))
    for name in ("remainder", "floor_divide"):
        compare(name, getattr(ag, name), [whole, parts])
    y, x = (part.ravel() for part in np.meshgrid([-2.0, 0.0, 0.5], [-1.0, 0.0, 3.0]))
    compare("arctan2", ag.arctan2, [y.astype(np.float32), x.astype(np.float32)])
    compare("hypot", ag.hypot, [np.float32([0, 1e30, 3]), np.float32([0, 1e30, 4])])
    compare("logaddexp", ag.logaddexp, [np.float32([-np.inf, 0, 1000]), np.float32([-np.inf, 0, -1000])])


def test_places_on_several_axes_stand_where_numpy_puts_them():
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
    first, second = np.array([[0, 1]]), np.array([[2], [3], [-1]])
    keys = {
        "beside each other": (slice(None), first, second),
        "apart": (slice(None), first, slice(None), second),
        "apart by nothing": (slice(None), first, ..., second, slice(None)),
        "with a number": (0, slice(1, None), first, second),
        "with a new axis between": (slice(None), first, None, second),
        "with a new axis before": (None, slice(None), first, second),
        "backwards": (slice(None, None, -1), -1, slice(2, 0, -1)),
    }
    for title, key in keys.items():
        compare(title, lambda x, k=key: x[k], [x])


def test_what_follows_the_number_of_rows():
    x = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    known = np.array([[2, 0], [1, 1]])
    functions = {
        "the shape of the rows": lambda x: x * x.shape[0] + ag.arange(x.shape[0]).reshape(-1, 1),
        "zeros as many": lambda x: ag.zeros((x.shape[0], 2)) + x.sum(axis=1, keepdims=True),
        "all in one": lambda x: x.reshape(-1),
        "twice as many": lambda x: ag.concat([x, x], axis=0),
        "the first half of twice as many": lambda x: ag.concat([x, x], axis=0)[: x.shape[0]],
        "backwards": lambda x: x[::-1, ::-2],
        "all but the last": lambda x: x[:-1],
        "products of all": lambda x: x @ x.T,
        "two sizes and one between": lambda x: (x @ x.T).reshape(x.shape[0], 1, x.shape[0]),
        "a column each": lambda x: x[ag.arange(x.shape[0]), ag.arange(x.shape[0]) * 0 + 1],
        "places of columns": lambda x: ag.take(x, ag.tensor(known), axis=1),
        "new axes": lambda x: x[:, None, 1:, None],
        "repeated": lambda x: x.expand_dims(1).broadcast_to((x.shape[0], 2, 3)),
        "added at places": lambda x: ag.index_add(
            x, ag.tensor([0, 2, 0]), key=(slice(None), exporting_slot(0)), shape=(x.shape[0], 4)
        ),
    }
    for title, function in functions.items():
        for rows in (1, 2, 4, 7):
            given = np.resize(x, (rows, 3))
            compare(f"{title}, {rows} rows", function, [given], rows=rows)


def exporting_slot(position):
    from backends.shapes import Slot

    return Slot(position)


def test_what_no_file_can_say():
    x = np.ones((4, 3), np.float32)
    functions = {
        "depends on the number of rows": lambda x: x if x.shape[0] > 4 else ag.exp(x),
        "a shape is": lambda x: x.sum() + ag.zeros((x.shape[0] ** 2,)),
        "an array that it holds": lambda x: x + np.full((1, 3), x.shape[0], np.float32),
        "a number is": lambda x: x / x.shape[0] ** 0.5,
        "random numbers": lambda x: x + ag.random.uniform(x.shape[1:]),
    }
    for words, function in functions.items():
        state = {}
        if words == "random numbers":
            generator = ag.random.default_generator()
            state = {"random.key": generator.key, "random.counter": generator.counter}
        with pytest.raises(ag.GradloomError, match=words):
            onnx_bytes(
                lambda xs, f=function: f(*xs),
                lambda n: [ag.zeros((n, 3))],
                state,
                FileNames("op", ["x"], ["y"]),
                18,
            )
    assert x.size


def test_the_page_names_the_nodes_that_onnx_runtime_has_not_in_float64():
    """And no others; a later version may have some."""
    page = (Path(__file__).parents[2] / "docs" / "onnx.md").read_text(encoding="utf-8")
    said = re.search(r"no kernels in float64 on CPUs for (.*?):", page, flags=re.DOTALL).group(1)
    found = set()
    for sample in sampled("float64"):
        if sample.inputs:
            try:
                computed(lambda *xs, s=sample: apply(s.op, xs, dict(s.static)), list(sample.inputs))
            except Exception as error:
                found.add(re.search(r"an implementation for (\w+)\(", str(error)).group(1))
    assert found
    assert found <= set(re.findall(r"`(\w+)`", said))
