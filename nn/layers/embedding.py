"""Embedding: a vector of its own for each of many words, classes or users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import autograd as ag
from autograd import Tensor

from ..arguments import whole
from ..forms import Form
from .base import CONSTRAINT, INITIALIZER, REGULARIZER, Layer, weight


class Embedding(Layer):
    """Rows of a table by number: inputs (...) of integers from 0 to input_dim - 1, outputs (..., output_dim).

    Where `i` stands in the input, row `i` stands in the output. A model gives its inputs as floating numbers; integers up
    to 2**24 are exact in float32, up to 2**53 in float64. A fraction is cut off, as in Keras.

    Args:
        input_dim: how many different numbers there are.
        output_dim: the length of a vector.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table (input_dim, output_dim).
        input_shape, name: as in `Layer`.

    Raises:
        RangeError: a number is outside the table.

    >>> import nn
    >>> nn.Embedding(10, 4)([[1, 2, 1]]).shape
    (1, 3, 4)
    """

    forms: ClassVar[Mapping[str, Form]] = {
        "embeddings_initializer": INITIALIZER,
        "embeddings_regularizer": REGULARIZER,
        "embeddings_constraint": CONSTRAINT,
    }

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.input_dim = whole("Embedding", "input_dim", input_dim)
        self.output_dim = whole("Embedding", "output_dim", output_dim)
        self.embeddings_initializer = embeddings_initializer
        self.embeddings_regularizer = embeddings_regularizer
        self.embeddings_constraint = embeddings_constraint

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        self.embeddings = weight(
            (self.input_dim, self.output_dim),
            dtype,
            self.embeddings_initializer,
            self.embeddings_regularizer,
            self.embeddings_constraint,
        )

    def call(self, x: Tensor) -> Tensor:
        return ag.take(self.embeddings, x.to("int64"), axis=0)
