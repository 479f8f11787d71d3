"""Weighted losses: of the only output, and of several, as their sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autograd import ShapeError, Tensor

from ..errors import ArgumentError
from .base import Loss


class WeightedLoss(Loss):
    """The loss of the only output, times its `loss_weights`; saved with the loss that it stands for.

    Args:
        loss: whose values per sample and checks these are.
        weight: what the reduced loss is multiplied with.
    """

    def __init__(self, loss: Loss, weight: float) -> None:
        super().__init__(loss.name)
        self.loss, self.weight = loss, weight
        self.from_logits, self.logits_of = loss.from_logits, loss.logits_of

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        return self.loss.per_sample(y_true, y_pred, from_logits)

    def check(self, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
        return self.loss.check(y_true, output_shape)

    def kept(self, y_true: Tensor) -> Tensor | None:
        return self.loss.kept(y_true)

    def reduce(self, values: Tensor, sample_weight: Any = None, kept: Tensor | None = None) -> Tensor:
        return self.loss.reduce(values, sample_weight, kept) * self.weight


class OutputLosses(Loss):
    """What `compile` makes of a list or dict of losses.

    Args:
        names: of the outputs, in order.
        losses: one for each output; None where it has none, and no targets.
        weights: what each is multiplied with in the sum.
    """

    def __init__(self, names: Sequence[str], losses: Sequence[Loss | None], weights: Sequence[float]) -> None:
        super().__init__()
        self.names = list(names)
        self.losses = list(losses)
        self.weights = list(weights)

    @property
    def trained(self) -> list[int]:
        """The numbers of the outputs that have a loss."""
        return [i for i, loss in enumerate(self.losses) if loss is not None]

    def parts(self, tree: Any, what: str) -> list[Any]:
        """What belongs to each output in a structure by position or by name; None where there is nothing.

        Raises:
            ArgumentError: other names, or another number.
        """
        if isinstance(tree, Mapping):
            strange = [key for key in tree if str(key) not in self.names]
            if strange:
                raise ArgumentError(f"{what}: the outputs of this model are {self.names}, got {list(tree)}")
            found = {str(key): part for key, part in tree.items()}
            return [found.get(name) for name in self.names]
        if len(tree) == len(self.names):
            return list(tree)
        trained = self.trained
        if len(tree) != len(trained):
            raise ArgumentError(f"{what}: {len(tree)} arrays for the outputs {self.names}")
        found = dict(zip([self.names[i] for i in trained], tree, strict=True))
        return [found.get(name) for name in self.names]

    def check(self, y_true: Any, output_shape: Any) -> Any:
        """All targets, each checked against the shape of its output; a list has an entry for each."""
        targets, shapes = self.parts(y_true, "y"), self.parts(output_shape, "outputs")
        checked: list[Any] = []
        for name, loss, target, shape in zip(self.names, self.losses, targets, shapes, strict=True):
            if loss is None or target is None:
                if loss is not None:
                    raise ArgumentError(f"y: there are no targets for the output {name!r}")
                checked.append(target)
                continue
            try:
                checked.append(loss.check(target, shape))
            except (ShapeError, ArgumentError) as error:
                raise type(error)(f"output {name!r}: {error}") from error
        if isinstance(y_true, Mapping):
            return {name: t for name, t in zip(self.names, checked, strict=True) if t is not None}
        return checked

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        raise ArgumentError("the losses of several outputs are computed one by one")
