"""exp, log and their relatives as straight-line arithmetic, so that LLVM
turns a loop over them into vector code.

libm computes one number at a time, 5 to 10 ns each; these cost a fraction of that. The source text of
a function is copied into every kernel that needs it, so each reads only its own arguments, the
functions of this file and the constants it names. `_single` functions are float32 throughout,
`_double` ones float64; docs/kernels.md has their measured errors. Nothing here assumes that numbers
are finite: NaN, infinities, signed zeros and subnormals come out as in NumPy. Choices compute both
sides first: a branch would keep LLVM from making vectors.

Coefficients: interpolation of the named function in Chebyshev points, computed with 50 digits. The
reductions are the usual ones (Cody and Waite 1980): exp(x) = 2^n exp(r) with |r| <= ln(2)/2, log(2^n
m) = n ln(2) + 2 artanh((m-1)/(m+1)).
"""

from __future__ import annotations

import math

import numpy as np

F = np.float32
INFINITY = math.inf
NAN = math.nan
LOG2_E = 1.4426950408889634
LN_2_HIGH = 0.6931471803691238  # 33 bits: n * LN_2_HIGH is exact for every exponent n
LN_2_LOW = 1.9082149292705877e-10
ROUND = 6755399441055744.0  # 1.5 * 2^52: adding it leaves the nearest integer in the low bits
ROUND_BITS = 4843621399236968448
ONE_BITS = 4607182418800017408
ROOT_HALF_BITS = 4604544271217802189
LN_2_HIGH_SINGLE = 0.693145751953125  # 15 bits
LN_2_LOW_SINGLE = 1.4286068203094173e-06
ROUND_SINGLE = 12582912.0  # 1.5 * 2^23
ROUND_BITS_SINGLE = 1262485504
ONE_BITS_SINGLE = 1065353216
ROOT_HALF_BITS_SINGLE = 1060439283


def exp_tail_single(r):
    p = F(0.00019890991)
    p = p * r + F(0.001393365)
    p = p * r + F(0.0083333105)
    p = p * r + F(0.041666467)
    p = p * r + F(0.16666667)
    return p * r + F(0.5)


def log_tail_single(z):
    p = F(0.23332763)
    p = p * z + F(0.28550735)
    p = p * z + F(0.40000123)
    return p * z + F(0.6666667)


def erf_near_tail_single(z):
    p = F(7.875875e-05)
    p = p * z + F(-0.00080168643)
    p = p * z + F(0.0051890872)
    p = p * z + F(-0.026854211)
    p = p * z + F(0.11283594)
    p = p * z + F(-0.37612626)
    return p * z + F(0.12837917)


def erf_far_tail_single(u):
    p = F(-2.4157982e-06)
    p = p * u + F(1.8485698e-05)
    p = p * u + F(0.00033159673)
    p = p * u + F(0.0024799826)
    p = p * u + F(0.012713149)
    p = p * u + F(0.04969831)
    p = p * u + F(0.15436117)
    return p * u + F(0.2079833)


def power_of_two_single(n):
    """2^n for -126 <= n <= 127."""
    return np.int32(np.int32(n << 23) + ONE_BITS_SINGLE).view(np.float32)


def exp_single(x):
    x = F(89.0) if x > F(89.0) else x
    x = F(-104.0) if x < F(-104.0) else x
    t = x * F(LOG2_E) + F(ROUND_SINGLE)
    n = t - F(ROUND_SINGLE)
    r = (x - n * F(LN_2_HIGH_SINGLE)) - n * F(LN_2_LOW_SINGLE)
    y = r * r * exp_tail_single(r) + r + F(1.0)
    # in two factors: 2^128 and 2^-150 are no floats
    power = np.int32(np.float32(t).view(np.int32) - ROUND_BITS_SINGLE)
    half = np.int32(power >> 1)
    return y * power_of_two_single(half) * power_of_two_single(np.int32(power - half))


def expm1_single(x):
    a = F(89.0) if x > F(89.0) else x
    a = F(-104.0) if a < F(-104.0) else a
    t = a * F(LOG2_E) + F(ROUND_SINGLE)
    n = t - F(ROUND_SINGLE)
    r = (a - n * F(LN_2_HIGH_SINGLE)) - n * F(LN_2_LOW_SINGLE)
    power = np.int32(np.float32(t).view(np.int32) - ROUND_BITS_SINGLE)
    half = np.int32(power >> 1)
    rest = np.int32(power - half)
    first = power_of_two_single(half)
    y = first * (r * r * exp_tail_single(r) + r) + (first - power_of_two_single(np.int32(-rest)))
    y = y * power_of_two_single(rest)
    return x if abs(x) < F(1e-9) else y


def log_single(x):
    tiny = abs(x) < F(1.1754944e-38)
    scaled = x * F(8388608.0)
    bits = np.float32(scaled if tiny else x).view(np.int32)
    power = np.int32(np.int32(bits - ROOT_HALF_BITS_SINGLE) >> 23)
    f = np.int32(bits - np.int32(power << 23)).view(np.float32) - F(1.0)
    n = np.float32(power)
    n = n - F(23.0) if tiny else n
    s = f / (F(2.0) + f)
    z = s * s
    half_square = F(0.5) * f * f
    tail = s * (half_square + z * log_tail_single(z)) + n * F(LN_2_LOW_SINGLE)
    y = n * F(LN_2_HIGH_SINGLE) - ((half_square - tail) - f)
    y = F(-INFINITY) if x == F(0.0) else y
    y = F(INFINITY) if x == F(INFINITY) else y
    return y if x >= F(0.0) else F(NAN)


def log1p_single(x):
    u = F(1.0) + x
    bits = np.float32(u).view(np.int32)
    power = np.int32(np.int32(bits - ROOT_HALF_BITS_SINGLE) >> 23)
    mantissa = np.int32(bits - np.int32(power << 23)).view(np.float32)
    f = mantissa - F(1.0)
    n = np.float32(power)
    # one division for both f / (2 + f) and the correction by what rounding took from 1 + x
    q = F(1.0) / (mantissa * (F(2.0) + f))
    s = f * mantissa * q
    shift = np.int32(power if power < 64 else 64)
    lost = (x - (u - F(1.0))) * power_of_two_single(np.int32(-shift)) * ((F(2.0) + f) * q)
    z = s * s
    half_square = F(0.5) * f * f
    tail = s * (half_square + z * log_tail_single(z)) + (n * F(LN_2_LOW_SINGLE) + lost)
    y = n * F(LN_2_HIGH_SINGLE) - ((half_square - tail) - f)
    y = F(-INFINITY) if u == F(0.0) else y
    y = F(INFINITY) if u == F(INFINITY) else y
    y = y if u >= F(0.0) else F(NAN)
    return x if u == F(1.0) else y


def tanh_single(x):
    a = abs(x)
    a = F(12.0) if a > F(12.0) else a
    e = expm1_single(a + a)
    y = e / (e + F(2.0))
    return -y if np.float32(x).view(np.int32) < 0 else y


def erf_single(x):
    a = abs(x)
    a = F(6.0) if a > F(6.0) else a
    far = F(1.0) - exp_single(-a * a) * erf_far_tail_single(F(14.4) / (a + F(3.0)) - F(2.6))
    far = -far if x < F(0.0) else far
    near = x * erf_near_tail_single(a * a) + x
    return near if a < F(1.0) else far


def exp_tail_double(r):
    """(exp(r) - 1 - r) / r^2 for |r| <= ln(2)/2."""
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


def log_tail_double(z):
    """(2 artanh(s) - 2 s) / s^3 with z = s^2, for |s| <= (sqrt(2) - 1) / (sqrt(2) + 1)."""
    p = 0.13086907887965027
    p = p * z + 0.13268746195596595
    p = p * z + 0.15386240708969665
    p = p * z + 0.18181795621632782
    p = p * z + 0.22222222391887064
    p = p * z + 0.2857142857080285
    p = p * z + 0.4000000000000088
    return p * z + 0.6666666666666666


def erf_near_tail_double(z):
    """erf(x) / x - 1 as a function of z = x^2, for |x| < 1."""
    p = -7.798543850549947e-10
    p = p * z + 1.3721520406351094e-08
    p = p * z + -1.6208829856810202e-07
    p = p * z + 1.6447471190594618e-06
    p = p * z + -1.4924740785377576e-05
    p = p * z + 0.00012055295112667001
    p = p * z + -0.0008548325982543225
    p = p * z + 0.005223977607269946
    p = p * z + -0.026866170643256995
    p = p * z + 0.1128379167094513
    p = p * z + -0.37612638903183543
    return p * z + 0.12837916709551256


def erf_far_tail_double(u):
    """exp(x^2) erfc(x) as a function of u = 14.4 / (x + 3) - 2.6, for 1 <= x <= 6."""
    p = 6.044068318449643e-12
    p = p * u + -6.046858018203033e-12
    p = p * u + -2.5700504246482923e-10
    p = p * u + 2.638133067637362e-10
    p = p * u + 1.1339337061280557e-08
    p = p * u + 4.526702996597009e-09
    p = p * u + -5.54127310709044e-07
    p = p * u + -2.4255574732470057e-06
    p = p * u + 1.9563583198099526e-05
    p = p * u + 0.00033160296057680485
    p = p * u + 0.0024793146970862002
    p = p * u + 0.012713147695692147
    p = p * u + 0.04969844540339414
    p = p * u + 0.15436117429436919
    return p * u + 0.20798329133342885


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


def log1p_double(x):
    u = 1.0 + x
    # what rounding took from 1 + x
    lost = (x - (u - 1.0)) / u
    y = log_double(u)
    y = y + lost if 0.0 < u < INFINITY else y
    return x if u == 1.0 else y


def tanh_double(x):
    a = abs(x)
    a = 22.0 if a > 22.0 else a
    e = expm1_double(2.0 * a)
    y = e / (e + 2.0)
    return -y if np.float64(x).view(np.int64) < 0 else y


def erf_double(x):
    a = abs(x)
    a = 6.0 if a > 6.0 else a
    far = 1.0 - exp_double(-a * a) * erf_far_tail_double(14.4 / (a + 3.0) - 2.6)
    far = -far if x < 0.0 else far
    near = x + x * erf_near_tail_double(a * a)
    return near if a < 1.0 else far


def round_to_tf32(x):
    """10 bits of mantissa: half a unit, less one where the number below is
    even, and what is beyond them dropped.
    """
    bits = np.float32(x).view(np.uint32)
    y = np.uint32((bits + ((bits >> 13) & 1) + 4095) & 4294959104).view(np.float32)
    return y if x == x else x


def round_to_bfloat16(x):
    bits = np.float32(x).view(np.uint32)
    y = np.uint32((bits + ((bits >> 16) & 1) + 32767) & 4294901760).view(np.float32)
    return y if x == x else x


def round_to_float16(x):
    """As tf32 between 2^-14 and 65520; below, adding 1/2 leaves multiples
    of 2^-24, rounded by the hardware.
    """
    size = np.float32(abs(x))
    y = round_to_tf32(size)
    y = y if size >= F(6.103515625e-05) else (size + F(0.5)) - F(0.5)
    y = y if size < F(65520.0) else F(INFINITY)
    y = -y if np.float32(x).view(np.int32) < 0 else y
    return y if x == x else x


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
