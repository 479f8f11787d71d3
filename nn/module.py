"""Module: a thing with parameters that can be called. Everything with
weights, from a layer to a model, is one.

Parameters and sub-modules are found by looking at the attributes, in the order in which they were set;
nothing is registered. A module is built (its parameters get their shapes) when it first sees an input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Self, cast

import autograd as ag
from autograd import ShapeError, Tensor
from autograd.errors import nearest
from autograd.keys import Same, key_of
from autograd.mode import inside, mode, switched
from autograd.structure import flatten
from autograd.tracing import one_at_a_time

from .added import Losing, adds_losses, regularize_activity
from .arguments import FLAG
from .building import building, default_float, either_form, samples
from .calling import has_argument, named_arguments, training_now
from .configuration import config_of
from .errors import ArgumentError
from .parameter import Parameter, Variable
from .structured import argument_of, is_shape, mapped, shapes_of
from .tree import settled
from .weights import given_name

Compute = Callable[[list[Tensor]], Any]
Watcher = Callable[["Module", list[Tensor], Compute], Any]
_NONE: Mapping[str, Any] = {}

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)
_paths: ContextVar[Mapping[int, str] | None] = ContextVar("paths", default=None)
"""Of the module that was called first and of all below it, by identity."""


def settings(thing: Any) -> tuple[Any, ...]:
    """What a trace depends on in `thing`: its plain values, which tensors it
    holds, and what its functions read.
    """
    hidden = getattr(thing, "not_settings", ())
    return type(thing), *(
        (name, Same(value) if isinstance(value, Tensor) else key_of(value))
        for name, value in vars(thing).items()
        if name not in hidden and not _holds_modules(value)
    )


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    if isinstance(value, list):
        return all(isinstance(item, Module) for item in value)
    if isinstance(value, (bool, int, float, str, type(None), Tensor, Module)):
        return True
    return (getattr(value, "__module__", "") or type(value).__module__).startswith("nn.")


def _holds_modules(value: Any) -> bool:
    """Modules have keys of their own."""
    if isinstance(value, (list, tuple)):
        return any(map(_holds_modules, value))
    return isinstance(value, Module)


class Module(Losing):
    """Base of layers and models. Subclasses define `call`, and `build` when they have parameters.

    `module(x)` runs it; `module(x, training=True)` runs it as in training (dropout drops). Without the
    argument the mode set by `train()` and `eval()` counts, which is `eval` at first, as in Keras. What else
    `call` takes may be given by name: `module(x, scale=2.0)`.
    """

    built: bool = False
    _trainable: bool = True
    _takes_training: bool = False
    """Whether `call` has an argument `training`."""
    _special: bool = False
    """Whether a call is more than `self.call(x)`; decided when classes and layers are made or built."""
    _has_build: bool = False
    """Whether the class makes weights by a `build` of its own."""
    activity_regularizer: Any = None
    output_shape: Any = None
    """The shape of the result, batch size None; of several results, the structure of their shapes."""
    input_shape: tuple[int, ...] | None = None
    """The shape of one sample, where the constructor was told."""
    seen_shape: Any = None
    """The shape of the first argument when it was built, batch included; or a structure of shapes."""

    @property
    def sample_shape(self) -> tuple[int, ...] | None:
        """The shape of one sample, where the constructor was told or an input was seen; else None."""
        if self.input_shape is not None:
            return self.input_shape
        return self.seen_shape[1:] if self.seen_shape and is_shape(self.seen_shape) else None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "call" in vars(cls):
            cls._takes_training = has_argument(cls.call, "training")
            cls._special = cls._takes_training
        if "build" in vars(cls):
            setattr(cls, "build", either_form(cls.build))  # noqa: B010
            cls._has_build = True
        cls._adds_losses = cls._adds_losses or adds_losses(cls)

    def build(self, *args: Any, **kwargs: Any) -> None:
        """Create the parameters for inputs of `shapes`, in floating `dtype`.

        A class may also write it in Keras's form, `build(self, input_shape)`, where the shape has None for
        the batch and weights come from `add_weight`. Called by hand, with a shape such as (None, 7), it
        builds the layer before it sees data.
        """

    def call(self, *inputs: Any, **kwargs: Any) -> Any:
        """Compute the result. One that takes `training` is told whether the call is part of training."""
        raise ArgumentError(f"{type(self).__name__} defines no call(self, x)")

    def __call__(self, *inputs: Any, training: bool | None = None, **named: Any) -> Any:
        if len(inputs) > 1 and (inputs[-1] is None or isinstance(inputs[-1], bool)):
            # as in layer(x, training)
            *inputs, training = inputs  # type: ignore[assignment]
        tensors: list[Any] = list(inputs)
        if named:
            named = named_arguments(self, named)
        for x in (*inputs, *named.values()) if named else inputs:
            if not isinstance(x, Tensor):
                tensors = [argument_of(x) for x in inputs]
                leaves = flatten([*tensors, *named.values()])
                symbol = next((leaf for leaf in leaves if hasattr(leaf, "record")), None)
                if symbol is not None:
                    return symbol.record(self, tensors, training, named)
                break
        if training is None:
            return self._run(tensors, named)
        before = training_now.get()
        try:
            training_now.set(training)
            return self._run(tensors, named)
        finally:
            training_now.set(before)

    def _run(self, inputs: list[Tensor], named: Mapping[str, Any] = _NONE) -> Any:
        watcher = _watcher.get()
        compute = partial(self._compute, named=named) if named else self._compute
        if mode.get().trace is None:
            return compute(inputs) if watcher is None else watcher(self, inputs, compute)
        with layer_scope(self):
            return compute(inputs) if watcher is None else watcher(self, inputs, compute)

    def _compute(self, inputs: list[Tensor], named: Mapping[str, Any] = _NONE) -> Any:
        if self.built:
            return self._called(inputs, named)
        if self._has_build and ag.zeros(()).backend == "trace":
            raise ag.TraceError(
                f"{type(self).__name__} is built by its first call, and that cannot be traced; call it "
                "once before it is compiled"
            )
        leaves = flatten(inputs)
        seen = next((leaf.dtype.name for leaf in leaves[:1] if leaf.dtype.kind == "f"), default_float.get())
        dtype = self._chosen_dtype or seen
        with building(self, dtype):
            self.build(*(leaf.shape for leaf in leaves), dtype=dtype)
        if not self._trainable:
            self.trainable = False  # of layers that were set since, too
        self._look_around()
        result = self._called(inputs, named)
        self.built = True
        self.seen_shape = mapped(inputs[0], lambda leaf: leaf.shape) if inputs else None
        if all(isinstance(leaf, Tensor) for leaf in flatten(result)):
            self.output_shape = shapes_of(result)
        return result

    def _called(self, inputs: list[Tensor], named: Mapping[str, Any] = _NONE) -> Any:
        before = inside.get()
        try:
            inside.set(type(self).__name__)
            if self._special:
                return self._called_specially(inputs, named, before is None)
            return self.call(*inputs, **named)
        finally:
            inside.set(before)

    def _called_specially(self, inputs: list[Tensor], named: Mapping[str, Any], is_first: bool) -> Any:
        """The same with what only some layers need: `training`, a dtype of their own, losses."""
        if is_first and self._forgets_losses:
            self.forget_losses()
        if self._chosen_dtype is not None:
            inputs = [mapped(x, self._cast) for x in inputs]
            named = {name: self._cast(x) if isinstance(x, Tensor) else x for name, x in named.items()}
        told = {"training": self.is_training} if self._takes_training else {}
        result = self.call(*inputs, **named, **told)
        if self.activity_regularizer is not None:
            regularize_activity(self, self.activity_regularizer, result)
        return result

    def _cast(self, x: Tensor) -> Tensor:
        return x.to(self._chosen_dtype) if x.dtype.kind == "f" else x

    def _look_around(self) -> None:
        """Decide what a call of this module does besides calling `call`, and name the weights."""
        for name, value in self.children():
            if isinstance(value, Variable) and value.name == Variable.name:
                value.named(name, self.name or "")
        self._forgets_losses = any(module._adds_losses for _, module in self.named_modules())
        own = self._chosen_dtype is not None or self.activity_regularizer is not None
        self._special = self._takes_training or self._forgets_losses or own

    def _built_by_hand(self, shapes: tuple[Any, ...], dtype: str | None) -> None:
        """Build for shapes that a user gave, or the layer around this one."""
        dtype = dtype or self._chosen_dtype or "float32"
        with building(self, dtype):
            self.build(*samples(type(self).__name__, shapes), dtype=dtype)
        if not self._trainable:
            self.trainable = False  # of layers that were set since, too
        self._look_around()
        self.built = True

    @property
    def trainable(self) -> bool:
        """Whether training changes the parameters. Setting it sets it in all modules below, and
        `requires_grad` of their parameters, also of those that are not made yet; a frozen
        `BatchNormalization` uses its moving averages.

        >>> import nn
        >>> model = nn.Sequential([nn.Dense(4, input_shape=(3,)), nn.Dense(1)])
        >>> model.layers[0].trainable = False
        >>> [name for name, _ in model.named_parameters()]
        ['layers.1.kernel', 'layers.1.bias']
        """
        return self._trainable

    @trainable.setter
    def trainable(self, wanted: bool) -> None:
        if not isinstance(wanted, bool):
            raise ArgumentError(f"trainable is True or False, got {wanted!r}")
        for _, module in self.named_modules():
            module._trainable = wanted
            module._freeze(not wanted)

    def _freeze(self, frozen: bool) -> None:
        for _, value in self.children():
            if isinstance(value, Parameter) and value.dtype.kind == "f":
                value.requires_grad = not frozen

    @property
    def is_training(self) -> bool:
        """Whether this call is part of training."""
        now = training_now.get()
        return self.training if now is None else now

    def train(self, mode: bool = True) -> Self:
        """Set training mode here and in all sub-modules."""
        mode = FLAG.checked("train", "mode", mode)
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set evaluation mode here and in all sub-modules."""
        return self.train(False)

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all below it, with their paths ("layers.0"); a
        shared one once, where it is first met.
        """
        yield prefix, self
        for path, module in self.tree().modules:
            yield (f"{prefix}.{path}" if prefix else path), cast("Module", module)

    def named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Parameters and buffers with their paths; a shared one is named once, where it is first met."""
        yield from self.tree().tensors

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """The trainable ones of `named_tensors`."""
        for name, tensor in self.named_tensors():
            if isinstance(tensor, Parameter) and tensor.requires_grad:
                yield name, tensor

    def parameters(self) -> list[Parameter]:
        """All trainable parameters, in the order of `state_dict`."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Every parameter and buffer by path, as NumPy arrays that are copies.

        >>> import nn
        >>> layer = nn.Dense(2); _ = layer([[1.0, 2.0, 3.0]])
        >>> {name: array.shape for name, array in layer.state_dict().items()}
        {'kernel': (3, 2), 'bias': (2,)}
        """
        with one_at_a_time:
            return {name: tensor.numpy() for name, tensor in self.named_tensors()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set every parameter and buffer from `state`; all names and shapes
        are checked before the first is set.

        Raises:
            ArgumentError: names are missing or unknown.
            ShapeError: a shape differs.
        """
        own = dict(self.named_tensors())
        if not own and state:
            raise ArgumentError("load_state_dict: this module is not built yet; call it on some input first")
        if missing := sorted(set(own) - set(state)):
            raise ArgumentError(f"load_state_dict: {missing} missing")
        for name in state:
            if name not in own:
                raise ArgumentError(f"load_state_dict: unknown name {name!r}. {nearest(name, own)}")
        new = {name: ag.tensor(value, dtype=own[name].dtype) for name, value in state.items()}
        for name, tensor in new.items():
            if tensor.shape != own[name].shape:
                raise ShapeError(
                    f"load_state_dict: {name} has shape {own[name].shape}, received {tensor.shape}"
                )
        with one_at_a_time:
            for name, tensor in new.items():
                own[name].assign(tensor)

    def jit_key(self) -> Any:
        """What a trace that calls this module depends on: the modes and settings of all modules in it."""
        modules = [("", self), *cast("list[tuple[str, Module]]", self.tree().modules)]
        keys = self.tree().keys
        modes = tuple(module.training for _, module in modules)
        known = keys.get(modes)
        if known is not None and known[0] == settled[0]:
            return known[1]
        key = tuple((path, settings(module)) for path, module in modules)
        if self.is_plain():
            keys[modes] = (settled[0], key)
        return key

    def is_plain(self) -> bool:
        """Whether nothing that the modules hold can change without an attribute of a module being set."""
        return all(
            _is_plain(value)
            for _, module in self.named_modules()
            for name, value in vars(module).items()
            if name not in module.not_settings
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this object again: every constructor argument is kept as an attribute."""
        config = config_of(self)
        return config | {"name": given_name(self)} if "name" in config else config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**config)


@contextmanager
def layer_scope(module: Module) -> Iterator[None]:
    """Inside, what is traced carries the name of `module`: "layers.0 Dense"; its
    class alone where it is the first.

    >>> import autograd as ag, nn
    >>> model = nn.Sequential([nn.Input((3,)), nn.Dense(1, use_bias=False)])
    >>> step = ag.capture(model, ag.zeros((4, 3)), state=dict(model.named_tensors()))
    >>> step.program_text(scopes=True).splitlines()[-2]
    '%2: float32[4, 1] = matmul(%1, %0)  # layers.0 Dense'
    """
    paths, kind = _paths.get(), type(module).__name__
    if paths is not None:
        with ag.named_scope(f"{paths.get(id(module), '')} {kind}".lstrip()):
            yield
        return
    below = {id(each): path for path, each in module.named_modules()}
    with switched(_paths, below), ag.named_scope(kind):
        yield


@contextmanager
def watched_calls(watcher: Watcher) -> Iterator[None]:
    """Inside, every call of a module goes through `watcher(module, inputs,
    compute)`, which returns the result.
    """
    with switched(_watcher, watcher):
        yield
