"""jvp, hvp, jacobian, hessian: against matrices known by hand, against each other, nested, and against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag

A = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]])
POINT = np.array([0.3, -0.7, 1.1])
STEP = np.array([1.0, 0.5, -2.0])


def linear(x):
    return ag.tensor(A) @ x


def curved(x):
    return ag.tanh(ag.tensor(A) @ x) * x[:2]


def energy(x):
    return (ag.exp(x[0] * x[1]) + x[2] ** 3 * x[0]).sum()


def energy_hessian(x):
    a, b, c = x
    e = np.exp(a * b)
    return np.array(
        [
            [b * b * e, e + a * b * e, 3 * c * c],
            [e + a * b * e, a * a * e, 0],
            [3 * c * c, 0, 6 * c * a],
        ]
    )


def test_jacobian_of_a_product_is_its_matrix():
    np.testing.assert_array_equal(ag.jacobian(linear)(ag.tensor(POINT)).numpy(), A)


def test_jvp_is_the_jacobian_times_the_direction_and_vjp_its_transpose():
    x, step = ag.tensor(POINT), ag.tensor(STEP)
    matrix = ag.jacobian(curved)(x).numpy()
    value, change = ag.jvp(curved, [x], [step])
    np.testing.assert_array_equal(value.numpy(), curved(x).numpy())
    np.testing.assert_allclose(change.numpy(), matrix @ STEP, rtol=1e-13)
    _, pull = ag.vjp(curved, x)
    np.testing.assert_allclose(
        pull(ag.tensor([1.0, 10.0], "float64"))[0].numpy(), [1, 10] @ matrix, rtol=1e-13
    )


def test_hessian_and_hvp_by_hand():
    x = ag.tensor(POINT)
    expected = energy_hessian(POINT)
    np.testing.assert_allclose(ag.hessian(energy)(x).numpy(), expected, rtol=1e-13, atol=1e-15)
    product = ag.hvp(energy, x, ag.tensor(STEP))
    np.testing.assert_allclose(product.numpy(), expected @ STEP, rtol=1e-13)


def test_shapes_of_matrices_and_numbers():
    x = ag.random.normal((2, 3), dtype="float64", key=1)
    assert ag.jacobian(lambda x: x.sum(axis=0))(x).shape == (3, 2, 3)
    assert ag.jacobian(lambda x: x.sum())(x).shape == (2, 3)
    assert ag.hessian(lambda x: (x**3).sum())(x).shape == (2, 3, 2, 3)
    assert ag.jacobian(lambda x: x[:0])(x).shape == (0, 3, 2, 3)


def test_structures():
    parameters = {"w": ag.tensor(A), "b": ag.tensor([1.0, 2.0], "float64")}
    x = ag.tensor(POINT)

    def layer(p, x):
        return {"y": p["w"] @ x + p["b"], "penalty": (p["w"] ** 2).sum()}

    blocks = ag.jacobian(layer)(parameters, x)
    np.testing.assert_array_equal(blocks["y"]["b"].numpy(), np.eye(2))
    np.testing.assert_array_equal(blocks["penalty"]["w"].numpy(), 2 * A)
    np.testing.assert_array_equal(blocks["penalty"]["b"].numpy(), [0, 0])
    np.testing.assert_array_equal(ag.jacobian(layer, argnums=1)(parameters, x)["y"].numpy(), A)

    directions = {"w": ag.ones((2, 3), "float64"), "b": ag.zeros(2, "float64")}
    _, change = ag.jvp(lambda p: layer(p, x), [parameters], [directions])
    np.testing.assert_allclose(change["y"].numpy(), [POINT.sum()] * 2, rtol=1e-14)
    assert change["penalty"].item() == pytest.approx(2 * A.sum())

    product = ag.hvp(lambda p: layer(p, x)["penalty"], parameters, directions)
    np.testing.assert_array_equal(product["w"].numpy(), 2 * np.ones((2, 3)))


def test_an_output_that_does_not_depend_changes_by_nothing():
    value, change = ag.jvp(lambda x: (x * 2, ag.ones(2)), [ag.ones(3)], [ag.ones(3)])
    assert change[0].tolist() == [2.0] * 3
    assert change[1].tolist() == [0.0, 0.0]
    assert value[1].tolist() == [1.0, 1.0]


def test_transforms_nest():
    third = ag.grad(lambda x: ag.hvp(lambda y: y**4, x, ag.tensor(1.0)))(ag.tensor(2.0))
    assert third.item() == 48.0  # d/dx 12 x^2 = 24 x
    slope_of_jvp = ag.grad(lambda x: ag.jvp(ag.sin, [x], [ag.tensor(1.0)])[1])(ag.tensor(0.5))
    assert slope_of_jvp.item() == pytest.approx(-np.sin(0.5), rel=1e-6)
    twice = ag.jvp(lambda x: ag.jvp(lambda y: y**3, [x], [x])[1], [ag.tensor(2.0)], [ag.tensor(1.0)])
    assert twice[1].item() == 36.0  # d/dx 3 x^3 = 9 x^2
    rows = ag.jacobian(ag.jacobian(lambda x: x**3))(ag.tensor([2.0]))
    assert rows.tolist() == [[[12.0]]]


def test_nothing_is_left_behind():
    x = ag.tensor(POINT, requires_grad=True)
    free = ag.tensor(POINT)
    for result in (
        ag.jvp(curved, [free], [ag.tensor(STEP)])[1],
        ag.hvp(energy, free, ag.tensor(STEP)),
        ag.jacobian(curved)(free),
        ag.hessian(energy)(free),
    ):
        assert not result.requires_grad
    ag.hessian(energy)(x).sum()
    assert x.grad is None
    assert ag.jvp(curved, [x], [ag.tensor(STEP)])[1].requires_grad
    with ag.no_grad():
        assert not ag.jvp(curved, [x], [ag.tensor(STEP)])[1].requires_grad


def test_directions_of_another_shape_are_refused():
    with pytest.raises(
        ag.ShapeError, match=r"jvp: directions of shapes \[\(2,\)\] for inputs of shapes \[\(3,\)\]"
    ):
        ag.jvp(curved, [ag.tensor(POINT)], [ag.ones(2)])
    with pytest.raises(ag.ShapeError, match="hvp: directions of shapes"):
        ag.hvp(energy, ag.tensor(POINT), ag.ones(2))
    with pytest.raises(ag.GradientError, match="single number"):
        ag.hessian(curved)(ag.tensor(POINT))


# torch.func warns about torch's own use of torch.jit.script
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
@pytest.mark.oracle
def test_pytorch_agrees():
    torch = pytest.importorskip("torch")
    matrix, x, step = torch.tensor(A), torch.tensor(POINT), torch.tensor(STEP)

    def network(x):
        return torch.softmax(torch.tanh(matrix @ x), 0) * x[:2]

    def ours(x):
        return ag.softmax(ag.tanh(ag.tensor(A) @ x), axis=0) * x[:2]

    expected = torch.func.jacrev(network)(x).numpy()
    np.testing.assert_allclose(ag.jacobian(ours)(ag.tensor(POINT)).numpy(), expected, rtol=1e-12)
    _, change = torch.func.jvp(network, (x,), (step,))
    got = ag.jvp(ours, [ag.tensor(POINT)], [ag.tensor(STEP)])[1]
    np.testing.assert_allclose(got.numpy(), change.numpy(), rtol=1e-12)
    second = torch.func.hessian(lambda x: (network(x) ** 2).sum())(x).numpy()
    mine = ag.hessian(lambda x: (ours(x) ** 2).sum())(ag.tensor(POINT))
    np.testing.assert_allclose(mine.numpy(), second, rtol=1e-11)
