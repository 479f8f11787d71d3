"""What chooses the program of a compiled function: its state, the structure of
its arguments, and how keys differ.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from backends.contract import Backend

from . import random, tracing
from .errors import TraceError
from .guards import Difference
from .structure import keys_of
from .tensor import Tensor
from .tracing import Number

_MANY = 16
"""From so many traces of one function a warning tells what keeps changing."""
_LONGEST = 60
"""Characters of one of two things that differ: a message stays below 200."""
_log = logging.getLogger("gradloom")

State = Mapping[str, Tensor] | Iterable[Tensor] | Any


def named(state: Any) -> dict[str, Tensor]:
    """The tensors of `state`, a `State`, by name."""
    if state is None:
        return {}
    if isinstance(state, Tensor):
        return {"state": state}
    if isinstance(state, Mapping):
        for name, tensor in state.items():
            if not isinstance(tensor, Tensor):
                raise TraceError(
                    f"state is a dict, a list or a module of tensors; {name!r} is {type(tensor).__name__}"
                )
        return dict(state)
    if hasattr(state, "named_tensors"):
        return dict(state.named_tensors())
    if isinstance(state, (list, tuple)):
        found: dict[str, Tensor] = {}
        for i, part in enumerate(state):
            inner = {"": part} if isinstance(part, Tensor) else named(part)
            found |= {f"state.{i}" + (f".{key}" if key else ""): t for key, t in inner.items()}
        return found
    if callable(state):
        return named(state())
    raise TraceError(
        "state is a dict, a list or a module of tensors, or a function that returns one, got "
        f"{type(state).__name__}"
    )


def identities(state: Any) -> Any:
    """Which tensors `state`, a `State`, is now, for comparison with a program's, which holds its
    tensors: no other has their address.
    """
    if hasattr(state, "jit_key"):
        return state.jit_key()
    if isinstance(state, Tensor):
        return id(state)
    if isinstance(state, (list, tuple)) and all(isinstance(part, Tensor) for part in state):
        return tuple(map(id, state))
    return tuple((name, id(tensor)) for name, tensor in named(state).items())


def check_kept(now: Mapping[str, Tensor], traced: Mapping[str, Tensor]) -> None:
    """Refuse a step after whose trace the state is another one.

    Raises:
        TraceError: naming it.
    """
    for name, tensor in now.items():
        if name not in traced:
            raise TraceError(
                f"the step makes state {name!r}; call it once before it is compiled, so that all is built"
            )
        if tensor is not traced[name]:
            raise TraceError(f"the step replaces the tensor of state {name!r}; give it values with .assign()")


def common_backend(tensors: Sequence[Tensor]) -> Backend:
    """The backend of all tensors but the default generator's, which follows."""
    generator = random.default_generator()
    own = {id(generator.key), id(generator.counter)}
    return tracing.common_backend((t for t in tensors if id(t) not in own), "jit")


def move_generator(generator: random.Generator, backend: Backend) -> None:
    """Let `generator` live on `backend`."""
    if generator.key._backend is not backend:
        generator.move(backend)


def shape_of(tree: Any) -> Any:
    """The structure of nested arguments."""
    if isinstance(tree, (list, tuple)):
        return (type(tree).__name__, *(shape_of(branch) for branch in tree))
    if isinstance(tree, dict):
        return ("dict", *((key, shape_of(tree[key])) for key in keys_of(tree)))
    return tree is None


def inputs_of(leaves: Sequence[Any], written: set[int]) -> tuple[tuple[Any, ...], list[Tensor], list[Any]]:
    """(what chooses the program, inputs, leaves with these in place) of the arguments of a call.

    Args:
        leaves: of the arguments.
        written: places of floats that are settings: their values choose the program, too.
    """
    specs: list[Any] = []
    tensors: list[Tensor] = []
    given: list[Any] = []
    for leaf in leaves:
        if isinstance(leaf, Tensor):
            specs.append((leaf.shape, leaf.dtype.char))
            tensors.append(leaf)
        elif isinstance(leaf, (bool, int, str)) and not hasattr(leaf, "dtype"):
            specs.append((type(leaf), leaf))
        elif isinstance(leaf, float) and len(given) in written:
            specs.append((float, repr(float(leaf))))
            leaf = float(leaf)
        elif isinstance(leaf, float):  # NumPy's float64 is one of these
            tensors.append(Tensor.from_value(leaf, "float64"))
            leaf = Number(tensors[-1])
            specs.append(("number",))
        elif hasattr(leaf, "__array__"):
            leaf = Tensor.from_value(leaf)
            specs.append((leaf.shape, leaf.dtype.char))
            tensors.append(leaf)
        else:
            specs.append(type(leaf))  # the guards look at the rest
        given.append(leaf)
    return tuple(specs), tensors, given


def difference(old: Any, new: Any, read: Difference | None) -> str:
    """What makes a key differ from the one before, or what was read, in a line; text
    for people: nothing in it may fail.
    """
    try:
        if read is not None:
            before, after = _innermost(read.old, read.new)
            return f"{read.name}: {_cut(repr(before))} became {_cut(repr(after))}"
        return _difference(old, new)
    except Exception:
        return "something that has no short name"


def _difference(old: Any, new: Any) -> str:
    if old is None:
        return "the first"
    if old[:-2] != new[:-2]:
        return "other arguments"
    for i, (a, b) in enumerate(zip(old[-2], new[-2], strict=False)):
        if a != b:
            return f"argument {i}: {_shown(a)} became {_shown(b)}"
    names = [
        "the default backend",
        "whether gradients are on",
        "which state requires gradients",
        "the state",
    ]
    for name, a, b in zip(names, old[-1], new[-1], strict=True):
        if a != b:
            a, b = _innermost(a, b)
            return f"{name}: {_cut(repr(a))} became {_cut(repr(b))}"
    return "nothing that is known"


def _innermost(a: Any, b: Any) -> tuple[Any, Any]:
    """The first parts of two nested tuples that differ."""
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        for one, other in zip(a, b, strict=True):
            if one != other:
                return _innermost(one, other)
    return a, b


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _shown(spec: Any) -> str:
    if isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[0], tuple):
        return _cut(f"{spec[1]}{list(spec[0])}")
    return _cut(repr(spec[1] if isinstance(spec, tuple) and len(spec) > 1 else spec))


def tell(name: str, traces: int, why: str, unseen: Sequence[str]) -> None:
    """Log a trace and its reason; warn once where there are many, and of what the
    first read and nobody looks at again.
    """
    _log.info("%s: trace %d (%s)", name, traces, why)
    if traces == _MANY:
        _log.warning(
            "%s has been traced %d times, last because of %s; pass what changes as a tensor",
            name,
            traces,
            why,
        )
    if unseen and traces == 1:
        _log.warning("%s: its program keeps %s as of its trace", name, " and ".join(map(_cut, unseen[:2])))
