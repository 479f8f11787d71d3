"""Convolution of images: windows of the image as one matrix, times the kernels as another.

Axes are named by letters: N samples, G groups, C channels in a group, O results of a group, y and x the
position of a window, h and w the place inside it. For each format a table says which letters make the
rows and columns of each matrix, so that the innermost axis of memory stays innermost. All three gradients
are products of the same matrices.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from backends.errors import ShapeError

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


class _Operand(NamedTuple):
    """The axes of an array as it is, and as a stack of matrices."""

    axes: str
    rows: str
    columns: str


class _Format(NamedTuple):
    """`y = image @ weight` where the image comes first, else `weight @ image`."""

    image: _Operand
    weight: _Operand
    result: _Operand
    image_first: bool


_FORMATS = {
    "NCHW": _Format(
        _Operand("NGCyxhw", "Chw", "Nyx"),
        _Operand("GOChw", "O", "Chw"),
        _Operand("NGOyx", "O", "Nyx"),
        image_first=False,
    ),
    "NHWC": _Format(
        _Operand("NyxGChw", "Nyx", "hwC"),
        _Operand("hwCGO", "hwC", "O"),
        _Operand("NyxGO", "Nyx", "O"),
        image_first=True,
    ),
}


class _Geometry(NamedTuple):
    """One call: the format, the size behind each letter, and how the windows lie."""

    format: _Format
    sizes: dict[str, int]
    spatial: Pair
    windows: dict[str, Any]

    def matrix(self, xp: Any, x: Any, operand: _Operand) -> Any:
        """x as matrices, one a group; a single matrix where there is one group."""
        axes, sizes = self.letters(operand.axes), self.sizes
        x = _reshaped(xp, x, tuple(sizes[a] for a in axes))
        wanted = self.letters("G" + operand.rows + operand.columns)
        if axes != wanted:
            x = xp.permute_dims(x, axes=tuple(axes.index(a) for a in wanted))
        many = (sizes["G"],) if "G" in axes else ()
        return xp.reshape(x, shape=(*many, self.count(operand.rows), self.count(operand.columns)))

    def array(self, xp: Any, matrix: Any, operand: _Operand, shape: tuple[int, ...]) -> Any:
        """The array of `shape` whose matrices these are."""
        axes = self.letters(operand.axes)
        given = self.letters("G" + operand.rows + operand.columns)
        x = _reshaped(xp, matrix, tuple(self.sizes[a] for a in given))
        if axes != given:
            x = xp.permute_dims(x, axes=tuple(given.index(a) for a in axes))
        return _reshaped(xp, x, shape)

    def letters(self, axes: str) -> str:
        return axes if self.sizes["G"] > 1 else axes.replace("G", "")

    def count(self, axes: str) -> int:
        count = 1
        for axis in axes:
            count *= self.sizes[axis]
        return count


def _reshaped(xp: Any, x: Any, shape: tuple[int, ...]) -> Any:
    return x if x.shape == shape else xp.reshape(x, shape=shape)


def _turned(xp: Any, matrix: Any) -> Any:
    n = len(matrix.shape)
    return xp.permute_dims(matrix, axes=(*range(n - 2), n - 1, n - 2))


def _kernel_sizes(shape: tuple[int, ...], data_format: str) -> tuple[Pair, int, int]:
    """(height and width, channels of a group, results) of a weight."""
    if data_format == "NCHW":
        return (shape[2], shape[3]), shape[1], shape[0]
    return (shape[0], shape[1]), shape[2], shape[3]


def _geometry(x: Any, weight: Any, settings: dict[str, Any]) -> _Geometry:
    spatial, groups = spatial_axes(settings["data_format"]), settings["groups"]
    kernel, channels, results = _kernel_sizes(weight.shape, settings["data_format"])
    sizes = dict(N=x.shape[0], G=groups, C=channels, O=results // groups, h=kernel[0], w=kernel[1])
    for name, axis, k, (before, after), step, gap in zip(
        "yx", spatial, kernel, settings["padding"], settings["stride"], settings["dilation"], strict=True
    ):
        reach = (k - 1) * gap + 1
        sizes[name] = (x.shape[axis] + before + after - reach) // step + 1
    windows = dict(axes=spatial, size=kernel, stride=settings["stride"], dilation=settings["dilation"])
    return _Geometry(_FORMATS[settings["data_format"]], sizes, spatial, windows)


def _check_channels(x: Any, weight: Any, bias: Any, groups: int, data_format: str) -> None:
    _, channels, results = _kernel_sizes(weight.shape, data_format)
    found = x.shape[1 if data_format == "NCHW" else 3]
    if found % groups or results % groups:
        raise ShapeError(f"groups={groups} does not divide {found} channels into {results} results equally")
    if found != channels * groups:
        raise ShapeError(
            f"x has {found} channels, weight is for {channels * groups} ({channels} in each of {groups} "
            "groups)"
        )
    if bias is not None and tuple(bias.shape) != (results,):
        raise ShapeError(
            f"bias needs one number for each of the {results} results, got the shape {tuple(bias.shape)}"
        )


def _settings(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: PairLike,
    padding: PaddingLike,
    dilation: PairLike,
    groups: int,
    data_format: str,
) -> dict[str, Any]:
    spatial = spatial_axes(data_format)
    first = data_format == "NCHW"
    four_dimensions("x", x, "(N, C, H, W)" if first else "(N, H, W, C)")
    four_dimensions("weight", weight, "(O, C/groups, kh, kw)" if first else "(kh, kw, C/groups, O)")
    if not isinstance(groups, int) or groups < 1:
        raise RangeError(f"groups is an integer of 1 or more, got {groups!r}")
    _check_channels(x, weight, bias, groups, data_format)
    kernel = pair("the kernel size", _kernel_sizes(weight.shape, data_format)[0])
    stride, dilation = pair("stride", stride), pair("dilation", dilation)
    sizes = tuple(x.shape[axis] for axis in spatial)
    padding = resolve_padding(padding, sizes, kernel, stride, dilation)
    return dict(stride=stride, padding=padding, dilation=dilation, groups=groups, data_format=data_format)


def _image_matrix(xp: Any, x: Any, padding: Any, geometry: _Geometry) -> Any:
    image = padded(xp, x, geometry.spatial, padding)
    return geometry.matrix(xp, xp.windows(image, **geometry.windows), geometry.format.image)


def _slope_of_image(
    xp: Any,
    g: Any,
    x_spec: Any,
    weight: Any,
    stride: Pair,
    padding: Any,
    dilation: Pair,
    groups: int,
    data_format: str,
) -> Any:
    geometry = _geometry(
        x_spec,
        weight,
        dict(stride=stride, padding=padding, dilation=dilation, groups=groups, data_format=data_format),
    )
    names = geometry.format
    gradient = geometry.matrix(xp, g, names.result)
    turned = _turned(xp, geometry.matrix(xp, weight, names.weight))
    factors = (gradient, turned) if names.image_first else (turned, gradient)
    shape = padded_shape(x_spec.shape, geometry.spatial, padding)
    seen = list(shape)
    for axis, letter in zip(geometry.spatial, "yx", strict=True):
        seen[axis] = geometry.sizes[letter]
    kernel = geometry.windows["size"]
    patches = geometry.array(xp, xp.matmul(*factors), names.image, (*seen, *kernel))
    image = xp.windows_add(patches, **geometry.windows, shape=shape)
    return unpadded(xp, image, x_spec.shape, geometry.spatial, padding)


def _slope_of_weight(
    xp: Any,
    g: Any,
    x: Any,
    weight_spec: Any,
    stride: Pair,
    padding: Any,
    dilation: Pair,
    groups: int,
    data_format: str,
) -> Any:
    geometry = _geometry(
        x,
        weight_spec,
        dict(stride=stride, padding=padding, dilation=dilation, groups=groups, data_format=data_format),
    )
    names = geometry.format
    gradient = geometry.matrix(xp, g, names.result)
    turned = _turned(xp, _image_matrix(xp, x, padding, geometry))
    factors = (turned, gradient) if names.image_first else (gradient, turned)
    return geometry.array(xp, xp.matmul(*factors), names.weight, weight_spec.shape)


def _slope_of_bias(xp: Any, g: Any, data_format: str) -> Any:
    axis = (0, 2, 3) if data_format == "NCHW" else (0, 1, 2)
    return xp.sum(g, axis=axis, keepdims=False)


@op(
    vjp=dict(x=_slope_of_image, weight=_slope_of_weight, bias=_slope_of_bias),
    normalise=_settings,
    cases=[
        case(x=(2, 3, 5, 4), weight=(2, 3, 3, 2), bias=(2,)),
        case(x=(1, 2, 5, 5), weight=(3, 2, 3, 3), stride=2, padding=1),
        case(x=(2, 4, 4, 5), weight=(2, 2, 2, 2), bias=(2,), groups=2, dilation=(1, 2), padding=(1, 0)),
        case(x=(1, 2, 5, 4), weight=(4, 1, 3, 3), groups=2, stride=(2, 1), padding="same"),
        case(x=(2, 5, 4, 3), weight=(3, 2, 3, 2), bias=(2,), data_format="NHWC"),
        case(x=(2, 4, 5, 4), weight=(2, 2, 2, 4), groups=2, stride=2, padding="same", data_format="NHWC"),
        case(x=(1, 4, 4, 1), weight=(1, 1, 1, 2), padding=((0, 1), (2, 0)), stride=3, data_format="NHWC"),
    ],
    bad=[
        bad(
            ValueError,
            "x needs the 4 dimensions (N, C, H, W), got 3 in (3, 5, 5)",
            x=(3, 5, 5),
            weight=(2, 3, 3, 3),
        ),
        bad(
            ValueError,
            "weight needs the 4 dimensions (kh, kw, C/groups, O), got 2",
            x=(2, 5, 5, 3),
            weight=(3, 3),
            data_format="NHWC",
        ),
        bad(
            ValueError,
            "x has 3 channels, weight is for 4 (4 in each of 1 groups)",
            x=(2, 3, 5, 5),
            weight=(2, 4, 3, 3),
        ),
        bad(ValueError, "groups=2 does not divide 3 channels", x=(2, 3, 5, 5), weight=(2, 1, 3, 3), groups=2),
        bad(
            ValueError,
            "groups is an integer of 1 or more, got 0",
            x=(2, 3, 5, 5),
            weight=(2, 3, 3, 3),
            groups=0,
        ),
        bad(
            ValueError,
            "bias needs one number for each of the 2 results",
            x=(2, 3, 5, 5),
            weight=(2, 3, 3, 3),
            bias=(3,),
        ),
        bad(
            ValueError,
            "the kernel reaches over 5 elements of height, the padded input has 4",
            x=(1, 1, 2, 9),
            weight=(1, 1, 3, 1),
            dilation=2,
            padding=1,
        ),
        bad(ValueError, "stride is 1 or more, got 0", x=(2, 3, 5, 5), weight=(2, 3, 3, 3), stride=0),
        bad(
            ValueError,
            "stride is 1 or more, got (1, -1)",
            x=(2, 3, 5, 5),
            weight=(2, 3, 3, 3),
            stride=(1, -1),
        ),
        bad(ValueError, "padding is 0 or more", x=(2, 3, 5, 5), weight=(2, 3, 3, 3), padding=-1),
        bad(TypeError, "padding is an integer, a pair", x=(2, 3, 5, 5), weight=(2, 3, 3, 3), padding="full"),
        bad(
            TypeError,
            "dilation is an integer or 2 of them, got (1, 2, 3)",
            x=(2, 3, 5, 5),
            weight=(2, 3, 3, 3),
            dilation=(1, 2, 3),
        ),
        bad(
            ValueError,
            "data_format is 'NCHW' or 'NHWC', got 'CHW'",
            x=(2, 3, 5, 5),
            weight=(2, 3, 3, 3),
            data_format="CHW",
        ),
    ],
)
def conv2d(xp, x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1, data_format="NCHW"):
    """Cross-correlation of images with kernels, as in PyTorch: x (N, C, H, W),
    weight (O, C/groups, kh, kw), bias (O,).

    `data_format="NHWC"`: x (N, H, W, C), weight (kh, kw, C/groups, O), as in Keras. `padding` is a number, a
    pair, a pair of (before, after), "valid" or "same".
    """
    geometry = _geometry(
        x,
        weight,
        dict(stride=stride, padding=padding, dilation=dilation, groups=groups, data_format=data_format),
    )
    names, sizes = geometry.format, geometry.sizes
    image = _image_matrix(xp, x, padding, geometry)
    kernels = geometry.matrix(xp, weight, names.weight)
    y = xp.matmul(image, kernels) if names.image_first else xp.matmul(kernels, image)
    results = sizes["G"] * sizes["O"]
    if data_format == "NCHW":
        y = geometry.array(xp, y, names.result, (sizes["N"], results, sizes["y"], sizes["x"]))
        return y if bias is None else xp.add(y, xp.reshape(bias, shape=(results, 1, 1)))
    y = geometry.array(xp, y, names.result, (sizes["N"], sizes["y"], sizes["x"], results))
    return y if bias is None else xp.add(y, bias)
