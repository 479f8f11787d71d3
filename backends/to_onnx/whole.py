"""Ops that have a node of their own: what their primitives say in ten nodes, it says in one.

A rule gives None where the node does not fit the call; then the primitives stand. The node computes the same
numbers, to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .writer import Constant, Operand, Writer, shape_of

if TYPE_CHECKING:
    from .translate import Step

Rule = Callable[[Writer, "Step"], str | None]
_FIRST = (0, 3, 1, 2)
"""From (batch, height, width, channels) to channels in front, as ONNX has them."""
_LAST = (0, 2, 3, 1)
_SELU = {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}


def _activation(kind: str, **attributes: Any) -> Rule:
    """A node of one input."""
    return lambda w, step: w.node(kind, w.name_of(step.operands[0]), **attributes)


def _with_setting(kind: str, ours: str, theirs: str) -> Rule:
    return lambda w, step: w.node(kind, w.name_of(step.operands[0]), **{theirs: float(step.static[ours])})


def _softmax(kind: str) -> Rule:
    def rule(w: Writer, step: Step) -> str | None:
        axes = step.static["axis"]
        return w.node(kind, w.name_of(step.operands[0]), axis=axes[0]) if len(axes) == 1 else None

    return rule


def _silu(w: Writer, step: Step) -> str:
    name = w.name_of(step.operands[0])
    return w.node("Mul", name, w.node("Sigmoid", name))


def _log_sigmoid(w: Writer, step: Step) -> str:
    return w.node("Neg", w.node("Softplus", w.node("Neg", w.name_of(step.operands[0]))))


def _gelu(w: Writer, step: Step) -> str | None:
    """There is one since opset 20."""
    if w.opset < 20:
        return None
    return w.node("Gelu", w.name_of(step.operands[0]), approximate=step.static["approximate"])


def _moved(w: Writer, operand: Operand, axes: tuple[int, ...]) -> str:
    """With its axes in another order; of weights the numbers themselves are moved."""
    if isinstance(operand, Constant):
        return w.name_of(Constant(np.ascontiguousarray(operand.array.transpose(axes)), operand.wish))
    return w.transposed(w.name_of(operand), axes)


def _ends(padding: Any) -> list[int]:
    (top, bottom), (left, right) = padding
    return [top, left, bottom, right]


def _conv2d(w: Writer, step: Step) -> str:
    static, last = step.static, step.static["data_format"] == "NHWC"
    x, kernel, *biases = step.operands
    weight = _moved(w, kernel, (3, 2, 0, 1) if last else (0, 1, 2, 3))
    shape = shape_of(kernel)
    others = [w.name_of(bias) for bias in biases]
    y = w.node(
        "Conv",
        _moved(w, x, _FIRST) if last else w.name_of(x),
        weight,
        *others,
        kernel_shape=shape[:2] if last else shape[2:],
        strides=static["stride"],
        pads=_ends(static["padding"]),
        dilations=static["dilation"],
        group=static["groups"],
    )
    return w.transposed(y, _LAST) if last else y


def _pooled(kind: str, **settings: str) -> Rule:
    """`settings` are attributes with the names that they have here."""

    def rule(w: Writer, step: Step) -> str:
        static, last = step.static, step.static["data_format"] == "NHWC"
        x = step.operands[0]
        more = {theirs: _plain(static[ours]) for theirs, ours in settings.items()}
        y = w.node(
            kind,
            _moved(w, x, _FIRST) if last else w.name_of(x),
            kernel_shape=static["kernel_size"],
            strides=static["stride"],
            pads=_ends(static["padding"]),
            **more,
        )
        return w.transposed(y, _LAST) if last else y

    return rule


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


WHOLE: dict[str, Rule] = {
    "relu": _activation("Relu"),
    "sigmoid": _activation("Sigmoid"),
    "softplus": _activation("Softplus"),
    "softsign": _activation("Softsign"),
    "selu": _activation("Selu", **_SELU),
    "elu": _with_setting("Elu", "alpha", "alpha"),
    "leaky_relu": _with_setting("LeakyRelu", "slope", "alpha"),
    "softmax": _softmax("Softmax"),
    "log_softmax": _softmax("LogSoftmax"),
    "silu": _silu,
    "log_sigmoid": _log_sigmoid,
    "gelu": _gelu,
    "conv2d": _conv2d,
    "max_pool2d": _pooled("MaxPool", dilations="dilation"),
    "avg_pool2d": _pooled("AveragePool", count_include_pad="count_include_pad"),
}
"""By name of the op."""
