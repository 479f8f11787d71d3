"""Variable: a tensor that an object of somebody's own keeps and changes, with Keras's methods."""

from __future__ import annotations

from typing import Any, Self

from .parameter import Buffer


class Variable(Buffer):
    """What `add_weight` of a metric makes: a tensor that `assign`, `assign_add` and `assign_sub` change.

    >>> import nn
    >>> seen = nn.metrics.Metric("seen").add_weight(name="count")
    >>> seen.assign_add(2.0).item()
    2.0
    """

    name: str | None = None
    trainable = False

    @property
    def value(self) -> Self:
        """Keras's name of the tensor itself."""
        return self

    def assign_add(self, value: Any) -> Self:
        """Add `value` in place."""
        return self.assign(self + value)

    def assign_sub(self, value: Any) -> Self:
        """Take `value` off in place."""
        return self.assign(self - value)
