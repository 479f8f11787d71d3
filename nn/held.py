"""Metrics that are attributes of a model or of its layers, also in lists, tuples and dicts, as in Keras.

Whoever writes them updates them, in a `call`, a `compute_loss` or a step; the library lets them begin again
with each epoch, logs them, and keeps them with a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .metrics.base import Metric
from .tree import settled


def metrics_below(root: Any) -> list[tuple[str, Metric]]:
    """The metrics of a module and of all below it, each once, with its path; the module's own come first.

    Those that are attributes of a model inside belong to that model alone, as in Keras.
    """
    tree = root.tree()
    # looked up again when an attribute was set anywhere; lists and dicts are what the tree itself looks at
    if tree.metrics is None or tree.metrics[0] != settled[0]:
        found: dict[int, tuple[str, Metric]] = {}
        for path, module in root.named_modules():
            if module is root or not hasattr(module, "trackers"):
                for where, metric in _of_attributes(path, module):
                    found.setdefault(id(metric), (where, metric))
        tree.metrics = settled[0], list(found.values())
    metrics: list[tuple[str, Metric]] = tree.metrics[1]
    return metrics


def _of_attributes(path: str, module: Any) -> Iterator[tuple[str, Metric]]:
    for name, value in list(vars(module).items()):
        if name not in module.not_settings:
            yield from _in(f"{path}.{name}" if path else name, value)


def _in(path: str, value: Any) -> Iterator[tuple[str, Metric]]:
    if isinstance(value, Metric):
        yield path, value
    elif isinstance(value, (list, tuple, dict)):
        items: Iterable[Any] = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in list(items):
            yield from _in(f"{path}.{key}", item)


def held_metrics(model: Any) -> list[tuple[str, Metric]]:
    """Those that were not given to `compile` as well: there they are fed by the library."""
    below = metrics_below(model)
    if not below:
        return []
    given = {id(getattr(metric, "metric", metric)) for metric in model.trackers}
    return [(path, metric) for path, metric in below if id(metric) not in given]
