"""Weights of PyTorch: to it and from it, predictions equal to rounding; what does not fit says so and changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import nn

RNG = np.random.default_rng(3)


def drawn(shape: tuple[int, ...]) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def small() -> nn.Sequential:
    return nn.Sequential(
        [nn.Input((3,)), nn.Dense(4, "relu"), nn.BatchNormalization(epsilon=1e-5), nn.Dense(2)]
    )


def arrays_of(model: Any) -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in model.state_dict().items()}


def unchanged(model: Any, before: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(array, before[name]) for name, array in model.state_dict().items())


def test_every_layout_by_hand() -> None:
    """A kernel's unit j and input i stand at [i, j] here and at [j, i] there, and so on for each layer."""
    model = nn.Sequential(
        [
            nn.Input((8, 8, 2)),
            nn.Conv2D(3, (2, 4)),
            nn.Conv2DTranspose(5, (2, 3)),
            nn.DepthwiseConv2D((3, 2), depth_multiplier=2),
        ]
    )
    state = nn.to_torch(model)
    kernel = model.layers[0].kernel.numpy()
    assert state["conv2d.weight"].shape == (3, 2, 2, 4)
    assert state["conv2d.weight"][2, 1, 0, 3] == kernel[0, 3, 1, 2]
    kernel = model.layers[1].kernel.numpy()
    assert state["conv2d_transpose.weight"].shape == (3, 5, 2, 3)
    assert state["conv2d_transpose.weight"][2, 4, 0, 1] == kernel[0, 1, 4, 2]
    kernel = model.layers[2].kernel.numpy()
    assert state["depthwise_conv2d.weight"].shape == (10, 1, 3, 2)
    assert state["depthwise_conv2d.weight"][7, 0, 2, 1] == kernel[2, 1, 3, 1]
    assert all(array.flags.c_contiguous for array in state.values())


def test_there_and_back_in_a_dict_and_in_a_file(tmp_path) -> None:
    first, second = small(), small()
    for weight in first.weights:
        weight.assign(drawn(weight.shape) ** 2)
    names = {"dense": "net.0", "batch_normalization": "net.10", "dense_1": "net.2"}
    state = nn.to_torch(first, names)
    assert state["net.10.num_batches_tracked"].shape == ()
    nn.from_torch(second, state)
    assert unchanged(second, arrays_of(first))
    save_file(state, tmp_path / "named.safetensors")
    third = small()
    nn.from_torch(third, tmp_path / "named.safetensors", names)
    assert unchanged(third, arrays_of(first))
    # in a file the order is that of the numbers, and 10 comes behind 2
    save_file(
        nn.to_torch(first, {"dense": "2", "batch_normalization": "3", "dense_1": "10"}),
        tmp_path / "counted.safetensors",
    )
    fourth = small()
    nn.from_torch(fourth, str(tmp_path / "counted.safetensors"))
    assert unchanged(fourth, arrays_of(first))


def test_what_does_not_fit_is_listed_and_nothing_changes(tmp_path) -> None:
    model = small()
    before = arrays_of(model)
    good = nn.to_torch(model)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({k: v for k, v in good.items() if k not in ("dense.bias", "dense_1.bias")}, "missing: dense.bias, dense_1.bias"),
        ({**good, "dense.scale": good["dense.bias"]}, "unexpected: dense.scale"),
        ({**good, "dense.weight": good["dense.weight"].T}, r"dense.weight has shape \(3, 4\), expected \(4, 3\)"),
        ({**good, "dense.bias": good["dense.bias"].astype(int)}, "dense.bias has dtype int64, expected float32"),
        ({**good, "head.weight": good["dense.bias"]}, r"weights of 4 modules \(dense, batch_normalization, dense_1, head\), the model has 3"),
        ({k: v for k, v in good.items() if not k.startswith("batch")}, "weights of 2 modules"),
        ({**good, "head.num_batches_tracked": good["dense.bias"]}, "weights of 4 modules"),
    ]  # fmt: skip
    for number, (state, text) in enumerate(wrong):
        with pytest.raises(nn.ArgumentError, match=text):
            nn.from_torch(model, state)
        path = tmp_path / f"{number}.safetensors"
        save_file({name: np.ascontiguousarray(array) for name, array in state.items()}, path)
        names = {"dense": "dense", "batch_normalization": "batch_normalization", "dense_1": "dense_1"}
        with pytest.raises(nn.FileError, match=f"{number}.safetensors: .*(missing|unexpected|has)"):
            nn.from_torch(model, path, names)
    assert unchanged(model, before)


def test_a_file_without_an_order_is_refused(tmp_path) -> None:
    model = small()
    save_file(
        nn.to_torch(model, {"dense": "fc1", "batch_normalization": "bn", "dense_1": "fc2"}),
        tmp_path / "m.safetensors",
    )
    with pytest.raises(nn.FileError, match=r"a file has no order.*: bn, fc1, fc2; say with names="):
        nn.from_torch(model, tmp_path / "m.safetensors")
    model.save_weights(tmp_path / "own.safetensors")
    with pytest.raises(nn.FileError, match="written by this library"):
        nn.from_torch(model, tmp_path / "own.safetensors")


def test_wrong_arguments_say_what_is_right() -> None:
    model = small()
    for text, call in (
        ("no layer with weights is called 'dens'. .*dense", lambda: nn.to_torch(model, {"dens": "0"})),
        ("names has nothing for batch_normalization, dense_1", lambda: nn.to_torch(model, {"dense": "0"})),
        ("not built", lambda: nn.to_torch(nn.Sequential([nn.Dense(2)]))),
        ("a model is expected, got dict", lambda: nn.to_torch({})),
        ("PReLU, whose weights have no layout of PyTorch", lambda: nn.to_torch(nn.Sequential([nn.Input((2,)), nn.PReLU()]))),
        ("flattened: no layer with weights is called 'x'", lambda: nn.to_torch(model, flattened={"x": (2, 2, 1)})),
        (r"dense has 3 inputs, and flattened says \(2, 2, 1\)", lambda: nn.to_torch(model, flattened={"dense": (2, 2, 1)})),
        ("say flattened=", lambda: nn.to_torch(nn.Sequential([nn.Input((4, 4, 1)), nn.Conv2D(2, 3), nn.Permute((3, 1, 2)), nn.Flatten(), nn.Dense(2)]))),
    ):  # fmt: skip
        with pytest.raises(nn.ArgumentError, match=text):
            call()


def both(ours: Any, theirs: Any, x: np.ndarray, images: bool = False) -> None:
    """The two compute the same: with weights from there, and, drawn anew, with weights from here."""
    import torch

    theirs.eval()
    there = np.moveaxis(x, -1, 1) if images else x

    def same() -> None:
        with torch.no_grad():
            expected = theirs(torch.tensor(there)).numpy()
        found = ours.predict(x, verbose=0)
        if images and expected.ndim == x.ndim:
            found = np.moveaxis(found, -1, 1)
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)

    with torch.no_grad():
        for name, tensor in theirs.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(
                    torch.rand_like(tensor) + 0.1 if name.endswith("var") else torch.randn_like(tensor) / 2
                )
    nn.from_torch(ours, theirs.state_dict())
    same()
    for weight in ours.weights:
        values = drawn(weight.shape) / 2
        weight.assign(np.abs(values) + 0.1 if "variance" in weight.path else values)
    modules = list(dict.fromkeys(name.rpartition(".")[0] for name in theirs.state_dict()))
    ours_named = list(dict.fromkeys(name.rpartition(".")[0] for name in nn.to_torch(ours)))
    state = nn.to_torch(ours, dict(zip(ours_named, modules, strict=True)))
    theirs.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    same()


@pytest.mark.oracle
def test_dense_networks_predict_the_same() -> None:
    torch = pytest.importorskip("torch")
    t = torch.nn
    theirs = t.Sequential(
        t.Linear(5, 7), t.ReLU(), t.BatchNorm1d(7), t.LayerNorm(7), t.Linear(7, 3, bias=False)
    )
    ours = nn.Sequential([
        nn.Input((5,)), nn.Dense(7, "relu"), nn.BatchNormalization(epsilon=1e-5),
        nn.LayerNormalization(epsilon=1e-5), nn.Dense(3, use_bias=False),
    ])  # fmt: skip
    both(ours, theirs, drawn((4, 5)))


@pytest.mark.oracle
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_networks_of_images_predict_the_same(data_format: str) -> None:
    """Convolutions, normalisation, pooling, and what comes behind a Flatten, whose inputs are in another order."""
    torch = pytest.importorskip("torch")
    t = torch.nn
    theirs = t.Sequential(
        t.Conv2d(2, 4, 3, groups=2), t.BatchNorm2d(4), t.ReLU(), t.MaxPool2d(2), t.GroupNorm(2, 4),
        t.Conv2d(4, 8, 2, groups=4), t.Flatten(), t.BatchNorm1d(72), t.Linear(72, 72), t.Linear(72, 2),
    )  # fmt: skip
    first = data_format == "channels_first"
    axis = 1 if first else -1
    where = dict(data_format=data_format)
    ours = nn.Sequential([
        nn.Input((2, 10, 10) if first else (10, 10, 2)), nn.Conv2D(4, 3, groups=2, **where),
        nn.BatchNormalization(axis=axis, epsilon=1e-5), nn.ReLU(), nn.MaxPooling2D(2, **where),
        nn.GroupNormalization(2, axis=axis, epsilon=1e-5), nn.DepthwiseConv2D(2, depth_multiplier=2, **where),
        nn.Flatten(**where), nn.BatchNormalization(epsilon=1e-5), nn.Dense(72), nn.Dense(2),
    ])  # fmt: skip
    both(ours, theirs, drawn((3, 2, 10, 10) if first else (3, 10, 10, 2)), images=not first)


@pytest.mark.oracle
def test_sequences_transposed_convolutions_and_embeddings_predict_the_same() -> None:
    torch = pytest.importorskip("torch")
    t = torch.nn
    both(
        nn.Sequential([nn.Input((9, 2)), nn.Conv1D(3, 4, strides=2), nn.Conv1DTranspose(2, 3, strides=2)]),
        t.Sequential(t.Conv1d(2, 3, 4, stride=2), t.ConvTranspose1d(3, 2, 3, stride=2)),
        drawn((2, 9, 2)), images=True,
    )  # fmt: skip
    both(
        nn.Sequential([nn.Input((4, 5, 2)), nn.Conv2DTranspose(3, (3, 2), strides=(2, 1))]),
        t.Sequential(t.ConvTranspose2d(2, 3, (3, 2), stride=(2, 1))),
        drawn((2, 4, 5, 2)), images=True,
    )  # fmt: skip
    embedded = t.Sequential(t.Embedding(11, 4), t.Flatten(), t.Linear(24, 2))
    ours = nn.Sequential([nn.Input((6,)), nn.Embedding(11, 4), nn.Flatten(), nn.Dense(2)])
    nn.from_torch(ours, embedded.state_dict())
    numbers = RNG.integers(0, 11, (3, 6))
    with torch.no_grad():
        expected = embedded(torch.tensor(numbers)).numpy()
    np.testing.assert_allclose(ours.predict(numbers, verbose=0), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.oracle
def test_a_graph_says_what_it_flattens(tmp_path) -> None:
    """Names chosen by hand, models in models, and a file that PyTorch's own package wrote."""
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    t = torch.nn

    class Theirs(t.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = t.Sequential(t.Conv2d(1, 2, 3), t.ReLU())
            self.head = t.Linear(32, 3)

        def forward(self, x: Any) -> Any:
            return self.head(self.body(x).flatten(1))

    theirs = Theirs()
    safetensors.save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    source = nn.Input((6, 6, 1))
    seen = nn.Sequential([nn.Input((6, 6, 1)), nn.Conv2D(2, 3, activation="relu")], name="body")(source)
    wide = nn.Flatten()(seen)
    ours = nn.Model(source, nn.Dense(3, name="head")(wide) + nn.Dense(3, name="other")(wide) * 0.0)
    with pytest.raises(nn.FileError, match="say flattened="):
        nn.from_torch(
            ours, tmp_path / "theirs.safetensors", {"body/conv2d": "body.0", "head": "head", "other": "head"}
        )
    ours = nn.Model(source, nn.Dense(3, name="head")(wide))
    names = {"body/conv2d": "body.0", "head": "head"}
    nn.from_torch(ours, tmp_path / "theirs.safetensors", names, flattened={"head": (4, 4, 2)})
    x = drawn((2, 6, 6, 1))
    with torch.no_grad():
        expected = theirs(torch.tensor(np.moveaxis(x, -1, 1))).numpy()
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)
    nn.from_torch(ours, tmp_path / "theirs.safetensors", names)
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)
