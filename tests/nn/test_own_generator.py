"""A model with a generator of its own: what it draws depends on its seed alone, whatever other models and threads draw."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest
from models import rows

import autograd as ag
import nn

X, Y = rows(24)
IMAGES = np.random.default_rng(0).standard_normal((24, 6, 6, 1)).astype(np.float32)


class Own(nn.Model):
    """A subclass that hands the seed on."""

    def __init__(self, seed=None):
        super().__init__(seed=seed)
        self.inside = nn.Sequential([nn.Dense(4), nn.Dropout(0.5)], seed=99)
        self.last = nn.Dense(1)

    def call(self, x):
        return self.last(self.inside(x))


MODELS = {
    "sequential": (lambda seed: nn.Sequential([nn.Dense(8, "relu"), nn.Dropout(0.5), nn.GaussianNoise(0.1), nn.Dense(1)], seed=seed), X),
    "built at once": (lambda seed: nn.Sequential([nn.Input((3,)), nn.Dense(8), nn.Dropout(0.2), nn.Dense(1)], seed=seed), X),
    "mlp": (lambda seed: nn.MLP((8,), 1, seed=seed), X),
    "subclass": (lambda seed: Own(seed), X),
    "augmented": (lambda seed: nn.Sequential([nn.RandomFlip(), nn.RandomShift(0.2, 0.2), nn.Flatten(), nn.Dense(1)], seed=seed), IMAGES),
}  # fmt: skip
ENGINES = [pytest.param(jit, id=f"jit={jit}") for jit in (False, True)]


def trained(make, x, seed, jit, epochs=2, model=None):
    """The bits of a model after `fit`, `train_on_batch` and `predict`."""
    if model is None:
        model = make(seed)
        model.compile(nn.Adam(0.01), "mse", jit=jit)
    history = model.fit(x, Y, epochs=epochs, batch_size=8, validation_split=0.25, verbose=0)
    model.train_on_batch(x, Y)
    weights = b"".join(array.tobytes() for array in model.get_weights())
    return weights, str(history.history), model.predict(x).tobytes()


@pytest.mark.parametrize("jit", ENGINES)
@pytest.mark.parametrize(("make", "x"), MODELS.values(), ids=MODELS)
def test_the_seed_alone_decides(make, x, jit):
    ag.random.seed(0)
    state = [word.item() for word in ag.random.default_generator().state]
    once = trained(make, x, 5, jit)
    assert [word.item() for word in ag.random.default_generator().state] == state
    ag.random.normal(3)
    nn.set_random_seed(7)
    assert trained(make, x, 5, jit) == once
    assert trained(make, x, 6, jit) != once


@pytest.mark.parametrize("jit", ENGINES)
@pytest.mark.parametrize(("make", "x"), MODELS.values(), ids=MODELS)
def test_threads_at_once_train_as_each_alone(make, x, jit):
    alone = {seed: trained(make, x, seed, jit) for seed in range(3)}
    found, start = {}, threading.Barrier(4)

    def train(seed):
        start.wait()
        found[seed] = trained(make, x, seed, jit)

    def disturb():
        start.wait()
        for _ in range(200):
            ag.random.normal(2)

    threads = [threading.Thread(target=train, args=(seed,)) for seed in alone]
    threads.append(threading.Thread(target=disturb))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == alone


@pytest.mark.parametrize("make", [MODELS[name][0] for name in ("sequential", "mlp")])
def test_saved_and_gone_on_with(make, tmp_path):
    pytest.importorskip("safetensors", reason="the extra gradloom[save] is not installed")
    model = make(3)
    model.compile(nn.Adam(0.01), "mse")
    model.fit(X, Y, epochs=2, verbose=0)
    model.save(tmp_path / "model")
    expected = trained(make, X, 3, None, model=model)
    ag.random.seed(11)
    state = [word.item() for word in ag.random.default_generator().state]
    again = nn.load(tmp_path / "model")
    assert [word.item() for word in ag.random.default_generator().state] == state
    assert again.seed == 3
    assert trained(make, X, 3, None, model=again) == expected


def test_a_checkpoint_of_a_half_run_goes_on(tmp_path):
    pytest.importorskip("safetensors", reason="the extra gradloom[save] is not installed")
    make = MODELS["sequential"][0]

    def run(model, **options):
        model.compile(nn.Adam(0.01), "mse")
        model.fit(X, Y, epochs=4, batch_size=8, verbose=0, **options)
        return b"".join(array.tobytes() for array in model.get_weights())

    file = str(tmp_path / "run-{epoch}-{batch}")
    whole = run(make(1), callbacks=nn.ModelCheckpoint(file, save_freq=5))
    ag.random.seed(2)
    resumed = nn.load(tmp_path / "run-2-2")
    resumed.fit(X, Y, initial_epoch=1, epochs=4, batch_size=8, verbose=0)
    assert b"".join(array.tobytes() for array in resumed.get_weights()) == whole


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_has_a_generator_of_its_own(copied):
    model = MODELS["sequential"][0](4)
    model(X)
    twin = copied(model)
    first, second = (np.asarray(m(X, training=True)) for m in (model, twin))
    np.testing.assert_array_equal(first, second)


def test_a_loop_of_ones_own():
    def run(seed):
        model = nn.Sequential([nn.Dense(4, input_shape=(3,)), nn.Dropout(0.5)], seed=seed)

        @ag.jit(state=model)
        def step(x):
            return model(x, training=True).sum()

        with model.drawing():
            return [step(X).item() for _ in range(3)]

    assert run(1) == run(1) != run(2)
    assert len(set(run(1))) == 3


def test_a_captured_step_draws_from_it():
    model = nn.Sequential([nn.Dense(4, input_shape=(3,)), nn.Dropout(0.5), nn.Dense(1)], seed=1)
    model.compile("sgd", "mse")
    step = nn.capture_train_step(model, X, Y)
    before = model.generator.counter.item()
    step(X, Y)
    assert model.generator.counter.item() == before + 1


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True, 2**64, float("nan")])
def test_what_is_no_seed(seed):
    for make in (nn.Sequential, nn.MLP, Own):
        with pytest.raises(nn.ArgumentError, match="seed is an integer >= 0 or None"):
            make(seed=seed)
    with pytest.raises(nn.ArgumentError, match="seed is an integer >= 0"):
        nn.set_random_seed(seed)
