"""Models for each layer and each activation, which are exported and run by ONNX Runtime; the page docs/onnx.md is made of them, too."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import autograd as ag
import nn

BATCHES = (1, 3, 7)
_random = np.random.default_rng(5)
IMAGES = _random.standard_normal((7, 6, 5, 4)).astype(np.float32)
SEQUENCES = _random.standard_normal((7, 8, 4)).astype(np.float32)
ROWS = _random.standard_normal((7, 6)).astype(np.float32)
OTHERS = _random.standard_normal((7, 6)).astype(np.float32)
WORDS = _random.integers(0, 7, (7, 3))
TEXTS = np.array([["red"], ["blue"], ["red"]])


class Row(NamedTuple):
    """A model in the table: the layers or the whole of it, and what it is given. `refused` is a part of the error
    for one that has no form in ONNX."""

    x: Any
    make: Callable[[], Any]
    refused: str = ""


def two(layer: Callable[[], Any], *others: Any) -> Row:
    """A model of two inputs, which `layer` merges."""
    given = others or (ROWS, OTHERS)

    def make() -> Any:
        inputs = [nn.Input(x.shape[1:]) for x in given]
        return nn.Model(inputs, layer()([nn.Dense(5)(each) if each.ndim == 2 else each for each in inputs]))

    return Row(list(given), make)


class Scaled(nn.Layer):
    """A layer of one's own in Keras's form."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), name="scale", initializer="ones")

    def call(self, x):
        centred = x - x.mean(axis=-1, keepdims=True)
        return ag.where(centred > 0, centred * self.scale, ag.tanh(x))


class Recurrent(nn.Layer):
    """A loop over the steps of a sequence."""

    def build(self, input_shape):
        self.memory = self.add_weight(shape=(input_shape[-1], input_shape[-1]), name="memory")

    def call(self, x):
        state = ag.zeros((x.shape[0], x.shape[2]))
        for step in range(x.shape[1]):
            state = ag.tanh(x[:, step] + state @ self.memory)
        return state


class Attention(nn.Layer):
    """Each step of a sequence as a mean of all, by how near they are."""

    def call(self, x):
        weights = ag.softmax(ag.einsum("bij,bkj->bik", x, x) / x.shape[-1] ** 0.5, axis=-1)
        return ag.einsum("bik,bkj->bij", weights, x)


def _normal(axis: Any = -1) -> Any:
    layer = nn.Normalization(axis)
    layer.adapt(ROWS * 3 + 1)
    return layer


HOST = "on the host"
LAYERS: dict[str, list[Row]] = {
    "Activation": [Row(ROWS, lambda: [nn.Activation("tanh")]), Row(ROWS, lambda: [nn.Activation(ag.sin)])],
    "ActivityRegularization": [Row(ROWS, lambda: [nn.Dense(3), nn.ActivityRegularization(0.1)])],
    "Add": [two(nn.Add), two(nn.Add, IMAGES, IMAGES[:, :1, :1] * 2)],
    "AlphaDropout": [Row(ROWS, lambda: [nn.AlphaDropout(0.4)])],
    "Average": [two(nn.Average)],
    "AveragePooling1D": [
        Row(SEQUENCES, lambda: [nn.AveragePooling1D(2)]),
        Row(SEQUENCES, lambda: [nn.AveragePooling1D(3, 2, "same", data_format="channels_first")]),
    ],
    "AveragePooling2D": [
        Row(IMAGES, lambda: [nn.AveragePooling2D(2)]),
        Row(IMAGES, lambda: [nn.AveragePooling2D((3, 2), (2, 1), "same")]),
        Row(IMAGES, lambda: [nn.AveragePooling2D(2, 1, data_format="channels_first")]),
    ],
    "BatchNormalization": [
        Row(ROWS, lambda: [nn.BatchNormalization()]),
        Row(IMAGES, lambda: [nn.Conv2D(3, 2, use_bias=False), nn.BatchNormalization(scale=False), nn.ReLU()]),
        Row(IMAGES, lambda: [nn.BatchNormalization(axis=1, center=False)]),
    ],
    "CategoryEncoding": [
        Row(WORDS, lambda: [nn.CategoryEncoding(7)]),
        Row(WORDS, lambda: [nn.CategoryEncoding(7, "count")]),
        Row(WORDS[:, :1], lambda: [nn.CategoryEncoding(7, "one_hot")]),
    ],
    "CenterCrop": [Row(IMAGES, lambda: [nn.layers.CenterCrop(3, 2)])],
    "Concatenate": [two(nn.Concatenate), two(lambda: nn.Concatenate(1), IMAGES, IMAGES[:, :2])],
    "Conv1D": [
        Row(SEQUENCES, lambda: [nn.Conv1D(3, 3, 2, activation="relu")]),
        Row(SEQUENCES, lambda: [nn.Conv1D(4, 3, padding="causal", dilation_rate=2, groups=2)]),
        Row(SEQUENCES, lambda: [nn.Conv1D(3, 2, padding="same", data_format="channels_first")]),
    ],
    "Conv1DTranspose": [
        Row(SEQUENCES, lambda: [nn.Conv1DTranspose(3, 3, 2, "same")]),
        Row(SEQUENCES, lambda: [nn.Conv1DTranspose(2, 2, 3, output_padding=1, data_format="channels_first")]),
    ],
    "Conv2D": [
        Row(IMAGES, lambda: [nn.Conv2D(3, 3, activation="relu")]),
        Row(IMAGES, lambda: [nn.Conv2D(4, (3, 2), (2, 1), "same", groups=2, use_bias=False)]),
        Row(IMAGES, lambda: [nn.Conv2D(2, 2, dilation_rate=2, data_format="channels_first")]),
    ],
    "Conv2DTranspose": [
        Row(IMAGES, lambda: [nn.Conv2DTranspose(2, 3, 2, "same")]),
        Row(IMAGES, lambda: [nn.Conv2DTranspose(3, 2, dilation_rate=2, data_format="channels_first")]),
        Row(IMAGES, lambda: [nn.Conv2DTranspose(2, 2, 3, activation="relu", use_bias=False)]),
    ],
    "Cropping1D": [Row(SEQUENCES, lambda: [nn.Cropping1D((1, 2))])],
    "Cropping2D": [Row(IMAGES, lambda: [nn.Cropping2D(((1, 0), (0, 2)))])],
    "Dense": [
        Row(ROWS, lambda: [nn.Dense(4, "relu"), nn.Dense(2, use_bias=False)]),
        Row(IMAGES, lambda: [nn.Dense(3, "sigmoid")]),
    ],
    "DepthwiseConv1D": [Row(SEQUENCES, lambda: [nn.DepthwiseConv1D(3, 2, "same", depth_multiplier=2)])],
    "DepthwiseConv2D": [
        Row(IMAGES, lambda: [nn.DepthwiseConv2D(3, depth_multiplier=2, activation="tanh")]),
        Row(IMAGES, lambda: [nn.DepthwiseConv2D(2, padding="same", data_format="channels_first")]),
    ],
    "Discretization": [
        Row(ROWS, lambda: [nn.Discretization([-0.5, 0.0, 0.5])]),
        Row(ROWS, lambda: [nn.Discretization([-0.5, 0.5], output_mode="multi_hot")]),
    ],
    "Dot": [
        two(lambda: nn.Dot(1)),
        two(lambda: nn.Dot(-1, normalize=True)),
        two(lambda: nn.Dot((2, 2)), SEQUENCES, SEQUENCES[:, ::2] * 2),
    ],
    "Dropout": [Row(ROWS, lambda: [nn.Dropout(0.4), nn.Dense(2)])],
    "ELU": [Row(ROWS, lambda: [nn.ELU(0.7)])],
    "Embedding": [
        Row(WORDS, lambda: [nn.Embedding(7, 4)]),
        Row(WORDS, lambda: nn.Model(*_chain(nn.Input((3,), dtype="int64"), nn.Embedding(7, 4), nn.Flatten()))),
    ],
    "Flatten": [
        Row(IMAGES, lambda: [nn.Flatten()]),
        Row(IMAGES, lambda: [nn.Flatten("channels_first"), nn.Dense(2)]),
    ],
    "GaussianDropout": [Row(ROWS, lambda: [nn.GaussianDropout(0.4)])],
    "GaussianNoise": [Row(ROWS, lambda: [nn.GaussianNoise(0.3)])],
    "GlobalAveragePooling1D": [Row(SEQUENCES, lambda: [nn.GlobalAveragePooling1D()])],
    "GlobalAveragePooling2D": [Row(IMAGES, lambda: [nn.GlobalAveragePooling2D(keepdims=True)])],
    "GlobalMaxPooling1D": [Row(SEQUENCES, lambda: [nn.GlobalMaxPooling1D("channels_first")])],
    "GlobalMaxPooling2D": [Row(IMAGES, lambda: [nn.GlobalMaxPooling2D()])],
    "GroupNormalization": [
        Row(IMAGES, lambda: [nn.GroupNormalization(2)]),
        Row(IMAGES, lambda: [nn.GroupNormalization(-1, axis=1, scale=False)]),
    ],
    "Hashing": [Row(TEXTS, lambda: [nn.Hashing(3, input_shape=(1,)), nn.Dense(2)], HOST)],
    "Identity": [Row(ROWS, lambda: [nn.layers.Identity()])],
    "IntegerLookup": [
        Row(WORDS, lambda: [nn.IntegerLookup(vocabulary=[3, 2, 6])]),
        Row(WORDS, lambda: [nn.IntegerLookup(vocabulary=[3, 2], mask_token=1, output_mode="count")]),
        Row(WORDS, lambda: [nn.IntegerLookup(vocabulary=[3, 2], num_oov_indices=2), nn.Embedding(4, 2)]),
        Row(WORDS, lambda: [nn.IntegerLookup(vocabulary=[3, 2, 6], invert=True)]),
        Row(
            WORDS,
            lambda: [
                nn.IntegerLookup(vocabulary=[3, 2], idf_weights=[0.5, 2.0], num_oov_indices=2, output_mode="tf_idf")
            ],
        ),
    ],
    "Lambda": [Row(ROWS, lambda: [nn.Lambda(lambda x, by: ag.exp(-x * x) * by, arguments={"by": 3.0})])],
    "LayerNormalization": [
        Row(ROWS, lambda: [nn.LayerNormalization()]),
        Row(IMAGES, lambda: [nn.LayerNormalization((1, 2), center=False)]),
    ],
    "LeakyReLU": [Row(ROWS, lambda: [nn.LeakyReLU(0.3)])],
    "MaxPooling1D": [Row(SEQUENCES, lambda: [nn.MaxPooling1D(3, 2, "same")])],
    "MaxPooling2D": [
        Row(IMAGES, lambda: [nn.MaxPooling2D(2)]),
        Row(IMAGES, lambda: [nn.MaxPooling2D((3, 2), (2, 1), "same", data_format="channels_first")]),
    ],
    "Maximum": [two(nn.Maximum)],
    "Maxout": [Row(ROWS, lambda: [nn.Maxout(3, pieces=3)])],
    "Minimum": [two(nn.Minimum)],
    "Multiply": [two(nn.Multiply)],
    "Normalization": [
        Row(ROWS, lambda: [_normal()]),
        Row(ROWS, lambda: [nn.Normalization(None, 0.5, 4.0, True)]),
        Row(WORDS, lambda: [nn.Normalization(None, 2.0, 3.0)]),
    ],
    "PReLU": [Row(IMAGES, lambda: [nn.PReLU("uniform", shared_axes=(1, 2))])],
    "Permute": [Row(IMAGES, lambda: [nn.Permute((3, 1, 2))])],
    "RandomBrightness": [Row(IMAGES, lambda: [nn.RandomBrightness(0.2, (-9, 9))])],
    "RandomContrast": [Row(IMAGES, lambda: [nn.RandomContrast(0.2, (-9, 9))])],
    "RandomFlip": [Row(IMAGES, lambda: [nn.RandomFlip(seed=1)])],
    "RandomRotation": [Row(IMAGES, lambda: [nn.RandomRotation(0.2)])],
    "RandomShift": [Row(IMAGES, lambda: [nn.RandomShift(0.2, 0.2)])],
    "RandomZoom": [Row(IMAGES, lambda: [nn.RandomZoom(0.2)])],
    "ReLU": [Row(ROWS, lambda: [nn.ReLU()]), Row(ROWS, lambda: [nn.ReLU(1.0, 0.1, 0.05)])],
    "RepeatVector": [Row(ROWS, lambda: [nn.RepeatVector(3)])],
    "Rescaling": [
        Row(IMAGES, lambda: [nn.Rescaling(0.5, -1)]),
        Row(IMAGES, lambda: [nn.Rescaling([2.0, 0.5, 1.0, 3.0], [1.0, 0.0, 0.0, -1.0])]),
    ],
    "Reshape": [Row(ROWS, lambda: [nn.Reshape((2, -1)), nn.Dense(2)])],
    "Resizing": [
        Row(IMAGES, lambda: [nn.Resizing(9, 3)]),
        Row(IMAGES, lambda: [nn.Resizing(4, 7, "nearest", "channels_first")]),
    ],
    "SeparableConv1D": [Row(SEQUENCES, lambda: [nn.SeparableConv1D(3, 2, padding="same")])],
    "SeparableConv2D": [
        Row(IMAGES, lambda: [nn.SeparableConv2D(3, 3, depth_multiplier=2)]),
        Row(IMAGES, lambda: [nn.SeparableConv2D(3, 2, data_format="channels_first")]),
    ],
    "Softmax": [Row(ROWS, lambda: [nn.Softmax()]), Row(IMAGES, lambda: [nn.Softmax(1)])],
    "SpatialDropout1D": [Row(SEQUENCES, lambda: [nn.SpatialDropout1D(0.4)])],
    "SpatialDropout2D": [Row(IMAGES, lambda: [nn.SpatialDropout2D(0.4)])],
    "StringLookup": [
        Row(TEXTS, lambda: [nn.StringLookup(vocabulary=["red"], output_mode="multi_hot", input_shape=(2,)), nn.Dense(2)], HOST)
    ],
    "Subtract": [two(nn.Subtract)],
    "TableFeatures": [Row(TEXTS, lambda: [nn.TableFeatures({"age": [20.0, 40.0]}), nn.Dense(2)], HOST)],
    "UnitNormalization": [Row(ROWS, lambda: [nn.UnitNormalization()])],
    "UpSampling1D": [Row(SEQUENCES, lambda: [nn.UpSampling1D(3)])],
    "UpSampling2D": [
        Row(IMAGES, lambda: [nn.UpSampling2D((2, 3))]),
        Row(IMAGES, lambda: [nn.UpSampling2D(2, interpolation="bilinear", data_format="channels_first")]),
    ],
    "ZeroPadding1D": [Row(SEQUENCES, lambda: [nn.ZeroPadding1D((2, 1))])],
    "ZeroPadding2D": [Row(IMAGES, lambda: [nn.ZeroPadding2D(((1, 0), (2, 2)))])],
}  # fmt: skip
MADE_BY_USERS = {
    "a layer of one's own": Row(ROWS, lambda: [Scaled(), nn.Dense(2)]),
    "a loop over steps": Row(SEQUENCES, lambda: [Recurrent()]),
    "attention": Row(SEQUENCES, lambda: [Attention(), nn.Dense(2)]),
    "a layer in float64": Row(ROWS, lambda: [nn.Dense(4), nn.Dense(3, "tanh", dtype="float64"), nn.Dense(2)]),
    "a mean over the rows": Row(ROWS, lambda: [nn.Lambda(lambda x: x - x.mean(axis=0, keepdims=True))]),
    "distances between all rows": Row(
        ROWS, lambda: [nn.Lambda(lambda x: ((x.expand_dims(0) - x.expand_dims(1)) ** 2.0).sum(axis=(0, 2)))]
    ),
    "the order of the rows": Row(
        ROWS, lambda: [nn.Lambda(lambda x: ag.take(x, ag.argsort(x[:, 0]), axis=0))]
    ),
    "sums over the rows so far": Row(ROWS, lambda: [nn.Lambda(lambda x: ag.cumsum(x, axis=0))]),
}


def _chain(x: Any, *layers: Any) -> tuple[Any, Any]:
    y = x
    for layer in layers:
        y = layer(y)
    return x, y


def activations() -> dict[str, Row]:
    """One for each activation that `nn` exports, of values on both sides of its bends; `threshold` with its numbers."""
    rows: dict[str, Row] = {}
    for name, function in nn.activations.ACTIVATIONS.items():
        rows[name] = Row(ROWS * 3, lambda function=function: [nn.Activation(function)])
    rows["threshold"] = Row(ROWS, lambda: [nn.Lambda(lambda x: nn.activations.threshold(x, 0.5, -1.0))])
    return rows


def layer_classes() -> dict[str, type[Any]]:
    """The layers that `nn.layers` exports, each by its own name; the base and what only begins a graph left out."""
    found = {
        thing.__name__: thing for thing in map(vars(nn.layers).get, nn.layers.__all__) if _is_layer(thing)
    }
    return {name: kind for name, kind in found.items() if kind not in (nn.Layer, nn.InputLayer)}


def _is_layer(thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, nn.Layer)


def model_of(row: Row, seed: int = 3) -> Any:
    """The model of a row; its weights are all other than at the start, and positive, since some are variances."""
    nn.set_random_seed(seed)
    made = row.make()
    if isinstance(made, list):
        made = nn.Sequential([*([] if row.refused else [nn.Input(row.x.shape[1:])]), *made])
    drawn = np.random.default_rng(seed)
    known = {n: w for n, w in made.state_dict().items() if np.asarray(w).dtype.kind == "f"}
    spread = {
        n: drawn.uniform(0.1, 1.0, w.shape) * drawn.choice([1, 1, -1], w.shape) for n, w in known.items()
    }
    fixed = {n: abs(w) if n.endswith("variance") else w for n, w in spread.items()}
    made.load_state_dict(made.state_dict() | {n: w.astype(known[n].dtype) for n, w in fixed.items()})
    return made


def exported(model: Any, **settings: Any) -> bytes:
    """The bytes of its file."""
    file = io.BytesIO()
    model.export(file, **settings)
    return file.getvalue()


def run(data: bytes, x: Any) -> list[np.ndarray]:
    """What ONNX Runtime makes of x, one array or a list of them in the order of the inputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, _feeds(data, x))


def run_by_reference(data: bytes, x: Any) -> list[np.ndarray]:
    """What the evaluator makes of it that belongs to ONNX itself, node by node in NumPy."""
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(data).run(None, _feeds(data, x))


def _feeds(data: bytes, x: Any) -> dict[str, np.ndarray]:
    """The parts of x by the names of the inputs, in their dtypes."""
    import onnx

    ports = onnx.load_model_from_string(data).graph.input
    given = x if isinstance(x, list) else [x]
    dtype_of = onnx.helper.tensor_dtype_to_np_dtype
    return {
        port.name: np.asarray(part).astype(dtype_of(port.type.tensor_type.elem_type))
        for port, part in zip(ports, given, strict=True)
    }


def differences(
    model: Any, x: Any, batches: tuple[int, ...] = BATCHES, run: Any = run, **settings: Any
) -> Iterator[float]:
    """The largest difference from `predict` for each number of rows, over the largest number where that is above 1."""
    data = exported(model, **settings)
    for count in batches:
        part = [each[:count] for each in x] if isinstance(x, list) else x[:count]
        expected, found = model.predict(part), run(data, part)
        expected = list(expected) if isinstance(expected, list) else [expected]
        for ours, theirs in zip(expected, found, strict=True):
            assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
            assert ours.dtype == theirs.dtype, (ours.dtype, theirs.dtype)
            apart = np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max()
            yield float(apart / max(1.0, float(np.abs(ours).max())))
