"""Models: layers, losses, optimisers, and the pipeline define, compile, fit, evaluate, predict. Keras's names.

>>> import nn
>>> model = nn.MLP(hidden=(8,), outputs=1, dropout=0)
>>> model.compile(optimizer="adam", loss="mse")
"""

from . import _conflict as _conflict
from . import (
    activations,
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    tuning,
    utils,
)
from .callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    EpochLines,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ProgressBar,
    ReduceLROnPlateau,
    TensorBoard,
    TerminateOnNaN,
)
from .constraints import MaxNorm, NonNeg, UnitNorm
from .errors import (
    ArgumentError,
    DataError,
    FileError,
    MissingExtraError,
    NotCompiledError,
    TuningError,
)
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
from .regularizers import L1, L2
from .seed import set_random_seed
from .sequential import MLP, Sequential
from .step import capture_train_step
from .tuning import add_layers_until, tune

__all__ = [
    "L1",
    "L2",
    "MLP",
    "SGD",
    "Accuracy",
    "Activation",
    "Adam",
    "ArgumentError",
    "BackupAndRestore",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "Buffer",
    "CSVLogger",
    "Callback",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "DataError",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "EpochLines",
    "ExponentialDecay",
    "FileError",
    "Flatten",
    "History",
    "Input",
    "LambdaCallback",
    "LearningRateSchedule",
    "LearningRateScheduler",
    "Loss",
    "MaxNorm",
    "MeanSquaredError",
    "Metric",
    "MissingExtraError",
    "Model",
    "ModelCheckpoint",
    "Module",
    "NonNeg",
    "NotCompiledError",
    "Optimizer",
    "Parameter",
    "ProgressBar",
    "ReduceLROnPlateau",
    "Sequential",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "TensorBoard",
    "TerminateOnNaN",
    "TuningError",
    "UnitNorm",
    "activations",
    "add_layers_until",
    "callbacks",
    "capture_train_step",
    "constraints",
    "initializers",
    "layers",
    "load",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "regularizers",
    "set_random_seed",
    "tune",
    "tuning",
    "utils",
]
