"""Attributes of objects and classes."""

from __future__ import annotations

import argparse
import contextvars
import dataclasses
import enum
import operator
import threading
import types
import weakref

from ways import Object, setting, way


# objects
@way
def attribute_of_an_instance():
    thing = Object(rate=2.0)
    return (lambda x: x * thing.rate), setting(thing, rate=3.0)


@way
def attribute_that_hides_one_of_the_class():
    thing = Object()
    return (lambda x: x * thing.rate), setting(thing, rate=3.0)


@way
def attribute_of_a_class():
    class Config:
        rate = 2.0

    return (lambda x: x * Config.rate), setting(Config, rate=3.0)


@way
def attribute_of_the_class_of_an_instance():
    class Config:
        rate = 2.0

    config = Config()
    return (lambda x: x * config.rate), setting(Config, rate=3.0)


@way
def attribute_of_a_base_class():
    class Base:
        rate = 2.0

    class Config(Base):
        pass

    return (lambda x: x * Config.rate), setting(Base, rate=3.0)


@way
def class_that_hides_its_base():
    class Base:
        rate = 2.0

    class Config(Base):
        pass

    return (lambda x: x * Config.rate), setting(Config, rate=3.0)


@way
def argparse_namespace():
    options = argparse.Namespace(rate=2.0)
    return (lambda x: x * options.rate), setting(options, rate=3.0)


@way
def simple_namespace():
    options = types.SimpleNamespace(rate=2.0)
    return (lambda x: x * options.rate), setting(options, rate=3.0)


@way
def dataclass():
    @dataclasses.dataclass
    class Config:
        rate: float = 2.0

    config = Config()
    return (lambda x: x * config.rate), setting(config, rate=3.0)


@way
def dataclass_as_a_dict():
    @dataclasses.dataclass
    class Config:
        rate: float = 2.0

    config = Config()
    return (lambda x: x * dataclasses.asdict(config)["rate"]), setting(config, rate=3.0)


@way
def slots():
    class Config:
        __slots__ = ("rate",)

    config = Config()
    config.rate = 2.0
    return (lambda x: x * config.rate), setting(config, rate=3.0)


@way
def bound_method():
    thing = Object(rate=2.0)
    return thing.scale, setting(thing, rate=3.0)


@way
def method_of_a_global():
    thing = Object(rate=2.0)
    return (lambda x: thing.scale(x)), setting(thing, rate=3.0)


@way
def method_replaced():
    class Net:
        def scale(self, x):
            return x * 2.0

    net = Net()
    return (lambda x: net.scale(x)), setting(Net, scale=lambda self, x: x * 3.0)


@way
def method_replaced_on_the_instance():
    thing = Object(rate=2.0)
    return (lambda x: thing.scale(x)), setting(thing, scale=lambda x: x * 3.0)


@way
def property_of_an_object():
    thing = Object(rate=1.0)
    return (lambda x: x * thing.twice), setting(thing, rate=1.5)


@way
def property_replaced():
    class Net:
        rate = property(lambda self: 2.0)

    net = Net()
    return (lambda x: x * net.rate), setting(Net, rate=property(lambda self: 3.0))


@way
def class_method():
    class Net(Object):
        rate = 2.0

    return (lambda x: Net.of_class(x)), setting(Net, rate=3.0)


@way
def default_of_a_static_method():
    class Net(Object):
        @staticmethod
        def scale(x, rate=2.0):
            return x * rate

    net = Net()
    return (lambda x: net.scale(x)), setting(Net.scale, __defaults__=(3.0,))


@way
def callable_object():
    class Scale:
        rate = 2.0

        def __call__(self, x):
            return x * self.rate

    scale = Scale()
    return (lambda x: scale(x)), setting(scale, rate=3.0)


@way
def callable_object_as_the_step():
    class Scale:
        rate = 2.0

        def __call__(self, x):
            return x * self.rate

    scale = Scale()
    return scale, setting(scale, rate=3.0)


@way
def object_in_an_object():
    outer = Object(inner=Object(rate=2.0))
    return (lambda x: x * outer.inner.rate), setting(outer.inner, rate=3.0)


@way
def object_in_an_object_replaced():
    outer = Object(inner=Object(rate=2.0))
    return (lambda x: x * outer.inner.rate), setting(outer, inner=Object(rate=3.0))


@way
def attribute_by_getattr():
    thing, names = Object(rate=2.0), ["rate"]
    return (lambda x: x * getattr(thing, names[0])), setting(thing, rate=3.0)


@way
def name_of_an_attribute():
    thing, names = Object(rate=2.0, other=3.0), ["rate"]
    return (lambda x: x * getattr(thing, names[0])), lambda: names.__setitem__(0, "other")


@way
def attribute_by_vars():
    thing = Object(rate=2.0)
    return (lambda x: x * vars(thing)["rate"]), setting(thing, rate=3.0)


@way
def attribute_by_getattr_of_the_class():
    class Config:
        def __init__(self):
            self.values = {"rate": 2.0}

        def __getattr__(self, name):
            return self.values[name]

    config = Config()
    return (lambda x: x * config.rate), lambda: config.values.update(rate=3.0)


@way
def attribute_that_was_absent():
    thing = types.SimpleNamespace()
    return (lambda x: x * (thing.rate if hasattr(thing, "rate") else 2.0)), setting(thing, rate=3.0)  # fmt: skip


@way
def enumeration():
    class Mode(enum.Enum):
        TWO = 2.0
        THREE = 3.0

    thing = Object(mode=Mode.TWO)
    return (lambda x: x * thing.mode.value), setting(thing, mode=Mode.THREE)


@way
def behind_a_weak_reference():
    thing = Object(rate=2.0)
    held = weakref.ref(thing)
    return (lambda x: x * held().rate), setting(thing, rate=3.0)


@way
def thread_local():
    local = threading.local()
    local.rate = 2.0
    return (lambda x: x * local.rate), setting(local, rate=3.0)


@way
def context_variable():
    rate = contextvars.ContextVar("rate", default=2.0)
    return (lambda x: x * rate.get()), lambda: rate.set(3.0)


@way
def class_pattern():
    @dataclasses.dataclass
    class Config:
        rate: float = 2.0

    config = Config()

    def step(x):
        match config:
            case Config(rate):
                return x * rate

    return step, setting(config, rate=3.0)


@way
def attribute_of_a_class_that_was_absent():
    class Config:
        pass

    return (lambda x: x * getattr(Config, "rate", 2.0)), setting(Config, rate=3.0)


@way
def attribute_of_an_instance_that_comes_by_its_class():
    class Config:
        pass

    config = Config()
    return (lambda x: x * (config.rate if hasattr(config, "rate") else 2.0)), setting(Config, rate=3.0)


@way
def slot_that_was_empty():
    class Config:
        __slots__ = ("rate",)

    config = Config()
    return (lambda x: x * getattr(config, "rate", 2.0)), setting(config, rate=3.0)


@way
def number_of_attributes():
    config = types.SimpleNamespace(a=1.0, b=1.0)
    return (lambda x: x * len(vars(config))), setting(config, c=1.0)


@way
def attribute_getter():
    config = types.SimpleNamespace(inner=types.SimpleNamespace(rate=2.0))
    get = operator.attrgetter("inner.rate")
    return (lambda x: x * get(config)), setting(config.inner, rate=3.0)


@way
def property_by_an_attribute_getter():
    class Config:
        rate = property(operator.attrgetter("_rate"))

    config = Config()
    config._rate = 2.0
    return (lambda x: x * config.rate), setting(config, _rate=3.0)


@way
def text_of_a_class_of_its_own():
    class Name(str):
        pass

    name = Name("scale")
    name.rate = 2.0
    return (lambda x: x * name.rate), setting(name, rate=3.0)


@way
def custom_descriptor_replaced():
    class Always:
        def __init__(self, value):
            self.value = value

        def __get__(self, instance, owner):
            return self.value

    class Config:
        rate = Always(2.0)

    config = Config()
    return (lambda x: x * config.rate), lambda: setattr(Config, "rate", Always(3.0))


@way
def attribute_of_a_member_of_an_enumeration():
    class Mode(enum.Enum):
        ONE = 1

    Mode.ONE.rate = 2.0
    return (lambda x: x * Mode.ONE.rate), setting(Mode.ONE, rate=3.0)


@way
def attribute_of_a_metaclass():
    class Kind(type):
        rate = 2.0

    class Config(metaclass=Kind):
        pass

    return (lambda x: x * Config.rate), setting(Kind, rate=3.0)
