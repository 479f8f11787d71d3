"""The step of training, evaluation and prediction: what eager runs and a
trace captures, word for word the same.

A step reads a batch and named state (`training_state`), and its only effect is `assign` on that state. It
knows nothing of epochs, arrays or progress.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import autograd as ag
from autograd import Captured, Tensor, no_grad, random
from autograd.mode import switched
from autograd.structure import flatten

from .activations import remember_logits, remembered_logits
from .added import added_losses, gathered_losses
from .arguments import MODEL, shown
from .errors import ArgumentError, NotCompiledError
from .held import held_metrics
from .inputs import detached
from .losses import Loss
from .losses.base import returned
from .losses.several import OutputLosses
from .metrics import Metric
from .metrics.logged import number_of
from .module import settings
from .optimizers import Optimizer
from .overriding import checked_logs, has_own_loss, overrides, own_loss
from .precision import LossScale, buffers_of, remembered
from .regularizers import Rule
from .structured import rows_in, sole

if TYPE_CHECKING:
    from .model import Model


_parts: ContextVar[list[Tensor] | None] = ContextVar("losses of outputs", default=None)
"""Where a `compute_loss` of the user's leaves the loss of each output, when it asks for the compiled one."""
Penalties = Sequence[tuple[Rule, Tensor]]


class Task(NamedTuple):
    """What a step works on, looked up once: walking the modules at every step
    would cost more than a small layer.

    `metrics[0]` follows the loss, those behind it that of each output where there are several, the others get
    (y, prediction). `penalties` pairs a regulariser with its
    parameter. `scale` multiplies the loss of a step in float16.
    """

    model: Model
    loss: Loss | None
    metrics: Sequence[Metric]
    optimizer: Optimizer
    parameters: Sequence[Tensor]
    penalties: Penalties
    scale: LossScale | None = None
    followed: int = 1
    """So many metrics follow losses: the total, and that of each output where there are several."""

    def jit_key(self) -> Any:
        """What a trace of a step depends on besides tensors."""
        optimizer = self.optimizer
        rate = optimizer.schedule
        # what an untraced metric gathers is no part of a program
        traced = (metric for metric in self.metrics if metric.traced)
        return self.model.jit_key(), *(
            settings(part) for part in (optimizer, self.loss, rate, self.scale, *traced) if part is not None
        )


def task_of(model: Model) -> Task:
    """The task of a compiled and built model.

    Raises:
        NotCompiledError: before `compile` with a loss.
    """
    if model.optimizer is None or (model.loss is None and not has_own_loss(model)):
        raise NotCompiledError("call compile(optimizer=..., loss=...) first")
    parameters = model.parameters()
    followed = followed_by(model)
    if model.output_shape is not None:
        for metric in model.trackers:
            metric.build(sole(model.output_shape))
    return Task(
        model,
        model.loss,
        # a model's own `compute_metrics` updates all but the losses, after the step
        model.trackers[:followed] if overrides(model, "compute_metrics") else model.trackers,
        model.optimizer,
        parameters,
        _penalties(parameters),
        model.loss_scale,
        followed,
    )


def followed_by(model: Model) -> int:
    """How many of a model's metrics follow losses."""
    return 1 + (len(model.loss.trained) if isinstance(model.loss, OutputLosses) else 0)


def is_partly_own(task: Task) -> bool:
    """Whether code that is not the library's is part of a step: then it may raise, or return anything."""
    parts: list[Any] = [
        task.loss,
        task.optimizer,
        *task.metrics,
        *(module for _, module in task.model.named_modules()),
    ]
    parts.append(task.optimizer.schedule)
    parts += [regularizer for regularizer, _ in task.penalties]
    parts += [parameter.constraint for parameter in task.model.parameters()]
    parts += [getattr(part, "function", getattr(part, "loss", None)) for part in (task.loss, *task.metrics)]
    return any(
        not str(getattr(part, "__module__", "")).startswith("nn.") for part in parts if part is not None
    )


def checked_output(model: Model, output: Any, x: Any) -> Any:
    """`output` of a model for rows `x`.

    Raises:
        ArgumentError: it is no tensor with a row for each of x, nor a structure of such tensors.
    """
    rows = rows_in(x)
    leaves = [output] if isinstance(output, Tensor) else flatten(output)
    wrong = [leaf for leaf in leaves if not isinstance(leaf, Tensor) or leaf.shape[:1] != (rows,)]
    if leaves and not wrong:
        return output
    bad = wrong[0] if wrong else output
    made = f"a tensor of shape {bad.shape}" if isinstance(bad, Tensor) else f"{type(bad).__name__}"
    raise ArgumentError(
        f"{type(model).__name__} returned {made} for {rows} rows; fit, evaluate and predict need "
        "tensors with a row for each"
    )


def forward(task: Task, x: Any, y: Any, weight: Any, training: bool = True) -> tuple[Any, list[Tensor]]:
    """(prediction, [total loss, the loss of each output where there are several]); from the logits where the
    model ends in the activation that the loss knows.
    """
    with remember_logits(), gathered_losses():
        prediction = checked_output(task.model, task.model(x), x)
        if overrides(task.model, "compute_loss"):
            parts: list[Tensor] = []
            with ag.named_scope("loss"), switched(_parts, parts):
                total = own_loss(task.model, x, y, prediction, weight, training)
            total = returned(f"{type(task.model).__name__}.compute_loss", total)
            return prediction, [total if not total.ndim else total.mean(), *parts]
        with ag.named_scope("loss"):
            return prediction, _compiled(task.model, task.loss, task.penalties, y, prediction, weight)


def compiled_loss_of(model: Model, y: Any, prediction: Any, weight: Any) -> Tensor:
    """The compiled loss of a batch with all penalties."""
    return _compiled(model, model.loss, _penalties(model.parameters()), y, prediction, weight)[0]


def _compiled(
    model: Model, loss: Loss | None, penalties: Penalties, y: Any, prediction: Any, weight: Any
) -> list[Tensor]:
    parts: list[Tensor] = []
    prediction = sole(prediction)
    if loss is None:
        if not penalties and not added_losses(model):
            raise NotCompiledError("there is no loss: compile(loss=...) first")
        total = ag.zeros((), model.dtype)
    elif isinstance(loss, OutputLosses):
        total, parts = _sum_of_outputs(loss, y, prediction, weight)
        wanted = _parts.get()
        if wanted is not None:
            wanted[:] = parts
    else:
        total = _loss_of(loss, y, prediction, weight)
    for regularizer, parameter in penalties:
        total = total + returned("a regularizer", regularizer(parameter))
    for added in added_losses(model):
        total = total + added
    return [total, *parts]


def _sum_of_outputs(
    losses: OutputLosses, y: Any, prediction: Any, weight: Any
) -> tuple[Tensor, list[Tensor]]:
    """The weighted sum, and the loss of each output by itself."""
    targets, outputs = losses.parts(y, "y"), losses.parts(prediction, "outputs")
    weights = [weight] * len(outputs)
    if weight is not None and not isinstance(weight, Tensor):
        weights = losses.parts(weight, "sample_weight")
    parts = []
    for loss, target, output, own in zip(losses.losses, targets, outputs, weights, strict=True):
        if loss is not None:
            parts.append(_loss_of(loss, target, output, own))
    total = sum(part * losses.weights[i] for i, part in zip(losses.trained, parts, strict=True))
    return returned("a loss", total), parts


def _loss_of(loss: Loss, y: Tensor, prediction: Tensor, weight: Tensor | None) -> Tensor:
    last = remembered_logits(prediction)
    if last is not None and last.activation == loss.logits_of and not loss.from_logits:
        values = loss.per_sample(y, last.values, from_logits=True)
    else:
        values = loss.per_sample(y, prediction, loss.from_logits)
    total = loss.reduce(returned("a loss", values), weight, loss.kept(y))
    if returned(f"{type(loss).__name__}.reduce", total).ndim:
        total = total.mean()
    return total


def _penalties(parameters: Sequence[Any]) -> Penalties:
    return [(p.regularizer, p) for p in parameters if p.regularizer is not None]


def train_step(task: Task, x: Any, y: Any, weight: Any = None) -> dict[str, Any] | None:
    """What a trace captures, and then the metrics that no trace can hold; returns what `collect` does."""
    return collect(task, y, traced_train_step(task, x, y, weight), x, weight)


def traced_train_step(task: Task, x: Any, y: Any, weight: Any = None) -> Any:
    """Forward, loss, backward, update. Returns what `collect` takes."""
    scale = task.scale
    before = [] if scale is None else remembered(buffers_of(task.model))
    prediction, losses = forward(task, x, y, weight)
    # without anything to train a step measures, and is none of the optimizer
    gradients = _gradients(task, losses[0]) if task.parameters else []
    with no_grad():
        observe(task, losses, x, y, prediction, weight)
        if gradients:
            if scale is None:
                task.optimizer.apply(gradients, task.parameters)
            else:
                scale.apply(task.optimizer, gradients, task.parameters, before)
    return _wanted(task, prediction)


def _gradients(task: Task, total: Tensor) -> list[Tensor | None]:
    """Those of the parameters, which keep none."""
    for parameter in task.parameters:
        parameter.grad = None
    target = task.optimizer.scale_loss(total)
    (target if task.scale is None else task.scale.scaled(target)).backward()
    gradients = [parameter.grad for parameter in task.parameters]
    for parameter in task.parameters:
        parameter.grad = None
    return gradients


def traced_evaluate_step(task: Task, x: Any, y: Any, weight: Any = None) -> Any:
    """Forward and loss; the metrics move, the model does not. Returns what `collect` takes."""
    with no_grad():
        prediction, losses = forward(task, x, y, weight, training=False)
        observe(task, losses, x, y, prediction, weight)
    return _wanted(task, prediction)


def _wanted(task: Task, prediction: Any) -> Any:
    """The prediction, where a metric waits for it."""
    traced = all(metric.traced for metric in task.metrics) and not overrides(task.model, "compute_metrics")
    return None if traced else detached(prediction)


def collect(
    task: Task,
    y: Any,
    prediction: Any,
    x: Any = None,
    weight: Any = None,
) -> dict[str, Any] | None:
    """Feed the metrics that are no part of the traced step with what it returned; gives the logs that a
    `compute_metrics` of the user's made.
    """
    if prediction is not None:
        with no_grad():
            if overrides(task.model, "compute_metrics"):
                logs = task.model.compute_metrics(x, y, prediction, weight)
                return {
                    n: number_of(n, v) for n, v in checked_logs(task.model, "compute_metrics", logs).items()
                }
            for metric in task.metrics:
                if not metric.traced:
                    metric.observe(y, sole(prediction), weight)
    return None


def observe(task: Task, losses: Sequence[Tensor], x: Any, y: Any, prediction: Any, weight: Any) -> None:
    """Add a batch to the metrics: a loss counts once per row, so an epoch's loss is the mean over rows.

    Weights are in the losses alone, and in the metrics that were compiled as weighted: what Keras calls
    `metrics` counts every row once.
    """
    rows = float(rows_in(x))
    seen = sole(detached(prediction))
    with ag.named_scope("metrics"):
        # a loss of the user's own may say nothing of the outputs
        for follow, value in zip(task.metrics[: task.followed], losses, strict=False):
            follow.total.assign(follow.total + value.detach().to("float64") * rows)
            follow.count.assign(follow.count + rows)
        for metric in task.metrics[task.followed :]:
            if metric.traced:
                metric.observe(y, seen, weight)


def training_state(task: Task) -> dict[str, Tensor]:
    """Everything that `traced_train_step` reads besides the batch, and assigns: by name, in a fixed order."""
    task.optimizer.build(task.parameters)
    return state_of(task)


def state_of(task: Task) -> dict[str, Tensor]:
    """The same as far as it is there: measuring makes no slots."""
    model = task.model
    generator = random.default_generator()
    state = {f"model.{name}": tensor for name, tensor in model.named_tensors()}
    state |= {f"optimizer.{name}": tensor for name, tensor in task.optimizer.state().items()}
    if task.scale is not None:
        state |= {f"loss_scale.{name}": tensor for name, tensor in task.scale.state().items()}
    for metric in task.metrics:
        if not metric.traced:
            continue
        state |= {f"metrics.{metric.name}.{k}": tensor for k, tensor in metric.state().items()}
    for name, metric in held_metrics(model):
        if not metric.traced:
            continue
        state |= {f"held.{name}.{k}": tensor for k, tensor in metric.state().items()}
    return state | {"random.key": generator.key, "random.counter": generator.counter}


def capture_train_step(model: Model, x: Any, y: Any) -> Captured:
    """The training step of a compiled and built model as a program, for batches of the shape of `x` and `y`.

    It returns None; with a metric that is not traced (`AUC`) the prediction, to be given to `collect`.

    >>> import autograd as ag, nn
    >>> model = nn.Sequential([nn.Input((3,)), nn.Dense(1)]); model.compile("sgd", "mse")
    >>> step = nn.capture_train_step(model, ag.zeros((4, 3)), ag.zeros((4, 1)))
    >>> step.program_text().splitlines()[1]
    '%0: float32[3, 1] = state "model.layers.0.kernel"'
    """
    MODEL.checked("capture_train_step", "model", model)
    for name, value in (("x", x), ("y", y)):
        if not hasattr(value, "shape"):
            raise ArgumentError(f"capture_train_step: {name} is a tensor or an array, got {shown(value)}")
    if overrides(model, "train_step"):
        raise ArgumentError(f"{type(model).__name__} has a train_step of its own; capture it with ag.capture")
    if not model.built:
        model.ensure_built(x if isinstance(x, Tensor) else ag.tensor(x, model.dtype_of_x))
    was_training = model.training
    with model.drawing():
        task = task_of(model)
        state = training_state(task)
        model.train()
        try:
            step = partial(traced_train_step, task)
            return ag.capture(step, x, y, state=state, name="train_step", precision=model.mixed_precision)
        finally:
            model.train(was_training)
