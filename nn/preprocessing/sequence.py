"""`pad_sequences` at its old place."""

from ..utils import pad_sequences as pad_sequences

__all__ = ["pad_sequences"]
