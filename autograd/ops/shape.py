"""Ops that move elements without changing them. The gradient of each is the opposite move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from backends.errors import ShapeError
from backends.shapes import normalise_axes, normalise_axis, resolve_reshape

from ..call import op
from ..op import bad, case

if TYPE_CHECKING:
    from ..typing import AxisLike, ShapeLike


def _back(xp: Any, g: Any, x_spec: Any) -> Any:
    return xp.reshape(g, shape=x_spec.shape)


def _reshaped(x: Any, shape: ShapeLike) -> dict[str, Any]:
    return dict(shape=resolve_reshape(x.shape, shape))


@op(
    vjp=dict(x=_back),
    normalise=_reshaped,
    cases=[
        case(x=(2, 6), shape=(3, -1)),
        case(x=(), shape=(1, 1)),
        case(x=(0, 3), shape=(3, 0)),
        case(x=(4,), shape=4),
    ],
    bad=[
        bad(ValueError, "cannot reshape (2, 3) with 6 elements to (4,)", x=(2, 3), shape=(4,)),
        bad(ValueError, "at most one -1", x=(2, 3), shape=(-1, -1)),
    ],
)
def reshape(xp, x, *, shape):
    """The same elements in row-major order under another shape; one size may be -1."""
    return xp.reshape(x, shape=shape)


def _order(x: Any, axes: Sequence[int] | None) -> dict[str, Any]:
    ndim = len(x.shape)
    if axes is None:
        return dict(axes=tuple(range(ndim))[::-1])
    return dict(axes=tuple(normalise_axis(axis, ndim) for axis in axes))


def _unpermute(xp: Any, g: Any, axes: tuple[int, ...]) -> Any:
    return xp.permute_dims(g, axes=tuple(axes.index(i) for i in range(len(axes))))


@op(
    vjp=dict(x=_unpermute),
    normalise=_order,
    cases=[case(x=(2, 3, 4), axes=(2, 0, 1)), case(x=(2, 3), axes=(-1, 0))],
    bad=[bad(ValueError, "not a permutation", x=(2, 3), axes=(0, 0))],
)
def permute_dims(xp, x, *, axes):
    """The dimensions in the order `axes`."""
    return xp.permute_dims(x, axes=axes)


@op(
    vjp=dict(x=_unpermute),
    normalise=_order,
    cases=[case(x=(2, 3, 4)), case(x=(2, 3, 4), axes=(1, 0, 2)), case(x=())],
)
def transpose(xp, x, *, axes=None):
    """The dimensions in reverse order, or in the order `axes`."""
    return xp.permute_dims(x, axes=axes)


def _swapped(x: Any, axis1: int, axis2: int) -> dict[str, Any]:
    ndim = len(x.shape)
    return dict(axis1=normalise_axis(axis1, ndim), axis2=normalise_axis(axis2, ndim))


def _swap(xp: Any, x: Any, axis1: int, axis2: int) -> Any:
    axes = list(range(len(x.shape)))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return xp.permute_dims(x, axes=tuple(axes))


@op(
    vjp=dict(x=lambda xp, g, axis1, axis2: _swap(xp, g, axis1, axis2)),
    normalise=_swapped,
    cases=[case(x=(2, 3, 4), axis1=0, axis2=-1)],
)
def swapaxes(xp, x, *, axis1, axis2):
    """Two dimensions exchanged."""
    return _swap(xp, x, axis1, axis2)


def _squeezed(x: Any, axis: AxisLike | None) -> dict[str, Any]:
    if axis is None:
        return dict(axis=tuple(i for i, n in enumerate(x.shape) if n == 1))
    axes = normalise_axes(axis, len(x.shape))
    for i in axes:
        if x.shape[i] != 1:
            raise ShapeError(f"axis {i} has size {x.shape[i]}, only axes of size 1 can be removed")
    return dict(axis=axes)


@op(
    vjp=dict(x=_back),
    normalise=_squeezed,
    cases=[case(x=(1, 3, 1)), case(x=(1, 3, 1), axis=-1)],
    bad=[bad(ValueError, "axis 1 has size 3", x=(1, 3), axis=1)],
)
def squeeze(xp, x, *, axis=None):
    """Without the axes of size 1, or without those in `axis`."""
    return xp.reshape(x, shape=tuple(n for i, n in enumerate(x.shape) if i not in axis))


def _inserted(x: Any, axis: AxisLike) -> dict[str, Any]:
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return dict(axis=normalise_axes(axes, len(x.shape) + len(axes)))


def _with_ones(shape: tuple[int, ...], axis: tuple[int, ...]) -> tuple[int, ...]:
    sizes = iter(shape)
    return tuple(1 if i in axis else next(sizes) for i in range(len(shape) + len(axis)))


@op(
    vjp=dict(x=_back),
    normalise=_inserted,
    cases=[case(x=(2, 3), axis=1), case(x=(3,), axis=(0, -1)), case(x=(), axis=0)],
)
def expand_dims(xp, x, *, axis):
    """New axes of size 1 at the positions `axis` of the result."""
    return xp.reshape(x, shape=_with_ones(x.shape, axis))


def _broadcast(x: Any, shape: Sequence[int]) -> dict[str, Any]:
    return dict(shape=tuple(shape))


@op(
    vjp=dict(x=lambda xp, g: g),
    normalise=_broadcast,
    cases=[case(x=(3, 1), shape=(2, 3, 4)), case(x=(), shape=(2,)), case(x=(1,), shape=(0,))],
    bad=[bad(ValueError, "does not broadcast to", x=(3,), shape=(4,))],
)
def broadcast_to(xp, x, *, shape):
    """x repeated to `shape` by the rules of broadcasting. The graph sums
    the gradient over the repetitions.
    """
    return xp.broadcast_to(x, shape=shape)


def _flipped(x: Any, axis: AxisLike | None) -> dict[str, Any]:
    return dict(axis=normalise_axes(axis, len(x.shape)))


def _reversed_along(xp: Any, x: Any, axis: tuple[int, ...]) -> Any:
    backwards = slice(None, None, -1)
    return xp.getitem(x, key=tuple(backwards if i in axis else slice(None) for i in range(len(x.shape))))


@op(
    vjp=dict(x=lambda xp, g, axis: _reversed_along(xp, g, axis)),
    normalise=_flipped,
    cases=[case(x=(2, 3)), case(x=(2, 3), axis=1), case(x=(2, 3, 4), axis=(0, -1))],
)
def flip(xp, x, *, axis=None):
    """The elements in reverse order along `axis` (None: along all)."""
    return _reversed_along(xp, x, axis)


def _joined(*arrays: Any, axis: int) -> dict[str, Any]:
    return dict(axis=normalise_axis(axis, len(arrays[0].shape))) if arrays else dict(axis=axis)


def _piece(xp: Any, g: Any, i: int, arrays_spec: Any, axis: int) -> Any:
    start = 0
    for spec in arrays_spec[:i]:
        start += spec.shape[axis]
    stop = start + arrays_spec[i].shape[axis]
    return xp.getitem(g, key=(*((slice(None),) * axis), slice(start, stop)))


@op(
    vjp=dict(arrays=_piece),
    normalise=_joined,
    cases=[case(arrays=[(2, 3), (1, 3)]), case(arrays=[(2, 3), (2, 0), (2, 2)], axis=-1)],
    bad=[bad(ValueError, "differ outside axis 0", arrays=[(2, 3), (2, 4)])],
)
def concat(xp, *arrays, axis=0):
    """Arrays joined along an existing axis: `concat([a, b], axis=0)`."""
    return xp.concat(*arrays, axis=axis)


def _stacked(*arrays: Any, axis: int) -> dict[str, Any]:
    for array in arrays[1:]:
        if array.shape != arrays[0].shape:
            raise ShapeError(f"shapes differ: {arrays[0].shape} and {array.shape}")
    return dict(axis=normalise_axis(axis, len(arrays[0].shape) + 1)) if arrays else dict(axis=axis)


def _layer(xp: Any, g: Any, i: int, axis: int) -> Any:
    return xp.getitem(g, key=(*((slice(None),) * axis), i))


@op(
    vjp=dict(arrays=_layer),
    normalise=_stacked,
    cases=[
        case(arrays=[(2, 3), (2, 3)]),
        case(arrays=[(2,), (2,), (2,)], axis=-1),
        case(arrays=[(), ()]),
    ],
    bad=[bad(ValueError, "shapes differ", arrays=[(2, 3), (3,)])],
)
def stack(xp, *arrays, axis=0):
    """Arrays of equal shape joined along a new axis: `stack([a, b], axis=0)`."""
    return xp.concat(*(xp.reshape(a, shape=_with_ones(a.shape, (axis,))) for a in arrays), axis=axis)


def _pairs(pad_width: Any, ndim: int) -> tuple[Any, ...]:
    """(before, after) of each axis, from one number, one pair for all, or a pair for each."""
    if isinstance(pad_width, int):
        return ((pad_width, pad_width),) * ndim
    pairs = tuple(pad_width)
    if pairs and isinstance(pairs[0], int):
        return (pairs,) * ndim
    return pairs * ndim if len(pairs) == 1 else pairs


def _widths(x: Any, pad_width: int | Sequence[int] | Sequence[Sequence[int]], value: float) -> dict[str, Any]:
    pairs = _pairs(pad_width, len(x.shape))
    if any(width < 0 for pair in pairs for width in pair):
        raise ShapeError(f"pad_width {pad_width} holds a negative number")
    return dict(pad_width=tuple((int(before), int(after)) for before, after in pairs), value=value)


def _unpad(xp: Any, g: Any, x_spec: Any, pad_width: Any) -> Any:
    key = tuple(slice(before, before + n) for (before, _), n in zip(pad_width, x_spec.shape, strict=True))
    return xp.getitem(g, key=key)


@op(
    vjp=dict(x=_unpad),
    normalise=_widths,
    cases=[case(x=(2, 3), pad_width=1), case(x=(2, 3), pad_width=((0, 2), (1, 0)), value=5.0)],
    bad=[bad(ValueError, "pad_width", x=(2, 3), pad_width=((-1, 0), (0, 0)))],
)
def pad(xp, x, *, pad_width, value=0.0):
    """x with `value` around it; `pad_width` is a number, a pair, or a pair per axis, as in NumPy."""
    return xp.pad(x, pad_width=pad_width, value=value)


def _repetitions(x: Any, reps: ShapeLike) -> dict[str, Any]:
    counts = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
    return dict(reps=(1,) * (len(x.shape) - len(counts)) + counts)


def _tiled_shapes(shape: tuple[int, ...], reps: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(ones and sizes in turn, repetitions and sizes in turn)."""
    sizes = (1,) * (len(reps) - len(shape)) + shape
    pairs = list(zip(reps, sizes, strict=True))
    return (
        tuple(n for _, size in pairs for n in (1, size)),
        tuple(n for pair in pairs for n in pair),
    )


def _untile(xp: Any, g: Any, x_spec: Any, reps: tuple[int, ...]) -> Any:
    _, wide = _tiled_shapes(x_spec.shape, reps)
    total = xp.sum(xp.reshape(g, shape=wide), axis=tuple(range(0, len(wide), 2)), keepdims=False)
    return xp.reshape(total, shape=x_spec.shape)


@op(
    vjp=dict(x=_untile),
    normalise=_repetitions,
    cases=[case(x=(2, 3), reps=(2, 1)), case(x=(3,), reps=(2, 2)), case(x=(2, 3), reps=2)],
)
def tile(xp, x, *, reps):
    """x laid out `reps` times along each axis."""
    narrow, wide = _tiled_shapes(x.shape, reps)
    result = tuple(n * r for n, r in zip(wide[1::2], wide[::2], strict=True))
    return xp.reshape(xp.broadcast_to(xp.reshape(x, shape=narrow), shape=wide), shape=result)


def _repeat_axis(x: Any, repeats: int, axis: int | None) -> dict[str, Any]:
    if not isinstance(repeats, int) or repeats < 0:
        raise ShapeError(f"repeats is one number >= 0, got {repeats!r}")
    return dict(repeats=repeats, axis=None if axis is None else normalise_axis(axis, len(x.shape)))


def _repeated(
    shape: tuple[int, ...], repeats: int, axis: int | None
) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
    """(shape with room for the repetitions, the axis of that room, final shape)."""
    if axis is None:
        size = 1
        for n in shape:
            size *= n
        return (size, 1), 1, (size * repeats,)
    return (
        (*shape[: axis + 1], 1, *shape[axis + 1 :]),
        axis + 1,
        (*shape[:axis], shape[axis] * repeats, *shape[axis + 1 :]),
    )


def _unrepeat(xp: Any, g: Any, x_spec: Any, repeats: int, axis: int | None) -> Any:
    room, at, _ = _repeated(x_spec.shape, repeats, axis)
    wide = (*room[:at], repeats, *room[at + 1 :])
    total = xp.sum(xp.reshape(g, shape=wide), axis=(at,), keepdims=False)
    return xp.reshape(total, shape=x_spec.shape)


@op(
    vjp=dict(x=_unrepeat),
    normalise=_repeat_axis,
    cases=[
        case(x=(2, 3), repeats=2, axis=0),
        case(x=(2, 3), repeats=3),
        case(x=(2, 3), repeats=0, axis=1),
    ],
    bad=[bad(ValueError, "repeats is one number", x=(2,), repeats=-1)],
)
def repeat(xp, x, *, repeats, axis=None):
    """Each element `repeats` times in a row along `axis`, or of the flattened array."""
    room, at, final = _repeated(x.shape, repeats, axis)
    wide = (*room[:at], repeats, *room[at + 1 :])
    return xp.reshape(xp.broadcast_to(xp.reshape(x, shape=room), shape=wide), shape=final)
