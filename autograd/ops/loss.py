"""Cross-entropies from logits: exact where a probability would have been rounded to 0 or 1."""

from __future__ import annotations

from typing import Any

from backends.errors import ShapeError

from ..call import op
from ..errors import RangeError
from ..op import Domain, bad, case
from .activation import smooth_sigmoid_of, softplus_of
from .softmax import log_softmax_of, softmax_of


@op(
    vjp=dict(
        logits=lambda xp, g, logits, targets: g * (smooth_sigmoid_of(xp, logits) - targets),
        targets=lambda xp, g, logits: xp.negative(xp.multiply(g, logits)),
    ),
    domain=Domain(targets=(0, 1)),
)
def sigmoid_cross_entropy(xp, logits, targets):
    """Binary cross-entropy of `sigmoid(logits)` with targets in [0, 1], elementwise and stable.

    max(z, 0) - z t + log(1 + exp(-|z|)).
    """
    return softplus_of(xp, logits) - logits * targets


def _as_probabilities(xp: Any, logits: Any, targets: Any) -> Any:
    """Class numbers as rows of zeros with a single one; probabilities as they are."""
    if targets.dtype.kind == "f":
        return targets
    numbers = xp.reshape(targets, shape=(*targets.shape, 1))
    classes = xp.arange(start=0, stop=logits.shape[-1], step=1, dtype=targets.dtype)
    return xp.astype(xp.equal(numbers, classes), dtype=logits.dtype)


def _check_targets(logits: Any, targets: Any) -> dict[str, Any]:
    if targets.dtype.kind not in "fiu":
        raise ShapeError("targets are class numbers or probabilities")
    expected = logits.shape if targets.dtype.kind == "f" else logits.shape[:-1]
    if not logits.shape or targets.shape != expected:
        kind = "probabilities" if targets.dtype.kind == "f" else "class numbers"
        raise ShapeError(f"targets given as {kind} need the shape {expected}")
    return {}


def _check_labels(xp: Any, logits: Any, targets: Any) -> None:
    if targets.dtype.kind == "f" or not targets.size:
        return
    every = tuple(range(len(targets.shape)))
    low = int(xp.min(targets, axis=every, keepdims=False))
    high = int(xp.max(targets, axis=every, keepdims=False))
    if low < 0 or high >= logits.shape[-1]:
        wrong = low if low < 0 else high
        raise RangeError(
            f"label {wrong} is out of range: {logits.shape[-1]} classes have the labels 0 to "
            f"{logits.shape[-1] - 1}"
        )


def _cross_entropy_slope(xp: Any, g: Any, logits: Any, targets: Any) -> Any:
    p = _as_probabilities(xp, logits, targets)
    last = (len(logits.shape) - 1,)
    q = softmax_of(xp, logits, last)
    if targets.dtype.kind == "f":
        q = xp.multiply(q, xp.sum(p, axis=last, keepdims=True))
    return xp.multiply(xp.reshape(g, shape=(*g.shape, 1)), xp.subtract(q, p))


def _target_slope(xp: Any, g: Any, logits: Any) -> Any:
    last = (len(logits.shape) - 1,)
    return xp.negative(xp.multiply(xp.reshape(g, shape=(*g.shape, 1)), log_softmax_of(xp, logits, last)))


@op(
    vjp=dict(logits=_cross_entropy_slope, targets=_target_slope),
    normalise=_check_targets,
    check=_check_labels,
    domain=Domain(targets=(0, 1)),
    cases=[
        case(logits=(3, 4), targets=[0, 3, 1]),
        case(logits=(3, 4), targets=(3, 4)),
        case(logits=(2, 2, 3), targets=[[0, 1], [2, 2]]),
        case(logits=(4,), targets=(4,)),
    ],
    bad=[
        bad(ValueError, "label 4 is out of range", logits=(3, 4), targets=[0, 4, 1]),
        bad(ValueError, "label -1 is out of range", logits=(3, 4), targets=[0, -1, 1]),
        bad(ValueError, "need the shape", logits=(3, 4), targets=(3, 1)),
    ],
)
def softmax_cross_entropy(xp, logits, targets):
    """Cross-entropy of `softmax(logits)` over the last axis, from the logits and stable everywhere.

    `targets` are class numbers (integers, one dimension fewer) or probabilities (floats, the shape of the
    logits); the result has one value per sample: -sum(t * log_softmax(logits)).
    """
    last = (len(logits.shape) - 1,)
    weighted = xp.multiply(log_softmax_of(xp, logits, last), _as_probabilities(xp, logits, targets))
    return xp.negative(xp.sum(weighted, axis=last, keepdims=False))
