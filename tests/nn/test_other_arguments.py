"""Every argument of a public class that is no number: what makes no sense is refused at once, by an error that names it.

The generator reads the signatures, so an argument that is added tomorrow is tried, too. Which of the odd values are
meaningful stands in the tables.
"""

from __future__ import annotations

import inspect
import re
from functools import partial

import numpy as np
import pytest
from models import everything, rows
from test_number_arguments import ALSO, GIVEN, PLACES

import autograd as ag
import nn

X, Y = rows()
ODD = {
    "None": None,
    "3": 3,
    "-1": -1,
    "NaN": float("nan"),
    "object": object(),
    "nonsense": "nonsense",
    "empty list": [],
    "list": [1],
    "dict": {},
    "array": np.zeros(3),
    "class": nn.Dense,
    "arity": lambda a, b, c, d, e, f: None,
    "bytes": b"x",
    "huge": 10**30,
}
OTHERS = GIVEN | {
    "layers": [],
    "loss": nn.MeanSquaredError(),
    "function": lambda y, p=None: y,
    "data": [1.0],
}
TAKEN = {
    "RandomBrightness.factor": "list",  # two ends of a range
    "RandomRotation.factor": "list",
    "Dot.axes": "3|-1",
    "Constant.value": "3|-1|empty list|list|array|huge",
    "name": "nonsense",
    "Loss.name": "None",
    "monitor": "nonsense",
    "filepath": "nonsense",
    "backup_dir": "nonsense",
    "filename": "nonsense",
    "log_dir": "nonsense",
    "save_freq": "3",
    "update_freq": "3",
    "class_aggregation": "None",
    "reduction": "None",
    "Activation.activation": "None",
    "MLP.activation": "None",
    "pool_size": "3",
    "strides": "3",
    "kernel_size": "3",
    "dilation_rate": "3",
    **{
        f"{kind}.{name}": "3|list"
        for kind in ("Conv1D", "Conv1DTranspose", "DepthwiseConv1D", "SeparableConv1D", "_Pooling1D")
        for name in ("pool_size", "strides", "kernel_size", "dilation_rate")
    },
    "cropping": "3",
    "ZeroPadding1D.padding": "3",
    "ZeroPadding2D.padding": "3",
    "UpSampling2D.size": "3",
    "noise_shape": "empty list|list",
    "dims": "empty list|list",
    "shared_axes": "3|list",
    "Rescaling.scale": "3|-1|list|array|huge",
    "Rescaling.offset": "3|-1|list|array|huge",
    "UnitNormalization.axis": "3|-1|list",
    "Lambda.output_shape": "3|empty list|list|arity",
    "Lambda.arguments": "dict",
    "MaxNorm.axis": "3|-1|list",
    "UnitNorm.axis": "3|-1|list",
    "LayerNormalization.axis": "3|-1|list",
    "MinMaxNorm.axis": "3|-1|list",
    "Dice.axis": "3|-1|list",
    "Tversky.axis": "3|-1|list",
    "PearsonCorrelation.axis": "3|-1|list",
    "ConcordanceCorrelation.axis": "3|-1|list",
    "CategoricalFocalCrossentropy.alpha": "3|list|huge",
    "target_class_ids": "list",
    "AUC.thresholds": "list|array",
    "label_weights": "list|array",
    "shape": "3|empty list|list",
    "input_shape": "3|empty list|list",
    "target_shape": "empty list|list",
    "height_factor": "list",
    "width_factor": "list",
    "learning_rate": "3|huge",
    "hidden": "empty list|list",
    "boundaries": "list",
    "thresholds": "list",
    "layers": "empty list",
    "Normalization.axis": "None|3|-1|list",
    "IntegerLookup.vocabulary": "list",
    "StringLookup.mask_token": "nonsense",
    "StringLookup.oov_token": "nonsense",
    "Hashing.mask_value": "3|-1|nonsense|huge",
    "salt": "3",
    "TableFeatures.numeric": "empty list",
    "TableFeatures.categorical": "empty list",
    "TableFeatures.drop": "empty list",
    "Buffer.data": "3|-1|NaN|empty list|list|array",
    "Parameter.data": "NaN|empty list|array",
}
"""Argument, or class (its bases count) and argument: the values that mean something."""
CALLED = {
    "data": "", "dtype": "dtype", "build": "build|unknown parameter", "inputs": "inputs|dtypes", "filepath": "path",
    "weighted_metrics": "metrics", "source": "a path or a file|no file|weights of 0 modules|names",
}  # fmt: skip
"""Other words than the argument's name: what is no array, and no dtype, is an error of the tensor; `tune` gives parameters to `build`."""
NUMBER = r"(int|float)( \| None)?"
"""Numbers are tried in test_number_arguments.py."""


def classes():
    """Each public class that is made by its user."""
    found = [kind for place in PLACES for kind in vars(place).values() if inspect.isclass(kind)]
    for kind in dict.fromkeys(found):
        if kind.__module__[:3] != "nn." or not kind.__name__[0].isupper():
            continue
        if issubclass(kind, (tuple, Exception)) or getattr(kind, "_is_protocol", False):
            continue
        if kind not in (nn.callbacks.CallbackList, nn.callbacks.RemoteMonitor):
            yield kind


def arguments():
    """(class, argument, the other arguments) of every argument of a constructor that is no number."""
    for kind in classes():
        parameters = inspect.signature(kind).parameters.values()
        named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        needed = [p.name for p in named if p.default is p.empty or p.name in ALSO.get(kind.__name__, ())]
        assert set(needed) <= set(OTHERS), (kind, needed)
        for parameter in named:
            if not re.fullmatch(NUMBER, str(parameter.annotation)):
                yield kind, parameter, {name: OTHERS[name] for name in needed}


def outcome(make, name):
    """What came of it, where that is neither an error that names the argument nor a thing that was made."""
    try:
        make()
    except ag.GradloomError as error:
        return "refused" if re.search(name, str(error)) else f"does not name it: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "taken"


def taken(kind, name):
    """The words for the odd values that this argument takes."""
    keys = [name, *(f"{base.__name__}.{name}" for base in kind.__mro__)]
    return {word for key in keys for word in TAKEN.get(key, "").split("|")}


def wrong():
    for kind, parameter, others in arguments():
        name = parameter.name
        for what, value in ODD.items():
            if value is None and parameter.default is None:
                continue
            found = outcome(
                lambda kind=kind, given=others | {name: value}: kind(**given),
                CALLED.get(name, rf"\b{name}\b"),
            )
            if found != ("taken" if what in taken(kind, name) else "refused"):
                yield f"{kind.__name__}({name}={what}): {found}"


def test_a_constructor_takes_what_means_something_and_names_the_rest():
    found = list(wrong())
    assert found == [], "\n".join(found)


LAMBDAS = [event for event in dir(nn.Callback) if event.startswith("on_")]


def test_functions_of_events():
    for event in LAMBDAS:
        for what, value in ODD.items():
            found = outcome(lambda given={event: value}: nn.LambdaCallback(**given), event)
            assert found == ("taken" if value is None else "refused"), (event, what)


def test_a_folder_is_no_file(tmp_path):
    file = tmp_path / "file"
    file.write_text("kept")
    for kind, name in ((nn.BackupAndRestore, "backup_dir"), (nn.TensorBoard, "log_dir")):
        for value in (file, str(file), "", "a\0b"):
            with pytest.raises(nn.ArgumentError, match=f"{kind.__name__}: {name}"):
                kind(value)
        assert getattr(kind(tmp_path), name) == str(tmp_path)
    assert file.read_text() == "kept"


@pytest.mark.parametrize("value", ["", "ab", "\n", "\r", '"'])
def test_what_separates_values_is_one_character(value):
    with pytest.raises(nn.ArgumentError, match="CSVLogger: separator is a single character"):
        nn.CSVLogger("a.csv", separator=value)
    for fine in (";", "\t", " "):
        assert nn.CSVLogger("a.csv", separator=fine).separator == fine


def test_flags_are_pythons_or_numpys():
    for value in (True, np.bool_(True), np.array(True), ag.tensor(True), 1, np.int64(1)):
        optimizer = nn.Adam(amsgrad=value)
        assert optimizer.amsgrad is True
        optimizer.amsgrad = False
        with pytest.raises(nn.ArgumentError, match="Adam: amsgrad is True or False, got 2"):
            optimizer.amsgrad = 2
        assert optimizer.amsgrad is False


def test_a_class_stands_for_what_it_makes():
    layer = nn.Dense(2, None, True, nn.HeNormal, nn.L2, nn.NonNeg, input_shape=(3,))
    assert isinstance(layer.kernel_regularizer, nn.L2)
    assert isinstance(layer.kernel_constraint, nn.NonNeg)
    assert nn.Sequential([layer]).built


SPACE = {"units": [2]}
METHODS = {
    nn.Model.compile: dict(optimizer="sgd", loss="mse"),
    nn.Model.fit: dict(x=X, y=Y, verbose=0),
    nn.Model.evaluate: dict(x=X, y=Y, verbose=0),
    nn.Model.train_on_batch: dict(x=X, y=Y),
    nn.Model.summary: dict(print_fn=lambda text: None),
    nn.Model.plot: {},
    nn.Model.load_weights: dict(filepath="saved"),
    nn.load: dict(path="saved"),
    nn.learning_rate_range_test: dict(x=X, y=Y, steps=12),
    nn.capture_train_step: dict(x=X, y=Y),
    nn.tune: dict(build=None, x=X, y=Y, space=SPACE, trials=1, epochs=1, verbose=0),
    nn.from_torch: {},
    nn.to_torch: {},
    nn.add_layers_until: dict(build=None, x=X, y=Y, max_layers=1, epochs=1, units=2, verbose=0),
    nn.plots.learning_curves: dict(history={"loss": [1.0]}),
    nn.plots.confusion_matrix: dict(y_true=[0, 1], y_pred=[0, 1]),
    nn.plots.network: {},
    nn.plots.activation_histograms: dict(x=X),
    nn.plots.gradient_histograms: dict(x=X, y=Y),
    nn.plots.decision_boundary: dict(
        x=X[:, :2],
        y=Y,
        resolution=2,
        model=nn.Sequential([nn.Dense(1, "sigmoid", input_shape=(2,))]),
    ),
}
NUMBERS_ALONE = {nn.Input, nn.set_random_seed, nn.plots.learning_rate_range_test}
"""And what is made of the result of another."""
MEANT = {
    "loss": "None",
    "metrics": "None|empty list",
    "weighted_metrics": "None|empty list",
    "loss_weights": "3|-1|list|huge",  # of the only output
    "run_eagerly": "None",
    "callbacks": "None|empty list",
    "batch_size": "3|None",
    "steps_per_epoch": "3",
    "validation_freq": "3|list",
    "validation_batch_size": "3",
    "custom_objects": "dict",
    "pruner": "None",
    "tune.name": "nonsense",
    "tune.cv": "3",
    **dict.fromkeys(["flattened", "reshaped"], "dict|None"),
    "title": "nonsense",
}
CHECKED_ELSEWHERE = {
    "self",
    "x",
    "y",
    "sample_weight",
    "class_weight",
    "validation_data",
    "verbose",
}
"""Data (test_bad_input.py, test_kinds_of_data.py) and `verbose` (test_number_arguments.py)."""


def public_functions():
    """Those of nn and of its pictures."""
    for place in (nn, nn.plots):
        for name in dir(place):
            value = getattr(place, name)
            if inspect.isfunction(value) and value.__module__[:3] == "nn." and name[0] != "_":
                yield value


def test_no_public_function_is_left_out():
    assert set(public_functions()) <= set(METHODS) | NUMBERS_ALONE


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_a_method_refuses_what_means_nothing(method, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained.save("saved")
    others, found = METHODS[method], []
    parameters = inspect.signature(method).parameters
    if {"model"} & set(parameters):
        others = {"model": trained} | others
    if "self" in parameters:
        others = {"self": trained} | others
    if "source" in parameters:
        others = {"source": nn.to_torch(trained)} | others
    for parameter in parameters.values():
        name = parameter.name
        if name in CHECKED_ELSEWHERE or re.fullmatch(NUMBER, str(parameter.annotation)):
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        meant = MEANT.get(name, "") + "|" + MEANT.get(f"{method.__name__}.{name}", "")
        for what, value in ODD.items():
            if value is None and parameter.default is None:
                continue
            before = everything(trained)
            words = CALLED.get(name, rf"\b{name}\b")
            came = outcome(partial(method, **(others | {name: value})), words)
            assert came == "taken" or everything(trained) == before, (name, what)
            if (
                name in ("path", "filepath", "source") and what == "nonsense"
            ):  # no such file, or one of another kind
                continue
            if came != ("taken" if what in meant.split("|") else "refused"):
                found.append(f"{name}={what}: {came}")
    assert found == [], "\n".join(found)
