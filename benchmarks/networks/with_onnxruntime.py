"""ONNX Runtime: a dense network as the file that it reads, written here, for it answers and does not train.

An ONNX file is a message of Protocol Buffers: fields, each with a number and a kind in front of it. Four kinds of
nodes are all that a perceptron needs, so no package that makes such files is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from ..work import Skip
from .job import Job, Make
from .problems import Array, Dense

_FLOAT = 1
_IR_VERSION, _OPSET = 8, 13


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _tensor(name: str, array: Array) -> bytes:
    dims = b"".join(_number(1, size) for size in array.shape)
    return (
        dims + _number(2, _FLOAT) + _bytes(8, name) + _bytes(9, np.ascontiguousarray(array, "<f4").tobytes())
    )


def _value(name: str, columns: int) -> bytes:
    """An input or output (rows, columns), of any number of rows."""
    shape = _bytes(1, _bytes(2, "rows")) + _bytes(1, _number(1, columns))
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, _FLOAT) + _bytes(2, shape)))


def _node(kind: str, inputs: Sequence[str], output: str) -> bytes:
    return b"".join(_bytes(1, name) for name in inputs) + _bytes(2, output) + _bytes(4, kind)


def onnx_of(job: Job) -> bytes:
    """The network with its first weights, probabilities at its end, as the bytes of a file."""
    nodes, initializers, signal = [], [], "x"
    pairs = zip(job.problem.layers, job.weights, strict=True)
    for number, (layer, arrays) in enumerate((layer, arrays) for layer, arrays in pairs if arrays):
        assert isinstance(layer, Dense)
        names = [f"w{number}", f"b{number}"][: len(arrays)]
        initializers += [_tensor(name, array) for name, array in zip(names, arrays, strict=True)]
        nodes.append(_node("Gemm", [signal, *names], f"sums{number}"))
        signal = f"sums{number}"
        if layer.relu:
            nodes.append(_node("Relu", [signal], f"relu{number}"))
            signal = f"relu{number}"
    nodes.append(_node("Sigmoid" if job.problem.binary else "Softmax", [signal], "probabilities"))
    graph = b"".join(_bytes(1, node) for node in nodes) + _bytes(2, "perceptron")
    graph += b"".join(_bytes(5, tensor) for tensor in initializers)
    graph += _bytes(11, _value("x", job.problem.inputs[0]))
    graph += _bytes(12, _value("probabilities", job.problem.outputs))
    return _number(1, _IR_VERSION) + _bytes(8, _bytes(1, "") + _number(2, _OPSET)) + _bytes(7, graph)


class OnnxAnswers:
    """Answers as a trainer does; it does not train."""

    def __init__(self, job: Job) -> None:
        if not job.problem.dense_only:
            raise Skip("only perceptrons are written as ONNX here")
        library: Any = importlib.import_module("onnxruntime")
        options = library.SessionOptions()
        options.intra_op_num_threads = job.where.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = library.InferenceSession(onnx_of(job), options, providers=["CPUExecutionProvider"])

    def predict(self, x: Array) -> Array:
        found: Array = self._session.run(None, {"x": x})[0]
        return found

    def train(self, epochs: int) -> NoReturn:
        raise Skip("ONNX Runtime answers, it does not train")

    def step_loss(self, x: Array, y: Array) -> NoReturn:
        raise Skip("ONNX Runtime answers, it does not train")


def prepare() -> tuple[str, Make]:
    return importlib.import_module("onnxruntime").__version__, OnnxAnswers
