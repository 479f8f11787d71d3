"""Models: layers, losses, optimisers, and the pipeline define, compile, fit, evaluate, predict. Keras's names.

>>> import nn
>>> model = nn.MLP(hidden=(8,), outputs=1, dropout=0)
>>> model.compile(optimizer="adam", loss="mse")
"""

from . import _conflict as _conflict
from . import plots
from .callbacks import Callback, EpochLines, History, ProgressBar
from .constraints import MaxNorm, NonNeg, UnitNorm
from .errors import ArgumentError, DataError, FileError, MissingExtraError, NotCompiledError
from .layers import Activation, Dense, Dropout, Flatten, Input
from .loading import load
from .losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from .metrics import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    Metric,
    SparseCategoricalAccuracy,
)
from .model import Model
from .module import Buffer, Module, Parameter
from .optimizers import SGD, Adam, Optimizer
from .optimizers.schedules import ExponentialDecay, LearningRateSchedule
from .range_test import RangeTest, learning_rate_range_test
from .regularizers import L1, L2
from .seed import set_random_seed
from .sequential import MLP, Sequential
from .step import capture_train_step

__all__ = [
    "L1",
    "L2",
    "MLP",
    "SGD",
    "Accuracy",
    "Activation",
    "Adam",
    "ArgumentError",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "Buffer",
    "Callback",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "DataError",
    "Dense",
    "Dropout",
    "EpochLines",
    "ExponentialDecay",
    "FileError",
    "Flatten",
    "History",
    "Input",
    "LearningRateSchedule",
    "Loss",
    "MaxNorm",
    "MeanSquaredError",
    "Metric",
    "MissingExtraError",
    "Model",
    "Module",
    "NonNeg",
    "NotCompiledError",
    "Optimizer",
    "Parameter",
    "ProgressBar",
    "RangeTest",
    "Sequential",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "UnitNorm",
    "capture_train_step",
    "learning_rate_range_test",
    "load",
    "plots",
    "set_random_seed",
]
