"""What a module holds is looked up once; every way to change it is noticed."""

import copy
import pickle

import numpy as np
import pytest

import autograd as ag
import nn


class Holder(nn.Model):
    """A model that holds layers in every way there is."""

    def __init__(self):
        super().__init__()
        self.one = nn.Dense(3)
        self.listed = [nn.Dense(3)]
        self.nested = ([nn.Dense(3)],)
        self.table = {"a": nn.Dense(3)}
        self.free = nn.Parameter(np.ones(3, np.float32))
        self.spare = None

    def layers_now(self):
        single = [layer for layer in (getattr(self, "one", None), self.spare) if layer is not None]
        return [*single, *self.listed, *self.nested[0], *self.table.values()]

    def call(self, x):
        for layer in self.layers_now():
            x = layer(x)
        return x * self.free if hasattr(self, "free") else x


def built(units=3):
    layer = nn.Dense(units)
    layer(np.ones((1, 3), np.float32))
    return layer


WAYS = {
    "set": lambda m, spare: setattr(m, "one", spare),
    "set what was None": lambda m, spare: setattr(m, "spare", spare),
    "set to None": lambda m, spare: setattr(m, "one", None),
    "delete": lambda m, spare: delattr(m, "one"),
    "delete a parameter": lambda m, spare: delattr(m, "free"),
    "set a parameter": lambda m, spare: setattr(m, "free", nn.Parameter(np.full(3, 2.0, np.float32))),
    "set a parameter below": lambda m, spare: setattr(m.one, "kernel", nn.Parameter(np.ones((3, 3), np.float32))),
    "append": lambda m, spare: m.listed.append(spare),
    "pop": lambda m, spare: m.listed.pop(),
    "put in the place of another": lambda m, spare: m.listed.__setitem__(0, spare),
    "clear": lambda m, spare: m.listed.clear(),
    "append in a tuple": lambda m, spare: m.nested[0].append(spare),
    "add to a dict": lambda m, spare: m.table.update(b=spare),
    "rename in a dict": lambda m, spare: m.table.update(b=m.table.pop("a")),
    "replace in a dict": lambda m, spare: m.table.update(a=spare),
    "empty a dict": lambda m, spare: m.table.clear(),
    "set a list": lambda m, spare: setattr(m, "listed", [spare, built()]),
    "freeze": lambda m, spare: setattr(m.one, "trainable", False),
}  # fmt: skip


def walked(module, path=""):
    """The tensors below, by a walk of this file's own."""
    found = {}

    def walk(path, value):
        if isinstance(value, (nn.Parameter, nn.Buffer)):
            found.setdefault(id(value), (path, value))
        elif isinstance(value, nn.Module):
            for name, inner in vars(value).items():
                if name not in value.not_settings:
                    walk(f"{path}.{name}", inner)
        elif isinstance(value, (list, tuple, dict)):
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                walk(f"{path}.{key}", inner)

    walk("", module)
    return {path[1:]: tensor for path, tensor in found.values()}


def held(model):
    return [(name, id(tensor)) for name, tensor in model.named_tensors()]


@pytest.fixture
def model():
    made = Holder()
    made.compile("sgd", "mse")
    made.predict(np.ones((2, 3), np.float32))
    return made


@pytest.mark.eager
@pytest.mark.parametrize("way", WAYS)
def test_every_change_is_noticed(way, model):
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    jitted = ag.jit(lambda x: model(x), state=model)
    for rows in (1, 32, 40):
        model.predict(x[:rows], batch_size=64), jitted(x[:rows])
    model.fit(x, x, verbose=0)
    # made before: nothing but what is tried may be noticed
    spare = built()
    before = held(model), model.jit_key()
    WAYS[way](model, spare)
    tensors = dict(model.named_tensors())
    expected = walked(model)
    assert {name: id(t) for name, t in tensors.items()} == {name: id(t) for name, t in expected.items()}  # fmt: skip
    trained = {name for name, t in expected.items() if isinstance(t, nn.Parameter) and t.requires_grad}  # fmt: skip
    assert {name for name, _ in model.named_parameters()} == trained
    assert {id(module) for _, module in model.named_modules()} >= set(map(id, model.layers_now()))
    assert (held(model), model.jit_key()) != before
    for rows in (1, 32, 40):
        eager = np.asarray(model(x[:rows]))
        np.testing.assert_allclose(model.predict(x[:rows], batch_size=64), eager, 1e-4, 1e-5)
        np.testing.assert_allclose(np.asarray(jitted(x[:rows])), eager, 1e-4, 1e-5)
    old = {name: t.numpy() for name, t in tensors.items()}
    model.compile("sgd", "mse")
    model.fit(x, x, verbose=0)
    moved = {name for name, t in model.named_tensors() if not np.array_equal(t.numpy(), old[name])}
    assert moved == trained


@pytest.mark.eager
@pytest.mark.parametrize("rows", [1, 32, 40])
@pytest.mark.parametrize("way", ["append", "pop", "replace", "clear"])
def test_the_short_way_of_a_prediction_ends_with_a_change_of_the_layers(way, rows):
    model, spare = nn.Sequential([built() for _ in range(3)]), built()
    x = np.random.default_rng(0).normal(size=(rows, 3)).astype(np.float32)
    for _ in range(3):
        model.predict(x, batch_size=64)
    before = model.layers[:]
    ways = {"append": [*before, spare], "pop": before[:-1], "replace": [spare, *before[1:]], "clear": []}  # fmt: skip
    model.layers[:] = ways[way]
    expected = x
    for layer in model.layers:
        expected = np.asarray(layer(expected))
    np.testing.assert_allclose(model.predict(x, batch_size=64), expected, 1e-4, 1e-5)


def test_modes_are_set_where_they_differ(model):
    model.train()
    model.listed.append(built())
    model.listed[0].eval()
    model.train()
    assert all(module.training for _, module in model.named_modules())


def test_copies_and_pickles_hold_nothing_looked_up(model):
    size = len(pickle.dumps(model))
    list(model.named_tensors())
    model.jit_key()
    assert len(pickle.dumps(model)) == size
    other = copy.deepcopy(model)
    assert {id(t) for _, t in other.named_tensors()}.isdisjoint({id(t) for _, t in model.named_tensors()})
    assert [n for n, _ in other.named_tensors()] == [n for n, _ in model.named_tensors()]


def test_a_setting_that_is_none_makes_no_new_walk(model):
    tree = model.tree()
    model.stop_training = True
    model.train()
    assert model.tree() is tree
    model.spare = None
    assert model.tree() is tree
