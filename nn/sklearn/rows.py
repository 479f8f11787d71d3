"""Rows as scikit-learn gives them: checked inputs and targets, and a weight for each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import validate_data

from ..arguments import NOT_NEGATIVE
from ..data import Array
from ..errors import ArgumentError, DataError


def inputs_and_targets(estimator: Any, x: Any, y: Any, reset: bool, **how: Any) -> tuple[Array, Array]:
    """x and y as arrays, checked against each other.

    Args:
        estimator: gets `n_features_in_` and `feature_names_in_` with `reset`, or is held against them.
        how: of `check_array`, for x; `y_numeric`.

    Raises:
        ValueError: NaN, infinity, no rows, other columns than before, or another number of targets.
    """
    y = y.toarray() if hasattr(y, "toarray") else y
    x, y = validate_data(estimator, x, y, reset=reset, multi_output=True, **how)
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    return x, y


def inputs_alone(estimator: Any, x: Any, **how: Any) -> Array:
    """x as an array with the columns that the estimator was fitted with, in their order.

    Raises:
        ValueError: they are others, or in another order.
    """
    found: Array = validate_data(estimator, x, reset=False, **how)
    return found


def row_weights(owner: str, y: Array, sample_weight: Any, class_weight: Any = None) -> Array | None:
    """A float64 weight for each row: that of the sample times that of its class; None where neither is given.

    Args:
        y: labels as the user gave them, which are the keys of a dict in `class_weight`.
        sample_weight: (n,), a number, or None.
        class_weight: a dict, "balanced" or None.

    Raises:
        ValueError: not one for each row, below 0, not finite, or all are 0; of samples or of classes.
    """
    weight = None
    if sample_weight is not None:
        if isinstance(sample_weight, (int, float)):
            sample_weight = np.full(len(y), float(sample_weight))
        weight = check_array(sample_weight, ensure_2d=False, dtype="float64", input_name="sample_weight")
        if weight.shape != (len(y),):
            raise DataError(
                f"{owner}: sample_weight has shape {weight.shape}, and one weight for each of {len(y)} rows "
                "is expected"
            )
        if (weight < 0).any():
            raise DataError(f"{owner}: sample_weight has weights below 0")
        if not weight.any():
            raise DataError(f"{owner}: sample_weight: every weight is zero")
    if class_weight is not None:
        if not (isinstance(class_weight, Mapping) or class_weight == "balanced"):
            raise ArgumentError(
                f'{owner}: class_weight is a dict from labels to weights, "balanced" or None, got '
                f"{class_weight!r}"
            )
        if isinstance(class_weight, Mapping):
            for label, each in class_weight.items():
                NOT_NEGATIVE.checked(owner, f"class_weight of class {label!r}", each)
            own = compute_sample_weight(class_weight, y)
        else:
            # a row of weight 0 is as if it were not there, so it is not counted
            counts = np.ones(len(y), bool) if weight is None else weight > 0
            own = np.zeros(len(y))
            own[counts] = compute_sample_weight(class_weight, y[counts])
        weight = own if weight is None else weight * own
        if not weight.any():
            raise DataError(f"{owner}: class_weight: every weight is zero")
    return weight


def chosen_seed(owner: str, random_state: Any) -> int | None:
    """A seed below 2**32 from what scikit-learn calls `random_state`; None for None.

    Raises:
        ArgumentError: it is no integer, no RandomState and no Generator.
    """
    if random_state is None:
        return None
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**32, dtype=np.uint32))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**32))
    whole = isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool)
    if not whole or not 0 <= random_state < 2**32:
        raise ArgumentError(
            f"{owner}: random_state is an integer from 0 to 2**32 - 1, a RandomState of NumPy or None, got "
            f"{random_state!r}"
        )
    return int(random_state)
