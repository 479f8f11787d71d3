"""exp, log and their relatives as straight-line arithmetic, so that LLVM turns a loop over them into vector code.

libm computes one number at a time, 5 to 10 ns each; these cost a fraction of that. The source text of a function is
copied into every kernel that needs it, so each reads only its own arguments, the functions above it and the constants
it names. `_single` functions take and give doubles that stand for float32 values: computed with about 35 good bits,
then rounded once. `_double` ones are good to about one unit in the last place of float64; docs/kernels.md has the
measured errors. Nothing here assumes that numbers are finite: NaN, infinities, signed zeros and subnormals come out
as in NumPy.

Coefficients: interpolation of the named function in Chebyshev points, computed with 50 digits. The reductions are the
usual ones (Cody and Waite 1980): exp(x) = 2^n exp(r) with |r| <= ln(2)/2, log(2^n m) = n ln(2) + 2 artanh((m-1)/(m+1)).
"""

from __future__ import annotations

import math

import numpy as np

INFINITY = math.inf
NAN = math.nan
LOG2_E = 1.4426950408889634
LN_2 = 0.6931471805599453
LN_2_HIGH = 0.6931471803691238  # 33 bits: n * LN_2_HIGH is exact for every exponent n
LN_2_LOW = 1.9082149292705877e-10
ROUND = 6755399441055744.0  # 1.5 * 2^52: adding it leaves the nearest integer in the low bits
ROUND_BITS = 4843621399236968448
ONE_BITS = 4607182418800017408
ROOT_HALF_BITS = 4604544271217802189


def exp_tail_single(r):
    """(exp(r) - 1 - r) / r^2 for |r| <= ln(2)/2."""
    p = 0.00019890990824673654
    p = p * r + 0.0013933649996309251
    p = p * r + 0.0083333109254809
    p = p * r + 0.041666464925285904
    p = p * r + 0.16666666681623232
    return p * r + 0.500000001346581


def exp_tail_double(r):
    """The same in double precision."""
    p = 2.0914686968086876e-09
    p = p * r + 2.5105217004720745e-08
    p = p * r + 2.75572736431103e-07
    p = p * r + 2.7557255400206422e-06
    p = p * r + 2.4801587325547743e-05
    p = p * r + 0.00019841269874820627
    p = p * r + 0.0013888888888883748
    p = p * r + 0.008333333333326136
    p = p * r + 0.04166666666666667
    p = p * r + 0.1666666666666667
    return p * r + 0.5


def log_tail_single(z):
    """(2 artanh(s) - 2 s) / s^3 with z = s^2, for |s| <= (sqrt(2) - 1) / (sqrt(2) + 1)."""
    p = 0.2333069667245578
    p = p * z + 0.28550812382590146
    p = p * z + 0.4000012191414928
    return p * z + 0.6666666655440618


def log_tail_double(z):
    """The same in double precision."""
    p = 0.13086907887965027
    p = p * z + 0.13268746195596595
    p = p * z + 0.15386240708969665
    p = p * z + 0.18181795621632782
    p = p * z + 0.22222222391887064
    p = p * z + 0.2857142857080285
    p = p * z + 0.4000000000000088
    return p * z + 0.6666666666666666


def exp_single(x):
    x = 89.0 if x > 89.0 else x
    x = -104.0 if x < -104.0 else x
    t = x * LOG2_E + ROUND
    r = x - (t - ROUND) * LN_2
    y = 1.0 + (r + r * r * exp_tail_single(r))
    return y * np.int64((np.float64(t).view(np.int64) << 52) + ONE_BITS).view(np.float64)


def exp_double(x):
    x = 710.0 if x > 710.0 else x
    x = -746.0 if x < -746.0 else x
    t = x * LOG2_E + ROUND
    n = t - ROUND
    r = (x - n * LN_2_HIGH) - n * LN_2_LOW
    y = 1.0 + (r + r * r * exp_tail_double(r))
    # in two factors: 2^1024 and 2^-1075 are no doubles
    power = np.float64(t).view(np.int64) - ROUND_BITS
    half = power >> 1
    first = np.int64((half << 52) + ONE_BITS).view(np.float64)
    return y * first * np.int64(((power - half) << 52) + ONE_BITS).view(np.float64)


def expm1_single(x):
    a = 89.0 if x > 89.0 else x
    a = -104.0 if a < -104.0 else a
    t = a * LOG2_E + ROUND
    r = a - (t - ROUND) * LN_2
    scale = np.int64((np.float64(t).view(np.int64) << 52) + ONE_BITS).view(np.float64)
    y = scale * (r + r * r * exp_tail_single(r)) + (scale - 1.0)
    return x if abs(x) < 1e-9 else y


def expm1_double(x):
    a = 710.0 if x > 710.0 else x
    a = -746.0 if a < -746.0 else a
    t = a * LOG2_E + ROUND
    n = t - ROUND
    r = (a - n * LN_2_HIGH) - n * LN_2_LOW
    power = np.float64(t).view(np.int64) - ROUND_BITS
    half = power >> 1
    rest = power - half
    first = np.int64((half << 52) + ONE_BITS).view(np.float64)
    inverse = np.int64(ONE_BITS - (rest << 52)).view(np.float64)
    y = first * (r + r * r * exp_tail_double(r)) + (first - inverse)
    y = y * np.int64((rest << 52) + ONE_BITS).view(np.float64)
    return x if abs(x) < 1e-18 else y


def log_single(x):
    bits = np.float64(x).view(np.int64)
    power = (bits - ROOT_HALF_BITS) >> 52
    f = np.int64(bits - (power << 52)).view(np.float64) - 1.0
    n = np.int64(power + ROUND_BITS).view(np.float64) - ROUND
    s = f / (2.0 + f)
    z = s * s
    y = n * LN_2 + (2.0 * s + s * z * log_tail_single(z))
    y = -INFINITY if x == 0.0 else y
    y = INFINITY if x == INFINITY else y
    return y if x >= 0.0 else NAN


def log_double(x):
    tiny = abs(x) < 2.2250738585072014e-308
    bits = np.float64(x * 18014398509481984.0 if tiny else x).view(np.int64)
    power = (bits - ROOT_HALF_BITS) >> 52
    f = np.int64(bits - (power << 52)).view(np.float64) - 1.0
    n = np.int64(power + ROUND_BITS).view(np.float64) - ROUND
    n = n - 54.0 if tiny else n
    s = f / (2.0 + f)
    z = s * s
    half_square = 0.5 * f * f
    tail = s * (half_square + z * log_tail_double(z)) + n * LN_2_LOW
    y = n * LN_2_HIGH - ((half_square - tail) - f)
    y = -INFINITY if x == 0.0 else y
    y = INFINITY if x == INFINITY else y
    return y if x >= 0.0 else NAN


def log1p_single(x):
    series = x - x * x * (0.5 - x * (0.3333333333333333 - x * 0.25))
    return series if abs(x) < 1e-4 else log_single(1.0 + x)


def log1p_double(x):
    u = 1.0 + x
    # what rounding took from 1 + x
    lost = (x - (u - 1.0)) / u
    y = log_double(u)
    y = y + lost if 0.0 < u < INFINITY else y
    return x if u == 1.0 else y


def tanh_single(x):
    e = expm1_single(2.0 * abs(x))
    y = e / (e + 2.0)
    return -y if np.float64(x).view(np.int64) < 0 else y


def tanh_double(x):
    a = abs(x)
    a = 22.0 if a > 22.0 else a
    e = expm1_double(2.0 * a)
    y = e / (e + 2.0)
    return -y if np.float64(x).view(np.int64) < 0 else y


def add_in_any_order(a, b):
    """The step of a sum. Compiled so that LLVM may reorder it, and it alone."""
    return a + b


def add_integers(a, b):
    return a + b


def order_32(x):
    """A float32 as an int32 of the same order; NaN goes anywhere."""
    bits = np.float32(x).view(np.int32)
    return np.int32(bits ^ np.int32(np.int32(bits >> 31) & np.int32(2147483647)))


def order_64(x):
    """A float64 as an int64 of the same order."""
    bits = np.float64(x).view(np.int64)
    return bits ^ ((bits >> 63) & 9223372036854775807)


def value_32(key):
    """The float32 that `order_32` made into `key`."""
    bits = np.int32(key ^ np.int32(np.int32(key >> 31) & np.int32(2147483647)))
    return np.int32(bits).view(np.float32)


def value_64(key):
    """The float64 that `order_64` made into `key`."""
    return np.int64(key ^ ((key >> 63) & 9223372036854775807)).view(np.float64)
