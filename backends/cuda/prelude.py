"""What stands above every kernel: packs of neighbouring elements, reductions across
lanes, random words, checked places.
"""

from __future__ import annotations

from ..philox import MULTIPLIERS, WEYL

PRELUDE = f"""
typedef long long i64;
typedef unsigned long long u64;
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#endif

// N neighbouring elements, moved at once
template <class T, int N> struct alignas(sizeof(T) * N) Pack {{ T v[N]; }};

template <int N, class T> __device__ inline Pack<T, N> load(const T* p) {{
  return *reinterpret_cast<const Pack<T, N>*>(p); }}
template <int N, class T> __device__ inline void store(T* p, Pack<T, N> x) {{
  *reinterpret_cast<Pack<T, N>*>(p) = x; }}

// a value with its place, for argmax and argmin; a place below 0 is none
template <class T> struct At {{ T v; i64 i; }};

template <class T> __device__ inline T across(T x, int d) {{ return __shfl_xor_sync(0xffffffffu, x, d); }}
template <class T> __device__ inline At<T> across(At<T> x, int d) {{
  x.v = across(x.v, d);
  x.i = across(x.i, d);
  return x;
}}

struct Sum {{ template <class T> static __device__ inline T join(T a, T b) {{ return a + b; }} }};
struct Prod {{ template <class T> static __device__ inline T join(T a, T b) {{ return a * b; }} }};
struct Max {{
  template <class T> static __device__ inline T join(T a, T b) {{ return b > a || b != b ? b : a; }} }};
struct Min {{
  template <class T> static __device__ inline T join(T a, T b) {{ return b < a || b != b ? b : a; }} }};

// the first of equal ones; NaN beats all
template <class T> __device__ inline At<T> better(bool beats, At<T> a, At<T> b) {{
  if (a.i < 0) return b;
  if (b.i < 0) return a;
  bool wrong_a = a.v != a.v, wrong_b = b.v != b.v;
  if (wrong_a || wrong_b) beats = wrong_b && !wrong_a;
  bool equal = a.v == b.v || (wrong_a && wrong_b);
  return equal ? (b.i < a.i ? b : a) : beats ? b : a;
}}
struct ArgMax {{
  template <class T> static __device__ inline At<T> join(At<T> a, At<T> b) {{
    return better(b.v > a.v, a, b); }} }};
struct ArgMin {{
  template <class T> static __device__ inline At<T> join(At<T> a, At<T> b) {{
    return better(b.v < a.v, a, b); }} }};

// the total over LANES neighbouring threads, known to all of them afterwards
template <int LANES, class Op, class T> __device__ inline T total(T a) {{
  for (int d = (LANES < 32 ? LANES : 32) / 2; d > 0; d /= 2) a = Op::join(a, across(a, d));
  if (LANES > 32) {{
    __shared__ T parts[LANES < 32 ? 1 : LANES / 32];
    __syncthreads();
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = a;
    __syncthreads();
    a = parts[0];
    for (int w = 1; w < LANES / 32; ++w) a = Op::join(a, parts[w]);
  }}
  return a;
}}

// the total of LINES lines of 32 threads, column by column; known to all lines afterwards
template <int LINES, class Op, class T> __device__ inline T total_down(T a) {{
  __shared__ T parts[LINES][32];
  __syncthreads();
  parts[threadIdx.x / 32][threadIdx.x % 32] = a;
  __syncthreads();
  a = parts[0][threadIdx.x % 32];
  for (int w = 1; w < LINES; ++w) a = Op::join(a, parts[w][threadIdx.x % 32]);
  return a;
}}

// memory that the threads of a block share: one scratch for whichever function needs it
__device__ inline void* scratch() {{
  __shared__ double bytes[2 * 32 * 33];
  return bytes;
}}

struct Words {{ unsigned v[4]; }};

// Philox-4x32-10 (Salmon et al. 2011): block number `block` of stream `counter`
__device__ inline Words philox(u64 key, u64 counter, u64 block) {{
  unsigned k0 = (unsigned)key, k1 = (unsigned)(key >> 32);
  unsigned c0 = (unsigned)block, c1 = (unsigned)(block >> 32);
  unsigned c2 = (unsigned)counter, c3 = (unsigned)(counter >> 32);
  for (int round = 0; round < 10; ++round) {{
    u64 first = (u64){MULTIPLIERS[0]}u * c0, second = (u64){MULTIPLIERS[1]}u * c2;
    unsigned a = (unsigned)(second >> 32) ^ c1 ^ k0, b = (unsigned)(first >> 32) ^ c3 ^ k1;
    c0 = a; c1 = (unsigned)second; c2 = b; c3 = (unsigned)first;
    k0 += {WEYL[0]}u; k1 += {WEYL[1]}u;
  }}
  Words words = {{{{c0, c1, c2, c3}}}};
  return words;
}}

// N neighbouring random words from number `at` on, which is a multiple of N
template <int N> __device__ inline Pack<unsigned, N> random_words(u64 key, u64 counter, u64 at) {{
  const Words words = philox(key, counter, at / 4);
  const int first = (int)(at % 4);
  Pack<unsigned, N> found;
  for (int w = 0; w < 4; ++w) if (w >= first && w < first + N) found.v[w - first] = words.v[w];
  return found;
}}

// the 16 bits that hold a number which was rounded to that format before
__device__ inline unsigned bits_of(float x) {{
  union {{ float number; unsigned bits; }} both;
  both.number = x;
  return both.bits;
}}
__device__ inline unsigned short bits_of_bfloat16(float x) {{ return (unsigned short)(bits_of(x) >> 16); }}
__device__ inline unsigned short bits_of_float16(float x) {{
  const unsigned bits = bits_of(x), sign = bits >> 16 & 0x8000u, rest = bits & 0x7fffffffu;
  if (rest > 0x7f800000u) return (unsigned short)(sign | 0x7e00u);
  if (rest == 0x7f800000u) return (unsigned short)(sign | 0x7c00u);
  // below 2^-14 it counts units of 2^-24
  if (rest < 0x38800000u) return (unsigned short)(sign | (unsigned)(fabsf(x) * 16777216.0f));
  return (unsigned short)(sign | (rest - 0x38000000u) >> 13);
}}

// an index counted from the front; 0 and a note where there is no such place
__device__ inline i64 checked(i64 index, i64 length, i64* errors) {{
  if (index < 0) index += length;
  if (index >= 0 && index < length) return index;
  *errors = 1;
  return 0;
}}
"""


def source_of(body: str, wide: bool) -> str:
    """A whole source: `wide` makes indices 64 bits."""
    return f"typedef {'long long' if wide else 'int'} I;\n{PRELUDE}\n{body}"
