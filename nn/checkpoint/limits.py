"""What a model in a file may ask for: weights no larger than the file, and no huge array on the way.

A file says how large its layers are. Believing it before looking at the arrays would let a few bytes ask
for all memory. So each layer is tried on symbols before it runs: they have shapes, and no memory behind
them.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import autograd as ag
from autograd import Tensor
from autograd.mode import Mode, mode, switched
from autograd.structure import flatten

from ..activations import linear
from ..errors import FileError
from ..module import Compute, Module, watched_calls

LARGEST_SAMPLE = 1 << 24
"""Numbers in one sample: a shape beyond it is damage, and would be allocated to build the model."""
LARGEST = 1 << 26
"""Numbers in an array that one sample leads to."""
_NO_ARRAYS = ("full", "windows", "permute_dims", "reshape")
"""Weights, which are counted apart, and what convolution and pooling read through views."""

Shape = tuple[int, ...]


@contextmanager
def load_limits(sample: Sequence[int] | None, arrays: Mapping[str, Any]) -> Iterator[None]:
    """Inside, the library's layers make no more weights than these arrays hold,
    and no huge array of such a sample.

    A layer of the user's own is code that was passed on purpose, and is believed.

    Raises:
        FileError: a layer would, and has not run.
    """
    check_sample(sample)
    left = sum(array.size for array in arrays.values())

    def watch(module: Module, inputs: list[Tensor], compute: Compute) -> Any:
        nonlocal left
        leaves = flatten(inputs)
        if leaves and leaves[0].backend != "trace" and _is_a_layer_of_ours(module):
            weights, largest = _sizes(module, inputs)
            for shape in weights:
                if math.prod(shape) > left:
                    raise FileError(f"its description asks for weights of shape {shape}, more than it holds")
                left -= math.prod(shape)
            if math.prod(largest) > LARGEST:
                raise FileError(
                    f"one sample of its model leads to an array of shape {largest}, which is too large"
                )
        return compute(inputs)

    with watched_calls(watch):
        yield


def check_sample(shape: Any) -> None:
    """Refuse a shape of inputs that only damage asks for; what is no shape,
    of an object of the user's, passes.

    Raises:
        FileError: there are too many numbers in it.
    """
    sizes = shape if isinstance(shape, (list, tuple)) else ()
    if math.prod(n for n in sizes if isinstance(n, int)) > LARGEST_SAMPLE:
        raise FileError(f"a sample of shape {list(sizes)} is too large")


def _is_a_layer_of_ours(module: Module) -> bool:
    build, call = type(module).build, type(module).call
    if getattr(module, "runs_code_of_users", False) or getattr(module, "host_layer", None) is module:
        # what a layer of the host has made passes through it, and it has no weights
        return False
    return call.__module__.startswith("nn.layers.") and (
        build is Module.build or build.__module__.startswith("nn.layers.")
    )


def _sizes(layer: Module, inputs: list[Tensor]) -> tuple[list[Shape], Shape]:
    """The shapes of the weights that a layer is about to make, and of the largest array on the way."""
    twin, weights = copy.copy(layer), list[Shape]()
    # neither is more than its shape here, and both may be functions of the user's
    vars(twin).update({name: "zeros" for name in vars(twin) if name.endswith("_initializer")})
    vars(twin).update({name: linear for name in vars(twin) if name == "activation"})

    def step(*symbols: Any) -> Any:
        if not twin.built:
            leaves = flatten(list(symbols))
            dtype = leaves[0].dtype if leaves[0].dtype.kind == "f" else "float32"
            twin.build(*(x.shape for x in leaves), dtype=dtype)
            twin.built = True
            weights.extend(held.shape for _, held in twin.children() if isinstance(held, Tensor))
        return twin(*symbols, training=False)

    # a search for NaN, say, would look at values
    with switched(mode, Mode(grad=False)):
        program = ag.capture(step, *inputs, state=dict(layer.named_tensors()), captures=True).program
    values = [*program.named("input").values()]
    values += [i.result for i in program.instructions if i.primitive not in _NO_ARRAYS]
    return weights, max((value.spec.shape for value in values), key=math.prod)
