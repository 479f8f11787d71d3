"""Ops that pick elements by position: indexing, gathering, sorting. Their gradients add into zeros.

`getitem` takes a canonical key with the index arrays as inputs of their own; `index` makes that key from what
a user writes between brackets. Repeated indices accumulate.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backends.contract import Spec, resolve_dtype
from backends.errors import DTypeError, ShapeError
from backends.shapes import Slot, normalise_axis

from ..arguments import plain
from ..call import mixed_backends, op
from ..deferred import Deferred
from ..op import bad, case
from ..tensor import Tensor
from .shape import repeat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..typing import ArrayLike, DTypeLike, SupportsArray


def _scatter(xp: Any, g: Any, x_spec: Any, indices: Any, key: Any) -> Any:
    return xp.index_add(g, *indices, key=key, shape=x_spec.shape)


@op(
    vjp=dict(x=_scatter),
    no_gradient=["indices"],
    cases=[
        case(x=(3, 4), indices=[], key=(slice(None, None, -2), 1)),
        case(x=(3, 4), indices=[], key=(None, ..., slice(1, 3))),
        case(x=(3, 4), indices=[[0, 2, 0]], key=(Slot(0),)),
        case(x=(3, 4), indices=[[0, 2], [1, 1]], key=(Slot(0), Slot(1))),
        case(x=(2, 3, 4), indices=[[1, 0], [3, 3]], key=(Slot(0), slice(None), Slot(1))),
        case(x=(2, 3, 4), indices=[[[0], [2]]], key=(0, Slot(0), slice(0, 2))),
    ],
    bad=[
        bad(IndexError, "out of range", x=(3, 4), indices=[], key=(3,)),
        bad(IndexError, "too many indices", x=(3,), indices=[], key=(0, 0)),
    ],
)
def getitem(xp, x, *indices, key):
    """`x[key]` for a canonical key: ints, slices, None, Ellipsis, and Slots that `indices` fill."""
    return xp.getitem(x, *indices, key=key)


@op(
    vjp=dict(values=lambda xp, g, indices, key: xp.getitem(g, *indices, key=key)),
    no_gradient=["indices"],
    cases=[
        case(values=(3, 4), indices=[[0, 1, 0]], key=(Slot(0),), shape=(2, 4)),
        case(values=(2, 3), indices=[], key=(slice(1, 3),), shape=(4, 3)),
    ],
    bad=[bad(ValueError, "the key selects", values=(3,), indices=[], key=(slice(0, 2),), shape=(4,))],
)
def index_add(xp, values, *indices, key, shape):
    """Zeros of `shape` with `values` added at `key`; the transpose of getitem."""
    return xp.index_add(values, *indices, key=key, shape=shape)


def index(x: ArrayLike, key: Any) -> Tensor:
    """`x[key]` with NumPy's indexing: ints, slices, None, Ellipsis, integer arrays and boolean masks.

    A mask without dimensions stands alone: x with an axis in front, of size 1 where it is true, else 0.

    >>> import autograd as ag
    >>> ag.getitem(ag.tensor([[1.0, 2.0], [3.0, 4.0]]), (slice(None), 1)).tolist()
    [2.0, 4.0]
    """
    tensor: Any = x if isinstance(x, (Tensor, Deferred)) else Tensor.from_value(x)
    if getattr(key, "shape", None) == () and key.dtype.kind == "b":
        # a mask without dimensions: x as the only one of its kind, or none
        return index(index(tensor, None), slice(0, 1 if key else 0))
    entries: list[Any] = []
    arrays: list[Tensor] = []
    given = key if isinstance(key, tuple) else (key,)
    at = 0
    for number, entry in enumerate(given):
        if entry is Ellipsis:
            at = tensor.ndim - sum(map(_consumed, given[number + 1 :]))
        if entry is None or entry is Ellipsis or type(entry) is int:
            entries.append(entry)
        elif isinstance(entry, slice):
            bounds = (entry.start, entry.stop, entry.step)
            entries.append(slice(*(None if b is None else b.__index__() for b in bounds)))
        elif isinstance(entry, bool):
            raise DTypeError("getitem: True and False are not indices; use a boolean mask or expand_dims()")
        elif getattr(entry, "shape", None) == () and entry.dtype.kind == "b":
            raise DTypeError(
                "getitem: a mask without dimensions is the only index, or none; use expand_dims()"
            )
        elif hasattr(entry, "__index__") and getattr(entry, "shape", ()) == () and _gives_numbers(tensor):
            entries.append(entry.__index__())
        else:
            for array in _index_arrays(tensor, entry, at):
                entries.append(Slot(len(arrays)))
                arrays.append(array)
        at += _consumed(entry)
    return getitem(tensor, *arrays, key=tuple(entries))


def _gives_numbers(tensor: Any) -> bool:
    """Whether an index on its backend has a value now."""
    return isinstance(tensor, Deferred) or tensor.backend != "trace"


def _consumed(entry: Any) -> int:
    """How many dimensions an entry of a key stands for; Ellipsis for what the others leave."""
    if entry is None or entry is Ellipsis:
        return 0
    dtype = getattr(entry, "dtype", None)
    return len(entry.shape) if getattr(dtype, "kind", "") == "b" else 1


def _index_arrays(tensor: Tensor, entry: Any, at: int) -> list[Tensor]:
    if isinstance(entry, (str, float)):
        raise DTypeError(f"getitem: {entry!r} is not an index; use integers, slices or a mask")
    if isinstance(tensor, Deferred):
        raise DTypeError("getitem: a placeholder takes ints and slices; use take() for an array of positions")
    backend = tensor._backend
    if isinstance(entry, Tensor):
        other = entry._backend
        if other.array_type is not backend.array_type and "trace" not in (other.name, backend.name):
            raise mixed_backends("getitem", backend, other)
    raw = entry._data if isinstance(entry, Tensor) else entry
    mask_shape = getattr(raw, "shape", None)
    if getattr(getattr(raw, "dtype", None), "kind", "") == "b" and mask_shape is not None:
        expected = tensor.shape[at : at + len(mask_shape)]
        if Ellipsis is not entry and mask_shape != expected:
            raise ShapeError(f"getitem: a mask of shape {mask_shape} does not fit the dimensions {expected}")
    return [Tensor.wrap(array, backend) for array in backend.index(raw)]


def _flattened(x: Any, axis: int | None) -> tuple[tuple[int, ...], int]:
    """(shape, axis): those of the flattened array where no axis is given."""
    return ((math.prod(x.shape),), 0) if axis is None else (tuple(x.shape), axis)


def _along(xp: Any, x: Any, indices: Any, axis: int) -> tuple[list[Any], tuple[Any, ...]]:
    """Index arrays and key that pick, on every other axis, each position itself."""
    arrays = []
    for i in range(len(x.shape)):
        if i == axis:
            arrays.append(indices)
            continue
        shape = [1] * len(x.shape)
        shape[i] = x.shape[i]
        positions = xp.arange(start=0, stop=x.shape[i], step=1, dtype=resolve_dtype("int64"))
        arrays.append(xp.reshape(positions, shape=tuple(shape)))
    return arrays, tuple(Slot(i) for i in range(len(arrays)))


def _take_along(xp: Any, x: Any, indices: Any, axis: int | None) -> Any:
    shape, axis = _flattened(x, axis)
    x = xp.reshape(x, shape=shape)
    arrays, key = _along(xp, x, indices, axis)
    return xp.getitem(x, *arrays, key=key)


def _add_along(xp: Any, g: Any, x_spec: Any, indices: Any, axis: int | None) -> Any:
    shape, axis = _flattened(x_spec, axis)
    arrays, key = _along(xp, Spec(shape, x_spec.dtype), indices, axis)
    return xp.reshape(xp.index_add(g, *arrays, key=key, shape=shape), shape=x_spec.shape)


def _check_along(x: Any, indices: Any, axis: int | None) -> dict[str, Any]:
    if len(indices.shape) != (1 if axis is None else len(x.shape)):
        raise ShapeError("indices need as many dimensions as x, and one where x is flattened")
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"indices are integers, got {indices.dtype}")
    return dict(axis=None if axis is None else normalise_axis(axis, len(x.shape)))


@op(
    vjp=dict(x=_add_along),
    no_gradient=["indices"],
    normalise=_check_along,
    cases=[
        case(x=(2, 3), indices=[[0, 2, 2, 1], [1, 1, 1, 0]], axis=1),
        case(x=(3, 2), indices=[[2, 0]], axis=0),
        case(x=(3, 2), indices=[[1, 1, 0]], axis=1),
        case(x=(1, 2), indices=[[1], [0], [1]], axis=1),
        case(x=(2, 3), indices=[5, 0, 5], axis=None),
    ],
    bad=[bad(ValueError, "as many dimensions", x=(2, 3), indices=[0], axis=1)],
)
def take_along_axis(xp, x, indices, *, axis):
    """For each position of `indices`, the element of x that far along `axis`, or
    in the flattened x with `axis=None`.
    """
    return _take_along(xp, x, indices, axis)


def _flat_take(x: Any, indices: Any, axis: int | None) -> dict[str, Any]:
    if type(indices) is not int and (not hasattr(indices, "dtype") or indices.dtype.kind not in "iu"):
        raise DTypeError("indices are integers")
    return dict(axis=None if axis is None else normalise_axis(axis, len(x.shape)))


def _flat(xp: Any, x: Any) -> Any:
    size = 1
    for n in x.shape:
        size *= n
    return xp.reshape(x, shape=(size,))


def _places(xp: Any, indices: Any) -> Any:
    return (
        indices
        if hasattr(indices, "dtype")
        else xp.full(shape=(), value=indices, dtype=resolve_dtype("int64"))
    )


def _take_slope(xp: Any, g: Any, x_spec: Any, indices: Any, axis: int | None) -> Any:
    indices = _places(xp, indices)
    if axis is None:
        flat = xp.index_add(g, indices, key=(Slot(0),), shape=(x_spec.size,))
        return xp.reshape(flat, shape=x_spec.shape)
    return xp.index_add(g, indices, key=(*((slice(None),) * axis), Slot(0)), shape=x_spec.shape)


@op(
    vjp=dict(x=_take_slope),
    no_gradient=["indices"],
    normalise=_flat_take,
    cases=[
        case(x=(3, 4), indices=[0, 2, 0], axis=0),
        case(x=(3, 4), indices=[[1], [3]], axis=-1),
        case(x=(3, 4), indices=[11, 0]),
    ],
    bad=[
        bad(IndexError, "", x=(3,), indices=[3], axis=0),
        bad(TypeError, "indices are integers", x=(3,), indices=[0.5], axis=0),
    ],
)
def take(xp, x, indices, *, axis=None):
    """Elements of x at `indices` along `axis`, or of the flattened array."""
    indices = _places(xp, indices)
    if axis is None:
        return xp.getitem(_flat(xp, x), indices, key=(Slot(0),))
    return xp.getitem(x, indices, key=(*((slice(None),) * axis), Slot(0)))


def _axis_only(x: Any, axis: int) -> dict[str, Any]:
    return dict(axis=normalise_axis(axis, len(x.shape)))


@op(
    no_gradient=["x"],
    normalise=_axis_only,
    cases=[case(x=(5,)), case(x=(3, 4), axis=0), case(x=[2, 1, 2, 1])],
)
def argsort(xp, x, *, axis=-1):
    """Positions that sort x along `axis`; equal elements keep their order."""
    return xp.argsort(x, axis=axis)


def _unsort(xp: Any, g: Any, x: Any, axis: int) -> Any:
    return _add_along(xp, g, x, xp.argsort(x, axis=axis), axis)


@op(vjp=dict(x=_unsort), normalise=_axis_only, cases=[case(x=(5,)), case(x=(3, 4), axis=0)])
def sort(xp, x, *, axis=-1):
    """x in rising order along `axis`; each gradient goes back where its element came from."""
    return _take_along(xp, x, xp.argsort(x, axis=axis), axis)


def _classes(indices: Any, num_classes: int, dtype: DTypeLike) -> dict[str, Any]:
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"class numbers are integers, got {indices.dtype}")
    return dict(num_classes=int(num_classes), dtype=resolve_dtype(dtype))


@op(
    no_gradient=["indices"],
    normalise=_classes,
    cases=[
        case(indices=[0, 2, 1], num_classes=3),
        case(indices=[[1]], num_classes=2, dtype="float64"),
    ],
    bad=[
        bad(IndexError, "out of", indices=[0, 3], num_classes=3),
        bad(IndexError, "out of", indices=[-1], num_classes=3),
    ],
)
def one_hot(xp, indices, *, num_classes, dtype="float32"):
    """Rows of zeros with a one at each index, on a new last axis; IndexError for
    one that is negative or too large.
    """
    # small integers do not hold as many classes as there may be
    wide = resolve_dtype("int64")
    classes = xp.arange(start=0, stop=num_classes, step=1, dtype=wide)
    places = xp.astype(indices, dtype=wide)
    # looking them up refuses what is out of range, in programs, too
    found = xp.getitem(classes, xp.where(xp.less(places, 0), num_classes, places), key=(Slot(0),))
    hits = xp.equal(xp.reshape(found, shape=(*indices.shape, 1)), classes)
    return xp.astype(hits, dtype=dtype)


def repeated(x: ArrayLike, repeats: ArrayLike, axis: int | None = None) -> Tensor:
    """Each element `repeats` times in a row along `axis`, or of the flattened array;
    a number, or one for each element.

    Raises:
        ShapeError: the numbers are negative, or not as many as there are elements.

    >>> import autograd as ag
    >>> ag.repeat(ag.tensor([1.0, 2.0]), [1, 2]).tolist()
    [1.0, 2.0, 2.0]
    """
    if isinstance(repeats, Tensor):
        repeats = repeats.tolist()
    counts = plain(repeats)
    if isinstance(counts, (list, tuple)) and len(counts) == 1:
        counts = counts[0]
    if not isinstance(counts, (list, tuple)):
        return repeat(x, repeats=counts, axis=axis)
    x = x if isinstance(x, Tensor) else Tensor.from_value(x)
    size = x.size if axis is None else x.shape[normalise_axis(axis, x.ndim)]
    if len(counts) != size or any(not isinstance(n, int) or n < 0 for n in counts):
        raise ShapeError(f"repeat: {size} numbers >= 0, one for each element, got {counts!r:.60}")
    places = [place for place, count in enumerate(counts) for _ in range(count)]
    return take(x, Tensor.from_value(places, "int64", x._backend), axis=axis)


def split(
    x: ArrayLike, indices_or_sections: int | Sequence[int] | SupportsArray, axis: int = 0
) -> list[Tensor]:
    """x in pieces along `axis`: a number of equal ones, or cut before each index, as in NumPy.

    Raises:
        ShapeError: when the axis does not divide into that many equal pieces.

    >>> import autograd as ag
    >>> [piece.tolist() for piece in ag.split(ag.arange(4), [1, 3])]
    [[0], [1, 2], [3]]
    """
    tensor: Any = x if isinstance(x, (Tensor, Deferred)) else Tensor.from_value(x)
    places, axis = plain(indices_or_sections), plain(axis)
    at = normalise_axis(axis, tensor.ndim)
    length = tensor.shape[at]
    if isinstance(places, int):
        if places < 1 or length % places:
            raise ShapeError(f"split: axis {at} of size {length} does not divide into {places} equal pieces")
        step = length // places
        cuts = list(range(step, length, step)) if step else [0] * (places - 1)
    else:
        cuts = [int(cut) for cut in places]
    bounds = zip([0, *cuts], [*cuts, length], strict=True)
    lead = (slice(None),) * at
    return [index(tensor, (*lead, slice(start, stop))) for start, stop in bounds]
