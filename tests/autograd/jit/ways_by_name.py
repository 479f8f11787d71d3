"""Names that are bound anew, defaults and code that are replaced."""

from __future__ import annotations

import importlib
import sys
import types

from ways import module, setting, way

import autograd as ag

NUMBER = 2.0


# names
@way
def global_number():
    def change():
        global NUMBER
        NUMBER = 3.0

    globals()["NUMBER"] = 2.0
    return (lambda x: x * NUMBER), change


@way
def global_defined_after_the_decorator():
    space = {}
    exec("def step(x): return x * LATE", space)
    step = space["step"]
    space["LATE"] = 2.0
    return step, lambda: space.update(LATE=3.0)


@way
def global_object_rebound():
    space = {"config": types.SimpleNamespace(rate=2.0)}
    exec("def step(x): return x * config.rate", space)
    return space["step"], lambda: space.update(config=types.SimpleNamespace(rate=3.0))


@way
def global_that_hides_a_builtin():
    space = {}
    exec("def step(x): return x * max(1.0, 2.0)", space)
    return space["step"], lambda: space.update(max=lambda a, b: 3.0)


@way
def global_that_held_an_op():
    space = {"act": ag.negative}
    exec("def step(x): return act(x) * -2.0", space)
    return space["step"], lambda: space.update(act=lambda x: x * -1.5)


@way
def global_op_for_another():
    space = {"act": ag.negative, "ag": ag}
    exec("def step(x): return act(x) * -2.0", space)
    return space["step"], lambda: space.update(act=ag.abs)


@way
def global_that_was_absent():
    space = {}
    exec("def step(x):\n    try:\n        return x * RATE\n    except NameError:\n        return x * 2.0", space)  # fmt: skip
    return space["step"], lambda: space.update(RATE=3.0)


@way
def closure():
    rate = 2.0

    def change():
        nonlocal rate
        rate = 3.0

    return (lambda x: x * rate), change


@way
def closure_bound_after_the_decorator():
    def step(x):
        return x * late

    late = 2.0

    def change():
        nonlocal late
        late = 3.0

    return step, change


@way
def function_default():
    def step(x, rate=2.0):
        return x * rate

    return step, setting(step, __defaults__=(3.0,))


@way
def keyword_default():
    def step(x, *, rate=2.0):
        return x * rate

    return step, lambda: step.__kwdefaults__.update(rate=3.0)


@way
def lambda_default_of_a_helper():
    helper = lambda x, rate=2.0: x * rate  # noqa: E731
    return (lambda x: helper(x)), setting(helper, __defaults__=(3.0,))


@way
def code_of_a_helper():
    def helper(x):
        return x * 2.0

    def other(x):
        return x * 3.0

    return (lambda x: helper(x)), setting(helper, __code__=other.__code__)


@way
def code_of_the_step():
    def step(x):
        return x * 2.0

    def other(x):
        return x * 3.0

    return step, setting(step, __code__=other.__code__)


@way
def attribute_of_a_function():
    def step(x):
        return x * step.rate

    step.rate = 2.0
    return step, setting(step, rate=3.0)


# modules by a text
def module_with_a_rate():
    made = module("m_of_ways", "rate = 2.0")
    return setting(made, rate=3.0)


@way
def import_module():
    change = module_with_a_rate()
    return (lambda x: x * importlib.import_module("m_of_ways").rate), change


@way
def import_by_function():
    change = module_with_a_rate()
    return (lambda x: x * __import__("m_of_ways").rate), change


@way
def table_of_modules():
    change = module_with_a_rate()
    return (lambda x: x * sys.modules["m_of_ways"].rate), change


@way
def text_that_is_evaluated():
    space = {"rate": 2.0}
    exec("def step(x): return x * eval('rate')", space)
    return space["step"], lambda: space.update(rate=3.0)
