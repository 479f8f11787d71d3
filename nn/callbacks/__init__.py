"""Callbacks: what happens between steps and epochs."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from ..exports import absent as _absent
from ..exports import exported as _exported
from .averages import RemoteMonitor as RemoteMonitor
from .averages import SwapEMAWeights as SwapEMAWeights
from .base import Callback as Callback
from .base import CallbackList as CallbackList
from .base import as_list as as_list
from .checkpoints import BackupAndRestore as BackupAndRestore
from .checkpoints import ModelCheckpoint as ModelCheckpoint
from .files import CSVLogger as CSVLogger
from .files import TensorBoard as TensorBoard
from .monitor import EarlyStopping as EarlyStopping
from .monitor import ReduceLROnPlateau as ReduceLROnPlateau
from .progress import EpochLines as EpochLines
from .progress import ProgressBar as ProgressBar
from .progress import display as display
from .progress import progress as progress
from .progress import shows_progress as shows_progress
from .pruning import OptunaPruning as OptunaPruning
from .rates import LearningRateScheduler as LearningRateScheduler
from .simple import History as History
from .simple import LambdaCallback as LambdaCallback
from .simple import TerminateOnNaN as TerminateOnNaN

__all__ = _exported(__name__)

if not _TYPE_CHECKING:
    __getattr__ = _absent(__name__)
