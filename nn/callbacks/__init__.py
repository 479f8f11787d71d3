"""Callbacks: what happens between steps and epochs."""

from .base import Callback, CallbackList, as_list
from .checkpoints import BackupAndRestore, ModelCheckpoint
from .files import CSVLogger, TensorBoard
from .history import History
from .monitor import EarlyStopping, ReduceLROnPlateau
from .progress import EpochLines, ProgressBar, display, progress, shows_progress
from .rates import LearningRateScheduler
from .simple import LambdaCallback, TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "EpochLines",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgressBar",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
    "as_list",
    "display",
    "progress",
    "shows_progress",
]
