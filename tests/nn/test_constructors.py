"""Constructors that are written from declared arguments: signatures, what is kept, what type checkers are told."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import ClassVar

import pytest

import nn
from nn.arguments import COUNT, FLAG, NOT_NEGATIVE, TEXT, Checked
from nn.constructors import OWN_NAME, argument, arguments_of, attribute, common, common_argument, constructor


@common
class Base(Checked):
    size: int = argument(COUNT, default=3, instead_of_none=lambda self: self.size_of_none)
    name: str | None = argument(TEXT, default=OWN_NAME)
    size_of_none: ClassVar[int] = 7


@constructor
class Plain(Base):
    rate: float = argument(NOT_NEGATIVE)
    flag: bool = False
    seen: int = attribute(5)

    def __post_init__(self):
        self.seen = self.seen + 1


@constructor
class LongerName(Plain):
    rate: float = 0.5
    depth: int = argument(COUNT, default=1)
    first: bool = argument(FLAG, default=True, after="rate")
    size: int = argument(default=9)
    last: int = common_argument(COUNT, default=2, kw_only=True)


def names(kind):
    return list(inspect.signature(kind).parameters)


def test_arguments_of_a_common_base_come_last():
    assert names(Base) == ["size", "name"]
    assert names(Plain) == ["rate", "flag", "size", "name"]
    plain = Plain(0.25, True, 4, "a")
    assert (plain.rate, plain.flag, plain.size, plain.name, plain.seen) == (0.25, True, 4, "a", 6)


def test_one_that_is_declared_again_has_the_checks_of_the_base():
    assert names(LongerName) == ["rate", "first", "flag", "size", "depth", "last", "name"]
    made = LongerName()
    assert (made.rate, made.size, made.last, made.name, made.seen) == (0.5, 9, 2, "longer_name", 6)
    assert LongerName(size=None).size == 7
    with pytest.raises(nn.ArgumentError, match="LongerName: rate is a number >= 0, got -1"):
        LongerName(-1)
    with pytest.raises(nn.ArgumentError, match="LongerName: rate is a number >= 0, got -1"):
        made.rate = -1
    assert made.rate == 0.5


def test_the_signature_is_a_real_one():
    parameters = inspect.signature(Plain).parameters
    assert parameters["name"].default == "plain"
    assert parameters["name"].annotation == "str | None"
    assert parameters["rate"].default is inspect.Parameter.empty
    assert Plain.__init__.__qualname__ == "Plain.__init__"
    assert Plain.__init__.__module__ == __name__
    for wrong, said in (
        (lambda: Plain(), r"Plain.__init__\(\) missing 1 required positional argument: 'rate'"),
        (
            lambda: Plain(1, speed=2),
            r"Plain.__init__\(\) got an unexpected keyword argument 'speed'",
        ),
        (
            lambda: Plain(1, 2, 3, "a", 5),
            r"Plain.__init__\(\) takes from 2 to 5 positional arguments",
        ),
    ):
        with pytest.raises(TypeError, match=said):
            wrong()


def test_attributes_are_no_arguments_and_arguments_no_attributes_of_the_class():
    assert Plain.seen == 5
    assert "seen" not in names(Plain)
    assert not hasattr(Plain, "rate")
    assert not hasattr(Plain, "flag")


def test_a_class_may_write_its_constructor_itself():
    @common
    class Own(Base):
        rate: float = 0.5

        def __init__(self, rate=0.25):
            self.rate = rate

    @constructor
    class Below(Own):
        pass

    assert names(Own) == ["rate"]
    assert Own.rate == 0.5
    assert Own().rate == 0.25
    assert names(Below) == ["rate", "size", "name"]
    assert Below().rate == 0.5


def test_what_was_made_is_copied_and_pickled():
    layer, optimizer = nn.Conv2D(2, 3, padding="same"), nn.AdamW(0.5, clipnorm=1)
    for made in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert made.get_config() == layer.get_config()
    assert copy.deepcopy(optimizer).learning_rate == 0.5


def test_layers_of_a_user_need_not_call_the_constructor():
    class Twice(nn.Layer):
        def __init__(self):
            pass

        def call(self, x):
            return x * 2.0

    layer = Twice()
    assert layer([1.0]).tolist() == [2.0]
    assert layer.name == "twice"
    assert layer.input_shape is None


@pytest.mark.parametrize("mode", [None, "yes", 2, 0.5])
def test_the_mode_of_a_module_is_a_flag(mode):
    layer = nn.Dropout(0.5)
    with pytest.raises(nn.ArgumentError, match="train: mode is True or False, got"):
        layer.train(mode)
    assert layer.training is False
    assert layer.train(1).training is True
    assert layer.train(False).training is False


def test_every_loss_function_is_of_its_class():
    functions = {name: f for name, f in vars(nn.losses).items() if hasattr(f, "short")}
    assert len(functions) == 20
    for name, function in functions.items():
        kind = function.loss
        assert function.__name__ == name
        assert kind.__name__ in function.__doc__
        own = [n for n in names(kind) if n not in ("reduction", "name")]
        assert names(function) == ["y_true", "y_pred", *own]
        for known in (name, function, kind.__name__, kind, *function.short):
            assert type(nn.losses.get(known)) is kind


def declared_classes():
    places = (nn, nn.callbacks, nn.initializers, nn.metrics, nn.losses, nn.optimizers.schedules)
    found = {thing for place in places for thing in vars(place).values() if inspect.isclass(thing)}
    kinds = sorted((k for k in found if arguments_of(k)), key=lambda k: (k.__module__, k.__name__))
    by_hand = (nn.Layer, nn.Loss, nn.Metric)
    return [k for k in kinds if "_arguments" in vars(k) and k not in by_hand]


@pytest.mark.parametrize("kind", declared_classes(), ids=lambda kind: kind.__name__)
def test_a_type_checker_reads_the_positions_that_there_are(kind):
    """It lists fields from the first base on, each where it was declared first, and none that is `kw_only`."""
    declared = [b for b in reversed(kind.__mro__) if "_arguments" in vars(b)]
    listed = dict.fromkeys(name for base in declared for name in inspect.get_annotations(base))
    known = arguments_of(kind)
    positional = [name for name in listed if name in known and not known[name].common]
    assert names(kind)[: len(positional)] == positional
    assert names(kind) == list(known)
