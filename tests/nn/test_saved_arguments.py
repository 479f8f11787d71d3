"""Arguments of layers of one's own in files and JSON: what comes back, and what is refused."""

from __future__ import annotations

import datetime
import enum
import io
import math
import pathlib

import numpy as np
import pytest

import autograd as ag
import nn


class Scale(nn.Layer):
    def __init__(self, factor, name=None):
        super().__init__(name)
        self.factor = factor

    def call(self, x):
        return x


class Part:
    def __init__(self, value):
        self.value = value


class Nothing:
    pass


class Places(enum.Enum):
    FIRST = 1


KNOWN = {kind.__name__: kind for kind in (Scale, Part, Nothing)}


def of_a_file(model):
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    return nn.load(file, KNOWN)


def of_json(model):
    return nn.models.model_from_json(model.to_json(), KNOWN)


WAYS = {"file": of_a_file, "JSON": of_json}


def model_of(argument):
    return nn.Sequential([nn.Input((4,)), Scale(argument, name="scale")])


COMES_BACK = [
    *((np.dtype(code).type(2), 2) for code in "bBhHiIlLqQ"),
    *((np.dtype(code).type(0.5), 0.5) for code in "efd"),
    (np.bool_(True), True),
    (np.bool_(False), False),
    (np.str_("a"), "a"),
    ([np.float32(0.5), {"a": np.int64(3)}], [0.5, {"a": 3}]),
    ((1, (2,)), [1, [2]]),
    ({"a": [None, True, "b"]}, {"a": [None, True, "b"]}),
    (math.inf, math.inf),
]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("given", "expected"), COMES_BACK, ids=lambda value: type(value).__name__)
def test_what_comes_back(given, expected, way):
    found = way(model_of(given)).layers[0].factor
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_objects_come_back(way):
    assert way(model_of(Part(np.float32(0.5)))).layers[0].factor.value == 0.5
    assert type(way(model_of([Nothing()])).layers[0].factor[0]) is Nothing


REFUSED = [
    *(
        np.ones(2),
        np.array(2.0),
        np.complex64(1j),
        np.longdouble(0.5),
        np.datetime64("2020-01-01"),
        np.bytes_(b"a"),
    ),
    *(np.dtype("float32"), ag.tensor([1.0]), ag.tensor(1.0)),
    *({1}, frozenset(), b"a", bytearray(b"a"), 1j, range(3), slice(1, 2), object()),
    *({1: 2}, {None: 2}, {(1, 2): 3}),
    *(Places.FIRST, pathlib.Path("a"), datetime.date(2020, 1, 1)),
]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("given", REFUSED, ids=lambda value: type(value).__name__)
def test_what_is_refused_by_name(given, way):
    for argument, where in (
        (given, "Scale 'scale'.factor is"),
        ([given], "Scale 'scale'.factor.0 is"),
        ({"a": given}, "Scale 'scale'.factor.a is"),
        (Part(given), "Part.value is"),
    ):
        with pytest.raises(nn.ArgumentError, match=where):
            way(model_of(argument))


@pytest.mark.parametrize("given", [Part, int, np.float32])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_classes_are_refused(given, way):
    with pytest.raises(nn.ArgumentError):
        way(model_of(given))


@pytest.mark.parametrize("given", [{"function": "relu"}, {"class": "Dense", "config": {}}])
def test_dicts_that_a_file_would_take_for_objects(given):
    with pytest.raises(nn.ArgumentError, match=r"factor\.0 is a dict with the keys that mark objects"):
        of_a_file(model_of([given]))


def test_nothing_is_written(tmp_path):
    path = tmp_path / "model"
    with pytest.raises(nn.ArgumentError):
        model_of({1: 2}).save(path)
    assert not list(tmp_path.iterdir())
