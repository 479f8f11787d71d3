"""Libraries that speak the array API standard, given tensors: what they find, and what their functions compute."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import autograd as ag
from autograd import array_api as xp

pytestmark = [pytest.mark.once, pytest.mark.oracle]
ROOT = Path(__file__).resolve().parent.parent.parent


def compat() -> Any:
    """`array_api_compat`, or the copy of it that scikit-learn or SciPy has inside."""
    for name in ("array_api_compat", "sklearn.externals.array_api_compat", "scipy._lib.array_api_compat"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    pytest.skip("no library with array_api_compat is installed")


def test_the_namespace_is_found() -> None:
    library = compat()
    x = ag.tensor([[1.0, 2.0]])
    assert library.array_namespace(x, ag.tensor(1)) is xp
    assert library.is_array_api_obj(x)
    assert library.device(x) == x.device
    assert library.to_device(x, x.device) is x
    assert library.size(x) == 2


SCIPY = """
import json, sys
import numpy as np
import autograd as ag
{imports}
x = np.random.default_rng(0).uniform(0.1, 2.0, (4, 3))
found = {{}}
for name, function in {functions}.items():
    answer, expected = function(ag.tensor(x)), function(x)
    found[name] = [type(answer).__name__, bool(np.allclose(np.asarray(answer), expected))]
print(json.dumps(found))
"""


def asked(imports: str, functions: str) -> dict[str, Any]:
    """By name, the class of what a function gave for a tensor, and whether it is what it gives for an array."""
    done = subprocess.run(
        [sys.executable, "-c", SCIPY.format(imports=imports, functions=functions)],
        cwd=ROOT, env=os.environ | {"SCIPY_ARRAY_API": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


OF_SCIPY = """{
    'softmax': lambda x: special.softmax(x, axis=0),
    'gmean': lambda x: stats.gmean(x, axis=0),
    'moment': lambda x: stats.moment(x, 3),
    'skew': lambda x: stats.skew(x),
    'entropy': lambda x: stats.entropy(x, axis=0),
    'trapezoid': lambda x: integrate.trapezoid(x, axis=0),
    'detrend': lambda x: signal.detrend(x, axis=0),
}"""
OF_SKLEARN = """{
    'squared': lambda x: metrics.mean_squared_error(x[:, 0], x[:, 1]),
    'accuracy': lambda x: metrics.accuracy_score(x[:, 0] > 1, x[:, 1] > 1),
    'poisson': lambda x: metrics.mean_poisson_deviance(x[:, 0], x[:, 1]),
    'kernel': lambda x: metrics.pairwise.linear_kernel(x),
    'split': lambda x: model_selection.train_test_split(x, random_state=0)[0],
}"""
"""Functions that write into no array of theirs; many do, which tensors refuse."""


def test_functions_of_scipy_take_tensors() -> None:
    pytest.importorskip("scipy")
    found = asked("from scipy import integrate, signal, special, stats", OF_SCIPY)
    assert len(found) == 7
    assert found == {name: ["Tensor", True] for name in found}


def test_functions_of_scikit_learn_take_tensors() -> None:
    pytest.importorskip("sklearn")
    dispatch = "import sklearn\nsklearn.set_config(array_api_dispatch=True)"
    found = asked(f"{dispatch}\nfrom sklearn import metrics, model_selection", OF_SKLEARN)
    assert {name: right for name, (_, right) in found.items()} == dict.fromkeys(found, True)
    # figures are Python's, arrays are of the class that was given
    kinds = {name: kind for name, (kind, _) in found.items()}
    assert kinds == {
        "squared": "float",
        "accuracy": "float",
        "poisson": "float",
        "kernel": "Tensor",
        "split": "Tensor",
    }


def test_gradients_flow_through_functions_of_scipy() -> None:
    special = pytest.importorskip("scipy.special")
    code = (
        "import autograd as ag\nfrom scipy import special\n"
        "x = ag.tensor([0.5, 1.0, 2.0], dtype='float64', requires_grad=True)\n"
        "special.softmax(x)[0].backward()\nprint(x.grad.tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"SCIPY_ARRAY_API": "1"}, capture_output=True, text=True, check=True
    )  # fmt: skip
    p = special.softmax([0.5, 1.0, 2.0])
    assert json.loads(done.stdout) == pytest.approx([p[0] * (1 - p[0]), -p[0] * p[1], -p[0] * p[2]])
