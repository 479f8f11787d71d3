"""Models: layers, losses, optimisers, and the pipeline define, compile, fit, evaluate, predict. Keras's names.

>>> import nn
>>> model = nn.MLP(hidden=(8,), outputs=1, dropout=0)
>>> model.compile(optimizer="adam", loss="mse")
"""

from . import _conflict as _conflict
from .callbacks import Callback, EpochLines, History, ProgressBar
from .constraints import MaxNorm, NonNeg, UnitNorm
from .errors import ArgumentError, DataError, FileError, MissingExtraError, NotCompiledError
from .initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)
from .layers import Activation, Dense, Dropout, Flatten, Input
from .loading import load
from .losses import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    Loss,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
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
from .regularizers import L1, L1L2, L2, OrthogonalRegularizer
from .seed import set_random_seed
from .sequential import MLP, Sequential
from .step import capture_train_step

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "MLP",
    "SGD",
    "Accuracy",
    "Activation",
    "Adam",
    "ArgumentError",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "Buffer",
    "Callback",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "Constant",
    "CosineSimilarity",
    "DataError",
    "Dense",
    "Dropout",
    "EpochLines",
    "ExponentialDecay",
    "FileError",
    "Flatten",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Hinge",
    "History",
    "Huber",
    "Identity",
    "Input",
    "KLDivergence",
    "LearningRateSchedule",
    "LecunNormal",
    "LecunUniform",
    "LogCosh",
    "Loss",
    "MaxNorm",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "MissingExtraError",
    "Model",
    "Module",
    "NonNeg",
    "NotCompiledError",
    "Ones",
    "Optimizer",
    "Orthogonal",
    "OrthogonalRegularizer",
    "Parameter",
    "Poisson",
    "ProgressBar",
    "RandomNormal",
    "RandomUniform",
    "Sequential",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "TruncatedNormal",
    "UnitNorm",
    "VarianceScaling",
    "Zeros",
    "capture_train_step",
    "load",
    "set_random_seed",
]
