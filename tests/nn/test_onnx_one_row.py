"""Exports of models that do something else for a single row than for many: refused, unless both are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx_rows import exported, run

import autograd as ag
import nn
from autograd import array_api as xp
from autograd import exporting
from autograd.exporting import ROWS
from autograd.tracing import capture_by
from backends.contract import as_array
from backends.to_onnx import Recording, evaluated, merged

pytest.importorskip("onnx", reason="the extra gradloom[onnx] is not installed")
PAGE = (Path(__file__).parents[2] / "docs" / "onnx.md").read_text(encoding="utf-8")
pytestmark = [pytest.mark.oracle, pytest.mark.once]


def model_of(function, shape=(6,), dtype=None):
    return nn.Sequential([nn.Input(shape, dtype=dtype), nn.Lambda(function)])


def other_things():
    """Functions that a file cannot say, and why."""
    otherwise = r"Lambda 'lambda': it does something else for one row than for many"
    return {
        "a branch": (lambda x: x if x.shape[0] > 1 else x * 100.0, otherwise),
        "the other branch": (lambda x: x * 100.0 if x.shape[0] > 1 else x, otherwise),
        "a number": (lambda x: x * (1.0 if x.shape[0] > 1 else 100.0), otherwise),
        "an array": (
            lambda x: x * ag.tensor(np.full(6, 1.0 + (x.shape[0] == 1), np.float32)),
            "it does something else for one row than for many",
        ),
        "a draw": (lambda x: x if x.shape[0] > 1 else x + ag.random.normal(x.shape), otherwise),
        "of negative numbers": (lambda x: ag.relu(x) if x.shape[0] > 1 else x, otherwise),
        "a value": (
            lambda x: x if x.shape[0] > 1 else x * float(x.sum()), r"Lambda 'lambda' cannot be traced: item\(\)"
        ),
    }  # fmt: skip


def test_what_one_row_alone_does_is_refused():
    for name, (function, words) in other_things().items():
        try:
            with pytest.raises(nn.ArgumentError, match=f"export: .*{words}"):
                exported(model_of(function))
        except BaseException as error:
            error.add_note(name)
            raise


def test_what_reads_bits_is_refused_and_the_page_says_what_to_write():
    model = model_of(lambda x: xp.copysign(x, x - 1.0))
    with pytest.raises(nn.ArgumentError, match=r"Lambda 'lambda' cannot be traced: copysign is computed"):
        exported(model)
    for name in ("copysign", "signbit", "nextafter", "bitwise_and"):
        assert f"`{name}`" in PAGE
    x, y = ag.tensor([1.5, -2.0, 3.0]), ag.tensor([-1.0, 0.0, 2.0])
    assert "`ag.where(y < 0, -abs(x), abs(x))`" in PAGE
    assert ag.where(y < 0, -abs(x), abs(x)).tolist() == xp.copysign(x, y).tolist()


def test_whole_numbers_are_compared_too():
    with pytest.raises(nn.ArgumentError, match="something else for one row"):
        exported(model_of(lambda x: x + 1 if x.shape[0] > 1 else x + 2, dtype="int64"))


def test_other_instructions_for_the_same_are_none():
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    x = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    functions = (
        lambda x: x * 2.0 if x.shape[0] > 1 else x + x,
        lambda x: ag.reshape(x, (-1, 3, 2)) if x.shape[0] > 1 else ag.expand_dims(ag.reshape(x, (3, 2)), 0),
        lambda x: (
            (x - x.mean(axis=0)) / (1.0 + x.std(axis=0)) if x.shape[0] > 1 else (x - x) / (1.0 + x * 0.0)
        ),
    )
    for function in functions:
        model = model_of(function)
        data = exported(model)
        for count in (1, 4):
            (found,) = run(data, x[:count])
            np.testing.assert_allclose(found, model.predict(x[:count]), rtol=1e-5, atol=1e-6)


def test_what_refuses_one_row_is_exported_for_more():
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")

    def neighbour(x):
        return x - x[1]

    x = ag.tensor(np.arange(18, dtype=np.float32).reshape(3, 6))
    names = exporting.FileNames("neighbour", ["input"], ["y"])
    data = exporting.onnx_bytes(neighbour, lambda n: ag.zeros((n, 6)), {}, names, 18)
    (found,) = run(data, x.numpy())
    assert found.tolist() == neighbour(x).tolist()


def test_programs_of_lines_mean_what_the_function_does():
    """For numbers of rows that no trace had; among them sizes, slices and numbers that follow the rows."""
    functions = (
        lambda x: (x - x.mean(axis=0)) / (1.0 + x.std(axis=0)),
        lambda x: ag.concat([x[1:], x[:1]], axis=0),
        lambda x: ag.reshape(x, (x.shape[0] * 2, 3)).sum() + x * x.shape[0],
        lambda x: ag.where(x > 0.0, x, ag.zeros(x.shape)).cumsum(axis=1),
        lambda x: ag.softmax(x @ ag.ones((6, 4))),
    )
    for function in functions:
        traces = [Recording({}) for _ in ROWS]
        captured = [
            capture_by(trace, function, ag.zeros((rows, 6)), state={})
            for trace, rows in zip(traces, ROWS, strict=True)
        ]
        lines = merged([c.program for c in captured], [t.calls for t in traces], ROWS)
        backend = captured[0].backend
        state = {name: tensor._data for name, tensor in captured[0].state.items()}
        for rows in (1, 2, 8):
            x = ag.tensor(np.random.default_rng(rows).normal(size=(rows, 6)).astype(np.float32))
            (found,) = evaluated(lines, backend, rows, state, [x._data])
            wanted = function(x).numpy()
            np.testing.assert_allclose(
                ag.Tensor.wrap(as_array(backend, found), backend).numpy(), wanted, rtol=1e-5, atol=1e-6
            )
