"""Losses that layers add while they are called: `add_loss`, and `activity_regularizer` in its terms.

In a step of training or evaluation they are gathered for its total; outside, each layer keeps those of the
last call for `losses`. A step that is traced holds symbols, which end with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from autograd import Tensor
from autograd.mode import mode, switched

from .arguments import shown
from .errors import ArgumentError
from .weights import Weighted

if TYPE_CHECKING:
    from .module import Module

_gathered: ContextVar[list[tuple[int, Tensor]] | None] = ContextVar("gathered losses", default=None)
"""By identity of the layer that added it."""


_wanted: ContextVar[bool] = ContextVar("losses are wanted", default=True)


@contextmanager
def gathered_losses(wanted: bool = True) -> Iterator[None]:
    """Inside, losses that layers add are for the step that this is; where they are not `wanted`, the
    penalties of activations, which look at all rows, are not computed.
    """
    with switched(_gathered, []), switched(_wanted, wanted):
        yield


class Losing(Weighted):
    """Base of modules: losses beside the one that `compile` is told."""

    not_settings: frozenset[str] = frozenset(
        ("built", "output_shape", "input_shape", "seen_shape", "_automatic_name", "_special")
    ).union(("_added_losses", "_adds_losses", "_forgets_losses"))
    """Attributes on which no computation depends."""
    _added_losses: tuple[Tensor, ...] = ()
    """Of the last call."""
    _adds_losses: bool = False
    """Whether the code of the class names `add_loss`, or there is an `activity_regularizer`."""
    _forgets_losses: bool = False
    """Whether a call that begins here has losses of the last one to forget."""

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: without losses, which belong to a call."""
        return {name: value for name, value in vars(self).items() if name != "_added_losses"}

    def add_loss(self, loss: Any) -> None:
        """Add to the loss of training and evaluation, inside `call`: a tensor or several, each summed up.

        >>> import nn
        >>> class Sparse(nn.Layer):
        ...     def call(self, x):
        ...         self.add_loss(0.1 * abs(x).sum())
        ...         return x
        >>> layer = Sparse(); _ = layer([[1.0, -2.0]])
        >>> [round(loss.item(), 4) for loss in layer.losses]
        [0.3]
        """
        values = loss if isinstance(loss, (list, tuple)) else [loss]
        for value in values:
            if not isinstance(value, Tensor):
                raise ArgumentError(f"add_loss: a tensor is expected, got {shown(value)}")
        sums = [value.sum() if value.ndim else value for value in values]
        gathered = _gathered.get()
        if gathered is not None:
            gathered += [(id(self), value) for value in sums]
        else:
            # a compiled function of the user's that asks for them is refused by `added_losses`
            self._added_losses = (*self._added_losses, *sums) if mode.get().trace is None else ()

    @property
    def losses(self) -> list[Tensor]:
        """What layers added in the last call, then the penalties of weights that train.

        >>> import nn
        >>> layer = nn.Dense(1, kernel_regularizer=nn.L2(0.5), kernel_initializer="ones")
        >>> _ = layer([[1.0, 2.0]])
        >>> [loss.item() for loss in layer.losses]
        [1.0]
        """
        weights: list[Any] = self.trainable_weights
        return added_losses(self) + [w.regularizer(w) for w in weights if w.regularizer is not None]

    def forget_losses(self) -> None:
        """Drop what this layer and those below added."""
        own = _below(self)
        gathered = _gathered.get()
        if gathered is not None:
            gathered[:] = [(owner, value) for owner, value in gathered if owner not in own]
            return
        for module in own.values():
            if module._added_losses:
                module._added_losses = ()


def added_losses(module: Losing) -> list[Tensor]:
    """What a module and those below added: in this step, or else in their last call."""
    own, gathered = _below(module), _gathered.get()
    if gathered is not None:
        return [value for owner, value in gathered if owner in own]
    if mode.get().trace is not None and any(module._adds_losses for module in own.values()):
        raise ArgumentError(
            f"{type(module).__name__}: losses that layers add are not known inside ag.jit; train with fit or "
            "a train_step, or compute them in the function"
        )
    return [value for module in own.values() for value in module._added_losses]


def _below(module: Losing) -> dict[int, Losing]:
    modules = (module, *(node for _, node in module.tree().modules))
    return {id(node): node for node in modules if isinstance(node, Losing)}


def adds_losses(kind: type) -> bool:
    """Whether a method that the class itself defines names `add_loss`."""
    codes = [getattr(value, "__code__", None) for value in vars(kind).values()]
    return any(code is not None and "add_loss" in code.co_names for code in codes)


def regularize_activity(module: Module, regularizer: Any, result: Any) -> None:
    """Add the penalty of what a layer returned, over the number of rows, as in Keras."""
    if not _wanted.get():
        return
    for output in result if isinstance(result, (tuple, list)) else [result]:
        if isinstance(output, Tensor):
            penalty = regularizer(output)
            module.add_loss(penalty / float(output.shape[0]) if output.ndim and output.shape[0] else penalty)
