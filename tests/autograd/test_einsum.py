"""einsum against numpy.einsum on equations drawn at random; gradients against differences and PyTorch."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
import backends
from autograd.testing import check_grad

SIZES = {"a": 2, "b": 3, "c": 1, "d": 2, "E": 4}


@st.composite
def equations(draw, max_operands=3):
    """(equation, shapes): repeated labels, ellipses, sizes of 1 that broadcast, results explicit and implicit."""
    terms, shapes = [], []
    spread = draw(st.lists(st.integers(1, 3), max_size=2))
    dotted = False
    for _ in range(draw(st.integers(1, max_operands))):
        term = draw(st.lists(st.sampled_from("abcdE"), max_size=3))
        shape = [SIZES[x] for x in term]
        for i, x in enumerate(term):
            if term.count(x) == 1 and draw(st.integers(0, 5)) == 0:
                shape[i] = 1
        text = "".join(term)
        if draw(st.booleans()):
            at = draw(st.integers(0, len(term)))
            own = spread[draw(st.integers(0, len(spread))) :]
            own = [1 if draw(st.integers(0, 4)) == 0 else n for n in own]
            text = text[:at] + "..." + text[at:]
            shape[at:at] = own
            dotted = True
        terms.append(text)
        shapes.append(tuple(shape))
    equation = ",".join(terms)
    if draw(st.booleans()):
        labels = sorted(set(equation) - set(",."))
        result = draw(st.permutations(labels))[: draw(st.integers(0, len(labels)))]
        if dotted:
            result.insert(draw(st.integers(0, len(result))), "...")
        equation += "->" + "".join(result)
    if draw(st.booleans()):
        equation = equation.replace(",", " , ").replace("->", " -> ")
    return equation, shapes


def filled(shapes, dtype="float64", seed=0):
    generator = np.random.default_rng(seed)
    return [np.array(generator.uniform(0.5, 2, shape)).astype(dtype) for shape in shapes]


@given(equations(max_operands=4))
@settings(max_examples=300)
def test_values_are_those_of_numpy(drawn):
    equation, shapes = drawn
    arrays = filled(shapes)
    expected = np.einsum(equation, *arrays)
    found = ag.einsum(equation, *map(ag.tensor, arrays))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    specs = [backends.Spec(a.shape, a.dtype) for a in arrays]
    assert ag.ops.OPS["einsum"].spec(*specs, equation=equation).shape == expected.shape


@given(equations())
@settings(max_examples=60)
def test_gradients_agree_with_differences(drawn):
    equation, shapes = drawn
    check_grad(lambda *x: ag.einsum(equation, *x), *filled(shapes))


@given(equations())
@settings(max_examples=40)
def test_second_derivatives_agree_with_differences(drawn):
    equation, shapes = drawn
    check_grad(lambda *x: ag.einsum(equation, *x), *filled(shapes), order=2)


@given(equations(), st.sampled_from(["int8", "int64", "bool", "float32", "float16", "uint8"]))
def test_dtypes_are_those_of_numpy(drawn, dtype):
    equation, shapes = drawn
    arrays = [np.ones(shape, dtype) for shape in shapes]
    expected = np.einsum(equation, *arrays)
    found = ag.einsum(equation, *map(ag.tensor, arrays))
    assert found.dtype == expected.dtype
    if dtype != "float16":
        assert np.array_equal(found.numpy(), expected)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk", [(2, 0), (0, 3)]),
        ("ii->i", [(0, 0)]),
        ("iii->i", [(3, 3, 3)]),
        ("iijj->ji", [(2, 2, 3, 3)]),
        ("iji->", [(2, 3, 2)]),
        ("", [()]),
        (",", [(), ()]),
        ("...", [(2, 3)]),
        ("i...,i...->...", [(3, 2), (3, 1)]),
        ("bhqd,bhkd->bhqk", [(2, 2, 3, 4), (2, 2, 5, 4)]),
        ("ab,bc,cd,de->ae", [(2, 3), (3, 4), (4, 5), (5, 2)]),
    ],
)
def test_particular_equations(equation, shapes):
    arrays = filled(shapes)
    expected = np.einsum(equation, *arrays)
    for operands in (map(ag.tensor, arrays), [list(map(ag.tensor, arrays))]):
        np.testing.assert_allclose(ag.einsum(equation, *operands).numpy(), expected, rtol=1e-13, strict=True)
    if expected.size:
        check_grad(lambda *x: ag.einsum(equation, *x), *arrays, order=2)


def test_a_product_is_a_product_in_the_program():
    """No transposition and no reshape where none is needed, so that a compiled step sees the matrix product."""
    step = ag.capture(lambda a, b: ag.einsum("ij,jk->ik", a, b), ag.ones((2, 3)), ag.ones((3, 4)), state={})  # fmt: skip
    assert [line.primitive for line in step.program.instructions] == ["matmul"]
    many = ag.capture(lambda a, b: ag.einsum("bij,jk", a, b), ag.ones((5, 2, 3)), ag.ones((3, 4)), state={})  # fmt: skip
    assert [line.primitive for line in many.program.instructions] == ["reshape", "matmul", "reshape"]  # fmt: skip


def test_numbers_are_weak_and_numpys_own_function_keeps_the_gradient():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    assert ag.einsum(",i->i", 2.0, x).dtype == "float32"
    y = np.einsum("i,i->", x, x)
    assert isinstance(y, ag.Tensor)
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_an_operand_used_twice_gets_both_gradients():
    x = ag.tensor([[1.0, 2.0], [3.0, 4.0]], dtype="float64", requires_grad=True)
    ag.einsum("ij,ji->", x, x).backward()
    assert x.grad.tolist() == [[2.0, 6.0], [4.0, 8.0]]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((ag.ones(2), "i"), ag.DTypeError, "the equation comes first"),
        (("i",), ag.RangeError, "needs operands, got none"),
        (("i", []), ag.RangeError, "needs operands, got none"),
        (("i,i", ag.ones(2)), ag.RangeError, "'i,i' is for 2 operands, got 1"),
        (("i->i->i", ag.ones(2)), ag.RangeError, "'-' in the result ('i->i') is no label"),
        (("...i...", ag.ones(2)), ag.RangeError, "'.' in operand 0 ('...i...') is no label"),
        (("é", ag.ones(2)), ag.RangeError, "labels are the letters a-z and A-Z"),
        (
            ("ij,jk", ag.ones((2, 3)), ag.ones((4, 5))),
            ag.ShapeError,
            (
                "einsum: the label 'j' has the sizes 3 and 4. Received operands[0]=(2, 3) float32, "
                "operands[1]=(4, 5) float32, equation='ij,jk'."
            ),
        ),
    ],
)
def test_errors(arguments, error, text):
    with pytest.raises(error, match=re.escape(text)):
        ag.einsum(*arguments)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]),
        ("ijk,jil->kl", [(2, 3, 4), (3, 2, 5)]),
        ("...ij,...kj->...ik", [(2, 1, 3, 4), (5, 2, 4)]),
        ("ii->i", [(3, 3)]),
        ("i,j,k->kji", [(2,), (3,), (4,)]),
        ("bn,anm,bm->ba", [(2, 3), (4, 3, 5), (2, 5)]),
    ],
)
def test_pytorch_agrees(equation, shapes):
    torch = pytest.importorskip("torch")
    arrays = filled(shapes)
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    expected = torch.einsum(equation, *theirs)
    weights = filled([expected.shape], seed=1)[0]
    expected.backward(torch.tensor(weights))
    ours = [ag.tensor(a, requires_grad=True) for a in arrays]
    y = ag.einsum(equation, *ours)
    y.backward(ag.tensor(weights))
    np.testing.assert_allclose(y.numpy(), expected.detach(), rtol=1e-12)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.grad.numpy(), other.grad, rtol=1e-12)
