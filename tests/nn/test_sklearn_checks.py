"""The checks of scikit-learn for estimators: all of them run, and what may fail is declared with its reason."""

from __future__ import annotations

import warnings
from importlib.util import find_spec

import pytest

import nn

pytestmark = pytest.mark.once
checks = pytest.importorskip("sklearn.utils.estimator_checks")

ROUNDED = (
    "the two models agree to the rounding of float32, and the check asks for 1e-7; in float64 they pass it"
)
SKIPPED = {"check_array_api_input", "check_classifiers_multilabel_output_format_decision_function"}
"""Of the array API, which scipy has to be told of before it is imported, and of a method that is not there."""
if find_spec("pandas") is None:
    SKIPPED |= {
        "check_sample_weights_pandas_series",
        "check_classifier_data_not_an_array",
        "check_regressor_data_not_an_array",
    }
EXPECTED = {"check_sample_weight_equivalence_on_dense_data": ROUNDED}
AS_SCIKERAS = {
    **EXPECTED,
    "check_no_attributes_set_in_init": "arguments with a prefix are attributes, too",
    "check_regressor_multioutput": "predictions are float32, as the model gives them",
}


def network(meta):
    """For the wrappers, which have no network of their own."""
    if "n_classes_" not in meta:
        return nn.Sequential([nn.Dense(30, "relu"), nn.Dense(meta["n_outputs_"])])
    last = "sigmoid" if meta["target_type_"] == "multilabel-indicator" else "softmax"
    return nn.Sequential([nn.Dense(30, "relu"), nn.Dense(meta["n_classes_"], last)])


def check(estimator, expected):
    """Run all checks; those that fail have to be the expected ones, and these have to fail."""
    with warnings.catch_warnings():
        # the checks train for a few epochs on rows of every kind
        warnings.simplefilter("ignore")
        found = checks.check_estimator(estimator, expected_failed_checks=expected, on_fail=None, on_skip=None)
    failed = [f"{one['check_name']}: {one['exception']!r}" for one in found if one["status"] == "failed"]
    assert failed == []
    states = {one["check_name"]: one["status"] for one in found}
    assert set(states.values()) <= {"passed", "xfail", "skipped"}
    assert {n for n, state in states.items() if state == "skipped"} <= SKIPPED
    assert {n for n, state in states.items() if state == "xfail"} == set(expected) & set(states)
    assert sum(state == "passed" for state in states.values()) > 45


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["Classifier", "Regressor"])
def test_check_estimator(name, dtype, full):
    if dtype == "float64" and not full:
        pytest.skip("with --full")
    # so many epochs scikit-learn gives its own perceptrons here
    check(getattr(nn.sklearn, name)(dtype=dtype, max_iter=100), EXPECTED if dtype == "float32" else {})


@pytest.mark.parametrize("name", ["KerasClassifier", "KerasRegressor"])
def test_the_wrappers(name, full):
    if not full:
        pytest.skip("with --full")
    given = {"optimizer": "adam", "optimizer__learning_rate": 0.02, "epochs": 60, "verbose": 0}
    check(getattr(nn.sklearn, name)(network, **given), AS_SCIKERAS)
