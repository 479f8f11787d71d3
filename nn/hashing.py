"""Hashes of bytes that are the same everywhere: FarmHash's 64-bit fingerprint, and SipHash-2-4 with a key.

They are those of TensorFlow, so that what Keras hashes has the same number here. FarmHash: G. Pike 2014, its
function for strings as CityHash has it; SipHash: J.-P. Aumasson and D. J. Bernstein 2012.
"""

from __future__ import annotations

MASK = 2**64 - 1
FIRST, SECOND, THIRD = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
"""Primes of FarmHash."""


def _word(data: bytes, at: int, size: int = 8) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _right(value: int, count: int) -> int:
    """Rotated."""
    value &= MASK
    return (value >> count | value << (64 - count)) & MASK


def _folded(value: int) -> int:
    value &= MASK
    return value ^ value >> 47


def _joined(u: int, v: int, factor: int) -> int:
    """Two numbers made one."""
    u, v = u & MASK, v & MASK
    a = _folded((u ^ v) * factor)
    return _folded((v ^ a) * factor) * factor & MASK


def farmhash(data: bytes) -> int:
    """The fingerprint of some bytes, from 0 to 2**64 - 1.

    >>> farmhash(b"1footrue") - 2**64
    -1541654101129638711
    """
    length = len(data)
    if length > 64:
        return _long(data)
    factor = THIRD + 2 * length
    if length > 32:
        return _up_to_64(data, factor)
    if length > 16:
        a, b = _word(data, 0) * SECOND, _word(data, 8)
        c, d = _word(data, length - 8) * factor, _word(data, length - 16) * THIRD
        return _joined(_right(a + b, 43) + _right(c, 30) + d, a + _right(b + THIRD, 18) + c, factor)
    if length >= 8:
        a, b = _word(data, 0) + THIRD, _word(data, length - 8)
        return _joined(_right(b, 37) * factor + a, (_right(a, 25) + b) * factor, factor)
    if length >= 4:
        return _joined(length + (_word(data, 0, 4) << 3), _word(data, length - 4, 4), factor)
    if length:
        y, z = data[0] + (data[length >> 1] << 8), length + (data[-1] << 2)
        return _folded(y * THIRD ^ z * FIRST) * THIRD & MASK
    return THIRD


def _up_to_64(data: bytes, factor: int) -> int:
    length = len(data)
    a, b = _word(data, 0) * THIRD, _word(data, 8)
    c, d = _word(data, length - 8) * factor, _word(data, length - 16) * THIRD
    y = _right(a + b, 43) + _right(c, 30) + d
    z = _joined(y, a + _right(b + THIRD, 18) + c, factor)
    e, f = _word(data, 16) * factor, _word(data, 24)
    g, h = (y + _word(data, length - 32)) * factor, (z + _word(data, length - 24)) * factor
    return _joined(_right(e + f, 43) + _right(g, 30) + h, e + _right(f + a, 18) + g, factor)


def _stirred(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    """32 bytes from `at` taken into two numbers."""
    w, x, y, z = (_word(data, at + 8 * i) for i in range(4))
    a += w
    c = a + x + y
    return (c + z) & MASK, (_right(b + a + z, 21) + _right(c, 44) + a) & MASK


class _State:
    """Fifty-six bytes that a long text is stirred into, 64 bytes a turn."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.x = 81 * THIRD + _word(data, 0)
        self.y = 81 * SECOND + 113
        self.z = _folded(self.y * THIRD + 113) * THIRD
        self.v, self.w = (0, 0), (0, 0)

    def turn(self, at: int, factor: int, weight: int) -> None:
        data, (v, vv), (w, ww) = self.data, self.v, self.w
        x = _right(self.x + self.y + v + _word(data, at + 8), 37) * factor
        y = _right(self.y + vv + _word(data, at + 48), 42) * factor
        x = (x ^ ww * weight) & MASK
        y = (y + v * weight + _word(data, at + 40)) & MASK
        z = _right(self.z + w, 33) * factor & MASK
        self.v = _stirred(data, at, vv * factor, x + w)
        self.w = _stirred(data, at + 32, z + ww, y + _word(data, at + 16))
        self.x, self.y, self.z = z, y, x


def _long(data: bytes) -> int:
    state, rest = _State(data), (len(data) - 1) & 63
    for at in range(0, len(data) - 1 - rest, 64):
        state.turn(at, SECOND, 1)
    factor = SECOND + ((state.z & 0xFF) << 1)
    w = state.w[0] + rest
    v = state.v[0] + w
    state.v, state.w = (v & MASK, state.v[1]), ((w + v) & MASK, state.w[1])
    state.turn(len(data) - 64, factor, 9)
    first = _joined(state.v[0], state.w[0], factor) + _folded(state.y) * FIRST + state.z
    return _joined(first, _joined(state.v[1], state.w[1], factor) + state.x, factor)


def siphash(data: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 of some bytes under a key of two numbers below 2**64.

    >>> hex(siphash(bytes(range(15)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)))
    '0xa129ca6149be45e5'
    """
    k, kk = key
    state = [k ^ 0x736F6D6570736575, kk ^ 0x646F72616E646F6D, k ^ 0x6C7967656E657261, kk ^ 0x7465646279746573]
    filled = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for at in range(0, len(filled), 8):
        word = _word(filled, at)
        state[3] ^= word
        _rounds(state, 2)
        state[0] ^= word
    state[2] ^= 0xFF
    _rounds(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _rounds(state: list[int], count: int) -> None:
    a, b, c, d = state
    for _ in range(count):
        a, c = (a + b) & MASK, (c + d) & MASK
        b, d = _right(b, 51) ^ a, _right(d, 48) ^ c
        a, c = (_right(a, 32) + d) & MASK, (c + b) & MASK
        d, b = _right(d, 43) ^ a, _right(b, 47) ^ c
        c = _right(c, 32)
    state[:] = a, b, c, d


def bucket(text: str, count: int, salt: tuple[int, int] | None, encoding: str = "utf-8") -> int:
    """Which of `count` buckets a text falls into; with a salt by SipHash."""
    data = text.encode(encoding)
    return (farmhash(data) if salt is None else siphash(data, salt)) % count
