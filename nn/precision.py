"""Mixed precision: which format the products of a model have, and the scale
that keeps small gradients of float16.

Parameters, losses, metrics and all that an optimizer keeps stay float32; only operands of matrix
products are rounded, in compiled steps (`ag.jit(precision=...)`). bfloat16 and tf32 have float32's
exponents and need nothing else. In float16 gradients below 6e-8 would vanish, so the loss is
multiplied before backward and the gradients divided after.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import autograd as ag
from autograd import Tensor, no_grad

from .arguments import COUNT, FLAG, Checked, Range, form
from .constructors import argument, constructor
from .errors import ArgumentError
from .optimizers import Optimizer
from .parameter import Buffer, RandomWord

if TYPE_CHECKING:
    from .model import Model

_LEAST, _MOST = 2.0**-126, 2.0**127
"""Powers of two that float32 holds: halving and doubling end here, for
from 0 or infinity there is no way back.
"""
Kept = list[tuple[Tensor, Tensor]]
"""Tensors, and what they were."""


@form('is "auto", True or False')
def JIT(value: Any) -> Any:
    return value if isinstance(value, str) and value == "auto" else FLAG.keep(value)


@constructor
class LossScale(Checked):
    """Dynamic loss scaling (Micikevicius et al. 2018, section 3.2), with the
    constants of Keras's LossScaleOptimizer.

    A step with a gradient that is not finite changes nothing and halves the scale; after so many finite steps
    in a row it is doubled. A model compiled with `mixed_precision="float16"` has one as `model.loss_scale`;
    set another to choose other constants.

    Args:
        initial_scale: what the loss is multiplied with at first.
        dynamic_growth_steps: finite steps until the scale is doubled.

    Raises:
        ArgumentError: a number out of range.

    >>> import autograd as ag, nn
    >>> scale, w = nn.LossScale(8.0, dynamic_growth_steps=2), nn.Parameter([1.0])
    >>> for gradient in (8.0, float("inf"), 4.0, 4.0):
    ...     scale.apply(nn.SGD(0.25), [ag.tensor([gradient])], [w])
    ...     print(w.tolist(), scale.scale.item())
    [0.75] 8.0
    [0.75] 4.0
    [0.5] 4.0
    [0.25] 8.0
    """

    initial_scale: float = argument(
        Range("is a number from 2**-126 to 2**127", least=_LEAST, most=_MOST), default=2.0**15
    )
    dynamic_growth_steps: int = argument(COUNT, default=2000)

    def __post_init__(self) -> None:
        self.scale = ag.full((), float(self.initial_scale), "float32")
        self.good_steps = ag.zeros((), "int64")

    def state(self) -> dict[str, Tensor]:
        """Every tensor that a step reads and assigns, by name."""
        return {"scale": self.scale, "good_steps": self.good_steps}

    def scaled(self, loss: Tensor) -> Tensor:
        """The loss to go backward from."""
        with ag.named_scope("LossScale"):
            return loss * self.scale.to(loss.dtype)

    @no_grad()
    def apply(
        self,
        optimizer: Optimizer,
        gradients: Sequence[Tensor | None],
        parameters: Sequence[Tensor],
        kept: Kept | None = None,
    ) -> None:
        """One update from gradients of a scaled loss, and the scale of the next step.

        Where one of them is not finite, parameters, optimizer and the tensors in
        `kept` are what they were, bit for bit.
        """
        with ag.named_scope("LossScale"):
            optimizer.build(parameters)
            unscaled = [None if g is None else g / self.scale.to(g.dtype) for g in gradients]
            finite = _all_finite(unscaled)
            state = [t for name, t in optimizer.state().items() if name != "learning_rate"]
            before = [*remembered((*parameters, *state)), *(kept or ())]
            optimizer.apply(unscaled, parameters)
            for tensor, value in before:
                tensor.assign(ag.where(finite, tensor.detach(), value))
            self._next(finite)

    def _next(self, finite: Tensor) -> None:
        good = ag.where(finite, self.good_steps + 1, 0)
        grows = good >= self.dynamic_growth_steps
        grown = ag.where(grows, ag.minimum(self.scale, _MOST / 2) * 2.0, self.scale)
        self.scale.assign(ag.where(finite, grown, ag.maximum(self.scale * 0.5, _LEAST)))
        self.good_steps.assign(ag.where(grows, 0, good))


def _all_finite(gradients: Iterable[Tensor | None]) -> Tensor:
    finite = ag.full((), True, "bool")
    for gradient in gradients:
        if gradient is not None:
            finite = finite & ag.isfinite(gradient).all()
    return finite


def remembered(tensors: Iterable[Tensor]) -> Kept:
    """The tensors with their values of now."""
    return [(tensor, tensor.detach()) for tensor in tensors]


def buffers_of(model: Model) -> list[Tensor]:
    """What a forward pass may change: moving averages, which an overflow would spoil for good."""
    buffers = (tensor for _, tensor in model.named_tensors() if isinstance(tensor, Buffer))
    return [buffer for buffer in buffers if not isinstance(buffer, RandomWord)]


def precision_of(model: Model) -> str | None:
    """The precision of a model's products; refused where `jit` was set to False since `compile`."""
    return checked_precision(model.mixed_precision, model.jit, model.dtype)


def chosen_jit(jit: Any, run_eagerly: Any, jit_compile: Any) -> Any:
    """`jit` of `compile`, from what Keras calls it, too.

    Raises:
        ArgumentError: they contradict each other.
    """
    jit, compiles = JIT.checked("compile", "jit", jit), JIT.checked("compile", "jit_compile", jit_compile)
    eager = FLAG.or_none().checked("compile", "run_eagerly", run_eagerly) or False
    if eager:
        compiles = False if compiles == "auto" else compiles
    given = {value for value in (jit, compiles, *((False,) if eager else ())) if value != "auto"}
    if len(given) > 1:
        raise ArgumentError(
            f"compile: jit={jit!r}, jit_compile={jit_compile!r} and run_eagerly={eager} contradict each other"
        )
    return given.pop() if given else "auto"


def checked_precision(name: Any, jit: Any, dtype: str) -> str | None:
    """The format that `compile(mixed_precision=name)` means; None is float32.

    Raises:
        ArgumentError: unknown names, with the nearest; a model that is not compiled, or not float32.
    """
    try:
        found: str | None = ag.jit(checked_precision, precision=name).precision
    except ag.DTypeError as error:
        raise ArgumentError(f"mixed_precision: {error}") from None
    if found is not None and jit is False:
        raise ArgumentError(
            f"mixed_precision={name!r} needs compiled steps, and jit=False never compiles: products that "
            'run as they are are float32. Use jit="auto" or jit=True.'
        )
    if found is not None and dtype != "float32":
        raise ArgumentError(
            f"mixed_precision={name!r} rounds operands of float32 products, and this model is {dtype}; "
            "make it with dtype='float32'"
        )
    return found
