"""Pooling: the largest or the mean of each window of an image.

The axes inside a window are brought to the front, so that the reduction runs over whole images at a time.
Equal maxima of a window share its gradient; padding counts as -infinity there, and as zeros in the mean.
"""

from __future__ import annotations

from typing import Any

from backends.contract import resolve_dtype

from ..call import op
from ..errors import RangeError
from ..op import bad, case
from .windows import (
    PaddingLike,
    Pair,
    PairLike,
    four_dimensions,
    padded,
    padded_shape,
    pair,
    resolve_padding,
    spatial_axes,
    unpadded,
)


def _settings(
    x: Any,
    kernel_size: PairLike,
    stride: PairLike | None,
    padding: PaddingLike,
    data_format: str,
    dilation: PairLike,
) -> dict[str, Any]:
    spatial = spatial_axes(data_format)
    four_dimensions("x", x, "(N, C, H, W)" if data_format == "NCHW" else "(N, H, W, C)")
    kernel = pair("kernel_size", kernel_size)
    stride = kernel if stride is None else pair("stride", stride)
    gaps = pair("dilation", dilation)
    sizes = tuple(x.shape[axis] for axis in spatial)
    padding = resolve_padding(padding, sizes, kernel, stride, gaps)
    for k, gap, widths in zip(kernel, gaps, padding, strict=True):
        reach = (k - 1) * gap + 1
        if max(widths) > reach // 2:
            raise RangeError(
                f"padding is at most half of the {reach} elements that the kernel reaches over, got "
                f"{max(widths)}"
            )
    return dict(kernel_size=kernel, stride=stride, padding=padding, data_format=data_format, dilation=gaps)


def _front(xp: Any, x: Any, kernel: Pair, stride: Pair, dilation: Pair, spatial: Pair) -> Any:
    """The windows of a padded image with their inside as the first axis."""
    seen = xp.windows(x, axes=spatial, size=kernel, stride=stride, dilation=dilation)
    seen = xp.permute_dims(seen, axes=(4, 5, 0, 1, 2, 3))
    return xp.reshape(seen, shape=(kernel[0] * kernel[1], *seen.shape[2:]))


def _back(
    xp: Any, front: Any, x_spec: Any, kernel: Pair, stride: Pair, dilation: Pair, padding: Any, spatial: Pair
) -> Any:
    """The transpose of padding and `_front`."""
    seen = xp.reshape(front, shape=(*kernel, *front.shape[1:]))
    seen = xp.permute_dims(seen, axes=(2, 3, 4, 5, 0, 1))
    shape = padded_shape(x_spec.shape, spatial, padding)
    image = xp.windows_add(seen, axes=spatial, size=kernel, stride=stride, dilation=dilation, shape=shape)
    return unpadded(xp, image, x_spec.shape, spatial, padding)


def _lowest(dtype: Any) -> float | bool:
    """What is not above any element."""
    if dtype.kind == "f":
        return -float("inf")
    if dtype.kind == "b":
        return False
    return -(1 << (8 * dtype.itemsize - 1)) if dtype.kind == "i" else 0


def _padded_with_lowest(xp: Any, x: Any, spatial: Pair, padding: Any) -> Any:
    return padded(xp, x, spatial, padding, _lowest(x.dtype))


def _max_slope(
    xp: Any,
    g: Any,
    x: Any,
    y: Any,
    kernel_size: Pair,
    stride: Pair,
    padding: Any,
    data_format: str,
    dilation: Pair,
) -> Any:
    spatial = spatial_axes(data_format)
    image = _padded_with_lowest(xp, x, spatial, padding)
    hits = xp.equal(_front(xp, image, kernel_size, stride, dilation, spatial), y)
    count = xp.sum(xp.astype(hits, dtype=g.dtype), axis=(0,), keepdims=False)
    share = xp.where(hits, xp.divide(g, count), 0.0)
    return _back(xp, share, x, kernel_size, stride, dilation, padding, spatial)


_BAD = (
    bad(ValueError, "x needs the 4 dimensions (N, C, H, W), got 2 in (4, 4)", x=(4, 4), kernel_size=2),
    bad(ValueError, "kernel_size is 1 or more, got 0", x=(1, 1, 4, 4), kernel_size=0),
    bad(ValueError, "stride is 1 or more, got -1", x=(1, 1, 4, 4), kernel_size=2, stride=-1),
    bad(
        ValueError,
        "the kernel reaches over 5 elements of width, the padded input has 4",
        x=(1, 1, 5, 4),
        kernel_size=5,
    ),
    bad(ValueError, "padding is at most half of the 2 elements", x=(1, 1, 4, 4), kernel_size=2, padding=2),
    bad(TypeError, "kernel_size is an integer or 2 of them, got 1.5", x=(1, 1, 4, 4), kernel_size=1.5),
    bad(ValueError, "data_format is 'NCHW' or 'NHWC'", x=(1, 1, 4, 4), kernel_size=2, data_format="NWHC"),
)


@op(
    vjp=dict(x=_max_slope),
    normalise=_settings,
    cases=[
        case(x=(2, 2, 4, 5), kernel_size=2),
        case(x=(1, 2, 5, 5), kernel_size=(3, 2), stride=(2, 1), padding=1),
        case(x=(1, 5, 5, 2), kernel_size=2, stride=2, padding="same", data_format="NHWC"),
        case(x=(1, 1, 5, 6), kernel_size=2, stride=1, dilation=(2, 3)),
    ],
    bad=_BAD,
)
def max_pool2d(xp, x, *, kernel_size, stride=None, padding=0, data_format="NCHW", dilation=1):
    """The largest element of each window; m equal ones get 1/m of the gradient
    each. Stride None: the kernel size.
    """
    spatial = spatial_axes(data_format)
    image = _padded_with_lowest(xp, x, spatial, padding)
    front = _front(xp, image, kernel_size, stride, dilation, spatial)
    return xp.max(front, axis=(0,), keepdims=False)


def _mean_settings(
    x: Any,
    kernel_size: PairLike,
    stride: PairLike | None,
    padding: PaddingLike,
    count_include_pad: bool,
    data_format: str,
) -> dict[str, Any]:
    settings = _settings(x, kernel_size, stride, padding, data_format, 1)
    del settings["dilation"]
    return dict(settings, count_include_pad=bool(count_include_pad))


def _counts(
    xp: Any, x: Any, dtype: Any, kernel: Pair, stride: Pair, padding: Any, include: bool, data_format: str
) -> Any:
    """How many elements each window has: a number, or an array where padding is left out."""
    if include or not any(map(any, padding)):
        return kernel[0] * kernel[1]
    spatial = spatial_axes(data_format)
    shape = tuple(n if i in spatial else 1 for i, n in enumerate(x.shape))
    ones = xp.full(shape=shape, value=1.0, dtype=dtype)
    inside = _front(xp, padded(xp, ones, spatial, padding), kernel, stride, (1, 1), spatial)
    return xp.sum(inside, axis=(0,), keepdims=False)


def _mean_slope(
    xp: Any,
    g: Any,
    x_spec: Any,
    kernel_size: Pair,
    stride: Pair,
    padding: Any,
    count_include_pad: bool,
    data_format: str,
) -> Any:
    counts = _counts(xp, x_spec, g.dtype, kernel_size, stride, padding, count_include_pad, data_format)
    share = xp.divide(g, counts)
    front = xp.broadcast_to(share, shape=(kernel_size[0] * kernel_size[1], *share.shape))
    spatial = spatial_axes(data_format)
    return _back(xp, front, x_spec, kernel_size, stride, (1, 1), padding, spatial)


@op(
    vjp=dict(x=_mean_slope),
    normalise=_mean_settings,
    cases=[
        case(x=(2, 2, 4, 5), kernel_size=2),
        case(x=(1, 2, 5, 5), kernel_size=(3, 2), stride=(2, 1), padding=1),
        case(x=(1, 2, 5, 5), kernel_size=3, stride=2, padding=1, count_include_pad=False),
        case(x=(1, 5, 5, 2), kernel_size=2, padding="same", count_include_pad=False, data_format="NHWC"),
    ],
    bad=_BAD,
)
def avg_pool2d(xp, x, *, kernel_size, stride=None, padding=0, count_include_pad=True, data_format="NCHW"):
    """The mean of each window; `count_include_pad=False` leaves padding out of the
    count. Stride None: the kernel size.
    """
    spatial = spatial_axes(data_format)
    front = _front(xp, padded(xp, x, spatial, padding), kernel_size, stride, (1, 1), spatial)
    total = xp.sum(front, axis=(0,), keepdims=False)
    dtype = total.dtype if total.dtype.kind == "f" else resolve_dtype("float64")
    counts = _counts(xp, x, dtype, kernel_size, stride, padding, count_include_pad, data_format)
    return xp.divide(total, counts)
