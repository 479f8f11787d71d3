"""The steps of a model as methods, so that a model may have its own: Keras's
`compute_loss`, `train_step`, `test_step`.
"""

from __future__ import annotations

from typing import Any

from autograd import Tensor

from . import step
from .graph.functional import Functional
from .held import held_metrics
from .metrics import Metric
from .metrics.logged import numbers_of
from .overriding import Logs, inherited, overrides, unpacked


class Overridable(Functional):
    """Base of models: the steps of training and evaluation as methods."""

    trackers: list[Metric]
    step_logs: Logs | None
    """What a `train_step` or `test_step` of the user's returned last."""

    @inherited
    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The number that a step minimises, a tensor without dimensions: the compiled loss and all penalties.

        May be overridden; `super().compute_loss(...)` is this.

        Args:
            x, y, sample_weight: the batch; `sample_weight` may be None.
            y_pred: what the model made of x.
            training: whether the step trains.
        """
        return step.compiled_loss_of(self, y, y_pred, sample_weight)  # type: ignore[arg-type]

    @inherited
    def train_step(self, data: Any) -> Logs:
        """One step of training on (x, y) or (x, y, sample_weight); returns numbers by name, for the logs.

        May be overridden: `fit` and `train_on_batch` call it for every batch, compiled where it can be
        traced. One that updates the weights itself does so with `loss.backward()` and
        `self.optimizer.apply(gradients, parameters)`.

        >>> import nn
        >>> class Doubled(nn.Model):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.dense = nn.Dense(1)
        ...     def call(self, x):
        ...         return self.dense(x)
        ...     def train_step(self, data):
        ...         x, y = data
        ...         loss = self.compute_loss(x, y, self(x, training=True)) * 2.0
        ...         parameters = self.parameters()
        ...         self.zero_grad()
        ...         loss.backward()
        ...         self.optimizer.apply([p.grad for p in parameters], parameters)
        ...         return {"loss": loss.detach()}
        >>> model = Doubled(); model.compile(nn.SGD(0.1), "mse")
        >>> model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=60, verbose=0).history["loss"][-1] < 0.1
        True
        """
        logs = step.train_step(step.task_of(self), *unpacked(data))  # type: ignore[arg-type]
        return self.tracked_values() if logs is None else logs

    @inherited
    def test_step(self, data: Any) -> Logs:
        """One step of evaluation on (x, y) or (x, y, sample_weight); may
        be overridden as `train_step` may.
        """
        task, (x, y, weight) = step.task_of(self), unpacked(data)  # type: ignore[arg-type]
        logs = step.collect(task, y, step.traced_evaluate_step(task, x, y, weight), x, weight)
        return self.tracked_values() if logs is None else logs

    @inherited
    def predict_step(self, data: Any) -> Tensor:
        """The outputs for (x,); may be overridden: `predict` calls it for every batch, compiled where it
        can be traced.

        >>> import nn
        >>> class Percent(nn.Sequential):
        ...     def predict_step(self, data):
        ...         return super().predict_step(data) * 100.0
        >>> Percent([nn.Activation("linear")]).predict([[0.5]]).tolist()
        [[50.0]]
        """
        x = data[0] if isinstance(data, (tuple, list)) else data
        output: Tensor = self(x, training=False)
        return output

    @inherited
    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Logs:
        """Update the compiled metrics with a batch and return the results of all, with the loss.

        May be overridden, to add numbers of one's own to `super().compute_metrics(...)`: it is called after
        every step of training and evaluation, and what it returns goes into the logs.

        >>> import nn
        >>> class Watched(nn.Sequential):
        ...     def compute_metrics(self, x, y, y_pred, sample_weight=None):
        ...         return super().compute_metrics(x, y, y_pred) | {"largest": y_pred.max()}
        >>> model = Watched([nn.Dense(1, input_shape=(1,))]); model.compile("sgd", "mse", ["mae"])
        >>> sorted(model.evaluate([[0.0]], [[1.0]], return_dict=True, verbose=0))
        ['largest', 'loss', 'mae']
        """
        for metric in self.trackers[step.followed_by(self) :]:  # type: ignore[arg-type]
            metric.observe(y, y_pred, sample_weight)
        return self.get_metrics_result()

    @property
    @inherited
    def metrics(self) -> list[Metric]:
        """The means of the loss, that of all first, behind them the compiled metrics, then those that are
        attributes of the model or of its layers, also in lists and dicts.

        The last are updated by a `call`, a `compute_loss` or a step of one's own; all begin again with each
        epoch and are logged. May be overridden by a property: then what it lists is logged alone.

        >>> import nn
        >>> class Halved(nn.Sequential):
        ...     def __init__(self, layers):
        ...         super().__init__(layers)
        ...         self.half = nn.metrics.Mean("half")
        ...     def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        ...         loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        ...         self.half.update_state(loss * 0.5)
        ...         return loss
        >>> model = Halved([nn.Activation("linear")]); model.compile("sgd", "mse")
        >>> model.evaluate([[2.0]], [[0.0]], verbose=0, return_dict=True)
        {'loss': 4.0, 'half': 2.0}
        """
        return [*self.trackers, *(metric for _, metric in held_metrics(self))]

    def kept_metrics(self) -> list[Metric]:
        """All whose sums are those of the epoch in progress, logged or not, each once."""
        listed = self.metrics if overrides(self, "metrics") else ()
        everyone = [*self.trackers, *(metric for _, metric in held_metrics(self)), *listed]
        return list({id(metric): metric for metric in everyone}.values())

    def get_metrics_result(self) -> Logs:
        """The loss and all metrics since they began, by name: what `fit` logs, numbers and arrays."""
        logs: Logs = {}
        for metric in self.metrics:
            if metric.logged:
                logs |= numbers_of(metric)
        return logs

    def reset_metrics(self) -> None:
        """Let the loss and all metrics begin again, those that are attributes too."""
        self.step_logs = None
        for metric in self.kept_metrics():
            metric.reset()

    def metric_values(self, after_batch: bool = False) -> Logs:
        """What goes into the logs: what a step of the user's returned
        last, as in Keras, else `tracked_values`.
        """
        return self.tracked_values(after_batch) if self.step_logs is None else dict(self.step_logs)

    def tracked_values(self, after_batch: bool = False) -> Logs:
        """The loss and all metrics since they began; `after_batch` without
        those that take all rows of an epoch.
        """
        logs: Logs = {}
        for metric in self.metrics:
            if metric.logged and (metric.traced or not after_batch):
                logs |= numbers_of(metric)
        return logs
