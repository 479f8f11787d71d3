"""Images in one row: turned as PyTorch has them, or refused with what to pass, but never taken as they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn

RNG = np.random.default_rng(5)


def same(ours: Any, theirs: Any, x: np.ndarray, images: bool = True, **orders: Any) -> None:
    """The two compute the same with weights from there, and PyTorch's come back as they were."""
    import torch

    theirs.eval()
    with torch.no_grad():
        for tensor in theirs.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) + 0.2)
        expected = theirs(torch.tensor(np.moveaxis(x, -1, 1) if images else x)).numpy()
    state = theirs.state_dict()
    nn.from_torch(ours, state, **orders)
    found = ours.predict(x, verbose=0)
    if found.ndim > 2:
        found = np.moveaxis(found, -1, 1)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)
    ours_named = dict.fromkeys(
        name.rpartition(".")[0].replace(".", "/") for name in nn.to_torch(ours, **orders)
    )
    modules = dict.fromkeys(name.rpartition(".")[0] for name in state)
    back = nn.to_torch(ours, dict(zip(ours_named, modules, strict=True)), **orders)
    for name, array in back.items():
        if not name.endswith("tracked"):
            np.testing.assert_array_equal(array, state[name].numpy())


def drawn(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def row(*layers: Any) -> nn.Sequential:
    return nn.Sequential([*layers])


def graph(shape: tuple[int, ...], function: Callable[[Any], Any]) -> Any:
    source = nn.Input(shape)
    return nn.Model(source, function(source))


class Reshaping(nn.Model):
    """A model whose `call` says nothing to anybody."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.dense = nn.Conv2D(3, 1), nn.Dense(2)

    def call(self, x: Any) -> Any:
        x = self.conv(x)
        return self.dense(x.reshape(x.shape[0], 27))


def named(model: Any, x: np.ndarray) -> Any:
    model(x)
    return model


@pytest.mark.oracle
def test_what_is_known_is_turned() -> None:
    """Each as PyTorch computes it, with sizes that are equal, so that no shape tells the order."""
    torch = pytest.importorskip("torch")
    t, eps = torch.nn, {"epsilon": 1e-5}
    x = drawn(2, 3, 3, 3)
    flat = (t.Flatten(), t.Linear(27, 2))
    image = nn.Input((3, 3, 3))
    same(
        row(image, nn.BatchNormalization(**eps), nn.Flatten(), nn.Dense(2)),
        t.Sequential(t.BatchNorm2d(3), *flat),
        x,
    )
    same(
        row(image, nn.GroupNormalization(3, **eps), nn.Flatten(), nn.Dense(2)),
        t.Sequential(t.GroupNorm(3, 3), *flat),
        x,
    )
    same(
        row(image, nn.Conv2D(3, 1), nn.Reshape((27,)), nn.Dense(2)), t.Sequential(t.Conv2d(3, 3, 1), *flat), x
    )
    same(row(image, nn.Flatten(), nn.Dense(2)), t.Sequential(*flat), x, flattened={"dense": (3, 3, 3)})
    every = nn.LayerNormalization(axis=(1, 2, 3), **eps)
    same(
        row(image, nn.Conv2D(3, 1), every, nn.Flatten(), nn.Dense(2)),
        t.Sequential(t.Conv2d(3, 3, 1), t.LayerNorm([3, 3, 3]), *flat),
        x,
    )
    alone = row(image, nn.LayerNormalization(axis=(1, 2, 3), **eps))
    same(alone, t.Sequential(t.LayerNorm([3, 3, 3])), x, flattened={"layer_normalization": (3, 3, 3)})
    opaque = named(Reshaping(), x)
    same(opaque, t.Sequential(t.Conv2d(3, 3, 1), *flat), x, flattened={opaque.dense.name: (3, 3, 3)})
    # what has no channels, or one, has one order
    same(
        row(nn.Input((3, 3)), nn.Flatten(), nn.Dense(2)),
        t.Sequential(t.Flatten(), t.Linear(9, 2)),
        drawn(2, 3, 3),
        images=False,
    )
    same(
        row(nn.Input((3, 3, 1)), nn.Flatten(), nn.Dense(2)),
        t.Sequential(t.Flatten(), t.Linear(9, 2)),
        drawn(2, 3, 3, 1),
    )
    mapped = row(image, nn.Lambda(lambda v: v * 2.0), nn.Conv2D(3, 1), nn.Flatten(), nn.Dense(2))
    nn.to_torch(mapped)
    pooled = row(image, nn.Conv2D(3, 1), nn.GlobalAveragePooling2D(), nn.Dense(2))
    assert nn.to_torch(pooled)["dense.weight"].tolist() == pooled.layers[-1].kernel.numpy().T.tolist()


@pytest.mark.oracle
def test_units_that_become_images_are_turned() -> None:
    """Kernel, bias and what normalises the units between, and the inputs, which were images, too."""
    torch = pytest.importorskip("torch")
    t = torch.nn
    theirs = t.Sequential(
        t.Linear(5, 27), t.BatchNorm1d(27), t.ReLU(), t.Unflatten(1, (3, 3, 3)), t.Conv2d(3, 2, 2)
    )
    layers = [
        nn.Input((5,)),
        nn.Dense(27),
        nn.BatchNormalization(epsilon=1e-5),
        nn.ReLU(),
        nn.Reshape((3, 3, 3)),
    ]
    x = drawn(2, 5)
    same(row(*layers, nn.Conv2D(2, 2)), theirs, x, images=False)
    bodies = [lambda v: nn.Conv2D(2, 2)(nn.Reshape((3, 3, 3))(nn.ReLU()(nn.BatchNormalization(epsilon=1e-5)(nn.Dense(27)(v))))) * 1.0,
              lambda v: nn.Conv2D(2, 2)(ag.relu(nn.BatchNormalization(epsilon=1e-5)(nn.Dense(27)(v))).reshape(-1, 3, 3, 3))]  # fmt: skip
    for body in bodies:
        model = graph((5,), body)
        sizes = {name.replace("/", "."): (3, 3, 3) for name in ("dense", "batch_normalization")}
        with pytest.raises(nn.ArgumentError, match="say reshaped="):
            nn.from_torch(model, theirs.state_dict(), flattened={})
        same(model, theirs, x, images=False, flattened={}, reshaped=sizes)
    around = t.Sequential(
        t.Conv2d(2, 2, 1), t.Flatten(), t.Linear(8, 8), t.Unflatten(1, (2, 2, 2)), t.ConvTranspose2d(2, 1, 2)
    )
    ours = row(
        nn.Input((2, 2, 2)),
        nn.Conv2D(2, 1),
        nn.Flatten(),
        nn.Dense(8),
        nn.Reshape((2, 2, 2)),
        nn.Conv2DTranspose(1, 2),
    )
    same(ours, around, drawn(2, 2, 2, 2))


def test_what_is_not_known_is_refused_with_what_to_pass() -> None:
    x = drawn(2, 3, 3, 3)
    image = nn.Input((3, 3, 3))
    models = [
        row(image, nn.Flatten(), nn.Dense(2)),
        row(image, nn.Reshape((27,)), nn.Dense(2)),
        graph((3, 3, 3), lambda v: nn.Dense(2)(nn.Conv2D(3, 1)(v).reshape(-1, 27))),
        graph((3, 3, 3), lambda v: nn.Dense(2)(nn.Lambda(lambda y: y.reshape(y.shape[0], 27))(nn.Conv2D(3, 1)(v)))),
        row(image, nn.Conv2D(3, 1), nn.Lambda(lambda y: y.reshape(y.shape[0], 27)), nn.Dense(2)),
        row(image, nn.Conv2D(3, 1), nn.Lambda(lambda y: y.transpose(0, 3, 1, 2)), nn.Flatten(), nn.Dense(2)),
        row(image, nn.Conv2D(3, 1), nn.Reshape((3, 9)), nn.Dense(2)),
        row(image, nn.Conv2D(3, 1), nn.Dense(3), nn.Flatten(), nn.Dense(2)),
        row(image, nn.LayerNormalization(axis=(1, 2, 3))),
        row(nn.Input((5,)), nn.Dense(27), nn.Lambda(lambda y: y.reshape(y.shape[0], 3, 3, 3)), nn.Conv2D(3, 1)),
        row(nn.Input((5,)), nn.Dense(27), nn.Reshape((3, 3, 3))),
        row(nn.Input((5,)), nn.Dense(9), nn.Reshape((3, 3)), nn.Dense(3), nn.Conv1D(2, 2)),
        graph((5,), lambda v: nn.Dense(27)(v).reshape(-1, 3, 3, 3)),
        named(Reshaping(), x),
    ]  # fmt: skip
    for model in models:
        with pytest.raises(nn.ArgumentError, match=r"cannot be told here.*say flattened="):
            nn.to_torch(model)
        nn.to_torch(model, flattened={}, reshaped={})
    for model in models[-4:-1]:
        with pytest.raises(nn.ArgumentError, match="say reshaped="):
            nn.to_torch(model, flattened={})
    # without images each order is that of PyTorch
    nn.to_torch(row(nn.Input((5,)), nn.Dense(9), nn.Reshape((3, 3)), nn.Dense(3), nn.Flatten(), nn.Dense(2)))
    grouped = row(image, nn.Conv2D(3, 1), nn.Flatten(), nn.GroupNormalization(3), nn.Dense(2))
    with pytest.raises(nn.ArgumentError, match="groups of neighbours in a row"):
        nn.to_torch(grouped)
    residual = graph((3, 3, 3), lambda v: nn.Dense(2)(nn.GlobalAveragePooling2D()(nn.Conv2D(3, 1)(v) + v)))
    nn.to_torch(residual)


def test_sizes_are_whole_numbers_and_those_of_the_layer() -> None:
    model = row(nn.Input((4,)), nn.Dense(8))
    for text, given in (
        ("flattened is a dict .*whole numbers >= 1; dense has", {"flattened": {"dense": (2.0, 2.0)}}),
        ("reshaped is a dict .*; dense has", {"reshaped": {"dense": 8}}),
        ("flattened is a dict .*, got", {"flattened": [("dense", (2, 2))]}),
        (r"dense has 8 units, and reshaped says \(2, 2\)", {"reshaped": {"dense": (2, 2)}}),
        (r"dense has 4 inputs, and flattened says \(3, 2\)", {"flattened": {"dense": (3, 2)}}),
    ):
        with pytest.raises(nn.ArgumentError, match=text):
            nn.to_torch(model, **given)


def test_two_layers_never_share_a_module() -> None:
    inner = nn.Sequential([nn.Input((3,)), nn.Dense(3, name="x")], name="p")
    model = row(nn.Input((3,)), inner, nn.Dense(3, name="p.x"))
    with pytest.raises(nn.ArgumentError, match=re.escape("the layers p/x and p.x have one module, 'p.x'")):
        nn.to_torch(model)
    assert len(nn.to_torch(model, {"p/x": "a", "p.x": "b"})) == 4
    state = {"a.weight": drawn(3, 3), "a.bias": drawn(3)}
    for call in (lambda n: nn.to_torch(model, n), lambda n: nn.from_torch(model, state, n)):
        with pytest.raises(nn.ArgumentError, match="have one module, 'a'; names= gives each its own"):
            call({"p/x": "a", "p.x": "a"})
        with pytest.raises(nn.ArgumentError, match=r"names are texts, of layers and of modules; p\.x has 1"):
            call({"p/x": "a", "p.x": 1})


@pytest.mark.oracle
def test_what_a_state_dict_may_hold() -> None:
    torch = pytest.importorskip("torch")
    model = row(nn.Input((3,)), nn.Dense(2))
    weight = torch.tensor([[1.5, -2.0, 0.25], [3.0, 0.0, -1.0]], dtype=torch.bfloat16)
    nn.from_torch(model, {"weight": weight, "bias": torch.zeros(2, dtype=torch.bfloat16)})
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), weight.float().numpy().T)
    good = {"0.weight": drawn(2, 3), "0.bias": drawn(2)}
    for text, state in (
        ("the names of a state dict are texts, got 0", {0: drawn(2, 3)}),
        (r"'state_dict' is a dict.*checkpoint\['state_dict'\]", {"epoch": 3, "state_dict": good}),
        ("0.bias is no array", {**good, "0.bias": None}),
        ("0.bias is no array", {**good, "0.bias": torch.zeros(2, device="meta")}),
        ("0.bias is no array", {**good, "0.bias": "text"}),
    ):
        with pytest.raises(nn.ArgumentError, match=text):
            nn.from_torch(model, state)
