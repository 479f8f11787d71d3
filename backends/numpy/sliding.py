"""Sliding windows: the view that convolution and pooling read, and its transpose, which adds windows back."""

from __future__ import annotations

import itertools
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
    steps = list(x.strides)
    for axis, step in zip(axes, stride, strict=True):
        steps[axis] *= step
    inside = [x.strides[axis] * gap for axis, gap in zip(axes, dilation, strict=True)]
    return as_strided(x, shape, (*steps, *inside), writeable=False)


def windows_add(
    values: NDArray, *, axes: Axes, size: Shape, stride: Shape, dilation: Shape, shape: Shape
) -> NDArray:
    """One strided addition for each place inside a window, where all windows at once do not overlap."""
    shapes.windows_add(values.shape, axes=axes, size=size, stride=stride, dilation=dilation, shape=shape)
    axes = tuple(axis % len(shape) for axis in axes)
    result = np.zeros(shape, values.dtype)
    key: list[Any] = [slice(None)] * len(shape)
    everywhere: tuple[Any, ...] = (slice(None),) * len(shape)
    for place in itertools.product(*map(range, size)):
        for axis, offset, step, gap in zip(axes, place, stride, dilation, strict=True):
            start = offset * gap
            stop = start + (values.shape[axis] - 1) * step + 1
            key[axis] = slice(start, stop, step)
        result[tuple(key)] += values[(*everywhere, *place)]
    return result
