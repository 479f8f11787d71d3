"""A model as a file of ONNX: what `predict` computes, for runtimes that know nothing of this library.

The forward pass is traced as `predict` does it and translated primitive by primitive, so layers of one's own
are exported as those of the library are. What cannot be exported is refused with the layer that it is in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import autograd as ag
from autograd import TraceError, no_grad, random
from autograd.errors import ExportError
from autograd.exporting import OPSETS, FileNames, onnx_bytes
from autograd.structure import flatten

from ..arguments import FLAG, Range, choice
from ..errors import ArgumentError, MissingExtraError
from ..inputs import only_output
from ..layers.host import HostLayer
from ..module import Module, watched_calls
from ..predictor import Predictor
from ..structured import is_shape, parts_of
from .files import Place, may_write, write

if TYPE_CHECKING:
    from ..model import Model

FORMAT = choice("onnx")
OPSET = Range(f"is an integer from {OPSETS[0]} to {OPSETS[1]}", least=OPSETS[0], most=OPSETS[1], whole=True)


def export(model: Model, filepath: Place, format: Any, opset: Any, overwrite: Any) -> None:
    """What `Model.export` does."""
    FORMAT.checked("export", "format", format)
    opset = OPSET.checked("export", "opset", opset)
    may_write("export", filepath, FLAG.checked("export", "overwrite", overwrite))
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("export writes files of ONNX: pip install 'gradloom[onnx]'") from error
    write(filepath, [onnx_model(model, opset)])


def onnx_model(model: Model, opset: int) -> bytes:
    """The bytes of the file.

    Raises:
        ArgumentError: the model is not built, or a layer has no form in ONNX, which it names.
    """
    if not model.built:
        raise ArgumentError(
            "export: this model is not built, so the shapes of its inputs are not known; begin with "
            "nn.Input(shape), or call it on some input"
        )
    modules = dict(model.named_modules())
    for module in modules.values():
        if isinstance(module, HostLayer):
            raise ArgumentError(
                f"export: {_title(module)} takes texts or tables, on the host, and no node of ONNX does the "
                "same; export a model of the layers behind it, and give that the numbers which it makes"
            )
    shapes = _shapes(model)
    inputs = _input_names(model, shapes)
    names = FileNames(model.name or type(model).__name__, inputs, _apart(_output_names(model), inputs))
    with no_grad(), model.drawing():
        generator = random.default_generator()
        state = dict(model.named_tensors()) | {
            "random.key": generator.key,
            "random.counter": generator.counter,
        }
        forward = Predictor(model).forward
        with _explained(model, modules):
            return onnx_bytes(
                forward, lambda n: _example(model, shapes, n), state, names, opset, _only(model)
            )


@contextmanager
def _explained(model: Model, modules: Mapping[str, Module]) -> Iterator[None]:
    """Errors inside name the layer that they come from."""
    where: list[Module] = []

    def watch(module: Module, inputs: Any, compute: Any) -> Any:
        try:
            return compute(inputs)
        except Exception:
            where.append(module)  # the innermost comes first
            raise

    try:
        with watched_calls(watch):
            yield
    except ExportError as error:
        path, _, _ = error.scope.rpartition(" ")
        raise ArgumentError(f"export: {_title(modules.get(path, model))}: {error}") from error
    except TraceError as error:
        raise ArgumentError(f"export: {_title((*where, model)[0])} cannot be traced: {error}") from error


def _title(module: Module) -> str:
    """The class of a layer and what the model calls it."""
    return f"{type(module).__name__} {module.name!r}"


def _shapes(model: Model) -> Any:
    """The shapes of the inputs, with anything for the number of rows: one, or a structure of them."""
    if model.graph is not None:
        return [symbol.shape for symbol in model.graph.sources]
    if model.seen_shape is not None:
        return model.seen_shape
    if model.sample_shape is None:
        raise ArgumentError("export: the shape of the input is not known; call the model on some input")
    return (None, *model.sample_shape)


def _only(model: Model) -> int | None:
    """The number of rows, where the model takes no other."""
    sources = [] if model.graph is None else model.graph.sources
    return next((symbol.shape[0] for symbol in sources if symbol.shape[0] is not None), None)


def _example(model: Model, shapes: Any, rows: int) -> Any:
    """Inputs with so many rows, as `predict` hands them to the model."""
    if model.graph is not None:
        sources = model.graph.sources
        given = [ag.zeros((rows, *symbol.shape[1:]), symbol.dtype) for symbol in sources]
        return given[0] if model.graph.single else given
    if is_shape(shapes):
        return ag.zeros((rows, *shapes[1:]), model.dtype_of_x)
    if isinstance(shapes, Mapping):
        return {key: _example(model, shape, rows) for key, shape in shapes.items()}
    return type(shapes)([_example(model, shape, rows) for shape in shapes])


def _input_names(model: Model, shapes: Any) -> list[str]:
    if model.graph is not None:
        return model.graph.input_names()
    return ["input"] if is_shape(shapes) else _names_in(shapes, "input")


def _output_names(model: Model) -> list[str]:
    """Those by which losses know the outputs."""
    shape = model.output_shape
    if model.graph is not None:
        return model.graph.output_names()
    if shape is None or is_shape(shape):
        return only_output(model) or ["output"]
    return _names_in(shape, "output")


def _apart(names: list[str], taken: list[str]) -> list[str]:
    """The names, with a word behind those that are taken: a file knows a name once."""
    found: list[str] = []
    for name in names:
        while name in (*taken, *found):
            name = f"{name}_output"
        found.append(name)
    return found


def _names_in(shapes: Any, word: str) -> list[str]:
    """The keys of a dict, else numbers."""
    parts = parts_of(shapes)
    if isinstance(shapes, Mapping) and all(is_shape(part) for _, part in parts):
        return [str(key) for key, _ in parts]
    return [f"{word}_{i}" for i in range(len(flatten(_leaves(shapes))))]


def _leaves(shapes: Any) -> Any:
    """A structure of shapes with 0 in the place of each."""
    return 0 if is_shape(shapes) else [_leaves(part) for _, part in parts_of(shapes)]
