"""Estimators of scikit-learn: `Classifier` and `Regressor`, and wrappers with the interface of scikeras.

Needs scikit-learn (`pip install 'gradloom[sklearn]'`), which is imported with this module and not before:
`import nn` does without it. docs/sklearn.md shows what fits together with what.
"""

from ..errors import MissingExtraError as _MissingExtraError

try:
    from .classifier import Classifier as Classifier
    from .regressor import Regressor as Regressor
    from .wrappers import KerasClassifier as KerasClassifier
    from .wrappers import KerasRegressor as KerasRegressor
except ModuleNotFoundError as error:
    if not str(error.name).startswith("sklearn"):
        raise
    raise _MissingExtraError(
        "nn.sklearn needs scikit-learn, 1.6 or newer: pip install 'gradloom[sklearn]'"
    ) from error

__all__ = ["Classifier", "KerasClassifier", "KerasRegressor", "Regressor"]
