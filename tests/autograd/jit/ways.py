"""Ways in which what a step reads can change: each gives a step that multiplies by 2.0, and what makes that 3.0."""

from __future__ import annotations

import sys
import types

WAYS = {}


def way(make):
    """Register `make`: it returns (a step, what changes it)."""
    WAYS[make.__name__] = make
    return make


def module(name, source):
    """A module of its own, as users have it in another file."""
    made = types.ModuleType(name)
    exec(compile(source, f"{name}.py", "exec"), made.__dict__)
    sys.modules[name] = made
    return made


class Object:
    rate = 2.0

    def __init__(self, **values):
        vars(self).update(values)

    def scale(self, x):
        return x * self.rate

    @property
    def twice(self):
        return self.rate * 2

    @classmethod
    def of_class(cls, x):
        return x * cls.rate


def setting(thing, **values):
    """A function that sets attributes."""
    return lambda: [setattr(thing, name, value) for name, value in values.items()]
