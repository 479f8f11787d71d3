"""Convolution and pooling: PyTorch as oracle over settings and formats, and what a window at the border means."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import autograd as ag
from autograd.testing import check_grad

FORMATS = ["NCHW", "NHWC"]


def drawn(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def image(shape, data_format, seed=0):
    """(as PyTorch takes it, as `data_format` wants it)."""
    x = drawn(shape, seed)
    return x, x if data_format == "NCHW" else np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def back(y, data_format):
    """What this library returns, in PyTorch's order."""
    return y if data_format == "NCHW" else y.transpose(0, 3, 1, 2)


def compare(torch, theirs, ours, arrays, forms, data_format):
    """Values and gradients of one call; `forms` put a gradient into PyTorch's order."""
    inputs = [torch.tensor(a, requires_grad=True) for a, _ in arrays]
    expected = theirs(*inputs)
    weights = drawn(tuple(expected.shape), 9)
    expected.backward(torch.tensor(weights))
    tensors = [ag.tensor(a, requires_grad=True) for _, a in arrays]
    y = ours(*tensors)
    y.backward(ag.tensor(weights if data_format == "NCHW" else np.moveaxis(weights, 1, -1).copy()))
    close = dict(rtol=1e-10, atol=1e-10, strict=True)
    np.testing.assert_allclose(back(y.numpy(), data_format), expected.detach().numpy(), **close)
    for tensor, other, form in zip(tensors, inputs, forms, strict=True):
        np.testing.assert_allclose(form(tensor.grad.numpy()), other.grad.numpy(), **close)


def in_order(array):
    return array


CONVOLUTIONS = [
    *itertools.product([1, 2, (2, 3)], [0, 1, (2, 0)], [1, 2, (1, 2)], [1]),
    (1, 1, 1, 2),
    ((2, 1), (0, 1), (2, 1), 2),
    (2, 0, 1, 4),
    (1, "same", (1, 2), 1),
    (1, "valid", 2, 2),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.oracle
@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("kernel", [(3, 3), (2, 3), (1, 1)])
def test_conv2d_is_pytorchs(kernel, data_format):
    torch = pytest.importorskip("torch")
    for settings in CONVOLUTIONS:
        convolution_is_pytorchs(torch, kernel, *settings, data_format)


def convolution_is_pytorchs(torch, kernel, stride, padding, dilation, groups, data_format):
    settings = dict(stride=stride, padding=padding, dilation=dilation, groups=groups)
    weight = drawn((8, 4 // groups, *kernel), 1)
    weights = weight, weight if data_format == "NCHW" else weight.transpose(2, 3, 1, 0).copy()
    bias = drawn(8, 2)
    compare(
        torch,
        lambda x, w, b: torch.nn.functional.conv2d(x, w, b, **settings),
        lambda x, w, b: ag.conv2d(x, w, b, **settings, data_format=data_format),
        [image((2, 4, 7, 8), data_format), weights, (bias, bias)],
        [
            lambda g: back(g, data_format),
            lambda g: g if data_format == "NCHW" else g.transpose(3, 2, 0, 1),
            in_order,
        ],
        data_format,
    )


POOLS = [
    (2, None, 0),
    (2, 1, 1),
    ((3, 2), (2, 1), (1, 0)),
    (3, 2, 1),
    ((1, 4), 3, (0, 2)),
]


@pytest.mark.oracle
@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("dilation", [1, (1, 2)])
@pytest.mark.parametrize(("kernel", "stride", "padding"), POOLS)
def test_max_pool2d_is_pytorchs(kernel, stride, padding, dilation, data_format):
    torch = pytest.importorskip("torch")
    compare(
        torch,
        lambda x: torch.nn.functional.max_pool2d(x, kernel, stride, padding, dilation),
        lambda x: ag.max_pool2d(x, kernel, stride, padding, data_format, dilation),
        [image((2, 3, 7, 9), data_format)],
        [lambda g: back(g, data_format)],
        data_format,
    )


@pytest.mark.oracle
@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize(("kernel", "stride", "padding"), POOLS)
def test_avg_pool2d_is_pytorchs(kernel, stride, padding, include, data_format):
    torch = pytest.importorskip("torch")
    compare(
        torch,
        lambda x: torch.nn.functional.avg_pool2d(x, kernel, stride, padding, count_include_pad=include),
        lambda x: ag.avg_pool2d(x, kernel, stride, padding, include, data_format),
        [image((2, 3, 7, 9), data_format)],
        [lambda g: back(g, data_format)],
        data_format,
    )


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [5, 6, 7])
def test_same_padding_has_its_larger_half_after(size, stride, data_format):
    """As Keras: the result has ceil(n / stride) elements; written here with explicit zeros."""
    kernel, dilation = (4, 3), (1, 2)
    x, mine = image((1, 2, size, size), data_format)
    weight = drawn((3, 2, *kernel), 1)
    if data_format == "NHWC":
        weight = weight.transpose(2, 3, 1, 0)
    widths = []
    for k, gap in zip(kernel, dilation, strict=True):
        total = max((math.ceil(size / stride) - 1) * stride + (k - 1) * gap + 1 - size, 0)
        widths.append((total // 2, total - total // 2))
    settings = dict(stride=stride, dilation=dilation, data_format=data_format)
    y = ag.conv2d(mine, weight, padding="same", **settings)
    assert back(y.numpy(), data_format).shape == (1, 3, *[math.ceil(size / stride)] * 2)
    filled = np.pad(x, ((0, 0), (0, 0), *widths))
    filled = filled if data_format == "NCHW" else filled.transpose(0, 2, 3, 1)
    np.testing.assert_allclose(y.numpy(), ag.conv2d(filled, weight, **settings).numpy(), rtol=1e-12)
    pooled = ag.max_pool2d(mine, 2, stride, "same", data_format)
    assert back(pooled.numpy(), data_format).shape == (1, 2, *[math.ceil(size / stride)] * 2)


@pytest.mark.parametrize("data_format", FORMATS)
def test_second_derivatives(data_format):
    _, x = image((1, 4, 5, 4), data_format)
    weight = drawn((2, 2, 3, 2), 1)
    weight = weight if data_format == "NCHW" else weight.transpose(2, 3, 1, 0).copy()
    settings = dict(stride=(2, 1), padding=1, groups=2, data_format=data_format)
    check_grad(lambda x, w: ag.tanh(ag.conv2d(x, w, **settings)), x, weight, order=2)
    check_grad(lambda x: ag.max_pool2d(x, 2, data_format=data_format) ** 2, x, order=2)
    check_grad(lambda x: ag.tanh(ag.avg_pool2d(x, 2, 1, 1, False, data_format)), x, order=2)


def test_ties_share_the_gradient_of_their_window():
    x = ag.tensor([[[[1.0, 2.0, 2.0], [2.0, 0.0, 2.0]]]], requires_grad=True)
    ag.max_pool2d(x, 2, 1).backward(ag.tensor([[[[6.0, 12.0]]]]))
    assert x.grad.tolist() == [[[[0.0, 3.0 + 4.0, 4.0], [3.0, 0.0, 4.0]]]]


def test_padding_never_wins_in_max_and_counts_as_zeros_in_the_mean():
    x = ag.tensor([[[[-3.0]]]])
    assert ag.max_pool2d(x, 3, 1, 1).item() == -3.0
    assert ag.avg_pool2d(x, 3, 1, 1).item() == pytest.approx(-3.0 / 9)
    assert ag.avg_pool2d(x, 3, 1, 1, count_include_pad=False).item() == -3.0
    for padding in ((0, 1), (1, 0), (1, 1), (0, 0)):
        ones = ag.avg_pool2d(ag.ones((1, 2, 4, 5)), 2, 1, padding, count_include_pad=False)
        assert set(ones.numpy().flat) == {1.0}, padding
    lowest = ag.tensor([[[[-128]]]], dtype="int8")
    assert ag.max_pool2d(lowest, 3, 1, 1).item() == -128
    assert not ag.max_pool2d(ag.tensor([[[[False]]]]), 3, 1, 1).item()


def test_nan_is_seen_by_every_window_that_holds_it():
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 0, 0] = math.nan
    for pooled in (ag.max_pool2d(x, 2, 1), ag.avg_pool2d(x, 2, 1)):
        assert np.isnan(pooled.numpy()).tolist() == [[[[True, False], [False, False]]]]


def test_settings_by_position_are_those_of_pytorch():
    x, w, b = drawn((1, 2, 6, 6)), drawn((2, 1, 3, 3), 1), drawn(2, 2)
    named = ag.conv2d(x, w, b, stride=2, padding=1, dilation=2, groups=2)
    assert ag.conv2d(x, w, b, 2, 1, 2, 2).tolist() == named.tolist()
    assert ag.max_pool2d(x, 2).tolist() == ag.max_pool2d(x, kernel_size=(2, 2), stride=2).tolist()
    assert ag.avg_pool2d(x, 3, 1, 1).shape == (1, 2, 6, 6)


@pytest.mark.parametrize("data_format", FORMATS)
def test_no_samples_and_float32(data_format):
    x = ag.zeros((0, 4, 4, 4), requires_grad=True)
    w = ag.ones((4, 4, 2, 2) if data_format == "NCHW" else (2, 2, 4, 4), requires_grad=True)
    y = ag.conv2d(x, w, data_format=data_format)
    y.sum().backward()
    assert (y.shape[0], str(y.dtype)) == (0, "float32")
    assert x.grad.shape == x.shape
    assert not w.grad.numpy().any()
    assert ag.max_pool2d(x, 2, data_format=data_format).shape == (0, *([4, 2, 2] if data_format == "NCHW" else [2, 2, 4]))  # fmt: skip


@pytest.mark.parametrize("data_format", FORMATS)
def test_one_matrix_product_each_for_the_result_and_the_two_gradients(data_format):
    x = ag.ones((2, 5, 5, 5))
    w = ag.ones((3, 5, 2, 2) if data_format == "NCHW" else (2, 2, 5, 3))

    def step(x, w):
        x, w = x.detach(), w.detach()
        x.requires_grad = w.requires_grad = True
        ag.conv2d(x, w, data_format=data_format).sum().backward()
        return x.grad, w.grad

    program = ag.capture(step, x, w, state={}).program
    products = [line for line in program.instructions if line.primitive == "matmul"]
    assert [len(line.result.spec.shape) for line in products] == [2, 2, 2]
