"""Sliding windows over some axes of an array, and the settings that convolution and pooling share.

`windows` and `windows_add` are each other's transpose. A setting for two axes is one number
or a pair; padding may also be a pair per axis, "valid" (none) or "same" (a result of size
ceil(n / stride), the larger half after).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from backends.errors import DTypeError, ShapeError
from backends.shapes import normalise_axis

from ..call import op
from ..errors import RangeError
from ..op import bad, case

if TYPE_CHECKING:
    from ..typing import ShapeLike

Pair = tuple[int, int]
PairLike = int | Sequence[int]
"""What is given for height and width: one number for both, or two."""
PaddingLike = int | str | Sequence[int | Sequence[int]]
SPATIAL = {"NCHW": (2, 3), "NHWC": (1, 2)}
"""Where a format has height and width; the other letters are samples and channels."""


def _numbers(name: str, value: Any, count: int) -> tuple[int, ...]:
    """One integer >= 1 for each axis."""
    numbers = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    if len(numbers) != count or not all(hasattr(n, "__index__") for n in numbers):
        raise DTypeError(f"{name} is an integer or {count} of them, got {value!r}")
    numbers = tuple(n.__index__() for n in numbers)
    if min(numbers, default=1) < 1:
        raise RangeError(f"{name} is 1 or more, got {value!r}")
    return numbers


def pair(name: str, value: Any) -> Pair:
    """`value` for height and width."""
    first, second = _numbers(name, value, 2)
    return first, second


def spatial_axes(data_format: Any) -> Pair:
    if data_format not in SPATIAL:
        raise RangeError(f"data_format is 'NCHW' or 'NHWC', got {data_format!r}")
    return SPATIAL[data_format]


def four_dimensions(name: str, array: Any, meaning: str) -> None:
    if len(array.shape) != 4:
        raise ShapeError(
            f"{name} needs the 4 dimensions {meaning}, got {len(array.shape)} in {tuple(array.shape)}"
        )


def resolve_padding(
    padding: Any, sizes: tuple[int, ...], kernel: Pair, stride: Pair, dilation: Pair
) -> tuple[Pair, Pair]:
    """(before, after) for height and width; raises where the kernel does not fit then."""
    if padding == "valid":
        padding = 0
    if padding == "same":
        pairs = [_same(*one) for one in zip(sizes, kernel, stride, dilation, strict=True)]
    else:
        parts = tuple(padding) if isinstance(padding, (tuple, list)) else (padding, padding)
        pairs = [tuple(p) if isinstance(p, (tuple, list)) else (p, p) for p in parts]
        flat = [n for one in pairs for n in one]
        if len(pairs) != 2 or len(flat) != 4 or not all(hasattr(n, "__index__") for n in flat):
            raise DTypeError(
                f"padding is an integer, a pair, a pair of pairs, 'valid' or 'same', got {padding!r}"
            )
        if min(flat) < 0:
            raise RangeError(f"padding is 0 or more, got {padding!r}")
    for name, n, (before, after), k, gap in zip(
        ("height", "width"), sizes, pairs, kernel, dilation, strict=True
    ):
        reach = (k - 1) * gap + 1
        if reach > n + before + after:
            raise ShapeError(
                f"the kernel reaches over {reach} elements of {name}, the padded input has "
                f"{n + before + after}"
            )
    (top, bottom), (left, right) = pairs
    return (top.__index__(), bottom.__index__()), (left.__index__(), right.__index__())


def _same(n: int, kernel: int, stride: int, dilation: int) -> Pair:
    total = max((-(-n // stride) - 1) * stride + (kernel - 1) * dilation + 1 - n, 0)
    return total // 2, total - total // 2


def padded(xp: Any, x: Any, axes: Pair, padding: tuple[Pair, Pair], value: float | bool = 0.0) -> Any:
    """x with `value` around it on two axes."""
    if not any(map(any, padding)):
        return x
    widths = [(0, 0)] * len(x.shape)
    widths[axes[0]], widths[axes[1]] = padding
    return xp.pad(x, pad_width=tuple(widths), value=value)


def padded_shape(shape: tuple[int, ...], axes: Pair, padding: tuple[Pair, Pair]) -> tuple[int, ...]:
    sizes = list(shape)
    for axis, widths in zip(axes, padding, strict=True):
        sizes[axis] += sum(widths)
    return tuple(sizes)


def unpadded(xp: Any, g: Any, shape: tuple[int, ...], axes: Pair, padding: tuple[Pair, Pair]) -> Any:
    """The transpose of `padded`: what lies inside."""
    if not any(map(any, padding)):
        return g
    key = [slice(None)] * len(shape)
    for axis, (before, _) in zip(axes, padding, strict=True):
        key[axis] = slice(before, before + shape[axis])
    return xp.getitem(g, key=tuple(key))


def _settings(
    x: Any, *, axes: ShapeLike, size: PairLike, stride: PairLike, dilation: PairLike
) -> dict[str, Any]:
    return _over(len(x.shape), axes, size, stride, dilation)


def _settings_back(
    values: Any,
    *,
    axes: ShapeLike,
    size: PairLike,
    stride: PairLike,
    dilation: PairLike,
    shape: Sequence[int],
) -> dict[str, Any]:
    settings = _over(len(tuple(shape)), axes, size, stride, dilation)
    return dict(settings, shape=tuple(shape))


def _over(ndim: int, axes: Any, size: Any, stride: Any, dilation: Any) -> dict[str, Any]:
    chosen = tuple(axes) if isinstance(axes, (tuple, list)) else (axes,)
    count = len(chosen)
    return dict(
        axes=tuple(normalise_axis(axis, ndim) for axis in chosen),
        size=_numbers("size", size, count),
        stride=_numbers("stride", stride, count),
        dilation=_numbers("dilation", dilation, count),
    )


@op(
    vjp=dict(
        x=lambda xp, g, x_spec, axes, size, stride, dilation: xp.windows_add(
            g, axes=axes, size=size, stride=stride, dilation=dilation, shape=x_spec.shape
        )
    ),
    normalise=_settings,
    cases=[
        case(x=(7,), axes=0, size=3),
        case(x=(2, 5, 6), axes=(1, 2), size=(2, 3), stride=(2, 1)),
        case(x=(7, 2, 6), axes=(-1, 0), size=2, stride=2, dilation=(1, 3)),
        case(x=(0, 3), axes=(1,), size=(3,)),
    ],
    bad=[
        bad(ValueError, "windows of 5 do not fit on axis 0 of size 4", x=(4,), axes=0, size=3, dilation=2),
        bad(ValueError, "stride is 1 or more, got 0", x=(4,), axes=0, size=2, stride=0),
        bad(TypeError, "size is an integer or 1 of them", x=(4,), axes=0, size=(2, 2)),
        bad(ValueError, "twice", x=(4, 4), axes=(0, -2), size=2),
    ],
)
def windows(xp, x, *, axes, size, stride=1, dilation=1):
    """Windows of `size` over `axes`: their positions in place of those
    axes, their insides as new last axes.
    """
    return xp.windows(x, axes=axes, size=size, stride=stride, dilation=dilation)


@op(
    vjp=dict(
        values=lambda xp, g, axes, size, stride, dilation: xp.windows(
            g, axes=axes, size=size, stride=stride, dilation=dilation
        )
    ),
    normalise=_settings_back,
    cases=[
        case(values=(5, 3), axes=0, size=3, shape=(7,)),
        case(values=(2, 2, 4, 2, 3), axes=(1, 2), size=(2, 3), stride=(2, 1), shape=(2, 5, 6)),
        case(values=(4, 2, 3, 2, 2), axes=(2, 0), size=2, stride=(2, 1), dilation=(1, 3), shape=(7, 2, 6)),
    ],
    bad=[bad(ValueError, "where the windows of (7,) are (5, 3)", values=(4, 3), axes=0, size=3, shape=(7,))],
)
def windows_add(xp, values, *, axes, size, stride=1, dilation=1, shape):
    """Zeros of `shape` with each window added where it came from; the transpose of windows."""
    return xp.windows_add(values, axes=axes, size=size, stride=stride, dilation=dilation, shape=shape)
