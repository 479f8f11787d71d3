"""Items of containers, elements of arrays, numbers."""

from __future__ import annotations

import array as arrays
import collections
import os

import numpy as np
from ways import Object, setting, way

import autograd as ag

TABLE = {"rate": 2.0}


# containers
@way
def global_dict():
    TABLE["rate"] = 2.0
    return (lambda x: x * TABLE["rate"]), lambda: TABLE.update(rate=3.0)


@way
def key_that_was_absent():
    table = {}
    return (lambda x: x * table.get("rate", 2.0)), lambda: table.update(rate=3.0)


@way
def default_dict():
    table = collections.defaultdict(lambda: 2.0, rate=2.0)
    return (lambda x: x * table["rate"]), lambda: table.update(rate=3.0)


@way
def user_dict():
    table = collections.UserDict(rate=2.0)
    return (lambda x: x * table["rate"]), lambda: table.update(rate=3.0)


@way
def chain_of_dicts():
    inner = {"rate": 2.0}
    table = collections.ChainMap({}, inner)
    return (lambda x: x * table["rate"]), lambda: inner.update(rate=3.0)


@way
def double_ended_queue():
    rates = collections.deque([2.0])
    return (lambda x: x * rates[0]), lambda: rates.__setitem__(0, 3.0)


@way
def named_tuple():
    config = collections.namedtuple("Config", "rate")(2.0)

    def change():
        nonlocal config
        config = config._replace(rate=3.0)

    return (lambda x: x * config.rate), change


@way
def set_of_names():
    names = {"twice"}
    return (lambda x: x * (2.0 if "twice" in names else 3.0)), names.clear


@way
def long_list():
    rates = [2.0] * 5000
    return (lambda x: x * rates[4321]), lambda: rates.__setitem__(4321, 3.0)


@way
def long_list_of_objects():
    things = [Object(rate=2.0) for _ in range(500)]
    return (lambda x: x * things[321].rate), setting(things[321], rate=3.0)


@way
def length_of_a_list():
    things = [object(), object()]
    return (lambda x: x * len(things)), lambda: things.append(object())


@way
def deep_list():
    deep = [[[[[[[[[[[2.0]]]]]]]]]]]
    inner = deep
    for _ in range(10):
        inner = inner[0]
    return (lambda x: x * deep[0][0][0][0][0][0][0][0][0][0][0]), lambda: inner.__setitem__(0, 3.0)


@way
def one_of_two_aliases():
    one = Object(rate=2.0)
    table = {"a": one, "b": one}
    return (lambda x: x * (table["a"].rate + table["b"].rate) / 2), lambda: table.update(b=Object(rate=4.0))


@way
def environment():
    os.environ["GRADLOOM_TEST_RATE"] = "2.0"
    return (lambda x: x * float(os.environ["GRADLOOM_TEST_RATE"])), lambda: os.environ.update(GRADLOOM_TEST_RATE="3.0")  # fmt: skip


@way
def getenv():
    os.environ["GRADLOOM_TEST_RATE"] = "2.0"
    return (lambda x: x * float(os.getenv("GRADLOOM_TEST_RATE"))), lambda: os.environ.update(GRADLOOM_TEST_RATE="3.0")  # fmt: skip


@way
def format_of_an_attribute():
    thing, text = Object(rate=2.0), "{0.rate}"
    return (lambda x: x * float(text.format(thing))), setting(thing, rate=3.0)


@way
def format_map_of_an_item():
    table = {"thing": Object(rate=2.0)}
    return (lambda x: x * float("{thing.rate}".format_map(table))), setting(table["thing"], rate=3.0)


# arrays and numbers of NumPy
@way
def element_of_an_array():
    table = np.array([2.0, 5.0])
    return (lambda x: x * table[0]), lambda: table.__setitem__(0, 3.0)


@way
def array():
    table = np.array([2.0, 2.0], np.float32)
    return (lambda x: x * table), lambda: table.fill(3.0)


@way
def array_rebound():
    thing = Object(table=np.array([2.0, 2.0], np.float32))
    return (lambda x: x * thing.table), setting(thing, table=np.full(2, 3.0, np.float32))


@way
def array_as_an_index():
    places, x0 = np.array([0, 0]), np.array([2.0, 3.0], np.float32)
    return (lambda x: x * ag.tensor(x0)[places]), lambda: places.fill(1)


@way
def sum_of_an_array():
    table = np.full(1000, 0.002)
    return (lambda x: x * float(np.round(table.sum(), 6))), lambda: table.fill(0.003)


@way
def numpy_scalar():
    thing = Object(rate=np.float32(2.0))
    return (lambda x: x * thing.rate), setting(thing, rate=np.float32(3.0))


@way
def dtype():
    thing = Object(dtype="float32")
    return (lambda x: (x * 2.6).to(thing.dtype) if thing.dtype != "int32" else (x * 3.0).to("int32")), setting(thing, dtype="int32")  # fmt: skip


@way
def integer_for_float():
    thing = Object(rate=2.0)
    return (lambda x: x * (2.0 if isinstance(thing.rate, float) else 3.0)), setting(thing, rate=2)


@way
def negative_zero():
    thing = Object(rate=0.0)
    return (lambda x: x * (2.0 if str(thing.rate) == "0.0" else 3.0)), setting(thing, rate=-0.0)


@way
def array_in_a_dict():
    table = {"mask": np.array([2.0, 2.0], np.float32)}
    return (lambda x: x * table["mask"]), lambda: table["mask"].fill(3.0)


@way
def array_in_a_list():
    thing = Object(masks=[np.array([2.0, 2.0], np.float32)])
    return (lambda x: x * thing.masks[0]), lambda: thing.masks[0].fill(3.0)


@way
def array_without_axes():
    rate = np.array(2.0, np.float32)
    return (lambda x: x * rate), lambda: rate.fill(3.0)


@way
def set_of_objects():
    things = {Object(rate=2.0)}
    return (lambda x: x * sum(thing.rate for thing in things)), lambda: things.add(Object(rate=1.0))


@way
def object_in_a_set():
    thing = Object(rate=2.0)
    things = frozenset([thing])
    return (lambda x: x * sum(t.rate for t in things)), setting(thing, rate=3.0)


@way
def kind_of_a_number_in_a_set():
    numbers = {1}

    def change():
        numbers.clear()
        numbers.add(1.0)

    return (lambda x: x * (2.0 if isinstance(next(iter(numbers)), int) else 3.0)), change


@way
def order_of_a_dict_of_functions():
    functions = {"a": lambda x: x * 2, "b": lambda x: x + 1}

    def step(x):
        for function in functions.values():
            x = function(x)
        return x

    return step, lambda: functions.update(a=functions.pop("a"))


@way
def order_of_an_ordered_dict():
    table = collections.OrderedDict(a=2.0, b=3.0)
    return (lambda x: x * next(iter(table.values()))), lambda: table.move_to_end("a")


@way
def user_list():
    rates = collections.UserList([2.0])
    return (lambda x: x * rates[0]), lambda: rates.__setitem__(0, 3.0)


@way
def array_of_python():
    rates = arrays.array("d", [2.0])
    return (lambda x: x * rates[0]), lambda: rates.__setitem__(0, 3.0)


@way
def bytes_that_change():
    rates = bytearray([2])
    return (lambda x: x * rates[0]), lambda: rates.__setitem__(0, 3)


@way
def view_of_a_dict():
    table = {"rate": 2.0}
    values = table.values()
    return (lambda x: x * next(iter(values))), lambda: table.update(rate=3.0)
