"""Hashing: texts and whole numbers into a fixed number of bins, without a vocabulary."""

from __future__ import annotations

from typing import Any

import autograd as ag

from ..arguments import COUNT, choice, form
from ..columns import has_text, integers, texts
from ..constructors import argument, constructor
from ..errors import ArgumentError
from ..hashing import bucket
from .host import HostLayer
from .preprocessing import MODES, NOT_SPARSE, as_mode, hits
from .preprocessing_vocabulary import SALT


@form("is a text, an integer or None")
def MASK(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError
    return int(value)


@constructor
class Hashing(HostLayer):
    """The bin of each text or whole number: its hash modulo their number; on the host, as `StringLookup`.

    The hash is FarmHash64 of the text, or of the digits of the number, and the bins are those of Keras. The
    same text has the same bin always and everywhere; different ones may share one.

    Args:
        num_bins: how many there are, with that of `mask_value`.
        mask_value: a text or number whose bin is 0; nothing else is put there then.
        salt: hash with SipHash-2-4 and this key instead: two integers, or one that is both.
        output_mode: "int", the number of the bin in int64; "one_hot", "multi_hot", "count": numbers of
            float32 for each bin, of each text or of each sample (batch, n) together.
        sparse: False; there are no sparse tensors here.
        input_shape: of what a row becomes; name: as in `Layer`.

    Raises:
        DataError: something is missing or has a fraction.

    >>> import nn
    >>> nn.Hashing(3)([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
    [[1], [0], [1], [1], [2]]
    """

    num_bins: int = argument(COUNT)
    mask_value: Any = argument(MASK, default=None)
    salt: Any = argument(SALT, default=None)
    output_mode: str = argument(choice(*MODES), default="int")
    sparse: bool = argument(NOT_SPARSE, default=False)

    def encoded(self, value: Any) -> Any:
        flat: Any
        if has_text(value, self.title):
            flat, shape = texts(value, self.title)
        else:
            flat, shape = integers(value, self.title)
        bins, masked = self.num_bins, self.mask_value is not None and self.num_bins > 1
        if masked and flat and not isinstance(self.mask_value, type(flat[0])):
            raise ArgumentError(
                f"{self.title}: mask_value is {self.mask_value!r}, the input holds {flat[0]!r}"
            )
        found = [
            0 if masked and item == self.mask_value else masked + bucket(str(item), bins - masked, self.salt)
            for item in flat
        ]
        indices = ag.tensor(found, "int64").reshape(shape)
        if self.output_mode == "int":
            return indices
        ones = hits(indices if indices.ndim else indices.reshape(1), bins, "float32")
        return as_mode(self.title, ones, self.output_mode)
