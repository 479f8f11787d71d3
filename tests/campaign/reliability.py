"""What may happen to a program that trains, many times over: killed, interrupted, damaged files, odd shapes, wrong calls.

Each part is a function of (count, seed, folder) that counts what it saw, and raises at the first thing that is not as
promised in docs/reliability.md. The tests that make the cases are those of the test suite; here they run by the thousand.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "nn")]  # the folder tests is no package

import interrupted_scenarios  # noqa: E402
import killed_runs  # noqa: E402
import test_refused_calls as refused  # noqa: E402
from file_fuzz import fuzz_files  # noqa: E402

import nn  # noqa: E402

Seen = Counter[str]
KILLS = 3
"""Of one run, at most."""


def kills(count: int, seed: int, folder: Path) -> Seen:
    """Runs that are killed up to three times at random moments and begun again, beside one that was left alone: bytes are compared."""
    chance, seen = random.Random(seed), Seen()
    for backend in ("numba", "numpy"):
        alone = folder / f"{backend} alone"
        alone.mkdir()
        took = killed_runs.train(alone, backend=backend)
        for number in range(count):
            place = folder / f"{backend} {number}"
            place.mkdir()
            for _ in range(KILLS):
                if not killed_runs.is_done(place):
                    moment = chance.uniform(0.01, 0.5) * took
                    was_killed = killed_runs.train(place, moment, backend) is None
                    seen[f"{backend}: killed"] += was_killed
            if not killed_runs.is_done(place):
                killed_runs.train(place, backend=backend)
            killed_runs.check_same(alone, place)
            seen[f"{backend}: ended with the same bytes"] += 1
    return seen


def damaged_files(count: int, seed: int, folder: Path) -> Seen:
    """Models, weights, backups and searches, cut, flipped, swapped, edited: refused by name, or read as written."""
    found = fuzz_files(count, seed, folder)
    seen = Seen()
    for (kind, how, outcome), times in found.items():
        seen[f"{kind}, {how}: {outcome}"] += times
    return seen


def interrupts(count: int, seed: int, folder: Path) -> Seen:
    """A signal whose handler raises, at random moments of steps, kernels and whole calls with two threads."""
    seen = Seen()
    names = list(interrupted_scenarios.SCENARIOS)
    names = random.Random(seed).sample(names, min(count, len(names)))
    for name in names:
        each = max(1, count // len(names))
        done = subprocess.run(
            [sys.executable, str(TESTS / "interrupting.py"), "signals", name, str(each), str(seed)],
            capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
        )  # fmt: skip
        assert done.returncode == 0, f"{name} of seed {seed}: {done.stdout}{done.stderr}"
        seen[f"{name}: right after a signal"] += each
    return seen


LAYERS: dict[str, tuple[tuple[int, ...], Callable[[], list[nn.Module]]]] = {
    "dense": ((5,), lambda: [nn.Dense(7, "tanh"), nn.Dense(2, "softmax")]),
    "normalised": ((5,), lambda: [nn.Dense(6), nn.BatchNormalization(), nn.ReLU(), nn.Dense(2)]),
    "images": ((6, 5, 2), lambda: [nn.Conv2D(3, 2), nn.MaxPooling2D(), nn.Flatten(), nn.Dense(2)]),
    "words": ((4,), lambda: [nn.Embedding(9, 3), nn.Flatten(), nn.Dense(2)]),
}


def odd_shapes(count: int, seed: int, folder: Path) -> Seen:
    """Any number of rows in any batch size, compiled beside the model itself; programs are counted, and updates compared."""
    generator, seen = np.random.default_rng(seed), Seen()
    for name, (shape, make) in LAYERS.items():
        compiled, plain = (_model(make, shape, jit) for jit in ("auto", False))
        for _ in range(count):
            rows, batch_size = int(generator.integers(1, 600)), int(generator.integers(1, 700))
            x = generator.integers(0, 9, (rows, *shape)).astype(np.float32)
            found = compiled.predict(x, batch_size, verbose=0)
            np.testing.assert_allclose(found, plain(x, training=False).numpy(), 1e-4, 1e-5)
            seen[f"{name}: predicted"] += 1
        assert compiled._predictor is not None
        seen[f"{name}: programs of predict"] = compiled._predictor._jitted.traces
        assert seen[f"{name}: programs of predict"] <= 3
        for _ in range(min(count, 4)):
            rows, batch_size = int(generator.integers(1, 40)), int(generator.integers(1, 20))
            x = generator.integers(0, 9, (rows, *shape)).astype(np.float32)
            y = generator.normal(size=(rows, 2)).astype(np.float32)
            losses = [
                m.fit(x, y, batch_size, shuffle=False, verbose=0).history["loss"] for m in (compiled, plain)
            ]
            np.testing.assert_allclose(*losses, 1e-3, 1e-4)
            seen[f"{name}: trained"] += 1
    return seen


def _model(make: Callable[[], list[nn.Module]], shape: tuple[int, ...], jit: object) -> nn.Sequential:
    nn.set_random_seed(3)
    model = nn.Sequential([nn.Input(shape), *make()])
    model.compile(nn.SGD(0.01, momentum=0.9), "mse", jit=jit)
    return model


def wrong_calls(count: int, seed: int, folder: Path) -> Seen:
    """Calls with something of the user's that goes wrong, the whole model compared before and after."""
    chance, seen = random.Random(seed), Seen()
    for number in range(count):
        what, call = chance.choice([*refused.OPTIONS]), chance.choice([*refused.CALLS])
        jit, built = chance.choice([False, "auto"]), chance.choice([True, False])
        weight = chance.choice([None, *refused.WEIGHTS])
        options = {} if weight is None or "batches" in call else {"sample_weight": refused.WEIGHTS[weight]}
        model = refused.of(jit, refused.OPTIONS[what] | {"built": built})
        before = refused.whole(model)
        error = refused.raised_by(lambda: refused.CALLS[call](model, **options))  # noqa: B023
        if error is None:
            seen["went through"] += 1
            continue
        place = f"{number} of seed {seed}: {call}, {what}, {weight}, jit={jit}, built={built}: {error!r}"
        assert not isinstance(error, (StopIteration, AttributeError)), place
        assert refused.whole(model)[0] == before[0], place
        seen[f"{call}: refused, nothing moved"] += 1
    return seen


def threads_and_forks(count: int, seed: int, folder: Path) -> Seen:
    """Models with generators of their own in several threads at once, and in forked children: the bits of each alone."""
    seen = Seen()
    rows, targets = np.random.default_rng(seed).normal(size=(2, 48, 5)).astype(np.float32)

    def trained(number: int) -> bytes:
        layers = [nn.Dense(8, "relu"), nn.Dropout(0.3), nn.Dense(5)]
        model = nn.Sequential([nn.Input((5,)), *layers], seed=number)
        model.compile(nn.Adam(0.01), "mse", jit=(True, False)[number % 2])
        model.fit(rows, targets, 8, epochs=2, verbose=0)
        return b"".join(w.tobytes() for w in model.get_weights()) + model.predict(rows).tobytes()

    for number in range(count):
        seeds = range(3 * number, 3 * number + 3)
        alone = [trained(one) for one in seeds]
        together: dict[int, bytes] = {}

        def work(one: int, into: dict[int, bytes]) -> None:
            into[one] = trained(one)

        workers = [threading.Thread(target=work, args=(one, together)) for one in seeds]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
        assert [together.get(one) for one in seeds] == alone, f"threads {number} of seed {seed}"
        seen["trained in a thread beside two others"] += 3
        if hasattr(os, "fork") and not _forked(lambda one=seeds[0], bits=alone[0]: trained(one) == bits):
            raise AssertionError(f"forked child {number} of seed {seed}")
        seen["trained in a forked child"] += 1
    return seen


def _forked(is_right: Callable[[], bool]) -> bool:
    child = os.fork()
    if not child:
        code = 1
        try:
            code = not is_right()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


PARTS: dict[str, tuple[Callable[[int, int, Path], Seen], int, int]] = {
    "kills": (kills, 30, 1),
    "damaged files": (damaged_files, 3000, 20),
    "interrupts": (interrupts, 5000, 3),
    "odd shapes": (odd_shapes, 250, 1),
    "wrong calls": (wrong_calls, 2600, 40),
    "threads and forks": (threads_and_forks, 40, 1),
}
"""Name, how often in a whole campaign, and how often in the tests."""
