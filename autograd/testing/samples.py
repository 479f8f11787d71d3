"""From an op's declaration to concrete inputs: what `case`, `bad` and `Domain` mean in numbers.

A tuple is a shape, filled with random floats from the input's interval, away from its kinks; a list
holds the values themselves, so integers stay integers and booleans make masks; for a variadic input a
list holds one of either per array. An op that declares no cases works element by element and gets the
default shapes, with broadcasting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..call import apply
from ..op import Domain, Op, case
from ..ops import NAMESPACE, PUBLIC
from ..tensor import Tensor
from .subject import TensorSubject

NDArray = np.ndarray[Any, Any]

_DISTANCE = 0.05
_INTERVAL = (-2.0, 2.0)
_SHAPES_OF_ONE = ((3, 4), (), (0, 3))
_SHAPES_OF_TWO = (
    ((3, 4), (3, 4)),
    ((3, 4), (4,)),
    ((3, 1), (1, 4)),
    ((), (2, 3)),
    ((2, 3), ()),
    ((), ()),
    ((0, 3), (1, 3)),
)


class Sample(NamedTuple):
    """One call of an op that must work: arrays in order, and static attributes."""

    op: Op
    inputs: tuple[Any, ...]
    static: Mapping[str, Any]

    @property
    def floating(self) -> tuple[int, ...]:
        """The inputs that can have a gradient."""
        return tuple(i for i, a in enumerate(self.inputs) if a.dtype.kind == "f")

    def __str__(self) -> str:
        shapes = "_".join("x".join(map(str, a.shape)) or "scalar" for a in self.inputs)
        settings = "".join(f"-{key}={value}" for key, value in self.static.items())
        return f"{self.op.name}-{shapes}{settings}"

    def subject(self) -> OpSubject:
        """The op with its static attributes, to be checked at `inputs`."""
        return OpSubject(self.op, self.static)


class OpSubject(TensorSubject):
    """An op with its static attributes filled in, which a script can write down.

    >>> import autograd as ag
    >>> OpSubject(ag.sum.op, {"axis": 0}).call_text()
    'lambda *xs: ag.sum(*xs, axis=0)'
    """

    def __init__(self, op: Op, static: Mapping[str, Any], backend: Any = None) -> None:
        self.op = op
        self.static = dict(static)
        super().__init__(self._call, backend, op.name)

    def _call(self, *inputs: Any) -> Tensor:
        return apply(self.op, inputs, dict(self.static))

    def input_name(self, position: int) -> str:
        return self.op.parameter_name(position)

    def call_text(self) -> str:
        place = "ag" if PUBLIC.get(self.op.name) is getattr(NAMESPACE, self.op.name) else "NAMESPACE"
        if not self.static:
            return f"{place}.{self.op.name}"
        settings = ", ".join(f"{name}={_source(value)}" for name, value in self.static.items())
        return f"lambda *xs: {place}.{self.op.name}(*xs, {settings})"

    def imports(self) -> tuple[str, ...]:
        text = self.call_text()
        needed = {
            "NAMESPACE": "from autograd.ops import NAMESPACE",
            "Slot(": "from backends.shapes import Slot",
        }
        return tuple(line for word, line in needed.items() if word in text)


def _source(value: Any) -> str:
    return repr(str(value)) if isinstance(value, np.dtype) else repr(value)


class BadSample(NamedTuple):
    """One call of an op that must raise `error` with `text` in its message."""

    op: Op
    inputs: tuple[Any, ...]
    static: Mapping[str, Any]
    error: type[Exception]
    text: str


def samples(op: Op, dtype: Any = "float64", seed: int = 0) -> list[Sample]:
    """The inputs that the declaration of `op` asks to be tested with; the same ones at every call.

    >>> import autograd as ag
    >>> from autograd.testing import samples
    >>> [x.shape for x in samples(ag.matmul.op)[0].inputs]
    [(3, 4), (4, 2)]
    """
    generator = np.random.default_rng(seed)
    cases = op.cases or tuple(_default_cases(op))
    return [Sample(op, *_concrete(op, c.arguments, np.dtype(dtype), generator)) for c in cases]


def bad_samples(op: Op, dtype: Any = "float64", seed: int = 0) -> list[BadSample]:
    """The calls that the declaration of `op` says must fail."""
    generator = np.random.default_rng(seed)
    return [
        BadSample(op, *_concrete(op, b.arguments, np.dtype(dtype), generator), b.error, b.text)
        for b in op.bad
    ]


def _default_cases(op: Op) -> Iterator[case]:
    if op.variadic or len(op.arrays) > 2:
        raise ValueError(f"{op.name}: an op with this many inputs must declare cases")
    for shapes in _SHAPES_OF_TWO if len(op.arrays) == 2 else ((s,) for s in _SHAPES_OF_ONE):
        yield case(**dict(zip(op.arrays, shapes, strict=True)))


def _concrete(
    op: Op, arguments: Mapping[str, Any], dtype: Any, generator: np.random.Generator
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """(arrays, static attributes) for the arguments of a case."""
    if unknown := set(arguments) - {*op.arrays, *op.static, op.variadic}:
        raise ValueError(f"{op.name}: a case names {sorted(unknown)}, which the op does not have")
    described = [(name, arguments[name]) for name in op.arrays if name in arguments]
    described += [(str(op.variadic), part) for part in arguments.get(str(op.variadic), ())]
    static = {name: value for name, value in arguments.items() if name in op.static}
    drawn = _draw(op.domain, [pair for pair in described if isinstance(pair[1], tuple)], generator)
    inputs = []
    for _, value in described:
        array = next(drawn) if isinstance(value, tuple) else np.array(value)
        inputs.append(array.astype(dtype) if array.dtype.kind == "f" else array)
    return tuple(inputs), static


def _draw(
    domain: Domain, wanted: list[tuple[str, tuple[int, ...]]], generator: np.random.Generator
) -> Iterator[NDArray]:
    """An array per (input, shape). Inputs with the same domain share one set of separate values: no ties."""
    sizes = [int(np.prod(shape, dtype=int)) for _, shape in wanted]
    regions = [(domain.intervals.get(name, _INTERVAL), domain.kinks.get(name, ())) for name, _ in wanted]
    pools = {
        region: iter(
            _separate(
                *region,
                sum(size for size, other in zip(sizes, regions, strict=True) if other == region),
                generator,
            )
        )
        for region in regions
    }
    for (_, shape), size, region in zip(wanted, sizes, regions, strict=True):
        yield np.array([next(pools[region]) for _ in range(size)], dtype=np.float64).reshape(shape)


def _separate(
    interval: tuple[float, float],
    kinks: tuple[float, ...],
    count: int,
    generator: np.random.Generator,
) -> NDArray:
    """`count` different numbers of the interval in random order, well apart
    from each other and from the kinks.
    """
    edges = [interval[0], *sorted(k for k in kinks if interval[0] <= k <= interval[1]), interval[1]]
    segments = [
        (low + (_DISTANCE if low in kinks else 0.0), high - (_DISTANCE if high in kinks else 0.0))
        for low, high in pairwise(edges)
        if high > low
    ]
    lengths = np.array([high - low for low, high in segments])
    # one number in the middle half of each of `count` equal cells, laid over the segments end to end
    along = (np.arange(count) + generator.uniform(0.25, 0.75, count)) * lengths.sum() / max(count, 1)
    starts = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    which = np.searchsorted(starts, along, side="right") - 1
    lows = np.array([low for low, _ in segments])
    return np.asarray(generator.permutation(lows[which] + along - starts[which]))
