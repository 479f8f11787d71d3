"""Which way is better: for a logged number, by its name."""

from __future__ import annotations

HIGHER_IS_BETTER = (
    "acc", "auc", "precision", "recall", "f1", "fbeta", "r2", "score", "top_k", "cosine_similarity",
    "true_pos", "true_neg", "sensitivity", "specificity", "correlation", "iou", "io_u",
)  # fmt: skip
"""Parts of names of numbers where more is better; of every other name less is."""


def higher_is_better(name: str) -> bool:
    """Whether a larger value of the logged number `name` is the better one.

    >>> from nn.metrics.direction import higher_is_better
    >>> higher_is_better("val_accuracy"), higher_is_better("val_loss")
    (True, False)
    """
    plain = name.removeprefix("val_").lower()
    return any(part in plain for part in HIGHER_IS_BETTER)
