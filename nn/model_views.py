"""What a model can say of itself: a table and a picture. How they are made
is in `summary.py` and `diagram.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from autograd.svg import Picture

from . import diagram, summary
from .arguments import FLAG, PATH, function
from .module import Module
from .notebook import model_html
from .plots.network import network_svg

_WRITER = function("is a function of a text", 1).or_none()


class ModelViews(Module):
    """Base of models: `summary()` and `plot()`."""

    dtype: str

    def _repr_html_(self) -> str:
        return model_html(self)

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print layers, output shapes, numbers of parameters and memory.

        Args:
            line_length: characters of a line, at least 40; None fits the content.
            positions: where the columns end, in characters or as shares of the line; None fits the content.
            print_fn: is given the text; None prints it.
            expand_nested: show the layers inside of layers too, indented.
            show_trainable: a column more, Y or N for each layer with weights.
            layer_range: the names of the first and the last layer to show; regular expressions, too.

        Raises:
            ArgumentError: `line_length` is too short, `positions` leave a column no room, or there is no
                layer as in `layer_range`.

        >>> import nn
        >>> nn.Sequential([nn.Dense(2, input_shape=(3,))]).summary()
        Model: Sequential
        ---------------------------------------
        Layer (type)   Output shape  Parameters
        ---------------------------------------
        dense (Dense)  (None, 2)              8
        ---------------------------------------
        Total parameters: 8 (32 bytes)
        Trainable parameters: 8 (32 bytes)
        Non-trainable parameters: 0 (0 bytes)
        """
        nested = FLAG.checked("summary", "expand_nested", expand_nested)
        trained = FLAG.checked("summary", "show_trainable", show_trainable)
        write = _WRITER.checked("summary", "print_fn", print_fn) or print
        write(summary.table(self, line_length, nested, positions, trained, layer_range))

    def plot(
        self,
        path: str | os.PathLike[str] | None = None,
        show_shapes: bool = True,
        expand_nested: bool = False,
        neurons: bool = False,
    ) -> Picture:
        """The network as SVG: what each layer is, and what flows from where to where.

        The model runs once on a sample of zeros, and stays as it was.

        Args:
            path: where to write it as well, a name that ends in .svg.
            show_shapes: of inputs and outputs.
            expand_nested: show the layers inside of layers too, in a frame.
            neurons: draw each unit and each weight of dense layers instead (`nn.plots.network`).

        Returns:
            The picture: `.svg` is the text; a notebook shows it; `.save(path)` writes it.

        Raises:
            ArgumentError: the model is not built; with `neurons`, it is more than a chain of dense layers.
            MissingExtraError: without pygraphviz, the extra `draw`; with `neurons`, without matplotlib.

        >>> import nn
        >>> picture = nn.Sequential([nn.Dense(2, input_shape=(3,))]).plot()
        >>> "dense (Dense)" in picture.svg and "(None, 2)" in picture.svg
        True
        """
        shapes = FLAG.checked("plot", "show_shapes", show_shapes)
        nested = FLAG.checked("plot", "expand_nested", expand_nested)
        path = PATH.or_none().checked("plot", "path", path)
        if FLAG.checked("plot", "neurons", neurons):
            return network_svg(self, path)
        return diagram.plot(self, path, shapes, nested)
