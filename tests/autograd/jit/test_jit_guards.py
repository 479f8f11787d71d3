"""Nothing that a compiled step read may change unnoticed: every way to change it, beside the plain function."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import functools
import logging
import os
import pathlib
import random
import secrets
import sys
import threading
import time
import types
import uuid

import numpy as np
import pytest
import ways_by_function
import ways_by_name
import ways_by_object
import ways_by_value
from steps import ones
from ways import WAYS

import autograd as ag

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def modules():
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0].endswith("of_ways"):
            del sys.modules[name]


@pytest.mark.parametrize("name", WAYS)
def test_whatever_changes_is_seen(name):
    step, change = WAYS[name]()
    compiled = ag.jit(step)
    first = step(ones()).tolist()
    for _ in range(3):
        assert compiled(ones()).tolist() == first
    assert compiled.traces == 1
    change()
    now = step(ones()).tolist()
    assert now != first or name == "dtype"
    result = compiled(ones())
    assert result.tolist() == now
    assert result.dtype == step(ones()).dtype
    assert compiled.traces == 2


def test_there_are_many_ways():
    assert len(WAYS) >= 100
    known = {
        name
        for table in (ways_by_function, ways_by_name, ways_by_object, ways_by_value)
        for name in vars(table)
    }
    assert known >= set(WAYS)


@pytest.mark.parametrize(
    "name",
    ["attribute_of_an_instance", "long_list", "array", "helper_replaced", "argparse_namespace"],
)
def test_what_changes_back_has_its_first_program(name):
    step, change = WAYS[name]()
    first_step, _ = WAYS[name]()
    compiled = ag.jit(step)
    before = compiled(ones()).tolist()
    change()
    assert compiled(ones()).tolist() != before
    assert compiled(ones()).tolist() == step(ones()).tolist()
    assert first_step(ones()).tolist() == before
    assert compiled.traces == 2


class Config:
    def __init__(self, rate):
        self.rate = rate
        self.unused = object()

    def __eq__(self, other):
        return isinstance(other, Config)

    __hash__ = None


@pytest.mark.parametrize("kind", ["object", "function", "lambda default", "nested"])
def test_an_object_that_is_an_argument_counts_by_what_it_holds(kind):
    made = {
        "object": (lambda c, x: x * c.rate, lambda rate: Config(rate)),
        "function": (lambda f, x: f(x), lambda rate: lambda x: x * rate),
        "lambda default": (lambda f, x: f(x), lambda rate: lambda x, r=rate: x * r),
        "nested": (lambda c, x: x * c["a"][0].rate, lambda rate: {"a": [Config(rate)]}),
    }
    step, make = made[kind]
    compiled = ag.jit(step)
    for rate in (2.0, 2.0, 3.0, 2.0):
        assert compiled(make(rate), ones()).tolist() == [rate, rate]
    assert compiled.traces == 2


def test_only_what_the_step_reads_counts(log):
    class Trainer:
        def __init__(self):
            self.rate, self.steps, self.history, self.lock = 2.0, 0, [], random.Random(0)

        def scaled(self, x):
            return x * self.rate

    trainer = Trainer()
    compiled = ag.jit(trainer.scaled)
    for _ in range(5):
        trainer.history.append(compiled(ones()).tolist())
        trainer.steps += 1
        trainer.last = object()
        trainer.lock.random()
    assert compiled.traces == 1
    assert trainer.history == [[2.0, 2.0]] * 5


def test_an_object_of_a_method_dies_though_it_is_looked_at():
    import gc
    import weakref

    class Net:
        def __init__(self):
            self.inner = Config(2.0)
            self.inner.owner = self
            self.parts = [self.inner]
            self.f = lambda x: x * self.inner.rate

        @ag.jit
        def go(self, x):
            return self.f(x) * self.inner.rate * self.parts[0].owner.inner.rate

    net = Net()
    assert net.go(ones()).tolist() == [8.0, 8.0]
    dead = weakref.ref(net)
    del net
    gc.collect()
    assert dead() is None


def length_of_file():
    with open(__file__) as file:
        return len(file.read())


def outside():
    """What a step asks the world; the name that has to be said."""
    return {
        "time.time": lambda x: x * time.time(),
        "time.perf_counter": lambda x: x * time.perf_counter(),
        "datetime.datetime.now": lambda x: x * datetime.datetime.now().second,
        "os.urandom": lambda x: x * os.urandom(1)[0],
        "os.getpid": lambda x: x * os.getpid(),
        "uuid.uuid4": lambda x: x * (uuid.uuid4().int % 7),
        "secrets.randbelow": lambda x: x * secrets.randbelow(9),
        "genericpath.exists": lambda x: x * os.path.exists(__file__),
        "pathlib.read_text": lambda x: x * len(pathlib.Path(__file__).read_text()),
        "io.open": lambda x: x * length_of_file(),
        "globals": lambda x: x * len(globals()),
        "logging.isEnabledFor": lambda x: x * logging.getLogger("of.ways").isEnabledFor(10),
        "threading.current_thread": lambda x: x * len(threading.current_thread().name),
        "sys.getrecursionlimit": lambda x: x * sys.getrecursionlimit(),
        "numpy.geterr": lambda x: x * len(np.geterr()),
        "decimal.getcontext": lambda x: x * decimal.getcontext().prec,
    }


@pytest.mark.parametrize("name", outside())
def test_what_a_step_asks_the_world_is_named(name, caplog):
    caplog.set_level(logging.WARNING, "gradloom")
    compiled = ag.jit(outside()[name])
    for n in (1, 2, 1):
        compiled(ag.ones(n))
    (said,) = [r.getMessage() for r in caplog.records]
    assert f" {name}() " in said


def test_a_library_may_ask_the_world_for_itself(caplog):
    """A log record has a time and a process; the step's result does not depend on them."""
    caplog.set_level(logging.WARNING, "gradloom")

    def step(x):
        logging.getLogger("of.ways").error("rate %s", 2.0)
        return x * 2.0

    ag.jit(step)(ones())
    assert not any("() told" in r.getMessage() for r in caplog.records if r.name == "gradloom")


def unseen():
    big = np.zeros(100_000)
    own = np.random.default_rng(0)
    numbers = iter([2.0, 3.0])

    @functools.lru_cache
    def remembered():
        return own.normal()

    remembered()
    return {
        "a cache": lambda x: x * remembered(),
        "numpy.random": lambda x: x * float(np.random.random()),
        "random": lambda x: x * random.random(),
        "a generator of one's own": lambda x: x * float(own.normal()),
        "a large array": lambda x: x * float(big[3]),
        "an iterator": lambda x: x * next(numbers),
    }


@pytest.mark.parametrize("what", unseen())
def test_what_cannot_be_looked_at_is_said_once(what, caplog):
    caplog.set_level(logging.WARNING, "gradloom")
    compiled = ag.jit(unseen()[what])
    for n in (1, 2, 1):
        compiled(ag.ones(n))
    said = [r.getMessage() for r in caplog.records]
    assert len(said) == 1
    assert "keeps" in said[0]
    assert len(said[0]) < 200


def test_nothing_is_said_where_all_is_seen(caplog):
    caplog.set_level(logging.WARNING, "gradloom")
    for make in WAYS.values():
        step, change = make()  # it may hold what the step does not
        ag.jit(step)(ones())
        del change
    assert [r.getMessage() for r in caplog.records if r.name == "gradloom"] == []


def test_a_profiler_of_ones_own_goes_on():
    import cProfile

    seen = []
    sys.setprofile(lambda frame, event, argument: seen.append(frame.f_code.co_name))
    try:
        mine = sys.getprofile()
        step, change = WAYS["helper_of_a_helper"]()
        compiled = ag.jit(step)
        compiled(ones())
        assert sys.getprofile() is mine
    finally:
        sys.setprofile(None)
    assert {"h1", "h2", "h3"} <= set(seen)
    change()
    assert compiled(ones()).tolist() == [3.0, 3.0]
    profile = cProfile.Profile()
    profile.enable()
    step, change = WAYS["helper_of_a_helper"]()
    compiled = ag.jit(step)
    compiled(ones())
    change()
    assert compiled(ones()).tolist() == [3.0, 3.0]
    profile.disable()
    assert "h3" in {entry.code.co_name for entry in profile.getstats() if hasattr(entry.code, "co_name")}


@pytest.mark.parametrize("how", ["global", "object", "list in an object", "helper's global"])
def test_a_number_that_the_step_changes_and_reads_is_refused(how):
    space, thing = {"calls": 0}, Config([0])
    thing.calls = 0
    exec(
        "def count():\n    global calls\n    calls += 1\n    return calls\ndef step(x): return x * count()",
        space,
    )

    def in_object(x):
        thing.calls += 1
        return x * thing.calls

    def in_list(x):
        thing.rate[0] += 1
        return x * thing.rate[0]

    step = {"object": in_object, "list in an object": in_list}.get(how, space["step"])
    with pytest.raises(ag.TraceError, match="changes"):
        ag.jit(step)(ones())


@pytest.mark.parametrize("size", [1, 8191, 8192, 8193])
def test_arrays_to_64_kb_are_constants_and_larger_ones_are_refused(size):
    table = np.arange(size, dtype=np.float64)
    compiled = ag.jit(lambda x: (x * table).sum())
    if size > 8192:
        with pytest.raises(ag.TraceError, match="undeclared"):
            compiled(ag.ones(1))
        return
    for _ in range(2):
        assert compiled(ag.ones(1)).item() == table.sum()
    table[-1] += 1
    assert compiled(ag.ones(1)).item() == table.sum()
    assert compiled.traces == 2


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "float32", "float64"])
def test_constant_arrays_keep_their_dtype(dtype):
    table = np.array([[0, 1], [1, 1]], dtype)
    f = lambda x: ag.stack([x * table, x * ag.tensor(table)])  # noqa: E731
    assert ag.jit(f)(ones()).tolist() == f(ones()).tolist()
    assert ag.jit(f)(ones()).dtype == f(ones()).dtype


def test_masks_and_places_that_are_arrays():
    mask, places = np.array([True, False, True]), np.array([2, 0])
    f = lambda x: (x[mask], x[places], x[list(range(3)) * 40])  # noqa: E731
    x = ag.tensor([1.0, 2.0, 3.0])
    assert [y.tolist() for y in ag.jit(f)(x)] == [y.tolist() for y in f(x)]


def test_code_that_no_step_has_called_is_not_looked_at():
    """The garbage collector, signals and finalizers run code at any moment."""
    import gc
    import signal

    space = {"started": 0.0}
    exec("def collected(phase, info):\n    global started\n    started += 1\n", space)
    exec("def handler(number, frame):\n    global started\n    started += 1\n", space)
    before = signal.signal(signal.SIGUSR1, space["handler"])
    gc.callbacks.append(space["collected"])

    class Dies:
        def __del__(self):
            space["started"] += READ_BY_NOBODY

    def step(x):
        Dies()
        gc.collect()
        signal.raise_signal(signal.SIGUSR1)
        return x * 2.0

    try:
        compiled = ag.jit(step)
        for _ in range(3):
            assert compiled(ones()).tolist() == [2.0, 2.0]
            gc.collect()
            globals()["READ_BY_NOBODY"] = space["started"]
        assert compiled.traces == 1
    finally:
        gc.callbacks.remove(space["collected"])
        signal.signal(signal.SIGUSR1, before)


READ_BY_NOBODY = 1


class Mode(enum.Enum):
    TRAIN = 1


class Level(enum.IntEnum):
    LOW = 1


def reading():
    """Steps that read something, and what changes beside it at every call."""
    trainer = types.SimpleNamespace(rate=2.0, step=0, mode=Mode.TRAIN, log=logging.getLogger("of a test"))
    counts = collections.Counter()
    return {
        "value of an enumeration": (lambda x: x * 2.0 if Mode.TRAIN.value == 1 else x, None),
        "name of an enumeration": (lambda x: x * 2.0 if Mode["TRAIN"].name == "TRAIN" else x, None),
        "loop over an enumeration": (lambda x: x * sum(m.value for m in Mode) * 2.0, None),
        "whole enumeration": (lambda x: x * Level.LOW * 2.0, None),
        "enumeration in an object": (lambda x: x * trainer.mode.value * 2.0, lambda: setattr(trainer, "step", trainer.step + 1)),
        "getattr with a name": (lambda x: x * getattr(trainer, "rate", 1.0), lambda: setattr(trainer, "step", trainer.step + 1)),
        "hasattr": (lambda x: x * (2.0 if hasattr(trainer, "rate") else 1.0), lambda: setattr(trainer, "step", trainer.step + 1)),
        "logger": (lambda x: [x * 2.0, trainer.log.info("traced")][0], lambda: trainer.log.info("called")),
        "counter beside": (lambda x: x * trainer.rate, lambda: counts.update(["calls"])),
        "try": (lambda x: trying(x, trainer), lambda: setattr(trainer, "step", trainer.step + 1)),
    }  # fmt: skip


def trying(x, trainer):
    try:
        return x * trainer.rate
    except AttributeError:
        return x


@pytest.mark.parametrize("name", reading())
def test_what_is_read_and_stays_is_no_new_trace(name):
    step, between = reading()[name]
    compiled = ag.jit(step)
    for _ in range(5):
        assert compiled(ones()).tolist() == [2.0, 2.0]
        if between:
            between()
    assert compiled.traces == 1
