"""Callbacks: what happens between steps and epochs."""

from .base import Callback, CallbackList, as_list
from .history import History
from .progress import EpochLines, ProgressBar, display

__all__ = ["Callback", "CallbackList", "EpochLines", "History", "ProgressBar", "as_list", "display"]
