"""compile(mixed_precision=...) in files, in what is refused, and in what is said."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from precisions import X, Y, network, numbers, parts

import nn
from nn.precision import LossScale

pytestmark = pytest.mark.once


@pytest.fixture
def warned(caplog):
    caplog.set_level(logging.WARNING, "gradloom")
    return lambda: [r.getMessage() for r in caplog.records if r.name == "gradloom"]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_run_that_was_saved_goes_on_bit_for_bit(tmp_path, epoch):
    model = network("float16")
    model.loss_scale = LossScale(2.0**22, dynamic_growth_steps=4)
    keep = nn.ModelCheckpoint(str(tmp_path / "after-{epoch}.safetensors"))
    model.fit(X, Y, epochs=5, callbacks=keep, verbose=0)
    path = str(tmp_path / f"after-{epoch}.safetensors")
    again = nn.load(path)
    assert again.mixed_precision == "float16"
    assert again.loss_scale.dynamic_growth_steps == 4
    assert again.loss_scale.initial_scale == 2.0**22
    again.fit(X, Y, epochs=5, initial_epoch=epoch, verbose=0)
    assert parts(again) == parts(model)
    other = network("float16")
    other.loss_scale = LossScale(1.0, dynamic_growth_steps=4)
    other.resume_from(path)
    other.fit(X, Y, epochs=5, verbose=0)
    assert parts(other) == parts(model)


@pytest.mark.parametrize("name", ["tf32", "bfloat16", None])
def test_a_saved_model_keeps_its_precision(tmp_path, name):
    path = str(tmp_path / "model.safetensors")
    model = network(name)
    model.save(path)
    again = nn.load(path)
    assert (again.mixed_precision, again.loss_scale) == (name, None)
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_model_of_another_precision_does_not_go_on(tmp_path):
    path = str(tmp_path / "model.safetensors")
    network("float16").save(path)
    for name in (None, "bfloat16"):
        with pytest.raises(nn.FileError, match="is of another mixed_precision"):
            network(name).resume_from(path)
    model = network("float16")
    model.loss_scale = None
    with pytest.raises(nn.FileError, match=r"the state of the loss scale .*unexpected: good_steps, scale"):
        model.resume_from(path)


def test_a_file_without_scaling_is_loaded_without(tmp_path):
    path = str(tmp_path / "model.safetensors")
    model = network("float16")
    model.loss_scale = None
    model.save(path)
    again = nn.load(path)
    assert (again.mixed_precision, again.loss_scale) == ("float16", None)


def test_a_file_with_something_else_for_a_scale_is_refused(tmp_path):
    path = str(tmp_path / "model.safetensors")
    model = network("float16")
    model.loss_scale = nn.SGD(0.1)
    model.save(path)
    with pytest.raises(nn.FileError, match="the loss scale is a SGD"):
        nn.load(path)


# what is refused, and what is said
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"mixed_precision": "bfloat"}, "got 'bfloat'. Did you mean 'bfloat16'?"),
        ({"mixed_precision": "float32"}, "None is float32"),
        ({"mixed_precision": "tf32", "jit": False}, "needs compiled steps, and jit=False never compiles"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_changes_nothing(options, text):
    model = network("bfloat16")
    optimizer = model.optimizer
    with pytest.raises(nn.ArgumentError) as caught:
        model.compile("adam", "mae", **options)
    assert text in str(caught.value)
    assert (model.optimizer, model.mixed_precision, model.jit) == (optimizer, "bfloat16", "auto")


@pytest.mark.parametrize("name", ["mixed_float16", "mixed_bfloat16"])
def test_the_names_of_keras_are_understood(name):
    assert network(name).mixed_precision == name.removeprefix("mixed_")


def test_models_of_float64_have_no_mixed_precision():
    model = nn.Sequential([nn.Dense(1)], dtype="float64")
    with pytest.raises(nn.ArgumentError, match="this model is float64"):
        model.compile("sgd", "mse", mixed_precision="float16")


def test_jit_that_is_switched_off_afterwards_is_refused():
    model = network("bfloat16")
    model.jit = False
    for run in (lambda: model.fit(X, Y), lambda: model.evaluate(X, Y), lambda: model.predict(X)):
        with pytest.raises(nn.ArgumentError, match="jit=False never compiles"):
            run()


@pytest.mark.parametrize("arguments", [(0.0,), (-1.0,), ("8",), (float("nan"),), (float("inf"),), (8.0, 0), (8.0, 2.5)])  # fmt: skip
def test_scales_that_make_no_sense(arguments):
    with pytest.raises(nn.ArgumentError, match="LossScale: "):
        LossScale(*arguments)


class Branching(nn.Module):
    """Cannot be traced."""

    def call(self, x):
        return x * 1.0 if x.sum().item() > 1e9 else x


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_a_step_that_runs_eagerly_says_that_its_products_are_float32(name, warned):
    model = nn.Sequential([nn.Input((6,)), Branching(), nn.Dense(1)])
    model.compile(nn.SGD(0.01), "mse", mixed_precision=name)
    model.fit(X, Y, validation_data=(X, Y), verbose=0)
    model.predict(X, verbose=0)
    texts = warned()
    starts = [f"{step} runs eagerly, with products in float32 instead of {name}: " for step in ("train_step", "evaluate_step", "predict")]  # fmt: skip
    assert [text.startswith(start) for text, start in zip(texts, starts, strict=True)] == [True] * 3  # fmt: skip
    if name == "float16":
        assert numbers(model) == (2.0**15, 6)


def test_the_summary_says_so():
    lines = []
    network("bfloat16").summary(print_fn=lines.append)
    assert lines[0].splitlines()[-1] == "Mixed precision: products in bfloat16"
    lines.clear()
    network().summary(print_fn=lines.append)
    assert "precision" not in lines[0]


def test_a_search_that_compiles_anew_keeps_it():
    found = nn.tune(
        lambda: network("bfloat16"), X, Y, space={"optimizer": ["sgd", "adam"]}, trials=1, epochs=1, seed=0, verbose=0
    )  # fmt: skip
    assert found.best_model.mixed_precision == "bfloat16"
