"""What type checkers are told in `typing/user.py` is what happens: it runs, and its mistakes raise."""

import ast
import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
USER = Path(__file__).parent / "typing" / "user.py"
MISTAKES = next(
    [ast.unparse(line) for line in part.body[1:]]
    for part in ast.parse(USER.read_text()).body
    if isinstance(part, ast.FunctionDef) and part.name == "mistakes"
)


@pytest.fixture(scope="module")
def user():
    return runpy.run_path(str(USER))


def test_what_a_user_writes_runs(user):
    assert user["stop"].epochs == [0, 1]
    assert user["step"].traces == 1
    assert {"loss", "mae", "val_within_one"} <= set(user["history"].history)


def test_a_search_of_a_user_runs(user):
    pytest.importorskip("optuna")
    assert user["search"]().layers[0].units in (2, 4)


@pytest.mark.parametrize("line", MISTAKES)
def test_what_is_a_mistake_for_type_checkers_raises(user, line):
    with pytest.raises((TypeError, AttributeError)):
        exec(line, user)
