"""Keras's plot_model and model_to_dot, by the picture that `model.plot` draws."""

from __future__ import annotations

import os
from typing import Any

from autograd.svg import Picture, write_picture

from .arguments import FLAG
from .errors import ArgumentError


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_layer_names: bool = True,
    expand_nested: bool = False,
    show_layer_activations: bool = True,
    show_dtype: bool = False,
    rankdir: str = "TB",
    show_trainable: bool = False,
) -> Picture:
    """Draw the model and write the picture; prints the name of the file.

    Args:
        to_file: a name that ends in .svg or .png; None writes nothing.
        show_shapes, expand_nested: as in `model.plot`.
        show_layer_names, show_layer_activations: always shown.
        show_dtype, rankdir, show_trainable: not drawn; their defaults alone are taken.

    Returns:
        The picture; a notebook shows it.

    Raises:
        ArgumentError: what is not drawn is asked for, the model is not built, or another kind of file.
        MissingExtraError: without pygraphviz, the extra `draw`.

    >>> import nn
    >>> picture = nn.utils.plot_model(nn.Sequential([nn.Dense(2, input_shape=(3,))]), to_file=None)
    >>> "dense (Dense)" in picture.svg
    True
    """
    fixed = (
        ("show_layer_names", show_layer_names, True),
        ("show_layer_activations", show_layer_activations, True),
        ("show_dtype", show_dtype, False),
        ("show_trainable", show_trainable, False),
        ("rankdir", rankdir, "TB"),
    )
    for name, given, known in fixed:
        if given != known:
            raise ArgumentError(
                f"plot_model: {name} is {known!r} here, got {given!r}; the rest is drawn without it"
            )
    path = "" if to_file is None else os.fspath(to_file)
    kind = os.path.splitext(path)[1].lower()
    if to_file is not None and kind not in (".png", ".svg"):
        raise ArgumentError(f"plot_model: to_file ends in .png or .svg, got {path!r}")
    shapes = FLAG.checked("plot_model", "show_shapes", show_shapes)
    picture: Picture = model.plot(None, shapes, FLAG.checked("plot_model", "expand_nested", expand_nested))
    if kind == ".svg":
        picture.save(path)
    elif kind == ".png":
        write_picture(path, picture.png())
    if path:
        print(f"wrote {path}")
    return picture
