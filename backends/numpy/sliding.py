"""Sliding windows: the view that convolution and pooling read, and its transpose, which adds windows back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .. import shapes
from ..contract import Shape

NDArray = np.ndarray[Any, Any]
Axes = tuple[int, ...]


def windows(x: NDArray, *, axes: Axes, size: Shape, stride: Shape, dilation: Shape) -> NDArray:
    """A view; nothing is copied."""
    shape = shapes.windows(x.shape, axes=axes, size=size, stride=stride, dilation=dilation)
    return as_strided(x, shape, shapes.window_strides(x.strides, axes, stride, dilation), writeable=False)


def windows_add(
    values: NDArray, *, axes: Axes, size: Shape, stride: Shape, dilation: Shape, shape: Shape
) -> NDArray:
    """One strided addition for each place inside a window, where all windows at once do not overlap."""
    shapes.windows_add(values.shape, axes=axes, size=size, stride=stride, dilation=dilation, shape=shape)
    axes = tuple(axis % len(shape) for axis in axes)
    result = np.zeros(shape, values.dtype)
    for there, here in shapes.window_places(values.shape, axes, size, stride, dilation):
        result[there] += values[here]
    return result
