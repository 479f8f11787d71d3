"""Putting a model back: after something was tried out on it, or where a call was refused
half-way, all is as before, bit for bit.

All is: weights, buffers and gradients, what the optimizer, loss and metrics keep, modes, whether it is built,
and where the library's random generators stand. Attributes are put back, and lists, dicts and sets among them
(and in dicts) with what they held; what deeper objects hold is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from autograd import Tensor, random
from autograd.tracing import one_at_a_time

from .held import held_metrics
from .metrics import Metric
from .metrics.of_output import OutputMetric
from .module import Module
from .tree import changed


class Snapshot:
    """The attributes of some objects and the values of some tensors, as they are when it is made."""

    def __init__(self, owners: Iterable[Any], tensors: Iterable[Tensor]) -> None:
        # while another thread traces a step of the same tensors, these hold symbols
        with one_at_a_time:
            self._attributes = [(owner, _held(vars(owner))) for owner in owners]
            self._values = [(tensor, tensor.detach()) for tensor in tensors]

    def restore(self) -> None:
        """Put them back; nothing is assigned or counted as changed where nothing has changed."""
        with one_at_a_time:
            self._restore()

    def forget_symbols(self) -> None:
        """Put back the attributes that hold results of a trace, and no others."""
        for owner, before in self._attributes:
            for name, value in list(vars(owner).items()):
                if isinstance(value, Tensor) and value.backend == "trace":
                    if name in before:
                        setattr(owner, name, before[name][0])
                    else:
                        delattr(owner, name)

    def _restore(self) -> None:
        for owner, before in self._attributes:
            now = vars(owner)
            if _identities(now) != _identities({n: value for n, (value, _) in before.items()}):
                now.clear()
                now.update((name, value) for name, (value, _) in before.items())
                changed()
            _refill(before)
        for tensor, value in self._values:
            if tensor.data is not value.data:
                tensor.assign(value)


def _identities(values: dict[str, Any]) -> list[tuple[str, int]]:
    return [(name, id(value)) for name, value in values.items()]


Content = dict[Any, tuple[Any, Any]]
"""What a dict holds: each value, and what that holds where it can change in place."""


def _held(values: dict[Any, Any]) -> Content:
    """A dict in a dict is looked into, a list and a set are copied."""
    return {
        key: (
            value,
            _held(value) if type(value) is dict else value.copy() if type(value) in (list, set) else None,
        )
        for key, value in values.items()
    }


def _refill(held: Content) -> None:
    """Give the dicts, lists and sets among the values what they held."""
    for value, content in held.values():
        if type(value) is list:
            value[:] = content
        elif content is not None:
            value.clear()
            value.update(
                {key: inner for key, (inner, _) in content.items()} if type(value) is dict else content
            )
            if type(value) is dict:
                _refill(content)


@contextmanager
def preserved(model: Module) -> Iterator[None]:
    """A context after which a model, its optimizer, metrics and the
    library's random generators are as before.
    """
    with _undoing(model) as undo:
        try:
            yield
        finally:
            undo()


class Attempt:
    """What may still be undone."""

    kept = False

    def keep(self) -> None:
        """From now on an error undoes nothing."""
        self.kept = True


@contextmanager
def undone_on_error(model: Module | None = None) -> Iterator[Attempt]:
    """A context that an error leaves with the model, if there is one yet, and
    the random generators as they were.

    Unless `keep` was called on what it gives.
    """
    attempt = Attempt()
    with _undoing(model) as undo:
        try:
            yield attempt
        except BaseException:
            if not attempt.kept:
                undo()
            raise


@contextmanager
def _undoing(model: Module | None) -> Iterator[Callable[[], None]]:
    """Gives the function that puts everything back."""
    restore = None if model is None else restoring(model)
    default = random.default_generator()
    state = default.state
    with random.remembered_draws() as draws:

        def undo() -> None:
            if restore is not None:
                restore()
            for generator, before in draws.states.items():
                generator.state = before
            # a state that was set is no draw
            default.state = state

        yield undo


def restoring(model: Module) -> Callable[[], None]:
    """The function that puts back a model, built or not, with its optimizer,
    loss and metrics, as they are now.
    """
    modules = [module for _, module in model.named_modules()]
    helpers = [getattr(model, name, None) for name in ("optimizer", "loss", "loss_scale")]
    helpers += [*getattr(model, "trackers", ()), *(metric for _, metric in held_metrics(model))]
    helpers += [helper.metric for helper in helpers if isinstance(helper, OutputMetric)]
    tensors = [tensor for _, tensor in model.named_tensors()]
    gradients = [(tensor, tensor.grad) for tensor in tensors if tensor.requires_grad]
    for helper in helpers:
        tensors += tensors_of(helper)
    owners = [*modules, *(helper for helper in helpers if hasattr(helper, "__dict__"))]
    snapshot = Snapshot(owners, tensors)

    def restore() -> None:
        snapshot.restore()
        for tensor, gradient in gradients:
            tensor.grad = gradient

    return restore


def tensors_of(helper: Any) -> list[Tensor]:
    """The tensors of an optimizer, metric or loss scale. The state of a metric that
    gathers is made when it is asked for.
    """
    if isinstance(helper, Metric) and not helper.traced:
        return [getattr(helper, name) for name in helper.state_names]
    state: Callable[[], dict[str, Tensor]] | None = getattr(helper, "state", None)
    return list(state().values()) if callable(state) else []
