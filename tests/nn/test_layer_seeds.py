"""Layers with a generator of their own, and what is drawn: which elements share a number, mean and deviation."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from models import everything, rows

import autograd as ag
import backends
import nn

X, Y = rows(24)
ROWS = np.random.default_rng(0).standard_normal((40, 6, 4)).astype(np.float32)
IMAGES = np.random.default_rng(1).standard_normal((8, 6, 6, 2)).astype(np.float32)

LAYERS = {
    "Dropout": (lambda **o: nn.Dropout(0.5, **o), ROWS),
    "Dropout, noise_shape": (lambda **o: nn.Dropout(0.5, (None, 1, 4), **o), ROWS),
    "SpatialDropout1D": (lambda **o: nn.SpatialDropout1D(0.5, **o), ROWS),
    "SpatialDropout2D": (lambda **o: nn.SpatialDropout2D(0.5, **o), IMAGES),
    "AlphaDropout": (lambda **o: nn.AlphaDropout(0.5, **o), ROWS),
    "GaussianDropout": (lambda **o: nn.GaussianDropout(0.5, **o), ROWS),
    "GaussianNoise": (lambda **o: nn.GaussianNoise(0.5, **o), ROWS),
    "RandomFlip": (lambda **o: nn.RandomFlip(**o), IMAGES),
    "RandomShift": (lambda **o: nn.RandomShift(0.5, 0.5, **o), IMAGES),
    "RandomRotation": (lambda **o: nn.RandomRotation(0.5, **o), IMAGES),
    "RandomZoom": (lambda **o: nn.RandomZoom(0.5, **o), IMAGES),
    "RandomContrast": (lambda **o: nn.RandomContrast(0.5, (-9, 9), **o), IMAGES),
    "RandomBrightness": (lambda **o: nn.RandomBrightness(0.1, (-9, 9), **o), IMAGES),
}
layers = pytest.mark.parametrize(("make", "x"), LAYERS.values(), ids=LAYERS)


def default_state():
    return [word.item() for word in ag.random.default_generator().state]


def test_the_table_has_every_layer_that_draws():
    kinds = {kind for kind in vars(nn.layers).values() if isinstance(kind, type)}
    drawing = {kind for kind in kinds if hasattr(kind, "source")}
    assert {type(make()) for make, _ in LAYERS.values()} == drawing
    assert len(drawing) == 12


@layers
@pytest.mark.eager
def test_the_seed_alone_decides(make, x):
    def draws(seed):
        layer = make(seed=seed)
        return [layer(x, training=True).numpy().tobytes() for _ in range(3)]

    before = default_state()
    once = draws(5)
    assert default_state() == before
    nn.set_random_seed(9)
    with nn.Sequential([], seed=3).drawing():
        assert draws(5) == once
    assert draws(6) != once
    assert len(set(once)) == 3
    model = nn.Sequential([make(seed=5)], seed=8)
    assert [model(x, training=True).numpy().tobytes() for _ in range(3)] == once


@layers
def test_without_a_seed_the_default_generator_draws(make, x):
    nn.set_random_seed(1)
    layer = make()
    first = layer(x, training=True).numpy().tobytes()
    nn.set_random_seed(1)
    assert layer(x, training=True).numpy().tobytes() == first
    assert not list(layer.named_tensors())


@layers
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_goes_on_from_there_by_itself(make, x, copied):
    layer = make(seed=2)
    layer(x, training=True)
    twin = copied(layer)
    expected = [layer(x, training=True).numpy().tobytes() for _ in range(2)]
    assert [twin(x, training=True).numpy().tobytes() for _ in range(2)] == expected
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.seed == 2
    assert again.random_counter.item() == 0


@layers
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_every_dtype_stays_what_it_is(make, x, dtype):
    y = make(seed=1)(ag.tensor(x, dtype), training=True)
    assert y.dtype.name == dtype
    assert np.isfinite(y.numpy()).all()


def network(seed=4):
    nn.set_random_seed(0)
    return nn.Sequential([nn.Input((3,)), nn.Dense(8, "relu"), nn.Dropout(0.5, seed=seed), nn.Dense(1)])


def fitted(model, jit=None, **options):
    if jit is not None:
        model.compile(nn.Adam(0.01), "mse", jit=jit)
    model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0, **options)
    return everything(model)


def test_compiled_and_eager_steps_draw_the_same():
    found = [fitted(network(), jit) for jit in (False, True)]
    words = [{name: value for name, value in all_.items() if "random" in name} for all_ in found]
    assert words[0] == words[1]
    weights = [np.frombuffer(all_["layers.0.kernel"], np.float32) for all_ in found]
    np.testing.assert_allclose(*weights, rtol=1e-5)
    nn.set_random_seed(5)
    assert fitted(network(), True) == found[1]
    assert fitted(network(seed=7), True) != found[1]


def test_where_it_stands_is_no_weight():
    model = network()
    model.compile("sgd", "mse")
    assert [w.shape for w in model.get_weights()] == [(3, 8), (8,), (8, 1), (1,)]
    assert set(model.state_dict()) >= {"layers.1.random_key", "layers.1.random_counter"}
    model(X, training=True)
    model.set_weights([w * 0 for w in model.get_weights()])
    assert model.layers[1].random_counter.item() == 1
    assert not model.layers[0].kernel.numpy().any()
    lines = []
    model.summary(print_fn=lines.append)
    assert "Total parameters: 41 " in "\n".join(lines)
    with pytest.raises(nn.ArgumentError, match="Sequential has 4 arrays"):
        model.set_weights([])


def test_the_best_weights_come_back_and_the_draws_go_on():
    model = network()
    model.compile(nn.SGD(0.05), "mse")
    stop = nn.EarlyStopping(
        "loss", mode="max", patience=1, restore_best_weights=True
    )  # the first is the best
    model.fit(X, Y, epochs=9, batch_size=8, verbose=0, callbacks=[stop])
    assert stop.stopped_epoch
    assert model.layers[1].random_counter.item() == 3 * (stop.stopped_epoch + 1)


def test_saved_in_the_middle_of_a_run_and_gone_on_with(tmp_path):
    pytest.importorskip("safetensors", reason="the extra gradloom[save] is not installed")
    model = network()
    model.compile(nn.Adam(0.01), "mse")
    file = str(tmp_path / "run-{epoch}-{batch}")
    model.fit(X, Y, epochs=4, batch_size=8, verbose=0, callbacks=nn.ModelCheckpoint(file, save_freq=5))
    nn.set_random_seed(77)
    again = nn.load(tmp_path / "run-2-2")
    assert again.layers[1].random_counter.item() == 5
    again.fit(X, Y, epochs=4, initial_epoch=1, batch_size=8, verbose=0)
    weights = [w.tobytes() for w in again.get_weights()]
    assert weights == [w.tobytes() for w in model.get_weights()]
    assert again.layers[1].random_counter.item() == 12


def test_weights_in_a_file_of_their_own(tmp_path):
    pytest.importorskip("safetensors", reason="the extra gradloom[save] is not installed")
    model, other = network(), network(seed=9)
    model(X, training=True)
    model.save_weights(tmp_path / "weights")
    other.load_weights(tmp_path / "weights")
    assert other(X, training=True).numpy().tobytes() == model(X, training=True).numpy().tobytes()


def test_the_backward_pass_of_a_checkpoint_draws_the_same():
    layer, x = nn.Dropout(0.5, seed=3), ag.tensor(ROWS, requires_grad=True)
    ag.checkpoint(lambda t: layer(layer(t, training=True), training=True))(x).sum().backward()
    twin = nn.Dropout(0.5, seed=3)
    mask = twin(twin(ag.ones(ROWS.shape), training=True), training=True)
    assert x.grad.numpy().tobytes() == mask.numpy().tobytes()
    assert layer.random_counter.item() == 2


def test_a_loop_of_ones_own():
    model = network()

    @ag.jit(state=model)
    def step(x):
        return model(x, training=True).sum()

    twin = network()
    found, expected = (
        [f(X).item() for _ in range(3)] for f in (step, lambda x: twin(x, training=True).sum())
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert len(set(found)) == 3


def test_made_on_one_backend_and_used_on_another():
    others = [name for name in ("numpy", "numba") if name in backends.available()]
    made = nn.Dropout(0.5, seed=3)
    expected = made(ROWS, training=True).numpy().tobytes()
    for name in others:
        layer = nn.Dropout(0.5, seed=3)
        with backends.use(name):
            model = nn.Sequential([nn.Input((6, 4)), layer, nn.Flatten(), nn.Dense(1)])
            assert model.layers[0](ROWS, training=True).numpy().tobytes() == expected
            model.compile("sgd", "mse")
            model.fit(ROWS, np.zeros((40, 1)), verbose=0, batch_size=20)
        assert layer.random_counter.item() == 3


# what is drawn


@pytest.mark.parametrize(
    ("layer", "x", "shared"),
    [
        (nn.Dropout(0.5, (None, 1, None), seed=1), ROWS, 1),
        (nn.Dropout(0.5, (40, 6, 1), seed=1), ROWS, 2),
        (nn.SpatialDropout1D(0.5, seed=1), ROWS, 1),
        (nn.SpatialDropout2D(0.5, seed=1), IMAGES, (1, 2)),
        (nn.SpatialDropout2D(0.5, "channels_first", seed=1), IMAGES, (2, 3)),
        (nn.AlphaDropout(0.5, (None, 1, None), seed=1), ROWS, 1),
    ],
)
def test_neighbours_are_dropped_together(layer, x, shared):
    y = layer(np.ones_like(x), training=True).numpy()
    assert (y.min(axis=shared) == y.max(axis=shared)).all()
    one = y.min(axis=shared)
    assert len(np.unique(one)) == 2
    assert 0.3 < (one == one.max()).mean() < 0.7
    for axis in range(one.ndim):
        assert (one.min(axis=axis) != one.max(axis=axis)).any()


def test_dropout_keeps_the_mean():
    y = nn.Dropout(0.25, seed=1)(np.ones((200, 200), np.float32), training=True).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs(y.mean() - 1) < 0.02
    assert not nn.Dropout(1.0, seed=1)(ROWS, training=True).numpy().any()


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.default_rng(0).standard_normal((300, 300))
    y = nn.AlphaDropout(0.3, seed=1)(x, training=True).numpy()
    assert abs(y.mean()) < 0.01
    assert abs(y.var() - 1) < 0.02
    low, kept = -1.7580993408473766, 0.3
    scale = ((1 - kept) * (1 + kept * low**2)) ** -0.5
    dropped = np.isclose(y, scale * low * (1 - kept))
    assert abs(dropped.mean() - 0.3) < 0.01
    np.testing.assert_allclose(y[~dropped], scale * x[~dropped] - scale * low * kept, rtol=1e-12)


def test_gaussian_dropout_has_the_deviation_of_dropout():
    y = nn.GaussianDropout(0.2, seed=1)(np.full((300, 300), 2.0), training=True).numpy()
    assert abs(y.mean() - 2) < 0.01
    assert abs(y.std() - 2 * np.sqrt(0.2 / 0.8)) < 0.01


@pytest.mark.parametrize("kind", [nn.AlphaDropout, nn.GaussianDropout, nn.Dropout, nn.SpatialDropout1D])
def test_a_rate_of_0_draws_nothing(kind):
    layer = kind(0.0, seed=1)
    assert layer(ROWS, training=True).tolist() == ROWS.tolist()
    assert layer.random_counter.item() == 0


@pytest.mark.parametrize("layer", [nn.RandomFlip, lambda **o: nn.RandomShift(0.5, 0.5, "wrap", **o)])
def test_augmentation_with_channels_in_front(layer):
    last = layer(seed=1)(IMAGES, training=True).numpy()
    first = layer(seed=1, data_format="channels_first")(IMAGES.transpose(0, 3, 1, 2), training=True).numpy()
    assert first.transpose(0, 2, 3, 1).tolist() == last.tolist()


def test_gradients_pass_where_the_mask_does():
    for make in (nn.AlphaDropout, nn.GaussianDropout, nn.SpatialDropout1D):
        layer, x = make(0.5, seed=1), ag.tensor(ROWS.astype(np.float64), requires_grad=True)
        y = layer(x, training=True)
        y.sum().backward()
        shifted = make(0.5, seed=1)(ag.tensor(ROWS.astype(np.float64) + 1.0), training=True)
        np.testing.assert_allclose(x.grad.numpy(), (shifted - y).detach().numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("noise_shape", [(3, 1), (1, 7)])
def test_a_mask_that_does_not_fit(noise_shape):
    with pytest.raises(ag.ShapeError):
        ag.dropout(ag.ones((2, 3)), 0.5, noise_shape=noise_shape)
