"""The names of the array API standard, 2024.12, what they are called here, and why some are missing."""

from __future__ import annotations

STANDARD: dict[str, str] = {
    "creation": (
        "arange asarray empty empty_like eye from_dlpack full full_like linspace meshgrid ones ones_like "
        "tril triu zeros zeros_like"
    ),
    "data types": ("astype can_cast finfo iinfo isdtype result_type"),
    "element by element": (
        "abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_invert "
        "bitwise_or bitwise_right_shift bitwise_xor ceil clip conj copysign cos cosh divide equal exp "
        "expm1 floor floor_divide greater greater_equal hypot imag isfinite isinf isnan less less_equal "
        "log log1p log2 log10 logaddexp logical_and logical_not logical_or logical_xor maximum minimum "
        "multiply negative nextafter not_equal positive pow real reciprocal remainder round sign signbit "
        "sin sinh square sqrt subtract tan tanh trunc"
    ),
    "positions": ("argmax argmin argsort count_nonzero nonzero searchsorted sort take take_along_axis where"),
    "products": ("matmul matrix_transpose tensordot vecdot"),
    "shapes": (
        "broadcast_arrays broadcast_to concat expand_dims flip moveaxis permute_dims repeat reshape roll "
        "squeeze stack tile unstack"
    ),
    "sets": ("unique_all unique_counts unique_inverse unique_values"),
    "statistics and answers": ("cumulative_prod cumulative_sum max mean min prod std sum var all any diff"),
}
"""By subject, the functions of the main namespace."""
RENAMED = {
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "bitwise_right_shift": "right_shift",
    "pow": "power",
    "round": "rint",
}
"""What `autograd` calls by NumPy's older names."""
OF_LINALG = ("matmul", "matrix_transpose", "tensordot", "vecdot")
"""Functions that the standard has in its namespace and in `linalg`, too."""
_DECOMPOSITIONS = [
    "cholesky",
    "det",
    "eigh",
    "eigvalsh",
    "inv",
    "matrix_rank",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
]
_COMPLEX = ("complex64", "complex128")


def why_not(module: str, name: str) -> str:
    """What an AttributeError says of a name that is not in `module`."""
    if name in _COMPLEX:
        return f"module {module!r} has no {name}: there are no complex numbers here"
    if name == "fft":
        return f"module {module!r} has no fft: there is no op for Fourier transforms"
    if name in _DECOMPOSITIONS:
        return f"module {module!r} has no {name}: there is no op that decomposes or inverts matrices"
    return f"module {module!r} has no attribute {name!r}; the array API standard 2024.12 says what there is"
