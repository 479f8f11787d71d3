"""Compiling a step: the same training step, written by hand, as Python runs it and as machine code.

One step is forward, loss, `backward()` and the update of four weights with momentum: some sixty array operations, each
with a call from Python and an array in between. `ag.jit` watches one step, writes down what it did, and from then on
runs that as a handful of kernels; whole epochs can then go by in one call. The results are the same to rounding. The
picture shows where the time of a step goes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from pictures import digits, options

import autograd as ag

BATCH, RATE, MOMENTUM = 32, 0.05, 0.9
WEIGHTS = {"w1": (64, 64), "b1": (64,), "w2": (64, 10), "b2": (10,)}
State = dict[str, ag.Tensor]
Step = Callable[[ag.Tensor, ag.Tensor], None]


def network() -> State:
    """Weights, a velocity for each, and the last loss; the same every time."""
    generator = np.random.default_rng(0)
    state = {"loss": ag.zeros(())}
    for name, shape in WEIGHTS.items():
        values = generator.normal(0, 0.1, shape) if name[0] == "w" else np.zeros(shape)
        state[name] = ag.tensor(values, "float32", requires_grad=True)
        state[f"velocity of {name}"] = ag.zeros(shape)
    return state


def scores(state: State, x: ag.Tensor) -> ag.Tensor:
    """Forward: (rows, classes)."""
    return ag.relu(x @ state["w1"] + state["b1"]) @ state["w2"] + state["b2"]


def step_of(state: State) -> Step:
    """A training step, as one writes it; nothing in it speaks of compiling."""

    def step(x: ag.Tensor, classes: ag.Tensor) -> None:
        loss = ag.softmax_cross_entropy(scores(state, x), classes).mean()
        loss.backward()
        for name in WEIGHTS:
            weight, velocity = state[name], state[f"velocity of {name}"]
            velocity.assign(velocity * MOMENTUM - weight.grad * RATE)
            weight.assign(weight.detach() + velocity)
            weight.grad = None
        state["loss"].assign(loss.detach())

    return step


def epoch_of(step: Step, x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], None]:
    """Batch after batch, in an order of the rows."""

    def epoch(order: np.ndarray) -> None:
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            step(ag.tensor(x[rows]), ag.tensor(y[rows]))

    return epoch


def whole_epoch_of(jitted: ag.Jitted, x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], None]:
    """The same in one call; the program takes the rows of each step itself."""
    rows = [ag.tensor(x), ag.tensor(y)]

    def epoch(order: np.ndarray) -> None:
        jitted.over_rows(rows, BATCH, ag.tensor(order), first=0, steps=len(order) // BATCH)

    return epoch


def train(epoch: Callable[[np.ndarray], None], rows: int, epochs: int) -> float:
    """Microseconds a step; the order of the rows is the same in every run."""
    generator = np.random.default_rng(1)
    whole = rows // BATCH * BATCH
    start = time.perf_counter()
    for _ in range(epochs):
        epoch(generator.permutation(rows)[:whole])
    return (time.perf_counter() - start) / (epochs * whole // BATCH) * 1e6


def main() -> None:
    chosen = options(__doc__, "compiled_step", epochs=10)
    x, y, x_test, y_test = digits()
    batch = ag.tensor(x[:BATCH]), ag.tensor(y[:BATCH])

    states = [network() for _ in range(3)]
    plain, by_batch, by_epoch = (step_of(state) for state in states)
    jitted, whole = ag.jit(by_batch, state=states[1]), ag.jit(by_epoch, state=states[2])
    start = time.perf_counter()
    jitted.prepare(*batch)
    whole.prepare_rows([ag.tensor(x), ag.tensor(y)], BATCH, ag.arange(len(y)))
    print(f"traced and compiled in {time.perf_counter() - start:.2f} s, the next time loaded from a file")  # fmt: skip

    runs = {
        "as Python runs it": epoch_of(plain, x, y),
        "compiled": epoch_of(jitted, x, y),
        "compiled, an epoch a call": whole_epoch_of(whole, x, y),
    }
    for (name, epoch), state in zip(runs.items(), states, strict=True):
        microseconds = train(epoch, len(y), chosen.epochs)
        right = (scores(state, ag.tensor(x_test)).numpy().argmax(axis=1) == y_test).mean()
        print(f"{name:<26} {microseconds:7.1f} us a step, last loss {state['loss'].item():.4f}, held-out accuracy {right:.1%}")  # fmt: skip
    for state in states[1:]:
        difference = max(np.abs(state[name].numpy() - states[0][name].numpy()).max() for name in WEIGHTS)  # fmt: skip
        print(f"weights equal to rounding: {bool(difference < 1e-3)}")

    jitted(*batch)
    kernels = jitted.kernels()
    print(f"\n{len(jitted.program_text().splitlines())} lines of program are computed by {len(kernels)} kernels:")  # fmt: skip
    print("\n".join(kernels))
    worst = max(difference for _, _, difference in jitted.compare(*batch))
    print(f"beside the interpreter: {worst:.0e} is the largest relative difference of any value")
    profile = jitted.profile(lambda: [jitted(*batch) for _ in range(500)])
    print(f"\n{profile}")
    chosen.picture.parent.mkdir(parents=True, exist_ok=True)
    profile.plot(chosen.picture)
    print("picture:", chosen.picture)


if __name__ == "__main__":
    main()
