"""einsum: sums of products over named axes, as NumPy writes them, worked out with matrix products.

An equation is read once into one label per axis; the axes that an ellipsis stands for get the labels ".1",
".2" ..., counted from the right. Operands are contracted two at a time from left to right. The gradient of an
operand is another such sum: the gradient of the result against all other operands.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from backends.errors import DTypeError, ShapeError

from ..call import op
from ..errors import RangeError
from ..op import bad, case
from ..tensor import Tensor

if TYPE_CHECKING:
    from ..typing import ArrayLike

Labels = tuple[str, ...]


@functools.lru_cache(maxsize=512)
def _read(equation: str, ndims: tuple[int, ...]) -> tuple[tuple[Labels, ...], Labels]:
    """(the labels of each operand, those of the result)."""
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise RangeError(f"the equation {equation!r} is for {len(terms)} operands, got {len(ndims)}")
    labels = tuple(
        _labels(term, ndim, f"operand {i}") for i, (term, ndim) in enumerate(zip(terms, ndims, strict=True))
    )
    # the longest ellipsis, leftmost axis first
    spread = max((tuple(x for x in term if x[0] == ".") for term in labels), key=len)
    flat = [label for term in labels for label in term]
    if not arrow:
        once = sorted(x for x in set(flat) if x[0] != "." and flat.count(x) == 1)
        return labels, (*spread, *once)
    result = _labels(right, len(right.replace("...", "")) + len(spread), "the result")
    for label in result:
        if label not in flat:
            raise RangeError(f"the result has the label {label!r}, which no operand has")
        if result.count(label) > 1:
            raise RangeError(f"the result has the label {label!r} more than once")
    return labels, result


def _labels(term: str, ndim: int, where: str) -> Labels:
    before, dots, after = term.partition("...")
    for character in before + after:
        if not (character.isascii() and character.isalpha()):
            raise RangeError(
                f"{character!r} in {where} ({term!r}) is no label; labels are the letters a-z and A-Z, "
                "with one '...' a term, ',' between operands and one '->' before the result"
            )
    missing = ndim - len(before) - len(after)
    if missing < 0 or (missing and not dots):
        if where == "the result":
            raise RangeError(f"the operands have axes under '...', so the result ({term!r}) needs '...' too")
        raise RangeError(
            f"{where} has {ndim} dimensions, its term {term!r} has {len(before) + len(after)} labels"
        )
    return (*before, *(f".{i}" for i in range(missing, 0, -1)), *after)


def _shape(x: Any) -> tuple[int, ...]:
    return getattr(x, "shape", ())


def _canonical(*operands: Any, equation: Any) -> dict[str, Any]:
    if not isinstance(equation, str):
        raise DTypeError(f"the equation is a string such as 'ij,jk->ik', got {type(equation).__name__}")
    equation = "".join(equation.split())
    terms, _ = _read(equation, tuple(len(_shape(x)) for x in operands))
    for term, x in zip(terms, operands, strict=True):
        for label, size in zip(term, _shape(x), strict=True):
            if _shape(x)[term.index(label)] != size:
                raise _mismatch(label, _shape(x)[term.index(label)], size)
    _sizes(operands, terms)
    return dict(equation=equation)


def _sizes(operands: Iterable[Any], terms: Iterable[Labels]) -> dict[str, int]:
    """The size of each label; 1 gives way to any other."""
    sizes: dict[str, int] = {}
    for x, term in zip(operands, terms, strict=True):
        for label, size in zip(term, _shape(x), strict=True):
            known = sizes.setdefault(label, size)
            if known == 1:
                sizes[label] = size
            elif size not in (1, known):
                raise _mismatch(label, known, size)
    return sizes


def _mismatch(label: str, first: int, second: int) -> ShapeError:
    name = f"axis {label[1:]} from the right of '...'" if label[0] == "." else f"label {label!r}"
    return ShapeError(f"the {name} has the sizes {first} and {second}")


def _order(xp: Any, x: Any, labels: Labels, wanted: Labels) -> Any:
    if labels == wanted:
        return x
    return xp.permute_dims(x, axes=tuple(labels.index(label) for label in wanted))


def _reshape(xp: Any, x: Any, shape: tuple[int, ...]) -> Any:
    # a Python number, which has no shape, fits wherever a broadcast does
    return x if getattr(x, "shape", shape) == shape else xp.reshape(x, shape=shape)


def _count(sizes: Iterable[int]) -> int:
    count = 1
    for size in sizes:
        count *= size
    return count


def _diagonals(xp: Any, x: Any, labels: Labels) -> tuple[Any, Labels]:
    """x with one axis for each label: where a label is repeated, the diagonal."""
    for label in dict.fromkeys(labels):
        times = labels.count(label)
        if times > 1:
            rest = tuple(other for other in labels if other != label)
            axes = [i for i, other in enumerate(labels) if other != label]
            axes += [i for i, other in enumerate(labels) if other == label]
            x = xp.permute_dims(x, axes=tuple(axes))
            size = x.shape[-1]
            x = xp.reshape(x, shape=(*x.shape[: len(rest)], size**times))
            x = xp.getitem(x, key=(..., slice(None, None, _stride(size, times))))
            labels = (*rest, label)
    return x, labels


def _stride(size: int, times: int) -> int:
    """How far apart the elements of the diagonal of `times` equal axes lie."""
    return sum(size**i for i in range(times))


def _on_diagonals(xp: Any, x: Any, labels: Labels, wanted: Labels) -> Any:
    """The transpose of `_diagonals`: x with an axis for each label, put on diagonals of zeros."""
    axes = tuple(f"{label}#{wanted[:i].count(label)}" for i, label in enumerate(wanted))
    labels = tuple(f"{label}#0" for label in labels)
    for label in dict.fromkeys(wanted):
        times = wanted.count(label)
        if times > 1:
            rest = tuple(other for other in labels if other != f"{label}#0")
            x = _order(xp, x, labels, (*rest, f"{label}#0"))
            size = x.shape[-1]
            flat = (*x.shape[:-1], size**times)
            key = (..., slice(None, None, _stride(size, times)))
            x = xp.index_add(x, key=key, shape=flat)
            x = xp.reshape(x, shape=(*flat[:-1], *(size,) * times))
            labels = (*rest, *(f"{label}#{i}" for i in range(times)))
    return _order(xp, x, labels, axes)


def _sum_away(xp: Any, x: Any, labels: Labels, kept: set[str]) -> tuple[Any, Labels]:
    axis = tuple(i for i, label in enumerate(labels) if label not in kept)
    if not axis:
        return x, labels
    total = xp.sum(x, axis=axis, keepdims=False)
    if total.dtype != x.dtype:
        # sums of small integers are wide, but those of einsum keep their dtype, as in NumPy
        total = xp.astype(total, dtype=x.dtype)
    return total, tuple(label for label in labels if label in kept)


def _narrowed(xp: Any, x: Any, labels: Labels, other: Any, other_labels: Labels) -> tuple[Any, Labels]:
    """x without the axes of size 1 that stand against longer ones of `other`."""
    sizes = dict(zip(other_labels, _shape(other), strict=True))
    keep = [i for i, label in enumerate(labels) if x.shape[i] != 1 or sizes.get(label, 1) == 1]
    if len(keep) == len(labels):
        return x, labels
    return xp.reshape(x, shape=tuple(x.shape[i] for i in keep)), tuple(labels[i] for i in keep)


def _pair(xp: Any, a: Any, la: Labels, b: Any, lb: Labels, kept: set[str]) -> tuple[Any, Labels]:
    """Two operands as one, with the labels that are in `kept`."""
    (a, la), (b, lb) = _narrowed(xp, a, la, b, lb), _narrowed(xp, b, lb, a, la)
    a, la = _sum_away(xp, a, la, kept.union(lb))
    b, lb = _sum_away(xp, b, lb, kept.union(la))
    batch = tuple(x for x in la if x in lb and x in kept)
    inner = tuple(x for x in la if x in lb and x not in kept)
    left, right = tuple(x for x in la if x not in lb), tuple(x for x in lb if x not in la)
    size = dict(zip((*la, *lb), (*_shape(a), *_shape(b)), strict=True))
    many, rows, columns = ([size[x] for x in part] for part in (batch, left, right))
    a = _order(xp, a, la, (*batch, *left, *inner))
    if not inner:
        b = _order(xp, b, lb, (*batch, *right))
        a = _reshape(xp, a, (*many, *rows, *(1 for _ in right)))
        return xp.multiply(a, _reshape(xp, b, (*many, *(1 for _ in left), *columns))), (
            *batch,
            *left,
            *right,
        )
    b = _order(xp, b, lb, (*batch, *inner, *right))
    depth = _count(size[x] for x in inner)
    a = _reshape(xp, a, (*many, _count(rows), depth))
    b = _reshape(xp, b, (*many, depth, _count(columns)))
    return _reshape(xp, xp.matmul(a, b), (*many, *rows, *columns)), (*batch, *left, *right)


def _contract(xp: Any, arrays: Sequence[Any], terms: Sequence[Labels], output: Labels) -> Any:
    """The sum of products over every label that `output` does not have."""
    pairs = [
        _diagonals(xp, x, term) if len(set(term)) < len(term) else (x, term)
        for x, term in zip(arrays, terms, strict=True)
    ]
    x, labels = pairs[0]
    for i, (other, other_labels) in enumerate(pairs[1:], start=2):
        later = set(output).union(*(term for _, term in pairs[i:]))
        x, labels = _pair(xp, x, labels, other, other_labels, later)
    x, labels = _sum_away(xp, x, labels, set(output))
    return _order(xp, x, labels, output)


def _slope(xp: Any, g: Any, i: int, operands: tuple[Any, ...], equation: str) -> Any:
    terms, output = _read(equation, tuple(len(_shape(x)) for x in operands))
    own = terms[i]
    distinct = tuple(dict.fromkeys(own))
    sizes = dict(zip(own, operands[i].shape, strict=True))
    arrays = [g, *operands[:i], *operands[i + 1 :]]
    others = [output, *terms[:i], *terms[i + 1 :]]
    there = _sizes(arrays, others)
    # the others lack what only this operand sums away, and repeat it where it has size 1
    wanted = tuple(x for x in distinct if there.get(x, 0) in (1, sizes[x]))
    y = _contract(xp, arrays, others, wanted)
    found = dict(zip(wanted, y.shape, strict=True))
    y = _reshape(xp, y, tuple(found.get(x, 1) for x in distinct))
    full = tuple(sizes[x] for x in distinct)
    if y.shape != full:
        y = xp.broadcast_to(y, shape=full)
    return y if own == distinct else _on_diagonals(xp, y, distinct, own)


def _equation_first(declared: Any) -> Any:
    """The op, which also takes its equation in the first place, as numpy.einsum hands it over."""

    @functools.wraps(declared)
    def call(*args: Any, **static: Any) -> Tensor:
        if args and isinstance(args[0], str):
            return declared(*args[1:], equation=args[0], **static)  # type: ignore[no-any-return]
        return declared(*args, **static)  # type: ignore[no-any-return]

    return call


@_equation_first
@op(
    vjp=dict(operands=_slope),
    normalise=_canonical,
    cases=[
        case(operands=[(2, 3), (3, 4)], equation="ij,jk->ik"),
        case(operands=[(2, 3), (4, 3)], equation="ij,kj"),
        case(operands=[(3, 3)], equation="ii"),
        case(operands=[(2, 3, 2, 2)], equation="iaii->ai"),
        case(operands=[(2, 3)], equation="ba"),
        case(operands=[(2, 3)], equation="ij->"),
        case(operands=[(1, 2, 3), (4, 3, 2)], equation="...ij,...jk->...ik"),
        case(operands=[(2, 3), (1, 4)], equation="ij,ik->jk"),
        case(operands=[(2, 3), (3,), (3, 2)], equation="ij,j,jk->ik"),
        case(operands=[(), (3,)], equation=",i->i"),
        case(operands=[(2, 2), (2,)], equation="ii,i->i"),
        case(operands=[(2, 0), (0, 3)], equation="ij,jk->ik"),
        case(operands=[(2, 3), (4,)], equation="ij,k->k"),
    ],
    bad=[
        bad(ValueError, "is for 2 operands, got 1", operands=[(2, 3)], equation="ij,jk"),
        bad(ValueError, "label 'j' has the sizes 3 and 4", operands=[(2, 3), (4, 5)], equation="ij,jk"),
        bad(ValueError, "label 'i' has the sizes 2 and 3", operands=[(2, 3)], equation="ii"),
        bad(
            ValueError,
            "axis 1 from the right of '...' has the sizes 3 and 4",
            operands=[(3,), (4,)],
            equation="...,...",
        ),
        bad(ValueError, "'k', which no operand has", operands=[(2, 3)], equation="ij->k"),
        bad(ValueError, "'i' more than once", operands=[(2, 3)], equation="ij->ii"),
        bad(ValueError, "'1' in operand 0", operands=[(2, 3)], equation="i1"),
        bad(ValueError, "'.' in operand 0", operands=[(2, 3)], equation="i.."),
        bad(ValueError, "'-' in operand 0", operands=[(2, 3)], equation="ij-i"),
        bad(ValueError, "',' in the result", operands=[(2, 3)], equation="ij->i,j"),
        bad(ValueError, "has 2 dimensions, its term 'ijk' has 3 labels", operands=[(2, 3)], equation="ijk"),
        bad(ValueError, "has 2 dimensions, its term 'i' has 1 labels", operands=[(2, 3)], equation="i"),
        bad(ValueError, "the result ('i') needs '...' too", operands=[(2, 3)], equation="...i->i"),
        bad(TypeError, "the equation is a string", operands=[(2, 3)], equation=3),
    ],
)
def einsum(xp, *operands, equation):
    """The sum of products that `equation` names, one letter an axis: `einsum("ij,jk->ik", a, b)`."""
    terms, output = _read(equation, tuple(len(_shape(x)) for x in operands))
    return _contract(xp, operands, terms, output)


def einsum_of(equation: str, *operands: ArrayLike) -> Tensor:
    """Sums of products over named axes, as in NumPy: `einsum("ij,jk->ik", a, b)` is the matrix product.

    Args:
        equation: one letter for each axis of each operand, with commas between operands; after "->" the
            axes of the result. Letters that the result lacks are summed over. Without "->" the result has the
            letters that occur once, in alphabetical order. A letter repeated in one operand takes the
            diagonal; "..." stands for any axes, which broadcast.
        operands: arrays, or one list of them. Contracted from left to right.

    Returns:
        A tensor of the dtype that the operands have together.

    Raises:
        RangeError: when the equation cannot be read or does not fit the operands.
        ShapeError: when an axis has two sizes, neither of which is 1.

    >>> import autograd as ag
    >>> a = ag.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> ag.einsum("ij,kj->ik", a, a).tolist()
    [[5.0, 11.0], [11.0, 25.0]]
    >>> ag.einsum("ii", a).item(), ag.einsum("...i->...", a).tolist()
    (5.0, [3.0, 7.0])
    """
    if not isinstance(equation, str):
        raise DTypeError(
            "einsum: the equation comes first, as in einsum('ij,jk->ik', a, b); got "
            f"{type(equation).__name__}"
        )
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not operands:
        raise RangeError(f"einsum: the equation {equation!r} needs operands, got none")
    return einsum(*operands, equation=equation)  # type: ignore[no-any-return]
