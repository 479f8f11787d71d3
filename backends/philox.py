"""Philox counter-based random bits: the same numbers for the same (key, counter) on every backend.

J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A
draw has no hidden state: it is a function of a key (the seed) and a counter, so a dropout mask can be made
again in backward instead of being stored, and a program can be replayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .contract import Shape

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
_MASK = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIER_COLUMN = np.array(MULTIPLIERS, dtype=np.uint64)[:, None]
_WEYL_COLUMN = np.array(WEYL, dtype=np.uint64)[:, None]

Words = np.ndarray[Any, np.dtype[np.uint32]]


def philox4x32(counter: Sequence[Any], key: Sequence[Any], rounds: int = 10) -> tuple[Words, ...]:
    """Four random 32-bit words for every counter.

    Args:
        counter: four words (numbers or integer arrays, broadcast together) below 2**32.
        key: two words, broadcast with the counter.
        rounds: 10 is the published default, 7 passes the same statistical tests.

    Returns:
        Four uint32 arrays of the broadcast shape.

    Raises:
        ValueError: when there are not four counter words and two key words.

    >>> [f"{int(word):08x}" for word in philox4x32((0, 0, 0, 0), (0, 0))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    if len(counter) != 4 or len(key) != 2:
        raise ValueError(
            f"philox4x32 takes 4 counter words and 2 key words, got {len(counter)} and {len(key)}"
        )
    words = np.broadcast_arrays(*(np.asarray(word).astype(np.uint64) for word in (*counter, *key)))
    shape = words[0].shape
    c0, c1, c2, c3, k0, k1 = (word.reshape(-1) & _MASK for word in words)
    even, odd = _rounds(np.stack([c0, c2]), np.stack([c1, c3]), np.stack([k0, k1]), rounds)
    return tuple(word.astype(np.uint32).reshape(shape) for word in (even[0], odd[0], even[1], odd[1]))


def _rounds(even: Any, odd: Any, key: Any, rounds: int) -> tuple[Any, Any]:
    """The rounds over words (0, 2) and (1, 3), both lanes at once in uint64 of shape (2, n), in place.

    A draw for a small layer is a few dozen blocks, where every NumPy call costs more
    than its arithmetic: five a round.
    """
    product, high = np.empty_like(even), np.empty_like(even)
    swapped_product, swapped_high = product[::-1], high[::-1]
    numbers = np.arange(rounds, dtype=np.uint64)[:, None, None]
    for round_key in (key + numbers * _WEYL_COLUMN) & _MASK:
        np.multiply(even, _MULTIPLIER_COLUMN, out=product)
        np.right_shift(product, _HALF, out=high)
        np.bitwise_xor(swapped_high, odd, out=even)
        np.bitwise_xor(even, round_key, out=even)
        np.bitwise_and(swapped_product, _MASK, out=odd)
    return even, odd


def random_bits(key: Any, counter: Any, shape: Shape) -> Words:
    """uint32 array of `shape`: element i is word i % 4 of the block with counter (i // 4, `counter`).

    `key` and `counter` are 64-bit numbers; each occupies two words, low word first.
    """
    size = 1
    for length in shape:
        size *= length
    blocks = np.arange((size + 3) // 4, dtype=np.uint64)
    seed, stream = int(key), int(counter)
    even = np.empty((2, blocks.size), dtype=np.uint64)
    odd = np.empty_like(even)
    even[0], even[1] = blocks & _MASK, stream & 0xFFFFFFFF
    odd[0], odd[1] = blocks >> _HALF, stream >> 32
    words = np.array([[seed & 0xFFFFFFFF], [seed >> 32]], dtype=np.uint64)
    even, odd = _rounds(even, odd, words, 10)
    bits = np.empty((blocks.size, 4), dtype=np.uint32)
    bits[:, 0], bits[:, 1], bits[:, 2], bits[:, 3] = even[0], odd[0], even[1], odd[1]
    return bits.reshape(-1)[:size].reshape(shape)
