// CUDA C on a CPU: blocks one after the other, the threads of a block as coroutines that change places at each barrier.
// Of C's library alone (-nostdinc++): reading that of C++, even compiled beforehand, takes longer than a kernel.
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__
#define __shared__ static
#define __launch_bounds__(n)

// what C++ and CUDA C have beyond C: functions by the types of what they get
#undef isfinite
#define OF_FLOAT(name) static inline float name(float x) { return name##f(x); }
OF_FLOAT(cos) OF_FLOAT(erf) OF_FLOAT(exp) OF_FLOAT(expm1) OF_FLOAT(floor) OF_FLOAT(log)
OF_FLOAT(rint) OF_FLOAT(log1p) OF_FLOAT(sin) OF_FLOAT(sqrt) OF_FLOAT(tanh)
#undef OF_FLOAT
static inline float pow(float x, float y) { return powf(x, y); }
static inline float fma(float x, float y, float z) { return fmaf(x, y, z); }
static inline float ldexp(float x, int n) { return ldexpf(x, n); }
static inline int ilogb(float x) { return ilogbf(x); }
static inline float abs(float x) { return fabsf(x); }
static inline double abs(double x) { return fabs(x); }
static inline long abs(long x) { return labs(x); }
static inline long long abs(long long x) { return llabs(x); }
static inline bool isfinite(float x) { return __builtin_isfinite(x); }
static inline bool isfinite(double x) { return __builtin_isfinite(x); }

struct Index { unsigned x, y, z; };
static Index threadIdx, blockIdx, blockDim, gridDim;

namespace host {
constexpr int MOST = 1024;
constexpr size_t STACK = 1 << 16;
struct Thread { ucontext_t start; jmp_buf at; bool begun, done; };
struct Gate { int arrived, turn; };
static Thread* threads;
static char* stacks;
static int count, now, alive;
static jmp_buf out;
static ucontext_t home;
static void (*body)();
static Gate block_gate, warp_gates[MOST / 32];
static long long slots[MOST];
static bool moved;

static void enter(int t);
static void next() {
  // the next thread that is not done; the barrier that all wait for opens before all have been asked twice
  for (int k = 1; k <= count; ++k) {
    int t = (now + k) % count;
    if (!threads[t].done) { enter(t); }
  }
  _longjmp(out, 1);
}
static void finish() {
  threads[now].done = true;
  --alive;
  moved = true;
  next();
}
static void first() { body(); finish(); }
static void enter(int t) {
  now = t;
  threadIdx = {unsigned(t), 0, 0};
  if (threads[t].begun) _longjmp(threads[t].at, 1);
  threads[t].begun = true;
  getcontext(&threads[t].start);
  threads[t].start.uc_stack.ss_sp = stacks + STACK * t;
  threads[t].start.uc_stack.ss_size = STACK;
  threads[t].start.uc_link = nullptr;
  makecontext(&threads[t].start, first, 0);
  setcontext(&threads[t].start);
}
static void yield() {
  if (_setjmp(threads[now].at) == 0) next();
}
static int idle;
static void wait(Gate& gate, int members) {
  int turn = gate.turn;
  if (++gate.arrived == members) { gate.arrived = 0; ++gate.turn; idle = 0; return; }
  while (gate.turn == turn) {
    if (++idle > 4 * MOST) { fprintf(stderr, "a barrier that not all threads reach\n"); abort(); }
    yield();
  }
}
static void block(void (*f)(), int threads_in_block, bool straight) {
  count = threads_in_block;
  if (straight) {
    for (int t = 0; t < count; ++t) { threadIdx = {unsigned(t), 0, 0}; f(); }
    return;
  }
  for (int t = 0; t < count; ++t) threads[t].begun = threads[t].done = false;
  memset(&block_gate, 0, sizeof block_gate);
  memset(warp_gates, 0, sizeof warp_gates);
  alive = count;
  body = f;
  idle = 0;
  now = count - 1;
  if (_setjmp(out) == 0) next();
}

// a device takes no operand whose address is not a multiple of its size
static bool misaligned;
template <class T> static inline T* aligned(T* p) {
  if (reinterpret_cast<size_t>(p) % alignof(T)) misaligned = true;
  return p;
}
template <class T> static inline T as_given(T x) { return x; }
template <class T> static inline T* as_given(T* p) { return aligned(p); }

// where threads and their stacks lie: one room for all kernels of a process
static size_t room_size() { return STACK * MOST + (sizeof(Thread) * MOST / STACK + 1) * STACK; }
static void use_room(char* room) {
  stacks = room;
  threads = reinterpret_cast<Thread*>(room + STACK * MOST);
}

// 0, 1 and so on up to a number
template <size_t... I> struct Places {};
template <size_t N, size_t... I> struct Count : Count<N - 1, N - 1, I...> {};
template <size_t... I> struct Count<0, I...> { using To = Places<I...>; };

static void** given;
template <class F, class... A, size_t... I> static void with(F f, Places<I...>, void (*)(A...)) {
  f(as_given(*static_cast<A*>(given[I]))...);
}
template <class... A> static bool run(void (*f)(A...), void (*call)(), void** arguments, int gx, int gy, int bx, bool straight) {
  given = arguments;
  misaligned = false;
  gridDim = {unsigned(gx), unsigned(gy), 1};
  blockDim = {unsigned(bx), 1, 1};
  for (int y = 0; y < gy; ++y)
    for (int x = 0; x < gx; ++x) { blockIdx = {unsigned(x), unsigned(y), 0}; block(call, bx, straight); }
  return !misaligned;
}
template <class... A> static void apply(void (*f)(A...)) { with(f, typename Count<sizeof...(A)>::To{}, f); }
}  // namespace host

extern "C" size_t host_room_size() { return host::room_size(); }
extern "C" void host_use_room(char* room) { host::use_room(room); }

static inline void __syncthreads() { host::wait(host::block_gate, host::count); }

template <class T> static inline T __shfl_xor_sync(unsigned, T x, int d) {
  static_assert(sizeof(T) <= 8, "lanes exchange 8 bytes at most");
  int me = host::now, warp = me / 32, members = host::count - warp * 32 < 32 ? host::count - warp * 32 : 32;
  memcpy(&host::slots[me], &x, sizeof(T));
  host::wait(host::warp_gates[warp], members);
  memcpy(&x, &host::slots[me ^ d], sizeof(T));
  host::wait(host::warp_gates[warp], members);
  return x;
}
