"""What functions that a step calls read, through decorators, partial, transforms and other compiled functions."""

from __future__ import annotations

import functools
import operator

from ways import module, setting, way

import autograd as ag


# functions that are called
@way
def helper_of_a_helper():
    space = {"R": 2.0}
    exec("def h3(x): return x * R\ndef h2(x): return h3(x)\ndef h1(x): return h2(x)\ndef step(x): return h1(x)", space)  # fmt: skip
    return space["step"], lambda: space.update(R=3.0)


@way
def helper_replaced():
    space = {}
    exec("def h(x): return x * 2.0\ndef step(x): return h(x)", space)
    return space["step"], lambda: space.update(h=lambda x: x * 3.0)


@way
def helper_of_a_helper_replaced():
    space = {}
    exec("def h2(x): return x * 2.0\ndef h(x): return h2(x)\ndef step(x): return h(x)", space)
    return space["step"], lambda: space.update(h2=lambda x: x * 3.0)


@way
def global_of_another_module():
    other = module("other_of_ways", "RATE = 2.0\ndef scale(x): return x * RATE")
    return (lambda x: other.scale(x)), setting(other, RATE=3.0)


@way
def global_of_another_module_read_directly():
    other = module("config_of_ways", "RATE = 2.0")
    return (lambda x: x * other.RATE), setting(other, RATE=3.0)


@way
def submodule():
    package = module("package_of_ways", "")
    package.config = module("package_of_ways.config", "RATE = 2.0")
    return (lambda x: x * package.config.RATE), setting(package.config, RATE=3.0)


@way
def imported_inside_the_step():
    other = module("inside_of_ways", "RATE = 2.0")

    def step(x):
        from inside_of_ways import RATE

        return x * RATE

    return step, setting(other, RATE=3.0)


@way
def module_imported_inside_the_step():
    other = module("whole_of_ways", "RATE = 2.0")

    def step(x):
        import whole_of_ways

        return x * whole_of_ways.RATE

    return step, setting(other, RATE=3.0)


@way
def module_with_the_name_of_a_library():
    other = module("math_of_ways", "RATE = 2.0\ndef scale(x): return x * RATE")
    other.scale.__module__ = other.__name__ = "math"
    return (lambda x: other.scale(x)), setting(other, RATE=3.0)


@way
def partial_replaced():
    scale = lambda x, k: x * k  # noqa: E731
    space = {"scale": functools.partial(scale, k=2.0)}
    exec("def step(x): return scale(x)", space)
    return space["step"], lambda: space.update(scale=functools.partial(scale, k=3.0))


@way
def keyword_of_a_partial():
    scale = functools.partial(lambda x, k: x * k, k=2.0)
    return scale, lambda: scale.keywords.update(k=3.0)


@way
def global_read_by_the_function_of_a_partial():
    space = {"R": 2.0}
    exec("def scale(k, x): return x * k * R", space)
    return functools.partial(space["scale"], 1.0), lambda: space.update(R=3.0)


@way
def partial_of_a_partial():
    settings = {"rate": 2.0}
    inner = functools.partial(lambda s, k, x: x * s["rate"] * k, settings)
    return functools.partial(inner, 1.0), lambda: settings.update(rate=3.0)


@way
def behind_wraps():
    table = {"rate": 2.0}

    def logged(function):
        @functools.wraps(function)
        def call(*args):
            return function(*args)

        return call

    @logged
    def scale(x):
        return x * table["rate"]

    return (lambda x: scale(x)), lambda: table.update(rate=3.0)


@way
def number_of_a_decorator():
    rate = [2.0]

    def scaled(function):
        @functools.wraps(function)
        def call(x):
            return function(x) * rate[0]

        return call

    return scaled(lambda x: x), lambda: rate.__setitem__(0, 3.0)


@way
def under_grad():
    space = {"R": 2.0}
    exec("def loss(x): return (x * R).sum()", space)
    return ag.grad(space["loss"]), lambda: space.update(R=3.0)


@way
def under_value_and_grad():
    table = {"rate": 2.0}
    both = ag.value_and_grad(lambda x: (x * table["rate"]).sum())
    return (lambda x: both(x)[1]), lambda: table.update(rate=3.0)


@way
def under_checkpoint():
    space = {"R": 2.0}
    exec("def block(x): return x * R", space)
    return ag.checkpoint(space["block"]), lambda: space.update(R=3.0)


@way
def compiled_inside_compiled():
    space = {"R": 2.0}
    exec("def inner(x): return x * R", space)
    inner = ag.jit(space["inner"])
    return (lambda x: inner(x)), lambda: space.update(R=3.0)


@way
def closure_of_compiled_inside_compiled():
    rate = 2.0
    inner = ag.jit(lambda x: x * rate)

    def change():
        nonlocal rate
        rate = 3.0

    return (lambda x: inner(x)), change


@way
def under_no_grad():
    rate = 2.0

    def change():
        nonlocal rate
        rate = 3.0

    return ag.no_grad()(lambda x: x * rate), change


@way
def operator_of_a_table():
    table = {"f": operator.mul}
    return (lambda x: table["f"](x, 2.0)), lambda: table.update(f=lambda x, y: x * 3.0)


@way
def list_of_functions():
    steps = [lambda x: x * 2.0]
    return (lambda x: steps[0](x)), lambda: steps.__setitem__(0, lambda x: x * 3.0)


@way
def reduced_functions():
    steps = [lambda x: x * 2.0]
    return (lambda x: functools.reduce(lambda a, f: f(a), steps, x)), lambda: steps.append(lambda x: x * 1.5)


@way
def mapped_function():
    rate = 2.0

    def scaled(x):
        return x * rate

    def change():
        nonlocal rate
        rate = 3.0

    return (lambda x: next(iter(map(scaled, [x])))), change


@way
def generator_inside():
    table = {"rate": 2.0}

    def pieces(x):
        for _ in range(1):
            yield x * table["rate"]

    return (lambda x: sum(pieces(x))), lambda: table.update(rate=3.0)


@way
def comprehension():
    table = {"rates": [1.0, 1.0]}
    return (lambda x: sum([x * r for r in table["rates"]])), lambda: table["rates"].append(1.0)


@way
def built_in_of_an_object():
    table = {"rate": 2.0}
    get = table.get
    return (lambda x: x * get("rate")), lambda: table.update(rate=3.0)


@way
def method_of_a_base_class():
    class Base:
        def scale(self, x):
            return x * 2.0

    class Net(Base):
        def scale(self, x):
            return super().scale(x)

    net = Net()
    return (lambda x: net.scale(x)), setting(Base, scale=lambda self, x: x * 3.0)


@way
def call_replaced_on_the_class():
    class Net:
        def __call__(self, x):
            return x * 2.0

    net = Net()
    return (lambda x: net(x)), setting(Net, __call__=lambda self, x: x * 3.0)


@way
def attribute_of_a_function_that_does_not_run():
    def holder():
        pass

    holder.rate = 2.0
    return (lambda x: x * holder.rate), setting(holder, rate=3.0)


@way
def partial_method_replaced():
    class Net:
        def scale(self, x, rate):
            return x * rate

        twice = functools.partialmethod(scale, rate=2.0)

    net = Net()
    return (lambda x: net.twice(x)), setting(Net, twice=functools.partialmethod(Net.scale, rate=3.0))
