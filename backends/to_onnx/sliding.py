"""Sliding windows outside of convolution and pooling, and their transpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import ExportError
from ..shapes import normalise_axis
from .sizes import Rows, Size
from .writer import Constant, Named, Operand, Writer, shape_of

if TYPE_CHECKING:
    from .translate import Step


def windows(writer: Writer, step: Step) -> str:
    """Axis by axis a table of the places of each window; what is inside goes to the end."""
    (operand,), static = step.operands, step.static
    name, ndim = writer.name_of(operand), len(shape_of(operand))
    for axis, size, stride, gap in zip(
        *(static[n] for n in ("axes", "size", "stride", "dilation")), strict=True
    ):
        place = normalise_axis(axis, len(shape_of(operand)))
        count = step.shape[place]
        if isinstance(count, Rows):
            raise ExportError("it slides over the rows")
        places = np.arange(count)[:, None] * stride + np.arange(size)[None, :] * gap
        name = writer.node("Gather", name, writer.constant(places), axis=place)
        ndim += 1
        order = [i for i in range(ndim) if i != place + 1]
        name = writer.transposed(name, [*order, place + 1])
    return name


def windows_add(writer: Writer, step: Step) -> str:
    """A transposed convolution. Where the windows are a product with weights, these are its kernel; else the
    kernel has a single 1 for each place inside a window.
    """
    (operand,), static, dtype = step.operands, step.static, step.dtype
    if dtype.kind != "f":
        raise ExportError("it adds windows of whole numbers")
    old, shape = shape_of(operand), step.shape
    ndim, size = len(shape), static["size"]
    axes = [normalise_axis(axis, ndim) for axis in static["axes"]]
    others = [i for i in range(ndim) if i not in axes]
    places, wanted = [old[axis] for axis in axes], [shape[axis] for axis in axes]
    order = [*others, *axes]
    back = [order.index(i) for i in range(ndim)]
    found = _product(writer, operand, ndim) if axes == list(range(1, ndim - 1)) else None
    if found is not None:
        x, weights = found
        kernel = Constant(weights.array.reshape(len(weights.array), -1, *size), weights.wish)
        x = writer.transposed(x, [0, ndim - 1, *axes])
        name = _spread(writer, step, x, writer.name_of(kernel, dtype))
        return writer.transposed(_lengthened(writer, step, name, places, wanted), back)
    count = int(np.prod(size))
    name = writer.transposed(writer.name_of(operand, dtype), [*others, *range(ndim, ndim + len(size)), *axes])
    name = writer.node("Reshape", name, writer.vector([-1, count, *places]))
    ones = writer.constant(np.eye(count, dtype=dtype).reshape(count, 1, *size))
    name = _lengthened(writer, step, _spread(writer, step, name, ones), places, wanted)
    return writer.transposed(writer.reshaped(name, [*(shape[i] for i in others), *wanted]), back)


def _product(writer: Writer, windows: Operand, ndim: int) -> tuple[str, Constant] | None:
    """What was multiplied with which weights to get the windows, a row of x for each window."""
    reshape = writer.maker(windows.name) if isinstance(windows, Named) else None
    product = writer.maker(reshape.inputs[0]) if reshape is not None and reshape.kind == "Reshape" else None
    if product is None or product.kind != "MatMul":
        return None
    x, weights = writer.seen.get(product.inputs[0]), writer.constants.get(product.inputs[1])
    positions = shape_of(windows)[: ndim - 1]
    if x is None or weights is None or weights.ndim != 2 or x.shape[:-1] != positions:
        return None
    return x.name, Constant(weights, product.inputs[1])


def _spread(writer: Writer, step: Step, name: str, kernel: str) -> str:
    static = step.static
    settings = {
        "kernel_shape": static["size"],
        "strides": static["stride"],
        "dilations": static["dilation"],
    }
    return writer.node("ConvTranspose", name, kernel, **settings)


def _lengthened(writer: Writer, step: Step, name: str, places: list[Size], wanted: list[Size]) -> str:
    """With zeros at the end, where no window reaches."""
    static = step.static
    missing = []
    for count, size, stride, gap, length in zip(
        places, static["size"], static["stride"], static["dilation"], wanted, strict=True
    ):
        if isinstance(count, Rows) or isinstance(length, Rows):
            raise ExportError("it slides over the rows")
        missing.append(length - ((count - 1) * stride + (size - 1) * gap + 1))
    if not any(missing):
        return name
    ends = writer.vector([0] * (len(missing) + 2) + [0, 0, *missing])
    return writer.node("Pad", name, ends, writer.number(0.0, step.dtype))
