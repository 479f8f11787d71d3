"""The bytes of a file, checked by onnx itself before anybody sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ExportError
from .sizes import Rows
from .translate import Graph, Port

OPSETS = (18, 22)
"""The oldest and the newest set of operators that files may be written for."""
LARGEST = 2**31 - 2**24
"""Bytes of the weights in a file: Protocol Buffers hold less than 2 GiB, with names and nodes."""


def file_bytes(graph: Graph, name: str, opset: int, producer: tuple[str, str]) -> bytes:
    """A model file of ONNX.

    Args:
        graph: what it computes.
        name: of the model.
        opset: the set of operators, one of `OPSETS`.
        producer: the name and version of what wrote it.

    Raises:
        ExportError: its weights are larger than a file may be.
        ImportError: onnx is not installed.
    """
    size = sum(array.nbytes for array in graph.constants.values())
    if size > LARGEST:
        raise ExportError(
            f"its weights are {size / 2**30:.2f} GiB, and one file of ONNX holds less than 2; use a smaller "
            "dtype, or export parts of the model"
        )
    import onnx
    from onnx import checker, helper, numpy_helper

    nodes = [
        helper.make_node(
            node.kind,
            node.inputs,
            node.outputs,
            name=node.name,
            **{n: _attribute(v) for n, v in node.attributes.items()},
        )
        for node in graph.nodes
    ]
    weights = [numpy_helper.from_array(np.asarray(a, order="C"), n) for n, a in graph.constants.items()]
    made = helper.make_graph(nodes, name, _ports(graph.inputs), _ports(graph.outputs), weights)
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(
        made,
        opset_imports=opsets,
        producer_name=producer[0],
        producer_version=producer[1],
        ir_version=helper.find_min_ir_version_for(opsets),
    )
    checker.check_model(model, full_check=True)
    data: bytes = onnx.ModelProto.SerializeToString(model, deterministic=True)
    return data


def _attribute(value: Any) -> Any:
    """As onnx takes it: dtypes are numbers."""
    if isinstance(value, (np.dtype, str)):
        return _number_of(value)
    return list(value) if isinstance(value, tuple) else value


def _number_of(value: Any) -> Any:
    from onnx import TensorProto, helper

    if isinstance(value, np.dtype):
        return helper.np_dtype_to_tensor_dtype(value)
    return {"bfloat16": TensorProto.BFLOAT16, "float16": TensorProto.FLOAT16}.get(value, value)


def _ports(ports: Sequence[Port]) -> list[Any]:
    from onnx import helper

    return [
        helper.make_tensor_value_info(
            port.name,
            helper.np_dtype_to_tensor_dtype(port.dtype),
            [str(size) if isinstance(size, Rows) else size for size in port.shape],
        )
        for port in ports
    ]
