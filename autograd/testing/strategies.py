"""Hypothesis strategies for whoever tests with arrays: tensors, arguments of ops, programs, perceptrons.

To be imported by its own name, `from autograd.testing import strategies`, and not with the
package: only this file needs Hypothesis. Everything shrinks: arrays to zeros of few elements,
programs to the one or two ops that matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

import backends

from ..op import Op
from ..ops import OPS, activation
from ..tensor import Tensor
from .draws import INTERVAL, Choose, partner, pattern
from .program import Program, grow, mlp, usable_ops
from .samples import Sample

NDArray = np.ndarray[Any, Any]

LAYOUTS = ("row", "column", "gaps", "negative")
SPECIAL: dict[str, Callable[[Any], list[float]]] = {
    "zeros": lambda dtype: [0.0, -0.0],
    "subnormal": lambda dtype: [float(np.finfo(dtype).smallest_subnormal), -float(np.finfo(dtype).tiny) / 4],
    "huge": lambda dtype: [float(np.sqrt(np.finfo(dtype).max)), -float(np.sqrt(np.finfo(dtype).max))],
    "inf": lambda dtype: [float("inf"), float("-inf")],
    "nan": lambda dtype: [float("nan")],
}  # fmt: skip
"""Names of special values, and what they are in a dtype."""


def shapes(max_dims: int = 3, max_side: int = 4, min_side: int = 0) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes, those of numbers and of empty arrays among them."""
    return of_numpy.array_shapes(min_dims=0, max_dims=max_dims, min_side=min_side, max_side=max_side)


@st.composite
def arrays(
    draw: Any,
    shape: Any = None,
    dtype: Any = "float64",
    interval: tuple[float, float] = INTERVAL,
    special: Sequence[str] = (),
    layout: str | None = None,
) -> NDArray:
    """NumPy arrays.

    Args:
        shape: a shape or a strategy of shapes; default any of up to three dimensions.
        dtype: "float64", "float32", or an integer dtype or "bool".
        interval: of ordinary values.
        special: kinds of values that may stand among them: "zeros", "subnormal", "huge", "inf", "nan".
        layout: how the elements lie in memory, "row", "column", "gaps" or "negative" (strides); default any.

    Raises:
        ValueError: for an unknown kind of special value or layout.

    >>> import numpy as np
    >>> from hypothesis import find
    >>> find(arrays(shape=(2,)), lambda x: x.sum() >= 1).dtype
    dtype('float64')
    """
    kind = np.dtype(dtype)
    if unknown := set(special) - set(SPECIAL):
        raise ValueError(f"unknown special values {sorted(unknown)}; known are {', '.join(SPECIAL)}")
    wanted = (
        draw(shape if isinstance(shape, st.SearchStrategy) else st.just(shape))
        if shape is not None
        else draw(shapes())
    )
    array = draw(of_numpy.arrays(kind, wanted, elements=_elements(kind, interval, special)))
    return with_layout(array, draw(st.sampled_from(LAYOUTS)) if layout is None else layout)


def _elements(dtype: Any, interval: tuple[float, float], special: Sequence[str]) -> st.SearchStrategy[Any]:
    low, high = interval
    if dtype.kind == "b":
        return st.booleans()
    if dtype.kind in "iu":
        return st.integers(max(int(low), 0) if dtype.kind == "u" else int(low), int(high))
    ends = [float(np.asarray(x, dtype)) for x in interval]
    width = {2: 16, 4: 32}.get(dtype.itemsize, 64)
    ordinary = st.floats(min(ends), max(ends), width=width, allow_subnormal=False)  # type: ignore[arg-type]
    if not special:
        return ordinary
    chosen = [value for name in special for value in SPECIAL[name](dtype)]
    return ordinary | st.sampled_from(chosen)


def with_layout(array: NDArray, layout: str) -> NDArray:
    """The same values, lying otherwise in memory.

    >>> import numpy as np
    >>> with_layout(np.zeros((2, 3)), "column").strides
    (8, 16)
    """
    if layout not in LAYOUTS:
        raise ValueError(f"unknown layout {layout!r}; known are {', '.join(LAYOUTS)}")
    if layout == "column":
        return np.array(array, order="F")
    if layout == "gaps":
        room = np.zeros((*(2 * n for n in array.shape), 2), array.dtype)
        every_other: Any = (*(slice(None, None, 2) for _ in array.shape), ..., 0)
        view: NDArray = room[every_other]
        view[...] = array
        return view
    if layout == "negative":
        turn: Any = (*(slice(None, None, -1),) * array.ndim, ...)
        reversed_memory: NDArray = array[turn].copy()[turn]
        return reversed_memory
    return np.array(array, order="C")


@st.composite
def tensors(draw: Any, /, requires_grad: bool = False, backend: Any = None, **settings: Any) -> Tensor:
    """Tensors; `settings` are those of `arrays`. Where the backend takes
    NumPy's arrays the layout is kept.
    """
    chosen = backends.default() if backend is None else backends.get(backend)
    array = draw(arrays(**settings))
    kept = chosen.array_type is np.ndarray
    tensor = Tensor.wrap(array, chosen) if kept else Tensor.from_value(array, backend=chosen)
    tensor.requires_grad = requires_grad
    return tensor


def _choices(draw: Any) -> Choose:
    return lambda low, high: int(draw(st.integers(low, high)))


@st.composite
def broadcast_partners(draw: Any, shape: Sequence[int]) -> tuple[int, ...]:
    """Shapes that broadcast with `shape` without making it larger."""
    return partner(tuple(shape), _choices(draw))


@st.composite
def op_arguments(draw: Any, op: Any, dtype: Any = "float64", layout: str | None = None) -> Sample:
    """Calls of an op after its declaration: any shapes that broadcast for an
    elementwise op, else after a case.

    Args:
        op: the declaration or the public function.

    >>> import autograd as ag
    >>> from hypothesis import find
    >>> find(op_arguments(ag.log), lambda call: call.inputs[0].ndim == 1).inputs[0].shape
    (1,)
    """
    declaration: Op = getattr(op, "op", op)
    described, static = pattern(declaration, _choices(draw))
    inputs = []
    for name, value in described:
        if isinstance(value, tuple):
            interval = declaration.domain.intervals.get(name, INTERVAL)
            inputs.append(draw(arrays(value, dtype, interval, layout=layout)))
        else:
            array = np.array(value)
            inputs.append(array.astype(dtype) if array.dtype.kind == "f" else array)
    return Sample(declaration, tuple(inputs), static)


@st.composite
def programs(draw: Any, ops: Sequence[Any] | None = None, max_steps: int = 6, max_inputs: int = 3) -> Program:
    """Random programs of ops on shared values; smooth near the inputs that they make themselves.

    Args:
        ops: declarations or public functions; default all that have gradients.
        max_steps: most ops of one program.
        max_inputs: most inputs.

    >>> import autograd as ag
    >>> from hypothesis import find
    >>> find(programs(ops=[ag.tanh, ag.exp]), lambda p: len(p.steps) == 2)
    def program(x0):  # ()
        v0 = ag.tanh(x0)
        v1 = ag.tanh(v0)
        return v1
    """
    chosen = usable_ops() if ops is None else [getattr(op, "op", op) for op in ops]
    return grow(_choices(draw), chosen, max_steps, max_inputs)


ACTIVATIONS: tuple[Op, ...] = (
    OPS["tanh"],
    *(
        op
        for name, op in OPS.items()
        if name in vars(activation) and op.arrays == ("x",) and op.normalise is None
    ),
)
"""What can stand between the layers of `mlps`: read off the declarations of activations."""


@st.composite
def mlps(draw: Any, max_layers: int = 3, max_units: int = 5) -> Program:
    """Perceptrons with an activation, a loss and data, as programs of the data and the parameters.

    >>> from hypothesis import find
    >>> find(mlps(), lambda p: len(p.steps) > 4)
    def program(x0, x1, x2, x3, x4, x5):  # (1, 1), (1, 1), (1,), (1, 1), (1,), (1, 1)
        v0 = ag.linear(x0, x1, x2)
        v1 = ag.tanh(v0)
        v2 = ag.linear(v1, x3, x4)
        v3 = ag.subtract(v2, x5)
        v4 = ag.multiply(v3, v3)
        v5 = ag.mean(v4)
        return v5
    """
    sizes = draw(st.lists(st.integers(1, max_units), min_size=2, max_size=max_layers + 1))
    between = draw(st.sampled_from(ACTIVATIONS))
    loss = draw(st.sampled_from(("squared", "classes", "binary")))
    return mlp(sizes, between, loss, draw(st.integers(1, 4)), draw(st.integers(0, 999)))
