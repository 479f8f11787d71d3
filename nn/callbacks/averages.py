"""Callbacks around the moving averages of weights, and one that is refused."""

from __future__ import annotations

from typing import Any

from ..arguments import FLAG
from ..checkpoint import fields
from ..constructors import argument, attribute, constructor
from ..errors import ArgumentError, NotCompiledError
from .base import Callback, Logs, Stateful


@constructor
class SwapEMAWeights(Stateful):
    """Measure with the moving averages of the weights that an optimizer with `use_ema=True` keeps.

    The averages are in the model while the validation data are measured.

    Args:
        swap_on_epoch: also from the end of each epoch to the beginning of the next, for callbacks that come
            later, such as `ModelCheckpoint`.

    Raises:
        ArgumentError: when training begins, the optimizer keeps no averages.

    >>> import nn
    >>> model = nn.Sequential([nn.Dense(1, input_shape=(1,))])
    >>> model.compile(nn.SGD(0.1, use_ema=True), "mse")
    >>> swap = nn.callbacks.SwapEMAWeights()
    >>> run = model.fit([[0.0], [1.0]], [0.0, 1.0], validation_split=0.5, callbacks=swap, verbose=0)
    """

    state_fields = {"swapped": fields.FLAG}
    swap_on_epoch: bool = argument(FLAG, default=False)
    swapped: bool = attribute(False)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self.model.optimizer is None:
            raise NotCompiledError("SwapEMAWeights: call compile(optimizer=...) first")
        if not self.model.optimizer.use_ema:
            raise ArgumentError(
                "SwapEMAWeights: the optimizer keeps averages of the weights with use_ema=True"
            )
        self.swapped = False

    def _swap(self, wanted: bool) -> None:
        optimizer = self.model.optimizer
        if optimizer is not None and self.swapped is not wanted and optimizer.averages():
            optimizer.averages_in_use = self.swapped
            optimizer.swap_averages(self.model.parameters())
            self.swapped = wanted

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.swap_on_epoch:
            self._swap(True)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._swap(False)

    def on_train_end(self, logs: Logs | None = None) -> None:
        # `fit` has left the averages in the model; where it did not come to its end, the weights are put back
        optimizer = self.model.optimizer
        if optimizer is not None and optimizer.averages_in_use:
            self._swap(False)
        self.swapped = False


class RemoteMonitor(Callback):
    """Not supported: Keras's callback sends the logs to a server, and nothing here speaks to a network.

    Raises:
        ArgumentError: always; a function of your own in `LambdaCallback(on_epoch_end=...)` can send them.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        raise ArgumentError(
            "RemoteMonitor is not supported: send the logs in a function of your own, "
            "LambdaCallback(on_epoch_end=lambda epoch, logs: ...)"
        )
