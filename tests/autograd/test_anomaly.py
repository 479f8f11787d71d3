"""detect_anomaly names the op and the line, and does not cry wolf."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import autograd as ag
import backends


def place(function):
    """The only line in the body of `function`, as the message writes it."""
    return f"{function.__code__.co_filename}:{function.__code__.co_firstlineno + 1}"


def test_forward_names_op_and_line():
    def faulty():
        return ag.tensor([-1.0, 2.0]).log()

    with pytest.raises(ag.AnomalyError) as caught, ag.detect_anomaly():
        faulty()
    message = str(caught.value)
    assert message.startswith("log: the result holds NaN although no input does.")
    assert message.endswith(f"At {place(faulty)}")


def test_infinity_is_named():
    with (
        pytest.raises(ag.AnomalyError, match="exp: the result holds infinity"),
        ag.detect_anomaly(),
    ):
        ag.exp(ag.tensor([1000.0]))
    with (
        pytest.raises(ag.AnomalyError, match="divide: the result holds infinity"),
        ag.detect_anomaly(),
    ):
        ag.tensor([1.0]) / ag.tensor([0.0])
    with (
        pytest.raises(ag.AnomalyError, match="subtract: the result holds NaN"),
        ag.detect_anomaly(),
    ):
        ag.tensor([np.inf]) - ag.tensor([np.inf])


@pytest.mark.parametrize("create_graph", [False, True])
def test_backward_names_op_input_and_the_line_of_forward(create_graph):
    x = ag.tensor([0.0, 4.0], requires_grad=True)

    def faulty(y):
        return ag.sqrt(y)

    with ag.detect_anomaly():
        loss = faulty(x * 1.0).sum()
        with pytest.raises(ag.AnomalyError) as caught:
            loss.backward(create_graph=create_graph)
    message = str(caught.value)
    assert message.startswith("sqrt: the gradient with respect to x holds infinity")
    assert message.endswith(place(faulty))


def test_backward_of_a_graph_that_was_built_outside():
    x = ag.tensor([0.0], requires_grad=True)
    y = ag.sqrt(x).sum()
    with pytest.raises(ag.AnomalyError, match="a line outside detect_anomaly"), ag.detect_anomaly():
        y.backward()


def test_the_first_cause_is_named_and_not_an_echo():
    x = ag.tensor([-1.0], requires_grad=True)
    with pytest.raises(ag.AnomalyError, match=r"^sqrt:"), ag.detect_anomaly():
        (ag.sqrt(x) * 2 + 1).mean().backward()


def test_the_double_where_problem_is_found():
    x = ag.tensor([0.0, 1.0], requires_grad=True)
    with pytest.raises(ag.AnomalyError, match="sqrt: the gradient"), ag.detect_anomaly():
        ag.where(x > 0, ag.sqrt(x), 0.0).sum().backward()


def test_infinity_in_a_mask_is_let_through():
    scores = ag.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    mask = ag.tensor([[0.0, -np.inf, 0.0]])
    with ag.detect_anomaly():
        weights = ag.softmax(scores + mask)
        (weights * ag.tensor([1.0, 2.0, 3.0])).sum().backward()
        total = ag.logsumexp(scores.detach() + mask)
    assert weights.tolist()[0][1] == 0.0
    assert np.isfinite(total.item())


def test_nan_in_the_data_is_blamed_on_the_data():
    data = ag.tensor([1.0, np.nan])
    with pytest.raises(ag.AnomalyError) as caught, ag.detect_anomaly():
        ag.add(1.0, data)
    assert str(caught.value).startswith("add: input b holds NaN, and no op produced it: it is in the data.")
    assert "test_anomaly.py" in str(caught.value)


def test_nan_in_a_parameter_is_found_at_its_first_use():
    w = ag.tensor([np.nan], requires_grad=True)
    with pytest.raises(ag.AnomalyError, match="multiply: input b holds NaN"), ag.detect_anomaly():
        ag.ones(1) * w


def test_nothing_is_reported_for_clean_steps():
    x = ag.tensor([[0.5, -1.0]], requires_grad=True)
    with ag.detect_anomaly():
        ag.softmax_cross_entropy(ag.relu(x @ ag.ones((2, 3))), [1]).mean().backward()
        ag.argmax(x)
    assert np.isfinite(x.grad.numpy()).all()


def test_it_ends_with_its_block():
    with ag.detect_anomaly():
        pass
    with np.errstate(all="ignore"):
        assert np.isnan(ag.log(ag.tensor([-1.0])).numpy()).all()
    with pytest.raises(ag.AnomalyError), ag.detect_anomaly():
        ag.log(ag.tensor([-1.0]))
    with pytest.warns(RuntimeWarning), backends.use("numpy"):  # kernels do not warn
        ag.log(ag.tensor([-1.0]))


def test_the_error_replaces_the_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ag.AnomalyError), ag.detect_anomaly():
            ag.log(ag.tensor([-1.0]))


def test_as_decorator_and_nested():
    @ag.detect_anomaly()
    def risky(x):
        return ag.log(x)

    with pytest.raises(ag.AnomalyError):
        risky(ag.tensor([-1.0]))
    switch = ag.detect_anomaly()
    with switch:
        with switch:
            pass
        with pytest.raises(ag.AnomalyError):
            ag.log(ag.tensor([-1.0]))
    with np.errstate(all="ignore"):
        ag.log(ag.tensor([-1.0]))
    with pytest.warns(RuntimeWarning), backends.use("numpy"):  # kernels do not warn
        ag.log(ag.tensor([-1.0]))


@pytest.mark.parametrize("create_graph", [False, True])
def test_an_array_changed_in_place_is_named(create_graph):
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    with ag.detect_anomaly():
        y = (x * x).sum()
        x.data[0] = 7.0
        with pytest.raises(ag.GradientError, match=r"multiply: an array .* in place .*test_anomaly.py:\d+"):
            y.backward(create_graph=create_graph)
    with ag.detect_anomaly():
        (x * x).sum().backward(create_graph=create_graph)
    x.grad = None


def test_several_arrays_in_one_are_looked_at_too():
    parts = [ag.tensor([1.0, 2.0], requires_grad=True) for _ in range(2)]

    @ag.op(vjp=dict(arrays=lambda xp, g, i, arrays: xp.multiply(g, arrays[1 - i])))
    def product(xp, *arrays):
        return xp.multiply(*arrays)

    with ag.detect_anomaly():
        y = product(*parts).sum()
        parts[1].data[0] = 7.0
        with pytest.raises(ag.GradientError, match="product: an array"):
            y.backward()
