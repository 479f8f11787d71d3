"""CuPy's own tables of types against NumPy: the dtypes that `backends.cupy.primitives` relies on.

Needs CuPy and no GPU: the loops of a ufunc can be read, and the rule that picks one is written down here (the first to
which every operand can be cast; a Python number is cast to whatever is not of a lesser kind than itself).
"""

from __future__ import annotations

import numpy as np
import pytest
import substitute
from grouping import grouped

from backends.contract import SUPPORTED
from backends.primitives import PRIMITIVES

pytestmark = pytest.mark.once
DTYPES = list(SUPPORTED.values())
KIND = {"b": 0, "i": 1, "u": 1, "f": 2}
NUMBERS = {bool: 0, int: 1, float: 2}
OWN = ("erf", "where", "astype", "round_to", "floor")
"""No ufuncs of CuPy, or with other dtypes than its."""
UFUNCS = [row.name for row in PRIMITIVES.values() if row.kind == "elementwise" and row.name not in OWN]
STRONG = {bool: np.dtype(bool), int: np.dtype(np.int64), float: np.dtype(np.float64)}


@pytest.fixture(scope="module")
def real():
    with substitute.as_installed():
        yield pytest.importorskip("cupy")


def loops_of(ufunc):
    for text in ufunc.types:
        ins, _, out = text.partition("->")
        if set(text) <= set("?bBhHiIlLqQefd->"):
            yield [np.dtype(c) for c in ins], np.dtype(out)


def chosen(ufunc, operands):
    """The dtype of CuPy's result; None where it refuses."""
    arrays = [KIND[o.kind] for o in operands if isinstance(o, np.dtype)]
    numbers = [NUMBERS[o] for o in operands if not isinstance(o, np.dtype) and o is not bool]
    weak = bool(numbers) and max(arrays) >= max(numbers)
    for ins, out in loops_of(ufunc):
        for operand, wanted in zip(operands, ins, strict=True):
            is_weak = weak and isinstance(operand, type)
            if np.can_cast(STRONG[operand] if isinstance(operand, type) else operand, wanted):
                continue
            if not is_weak or np.result_type(operand(0), wanted) != wanted:
                break
        else:
            return out
    return None


def expected(name, operands):
    plain = [np.dtype(bool) if o is bool else o for o in operands]
    try:
        return getattr(np, name).resolve_dtypes((*plain, None))[-1]
    except TypeError:
        return None


@grouped("name", {"every one": UFUNCS})
def test_dtypes_are_those_of_numpy(real, name):
    ufunc = getattr(real, name)
    kinds = [(a,) for a in DTYPES]
    if ufunc.nin == 2:
        kinds = [(a, b) for a in DTYPES for b in (*DTYPES, bool, int, float)]
        kinds += [(b, a) for a in DTYPES for b in (bool, int, float)]
    wrong = []
    for operands in kinds:
        wanted, found = expected(name, operands), chosen(ufunc, operands)
        refused = name in ("negative", "subtract") and all(o in (bool, np.dtype(bool)) for o in operands)  # fmt: skip
        own = name == "sign" and operands[0].kind == "b"
        if found != wanted and not refused and not own:
            wrong.append((operands, found, wanted))
    assert wrong == []


def test_where(real):
    """The condition is one more boolean; np.where has no table, so NumPy's rule of promotion is the measure."""
    from cupy._sorting.search import _where_ufunc

    for a in DTYPES:
        for b in (*DTYPES, bool, int, float):
            found = chosen(_where_ufunc, (np.dtype(bool), a, b))
            assert found == np.result_type(a, b if isinstance(b, np.dtype) else b(1)), (a, b)
